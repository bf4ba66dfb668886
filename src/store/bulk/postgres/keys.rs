//! Which of a batch's keys a table holds. Most files come in the order of their keys, and then one walk along the index costs a
//! third of a lookup for each key, and next to nothing where all are new. Where many other records lie in between, the keys
//! are looked up one by one.

use std::cmp::Ordering;

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use worker::batch::Key;

use super::pool::Session;
use super::trouble::Trouble;
use crate::store::bulk::classify::{Hit, Hits};
use crate::store::bulk::columns::{Table, list, read_hash};

/// Fewer keys are not worth a walk.
const WORTH_A_WALK: usize = 256;
/// So many keys are walked first, to see whether the others lie as close together.
const SAMPLE: usize = 64;
/// A walk is given up once it has met so many times as many records as there are keys.
const CLOSE: usize = 2;

/// Keys with their places in the batch, sorted.
type Sought<'k> = [(usize, &'k Key)];

/// Notes every key that the table holds.
pub(super) async fn probe_table(
    session: &mut Session<'_>,
    table: &Table,
    keys: &Sought<'_>,
    written: bool,
    hits: &mut Hits,
) -> Result<(), Trouble> {
    for run in keys.chunk_by(|(_, one), (_, other)| Walk::of(table, one).group == Walk::of(table, other).group) {
        let mut rest = run;
        if let Some((sample, others)) = run.split_at_checked(SAMPLE).filter(|_| run.len() >= WORTH_A_WALK) {
            let left = walk(session, table, sample, written, hits).await?;
            rest = match left.len() {
                0 => walk(session, table, others, written, hits).await?,
                left => run.get(SAMPLE - left..).unwrap_or(run),
            };
        }
        look_up(session, table, rest, written, hits).await?;
    }
    Ok(())
}

/// Where in the index a key lies: what follows the organization, as far as a walk is bounded by it.
struct Walk<'k> {
    /// The first of several columns, the same for all keys of a walk. (PostgreSQL 15 does not end a scan at the upper one of two
    /// rows that are compared whole.)
    group: Option<&'k str>,
    /// The column that bounds it.
    at: &'k str,
}

impl<'k> Walk<'k> {
    fn of(table: &Table, key: &'k Key) -> Self {
        let mut cells = table.key_cells(key);
        match (cells.next(), cells.next()) {
            (group, Some(at)) => Self { group, at },
            (at, None) => Self {
                group: None,
                at: at.unwrap_or_default(),
            },
        }
    }
}

/// Reads the index from the first key to the last; gives the keys that it did not come to.
async fn walk<'s, 'k>(
    session: &mut Session<'_>,
    table: &Table,
    keys: &'s Sought<'k>,
    written: bool,
    hits: &mut Hits,
) -> Result<&'s Sought<'k>, Trouble> {
    let (Some((_, first)), Some((_, last))) = (keys.first(), keys.last()) else {
        return Ok(keys);
    };
    let (first, last) = (Walk::of(table, first), Walk::of(table, last));
    let most = keys.len() * CLOSE;
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![&table.owner, &limit, &first.at, &last.at];
    params.extend(first.group.iter().map(|group| -> &(dyn ToSql + Sync) { group }));
    let rows = session.query(&walk_sql(table), &params).await?;
    let columns = table.key_columns().count();
    let mut ahead = keys;
    for row in &rows {
        while let Some(((slot, key), rest)) = ahead.split_first() {
            let order = compare(table, key, row)?;
            if order == Ordering::Greater {
                break;
            }
            if order == Ordering::Equal {
                hits.set(*slot, hit(row, columns, written)?);
            }
            ahead = rest;
        }
    }
    Ok(if rows.len() < most { &[] } else { ahead })
}

/// Binds: the owner, how many rows at most, both ends of the bounding column, and the group. Keys compare byte by byte here and
/// there.
fn walk_sql(table: &Table) -> String {
    let columns: Vec<&str> = table.key_columns().collect();
    let (bound, group) = match columns.as_slice() {
        [group, bound, ..] => (*bound, format!("\"{group}\" = $5 and")),
        columns => (columns.first().copied().unwrap_or_default(), String::new()),
    };
    let Table { name, scope, .. } = table;
    let list = list(columns);
    format!(
        "select {list}, id, content_hash from {name}
         where {scope} = $1 and {group} \"{bound}\" between $3 and $4 order by {list} limit $2"
    )
}

fn compare(table: &Table, key: &Key, row: &Row) -> Result<Ordering, tokio_postgres::Error> {
    for (column, cell) in table.key_cells(key).enumerate() {
        let order = cell.cmp(row.try_get::<_, &str>(column)?);
        if order != Ordering::Equal {
            return Ok(order);
        }
    }
    Ok(Ordering::Equal)
}

fn hit(row: &Row, at: usize, written: bool) -> Result<Hit, tokio_postgres::Error> {
    Ok(Hit {
        id: row.try_get(at)?,
        hash: read_hash(row.try_get(at + 1)?),
        written,
    })
}

async fn look_up(
    session: &mut Session<'_>,
    table: &Table,
    keys: &Sought<'_>,
    written: bool,
    hits: &mut Hits,
) -> Result<(), Trouble> {
    if keys.is_empty() {
        return Ok(());
    }
    let columns = table.key_arrays(keys.iter().map(|(_, key)| *key));
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![&table.owner];
    params.extend(columns.iter().map(|column| -> &(dyn ToSql + Sync) { column }));
    for row in session.query(&look_up_sql(table), &params).await? {
        let nth: i64 = row.try_get(0)?;
        let place = usize::try_from(nth - 1).ok().and_then(|place| keys.get(place));
        if let Some((slot, _)) = place {
            hits.set(*slot, hit(&row, 1, written)?);
        }
    }
    Ok(())
}

/// Binds: the owner, then an array for each column of the key. `offset 0` keeps the planner from turning the lookup per key into
/// a join that scans the table.
fn look_up_sql(table: &Table) -> String {
    let Table { name, scope, .. } = table;
    let columns: Vec<&str> = table.key_columns().collect();
    let binds = (2..).zip(&columns).map(|(bind, _)| format!("${bind}::text[]"));
    let equal = columns.iter().map(|column| format!(" and x.{column} = k.{column}"));
    format!(
        "select k.nth, u.id, u.content_hash
         from unnest({}) with ordinality as k({}, nth)
         cross join lateral (select x.id, x.content_hash from {name} x where x.{scope} = $1{} offset 0) u",
        binds.collect::<Vec<_>>().join(", "),
        columns.join(", "),
        equal.collect::<String>()
    )
}

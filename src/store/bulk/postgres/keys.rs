//! Which of a batch's keys a table holds: walks along the index where that is worth it (`bulk::walk`), lookups for the rest.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::pool::Session;
use super::trouble::Trouble;
use crate::store::bulk::classify::{Hit, Hits};
use crate::store::bulk::columns::{Table, read_hash};
use crate::store::bulk::walk::{Sought, Walk, runs, sample};

/// Notes every key that the table holds.
pub(super) async fn probe_table(
    session: &mut Session<'_>,
    table: &Table,
    keys: &Sought<'_>,
    written: bool,
    hits: &mut Hits,
) -> Result<(), Trouble> {
    for run in runs(table, keys) {
        let mut rest = run;
        if let Some((sample, others)) = sample(run) {
            let left = walk(session, table, sample, written, hits).await?.len();
            rest = match left {
                0 => walk(session, table, others, written, hits).await?,
                left => run.get(sample.len() - left..).unwrap_or(run),
            };
        }
        look_up(session, table, rest, written, hits).await?;
    }
    Ok(())
}

/// Reads the index from the first key to the last; gives the keys that it did not come to.
async fn walk<'s, 'k>(
    session: &mut Session<'_>,
    table: &Table,
    keys: &'s Sought<'k>,
    written: bool,
    hits: &mut Hits,
) -> Result<&'s Sought<'k>, Trouble> {
    let Some(mut walk) = Walk::new(table, keys) else {
        return Ok(keys);
    };
    let limit = walk.limit();
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![&table.owner, &limit, &walk.ends.0, &walk.ends.1];
    params.extend(walk.group.iter().map(|group| -> &(dyn ToSql + Sync) { group }));
    let rows = session.query(&walk.sql('$'), &params).await?;
    for row in &rows {
        let key = [row.try_get(0)?, row.try_get(1)?, row.try_get(2)?];
        walk.meet(key, hit(row, key.len(), written)?, hits);
    }
    Ok(walk.left())
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

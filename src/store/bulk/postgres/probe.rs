//! What the table holds of a batch's keys: id and hash of each, and the values of those that may change.

use std::collections::HashMap;

use tokio_postgres::Row;
use worker::batch::Key;
use worker::batch::plan::Planner;

use super::pool::Session;
use super::trouble::Trouble;
use crate::store::bulk::classify::{Hit, Hits, Loaded};
use crate::store::bulk::columns::{Table, key_columns, list_of, read_hash, read_stored, value_columns};
use crate::store::bulk::job::Job;

/// Looks up every key: first where the batch writes, then, for a dry run, what shows through from beneath.
pub(super) async fn probe(session: &mut Session<'_>, job: &Job<'_>, keys: &[&Key]) -> Result<Hits, Trouble> {
    let mut hits = Hits::none(keys.len());
    let all: Vec<(usize, &Key)> = keys.iter().copied().enumerate().collect();
    probe_table(session, &job.written(), &all, true, &mut hits).await?;
    if let Some(beneath) = job.beneath() {
        let missing = hits.missing();
        let rest: Vec<(usize, &Key)> = missing
            .into_iter()
            .filter_map(|slot| keys.get(slot).map(|key| (slot, *key)))
            .collect();
        probe_table(session, &beneath, &rest, false, &mut hits).await?;
    }
    Ok(hits)
}

/// `offset 0` keeps the planner from turning the lookup per key into a join that scans the table.
async fn probe_table(
    session: &mut Session<'_>,
    table: &Table,
    keys: &[(usize, &Key)],
    written: bool,
    hits: &mut Hits,
) -> Result<(), Trouble> {
    let (name, scope) = (&table.name, table.scope);
    let sql = format!(
        "select k.nth, u.id, u.content_hash
         from unnest($1::text[], $2::text[], $3::text[]) with ordinality as k(source, source_id, language, nth)
         cross join lateral (select x.id, x.content_hash from {name} x where x.{scope} = $4 and x.source = k.source
                             and x.source_id = k.source_id and x.language = k.language offset 0) u"
    );
    let sources: Vec<&str> = keys.iter().map(|(_, key)| key.source.as_ref()).collect();
    let source_ids: Vec<&str> = keys.iter().map(|(_, key)| key.source_id.as_ref()).collect();
    let languages: Vec<&str> = keys.iter().map(|(_, key)| key.language.as_ref()).collect();
    for row in session
        .query(&sql, &[&sources, &source_ids, &languages, &table.owner])
        .await?
    {
        let nth: i64 = row.try_get(0)?;
        let place = usize::try_from(nth - 1).ok().and_then(|place| keys.get(place));
        let hash = read_hash(row.try_get(2)?);
        if let Some((slot, _)) = place {
            hits.set(
                *slot,
                Hit {
                    id: row.try_get(1)?,
                    hash,
                    written,
                },
            );
        }
    }
    Ok(())
}

/// What was read of the records the plan needs.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// Their values.
    pub(super) loaded: Vec<Loaded>,
    /// Their versions by row, for `write::update` to prove that nobody wrote since.
    pub(super) versions: HashMap<i64, i64>,
}

/// Whether records that may be written are locked as they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    /// No: their versions show whether somebody was faster. A lock would write every record once more.
    Versions,
    /// Yes: somebody was.
    Rows,
}

/// Reads the records the plan needs.
pub(super) async fn load(
    session: &mut Session<'_>,
    job: &Job<'_>,
    planner: &Planner<'_>,
    hits: &Hits,
    lock: Lock,
) -> Result<Records, Trouble> {
    let mut records = Records::default();
    let (written, wanted) = (job.written(), hits.wanted(planner, true));
    let sql = load_sql(job, &written, lock);
    load_table(
        session,
        planner,
        Wanted {
            sql,
            owner: written.owner,
            rows: wanted,
        },
        &mut records,
    )
    .await?;
    if let Some(beneath) = job.beneath() {
        let sql = load_sql(job, &beneath, Lock::Versions);
        let wanted = Wanted {
            sql,
            owner: beneath.owner,
            rows: hits.wanted(planner, false),
        };
        load_table(session, planner, wanted, &mut records).await?;
    }
    Ok(records)
}

/// Records of one table: the place of each one's key, and its row.
struct Wanted {
    sql: String,
    owner: i64,
    rows: Vec<(usize, i64)>,
}

/// Rows are locked in the order of their keys: two writers of the same records wait instead of deadlocking. `+ 0` keeps the
/// owner out of the planner's choice of index: on a table it has no statistics of, it would read everything the owner has
/// for each record instead of one row by its id.
fn load_sql(job: &Job<'_>, table: &Table, lock: Lock) -> String {
    let columns = list_of("u", key_columns().chain(value_columns(job.resource())));
    let Table { name, scope, .. } = table;
    let in_order = match lock {
        Lock::Rows => "order by k.nth for update of u",
        Lock::Versions => "",
    };
    format!(
        "select k.nth, u.version, u.content_hash, {columns}
         from unnest($1::bigint[]) with ordinality as k(id, nth) join {name} u on u.id = k.id and u.{scope} + 0 = $2
         {in_order}"
    )
}

async fn load_table(
    session: &mut Session<'_>,
    planner: &Planner<'_>,
    wanted: Wanted,
    records: &mut Records,
) -> Result<(), Trouble> {
    if wanted.rows.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = wanted.rows.iter().map(|(_, id)| *id).collect();
    for row in session.query(&wanted.sql, &[&ids, &wanted.owner]).await? {
        let nth: i64 = row.try_get(0)?;
        let place = usize::try_from(nth - 1).ok().and_then(|place| wanted.rows.get(place));
        let Some((slot, id)) = place else { continue };
        let Some(key) = planner.keys().get(*slot) else { continue };
        if has_key(&row, key)? {
            records.loaded.push(read_loaded(&row, *slot)?);
            records.versions.insert(*id, row.try_get(1)?);
        }
    }
    Ok(())
}

/// The first three columns are place, version and hash, then come key and values.
const KEY_AT: usize = 3;

/// A writer may have given the record another key since the probe.
fn has_key(row: &Row, key: &Key) -> Result<bool, tokio_postgres::Error> {
    let is: [&str; 3] = [row.try_get(KEY_AT)?, row.try_get(KEY_AT + 1)?, row.try_get(KEY_AT + 2)?];
    Ok(is == [&*key.source, &*key.source_id, &*key.language])
}

fn read_loaded(row: &Row, slot: usize) -> Result<Loaded, Trouble> {
    let cells =
        (KEY_AT + 3..row.len()).map(|column| row.try_get::<_, Option<&str>>(column).map(|cell| cell.map(Box::from)));
    let stored = read_stored(cells.collect::<Result<_, _>>()?)?;
    let hash = read_hash(row.try_get(2)?);
    Ok(Loaded { slot, hash, stored })
}

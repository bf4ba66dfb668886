//! What the table holds of a batch's keys: id and hash of each, and the values, under lock, of those that may change.

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

/// Reads the records the plan needs, locking those that may be written.
pub(super) async fn load(
    session: &mut Session<'_>,
    job: &Job<'_>,
    planner: &Planner<'_>,
    hits: &Hits,
) -> Result<Vec<Loaded>, Trouble> {
    let mut loaded = Vec::new();
    let own = hits.wanted(planner, true);
    load_table(
        session,
        &Source {
            job,
            table: job.written(),
            locked: true,
        },
        planner,
        own,
        &mut loaded,
    )
    .await?;
    if let Some(table) = job.beneath() {
        let seen = hits.wanted(planner, false);
        load_table(
            session,
            &Source {
                job,
                table,
                locked: false,
            },
            planner,
            seen,
            &mut loaded,
        )
        .await?;
    }
    Ok(loaded)
}

struct Source<'a> {
    job: &'a Job<'a>,
    table: Table,
    locked: bool,
}

impl Source<'_> {
    /// Rows come, and are locked, in the order of their keys: two writers of the same records wait instead of deadlocking.
    fn sql(&self) -> String {
        let columns = list_of("u", key_columns().chain(value_columns(self.job.resource())));
        let Table { name, scope, .. } = &self.table;
        let lock = if self.locked { "for update of u" } else { "" };
        format!(
            "select k.nth, u.content_hash, {columns}
             from unnest($1::bigint[]) with ordinality as k(id, nth) join {name} u on u.id = k.id and u.{scope} = $2
             order by k.nth {lock}"
        )
    }
}

async fn load_table(
    session: &mut Session<'_>,
    source: &Source<'_>,
    planner: &Planner<'_>,
    wanted: Vec<(usize, i64)>,
    loaded: &mut Vec<Loaded>,
) -> Result<(), Trouble> {
    if wanted.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = wanted.iter().map(|(_, id)| *id).collect();
    for row in session.query(&source.sql(), &[&ids, &source.table.owner]).await? {
        let nth: i64 = row.try_get(0)?;
        let Some((slot, _)) = usize::try_from(nth - 1).ok().and_then(|place| wanted.get(place)) else {
            continue;
        };
        let Some(key) = planner.keys().get(*slot) else { continue };
        if has_key(&row, key)? {
            loaded.push(read_loaded(&row, *slot)?);
        }
    }
    Ok(())
}

/// The first two columns are the place and the hash, then come key and values.
const KEY_AT: usize = 2;

/// A writer may have given the record another key between probe and lock.
fn has_key(row: &Row, key: &Key) -> Result<bool, tokio_postgres::Error> {
    let is: [&str; 3] = [row.try_get(KEY_AT)?, row.try_get(KEY_AT + 1)?, row.try_get(KEY_AT + 2)?];
    Ok(is == [&*key.source, &*key.source_id, &*key.language])
}

fn read_loaded(row: &Row, slot: usize) -> Result<Loaded, Trouble> {
    let cells =
        (KEY_AT + 3..row.len()).map(|column| row.try_get::<_, Option<&str>>(column).map(|cell| cell.map(Box::from)));
    let stored = read_stored(cells.collect::<Result<_, _>>()?)?;
    Ok(Loaded {
        slot,
        hash: read_hash(row.try_get(1)?),
        stored,
    })
}

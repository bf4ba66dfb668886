//! What the table holds of a batch's keys: id and hash of each, and the values of those that may change.

use std::collections::HashMap;

use tokio_postgres::{Row, Statement};
use worker::batch::plan::Planner;
use worker::batch::{Key, Text};

use super::children;
use super::keys::probe_table;
use super::pieces::in_pieces;
use super::place::Place;
use super::pool::Session;
use super::trouble::Trouble;
use crate::store::bulk::children::{Kept, open_previews};
use crate::store::bulk::classify::{Hits, Loaded};
use crate::store::bulk::columns::{Table, list_of, read_hash};
use crate::store::bulk::job::Job;

/// What was read of a batch's keys.
#[derive(Debug)]
pub(in crate::store::bulk) struct Seen {
    /// Which of them stand.
    pub(super) hits: Hits,
    /// The records that the plan needs.
    pub(super) records: Records,
}

/// Reads all that a batch's plan needs.
pub(super) async fn read(
    session: &mut Session<'_>,
    job: &Job<'_>,
    planner: &Planner<'_>,
    lock: Lock,
) -> Result<Seen, Trouble> {
    let hits = probe(session, job, planner.keys()).await?;
    let records = load(session, job, planner, &hits, lock).await?;
    Ok(Seen { hits, records })
}

/// Looks up every key: first where the batch writes, then, for a dry run, what shows through from beneath.
async fn probe(session: &mut Session<'_>, job: &Job<'_>, keys: &[&Key]) -> Result<Hits, Trouble> {
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

/// What was read of the records the plan needs.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// Their values.
    pub(super) loaded: Vec<Loaded>,
    /// Their versions by row, for `write::update` to prove that nobody wrote since.
    pub(super) versions: HashMap<i64, Version>,
    /// What hangs on them in tables of its own, by row.
    pub(super) kept: Kept,
}

/// What a record was when it was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Version {
    /// Raised by every writer.
    pub(super) number: i64,
    /// Where it lies.
    pub(super) place: Place,
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
async fn load(
    session: &mut Session<'_>,
    job: &Job<'_>,
    planner: &Planner<'_>,
    hits: &Hits,
    lock: Lock,
) -> Result<Records, Trouble> {
    let mut records = Records::default();
    let (written, rows) = (job.written(), hits.wanted(planner, true));
    load_table(
        session,
        planner,
        Wanted {
            table: written,
            lock,
            rows,
        },
        &mut records,
    )
    .await?;
    if let Some(table) = job.beneath() {
        let wanted = Wanted {
            table,
            lock: Lock::Versions,
            rows: hits.wanted(planner, false),
        };
        load_table(session, planner, wanted, &mut records).await?;
    }
    open_previews(job, planner, &mut records.loaded)?;
    records.kept = children::load(session, job, &mut records.loaded).await?;
    Ok(records)
}

/// Records of one table: the place of each one's key, and its row.
struct Wanted {
    table: Table,
    lock: Lock,
    rows: Vec<(usize, i64)>,
}

/// Rows are locked in the order of their keys: two writers of the same records wait instead of deadlocking. `+ 0` keeps the
/// owner out of the planner's choice of index: on a table it has no statistics of, it would read everything the owner has
/// for each record instead of one row by its id.
fn load_sql(table: &Table, lock: Lock) -> String {
    let columns = list_of("u", table.key_columns().chain(table.value_columns()));
    let Table { name, scope, .. } = table;
    let in_order = match lock {
        Lock::Rows => "order by k.nth for update of u",
        Lock::Versions => "",
    };
    format!(
        "select k.nth, u.version, u.ctid, u.content_hash, {columns}
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
    let statement = session.prepare(&load_sql(&wanted.table, wanted.lock)).await?;
    let session = &*session;
    let load = |rows| load_piece(session, &statement, planner, &wanted.table, rows);
    for (version, loaded) in in_pieces(&wanted.rows, load).await?.into_iter().flatten() {
        records.versions.insert(loaded.id, version);
        records.loaded.push(loaded);
    }
    Ok(())
}

/// Those of some records that still have their key, with their versions.
async fn load_piece(
    session: &Session<'_>,
    statement: &Statement,
    planner: &Planner<'_>,
    table: &Table,
    rows: &[(usize, i64)],
) -> Result<Vec<(Version, Loaded)>, Trouble> {
    let ids: Vec<i64> = rows.iter().map(|(_, id)| *id).collect();
    let mut piece = Vec::with_capacity(rows.len());
    for row in session.query_prepared(statement, &[&ids, &table.owner]).await? {
        let nth: i64 = row.try_get(0)?;
        let place = usize::try_from(nth - 1).ok().and_then(|place| rows.get(place));
        let Some((slot, id)) = place else { continue };
        let Some(key) = planner.keys().get(*slot) else { continue };
        if has_key(table, &row, key)? {
            let version = Version {
                number: row.try_get(1)?,
                place: row.try_get(2)?,
            };
            piece.push((version, read_loaded(table, &row, (*slot, *id))?));
        }
    }
    Ok(piece)
}

/// The first columns are number in the list, version, place and hash, then come key and values.
const KEY_AT: usize = 4;

/// A writer may have given the record another key since the probe.
fn has_key(table: &Table, row: &Row, key: &Key) -> Result<bool, tokio_postgres::Error> {
    for (column, part) in (KEY_AT..).zip(table.key_cells(key)) {
        if row.try_get::<_, &str>(column)? != part {
            return Ok(false);
        }
    }
    Ok(true)
}

fn read_loaded(table: &Table, row: &Row, (slot, id): (usize, i64)) -> Result<Loaded, Trouble> {
    let values_at = KEY_AT + table.key_columns().count();
    let cells =
        (values_at..row.len()).map(|column| row.try_get::<_, Option<&str>>(column).map(|cell| cell.map(Text::from)));
    let stored = table.read_stored(cells.collect::<Result<_, _>>()?)?;
    let hash = read_hash(row.try_get(3)?);
    Ok(Loaded {
        slot,
        id,
        children: table.children(),
        hash,
        stored,
    })
}

//! What the table holds of a batch's keys. Keys and ids go in as one JSON text: lookups by key, driven by it.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::sqlite::SqliteConnection;
use worker::batch::plan::Planner;
use worker::batch::{KEY_PARTS, Key};

use crate::store::bulk::classify::{Hit, Hits, Loaded};
use crate::store::bulk::columns::{Table, list_of, read_hash};
use crate::store::bulk::job::Job;
use crate::store::cell::{from_json, to_json};
use crate::store::error::StoreError;

#[derive(QueryableByName)]
struct Probed {
    #[diesel(sql_type = BigInt)]
    nth: i64,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Nullable<Binary>)]
    content_hash: Option<Vec<u8>>,
}

/// Looks up every key: first where the batch writes, then, for a dry run, what shows through from beneath.
pub(super) fn probe(connection: &mut SqliteConnection, job: &Job<'_>, keys: &[&Key]) -> Result<Hits, StoreError> {
    let mut hits = Hits::none(keys.len());
    probe_table(connection, &job.written(), keys, true, &mut hits)?;
    if let Some(beneath) = job.beneath() {
        probe_table(connection, &beneath, keys, false, &mut hits)?;
    }
    Ok(hits)
}

pub(super) fn probe_table(
    connection: &mut SqliteConnection,
    table: &Table,
    keys: &[&Key],
    written: bool,
    hits: &mut Hits,
) -> Result<(), StoreError> {
    let slots = hits.missing();
    let missing = slots.iter().filter_map(|slot| keys.get(*slot));
    let parts: Vec<&[worker::batch::Text; KEY_PARTS]> = missing.map(|key| key.parts()).collect();
    let equal = table.key_columns().enumerate();
    let equal = equal.map(|(place, column)| format!(" and u.{column} = k.value ->> {place}"));
    let sql = format!(
        "select k.key as nth, u.id as id, u.content_hash as content_hash from json_each(?) k cross join {} u
         on u.{} = ?{}",
        table.name,
        table.scope,
        equal.collect::<String>()
    );
    let query = diesel::sql_query(sql)
        .bind::<Text, _>(to_json("keys", &parts)?)
        .bind::<BigInt, _>(table.owner);
    for row in query.load_iter::<Probed, _>(connection)? {
        let row = row?;
        let hit = Hit {
            id: row.id,
            hash: read_hash(row.content_hash.as_deref()),
            written,
        };
        if let Some(slot) = usize::try_from(row.nth).ok().and_then(|nth| slots.get(nth)) {
            hits.set(*slot, hit);
        }
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Cells {
    #[diesel(sql_type = BigInt)]
    nth: i64,
    #[diesel(sql_type = Nullable<Binary>)]
    content_hash: Option<Vec<u8>>,
    #[diesel(sql_type = Text)]
    cells: String,
}

/// Reads the records the plan needs. Nobody else writes meanwhile, so there is nothing to lock.
pub(super) fn load(
    connection: &mut SqliteConnection,
    job: &Job<'_>,
    planner: &Planner<'_>,
    hits: &Hits,
) -> Result<Vec<Loaded>, StoreError> {
    let mut loaded = Vec::new();
    load_table(connection, &job.written(), &hits.wanted(planner, true), &mut loaded)?;
    if let Some(beneath) = job.beneath() {
        load_table(connection, &beneath, &hits.wanted(planner, false), &mut loaded)?;
    }
    Ok(loaded)
}

fn load_table(
    connection: &mut SqliteConnection,
    table: &Table,
    wanted: &[(usize, i64)],
    loaded: &mut Vec<Loaded>,
) -> Result<(), StoreError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = wanted.iter().map(|(_, id)| *id).collect();
    let sql = format!(
        "select k.key as nth, u.content_hash as content_hash, json_array({}) as cells
         from json_each(?) k cross join {} u on u.id = k.value and u.{} = ?",
        list_of("u", table.value_columns()),
        table.name,
        table.scope
    );
    let query = diesel::sql_query(sql)
        .bind::<Text, _>(to_json("ids", &ids)?)
        .bind::<BigInt, _>(table.owner);
    for row in query.load_iter::<Cells, _>(connection)? {
        let row = row?;
        let cells = from_json("cells", &row.cells)?;
        let Some((slot, id)) = usize::try_from(row.nth).ok().and_then(|nth| wanted.get(nth)) else {
            continue;
        };
        let hash = read_hash(row.content_hash.as_deref());
        loaded.push(Loaded {
            slot: *slot,
            id: *id,
            children: table.children(),
            hash,
            stored: table.read_stored(cells)?,
        });
    }
    Ok(())
}

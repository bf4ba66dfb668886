//! What the table holds of a batch's keys: walks along the index where that is worth it (`bulk::walk`), else lookups. Keys and ids
//! to look up go in as one JSON text.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::sqlite::SqliteConnection;
use worker::batch::plan::Planner;
use worker::batch::{KEY_PARTS, Key};

use crate::store::bulk::classify::{Hit, Hits, Loaded};
use crate::store::bulk::columns::{Table, list_of, read_hash};
use crate::store::bulk::job::Job;
use crate::store::bulk::walk::{Sought, Walk, runs, sample};
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

/// Notes every key that the table holds and no table before it did.
pub(super) fn probe_table(
    connection: &mut SqliteConnection,
    table: &Table,
    keys: &[&Key],
    written: bool,
    hits: &mut Hits,
) -> Result<(), StoreError> {
    let missing = hits.missing().into_iter();
    let missing: Vec<(usize, &Key)> = missing
        .filter_map(|slot| keys.get(slot).map(|key| (slot, *key)))
        .collect();
    for run in runs(table, &missing) {
        let mut rest = run;
        if let Some((sample, others)) = sample(run) {
            let left = walk(connection, table, sample, written, hits)?.len();
            rest = match left {
                0 => walk(connection, table, others, written, hits)?,
                left => run.get(sample.len() - left..).unwrap_or(run),
            };
        }
        look_up(connection, table, rest, written, hits)?;
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Met {
    #[diesel(sql_type = Text)]
    part_0: String,
    #[diesel(sql_type = Text)]
    part_1: String,
    #[diesel(sql_type = Text)]
    part_2: String,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Nullable<Binary>)]
    content_hash: Option<Vec<u8>>,
}

/// Reads the index from the first key to the last; gives the keys that it did not come to.
fn walk<'s, 'k>(
    connection: &mut SqliteConnection,
    table: &Table,
    keys: &'s Sought<'k>,
    written: bool,
    hits: &mut Hits,
) -> Result<&'s Sought<'k>, StoreError> {
    let Some(mut walk) = Walk::new(table, keys) else {
        return Ok(keys);
    };
    let mut query = diesel::sql_query(walk.sql('?'))
        .into_boxed()
        .bind::<BigInt, _>(table.owner)
        .bind::<BigInt, _>(walk.limit())
        .bind::<Text, _>(walk.ends.0)
        .bind::<Text, _>(walk.ends.1);
    if let Some(group) = walk.group {
        query = query.bind::<Text, _>(group);
    }
    for row in query.load_iter::<Met, _>(connection)? {
        let row = row?;
        let hit = hit(row.id, row.content_hash.as_deref(), written);
        walk.meet([&row.part_0, &row.part_1, &row.part_2], hit, hits);
    }
    Ok(walk.left())
}

fn hit(id: i64, hash: Option<&[u8]>, written: bool) -> Hit {
    Hit {
        id,
        hash: read_hash(hash),
        written,
    }
}

fn look_up(
    connection: &mut SqliteConnection,
    table: &Table,
    keys: &Sought<'_>,
    written: bool,
    hits: &mut Hits,
) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let parts: Vec<&[worker::batch::Text; KEY_PARTS]> = keys.iter().map(|(_, key)| key.parts()).collect();
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
        let hit = hit(row.id, row.content_hash.as_deref(), written);
        if let Some((slot, _)) = usize::try_from(row.nth).ok().and_then(|nth| keys.get(nth)) {
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

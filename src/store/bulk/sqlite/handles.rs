//! Handles on SQLite: whose those of a batch are, and the new ones written once their records are there. There is one
//! writer: what was looked up stays so.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::SqliteConnection;
use worker::batch::Key;
use worker::batch::handles::{Handle, Known, NewHandle, wanted};

use super::statement::{Bind, Statement};
use crate::store::bulk::columns::Table;
use crate::store::bulk::handles::{Rows, handles_of, has_handles, read_handle};
use crate::store::bulk::job::Job;
use crate::store::cell::to_json;
use crate::store::error::StoreError;

#[derive(QueryableByName)]
struct Owned {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    value: String,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Text)]
    source_id: String,
    #[diesel(sql_type = Text)]
    language: String,
}

/// The batch with the keys of its rows; for most imports the batch itself.
pub(super) fn rows<'a>(connection: &mut SqliteConnection, job: &Job<'a>) -> Result<Rows<'a>, StoreError> {
    if !has_handles(job) {
        return Ok(Rows::as_they_are(job.batch));
    }
    let handles = wanted(job.batch);
    let mut known = Known::with_capacity(handles.len());
    // What a dry run has given away hides nothing: a handle has one owner, there or beneath.
    for table in job.beneath().iter().chain([&job.written()]) {
        look_up(connection, table, &handles, &mut known)?;
    }
    Ok(Rows::of(job.batch, known))
}

fn look_up(
    connection: &mut SqliteConnection,
    users: &Table,
    handles: &[&Handle],
    known: &mut Known,
) -> Result<(), StoreError> {
    let sql = format!(
        "select h.kind, h.value, u.source, u.source_id, u.language
         from json_each(?) k cross join {} h on h.{} = ? and h.kind = k.value ->> 0 and h.value = k.value ->> 1
         cross join {} u on u.id = h.user_id",
        handles_of(users),
        users.scope,
        users.name
    );
    let pairs: Vec<[&str; 2]> = handles
        .iter()
        .map(|handle| [handle.kind.as_str(), &*handle.value])
        .collect();
    let query = diesel::sql_query(sql)
        .bind::<Text, _>(to_json("handles", &pairs)?)
        .bind::<BigInt, _>(users.owner);
    for row in query.load_iter::<Owned, _>(connection)? {
        let row = row?;
        let key = Key::user(row.source, row.source_id, row.language);
        known.insert(read_handle(&row.kind, &row.value)?, key);
    }
    Ok(())
}

/// Writes handles whose records stand already.
pub(super) fn write(connection: &mut SqliteConnection, job: &Job<'_>, new: &[&NewHandle]) -> Result<(), StoreError> {
    let users = job.written();
    let statement = Statement::new(&format!(
        "insert into {} ({scope}, kind, value, user_id) select {scope}, ?, ?, id from {}
         where {scope} = ? and source = ? and source_id = ? and language = ?",
        handles_of(&users),
        users.name,
        scope = users.scope
    ));
    for NewHandle { handle, key, .. } in new {
        let binds = vec![
            Bind::Text(Some(handle.kind.as_str())),
            Bind::Text(Some(&handle.value)),
            Bind::Number(users.owner),
            Bind::Text(Some(key.source())),
            Bind::Text(Some(key.source_id())),
            Bind::Text(Some(key.language())),
        ];
        if statement.execute(connection, binds)? != 1 {
            return Err(StoreError::Corrupt(format!(
                "no record for a new {}",
                handle.kind.as_str()
            )));
        }
    }
    Ok(())
}

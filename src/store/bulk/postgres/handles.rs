//! Handles on PostgreSQL: whose those of a batch are, and the new ones written once their records are there.

use worker::batch::Key;
use worker::batch::handles::{Handle, Known, NewHandle, wanted};

use super::pool::Session;
use super::trouble::Trouble;
use crate::store::bulk::columns::Table;
use crate::store::bulk::handles::{Rows, handles_of, has_handles, read_handle};
use crate::store::bulk::job::Job;

/// The batch with the keys of its rows; for most imports the batch itself.
pub(super) async fn rows<'a>(session: &mut Session<'_>, job: &Job<'a>) -> Result<Rows<'a>, Trouble> {
    if !has_handles(job) {
        return Ok(Rows::as_they_are(job.batch));
    }
    let handles = wanted(job.batch);
    let mut known = Known::with_capacity(handles.len());
    // What a dry run has given away hides nothing: a handle has one owner, there or beneath.
    for table in job.beneath().iter().chain([&job.written()]) {
        look_up(session, table, &handles, &mut known).await?;
    }
    Ok(Rows::of(job.batch, known))
}

/// `offset 0` keeps the planner from turning the lookup per handle into a join that scans the tables.
async fn look_up(
    session: &mut Session<'_>,
    users: &Table,
    handles: &[&Handle],
    known: &mut Known,
) -> Result<(), Trouble> {
    let sql = format!(
        "select k.kind, k.value, u.source, u.source_id, u.language
         from unnest($1::text[], $2::text[]) as k(kind, value)
         cross join lateral (select x.source, x.source_id, x.language from {} h join {} x on x.id = h.user_id
                             where h.{} = $3 and h.kind = k.kind and h.value = k.value offset 0) u",
        handles_of(users),
        users.name,
        users.scope
    );
    let kinds: Vec<&str> = handles.iter().map(|handle| handle.kind.as_str()).collect();
    let values: Vec<&str> = handles.iter().map(|handle| &*handle.value).collect();
    for row in session.query(&sql, &[&kinds, &values, &users.owner]).await? {
        let handle = read_handle(row.try_get(0)?, row.try_get(1)?)?;
        let text = |column| row.try_get::<_, &str>(column);
        known.insert(handle, Key::user(text(2)?, text(3)?, text(4)?));
    }
    Ok(())
}

/// Writes handles whose records stand already. One that somebody else gave away meanwhile violates the table's key, and one
/// whose record is gone finds nobody: both send the batch back.
pub(super) async fn write(session: &mut Session<'_>, job: &Job<'_>, new: &[&NewHandle]) -> Result<(), Trouble> {
    if new.is_empty() {
        return Ok(());
    }
    let users = job.written();
    let sql = format!(
        "insert into {} ({scope}, kind, value, user_id)
         select $1, k.kind, k.value, u.id
         from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) as k(kind, value, source, source_id, language)
         cross join lateral (select x.id from {} x where x.{scope} = $1 and x.source = k.source
                             and x.source_id = k.source_id and x.language = k.language offset 0) u",
        handles_of(&users),
        users.name,
        scope = users.scope
    );
    let column = |of: fn(&NewHandle) -> &str| new.iter().map(|new| of(new)).collect::<Vec<&str>>();
    let kinds = column(|new| new.handle.kind.as_str());
    let values = column(|new| &new.handle.value);
    let sources = column(|new| new.key.source());
    let source_ids = column(|new| new.key.source_id());
    let languages = column(|new| new.key.language());
    let written = session
        .execute(
            &sql,
            &[&users.owner, &kinds, &values, &sources, &source_ids, &languages],
        )
        .await?;
    if usize::try_from(written) == Ok(new.len()) {
        Ok(())
    } else {
        Err(Trouble::Overtaken)
    }
}

//! A plan written down: INSERTs of a few hundred new records each, one of refused rows, one UPDATE for changed records.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use futures::future::join_all;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;
use worker::batch::plan::Write;
use worker::row_error::Failure;

use super::pool::Session;
use super::trouble::Trouble;
use crate::store::bulk::columns::{Table, attributes, list};
use crate::store::bulk::job::{FAILURE_COLUMNS, Job, failure_cells};
use crate::store::cell::signed;
use crate::store::error::StoreError;

/// Writes new records.
pub(super) async fn insert(
    session: &mut Session<'_>,
    job: &Job<'_>,
    inserts: &[Write<'_>],
    now: NaiveDateTime,
) -> Result<(), Trouble> {
    if inserts.is_empty() {
        return Ok(());
    }
    let table = job.written();
    let filled = filled(&table, inserts);
    let statement = session.prepare(&insert_sql(&table, &filled)).await?;
    let import = job.run.lease.import.0;
    let insert = Insert {
        table,
        filled,
        statement,
        import,
        now,
    };
    let pieces = inserts.chunks(PIECE).map(|piece| insert.send(session, piece));
    // In their order: behind the one that failed all others say only that the transaction has.
    join_all(pieces).await.into_iter().collect()
}

/// New records that go in one statement. All are sent before the first is answered: the server writes the one while the next
/// is put together.
const PIECE: usize = 500;

/// What the pieces of one batch have in common.
struct Insert {
    table: Table,
    filled: Vec<bool>,
    statement: Statement,
    import: i64,
    now: NaiveDateTime,
}

impl Insert {
    async fn send(&self, session: &Session<'_>, writes: &[Write<'_>]) -> Result<(), Trouble> {
        let table = &self.table;
        let texts = attribute_texts(writes.iter())?;
        let hashes: Vec<Option<&[u8]>> = writes.iter().map(|write| table.hash(&write.hash)).collect();
        let keys = table.key_arrays(writes.iter().map(|write| write.key));
        let columns = by_column(table, writes.iter(), &texts, &self.filled);
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&table.owner, &self.import, &self.now, &hashes];
        params.extend(keys.iter().map(|column| -> &(dyn ToSql + Sync) { column }));
        params.extend(columns.iter().map(|column| -> &(dyn ToSql + Sync) { column }));
        session.execute_prepared(&self.statement, &params).await?;
        Ok(())
    }
}

/// Which value columns any of the records fills; the last one, the attributes, is always there.
fn filled(table: &Table, inserts: &[Write<'_>]) -> Vec<bool> {
    let mut filled = vec![false; table.value_columns().count()];
    for write in inserts {
        let cells = table.values(&write.stored);
        filled
            .iter_mut()
            .zip(cells)
            .for_each(|(filled, cell)| *filled |= cell.is_some());
    }
    if let Some(attributes) = filled.last_mut() {
        *attributes = true;
    }
    filled
}

/// Binds: the owner, the import, the time, then arrays of hashes, of each column of the key and of each filled value column. Rows
/// that the database holds to one organization cannot come by COPY. Arrays side by side in the list of a SELECT are walked
/// in step and never laid out as a table, as those of a FROM would be.
fn insert_sql(table: &Table, filled: &[bool]) -> String {
    let values = table.value_columns().zip(filled).filter(|(_, filled)| **filled);
    let columns: Vec<&str> = table.key_columns().chain(values.map(|(column, _)| column)).collect();
    let arrays: String = (5..)
        .zip(&columns)
        .map(|(bind, _)| format!(", unnest(${bind}::text[])"))
        .collect();
    format!(
        "insert into {} ({}, created_by_import, created_at, updated_at, content_hash, {})
         select $1::bigint, $2::bigint, $3::timestamp, $3::timestamp, unnest($4::bytea[]){arrays}",
        table.name,
        table.scope,
        list(columns)
    )
}

/// Overwrites known records, if each still has the version it was read with.
pub(super) async fn update(
    session: &mut Session<'_>,
    job: &Job<'_>,
    updates: &[(i64, Write<'_>)],
    versions: &HashMap<i64, i64>,
    now: NaiveDateTime,
) -> Result<(), Trouble> {
    if updates.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = updates.iter().map(|(id, _)| *id).collect();
    let seen: Vec<Option<i64>> = ids.iter().map(|id| versions.get(id).copied()).collect();
    let table = job.written();
    let hashes: Vec<Option<&[u8]>> = updates.iter().map(|(_, write)| table.hash(&write.hash)).collect();
    let writes = || updates.iter().map(|(_, write)| write);
    let texts = attribute_texts(writes())?;
    let cells = by_column(&table, writes(), &texts, &vec![true; table.value_columns().count()]);
    let import = job.run.lease.import.0;
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![&import, &now, &ids, &seen, &hashes];
    params.extend(cells.iter().map(|column| -> &(dyn ToSql + Sync) { column }));
    let written = session.execute(&update_sql(&table), &params).await?;
    if usize::try_from(written) == Ok(updates.len()) {
        Ok(())
    } else {
        Err(Trouble::Overtaken)
    }
}

/// Binds: the import, the time, then arrays of ids, versions, hashes and one of each value column.
fn update_sql(table: &Table) -> String {
    let columns: Vec<&str> = table.value_columns().collect();
    let set: String = columns
        .iter()
        .map(|column| format!("\"{column}\" = k.\"{column}\", "))
        .collect();
    let arrays: String = (6..)
        .zip(&columns)
        .map(|(bind, _)| format!(", ${bind}::text[]"))
        .collect();
    format!(
        "update {} u set {set} content_hash = k.content_hash, version = u.version + 1, updated_by_import = $1, updated_at = $2
         from unnest($3::bigint[], $4::bigint[], $5::bytea[]{arrays}) as k(id, version, content_hash, {})
         where u.id = k.id and u.version = k.version",
        table.name,
        list(columns)
    )
}

fn attribute_texts<'a>(writes: impl Iterator<Item = &'a Write<'a>>) -> Result<Vec<String>, StoreError> {
    writes.map(|write| attributes(&write.stored)).collect()
}

/// The cells of the filled value columns, turned from rows into columns.
fn by_column<'a>(
    table: &Table,
    writes: impl ExactSizeIterator<Item = &'a Write<'a>>,
    attributes: &'a [String],
    filled: &[bool],
) -> Vec<Vec<Option<&'a str>>> {
    // The attributes come last.
    let count = filled.iter().filter(|filled| **filled).count().saturating_sub(1);
    let mut columns: Vec<Vec<Option<&str>>> = (0..count).map(|_| Vec::with_capacity(writes.len())).collect();
    for write in writes {
        let cells = table.values(&write.stored).zip(filled).filter(|(_, filled)| **filled);
        columns
            .iter_mut()
            .zip(cells)
            .for_each(|(column, (cell, _))| column.push(cell));
    }
    columns.push(attributes.iter().map(|text| Some(text.as_str())).collect());
    columns
}

/// Keeps refused rows with their reasons.
pub(super) async fn keep_failures(
    session: &mut Session<'_>,
    job: &Job<'_>,
    failures: &[Failure],
) -> Result<(), Trouble> {
    if failures.is_empty() {
        return Ok(());
    }
    let (mut records, mut lines): (Vec<i64>, Vec<i64>) = Default::default();
    let (mut all_errors, mut all_cells): (Vec<String>, Vec<String>) = Default::default();
    let sensitive = job.sensitive();
    for failure in failures {
        let (errors, cells) = failure_cells(job, &sensitive, failure)?;
        records.push(signed("record", failure.record)?);
        lines.push(signed("line", failure.line)?);
        all_errors.push(errors);
        all_cells.push(cells);
    }
    let sql = format!(
        "insert into import_failures ({})
         select $1::bigint, k.* from unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[]) as k",
        list(FAILURE_COLUMNS)
    );
    let import = job.run.lease.import.0;
    session
        .execute(&sql, &[&import, &records, &lines, &all_errors, &all_cells])
        .await?;
    Ok(())
}

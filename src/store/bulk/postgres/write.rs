//! What a plan changes and refuses: one UPDATE, and one INSERT of refused rows.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use tokio_postgres::types::ToSql;
use worker::batch::plan::Write;
use worker::row_error::Failure;

use super::pool::Session;
use super::trouble::Trouble;
use crate::store::bulk::columns::{Table, attributes, list};
use crate::store::bulk::job::{FAILURE_COLUMNS, Job, failure_cells};
use crate::store::cell::signed;
use crate::store::error::StoreError;

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

pub(super) fn attribute_texts<'a>(writes: impl Iterator<Item = &'a Write<'a>>) -> Result<Vec<String>, StoreError> {
    writes.map(|write| attributes(&write.content)).collect()
}

/// The cells of the filled value columns, turned from rows into columns.
pub(super) fn by_column<'a>(
    table: &Table,
    writes: impl ExactSizeIterator<Item = &'a Write<'a>>,
    attributes: &'a [String],
    filled: &[bool],
) -> Vec<Vec<Option<&'a str>>> {
    // The attributes come last.
    let count = filled.iter().filter(|filled| **filled).count().saturating_sub(1);
    let mut columns: Vec<Vec<Option<&str>>> = (0..count).map(|_| Vec::with_capacity(writes.len())).collect();
    for write in writes {
        let cells = table.values(&write.content).zip(filled).filter(|(_, filled)| **filled);
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

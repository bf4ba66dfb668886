//! A plan written down: COPY for new records and refused rows, one UPDATE for changed records.

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
    let columns = table.new_record_columns();
    let sql = format!(
        "copy {} ({}) from stdin (format binary)",
        table.name,
        list(columns.iter().copied())
    );
    let mut copy = session.copy(&sql).await?;
    for write in inserts {
        let row = copy.encoder();
        row.row(columns.len())?;
        row.bigint(table.owner);
        for part in table.key_cells(write.key) {
            row.text(Some(part))?;
        }
        for cell in table.values(&write.stored) {
            row.text(cell)?;
        }
        row.text(Some(&attributes(&write.stored)?))?;
        row.bytes(table.hash(&write.hash))?;
        row.bigint(job.run.lease.import.0);
        row.timestamp(now);
        row.timestamp(now);
        copy.send_full().await?;
    }
    copy.finish().await?;
    Ok(())
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
    let texts = updates
        .iter()
        .map(|(_, write)| attributes(&write.stored))
        .collect::<Result<Vec<_>, _>>()?;
    let cells = by_column(&table, updates, &texts);
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

/// The cells of the value columns, turned from rows into columns.
fn by_column<'a>(
    table: &Table,
    updates: &'a [(i64, Write<'_>)],
    attributes: &'a [String],
) -> Vec<Vec<Option<&'a str>>> {
    // As many as there are values; the attributes come last.
    let columns = table.value_columns().skip(1);
    let mut columns: Vec<Vec<Option<&str>>> = columns.map(|_| Vec::with_capacity(updates.len())).collect();
    for (_, write) in updates {
        columns
            .iter_mut()
            .zip(table.values(&write.stored))
            .for_each(|(column, cell)| column.push(cell));
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
    let sql = format!(
        "copy import_failures ({}) from stdin (format binary)",
        list(FAILURE_COLUMNS)
    );
    let mut copy = session.copy(&sql).await?;
    let sensitive = job.sensitive();
    for failure in failures {
        let (errors, cells) = failure_cells(job, &sensitive, failure)?;
        let row = copy.encoder();
        row.row(FAILURE_COLUMNS.len())?;
        row.bigint(job.run.lease.import.0);
        row.bigint(signed("record", failure.record)?);
        row.bigint(signed("line", failure.line)?);
        row.text(Some(&errors))?;
        row.text(Some(&cells))?;
        copy.send_full().await?;
    }
    copy.finish().await?;
    Ok(())
}

//! What a plan changes and refuses: UPDATEs of a few hundred records each, and one INSERT of refused rows.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;
use worker::batch::plan::{Plan, Write};
use worker::row_error::Failure;

use super::pieces::in_pieces;
use super::place::Place;
use super::pool::Session;
use super::probe::Version;
use super::trouble::Trouble;
use crate::store::bulk::columns::{Table, attributes, list, masked};
use crate::store::bulk::job::{FAILURE_COLUMNS, Job, failure_cells};
use crate::store::cell::signed;
use crate::store::error::StoreError;

/// Overwrites known records, if each still has the version it was read with.
pub(super) async fn update(
    session: &mut Session<'_>,
    job: &Job<'_>,
    plan: &Plan<'_>,
    versions: &HashMap<i64, Version>,
    now: NaiveDateTime,
) -> Result<(), Trouble> {
    if plan.updates.is_empty() {
        return Ok(());
    }
    let table = job.written();
    let change = Change {
        mask: table.mask(&plan.touched),
        import: job.run.lease.import.0,
        table,
        versions,
        now,
    };
    let statement = session.prepare(&change.update_sql()).await?;
    let session = &*session;
    in_pieces(&plan.updates, |piece| change.send(session, &statement, piece)).await?;
    Ok(())
}

/// What the changed records of a batch have in common.
struct Change<'a> {
    table: Table,
    /// The value columns that are written.
    mask: Vec<bool>,
    import: i64,
    versions: &'a HashMap<i64, Version>,
    now: NaiveDateTime,
}

impl Change<'_> {
    async fn send(
        &self,
        session: &Session<'_>,
        statement: &Statement,
        updates: &[(i64, Write<'_>)],
    ) -> Result<(), Trouble> {
        let ids: Vec<i64> = updates.iter().map(|(id, _)| *id).collect();
        let seen = || ids.iter().map(|id| self.versions.get(id));
        let versions: Vec<Option<i64>> = seen().map(|seen| seen.map(|seen| seen.number)).collect();
        let places: Vec<Option<Place>> = seen().map(|seen| seen.map(|seen| seen.place)).collect();
        let hashes: Vec<Option<&[u8]>> = updates.iter().map(|(_, write)| self.table.hash(&write.hash)).collect();
        let writes = || updates.iter().map(|(_, write)| write);
        let texts = match self.mask.last() {
            Some(true) => attribute_texts(writes())?,
            _ => Vec::new(),
        };
        let cells = by_column(&self.table, writes(), &texts, &self.mask);
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&self.import, &self.now, &ids, &versions, &places, &hashes];
        params.extend(cells.iter().map(|column| -> &(dyn ToSql + Sync) { column }));
        let written = session.execute_prepared(statement, &params).await?;
        if usize::try_from(written) == Ok(updates.len()) {
            Ok(())
        } else {
            Err(Trouble::Overtaken)
        }
    }

    /// Binds: the import, the time, then arrays of ids, versions, places, hashes and one of each column that is written. They are
    /// walked in step, as in `New::insert_sql`. A record is found by its place, which saves the way down an index; what lies
    /// there now, id and version tell.
    fn update_sql(&self) -> String {
        let columns: Vec<&str> = masked(self.table.value_columns(), &self.mask).collect();
        let set: String = columns
            .iter()
            .map(|column| format!("\"{column}\" = k.\"{column}\", "))
            .collect();
        let arrays: String = (7..)
            .zip(&columns)
            .map(|(bind, column)| format!(", unnest(${bind}::text[]) as \"{column}\""))
            .collect();
        format!(
            "update {} u set {set} content_hash = k.content_hash, version = u.version + 1, updated_by_import = $1, updated_at = $2
             from (select unnest($3::bigint[]) as id, unnest($4::bigint[]) as version, unnest($5::tid[]) as place,
                   unnest($6::bytea[]) as content_hash
                   {arrays}) as k
             where u.ctid = k.place and u.id = k.id and u.version = k.version",
            self.table.name
        )
    }
}

pub(super) fn attribute_texts<'a>(writes: impl Iterator<Item = &'a Write<'a>>) -> Result<Vec<String>, StoreError> {
    writes.map(|write| attributes(&write.content)).collect()
}

/// The cells of the filled value columns, turned from rows into columns. The attributes come last.
pub(super) fn by_column<'a>(
    table: &Table,
    writes: impl ExactSizeIterator<Item = &'a Write<'a>>,
    attributes: &'a [String],
    filled: &[bool],
) -> Vec<Vec<Option<&'a str>>> {
    let values = filled.split_last().map_or(filled, |(_, values)| values);
    let count = values.iter().filter(|filled| **filled).count();
    let mut columns: Vec<Vec<Option<&str>>> = (0..count).map(|_| Vec::with_capacity(writes.len())).collect();
    for write in writes {
        let cells = masked(table.values(&write.content), values);
        columns
            .iter_mut()
            .zip(cells)
            .for_each(|(column, cell)| column.push(cell));
    }
    if filled.last() == Some(&true) {
        columns.push(attributes.iter().map(|text| Some(text.as_str())).collect());
    }
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

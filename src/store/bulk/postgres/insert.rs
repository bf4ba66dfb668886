//! New records: by COPY where the table may take one, else by INSERT from arrays.

use chrono::NaiveDateTime;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;
use worker::batch::plan::Write;

use super::copy::{copy, place};
use super::pieces::in_pieces;
use super::pool::Session;
use super::trouble::Trouble;
use super::write::{attribute_texts, by_column};
use crate::store::bulk::columns::{Table, list, masked};
use crate::store::bulk::job::Job;

/// What the new records of a batch have in common.
pub(super) struct New {
    pub(super) table: Table,
    /// Which value columns any of them fills: the others are not sent.
    pub(super) filled: Vec<bool>,
    pub(super) import: i64,
    pub(super) now: NaiveDateTime,
}

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
    let new = New {
        filled: table.filled(inserts),
        import: job.run.lease.import.0,
        now,
        table,
    };
    match place(&new.table) {
        Some(place) => copy(session, &new, place, inserts).await,
        None => new.by_arrays(session, inserts).await,
    }
}

impl New {
    /// The value columns that are sent.
    pub(super) fn columns(&self) -> impl Iterator<Item = &'static str> {
        masked(self.table.value_columns(), &self.filled)
    }

    async fn by_arrays(&self, session: &mut Session<'_>, writes: &[Write<'_>]) -> Result<(), Trouble> {
        let statement = session.prepare(&self.insert_sql()).await?;
        let session = &*session;
        in_pieces(writes, |piece| self.send(session, &statement, piece)).await?;
        Ok(())
    }

    async fn send(&self, session: &Session<'_>, statement: &Statement, writes: &[Write<'_>]) -> Result<(), Trouble> {
        let table = &self.table;
        let texts = attribute_texts(writes.iter())?;
        let hashes: Vec<Option<&[u8]>> = writes.iter().map(|write| table.hash(&write.hash)).collect();
        let keys = table.key_arrays(writes.iter().map(|write| write.key));
        let columns = by_column(table, writes.iter(), &texts, &self.filled);
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&table.owner, &self.import, &self.now, &hashes];
        params.extend(keys.iter().map(|column| -> &(dyn ToSql + Sync) { column }));
        params.extend(columns.iter().map(|column| -> &(dyn ToSql + Sync) { column }));
        session.execute_prepared(statement, &params).await?;
        Ok(())
    }

    /// Binds: the owner, the import, the time, then arrays of hashes, of each column of the key and of each value column that
    /// is sent. Arrays side by side in the list of a SELECT are walked in step and never laid out as a table, as those of a
    /// FROM would be.
    fn insert_sql(&self) -> String {
        let table = &self.table;
        let columns: Vec<&str> = table.key_columns().chain(self.columns()).collect();
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
}

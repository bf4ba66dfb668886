//! A row of `imports` as it lies in the table, and how it reads back.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use worker::import::{Counts, ImportId, OrgId, Status};
use worker::ports::Checkpoint;
use worker::resource::Resource;

use super::cell::{corrupt, from_json, unsigned, utc};
use super::error::StoreError;
use super::model::{Import, ImportError};
use super::schema::imports;

/// Every column but the lease's, which only `claim` and the batch look at.
#[derive(Queryable, Selectable)]
#[diesel(table_name = imports)]
pub(super) struct ImportRow {
    id: i64,
    org_id: i64,
    resource: String,
    surface: String,
    status: String,
    options: String,
    file_columns: String,
    blob: Option<String>,
    file_name: Option<String>,
    file_bytes: i64,
    sha256: String,
    encoding: String,
    delimiter: i32,
    total: i64,
    #[diesel(embed)]
    counts: CountsRow,
    #[diesel(embed)]
    checkpoint: CheckpointRow,
    pub(super) crash_count: i32,
    idempotency_key: Option<String>,
    fingerprint: Option<String>,
    error_code: Option<String>,
    error_detail: Option<String>,
    tally: String,
    retry_of: Option<i64>,
    pub(super) retention_seconds: i64,
    created_at: NaiveDateTime,
    started_at: Option<NaiveDateTime>,
    finished_at: Option<NaiveDateTime>,
    expires_at: Option<NaiveDateTime>,
    synchronous: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = imports)]
pub(super) struct CountsRow {
    created: i64,
    updated: i64,
    unchanged: i64,
    failed: i64,
    skipped: i64,
    warnings: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = imports)]
pub(super) struct CheckpointRow {
    checkpoint_record: i64,
    checkpoint_byte: i64,
    checkpoint_line: i64,
}

impl ImportRow {
    /// How long the import is kept once it is final.
    pub(super) fn retention(&self) -> Result<std::time::Duration, StoreError> {
        unsigned("imports.retention_seconds", self.retention_seconds).map(std::time::Duration::from_secs)
    }
}

impl TryFrom<CountsRow> for Counts {
    type Error = StoreError;

    fn try_from(row: CountsRow) -> Result<Self, StoreError> {
        Ok(Self {
            created: unsigned("imports.created", row.created)?,
            updated: unsigned("imports.updated", row.updated)?,
            unchanged: unsigned("imports.unchanged", row.unchanged)?,
            failed: unsigned("imports.failed", row.failed)?,
            skipped: unsigned("imports.skipped", row.skipped)?,
            warnings: unsigned("imports.warnings", row.warnings)?,
        })
    }
}

impl TryFrom<CheckpointRow> for Checkpoint {
    type Error = StoreError;

    fn try_from(row: CheckpointRow) -> Result<Self, StoreError> {
        Ok(Self {
            record: unsigned("imports.checkpoint_record", row.checkpoint_record)?,
            byte: unsigned("imports.checkpoint_byte", row.checkpoint_byte)?,
            line: unsigned("imports.checkpoint_line", row.checkpoint_line)?,
        })
    }
}

impl TryFrom<ImportRow> for Import {
    type Error = StoreError;

    fn try_from(row: ImportRow) -> Result<Self, StoreError> {
        let error = row.error_code.map(|code| ImportError {
            code,
            detail: row.error_detail.unwrap_or_default(),
        });
        Ok(Self {
            id: ImportId(row.id),
            org: OrgId(row.org_id),
            resource: Resource::parse(&row.resource).ok_or_else(|| corrupt("imports.resource", &row.resource))?,
            surface: row.surface,
            status: Status::parse(&row.status).ok_or_else(|| corrupt("imports.status", &row.status))?,
            options: from_json("imports.options", &row.options)?,
            columns: from_json("imports.file_columns", &row.file_columns)?,
            blob: row.blob,
            file_name: row.file_name,
            bytes: unsigned("imports.file_bytes", row.file_bytes)?,
            sha256: row.sha256,
            encoding: row.encoding,
            delimiter: u8::try_from(row.delimiter).map_err(|_| corrupt("imports.delimiter", row.delimiter))?,
            total: unsigned("imports.total", row.total)?,
            counts: row.counts.try_into()?,
            checkpoint: row.checkpoint.try_into()?,
            crash_count: row.crash_count,
            idempotency_key: row.idempotency_key,
            fingerprint: row.fingerprint,
            error,
            tally: from_json("imports.tally", &row.tally)?,
            created_at: utc(row.created_at),
            started_at: row.started_at.map(utc),
            finished_at: row.finished_at.map(utc),
            expires_at: row.expires_at.map(utc),
            retry_of: row.retry_of.map(ImportId),
            synchronous: row.synchronous,
        })
    }
}

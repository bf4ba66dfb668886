//! An import as the native API shows it: absent rather than null, except in `mapping`, where null means "ignored".

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use worker::import::Mode;
use worker::mapping::Sensitive;
use worker::row_error::{Failure, RowError, spreadsheet_row};

use crate::store::model::{Import, ImportError, TopError};

/// Kinds of row error that are shown, most frequent first.
const TOP_ERRORS: usize = 20;

/// An import.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Import)]
pub struct ImportView {
    /// Its number.
    pub id: i64,
    /// `queued`, `running`, `completed`, `partial`, `failed` or `canceled`.
    #[schema(example = "partial")]
    pub status: &'static str,
    /// What its rows are.
    pub resource: &'static str,
    /// The API it came by.
    pub surface: String,
    /// Whether records were left alone.
    pub dry_run: bool,
    /// `upsert`, `create` or `update`.
    pub mode: &'static str,
    /// The uploaded file.
    pub file: FileView,
    /// What became of its rows.
    pub counts: CountsView,
    /// How far it is.
    pub progress: ProgressView,
    /// What each column fills: a field, `attributes.…`, or null for one that is ignored.
    pub mapping: BTreeMap<String, Option<String>>,
    /// The most frequent row errors.
    pub top_errors: Vec<TopErrorView>,
    /// Why the run could not be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RunErrorView>,
    /// The import whose failed rows it mends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<i64>,
    /// When the upload began.
    pub created_at: DateTime<Utc>,
    /// When a worker first took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it became final.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// When it will be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Where to go from here.
    pub links: LinksView,
}

/// The uploaded file.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = File)]
pub struct FileView {
    /// The name it had at the caller's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Bytes as they were sent.
    pub bytes: u64,
    /// SHA-256 of those bytes.
    pub sha256: String,
    /// The encoding that was found or given.
    pub encoding: String,
    /// The delimiter that was found or given.
    pub delimiter: char,
}

/// What became of the rows: `read` is the sum of created, updated, unchanged, failed and skipped; `total` that of read and
/// unprocessed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Counts)]
pub struct CountsView {
    /// Rows in the file.
    pub total: u64,
    /// Rows dealt with.
    pub read: u64,
    /// Records that were made.
    pub created: u64,
    /// Records that were changed.
    pub updated: u64,
    /// Rows that say what the record already says.
    pub unchanged: u64,
    /// Rows refused.
    pub failed: u64,
    /// Blank rows.
    pub skipped: u64,
    /// Rows not dealt with, yet or ever.
    pub unprocessed: u64,
    /// Rows applied with a remark, such as padded ones.
    pub warnings: u64,
}

/// How far an import is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Progress)]
pub struct ProgressView {
    /// 0 to 100.
    pub percent: u64,
    /// Since it was started; absent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_per_second: Option<u64>,
}

/// One kind of row error.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = TopError)]
pub struct TopErrorView {
    /// Stable code.
    pub code: String,
    /// Our field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The file's column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Rows that have it.
    pub count: u64,
    /// What is wrong.
    pub message: String,
    /// The first rows, as a spreadsheet numbers them.
    pub rows: Vec<u64>,
}

/// Why a run could not be done.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RunError)]
pub struct RunErrorView {
    /// `/problems/` and the code.
    pub r#type: String,
    /// What it means.
    pub title: &'static str,
    /// Stable code.
    pub code: String,
    /// What happened and what to do.
    pub detail: String,
}

/// Where to go from an import.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Links)]
pub struct LinksView {
    /// The import.
    #[serde(rename = "self")]
    pub this: String,
    /// Its failed rows as a file.
    pub failed_csv: String,
    /// Its failed rows with their errors.
    pub rows: String,
}

/// A row that failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FailedRow)]
pub struct FailedRowView {
    /// As a spreadsheet numbers rows; the header is 1.
    pub row: u64,
    /// The line of the file it starts on.
    pub line: u64,
    /// `failed`.
    pub outcome: &'static str,
    /// Everything that is wrong with it.
    pub errors: Vec<RowErrorView>,
    /// The file's cells by header; sensitive ones are left out unless the key has `sensitive:read`.
    #[schema(value_type = BTreeMap<String, String>)]
    pub cells: Map<String, Value>,
}

/// One thing wrong with a row.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RowError)]
pub struct RowErrorView {
    /// Stable code.
    pub code: &'static str,
    /// Our field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The file's column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What would have been right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Shows an import.
pub fn import(import: &Import) -> ImportView {
    let path = format!("/v1/imports/{}", import.id);
    ImportView {
        id: import.id.0,
        status: import.status.as_str(),
        resource: import.resource.as_str(),
        surface: import.surface.clone(),
        dry_run: import.options.dry_run,
        mode: mode(import.options.mode),
        file: file(import),
        counts: counts(import),
        progress: progress(import),
        mapping: import
            .columns
            .iter()
            .map(|column| (column.header.clone(), column.target.describe()))
            .collect(),
        top_errors: top_errors(&import.tally),
        error: import.error.as_ref().map(run_error),
        retry_of: import.retry_of.map(|id| id.0),
        created_at: import.created_at,
        started_at: import.started_at,
        finished_at: import.finished_at,
        expires_at: import.expires_at,
        links: LinksView {
            failed_csv: format!("{path}/failed.csv"),
            rows: format!("{path}/rows"),
            this: path,
        },
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Upsert => "upsert",
        Mode::Create => "create",
        Mode::Update => "update",
    }
}

fn file(import: &Import) -> FileView {
    FileView {
        name: import.file_name.clone(),
        bytes: import.bytes,
        sha256: import.sha256.clone(),
        encoding: import.encoding.to_lowercase(),
        delimiter: char::from(import.delimiter),
    }
}

fn counts(import: &Import) -> CountsView {
    let counts = &import.counts;
    CountsView {
        total: import.total,
        read: counts.read(),
        created: counts.created,
        updated: counts.updated,
        unchanged: counts.unchanged,
        failed: counts.failed,
        skipped: counts.skipped,
        unprocessed: import.total.saturating_sub(counts.read()),
        warnings: counts.warnings,
    }
}

fn progress(import: &Import) -> ProgressView {
    let read = import.counts.read();
    let percent = match import.total {
        0 if import.status.is_final() => 100,
        0 => 0,
        total => read.saturating_mul(100) / total,
    };
    let rows_per_second = import.started_at.and_then(|started| {
        let until = import.finished_at.unwrap_or_else(Utc::now);
        let millis = u64::try_from((until - started).num_milliseconds()).ok()?.max(1);
        Some(read.saturating_mul(1000) / millis)
    });
    ProgressView {
        percent: percent.min(100),
        rows_per_second,
    }
}

fn top_errors(tally: &[TopError]) -> Vec<TopErrorView> {
    let mut sorted: Vec<&TopError> = tally.iter().collect();
    sorted.sort_by_key(|error| (std::cmp::Reverse(error.count), error.rows.first().copied()));
    let show = |error: &TopError| TopErrorView {
        code: error.code.clone(),
        field: error.field.clone(),
        column: error.column.clone(),
        count: error.count,
        message: error.message.clone(),
        rows: error.rows.clone(),
    };
    sorted.into_iter().take(TOP_ERRORS).map(show).collect()
}

fn run_error(error: &ImportError) -> RunErrorView {
    RunErrorView {
        r#type: format!("/problems/{}", error.code),
        title: "The run could not be done",
        code: error.code.clone(),
        detail: error.detail.clone(),
    }
}

/// Shows a failed row of an import.
pub fn failed_row(import: &Import, failure: Failure, show_sensitive: bool) -> FailedRowView {
    let (sensitive, width) = (Sensitive::new(&import.columns, import.resource), failure.cells.len());
    let cells = import.columns.iter().zip(failure.cells).enumerate();
    FailedRowView {
        row: spreadsheet_row(failure.record),
        line: failure.line,
        outcome: "failed",
        errors: failure.errors.into_iter().map(row_error).collect(),
        cells: cells
            .filter(|(place, _)| show_sensitive || !sensitive.hides(*place, width))
            .map(|(_, (column, cell))| (column.header.clone(), Value::String(cell)))
            .collect(),
    }
}

fn row_error(error: RowError) -> RowErrorView {
    RowErrorView {
        code: error.code.as_str(),
        field: error.field,
        column: error.column,
        message: error.message,
        expected: error.expected,
        value: error.value,
    }
}

#[cfg(test)]
mod tests;

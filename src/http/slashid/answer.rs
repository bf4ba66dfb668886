//! The answer of an import. Its failed rows are a CSV inside a JSON text: written piece by piece as they are read, so that a
//! file of failures needs no more memory than a page of them.

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::{Meta, Pagination, Reason};
use crate::app::App;
use crate::imports::returned_rows;
use crate::store::StoreError;
use crate::store::model::Import;

/// The last column of the failed rows; a submitted one of that name gives way to it.
const ERROR_COLUMN: &str = "slashid:error";

/// What became of a file.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SlashIdImported)]
pub struct Imported {
    /// One page of all rows.
    pub meta: Meta,
    /// Empty.
    pub errors: Vec<Reason>,
    /// The figures.
    pub result: Outcome,
}

/// The figures.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SlashIdOutcome)]
pub struct Outcome {
    /// Persons that are now as the file says.
    pub successful_imports: u64,
    /// Rows that were refused.
    pub failed_imports: u64,
    /// The refused rows as CSV with a last column `slashid:error`; absent where there are none. It can be mended and sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_csv: Option<String>,
}

/// The answer in pieces.
pub(super) fn body(app: &App, import: Import) -> impl Stream<Item = Result<Bytes, StoreError>> + use<> {
    let figures = serde_json::to_string(&figures(&import)).unwrap_or_default();
    let (start, end) = match figures.strip_suffix("}}") {
        Some(open) if import.counts.failed > 0 => (format!("{open},\"failed_csv\":\""), "\"}}"),
        _ => (figures, ""),
    };
    let some = import.counts.failed > 0;
    let rows =
        some.then(|| returned_rows::csv(app, import, ERROR_COLUMN).map(|csv| csv.map(|csv| inside_quotes(&csv))));
    let piece = |bytes: Bytes| stream::iter([Ok(bytes)]);
    piece(start.into())
        .chain(stream::iter(rows).flatten())
        .chain(piece(Bytes::from_static(end.as_bytes())))
}

fn figures(import: &Import) -> Imported {
    Imported {
        meta: Meta {
            pagination: Pagination {
                limit: import.total,
                offset: 0,
                total_count: import.total,
            },
        },
        errors: Vec::new(),
        result: Outcome {
            successful_imports: import.counts.ok(),
            failed_imports: import.counts.failed,
            failed_csv: None,
        },
    }
}

/// A piece of a JSON text, without the quotes around it.
fn inside_quotes(text: &str) -> Bytes {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Bytes::copy_from_slice(inner.unwrap_or_default().as_bytes())
}

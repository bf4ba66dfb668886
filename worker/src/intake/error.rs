//! Why a file is refused at the door: a stable code, the place, a sentence for a person. No HTTP status stands here: `kind`
//! says what sort of answer it is, and each surface makes its own of it.

use crate::row_error::spreadsheet_row;

/// What sort of refusal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoorKind {
    /// The file, or an option about it, is wrong.
    BadRequest,
    /// The file is larger than allowed, or would be once inflated.
    TooLarge,
    /// The file is something other than CSV text in a known encoding.
    Unsupported,
}

/// A file that is refused before anything of it is stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct DoorError {
    /// Stable, in kebab case: `unclosed-quote`.
    pub code: &'static str,
    /// What sort of answer it calls for.
    pub kind: DoorKind,
    /// What happened, where (row as a spreadsheet shows it), what was expected, how to mend it.
    pub detail: String,
    /// The record it happened in: 0 = the header, 1 = the first after it, blank ones counted.
    pub record: Option<u64>,
    /// Offset in the file as sent, counted from 0 after any `Content-Encoding` is undone: the first byte that does not fit,
    /// the opening quote that is never closed, the start of the record or field that is too large. Absent where a structural
    /// fault lies in a file that had to be transcoded, and for faults of the compression.
    pub byte: Option<u64>,
}

impl DoorError {
    pub(super) fn bad(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code,
            kind: DoorKind::BadRequest,
            detail: detail.into(),
            record: None,
            byte: None,
        }
    }

    pub(super) fn too_large(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: DoorKind::TooLarge,
            ..Self::bad(code, detail)
        }
    }

    pub(super) fn unsupported(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: DoorKind::Unsupported,
            ..Self::bad(code, detail)
        }
    }

    pub(super) fn at(self, record: u64, byte: Option<u64>) -> Self {
        Self {
            record: Some(record),
            byte,
            ..self
        }
    }
}

/// A record's place in words: "row 1 (the header)", "row 7".
pub(super) fn row(record: u64) -> String {
    let row = spreadsheet_row(record);
    if record == 0 {
        format!("row {row} (the header)")
    } else {
        format!("row {row}")
    }
}

//! The errors of a row as the file's reader knows it: our field, its header, what was wrong and what would have been right.

use crate::resource::Field;
use crate::resource::cell::CellError;
use crate::row_error::{Failure, RowCode, RowError, shown, unseen};

pub(super) fn owned(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

pub(super) fn failure(record: u64, line: u64, cells: &[&str], errors: Vec<RowError>) -> Failure {
    Failure {
        record,
        line,
        errors,
        cells: owned(cells),
    }
}

pub(super) fn row_error(field: &Field, header: &str, value: &str, error: CellError) -> RowError {
    RowError {
        code: error.code,
        field: Some(field.name.to_owned()),
        column: Some(header.to_owned()),
        message: if field.is_sensitive() {
            error.message.to_owned()
        } else {
            message(&error, value)
        },
        expected: Some(error.expected),
        value: (!field.is_sensitive()).then(|| shown(value)),
    }
}

pub(super) fn attribute_error(header: &str, value: &str, error: CellError) -> RowError {
    RowError {
        code: error.code,
        field: None,
        column: Some(header.to_owned()),
        message: message(&error, value),
        expected: Some(error.expected),
        value: Some(shown(value)),
    }
}

/// What no eye finds in the cell is named.
fn message(error: &CellError, value: &str) -> String {
    match unseen(value) {
        None => error.message.to_owned(),
        Some(found) => format!(
            "{}; the cell holds characters that cannot be seen: {found}",
            error.message
        ),
    }
}

fn shape_error(code: RowCode, message: String, expected: String) -> RowError {
    RowError {
        code,
        field: None,
        column: None,
        message,
        expected: Some(expected),
        value: None,
    }
}

pub(super) fn column_count_error(found: usize, wanted: usize) -> RowError {
    let message = format!("the row has {found} cells, the header has {wanted}");
    shape_error(
        RowCode::ColumnCount,
        message,
        format!("{wanted} cells; put quotes around cells that hold the delimiter"),
    )
}

pub(super) fn bad_quote_error() -> RowError {
    let message = "a quote stands inside a cell that does not begin with one, or text follows a closing quote";
    let expected = r#"quotes around the whole cell and doubled inside: "5"" pipe""#;
    shape_error(RowCode::BadQuote, message.to_owned(), expected.to_owned())
}

/// What the file's composer found wrong, in its own words.
pub(super) fn refused_error(reason: &str) -> RowError {
    RowError {
        code: RowCode::Refused,
        field: None,
        column: None,
        message: reason.to_owned(),
        expected: None,
        value: None,
    }
}

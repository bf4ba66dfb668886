//! The refused rows of an import as the caller's own table with one column more, the last, which says why. For a caller who
//! has just sent them: nothing is hidden, so that the table can be mended and sent again.

use futures::stream::{self, Stream};
use worker::row_error::{Failure, RowError};

use super::failed_rows::{self, encode};
use crate::app::App;
use crate::store::StoreError;
use crate::store::model::Import;

/// Failures read at once.
const PAGE: i64 = 200;

/// The table in pieces of whole lines, header first. A submitted column named `column` gives way to the new one.
pub fn csv(
    app: &App,
    import: Import,
    column: &'static str,
) -> impl Stream<Item = Result<String, StoreError>> + Send + use<> {
    let (app, org, id) = (app.clone(), import.org, import.id);
    let layout = Layout {
        kept: import.columns.iter().map(|own| own.header != column).collect(),
    };
    let own = import.columns.into_iter().map(|own| own.header);
    let header = layout.row(own.collect(), column.to_owned());
    stream::try_unfold((Some(header), 0), move |(header, after)| {
        let (app, layout) = (app.clone(), layout.clone());
        async move {
            if let Some(header) = header {
                return Ok(Some((text(vec![header]), (None, 0))));
            }
            let failures = failed_rows::page(&app, org, id, after, PAGE).await?;
            let Some(last) = failures.last().map(|failure| failure.record) else {
                return Ok(None);
            };
            let rows = failures.into_iter().map(|failure| layout.failure(failure));
            Ok(Some((text(rows.collect()), (None, last))))
        }
    })
}

/// Which of the file's columns are given back.
#[derive(Clone)]
struct Layout {
    kept: Vec<bool>,
}

impl Layout {
    fn failure(&self, failure: Failure) -> Vec<String> {
        let reasons: Vec<String> = failure.errors.iter().map(reason).collect();
        self.row(failure.cells, reasons.join("; "))
    }

    /// The row's cells under their headers, then the last column. Cells beyond the header are what made the row fail: they
    /// come after it, where they are still too many.
    fn row(&self, cells: Vec<String>, last: String) -> Vec<String> {
        let mut cells = cells.into_iter();
        let mut row = Vec::with_capacity(self.kept.len() + 1);
        for kept in &self.kept {
            let cell = cells.next().unwrap_or_default();
            if *kept {
                row.push(cell);
            }
        }
        row.push(last);
        row.extend(cells);
        row
    }
}

/// What is wrong and where; where no column is to blame, also the value.
fn reason(error: &RowError) -> String {
    match (&error.column, &error.value) {
        (None, Some(value)) => format!("{}: {value}", error.sentence()),
        _ => error.sentence(),
    }
}

fn text(rows: Vec<Vec<String>>) -> String {
    String::from_utf8(encode(rows.into_iter()).into()).unwrap_or_default()
}

//! The refused rows of an import: a page of them with every error, or all of them as a CSV that can be mended and sent again
//! as it is. Streamed page by page in file order, so that a million failures need no more memory than a page.

use bytes::Bytes;
use csv::{QuoteStyle, Terminator, WriterBuilder};
use futures::stream::{self, Stream};
use worker::import::{ImportId, OrgId};
use worker::mapping::{Column, QUOTED_COLUMN, REFUSED_COLUMN, RESERVED_PREFIX, ROW_COLUMN, Sensitive};
use worker::resource::Resource;
use worker::resource::cell::REDACTED;
use worker::row_error::{Failure, RowError, spreadsheet_row};

use crate::app::App;
use crate::store::StoreError;
use crate::store::model::Import;

/// Failures read at once while a file is streamed.
const PAGE: i64 = 500;
/// What makes a spreadsheet take a cell for a formula (OWASP), and the quote itself, so that exactly one can come off.
const FORMULA_STARTS: [char; 12] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '\''];

/// For whom the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Programs: the original cells.
    Plain,
    /// Spreadsheets: with a BOM, and a quote before whatever would be a formula.
    Excel,
}

/// As many failures after a record number as `limit` says, in file order, and whether those are all that it asks for; where
/// they are too large to be shown at once, fewer, and one more to show that others follow.
pub async fn list(app: &App, import: &Import, after: u64, limit: i64) -> Result<(Vec<Failure>, bool), StoreError> {
    let mut fetched = page(app, import.org, import.id, after, limit).await?;
    let full = i64::try_from(fetched.len()).is_ok_and(|fetched| fetched >= limit);
    let Some(last) = fetched.last().map(|failure| failure.record).filter(|_| !full) else {
        return Ok((fetched, true));
    };
    let further = page(app, import.org, import.id, last, 1).await?;
    let whole = further.is_empty();
    fetched.extend(further);
    Ok((fetched, whole))
}

/// A page of failures after a record number, in file order; only an empty one is the last.
pub async fn page(app: &App, org: OrgId, id: ImportId, after: u64, limit: i64) -> Result<Vec<Failure>, StoreError> {
    app.store.failures(org, id, after, limit).await
}

/// The whole file, header first.
pub fn csv(
    app: &App,
    import: Import,
    form: Form,
    show_sensitive: bool,
) -> impl Stream<Item = Result<Bytes, StoreError>> + Send + use<> {
    let (store, org, id) = (app.store.clone(), import.org, import.id);
    let layout = Layout::new(import.columns, import.resource, form, show_sensitive);
    stream::try_unfold(Some(Place::Header), move |place| {
        let (store, layout) = (store.clone(), layout.clone());
        async move {
            match place {
                None => Ok(None),
                Some(Place::Header) => Ok(Some((layout.header(), Some(Place::After(0))))),
                Some(Place::After(record)) => {
                    let failures = store.failures(org, id, record, PAGE).await?;
                    let next = failures.last().map(|failure| Place::After(failure.record));
                    Ok(next.is_some().then(|| (layout.rows(&failures), next)))
                }
            }
        }
    })
}

#[derive(Clone, Copy)]
enum Place {
    Header,
    After(u64),
}

/// How the file is laid out.
#[derive(Clone, Debug)]
pub struct Layout {
    columns: Vec<Column>,
    sensitive: Sensitive,
    show_sensitive: bool,
    form: Form,
}

impl Layout {
    /// For the failures of a file with these columns.
    pub fn new(columns: Vec<Column>, resource: Resource, form: Form, show_sensitive: bool) -> Self {
        Self {
            sensitive: Sensitive::new(&columns, resource),
            columns,
            show_sensitive,
            form,
        }
    }

    /// Our columns, then the file's own.
    pub fn header(&self) -> Bytes {
        let quoted = (self.form == Form::Excel).then_some(QUOTED_COLUMN);
        let ours = [ROW_COLUMN, "_import_codes", REFUSED_COLUMN]
            .into_iter()
            .chain(quoted)
            .map(str::to_owned);
        let theirs = self.theirs().map(|(_, column)| self.safe(&column.header));
        let record = encode(std::iter::once(ours.chain(theirs).collect()));
        match self.form {
            Form::Plain => record,
            Form::Excel => ["\u{feff}".as_bytes(), &record].concat().into(),
        }
    }

    /// A record for each failure.
    pub fn rows(&self, failures: &[Failure]) -> Bytes {
        encode(failures.iter().map(|failure| self.row(failure)))
    }

    fn row(&self, failure: &Failure) -> Vec<String> {
        let codes: Vec<String> = failure.errors.iter().map(RowError::label).collect();
        let sentences: Vec<String> = failure.errors.iter().map(RowError::sentence).collect();
        let mut record = vec![
            spreadsheet_row(failure.record).to_string(),
            self.safe(&codes.join(" ")),
            self.safe(&sentences.join("; ")),
        ];
        if self.form == Form::Excel {
            record.push("yes".to_owned());
        }
        let cell = |place: usize| {
            let cell = failure.cells.get(place)?;
            let hidden = !self.show_sensitive && self.sensitive.hides(place, failure.cells.len());
            Some(if hidden && !cell.is_empty() {
                REDACTED.to_owned()
            } else {
                self.safe(cell)
            })
        };
        record.extend(self.theirs().map_while(|(place, _)| cell(place)));
        // Cells beyond the header are what made the row fail: they stay where they were.
        record.extend((self.columns.len()..failure.cells.len()).map_while(cell));
        record
    }

    /// The file's own columns; those of an earlier failed-rows file are replaced by ours.
    fn theirs(&self) -> impl Iterator<Item = (usize, &Column)> {
        let columns = self.columns.iter().enumerate();
        columns.filter(|(_, column)| !column.header.starts_with(RESERVED_PREFIX))
    }

    fn safe(&self, cell: &str) -> String {
        match self.form {
            Form::Excel if cell.starts_with(FORMULA_STARTS) => format!("'{cell}"),
            Form::Plain | Form::Excel => cell.to_owned(),
        }
    }
}

/// RFC 4180, CRLF. Writing to memory cannot fail; if it did, the rest would be missing and the test of the round trip red.
pub(super) fn encode(records: impl Iterator<Item = Vec<String>>) -> Bytes {
    let mut writer = WriterBuilder::new()
        .flexible(true)
        .terminator(Terminator::CRLF)
        .quote_style(QuoteStyle::Necessary)
        .from_writer(Vec::new());
    for record in records {
        if writer.write_record(&record).is_err() {
            break;
        }
    }
    writer.into_inner().unwrap_or_default().into()
}

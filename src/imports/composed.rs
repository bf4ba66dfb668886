//! Files that a surface composes out of JSON: one row for each record, and what the row says is said in cells: nothing, a value,
//! that a value goes, or that the record cannot become a row. What a member means is the surface's business.

use tokio::sync::mpsc;
use worker::import::{Blank, ImportOptions};
use worker::mapping::REFUSED_COLUMN;
use worker::resource::Resource;
use worker::resource::cell::{ERASED, MAX_ATTRIBUTE_BYTES};

use super::run_now::Table;
use super::submit::BodyPart;

/// How much of a file is written at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// How much is kept of the reasons against a row.
const MAX_REASON_CHARS: usize = 2_000;

/// The columns of a composed file, but for the first, `REFUSED_COLUMN`: the name of each, and the field that it fills.
pub type Columns = &'static [(&'static str, &'static str)];

/// The header record.
pub fn header(columns: Columns) -> Vec<&'static str> {
    let names = columns.iter().map(|(name, _)| *name);
    std::iter::once(REFUSED_COLUMN).chain(names).collect()
}

/// How a composed file of users is run: cells change what they name and nothing else. `source` is that of rows without one.
pub fn options(columns: Columns, source: &str) -> ImportOptions {
    let mapped = |(name, field): &(&str, &str)| ((*name).to_owned(), Some((*field).to_owned()));
    ImportOptions {
        mapping: columns.iter().map(mapped).collect(),
        aliases: false,
        source: source.to_owned(),
        key: vec!["source_id".to_owned()],
        blank: Blank::Ignore,
        delimiter: Some(','),
        encoding: Some("utf-8".to_owned()),
        composed: true,
        ..ImportOptions::new(Resource::Users)
    }
}

/// The file as a body, written as it is read: at no time is more than a chunk of it in memory. `rows` gives its rows to the
/// function it is given, until that says that nobody wants more.
pub fn body(
    columns: Columns,
    rows: impl FnOnce(&mut dyn FnMut(ComposedRow) -> bool) + Send + 'static,
) -> mpsc::Receiver<BodyPart> {
    let (sink, body) = mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        let mut table = Table::new(&header(columns));
        rows(&mut |row| {
            table.row(row.into_cells());
            table.bytes() < CHUNK_BYTES || sink.blocking_send(BodyPart::Chunk(table.take())).is_ok()
        });
        let last = [BodyPart::Chunk(table.take()), BodyPart::End];
        // A closed channel means an answer is there.
        last.into_iter().try_for_each(|part| sink.blocking_send(part)).ok();
    });
    body
}

/// A row on its way into the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComposedRow {
    columns: Columns,
    /// Those that say something, by column: few of many, and a request can hold many rows.
    cells: Vec<(usize, String)>,
    refusals: Vec<String>,
}

impl ComposedRow {
    /// A row that says nothing yet.
    pub fn new(columns: Columns) -> Self {
        Self {
            columns,
            cells: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// The column is to hold this; an empty text clears it. A text that no field could take, and that the door would refuse
    /// with the whole file, refuses the row alone.
    pub fn set(&mut self, column: &str, text: &str) {
        if text.len() > MAX_ATTRIBUTE_BYTES {
            self.refuse(format!("{column}: too long"));
        } else if text.contains('\0') || text == ERASED {
            self.refuse(format!("{column}: holds a control character"));
        } else if text.is_empty() {
            self.put(column, ERASED);
        } else {
            self.put(column, text);
        }
    }

    /// The column's value goes.
    pub fn clear(&mut self, column: &str) {
        self.put(column, ERASED);
    }

    /// The record cannot become a row, for this reason among others; to be said without values.
    pub fn refuse(&mut self, reason: impl Into<String>) {
        self.refusals.push(reason.into());
    }

    /// The cells, in the order of `header`.
    pub fn into_cells(self) -> Vec<String> {
        let reasons = self.refusals.join("; ").chars().take(MAX_REASON_CHARS).collect();
        let mut cells = vec![String::new(); self.columns.len()];
        for (place, text) in self.cells {
            cells
                .iter_mut()
                .skip(place)
                .take(1)
                .for_each(|cell| text.clone_into(cell));
        }
        std::iter::once(reasons).chain(cells).collect()
    }

    fn put(&mut self, column: &str, text: &str) {
        let Some(place) = self.columns.iter().position(|(name, _)| *name == column) else {
            return;
        };
        match self.cells.iter_mut().find(|(taken, _)| *taken == place) {
            Some((_, cell)) => text.clone_into(cell),
            None => self.cells.push((place, text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_nothing_a_value_or_that_one_goes() {
        let mut row = ComposedRow::new(&[("a", ""), ("b", ""), ("c", ""), ("d", "")]);
        row.set("a", "1");
        row.set("b", "");
        row.clear("c");
        assert_eq!(row.into_cells(), ["", "1", ERASED, ERASED, ""]);
    }

    #[test]
    fn what_no_field_takes_refuses_its_row_alone() {
        let mut row = ComposedRow::new(&[("a", ""), ("b", "")]);
        row.set("a", &"x".repeat(MAX_ATTRIBUTE_BYTES + 1));
        row.set("b", "x\0");
        row.set("b", ERASED);
        let reasons = "a: too long; b: holds a control character; b: holds a control character";
        assert_eq!(row.into_cells(), [reasons, "", ""]);
    }

    #[test]
    fn reasons_are_bounded() {
        let mut row = ComposedRow::new(&[]);
        row.refuse("x".repeat(5_000));
        assert_eq!(row.into_cells().concat().len(), MAX_REASON_CHARS);
    }
}

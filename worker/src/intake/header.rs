//! The header record: kept while it comes in, then checked once. What its names mean is not asked here.

use std::collections::HashMap;

use super::error::DoorError;
use super::limits::{HEADER_BYTES, HEADER_NAME_BYTES};
use super::scan::{RecordEnd, offset};
use crate::ports::Checkpoint;
use crate::reader::Splitter;

/// The header as far as it is known.
#[derive(Debug, Default)]
pub(super) struct HeaderRecord {
    bytes: Vec<u8>,
    length: u64,
    names: Option<Vec<String>>,
}

impl HeaderRecord {
    pub(super) fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    pub(super) fn take(&mut self) -> Option<Vec<String>> {
        self.names.take()
    }

    /// Keeps the next bytes of it. Beyond the limit they are only counted: the scan may yet find the graver fault.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        self.length += offset(bytes.len());
        let room = HEADER_BYTES.saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }

    /// It has ended: checks it, and gives the place of the first record behind it.
    pub(super) fn settle(
        &mut self,
        delimiter: u8,
        end: RecordEnd,
        shift: Option<u64>,
    ) -> Result<Checkpoint, DoorError> {
        let at = shift.map(|shift| end.start.byte + shift);
        if let Some(quote) = end.bad_quote {
            let place = shift.map(|shift| quote + shift);
            let detail = "Row 1 (the header) has a quote where none may stand: inside an unquoted name, or closing one before \
                          more text. Quote the whole name, and write a quote inside it as \"\".";
            return Err(DoorError::bad("bad-quote", detail).at(0, place));
        }
        let content = usize::try_from(end.content)
            .ok()
            .and_then(|length| self.bytes.get(..length));
        let Some(content) = content else {
            return Err(too_long(
                format!("Row 1 (the header) is longer than {HEADER_BYTES} bytes."),
                at,
            ));
        };
        let names = names(delimiter, content);
        check(&names, at)?;
        self.names = Some(names);
        self.bytes = Vec::new();
        Ok(Checkpoint {
            record: 0,
            byte: end.after.byte,
            line: end.after.line,
        })
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }
}

/// A file of nothing but white space.
pub(super) fn missing() -> DoorError {
    let detail = "The file has no header: it holds nothing but blank lines. Its first row must name the columns.";
    DoorError::bad("no-header", detail).at(0, Some(0))
}

fn names(delimiter: u8, content: &[u8]) -> Vec<String> {
    let mut splitter = Splitter::new(delimiter);
    splitter
        .split(content)
        .map(|cells| cells.iter().map(str::to_owned).collect())
        .unwrap_or_default()
}

fn check(names: &[String], at: Option<u64>) -> Result<(), DoorError> {
    let mut seen = HashMap::new();
    for (name, column) in names.iter().zip(1_usize..) {
        let folded = fold(name);
        if folded.is_empty() {
            let detail = format!(
                "Column {column} of row 1 (the header) has no name. Name it, or remove the column; a delimiter at the end of \
                 the row makes one too many."
            );
            return Err(DoorError::bad("blank-header", detail).at(0, at));
        }
        if name.len() > HEADER_NAME_BYTES {
            return Err(too_long(
                format!("Column {column} has a name of {} bytes.", name.len()),
                at,
            ));
        }
        if let Some(first) = seen.insert(folded, column) {
            let detail = format!(
                "Columns {first} and {column} of row 1 (the header) have the same name, {name:?}, when case and spaces \
                 around it are left aside. Rename or remove one."
            );
            return Err(DoorError::bad("duplicate-header", detail).at(0, at));
        }
    }
    Ok(())
}

fn too_long(what: String, at: Option<u64>) -> DoorError {
    let detail = format!("{what} Expected names of at most {HEADER_NAME_BYTES} bytes: is the first row the header?");
    DoorError::bad("header-too-long", detail).at(0, at)
}

/// The name as it is compared: without case, the spaces around it, and BOMs that were joined into the text.
fn fold(name: &str) -> String {
    name.trim_matches(|letter: char| letter.is_whitespace() || letter == '\u{FEFF}')
        .to_lowercase()
}

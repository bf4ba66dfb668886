//! Records with positions out of a plain stream, from any checkpoint on. Bounds come from the door's own scanner, cells from
//! `csv_core`; only this room uses that. No meaning of a cell enters here.
//!
//! A record that cannot be cut would have been refused at the door: `ReadError` means that the stored file is damaged.

use crate::intake::scan::{Fault, RecordEnd, Scanner};
use crate::ports::Checkpoint;

#[cfg(test)]
mod tests;

/// What a record is, before its cells are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An empty line, or cells of length zero only.
    Blank,
    /// Cells.
    Fields,
    /// A quote inside an unquoted cell, or text after a closing one. The cells are the most lenient reading of it.
    BadQuote,
}

/// One record; its cells lie in the reader's buffers until the next one is read.
#[derive(Clone, Copy, Debug)]
pub struct Record<'r> {
    /// 1 = first after the header, blank ones counted.
    pub record: u64,
    /// The physical line it starts on, 1 = first of the file.
    pub line: u64,
    /// Where the next record starts.
    pub after: Checkpoint,
    /// What it is.
    pub shape: Shape,
    /// Its cells; none for an empty line.
    pub cells: Cells<'r>,
}

/// The cells of a record, unquoted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cells<'r> {
    text: &'r str,
    ends: &'r [usize],
}

impl<'r> Cells<'r> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// There is none: the line is empty.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'r str> + use<'r> {
        let (text, mut start) = (self.text, 0);
        self.ends
            .iter()
            .filter_map(move |end| text.get(std::mem::replace(&mut start, *end)..*end))
    }

    fn are_all_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// The plain stream cannot be read as the door left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It cannot be cut into records.
    #[error("record {} of the stored file is damaged at byte {}: {:?}", .0.record + 1, .0.byte, .0.kind)]
    Structure(Fault),
    /// A record is not UTF-8.
    #[error("record {record} of the stored file, at byte {byte}, is not UTF-8")]
    NotText {
        /// Which record, 1 = first after the header.
        record: u64,
        /// Where it starts in the plain stream.
        byte: u64,
    },
    /// The stream has fewer records, or more, than were counted at the door.
    #[error("the stored file ends after {found} records of {total}")]
    Short {
        /// Records in the stream.
        found: u64,
        /// Records that came through the door.
        total: u64,
    },
}

/// A push reader of records.
#[derive(Debug)]
pub struct Reader {
    scanner: Scanner,
    splitter: Splitter,
    /// The beginning of a record that came in several pushes: at most one record, hence at most `RECORD_BYTES` and a piece.
    held: Vec<u8>,
}

impl Reader {
    /// A reader for the plain stream from `from.byte` on.
    pub fn new(delimiter: u8, from: Checkpoint) -> Self {
        Self {
            scanner: Scanner::new(delimiter, from),
            splitter: Splitter::new(delimiter),
            held: Vec::new(),
        }
    }

    /// The next record out of `bytes`, which is moved on; nothing when more bytes are needed.
    ///
    /// ```
    /// # use worker::{ports::Checkpoint, reader::Reader};
    /// let mut reader = Reader::new(b',', Checkpoint { record: 0, byte: 0, line: 1 });
    /// let mut bytes: &[u8] = b"7,Ana\n8,Bo\n9,";
    /// while let Some(record) = reader.read(&mut bytes)? {
    ///     assert_eq!(record.cells.len(), 2);
    /// }
    /// assert_eq!(reader.finish()?.map(|last| last.record), Some(3));
    /// # Ok::<(), worker::reader::ReadError>(())
    /// ```
    pub fn read(&mut self, bytes: &mut &[u8]) -> Result<Option<Record<'_>>, ReadError> {
        let step = self.scanner.step(bytes).map_err(ReadError::Structure)?;
        let (taken, rest) = bytes.split_at_checked(step.used).unwrap_or((bytes, &[]));
        *bytes = rest;
        let Some(end) = step.end else {
            self.held.extend_from_slice(taken);
            return Ok(None);
        };
        if self.held.is_empty() {
            return record(&mut self.splitter, taken, end).map(Some);
        }
        self.held.extend_from_slice(taken);
        self.record_held(end).map(Some)
    }

    /// The stream is over: its last record, if that lacks a line end. To be called once.
    pub fn finish(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        match self.scanner.finish().map_err(ReadError::Structure)? {
            Some(end) => self.record_held(end).map(Some),
            None => Ok(None),
        }
    }

    fn record_held(&mut self, end: RecordEnd) -> Result<Record<'_>, ReadError> {
        let record = record(&mut self.splitter, &self.held, end);
        self.held.clear();
        record
    }
}

/// `bytes` hold the record and perhaps its line end.
fn record<'r>(splitter: &'r mut Splitter, bytes: &[u8], end: RecordEnd) -> Result<Record<'r>, ReadError> {
    let content = usize::try_from(end.content)
        .ok()
        .and_then(|length| bytes.get(..length))
        .unwrap_or(bytes);
    let cells = splitter.split(content).ok_or(ReadError::NotText {
        record: end.after.record,
        byte: end.start.byte,
    })?;
    let shape = match end.bad_quote {
        Some(_) => Shape::BadQuote,
        None if cells.are_all_empty() => Shape::Blank,
        None => Shape::Fields,
    };
    Ok(Record {
        record: end.after.record,
        line: end.start.line,
        after: end.after,
        shape,
        cells,
    })
}

/// Cuts one record into cells; its buffers grow to the largest record and stay.
#[derive(Debug)]
pub(crate) struct Splitter {
    core: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Splitter {
    pub(crate) fn new(delimiter: u8) -> Self {
        let mut core = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        // csv_core drops a BOM from the first bytes it ever sees; those of a later record are data.
        core.read_record(b"\n", &mut [0; 8], &mut [0; 2]);
        Self {
            core,
            text: vec![0; 1024],
            ends: vec![0; 32],
        }
    }

    /// The cells of a record without its line end; nothing if it is not UTF-8.
    pub(crate) fn split(&mut self, record: &[u8]) -> Option<Cells<'_>> {
        if record.is_empty() {
            return Some(Cells::default());
        }
        let (mut input, mut text, mut ends, mut closed) = (record, 0, 0, false);
        loop {
            let room = (self.text.get_mut(text..)?, self.ends.get_mut(ends..)?);
            let (result, read, written, ended) = self.core.read_record(input, room.0, room.1);
            input = input.get(read..)?;
            text += written;
            ends += ended;
            match result {
                csv_core::ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                csv_core::ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                csv_core::ReadRecordResult::InputEmpty if !closed => {
                    input = b"\n";
                    closed = true;
                }
                csv_core::ReadRecordResult::InputEmpty => {}
                csv_core::ReadRecordResult::Record | csv_core::ReadRecordResult::End => break,
            }
        }
        let text = std::str::from_utf8(self.text.get(..text)?).ok()?;
        Some(Cells {
            text,
            ends: self.ends.get(..ends)?,
        })
    }
}

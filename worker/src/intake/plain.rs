//! The stream of plain text behind the decoder: drops what precedes the header, finds the delimiter, checks the header,
//! counts records and turns faults of the scan into sentences. Everything it lets through is structurally sound.

use memchr::{memchr, memchr2};

use super::dialect;
use super::error::{DoorError, row};
use super::header::{self, HeaderRecord};
use super::limits::{COLUMNS, FIELD_BYTES, RECORD_BYTES, SAMPLE_BYTES};
use super::scan::{Fault, FaultKind, Scanner, offset};
use crate::ports::Checkpoint;

pub(super) struct Plain {
    wanted: Option<u8>,
    /// Text before the delimiter is known: the sample, without what is dropped.
    prologue: Vec<u8>,
    /// Bytes dropped at the start, as UTF-8.
    dropped: u64,
    lines_dropped: u64,
    /// Offsets in the plain stream, plus `dropped`, are offsets in the file as sent.
    exact: bool,
    scanner: Option<Scanner>,
    header: HeaderRecord,
    start: Checkpoint,
    delimiter: u8,
}

/// What the whole stream turned out to be.
pub(super) struct PlainReport {
    pub(super) header: Vec<String>,
    pub(super) delimiter: u8,
    pub(super) bytes: u64,
    pub(super) records: u64,
    pub(super) start: Checkpoint,
}

impl Plain {
    pub(super) fn new(wanted: Option<u8>) -> Self {
        Self {
            wanted,
            prologue: Vec::new(),
            dropped: 0,
            lines_dropped: 0,
            exact: true,
            scanner: None,
            header: HeaderRecord::default(),
            start: Checkpoint::default(),
            delimiter: b',',
        }
    }

    /// The text is not as it was sent: places in it are none in the file.
    pub(super) fn transcoded(&mut self) {
        self.exact = false;
    }

    pub(super) fn header(&self) -> Option<&[String]> {
        self.header.names()
    }

    /// Takes valid UTF-8 (perhaps cut between two characters).
    pub(super) fn text(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), DoorError> {
        let Some(zero) = memchr(0, text) else {
            return self.push(text, out);
        };
        self.push(text.get(..zero).unwrap_or_default(), out)?;
        let record = self.record_here(out)?;
        let place = self.place(self.scanner.as_ref().map_or(0, Scanner::byte));
        let detail = format!(
            "{} holds a NUL character, which no text has. The file may be damaged, or in an encoding that has to be said: \
             `encoding=utf-16le`, for example.",
            row(record)
        );
        Err(DoorError::bad("nul-byte", detail).at(record, place))
    }

    /// The record that the next byte belongs to. Settles the delimiter with what there is: something went wrong here.
    pub(super) fn record_here(&mut self, out: &mut Vec<u8>) -> Result<u64, DoorError> {
        if self.scanner.is_none() {
            self.open(true, out)?;
        }
        Ok(self.scanner.as_ref().map_or(0, |scanner| scanner.start().record))
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<PlainReport, DoorError> {
        if self.scanner.is_none() {
            self.trim(true);
            if self.prologue.iter().all(|byte| is_space(*byte)) {
                return Err(header::missing());
            }
            self.open(false, out)?;
        }
        let Some(scanner) = &mut self.scanner else {
            return Err(header::missing());
        };
        let end = scanner
            .finish()
            .map_err(|fault| explain(fault, self.exact.then_some(self.dropped)))?;
        let (records, bytes) = (scanner.start().record, scanner.byte());
        if let Some(end) = end.filter(|_| self.header.names().is_none()) {
            self.start = self
                .header
                .settle(self.delimiter, end, self.exact.then_some(self.dropped))?;
        }
        let Some(header) = self.header.take() else {
            return Err(header::missing());
        };
        let records = records.saturating_sub(1);
        Ok(PlainReport {
            header,
            delimiter: self.delimiter,
            bytes,
            records,
            start: self.start,
        })
    }

    fn push(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), DoorError> {
        if self.scanner.is_some() {
            return self.scan(text, out);
        }
        self.prologue.extend_from_slice(text);
        self.trim(false);
        if self.prologue.len() >= SAMPLE_BYTES {
            self.open(true, out)
        } else {
            Ok(())
        }
    }

    /// Drops BOMs at the very start, and lines of white space before the header.
    fn trim(&mut self, complete: bool) {
        let mut text = self.prologue.as_slice();
        while self.lines_dropped == 0
            && let Some(rest) = text.strip_prefix("\u{FEFF}".as_bytes())
        {
            text = rest;
        }
        while let Some(line) = memchr2(b'\n', b'\r', text)
            && text.iter().take(line).all(|byte| is_space(*byte))
        {
            let length = match text.get(line..) {
                Some([b'\r', b'\n', ..]) => line + 2,
                Some([b'\r']) if !complete => break,
                _ => line + 1,
            };
            self.lines_dropped += 1;
            text = text.get(length..).unwrap_or_default();
        }
        let dropped = self.prologue.len() - text.len();
        self.dropped += offset(dropped);
        self.prologue.drain(..dropped);
    }

    /// The sample is complete (`cut` = the file goes on behind it): settles the delimiter and scans what was held back.
    fn open(&mut self, cut: bool, out: &mut Vec<u8>) -> Result<(), DoorError> {
        let mut held = std::mem::take(&mut self.prologue);
        let declared = dialect::separator_line(&held);
        if let Some((_, length)) = declared {
            held.drain(..length.min(held.len()));
            self.dropped += offset(length);
            self.lines_dropped += 1;
        }
        let sample = held.get(..SAMPLE_BYTES).unwrap_or(&held);
        let known = self.wanted.or(declared.map(|(delimiter, _)| delimiter));
        self.delimiter = known.unwrap_or_else(|| dialect::detect(sample, cut));
        let from = Checkpoint {
            record: 0,
            byte: 0,
            line: self.lines_dropped + 1,
        };
        self.scanner = Some(Scanner::new(self.delimiter, from));
        self.scan(&held, out)
    }

    fn scan(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), DoorError> {
        out.extend_from_slice(text);
        let shift = self.exact.then_some(self.dropped);
        let Some(scanner) = &mut self.scanner else {
            return Ok(());
        };
        let mut rest = text;
        while !rest.is_empty() {
            let step = scanner.step(rest).map_err(|fault| explain(fault, shift))?;
            if self.header.names().is_none() {
                self.header.keep(rest.get(..step.used).unwrap_or_default());
                if let Some(end) = step.end {
                    self.start = self.header.settle(self.delimiter, end, shift)?;
                }
            }
            rest = rest.get(step.used..).unwrap_or_default();
        }
        Ok(())
    }

    fn place(&self, byte: u64) -> Option<u64> {
        self.exact.then_some(byte + self.dropped)
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.prologue.capacity() + self.header.held()
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0B | 0x0C | b'\r' | b'\n')
}

/// A fault of the scan as a refusal; `shift` leads from its offset to that in the file as sent.
fn explain(fault: Fault, shift: Option<u64>) -> DoorError {
    let place = |byte: u64| shift.map(|shift| byte + shift);
    let at = |byte: u64| place(byte).map(|byte| format!(" at byte {byte}")).unwrap_or_default();
    let (row, here) = (row(fault.record), at(fault.byte));
    let (code, detail) = match fault.kind {
        FaultKind::UnclosedQuote => (
            "unclosed-quote",
            format!(
                "In {row}, the quote that opens{here} is never closed. Close it, or write a quote inside a quoted field as \"\"."
            ),
        ),
        FaultKind::RecordTooLarge(Some(quote)) => (
            "record-too-large",
            format!(
                "{row}, which starts{here}, is longer than {RECORD_BYTES} bytes. It is inside the quotes that open{}: \
                 perhaps they are never closed.",
                at(quote)
            ),
        ),
        FaultKind::RecordTooLarge(None) => (
            "record-too-large",
            format!(
                "{row}, which starts{here}, is longer than {RECORD_BYTES} bytes. Records end at a line end: LF, CRLF or CR."
            ),
        ),
        FaultKind::FieldTooLarge => (
            "field-too-large",
            format!("In {row}, the field that starts{here} is longer than {FIELD_BYTES} bytes. Shorten it."),
        ),
        FaultKind::TooManyColumns => (
            "too-many-columns",
            format!(
                "{row}, which starts{here}, has more than {COLUMNS} columns. Leave out the ones that are not needed."
            ),
        ),
    };
    DoorError::bad(code, detail).at(fault.record, place(fault.byte))
}

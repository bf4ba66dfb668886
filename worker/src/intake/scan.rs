//! Where records begin and end: a strict RFC 4180 state machine over pushed bytes, with positions and limits. It keeps no
//! byte of the file. The door counts with it and the reader cuts with it, so both see the same records.
//!
//! A record ends at LF, CRLF or a CR alone, outside quotes. A quote opens a quoted field only as the field's first byte.
//! Its answers do not depend on how the bytes were cut into pushes.

use memchr::{memchr_iter, memchr3, memchr3_iter, memrchr};

use super::limits::{COLUMNS, FIELD_BYTES, RECORD_BYTES};
use crate::ports::Checkpoint;

/// A length as a distance in a file.
pub(crate) fn offset(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// A push parser that finds the ends of records.
#[derive(Clone, Debug)]
pub struct Scanner {
    delimiter: u8,
    state: State,
    /// Offset of the next byte to look at.
    byte: u64,
    line: u64,
    /// Where the current record starts; `record` counts those before it.
    start: Checkpoint,
    columns: usize,
    /// Where the record's bytes end, once its line end was seen.
    content_end: u64,
    field_start: u64,
    /// Bytes of the current field that are quoting, not content.
    quoting: u64,
    opening_quote: u64,
    bad_quote: Option<u64>,
    long_field: Option<u64>,
    /// The offset right behind the last CR inside quotes, so that a CRLF cut in two counts as one line end.
    behind_cr: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The next byte is the first of a field.
    FieldStart,
    Unquoted,
    Quoted,
    /// Behind a quote in a quoted field: it closes the field, or is the first half of a doubled one.
    QuoteSeen,
    /// Behind a CR that ends the record; a LF still belongs to it.
    CrSeen,
}

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// How many of the bytes are dealt with: all of them unless a record ended.
    pub used: usize,
    /// The record that ended.
    pub end: Option<RecordEnd>,
}

/// A record, as far as its bounds tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordEnd {
    /// Where it starts; `record` counts those before it.
    pub start: Checkpoint,
    /// Where the next one starts.
    pub after: Checkpoint,
    /// Its length in bytes without the line end.
    pub content: u64,
    /// How many fields it has.
    pub columns: usize,
    /// Offset of the first quote that stands where none may: in an unquoted field, or closing one before other text.
    pub bad_quote: Option<u64>,
}

/// Why a stream cannot be cut into records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The stream ends inside quotes; `byte` is the opening one.
    UnclosedQuote,
    /// `byte` is the record's first; inside quotes, the offset of the opening one is here.
    RecordTooLarge(Option<u64>),
    /// `byte` is the field's first.
    FieldTooLarge,
    /// `byte` is the record's first.
    TooManyColumns,
}

/// A fault and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// The records before it.
    pub record: u64,
    /// Offset in the stream.
    pub byte: u64,
}

impl Scanner {
    /// A scanner for a stream whose next byte is the first of the record at `from`.
    pub fn new(delimiter: u8, from: Checkpoint) -> Self {
        Self {
            delimiter,
            state: State::FieldStart,
            byte: from.byte,
            line: from.line,
            start: from,
            columns: 1,
            content_end: from.byte,
            field_start: from.byte,
            quoting: 0,
            opening_quote: 0,
            bad_quote: None,
            long_field: None,
            behind_cr: 0,
        }
    }

    /// Where the current record starts; its `record` counts the ones that have ended.
    pub fn start(&self) -> Checkpoint {
        self.start
    }

    /// Offset of the next byte.
    pub fn byte(&self) -> u64 {
        self.byte
    }

    /// Goes on to the end of the record, or of `bytes`. Call it again with what it did not use.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Step, Fault> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (taken, ended) = match self.state {
                State::FieldStart | State::Unquoted => self.unquoted(rest)?,
                State::Quoted => (self.quoted(rest)?, false),
                State::QuoteSeen => self.behind_quote(rest)?,
                State::CrSeen => (self.behind_cr(rest), true),
            };
            rest = rest.get(taken..).unwrap_or_default();
            if ended {
                return Ok(Step {
                    used: bytes.len() - rest.len(),
                    end: Some(self.end_record()?),
                });
            }
        }
        Ok(Step {
            used: bytes.len(),
            end: None,
        })
    }

    /// The stream is over: the last record, if it lacks its line end.
    pub fn finish(&mut self) -> Result<Option<RecordEnd>, Fault> {
        match self.state {
            State::Quoted => return Err(self.fault(FaultKind::UnclosedQuote, self.opening_quote)),
            State::CrSeen => {}
            _ if self.byte == self.start.byte => return Ok(None),
            _ => self.content_end = self.byte,
        }
        self.end_record().map(Some)
    }

    fn unquoted(&mut self, rest: &[u8]) -> Result<(usize, bool), Fault> {
        if self.state == State::FieldStart && rest.first() == Some(&b'"') {
            return self.open_quote().map(|()| (1, false));
        }
        let hit = memchr3(b'"', b'\n', b'\r', rest);
        let run = rest.get(..hit.unwrap_or(rest.len())).unwrap_or_default();
        let found = hit.and_then(|at| rest.get(at)).copied();
        let opens = run.last() == Some(&self.delimiter);
        self.pass_unquoted(run, matches!(found, Some(b'\n' | b'\r')))?;
        match found {
            None => self.state = if opens { State::FieldStart } else { State::Unquoted },
            Some(b'"') if opens => self.open_quote()?,
            Some(b'"') => {
                self.note_bad_quote(self.byte);
                self.state = State::Unquoted;
                self.advance(1)?;
            }
            Some(end) => return Ok((run.len() + 1, self.line_end(end))),
        }
        Ok((run.len() + usize::from(found.is_some()), false))
    }

    /// Bytes without quote or line end. `ends` = a line end follows, so what comes after the last delimiter needs no note.
    fn pass_unquoted(&mut self, run: &[u8], ends: bool) -> Result<(), Fault> {
        if run.is_empty() {
            return Ok(());
        }
        let after = self.byte + offset(run.len());
        if after - self.start.byte > FIELD_BYTES {
            return self.pass_slowly(run);
        }
        self.columns += memchr_iter(self.delimiter, run).count();
        if self.columns > COLUMNS {
            return Err(self.fault(FaultKind::TooManyColumns, self.start.byte));
        }
        if !ends && let Some(at) = memrchr(self.delimiter, run) {
            self.field_start = self.byte + offset(at) + 1;
            self.quoting = 0;
        }
        self.byte = after;
        Ok(())
    }

    /// The same for a long record, where each limit is to be met in the order of the bytes.
    fn pass_slowly(&mut self, run: &[u8]) -> Result<(), Fault> {
        let base = self.byte;
        for at in memchr_iter(self.delimiter, run) {
            self.byte = base;
            self.advance(offset(at))?;
            self.end_field(self.byte);
            self.advance(1)?;
            self.next_column()?;
        }
        let passed = self.byte - base;
        self.advance(offset(run.len()) - passed)
    }

    fn open_quote(&mut self) -> Result<(), Fault> {
        self.opening_quote = self.byte;
        self.field_start = self.byte;
        self.quoting = 1;
        self.state = State::Quoted;
        self.advance(1)
    }

    fn quoted(&mut self, rest: &[u8]) -> Result<usize, Fault> {
        let mut passed = 0;
        let from = self.byte;
        for at in memchr3_iter(b'"', b'\n', b'\r', rest) {
            match rest.get(at) {
                Some(b'"') => {
                    self.advance(offset(at + 1 - passed))?;
                    self.quoting += 1;
                    self.state = State::QuoteSeen;
                    return Ok(at + 1);
                }
                end => self.line_end_in_quotes(from + offset(at), end == Some(&b'\r')),
            }
            self.advance(offset(at + 1 - passed))?;
            passed = at + 1;
        }
        self.advance(offset(rest.len() - passed))?;
        Ok(rest.len())
    }

    fn line_end_in_quotes(&mut self, at: u64, is_cr: bool) {
        if is_cr || at != self.behind_cr {
            self.line += 1;
        }
        if is_cr {
            self.behind_cr = at + 1;
        }
    }

    fn behind_quote(&mut self, rest: &[u8]) -> Result<(usize, bool), Fault> {
        match rest.first() {
            Some(b'"') => {
                self.state = State::Quoted;
                self.advance(1)?;
            }
            Some(byte) if *byte == self.delimiter => {
                self.end_field(self.byte);
                self.advance(1)?;
                self.next_column()?;
                self.state = State::FieldStart;
            }
            Some(byte @ (b'\n' | b'\r')) => return Ok((1, self.line_end(*byte))),
            _ => {
                self.note_bad_quote(self.byte - 1);
                self.state = State::Unquoted;
                return Ok((0, false));
            }
        }
        Ok((1, false))
    }

    /// Takes a LF or CR outside quotes; says whether the record is over, or a LF may still follow.
    fn line_end(&mut self, byte: u8) -> bool {
        self.content_end = self.byte;
        self.byte += 1;
        if byte == b'\r' {
            self.state = State::CrSeen;
        }
        byte == b'\n'
    }

    fn behind_cr(&mut self, rest: &[u8]) -> usize {
        let lf = rest.first() == Some(&b'\n');
        self.byte += u64::from(lf);
        usize::from(lf)
    }

    /// Passes bytes of the record's content.
    fn advance(&mut self, bytes: u64) -> Result<(), Fault> {
        self.byte += bytes;
        if self.byte - self.start.byte > RECORD_BYTES {
            let within = matches!(self.state, State::Quoted).then_some(self.opening_quote);
            return Err(self.fault(FaultKind::RecordTooLarge(within), self.start.byte));
        }
        Ok(())
    }

    fn next_column(&mut self) -> Result<(), Fault> {
        self.field_start = self.byte;
        self.quoting = 0;
        self.columns += 1;
        if self.columns > COLUMNS {
            return Err(self.fault(FaultKind::TooManyColumns, self.start.byte));
        }
        Ok(())
    }

    /// A field that is too long is told when its record ends: until then an unclosed quote is the likelier cause.
    fn end_field(&mut self, end: u64) {
        if end - self.field_start > FIELD_BYTES + self.quoting {
            self.long_field.get_or_insert(self.field_start);
        }
    }

    fn note_bad_quote(&mut self, at: u64) {
        self.bad_quote.get_or_insert(at);
    }

    fn end_record(&mut self) -> Result<RecordEnd, Fault> {
        let content = self.content_end - self.start.byte;
        if content > FIELD_BYTES {
            self.end_field(self.content_end);
            if let Some(byte) = self.long_field {
                return Err(self.fault(FaultKind::FieldTooLarge, byte));
            }
        }
        let after = Checkpoint {
            record: self.start.record + 1,
            byte: self.byte,
            line: self.line + 1,
        };
        let end = RecordEnd {
            start: self.start,
            after,
            content,
            columns: self.columns,
            bad_quote: self.bad_quote,
        };
        self.state = State::FieldStart;
        self.line = after.line;
        self.start = after;
        self.columns = 1;
        self.field_start = after.byte;
        self.quoting = 0;
        self.bad_quote = None;
        self.long_field = None;
        Ok(end)
    }

    fn fault(&self, kind: FaultKind, byte: u64) -> Fault {
        Fault {
            kind,
            record: self.start.record,
            byte,
        }
    }
}

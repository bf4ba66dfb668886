//! Bytes → plain text, strictly: what does not fit is refused with its place and never replaced. UTF-8 is checked where it
//! lies, everything else is transcoded piece by piece.

use encoding_rs::{Decoder as Transcoder, DecoderResult, Encoding, UTF_8};
use memchr::memchr_iter;

use super::encoding::{Choice, Known, Runs, name};
use super::error::{DoorError, row};
use super::limits::PIECE_BYTES;
use super::plain::Plain;
use super::scan::offset;

pub(super) struct Decoder {
    encoding: &'static Encoding,
    way: Way,
}

enum Way {
    Check(Checking),
    Transcode(Transcoding),
}

impl Decoder {
    pub(super) fn new(choice: Choice) -> Self {
        let encoding = choice.encoding;
        let way = if encoding == UTF_8 {
            Way::Check(Checking::default())
        } else {
            Way::Transcode(Transcoding::new(choice))
        };
        Self { encoding, way }
    }

    pub(super) fn encoding(&self) -> &'static Encoding {
        self.encoding
    }

    /// Decodes the next bytes; `last` = the file ends with them.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        last: bool,
        to: &mut Plain,
        out: &mut Vec<u8>,
    ) -> Result<(), DoorError> {
        match &mut self.way {
            Way::Check(check) => check.push(bytes, last, to, out),
            Way::Transcode(transcode) => transcode.push(bytes, last, to, out),
        }
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        match &self.way {
            Way::Check(check) => check.cut.capacity(),
            Way::Transcode(transcode) => transcode.text.capacity(),
        }
    }
}

/// UTF-8, as it lies.
#[derive(Default)]
struct Checking {
    /// The beginning of a character that a piece cut.
    cut: Vec<u8>,
    /// Its offset; without one, that of the next byte.
    at: u64,
}

impl Checking {
    fn push(&mut self, bytes: &[u8], last: bool, to: &mut Plain, out: &mut Vec<u8>) -> Result<(), DoorError> {
        let rest = self.complete(bytes, to, out)?;
        let (valid, wrong) = match std::str::from_utf8(rest) {
            Ok(_) => (rest, false),
            Err(wrong) => {
                let valid = rest.get(..wrong.valid_up_to()).unwrap_or_default();
                (valid, wrong.error_len().is_some())
            }
        };
        self.pass(valid, to, out)?;
        if wrong {
            return Err(refuse(UTF_8, self.at, to, out));
        }
        self.cut.extend_from_slice(rest.get(valid.len()..).unwrap_or_default());
        if last && !self.cut.is_empty() {
            return Err(refuse(UTF_8, self.at, to, out));
        }
        Ok(())
    }

    /// Completes the character that was cut; gives what follows it.
    fn complete<'b>(&mut self, bytes: &'b [u8], to: &mut Plain, out: &mut Vec<u8>) -> Result<&'b [u8], DoorError> {
        let mut rest = bytes;
        while !self.cut.is_empty()
            && let Some((next, others)) = rest.split_first()
        {
            self.cut.push(*next);
            rest = others;
            match std::str::from_utf8(&self.cut) {
                Ok(_) => {
                    let whole = std::mem::take(&mut self.cut);
                    self.pass(&whole, to, out)?;
                }
                Err(wrong) if wrong.error_len().is_some() => return Err(refuse(UTF_8, self.at, to, out)),
                Err(_) => {}
            }
        }
        Ok(rest)
    }

    fn pass(&mut self, valid: &[u8], to: &mut Plain, out: &mut Vec<u8>) -> Result<(), DoorError> {
        to.text(valid, out)?;
        self.at += offset(valid.len());
        Ok(())
    }
}

/// Any other encoding, piece by piece.
struct Transcoding {
    encoding: &'static Encoding,
    transcoder: Transcoder,
    text: String,
    /// Offset of the first byte that is not decoded yet.
    at: u64,
    /// Watches a guess at a single-byte encoding: bytes of any kind decode there.
    doubt: Option<Runs>,
}

impl Transcoding {
    fn new(choice: Choice) -> Self {
        let encoding = choice.encoding;
        let doubtful = choice.known == Known::Guessed && encoding.is_single_byte();
        Self {
            encoding,
            transcoder: encoding.new_decoder_without_bom_handling(),
            text: String::with_capacity(PIECE_BYTES),
            at: 0,
            doubt: doubtful.then(Runs::default),
        }
    }

    fn push(&mut self, bytes: &[u8], last: bool, to: &mut Plain, out: &mut Vec<u8>) -> Result<(), DoorError> {
        let Some(start) = self.foreign_text(bytes, last) else {
            return self.transcode(bytes, last, to, out);
        };
        // What lies before it goes first: a fault there is the earlier one, and the scan tells the record.
        let before = usize::try_from(start.saturating_sub(self.at)).ok();
        let before = before.and_then(|length| bytes.get(..length)).unwrap_or_default();
        self.transcode(before, false, to, out)?;
        Err(refuse_mixture(self.encoding, start, to, out))
    }

    /// Where UTF-8 text starts, against the guess.
    fn foreign_text(&mut self, bytes: &[u8], last: bool) -> Option<u64> {
        let runs = self.doubt.as_mut()?;
        runs.feed(bytes, self.at);
        if last {
            runs.end();
        }
        runs.first_utf8
    }

    fn transcode(&mut self, bytes: &[u8], last: bool, to: &mut Plain, out: &mut Vec<u8>) -> Result<(), DoorError> {
        let mut rest = bytes;
        loop {
            self.text.clear();
            let (result, read) = self
                .transcoder
                .decode_to_string_without_replacement(rest, &mut self.text, last);
            rest = rest.get(read..).unwrap_or_default();
            if let Some(clean) = before_unassigned(self.encoding, &self.text) {
                to.text(clean.as_bytes(), out)?;
                let place = self.at + offset(clean.chars().count());
                return Err(refuse(self.encoding, place, to, out));
            }
            self.at += offset(read);
            to.text(self.text.as_bytes(), out)?;
            match result {
                DecoderResult::InputEmpty => return Ok(()),
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(length, behind) => {
                    let place = self.at.saturating_sub(u64::from(length) + u64::from(behind));
                    return Err(refuse(self.encoding, place, to, out));
                }
            }
        }
    }
}

/// The text before the first byte that a windows code page leaves unassigned; the decoder makes a C1 control of it.
fn before_unassigned<'t>(encoding: &'static Encoding, text: &'t str) -> Option<&'t str> {
    if !encoding.name().starts_with("windows-125") {
        return None;
    }
    let is_c1 = |at: &usize| {
        text.as_bytes()
            .get(at + 1)
            .is_some_and(|byte| (0x80..0xA0).contains(byte))
    };
    memchr_iter(0xC2, text.as_bytes())
        .find(is_c1)
        .and_then(|at| text.get(..at))
}

fn refuse(encoding: &'static Encoding, place: u64, to: &mut Plain, out: &mut Vec<u8>) -> DoorError {
    let record = match to.record_here(out) {
        Ok(record) => record,
        Err(earlier) => return earlier,
    };
    let (row, name) = (row(record), name(encoding));
    let detail = format!(
        "In {row}, the byte at offset {place} is not {name}, in which the file was read. Save the whole file as UTF-8, \
         or say which encoding it is in: `encoding=windows-1252`, for example."
    );
    DoorError::bad("invalid-encoding", detail).at(record, Some(place))
}

fn refuse_mixture(encoding: &'static Encoding, place: u64, to: &mut Plain, out: &mut Vec<u8>) -> DoorError {
    let record = match to.record_here(out) {
        Ok(record) => record,
        Err(earlier) => return earlier,
    };
    let (row, name) = (row(record), name(encoding));
    let detail = format!(
        "{row}, at offset {place}, is UTF-8, while the file before it looks like {name}. A file must be in one encoding: \
         save all of it as UTF-8, or say which it is: `encoding={name}`, for example."
    );
    DoorError::bad("invalid-encoding", detail).at(record, Some(place))
}

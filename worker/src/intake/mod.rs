//! The door: bytes of an upload → plain UTF-8 CSV of known record count, or a refusal, with memory bounded by `limits`.
//!
//! The way of a byte: `inflate` → digest and size → `encoding` decides, `decode` makes text → `plain` drops what precedes the
//! header, asks `dialect` for the delimiter, has `header` checked and `scan` count and watch the limits → out. Pure: no file,
//! socket, clock or task; whoever reads the body pushes it in and stores what comes out.

use sha2::{Digest, Sha256};

use crate::ports::Checkpoint;

mod decode;
mod dialect;
mod encoding;
mod error;
mod header;
mod inflate;
pub mod limits;
mod magic;
mod plain;
pub mod scan;
mod source;

#[cfg(test)]
mod tests;

pub use error::{DoorError, DoorKind};
pub use inflate::Inflate;

use inflate::Inflater;
use limits::{PIECE_BYTES, PUSH_BYTES};
use plain::Plain;
use scan::offset;
use source::Source;

/// What the caller knows about the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeOptions {
    /// The compression to undo.
    pub inflate: Option<Inflate>,
    /// The encoding's WHATWG label; it goes before every other sign.
    pub encoding: Option<String>,
    /// The delimiter; it goes before `sep=` and detection.
    pub delimiter: Option<char>,
    /// The largest file that is taken, inflated.
    pub max_bytes: u64,
}

/// What a file turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanReport {
    /// The names of the columns, as written.
    pub header: Vec<String>,
    /// The delimiter of the plain stream, an ASCII byte.
    pub delimiter: u8,
    /// The encoding the file was in, in lower case: `utf-8`, `windows-1252`.
    pub encoding: &'static str,
    /// Size of the file, inflated.
    pub bytes: u64,
    /// SHA-256 of the file, inflated: what `sha256sum` prints for it.
    pub sha256: [u8; 32],
    /// Size of the plain stream.
    pub plain_bytes: u64,
    /// Records after the header, blank ones counted.
    pub records: u64,
    /// The first record after the header: record 0 are done, its offset in the plain stream, its line in the file.
    pub start: Checkpoint,
}

/// A file on its way in. After an error it is of no further use.
pub struct Intake {
    inflater: Option<Inflater>,
    piece: Vec<u8>,
    digest: Sha256,
    bytes: u64,
    max_bytes: u64,
    source: Source,
    plain: Plain,
}

impl Intake {
    /// Checks the options: `unknown-encoding`, `bad-delimiter`.
    pub fn new(options: IntakeOptions) -> Result<Self, DoorError> {
        let wanted = options.delimiter.map(dialect::delimiter_byte).transpose()?;
        Ok(Self {
            source: Source::new(options.encoding.as_deref(), options.inflate.is_some())?,
            inflater: options.inflate.map(Inflater::new).transpose()?,
            piece: Vec::new(),
            digest: Sha256::new(),
            bytes: 0,
            max_bytes: options.max_bytes,
            plain: Plain::new(wanted),
        })
    }

    /// Takes some of `chunk`, which is moved on, and appends plain text to `out`. Write `out` away and call it again until
    /// the chunk is empty: one call puts out little, whatever the chunk inflates to (about `PUSH_BYTES`, and once three times
    /// `HEAD_BYTES` when the encoding is settled).
    ///
    /// ```
    /// # use worker::intake::{Intake, IntakeOptions};
    /// let options = IntakeOptions { inflate: None, encoding: None, delimiter: None, max_bytes: 1 << 30 };
    /// let (mut intake, mut plain) = (Intake::new(options)?, Vec::new());
    /// for mut chunk in [b"sep=;\nE-Mail;Ort\n".as_slice(), b"ana@example.org;K\xF6ln\n"] {
    ///     while !chunk.is_empty() {
    ///         intake.push(&mut chunk, &mut plain)?;
    ///     }
    /// }
    /// let report = intake.finish(&mut plain)?;
    /// assert_eq!((report.records, report.delimiter, report.encoding), (1, b';', "windows-1252"));
    /// assert_eq!(plain, "E-Mail;Ort\nana@example.org;Köln\n".as_bytes());
    /// # Ok::<(), worker::intake::DoorError>(())
    /// ```
    pub fn push(&mut self, chunk: &mut &[u8], out: &mut Vec<u8>) -> Result<(), DoorError> {
        let full = out.len().saturating_add(PUSH_BYTES);
        while !chunk.is_empty() && out.len() < full {
            if let Some(inflater) = &mut self.inflater {
                let mut piece = std::mem::take(&mut self.piece);
                inflater.step(chunk, &mut piece)?;
                self.take(&piece, out)?;
                self.piece = piece;
            } else {
                let (piece, rest) = chunk.split_at_checked(PIECE_BYTES).unwrap_or((chunk, &[]));
                *chunk = rest;
                self.take(piece, out)?;
            }
        }
        Ok(())
    }

    /// The file is complete: appends the rest of the plain text and tells what it was.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<ScanReport, DoorError> {
        if let Some(mut inflater) = self.inflater.take() {
            let mut piece = std::mem::take(&mut self.piece);
            while inflater.finish(&mut piece)? {
                self.take(&piece, out)?;
            }
        }
        if self.bytes == 0 {
            let detail = "The file is empty. Expected a row that names the columns, then one row for each record.";
            return Err(DoorError::bad("empty-file", detail).at(0, Some(0)));
        }
        let encoding = self.source.finish(&mut self.plain, out)?;
        let plain = self.plain.finish(out)?;
        Ok(ScanReport {
            header: plain.header,
            delimiter: plain.delimiter,
            encoding,
            bytes: self.bytes,
            sha256: self.digest.finalize().into(),
            plain_bytes: plain.bytes,
            records: plain.records,
            start: plain.start,
        })
    }

    /// The names of the columns, as soon as they are known: a bad mapping can be refused before the rest is sent.
    pub fn header(&self) -> Option<&[String]> {
        self.plain.header()
    }

    /// Takes inflated bytes as they were sent.
    fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DoorError> {
        let room = usize::try_from(self.max_bytes - self.bytes).unwrap_or(usize::MAX);
        let (within, beyond) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.bytes += offset(within.len());
        self.digest.update(within);
        self.source.push(within, &mut self.plain, out)?;
        if beyond.is_empty() {
            return Ok(());
        }
        let detail = format!(
            "The file is larger than the {} bytes that are taken{}. Split it into several files.",
            self.max_bytes,
            if self.inflater.is_some() { " once inflated" } else { "" }
        );
        Err(DoorError {
            byte: Some(self.max_bytes),
            ..DoorError::too_large("file-too-large", detail)
        })
    }

    #[cfg(test)]
    fn held(&self) -> usize {
        let inflater = self.inflater.as_ref().map_or(0, Inflater::held);
        inflater + self.piece.capacity() + self.source.held() + self.plain.held()
    }
}

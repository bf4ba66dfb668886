//! The way of a whole file: through the door into a plain stream, and out of that as records.

use worker::intake::{DoorError, Inflate, Intake, IntakeOptions, ScanReport, limits};
use worker::ports::Checkpoint;
use worker::reader::{Reader, Record, Shape};

/// Largest file that the targets let in.
const MAX_BYTES: u64 = 4 << 20;
/// What one push may put out: its own bound, the head when the encoding is settled, and a piece that was begun.
const MOST_OUT: usize = limits::PUSH_BYTES + 3 * limits::HEAD_BYTES + 3 * limits::PIECE_BYTES;

/// The options of a caller who says nothing but this.
pub(crate) fn options(encoding: Option<&str>, delimiter: Option<char>) -> IntakeOptions {
    IntakeOptions {
        inflate: None,
        encoding: encoding.map(str::to_owned),
        delimiter,
        max_bytes: MAX_BYTES,
    }
}

/// The options for a file that its first bytes may call compressed.
pub(crate) fn options_by_magic(file: &[u8]) -> IntakeOptions {
    let inflate = match file {
        [0x1F, 0x8B, ..] => Some(Inflate::Gzip),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Some(Inflate::Zstd),
        _ => None,
    };
    IntakeOptions {
        inflate,
        ..options(None, None)
    }
}

/// A file through the door, in these pieces.
pub(crate) fn admit(options: &IntakeOptions, pieces: &[&[u8]]) -> Result<(ScanReport, Vec<u8>), DoorError> {
    let mut intake = Intake::new(options.clone())?;
    let mut plain = Vec::new();
    for piece in pieces {
        let mut piece = *piece;
        while !piece.is_empty() {
            let before = plain.len();
            intake.push(&mut piece, &mut plain)?;
            assert!(plain.len() - before <= MOST_OUT, "one push put out too much");
        }
    }
    let report = intake.finish(&mut plain)?;
    assert_eq!(report.plain_bytes, u64::try_from(plain.len()).unwrap());
    Ok((report, plain))
}

/// A record that outlives its reader.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Owned {
    pub(crate) record: u64,
    pub(crate) line: u64,
    pub(crate) after: Checkpoint,
    pub(crate) shape: Shape,
    pub(crate) cells: Vec<String>,
}

impl Owned {
    pub(crate) fn of(record: &Record<'_>) -> Self {
        assert_eq!(record.cells.len(), record.cells.iter().count());
        Self {
            record: record.record,
            line: record.line,
            after: record.after,
            shape: record.shape,
            cells: record.cells.iter().map(str::to_owned).collect(),
        }
    }
}

/// Feeds some of a stream to a reader; the records that are complete with it.
pub(crate) fn feed(reader: &mut Reader, pieces: &[&[u8]]) -> Vec<Owned> {
    let mut found = Vec::new();
    for piece in pieces {
        let mut bytes = *piece;
        while let Some(record) = reader.read(&mut bytes).expect("the door let this in") {
            found.push(Owned::of(&record));
        }
        assert!(bytes.is_empty());
    }
    found
}

/// The last record of a stream, if it lacks its line end.
pub(crate) fn last(reader: &mut Reader) -> Option<Owned> {
    let last = reader.finish().expect("the door let this in");
    last.map(|record| Owned::of(&record))
}

/// The stream from a checkpoint on.
pub(crate) fn rest(plain: &[u8], from: Checkpoint) -> &[u8] {
    &plain[usize::try_from(from.byte).unwrap()..]
}

/// Every record from a checkpoint on, out of these pieces.
pub(crate) fn read(delimiter: u8, from: Checkpoint, pieces: &[&[u8]]) -> Vec<Owned> {
    let mut reader = Reader::new(delimiter, from);
    let mut found = feed(&mut reader, pieces);
    found.extend(last(&mut reader));
    found
}

/// What the `csv` crate makes of a plain stream: it knows no empty lines and has no limits.
pub(crate) fn by_csv_crate(delimiter: u8, plain: &[u8]) -> Vec<Vec<String>> {
    // It drops a BOM at the very start; behind one line end it does not.
    let stream = [b"\n", plain].concat();
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(stream.as_slice());
    let cells = |record: csv::StringRecord| record.iter().map(str::to_owned).collect();
    reader.records().map(|record| cells(record.unwrap())).collect()
}

/// Line ends in a text: LF, CRLF or a CR alone.
pub(crate) fn line_ends(text: &[u8]) -> u64 {
    let ends = text.iter().enumerate().filter(|(at, byte)| match byte {
        b'\r' => true,
        b'\n' => *at == 0 || text[at - 1] != b'\r',
        _ => false,
    });
    u64::try_from(ends.count()).unwrap()
}

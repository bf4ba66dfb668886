//! Bytes → batches, on a thread of its own: reads records, judges them, cuts batches by rows and bytes. Memory is bounded by
//! the batch in hand, the one that waits, and a few chunks of the file.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc;

use crate::batch::{Batch, BatchLimits, Entry, Fate};
use crate::ports::{Checkpoint, Claimed, SourceError};
use crate::reader::{ReadError, Reader, Record, Shape};
use crate::rows::{Judged, Rows};

/// Between parser and ledger: one batch waits while another commits.
const BATCHES_WAITING: usize = 1;
/// Chunks of the file between the store's stream and the parser.
const CHUNKS_WAITING: usize = 4;

/// What the parser says.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// The next records; the first starts where the last batch ended.
    Batch(Batch),
    /// The file is read to its end.
    End,
    /// The file could not be read further.
    Broken(SourceError),
    /// The file is not the one that came through the door.
    Damaged(ReadError),
}

/// Starts the parser at the claim's checkpoint. It stops by itself when the receiver is dropped.
pub(crate) fn start(
    claimed: &Claimed,
    limits: BatchLimits,
    bytes: BoxStream<'static, Result<Bytes, SourceError>>,
) -> mpsc::Receiver<Parsed> {
    let (send, receive) = mpsc::channel(BATCHES_WAITING);
    let (chunks, chunks_in) = mpsc::channel(CHUNKS_WAITING);
    tokio::spawn(pump(bytes, chunks));
    let reader = Reader::new(claimed.delimiter, claimed.checkpoint);
    let rows = Rows::new(&claimed.columns, &claimed.options);
    let cutter = Cutter {
        rows,
        limits,
        from: claimed.checkpoint,
        entries: Vec::new(),
        send,
    };
    let parser = Parser { reader, cutter };
    tokio::task::spawn_blocking(move || parser.run(chunks_in));
    receive
}

async fn pump(
    mut bytes: BoxStream<'static, Result<Bytes, SourceError>>,
    chunks: mpsc::Sender<Result<Bytes, SourceError>>,
) {
    while let Some(chunk) = bytes.next().await {
        if chunks.send(chunk).await.is_err() {
            return;
        }
    }
}

struct Parser {
    reader: Reader,
    cutter: Cutter,
}

/// Judges records and cuts them into batches.
struct Cutter {
    rows: Rows,
    limits: BatchLimits,
    from: Checkpoint,
    entries: Vec<Entry>,
    send: mpsc::Sender<Parsed>,
}

/// The receiver is gone: nobody wants more.
struct Unwanted;

impl Parser {
    fn run(mut self, mut chunks: mpsc::Receiver<Result<Bytes, SourceError>>) {
        let last = match self.read_all(&mut chunks) {
            Ok(last) => last,
            Err(Unwanted) => return,
        };
        // An error means that the run is over; there is nobody to tell.
        let _unwanted = self.cutter.tell(last);
    }

    fn read_all(&mut self, chunks: &mut mpsc::Receiver<Result<Bytes, SourceError>>) -> Result<Parsed, Unwanted> {
        while let Some(chunk) = chunks.blocking_recv() {
            let bytes = match chunk {
                Ok(bytes) => bytes,
                Err(error) => return Ok(Parsed::Broken(error)),
            };
            if let Err(error) = self.read(&bytes)? {
                return Ok(Parsed::Damaged(error));
            }
        }
        match self.reader.finish() {
            Ok(Some(record)) => self.cutter.take(&record)?,
            Ok(None) => {}
            Err(error) => return Ok(Parsed::Damaged(error)),
        }
        self.cutter.cut()?;
        Ok(Parsed::End)
    }

    fn read(&mut self, mut bytes: &[u8]) -> Result<Result<(), ReadError>, Unwanted> {
        loop {
            match self.reader.read(&mut bytes) {
                Ok(Some(record)) => self.cutter.take(&record)?,
                Ok(None) => return Ok(Ok(())),
                Err(error) => return Ok(Err(error)),
            }
        }
    }
}

impl Cutter {
    fn take(&mut self, record: &Record<'_>) -> Result<(), Unwanted> {
        self.entries.push(judge(&self.rows, record));
        let bytes = record.after.byte.saturating_sub(self.from.byte);
        if self.entries.len() >= self.limits.rows || bytes >= self.limits.bytes {
            self.cut()?;
        }
        Ok(())
    }

    fn cut(&mut self) -> Result<(), Unwanted> {
        let Some(after) = self.entries.last().map(|entry| entry.after) else {
            return Ok(());
        };
        let batch = Batch {
            from: self.from,
            entries: std::mem::take(&mut self.entries),
        };
        self.from = after;
        self.tell(Parsed::Batch(batch))
    }

    fn tell(&self, parsed: Parsed) -> Result<(), Unwanted> {
        self.send.blocking_send(parsed).map_err(|_| Unwanted)
    }
}

fn judge(rows: &Rows, record: &Record<'_>) -> Entry {
    let Judged { fate, warned } = match record.shape {
        Shape::Blank => Judged {
            fate: Fate::Blank,
            warned: false,
        },
        shape => {
            let cells: Vec<&str> = record.cells.iter().collect();
            rows.judge(record.record, record.line, &cells, shape == Shape::BadQuote)
        }
    };
    Entry {
        record: record.record,
        line: record.line,
        after: record.after,
        warned,
        fate,
    }
}

//! Bytes → batches, on a thread of its own: reads records, judges them, cuts batches by rows and bytes. Memory is bounded by
//! the batch in hand, the one that waits, and a few chunks of the file. The run holds two more: the one that is
//! committed and the one that is looked up.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::executor::block_on;
use futures::stream::BoxStream;
use tokio::sync::mpsc;

use crate::batch::{Batch, BatchLimits, Entry, Fate};
use crate::ports::{Checkpoint, Claimed, SourceError};
use crate::reader::{ReadError, Reader, Record, Shape};
use crate::rows::{Judged, Rows};
use crate::run::{Parsing, RunSettings};

#[cfg(test)]
mod tests;

/// Between parser and ledger: one batch waits while another commits.
const BATCHES_WAITING: usize = 1;
/// Chunks of the file between the store's stream and the parser.
const CHUNKS_WAITING: usize = 4;

/// What the parser says.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// The next records; the first starts where the last batch ended.
    Batch(Arc<Batch>),
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
    settings: RunSettings,
    bytes: BoxStream<'static, Result<Bytes, SourceError>>,
) -> mpsc::Receiver<Parsed> {
    let (send, receive) = mpsc::channel(BATCHES_WAITING);
    let (chunks, chunks_in) = mpsc::channel(CHUNKS_WAITING);
    tokio::spawn(pump(bytes, chunks));
    let reader = Reader::new(claimed.delimiter, claimed.checkpoint);
    let rows = Rows::new(&claimed.columns, &claimed.options);
    let cutter = Cutter {
        rows,
        limits: settings.batch,
        from: claimed.checkpoint,
        entries: Vec::new(),
        send,
    };
    let total = claimed.total;
    let parser = Parser { reader, cutter, total };
    match settings.parsing {
        Parsing::Thread => drop(tokio::task::spawn_blocking(move || block_on(parser.run(chunks_in)))),
        Parsing::Task => drop(tokio::spawn(parser.run(chunks_in))),
    }
    receive
}

/// A piece of the file; `None` is its end. A channel that closes without it belongs to a source that broke down.
type Chunk = Option<Result<Bytes, SourceError>>;

async fn pump(mut bytes: BoxStream<'static, Result<Bytes, SourceError>>, chunks: mpsc::Sender<Chunk>) {
    loop {
        let chunk = bytes.next().await;
        let was_last = chunk.is_none();
        if chunks.send(chunk).await.is_err() || was_last {
            return;
        }
    }
}

struct Parser {
    reader: Reader,
    cutter: Cutter,
    /// Records that came through the door.
    total: u64,
}

/// Judges records and cuts them into batches.
struct Cutter {
    rows: Rows,
    limits: BatchLimits,
    from: Checkpoint,
    entries: Vec<Entry>,
    send: mpsc::Sender<Parsed>,
}

/// Why a parser ends without a last word.
enum Silent {
    /// The receiver is gone: nobody wants more.
    Unwanted,
    /// The source broke down.
    Deserted,
}

impl Parser {
    async fn run(mut self, mut chunks: mpsc::Receiver<Chunk>) {
        let Ok(last) = self.read_all(&mut chunks).await else {
            return;
        };
        // What was read before the last word is told first: how far an import comes must not depend on the size of batches.
        // An error means that the run is over; there is nobody to tell.
        if self.cutter.cut().await.is_ok() {
            let _unwanted = self.cutter.tell(last).await;
        }
    }

    async fn read_all(&mut self, chunks: &mut mpsc::Receiver<Chunk>) -> Result<Parsed, Silent> {
        while let Some(chunk) = chunks.recv().await.ok_or(Silent::Deserted)? {
            let bytes = match chunk {
                Ok(bytes) => bytes,
                Err(error) => return Ok(Parsed::Broken(error)),
            };
            if let Err(error) = self.read(&bytes).await? {
                return Ok(Parsed::Damaged(error));
            }
        }
        match self.reader.finish() {
            // A record that is not the last one may be cut in its midst, as the file is.
            Ok(Some(record)) if record.record < self.total => {}
            Ok(Some(record)) => self.cutter.take(&record),
            Ok(None) => {}
            Err(error) => return Ok(Parsed::Damaged(error)),
        }
        let (found, total) = (self.cutter.end(), self.total);
        Ok(if found == total {
            Parsed::End
        } else {
            Parsed::Damaged(ReadError::Short { found, total })
        })
    }

    async fn read(&mut self, mut bytes: &[u8]) -> Result<Result<(), ReadError>, Silent> {
        loop {
            match self.reader.read(&mut bytes) {
                Ok(Some(record)) => self.cutter.take(&record),
                Ok(None) => return Ok(Ok(())),
                Err(error) => return Ok(Err(error)),
            }
            if self.cutter.is_full() {
                self.cutter.cut().await?;
            }
        }
    }
}

impl Cutter {
    fn take(&mut self, record: &Record<'_>) {
        self.entries.push(judge(&self.rows, record));
    }

    /// Records so far.
    fn end(&self) -> u64 {
        self.entries.last().map_or(self.from.record, |last| last.record)
    }

    fn is_full(&self) -> bool {
        let Some(last) = self.entries.last() else { return false };
        let bytes = last.after.byte.saturating_sub(self.from.byte);
        self.entries.len() >= self.limits.rows || bytes >= self.limits.bytes
    }

    async fn cut(&mut self) -> Result<(), Silent> {
        let Some(after) = self.entries.last().map(|entry| entry.after) else {
            return Ok(());
        };
        // The next batch has about as many.
        let next = Vec::with_capacity(self.entries.len());
        let batch = Batch {
            from: self.from,
            entries: std::mem::replace(&mut self.entries, next),
        };
        self.from = after;
        self.tell(Parsed::Batch(Arc::new(batch))).await
    }

    async fn tell(&self, parsed: Parsed) -> Result<(), Silent> {
        self.send.send(parsed).await.map_err(|_| Silent::Unwanted)
    }
}

fn judge(rows: &Rows, record: &Record<'_>) -> Entry {
    let Judged { fate, warned } = match record.shape {
        Shape::Blank => Judged {
            fate: Fate::Blank,
            warned: false,
        },
        shape => {
            let mut cells = Vec::with_capacity(record.cells.len());
            cells.extend(record.cells.iter());
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

//! Bytes → batches, on a thread of its own: reads records, judges them, cuts batches by rows and bytes. Memory is bounded by
//! the batch in hand, the one that waits, and a few chunks of the file.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc;

use crate::batch::{Batch, Entry, Fate};
use crate::ports::{Checkpoint, Claimed, SourceError};
use crate::reader::{Reader, Record, Shape};
use crate::rows::{Judged, Rows};
use crate::run::{BATCHES_WAITING, ParsedSender, RunSettings};

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
    let parser = Parser {
        reader: Reader::new(claimed.delimiter, claimed.checkpoint),
        rows: Rows::new(&claimed.columns, &claimed.options),
        settings,
        from: claimed.checkpoint,
        at: claimed.checkpoint,
        entries: Vec::new(),
    };
    tokio::task::spawn_blocking(move || parser.run(chunks_in, &send));
    receive
}

async fn pump(mut bytes: BoxStream<'static, Result<Bytes, SourceError>>, chunks: mpsc::Sender<Result<Bytes, SourceError>>) {
    while let Some(chunk) = bytes.next().await {
        if chunks.send(chunk).await.is_err() {
            return;
        }
    }
}

struct Parser {
    reader: Reader,
    rows: Rows,
    settings: RunSettings,
    from: Checkpoint,
    at: Checkpoint,
    entries: Vec<Entry>,
}

/// The receiver is gone: nobody wants more.
struct Unwanted;

impl Parser {
    fn run(mut self, mut chunks: mpsc::Receiver<Result<Bytes, SourceError>>, send: &ParsedSender) {
        // A send error means that the run is over; there is nobody to tell.
        let _unwanted = self.read_all(&mut chunks, send);
    }

    fn read_all(&mut self, chunks: &mut mpsc::Receiver<Result<Bytes, SourceError>>, send: &ParsedSender) -> Result<(), Unwanted> {
        while let Some(chunk) = chunks.blocking_recv() {
            match chunk {
                Ok(bytes) => {
                    self.reader.feed(&bytes);
                    self.take_records(send)?;
                }
                Err(error) => return tell(send, Parsed::Broken(error)),
            }
        }
        self.reader.finish();
        self.take_records(send)?;
        self.cut(send)?;
        tell(send, Parsed::End)
    }

    fn take_records(&mut self, send: &ParsedSender) -> Result<(), Unwanted> {
        while let Some(record) = self.reader.next_record() {
            let entry = judge(&self.rows, &record);
            self.at = entry.after;
            self.entries.push(entry);
            let bytes = self.at.byte.saturating_sub(self.from.byte);
            if self.entries.len() >= self.settings.batch_rows || bytes >= self.settings.batch_bytes {
                self.cut(send)?;
            }
        }
        Ok(())
    }

    fn cut(&mut self, send: &ParsedSender) -> Result<(), Unwanted> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let batch = Batch { from: self.from, entries: std::mem::take(&mut self.entries) };
        self.from = self.at;
        tell(send, Parsed::Batch(batch))
    }
}

fn tell(send: &ParsedSender, parsed: Parsed) -> Result<(), Unwanted> {
    send.blocking_send(parsed).map_err(|_| Unwanted)
}

fn judge(rows: &Rows, record: &Record<'_>) -> Entry {
    let Judged { fate, warned } = match record.shape {
        Shape::Blank => Judged { fate: Fate::Blank, warned: false },
        shape => {
            let cells: Vec<&str> = record.cells().collect();
            rows.judge(record.record, record.line, &cells, shape == Shape::BadQuote)
        }
    };
    Entry { record: record.record, line: record.line, after: record.after, warned, fate }
}

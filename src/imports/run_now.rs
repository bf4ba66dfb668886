//! An import whose caller waits for its rows: taken in as any upload, then run at once in this process beside whatever runs.
//! It is an import like any other: should this process die, a worker brings it to its end. Its file goes as soon as it is
//! final, as nobody reads it again.

use std::time::Duration;

use bytes::Bytes;
use csv::Writer;
use tokio::sync::mpsc;
use tokio::time::Instant;
use worker::run::run_import;

use super::ledger::engine_parts;
use super::submit::{self, BodyPart, SubmitError, Upload};
use super::{delete, read};
use crate::app::App;
use crate::store::model::Import;

/// How long a caller is kept waiting while the import cannot be run here, or is run elsewhere.
const PATIENCE: Duration = Duration::from_secs(600);
/// Between two looks at such an import.
const PAUSE: Duration = Duration::from_millis(250);
/// Most rows in one transaction: callers at once hold their batches in the memory of a process that answers others.
const BATCH_ROWS: usize = 1_000;
/// Chunks of a table made in memory.
const CHUNK_BYTES: usize = 64 * 1024;

/// Takes a file in and answers when every row has met its fate. To be spawned on the process's own runtime, so that a caller
/// who goes away cannot drop it half-way.
pub async fn run_now(app: App, upload: Upload, body: mpsc::Receiver<BodyPart>) -> Result<Import, SubmitError> {
    let import = run(&app, &upload, body).await?;
    if import.options.dry_run {
        delete::file_of(&app.store, &app.blobs, &import).await;
    }
    Ok(import)
}

/// The same for an import whose file is still wanted.
pub(super) async fn run(app: &App, upload: &Upload, body: mpsc::Receiver<BodyPart>) -> Result<Import, SubmitError> {
    let id = submit::accept(app, upload, body, true).await?.import.id;
    let unfinished = || SubmitError::Unfinished(id);
    let _place = app.at_once.acquire().await.map_err(|_| unfinished())?;
    let (ports, mut settings) = engine_parts(app);
    settings.batch.rows = settings.batch.rows.min(BATCH_ROWS);
    let give_up = Instant::now() + PATIENCE;
    // Once is enough, but for trouble of the stores, and for a worker that was faster.
    while Instant::now() < give_up && !app.stop.is_cancelled() {
        if let Err(error) = run_import(&ports, settings, id, &app.stop).await {
            tracing::warn!(import_id = id.0, error = %error, "import.not_claimed");
        }
        let import = read::import(app, upload.org, id).await?.ok_or_else(unfinished)?;
        if import.status.is_final() {
            return Ok(import);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(unfinished())
}

fn writer() -> Writer<Vec<u8>> {
    csv::WriterBuilder::new().flexible(true).from_writer(Vec::new())
}

/// A file made in memory, row by row.
pub struct Table {
    writer: Writer<Vec<u8>>,
}

impl Table {
    /// Starts with the header.
    pub fn new(header: &[&str]) -> Self {
        let mut table = Self { writer: writer() };
        table.row(header);
        table
    }

    /// Adds a row.
    pub fn row<T: AsRef<[u8]>>(&mut self, cells: impl IntoIterator<Item = T>) {
        // Writing to memory does not fail, and rows may be of any length.
        self.writer.write_record(cells).ok();
    }

    /// How many bytes there are so far, about.
    pub fn bytes(&self) -> usize {
        self.writer.get_ref().len()
    }

    /// What has been added since the last call.
    pub fn take(&mut self) -> Bytes {
        let empty = std::mem::replace(&mut self.writer, writer());
        empty.into_inner().unwrap_or_default().into()
    }

    /// The file as a body.
    pub fn into_body(self) -> mpsc::Receiver<BodyPart> {
        let (sink, body) = mpsc::channel(1);
        let mut bytes = Bytes::from(self.writer.into_inner().unwrap_or_default());
        tokio::spawn(async move {
            while !bytes.is_empty() {
                let chunk = bytes.split_to(bytes.len().min(CHUNK_BYTES));
                if sink.send(BodyPart::Chunk(chunk)).await.is_err() {
                    return;
                }
            }
            // A closed channel means an answer is there.
            sink.send(BodyPart::End).await.ok();
        });
        body
    }
}

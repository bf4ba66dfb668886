//! Taking a file in: row `receiving` → bytes through the door into a new blob → durable → row `queued` → doorbell. Whatever goes
//! wrong before `queued` is undone here; a crash leaves a `receiving` row, which the sweep removes with its blob.

use std::panic::AssertUnwindSafe;

use bytes::{Buf, Bytes, BytesMut};
use futures::FutureExt;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use uuid::Uuid;
use worker::failpoint::{Injected, reach};
use worker::import::{ImportId, ImportOptions, OrgId, Status};
use worker::intake::{DoorError, Inflate, Intake, IntakeOptions, ScanReport};
use worker::mapping::{self, Column, MappingError};

use super::abandon::{self, Alive};
use crate::app::App;
use crate::blobs::{BlobError, BlobWriter};
use crate::store::StoreError;
use crate::store::model::{Begun, Import, NewImport, Received};

/// Bytes that go through the door at once: large enough to make the hop to another thread cheap, small against the limit of
/// 1 MiB per upload in flight.
const GULP: usize = 256 * 1024;

/// A file on its way in.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Whose it is.
    pub org: OrgId,
    /// The API it comes by.
    pub surface: &'static str,
    /// How it is to be run.
    pub options: ImportOptions,
    /// A label for people; never a path.
    pub file_name: Option<String>,
    /// How the body is compressed.
    pub inflate: Option<Inflate>,
    /// The caller's key for safe retries.
    pub idempotency_key: Option<String>,
}

/// What arrives of a body. A channel that closes without `End` means that the sender is gone: everything is undone.
#[derive(Clone, Debug)]
pub enum BodyPart {
    /// The next bytes.
    Chunk(Bytes),
    /// The body is complete.
    End,
}

/// An import that will be run, or was accepted before under the same key.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// As it stands now.
    pub import: Import,
    /// It is the answer to an earlier call.
    pub replayed: bool,
}

/// Why a file was not taken in. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The bytes cannot be what they should be.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// The header does not fit the resource or the caller's mapping.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// The body ended before its end.
    #[error("the body ended before it was complete")]
    Interrupted,
    /// The idempotency key came with another body or other options before.
    #[error("this Idempotency-Key was used for another body or other options")]
    KeyReused,
    /// The first call with this key is still being received.
    #[error("the first call with this Idempotency-Key is still being received")]
    KeyInFlight,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file store did not answer.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// Reading the file crashed; a fault of ours.
    #[error("reading the file crashed")]
    Crashed,
    /// There would be more users than the organization may have; nothing was applied.
    #[error("there would be {then} users, the quota is {quota}")]
    QuotaPassed {
        /// Most users that there may be.
        quota: u64,
        /// Users that there would be.
        then: u64,
    },
    /// The caller waits for the rows, and this process could not bring them to their end; another one will.
    #[error("import {0} goes on without its caller")]
    Unfinished(ImportId),
}

impl From<Injected> for SubmitError {
    fn from(injected: Injected) -> Self {
        Self::Store(injected.into())
    }
}

/// Takes a file in and answers when it is durable and queued. To be spawned on the process's own runtime, so that a caller
/// who goes away cannot drop it half-way.
pub async fn submit(app: App, upload: Upload, body: mpsc::Receiver<BodyPart>) -> Result<Submitted, SubmitError> {
    let submitted = accept(&app, &upload, body, false).await?;
    if !submitted.replayed {
        reach("notify.before").await?;
        if !app.queue.ring(submitted.import.id).await {
            app.metrics.ring_lost();
        }
    }
    reach("upload.before_reply").await?;
    Ok(submitted)
}

/// The same without the doorbell. `synchronous`: the import stands in no line with others of its kind.
pub(super) async fn accept(
    app: &App,
    upload: &Upload,
    body: mpsc::Receiver<BodyPart>,
    synchronous: bool,
) -> Result<Submitted, SubmitError> {
    let blob = format!("imports/{}", Uuid::new_v4().simple());
    let new = NewImport {
        synchronous,
        ..new_import(upload, &blob)
    };
    let id = match app.store.begin_import(new).await? {
        Begun::Started(id) => id,
        Begun::Taken(import) => return replay(upload, *import, body, app.config.limits.upload_bytes).await,
    };
    tracing::debug!(import_id = id.0, "import.receiving");
    let received = AssertUnwindSafe(receive(app, upload, id, &blob, body))
        .catch_unwind()
        .await;
    match received.unwrap_or(Err(SubmitError::Crashed)) {
        Ok(import) => Ok(Submitted {
            import,
            replayed: false,
        }),
        Err(error) => match abandon::undo(app, upload.org, id, &blob).await {
            Some(import) => Ok(Submitted {
                import,
                replayed: false,
            }),
            None => Err(error),
        },
    }
}

fn new_import(upload: &Upload, blob: &str) -> NewImport {
    NewImport {
        org: upload.org,
        surface: upload.surface.to_owned(),
        options: upload.options.clone(),
        file_name: upload.file_name.clone(),
        blob: blob.to_owned(),
        idempotency_key: upload.idempotency_key.clone(),
        synchronous: false,
    }
}

async fn receive(
    app: &App,
    upload: &Upload,
    id: ImportId,
    blob: &str,
    mut body: mpsc::Receiver<BodyPart>,
) -> Result<Import, SubmitError> {
    reach("upload.after_row").await?;
    let mut door = Door::new(upload, app.config.limits.upload_bytes)?;
    let mut writer = app.blobs.create(blob).await?;
    let mut alive = Alive::new(app, upload.org, id);
    let report = match pass(&mut door, &mut writer, &mut body, &mut alive).await {
        Ok(report) => report,
        Err(error) => {
            writer.abort().await;
            return Err(error);
        }
    };
    let columns = mapping::resolve(&report.header, &upload.options)?;
    writer.finish().await?;
    reach("upload.after_object").await?;
    app.metrics.upload_bytes(upload.surface, report.bytes);
    let received = received(upload, columns, &report, app.config.limits.retention);
    // The row can only be gone if the sweep took this upload for dead.
    let import = app.store.queue_import(upload.org, id, received).await?;
    reach("upload.after_commit").await?;
    import.ok_or(SubmitError::Interrupted)
}

/// The whole body through the door into the blob; a mapping that cannot work is refused as soon as the header is known.
async fn pass(
    door: &mut Door,
    writer: &mut BlobWriter,
    body: &mut mpsc::Receiver<BodyPart>,
    alive: &mut Alive,
) -> Result<ScanReport, SubmitError> {
    loop {
        let (mut bytes, end) = alive.during(gulp(body)).await?;
        while !bytes.is_empty() {
            let plain = door.push(&mut bytes).await?;
            if !plain.is_empty() {
                writer.write(plain.into()).await?;
            }
            reach("upload.mid_stream").await?;
        }
        if end {
            let (plain, report) = door.finish().await?;
            if !plain.is_empty() {
                writer.write(plain.into()).await?;
            }
            return Ok(report);
        }
    }
}

/// Whatever has arrived, up to a gulp; waits for the first part.
async fn gulp(body: &mut mpsc::Receiver<BodyPart>) -> Result<(Bytes, bool), SubmitError> {
    let mut bytes = BytesMut::new();
    let mut part = body.recv().await.ok_or(SubmitError::Interrupted)?;
    loop {
        match part {
            BodyPart::End => return Ok((bytes.freeze(), true)),
            BodyPart::Chunk(chunk) => bytes.extend_from_slice(&chunk),
        }
        if bytes.len() >= GULP {
            return Ok((bytes.freeze(), false));
        }
        part = match body.try_recv() {
            Ok(part) => part,
            // Closed without an end shows at the next `recv`.
            Err(_) => return Ok((bytes.freeze(), false)),
        };
    }
}

/// The door, worked on a blocking thread.
struct Door {
    intake: Option<Intake>,
    options: ImportOptions,
    header_checked: bool,
}

impl Door {
    fn new(upload: &Upload, max_bytes: u64) -> Result<Self, DoorError> {
        let options = IntakeOptions {
            inflate: upload.inflate,
            encoding: upload.options.encoding.clone(),
            delimiter: upload.options.delimiter,
            max_bytes,
        };
        Ok(Self {
            intake: Some(Intake::new(options)?),
            options: upload.options.clone(),
            header_checked: false,
        })
    }

    /// Takes some of the bytes, which are moved on, and gives the plain text they make.
    async fn push(&mut self, bytes: &mut Bytes) -> Result<Vec<u8>, SubmitError> {
        let mut intake = self.intake.take().ok_or(SubmitError::Crashed)?;
        let all = bytes.clone();
        let work = move || {
            let (mut rest, mut plain) = (&*all, Vec::with_capacity(all.len()));
            let pushed = intake.push(&mut rest, &mut plain);
            (intake, all.len() - rest.len(), pushed.map(|()| plain))
        };
        let (intake, used, plain) = tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| SubmitError::Crashed)?;
        let plain = plain?;
        bytes.advance(used);
        if !self.header_checked
            && let Some(header) = intake.header()
        {
            mapping::resolve(header, &self.options)?;
            self.header_checked = true;
        }
        self.intake = Some(intake);
        Ok(plain)
    }

    async fn finish(&mut self) -> Result<(Vec<u8>, ScanReport), SubmitError> {
        let intake = self.intake.take().ok_or(SubmitError::Crashed)?;
        let work = move || {
            let mut plain = Vec::new();
            intake.finish(&mut plain).map(|report| (plain, report))
        };
        Ok(tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| SubmitError::Crashed)??)
    }
}

fn received(upload: &Upload, columns: Vec<Column>, report: &ScanReport, retention: std::time::Duration) -> Received {
    Received {
        columns,
        total: report.records,
        start: report.start,
        delimiter: report.delimiter,
        bytes: report.bytes,
        sha256: hex(&report.sha256),
        encoding: report.encoding.to_owned(),
        fingerprint: fingerprint(upload, &report.sha256),
        retention,
    }
}

/// The same key again: the body is read and hashed, never stored. The first answer comes again if it is the same body.
async fn replay(
    upload: &Upload,
    first: Import,
    mut body: mpsc::Receiver<BodyPart>,
    max_bytes: u64,
) -> Result<Submitted, SubmitError> {
    if first.status == Status::Receiving {
        return Err(SubmitError::KeyInFlight);
    }
    let mut door = Door::new(upload, max_bytes)?;
    loop {
        let (mut bytes, end) = gulp(&mut body).await?;
        while !bytes.is_empty() {
            door.push(&mut bytes).await?;
        }
        if end {
            break;
        }
    }
    let (_, report) = door.finish().await?;
    if first.fingerprint.as_deref() == Some(&fingerprint(upload, &report.sha256)) {
        return Ok(Submitted {
            import: first,
            replayed: true,
        });
    }
    Err(SubmitError::KeyReused)
}

/// Over everything that makes two calls the same call.
fn fingerprint(upload: &Upload, sha256: &[u8; 32]) -> String {
    let mut hasher = Sha256::new();
    // Maps in the options are sorted, so the same options are the same text.
    hasher.update(serde_json::to_string(&upload.options).unwrap_or_default());
    hasher.update([0]);
    hasher.update(upload.surface);
    hasher.update([0]);
    hasher.update(sha256);
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

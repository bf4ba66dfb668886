//! Fills the engine's ports: the ledger with the store, the source with the blobs.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use worker::batch::{Batch, BatchLimits};
use worker::failpoint::reach;
use worker::import::ImportId;
use worker::ports::{Ahead, Claimed, Commit, Ending, Lease, Ledger, LedgerError, Source, SourceError};
use worker::run::{Parsing, Ports, RunSettings};

use crate::app::App;
use crate::blobs::{BlobError, Blobs};
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;

/// Most bytes of a file in one batch.
const BATCH_BYTES: u64 = 4 * 1024 * 1024;

/// What the engine is run with: its world and its measures.
pub fn engine_parts(app: &App) -> (Ports, RunSettings) {
    let worker = &app.config.worker;
    let ports = Ports {
        ledger: Arc::new(StoreLedger {
            store: app.store.clone(),
            blobs: app.blobs.clone(),
            lease: worker.lease,
            metrics: app.metrics.clone(),
        }),
        source: Arc::new(BlobSource(app.blobs.clone())),
    };
    let batch = BatchLimits {
        rows: worker.batch_rows,
        bytes: BATCH_BYTES,
    };
    (
        ports,
        RunSettings {
            batch,
            lease: worker.lease,
            parsing: Parsing::Thread,
        },
    )
}

/// The store as the engine's ledger; leases last as long as it says.
struct StoreLedger {
    store: Store,
    blobs: Blobs,
    lease: Duration,
    metrics: Metrics,
}

fn ledger_error(error: StoreError) -> LedgerError {
    LedgerError(Box::new(error))
}

#[async_trait]
impl Ledger for StoreLedger {
    async fn claim(&self, import: ImportId) -> Result<Option<Claimed>, LedgerError> {
        let claimed = self.store.claim(import, self.lease).await.map_err(ledger_error)?;
        if claimed.is_some() {
            reach("claim.after_commit").await?;
        }
        Ok(claimed)
    }

    async fn look_ahead(&self, run: &Arc<Claimed>, next: &Arc<Batch>) -> Option<Ahead> {
        self.store.look_ahead(run, next).await
    }

    async fn commit_batch(
        &self,
        run: &Arc<Claimed>,
        batch: Arc<Batch>,
        ahead: Option<Ahead>,
    ) -> Result<Commit, LedgerError> {
        self.store
            .commit_batch(Arc::clone(run), batch, ahead, self.lease)
            .await
            .map_err(ledger_error)
    }

    async fn renew(&self, lease: Lease) -> Result<bool, LedgerError> {
        self.store.renew(lease, self.lease).await.map_err(ledger_error)
    }

    async fn finish(&self, lease: Lease, ending: Ending) -> Result<bool, LedgerError> {
        let Some(import) = self.store.finish(lease, ending).await.map_err(ledger_error)? else {
            return Ok(false);
        };
        reach("finish.after_commit").await?;
        super::read::record_end(&self.metrics, &import);
        super::delete::file_at_end(&self.store, &self.blobs, &import).await;
        Ok(true)
    }

    async fn release(&self, lease: Lease, pause: Duration, crashed: bool) -> Result<bool, LedgerError> {
        self.store.release(lease, pause, crashed).await.map_err(ledger_error)
    }
}

/// The blobs as the engine's source.
struct BlobSource(Blobs);

fn source_error(error: BlobError) -> SourceError {
    match error {
        BlobError::Missing => SourceError::Missing,
        BlobError::Damaged { .. } | BlobError::Short { .. } => SourceError::Damaged(Box::new(error)),
        other => SourceError::Unavailable(Box::new(other)),
    }
}

#[async_trait]
impl Source for BlobSource {
    async fn open(&self, blob: &str, from: u64) -> Result<BoxStream<'static, Result<Bytes, SourceError>>, SourceError> {
        let bytes = self.0.read(blob, from).await.map_err(source_error)?;
        Ok(bytes.map(|chunk| chunk.map_err(source_error)).boxed())
    }
}

//! Fills the engine's ports: the ledger with the store, the source with the blobs.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use worker::batch::Batch;
use worker::import::ImportId;
use worker::ports::{Claimed, Commit, Ending, Lease, Ledger, LedgerError, Source, SourceError};

use crate::blobs::{BlobError, Blobs};
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;

/// The store as the engine's ledger; leases last as long as it says.
pub struct StoreLedger {
    store: Store,
    lease: Duration,
    metrics: Metrics,
}

impl StoreLedger {
    /// A ledger whose claims last `lease` without a sign of life.
    pub fn new(store: Store, lease: Duration, metrics: Metrics) -> Self {
        Self { store, lease, metrics }
    }
}

fn ledger_error(error: StoreError) -> LedgerError {
    LedgerError(Box::new(error))
}

#[async_trait]
impl Ledger for StoreLedger {
    async fn claim(&self, import: ImportId) -> Result<Option<Claimed>, LedgerError> {
        self.store.claim(import, self.lease).await.map_err(ledger_error)
    }

    async fn commit_batch(&self, run: &Arc<Claimed>, batch: Arc<Batch>) -> Result<Commit, LedgerError> {
        self.store
            .commit_batch(Arc::clone(run), batch, self.lease)
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
        super::read::record_end(&self.metrics, &import);
        Ok(true)
    }

    async fn release(&self, lease: Lease, pause: Duration, crashed: bool) -> Result<bool, LedgerError> {
        self.store.release(lease, pause, crashed).await.map_err(ledger_error)
    }
}

/// The blobs as the engine's source.
pub struct BlobSource(pub Blobs);

fn source_error(error: BlobError) -> SourceError {
    match error {
        BlobError::Missing => SourceError::Missing,
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

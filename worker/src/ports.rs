//! What the engine asks of the world: a ledger of imports, a source of bytes. At most eight methods, one transaction each,
//! named in the domain's words. Implementations live in the application; the in-memory ones of the tests beside the engine.

use std::any::Any;
use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use uuid::Uuid;

use crate::batch::Batch;
use crate::failpoint::Injected;
pub use crate::import::Checkpoint;
use crate::import::{Counts, ImportId, ImportOptions, OrgId};
use crate::mapping::Column;

/// The right to write for one import: a random token, compared for equality and never by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which import.
    pub import: ImportId,
    /// Drawn anew by each claim.
    pub token: Uuid,
}

/// Shows others that the holder of a lease lives, for as long as it is kept.
pub type SignOfLife = Arc<dyn Debug + Send + Sync>;

/// All a worker needs to run an import, as it stands at the claim.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The right to write.
    pub lease: Lease,
    /// To be dropped when the run is left, in whatever way; `None` where the end of the lease alone frees the import.
    pub sign_of_life: Option<SignOfLife>,
    /// Whose import it is.
    pub org: OrgId,
    /// How to run it.
    pub options: ImportOptions,
    /// The file's columns, in order, with what each fills.
    pub columns: Vec<Column>,
    /// The delimiter of the plain blob, an ASCII byte.
    pub delimiter: u8,
    /// Where the plain blob lies.
    pub blob: String,
    /// Records in the file, blank ones included.
    pub total: u64,
    /// Where to go on.
    pub checkpoint: Checkpoint,
    /// What was done up to there.
    pub counts: Counts,
}

impl Claimed {
    /// More rows have failed than `max_failures` allows: what follows stays unprocessed.
    pub fn is_stopped(&self) -> bool {
        self.options.max_failures.is_some_and(|max| self.counts.failed > max)
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Rows, failures, counts and checkpoint are durable.
    Done {
        /// The import's counts now.
        counts: Counts,
        /// More rows failed than `max_failures` allows: what follows stays unprocessed.
        stop: bool,
    },
    /// The guard missed: lease, checkpoint or state belong to somebody else now; nothing was written.
    Fenced,
}

/// How a run ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The file was read to its end, or `max_failures` was passed; the counts decide the state.
    Done,
    /// The run cannot be done, now or later: state `failed` with this code and sentence.
    Broken {
        /// Stable code, such as `source-missing`.
        code: &'static str,
        /// What happened and what to do.
        detail: String,
    },
}

/// The ledger could not answer; the work is to be tried again later.
#[derive(Debug, thiserror::Error)]
#[error("the ledger did not answer: {0}")]
pub struct LedgerError(#[source] pub Box<dyn Error + Send + Sync>);

impl From<Injected> for LedgerError {
    fn from(injected: Injected) -> Self {
        Self(Box::new(injected))
    }
}

/// What a ledger has read for a batch before its turn. Only the ledger that read it knows what it is.
pub struct Ahead(Box<dyn Any + Send + Sync>);

impl Ahead {
    /// Wraps it on its way through the engine.
    pub fn new(read: impl Any + Send + Sync) -> Self {
        Self(Box::new(read))
    }

    /// What was wrapped; `None` if that is something else.
    pub fn into_inner<T: Any>(self) -> Option<T> {
        self.0.downcast().ok().map(|read| *read)
    }
}

/// The record of every import. Each method that writes is one transaction.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Takes a queued import, or a running one whose lease is over; `None` when it is not this worker's turn.
    async fn claim(&self, import: ImportId) -> Result<Option<Claimed>, LedgerError>;
    /// Reads what the batch after the one that is being committed will need. No key stands in both, so the batch before
    /// changes nothing of it. `None` where nothing was read: the batch then reads for itself.
    async fn look_ahead(&self, run: &Arc<Claimed>, next: &Arc<Batch>) -> Option<Ahead>;
    /// Guard, rows, failures, counts and checkpoint, all or nothing. `ahead` is what was read for this batch.
    async fn commit_batch(
        &self,
        run: &Arc<Claimed>,
        batch: Arc<Batch>,
        ahead: Option<Ahead>,
    ) -> Result<Commit, LedgerError>;
    /// Prolongs the lease; `false` when it is lost.
    async fn renew(&self, lease: Lease) -> Result<bool, LedgerError>;
    /// Ends the import; `false` when the lease is lost.
    async fn finish(&self, lease: Lease, ending: Ending) -> Result<bool, LedgerError>;
    /// Hands the import back as queued, to be tried again after `pause`. `crashed` counts towards poison.
    async fn release(&self, lease: Lease, pause: Duration, crashed: bool) -> Result<bool, LedgerError>;
}

/// Why a blob could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It is not there, and will not come back by waiting.
    #[error("the uploaded file is gone")]
    Missing,
    /// It is there, and is not what came through the door.
    #[error("{0}")]
    Damaged(#[source] Box<dyn Error + Send + Sync>),
    /// The store did not answer as it should; to be tried again later.
    #[error("the file store did not answer: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// Where the plain blobs lie.
#[async_trait]
pub trait Source: Send + Sync {
    /// The blob's bytes from an offset on, in chunks of any size.
    async fn open(&self, blob: &str, from: u64) -> Result<BoxStream<'static, Result<Bytes, SourceError>>, SourceError>;
}

//! The doorbell: tells some worker to look at an import now. The only room that knows apalis and Redis. The import's row is
//! the truth and every worker also looks into the ledger by itself, so a ring may get lost, come late or come twice.
//!
//! Where the backends differ: the embedded one lives and dies with the process and rings once for imports that are still
//! waiting; Redis reaches the workers of other processes, rings twice after trouble, and comes back by itself.

mod embedded;
mod redis;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::WorkerContext;
use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use worker::import::ImportId;
use worker::job::{RunImport, Runner};

use self::embedded::EmbeddedQueue;
use self::redis::RedisQueue;

/// How long a stopping worker may take to hand back what it has not begun. Running imports are not waited for here.
const STOP_TIME: Duration = Duration::from_millis(500);

/// An apalis worker around a backend, boxed because its type has no name. `tokio::spawn` keeps a running import alive when
/// the backend fails and the worker around it is dropped.
macro_rules! build_worker {
    ($context:expr, $backend:expr, $run:expr, $concurrency:expr) => {
        WorkerBuilder::new($context)
            .backend($backend)
            .data($run)
            .concurrency($concurrency)
            .parallelize(tokio::spawn)
            .build(worker::job::handle)
            .run()
            .boxed()
    };
}
use build_worker;

/// Why a queue cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The URL cannot work; said at start.
    #[error("{0}")]
    Config(String),
    /// It does not answer now; work goes on through the ledger, later.
    #[error("the queue did not answer: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// The doorbell; cheap to clone.
#[derive(Clone)]
pub enum Queue {
    /// Between processes.
    Redis(RedisQueue),
    /// Within this process.
    Embedded(EmbeddedQueue),
}

impl Queue {
    /// A doorbell at `redis://` or `rediss://`. Connects when it is first used, so that Redis may be down. Must be called on
    /// the main runtime.
    pub fn redis(url: &str) -> Result<Self, QueueError> {
        RedisQueue::new(url).map(Self::Redis)
    }

    /// A doorbell without a server.
    pub fn embedded() -> Self {
        Self::Embedded(EmbeddedQueue::new())
    }

    /// Asks for a worker to look at an import, and says whether anybody may hear of it. Best effort within half a second: the
    /// caller has nothing to do about a failure but count it, the ledger is looked into anyway.
    pub async fn ring(&self, id: ImportId) -> bool {
        match self {
            Self::Redis(queue) => queue.ring(id).await,
            Self::Embedded(queue) => {
                queue.ring(id);
                true
            }
        }
    }

    /// Runs what is rung for, at most `concurrency` at once, until `stop`; then returns without waiting for running imports.
    pub async fn listen(&self, run: Runner, concurrency: usize, stop: CancellationToken) {
        let run: Runner = Arc::new(Bounded {
            run,
            places: Semaphore::new(concurrency),
        });
        match self {
            Self::Redis(queue) => queue.listen(run, concurrency, stop).await,
            Self::Embedded(queue) => queue.listen(run, concurrency, stop).await,
        }
    }

    /// Whether it answers and takes what is written.
    pub async fn ready(&self) -> Result<(), QueueError> {
        match self {
            Self::Redis(queue) => queue.ready().await,
            Self::Embedded(_) => Ok(()),
        }
    }
}

/// Holds the limit across apalis workers: imports of a worker that failed go on beside those of its successor.
struct Bounded {
    run: Runner,
    places: Semaphore,
}

#[async_trait]
impl RunImport for Bounded {
    async fn run(&self, id: ImportId) {
        // The semaphore is never closed.
        let Ok(_place) = self.places.acquire().await else {
            return;
        };
        self.run.run(id).await;
    }
}

/// Drives a worker to its end, or until `stop`: `None` when it was stopped, however far its handing back came.
async fn until_stopped<E>(
    context: &WorkerContext,
    work: impl Future<Output = Result<(), E>>,
    stop: &CancellationToken,
) -> Option<Result<(), E>> {
    tokio::pin!(work);
    tokio::select! {
        ended = &mut work => return Some(ended),
        () = stop.cancelled() => {}
    }
    // Fails only before the worker's first poll, when there is nothing to hand back.
    if context.stop().is_ok() && tokio::time::timeout(STOP_TIME, work).await.is_err() {
        tracing::debug!("imports are still running; their own stop is not the queue's business");
    }
    None
}

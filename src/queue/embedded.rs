//! The doorbell within one process: a bounded channel that feeds an apalis worker. Nothing here survives the process; the
//! ledger does.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use apalis::prelude::{ParallelizeExt, WorkerBuilder, WorkerBuilderExt, WorkerContext, WorkerError};
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, mpsc};
use tokio_util::sync::CancellationToken;
use worker::import::ImportId;
use worker::job::{ImportJob, Runner};

use super::{build_worker, until_stopped};

/// Imports that may wait at once; those beyond are found by the next look into the ledger.
const WAITING_MAX: usize = 10_000;

/// See [`super::Queue::embedded`].
#[derive(Clone)]
pub struct EmbeddedQueue {
    sender: mpsc::Sender<ImportId>,
    /// Held by whoever listens; a second listener waits for its turn.
    receiver: Arc<AsyncMutex<mpsc::Receiver<ImportId>>>,
    /// What is in the channel, so that no import waits in it twice.
    waiting: Arc<Mutex<HashSet<ImportId>>>,
}

impl EmbeddedQueue {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        Self {
            sender,
            receiver: Arc::new(AsyncMutex::new(receiver)),
            waiting: Arc::default(),
        }
    }

    pub(super) fn ring(&self, id: ImportId) {
        if self.remember(id) && self.sender.try_send(id).is_err() {
            self.forget(id);
            tracing::debug!(import.id = %id, "the queue is full, the import is left to the ledger");
        }
    }

    pub(super) async fn listen(&self, run: Runner, concurrency: usize, stop: CancellationToken) {
        let receiver = tokio::select! {
            receiver = self.receiver.clone().lock_owned() => receiver,
            () = stop.cancelled() => return,
        };
        let context = WorkerContext::new("longshore");
        let work = self.clone().worker(receiver, &context, run, concurrency);
        if let Some(ended) = until_stopped(&context, work, &stop).await {
            tracing::error!(?ended, "the embedded queue's worker ended by itself");
        }
    }

    fn worker(
        self,
        receiver: OwnedMutexGuard<mpsc::Receiver<ImportId>>,
        context: &WorkerContext,
        run: Runner,
        concurrency: usize,
    ) -> BoxFuture<'static, Result<(), WorkerError>> {
        build_worker!(context, self.jobs(receiver), run, concurrency)
    }

    /// Forgets an import before it is run, so that a ring during the run is not lost.
    fn jobs(
        self,
        receiver: OwnedMutexGuard<mpsc::Receiver<ImportId>>,
    ) -> BoxStream<'static, Result<ImportJob, Infallible>> {
        stream::unfold((self, receiver), |(queue, mut receiver)| async move {
            let id = receiver.recv().await?;
            queue.forget(id);
            Some((Ok(ImportJob::V1 { import_id: id }), (queue, receiver)))
        })
        .boxed()
    }

    fn remember(&self, id: ImportId) -> bool {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id)
    }

    fn forget(&self, id: ImportId) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

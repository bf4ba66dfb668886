//! Many runs at once in one process: how many may run, and waiting for all of them at the end. A run goes on when whoever
//! asked for it is gone: the queue may lose its connection, the import is not lost with it.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::import::ImportId;
use crate::job::RunImport;
use crate::run::{Ports, Ran, RunSettings, run_import};

/// Runs imports, a bounded number at once.
#[derive(Clone)]
pub struct Engine {
    ports: Ports,
    settings: RunSettings,
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
    freed: Arc<Notify>,
}

impl Engine {
    /// `stop` makes every run hand its import back at the next batch edge.
    pub fn new(ports: Ports, settings: RunSettings, concurrency: usize, stop: CancellationToken) -> Self {
        let permits = Arc::new(Semaphore::new(concurrency));
        Self {
            ports,
            settings,
            permits,
            tasks: TaskTracker::new(),
            stop,
            freed: Arc::new(Notify::new()),
        }
    }

    /// How many more imports could run at once.
    pub fn free(&self) -> usize {
        self.permits.available_permits()
    }

    /// Waits until a run has left its import: its place, and the next of its kind, are free then.
    pub async fn freed(&self) {
        self.freed.notified().await;
    }

    /// After `stop`: waits until every run has handed its import back.
    pub async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn run_alone(self, id: ImportId) {
        let Ok(_permit) = self.permits.acquire().await else {
            return;
        };
        if self.stop.is_cancelled() {
            return;
        }
        match run_import(&self.ports, self.settings, id, &self.stop).await {
            Ok(Ran::NotNow) => {}
            Ok(Ran::Finished | Ran::HandedBack | Ran::Fenced) => self.freed.notify_one(),
            // The ledger's own poll comes back to this import.
            Err(error) => {
                tracing::warn!(
                    import_id = id.0,
                    error = %error,
                    "import.not_claimed"
                );
            }
        }
    }
}

#[async_trait]
impl RunImport for Engine {
    async fn run(&self, id: ImportId) {
        let run = self.tasks.spawn(self.clone().run_alone(id));
        if let Err(error) = run.await {
            // A panic: the lease runs out, and the next claim counts the crash.
            tracing::error!(
                import_id = id.0,
                error = %error,
                "import.run_crashed"
            );
        }
    }
}

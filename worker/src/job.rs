//! What travels through a queue, and what a queue calls on delivery. A message is an id and nothing else: everything about an
//! import stands in its row, so a message may be lost, late, doubled or stale without harm. No backend, no retry, no state.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use apalis_core::task::data::Data;
use async_trait::async_trait;
use futures::FutureExt;
use serde::{Deserialize, Serialize};

use crate::import::ImportId;

/// "Look at this import", named by the version of its form: `{"v":"import.v1","import_id":9}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum ImportJob {
    /// The first form.
    #[serde(rename = "import.v1")]
    V1 {
        /// Which import.
        import_id: ImportId,
    },
    /// A form of a later release, met during a rolling update: its import is found through the ledger instead.
    #[serde(other)]
    Unknown,
}

/// Runs one import as far as it can be run now; every outcome goes to the ledger.
#[async_trait]
pub trait RunImport: Send + Sync {
    /// Claims and runs the import; returns at once when it is not this worker's turn.
    async fn run(&self, id: ImportId);
}

/// What a queue is given to call.
pub type Runner = Arc<dyn RunImport>;

/// The handler behind every queue. It always succeeds: a queue that retried by itself would argue with the ledger, and a
/// panicking import must not take the queue's worker with it.
pub async fn handle(job: ImportJob, runner: Data<Runner>) -> Result<(), Infallible> {
    let ImportJob::V1 { import_id } = job else {
        tracing::info!("a message of an unknown form was left to the ledger");
        return Ok(());
    };
    if AssertUnwindSafe(runner.run(import_id)).catch_unwind().await.is_err() {
        tracing::error!(import.id = %import_id, "running the import panicked");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    struct Panics;

    #[async_trait]
    impl RunImport for Panics {
        async fn run(&self, _: ImportId) {
            panic!("a broken import");
        }
    }

    #[test]
    fn the_message_is_an_id_named_by_its_version() {
        let job = ImportJob::V1 { import_id: ImportId(9) };
        let text = serde_json::to_string(&job).unwrap();
        assert_eq!(text, r#"{"v":"import.v1","import_id":9}"#);
        assert_eq!(serde_json::from_str::<ImportJob>(&text).unwrap(), job);
    }

    #[test]
    fn a_later_version_is_read_as_unknown() {
        let later = r#"{"v":"import.v7","import":{"id":9},"why":"because"}"#;
        assert_eq!(serde_json::from_str::<ImportJob>(later).unwrap(), ImportJob::Unknown);
    }

    #[tokio::test]
    async fn a_panic_stays_inside_the_handler() {
        let runner: Runner = Arc::new(Panics);
        handle(ImportJob::V1 { import_id: ImportId(1) }, Data::new(runner))
            .await
            .unwrap();
    }
}

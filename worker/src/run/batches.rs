//! The batches of a run, one after the other: while one is committed, the ledger looks up what the next will need.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::batch::Batch;
use crate::failpoint::reach;
use crate::parse::Parsed;
use crate::ports::{Ahead, Claimed};

use super::Ports;

/// The parser's next word, `None` if it ended without one, and what the ledger has read for it.
pub(super) struct Word {
    pub(super) parsed: Option<Parsed>,
    pub(super) ahead: Option<Ahead>,
}

/// What a run's parser says.
pub(super) struct Batches {
    ports: Ports,
    claimed: Arc<Claimed>,
    parsed: mpsc::Receiver<Parsed>,
    /// Taken from the parser while the batch before it was committed.
    coming: Option<Word>,
    /// How long a commit that is done waits for what is read for the next; the lease must outlast it.
    patience: Duration,
}

impl Batches {
    pub(super) fn new(
        ports: &Ports,
        claimed: &Arc<Claimed>,
        parsed: mpsc::Receiver<Parsed>,
        patience: Duration,
    ) -> Self {
        Self {
            ports: ports.clone(),
            claimed: Arc::clone(claimed),
            parsed,
            coming: None,
            patience,
        }
    }

    /// The parser's next word. Nothing is lost if the wait for it is given up.
    pub(super) async fn next(&mut self) -> Word {
        match self.coming.take() {
            Some(word) => word,
            None => Word {
                parsed: self.parsed.recv().await,
                ahead: None,
            },
        }
    }

    /// Waits for the commit of a batch. What comes next is looked up meanwhile if it is there in time: never later, as the
    /// run has its lease to see to.
    pub(super) async fn beside<T>(&mut self, batch: &Batch, commit: impl Future<Output = T>) -> T {
        tokio::pin!(commit);
        let parsed = tokio::select! {
            biased;
            done = &mut commit => return done,
            parsed = self.parsed.recv() => parsed,
        };
        let (done, ahead) = tokio::join!(commit, self.look_ahead(batch, parsed.as_ref()));
        self.coming = Some(Word { parsed, ahead });
        done
    }

    /// Nothing for a batch that goes on with records of the one before, or does not know its keys yet: what it would find is
    /// about to change.
    async fn look_ahead(&self, before: &Batch, parsed: Option<&Parsed>) -> Option<Ahead> {
        let Some(Parsed::Batch(next)) = parsed else { return None };
        if self.claimed.options.handles || before.shares_a_key_with(next) {
            return None;
        }
        let reading = async {
            reach("batch.ahead").await.ok()?;
            self.ports.ledger.look_ahead(&self.claimed, next).await
        };
        timeout(self.patience, reading).await.ok().flatten()
    }
}

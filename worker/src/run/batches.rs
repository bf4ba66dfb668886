//! The batches of a run, one after the other: while one is committed, the ledger looks up what the next will need.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::batch::Batch;
use crate::failpoint::reach;
use crate::import::Counts;
use crate::parse::Parsed;
use crate::ports::{Ahead, Claimed, Commit, Ledger, LedgerError};

/// A batch of which one row in so many changes a record changes many.
const MANY: u64 = 10;

/// The parser's next word, `None` if it ended without one, and what the ledger has read for it.
pub(super) struct Word {
    pub(super) parsed: Option<Parsed>,
    pub(super) ahead: Option<Ahead>,
}

/// What a run's parser says.
pub(super) struct Batches {
    ledger: Arc<dyn Ledger>,
    claimed: Arc<Claimed>,
    parsed: mpsc::Receiver<Parsed>,
    /// Taken from the parser while the batch before it was committed.
    coming: Option<Word>,
    /// What was done when the last commit was answered.
    counts: Counts,
    /// The last batch changed many records.
    changing: bool,
    /// How long a commit that is done waits for what is read for the next; the lease must outlast it.
    patience: Duration,
}

impl Batches {
    pub(super) fn new(
        ledger: &Arc<dyn Ledger>,
        claimed: &Arc<Claimed>,
        parsed: mpsc::Receiver<Parsed>,
        patience: Duration,
    ) -> Self {
        Self {
            ledger: Arc::clone(ledger),
            claimed: Arc::clone(claimed),
            parsed,
            coming: None,
            counts: claimed.counts,
            changing: false,
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

    /// Commits a batch with what was read for it.
    pub(super) async fn commit(&mut self, batch: &Arc<Batch>, ahead: Option<Ahead>) -> Result<Commit, LedgerError> {
        let (ledger, claimed) = (Arc::clone(&self.ledger), Arc::clone(&self.claimed));
        let commit = ledger.commit_batch(&claimed, Arc::clone(batch), ahead);
        let commit = self.beside(batch, commit).await?;
        if let Commit::Done { counts, .. } = commit {
            self.note(batch, counts);
        }
        Ok(commit)
    }

    /// Waits for the commit of a batch. What comes next is looked up meanwhile if it is there in time: never later, as the
    /// run has its lease to see to.
    async fn beside<T>(&mut self, batch: &Batch, commit: impl Future<Output = T>) -> T {
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

    /// Notes what a batch has done.
    fn note(&mut self, batch: &Batch, counts: Counts) {
        let changed = counts.updated.saturating_sub(self.counts.updated);
        let rows = u64::try_from(batch.entries.len()).unwrap_or(u64::MAX);
        self.changing = changed.saturating_mul(MANY) >= rows;
        self.counts = counts;
    }

    /// Nothing where few records change: only those are read as a whole, and keys alone are found sooner than looked up from
    /// aside. Nothing either for a batch that goes on with records of the one before, or does not know its keys yet: what it
    /// would find is about to change.
    async fn look_ahead(&self, before: &Batch, parsed: Option<&Parsed>) -> Option<Ahead> {
        let Some(Parsed::Batch(next)) = parsed else { return None };
        let reading = async {
            reach("batch.ahead").await.ok()?;
            if !self.changing || self.claimed.options.handles || before.shares_a_key_with(next) {
                return None;
            }
            self.ledger.look_ahead(&self.claimed, next).await
        };
        timeout(self.patience, reading).await.ok().flatten()
    }
}

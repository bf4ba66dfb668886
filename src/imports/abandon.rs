//! Uploads that come to nothing: how one that goes on says so, and how one that does not is taken away. The row decides: an
//! upload that is given up cannot be queued any more, one that is queued cannot be given up.

use tokio::time::{Interval, MissedTickBehavior, interval};
use worker::failpoint::reach;
use worker::import::{ImportId, OrgId};

use super::read;
use crate::app::App;
use crate::store::model::Import;
use crate::store::{RECEIVING_LEASE, StoreError};

/// Tells the ledger now and then that an upload goes on, so that the uploads of a dead process are known soon.
pub(super) struct Alive {
    app: App,
    org: OrgId,
    id: ImportId,
    due: Interval,
}

impl Alive {
    /// For an upload that has just begun.
    pub(super) fn new(app: &App, org: OrgId, id: ImportId) -> Self {
        let mut due = interval(RECEIVING_LEASE / 3);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once, and the row is new.
        due.reset();
        let app = app.clone();
        Self { app, org, id, due }
    }

    /// Waits for `work`, telling meanwhile. `work` must lose nothing when it is waited for in turns.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                _ = self.due.tick() => self.tell().await,
                done = &mut work => return done,
            }
        }
    }

    /// A ledger that does not answer is no reason to refuse the file.
    async fn tell(&self) {
        if let Err(error) = self.app.store.keep_receiving(self.org, self.id).await {
            tracing::warn!(import_id = self.id.0, error = %error, "import.upload_not_renewed");
        }
    }
}

/// Removes what a refused upload has left: the row, and the blob if it was finished already. The row decides what happens,
/// as the answer to queueing it may have been lost: an import that is queued after all is given back, and runs.
pub(super) async fn undo(app: &App, org: OrgId, id: ImportId, blob: &str) -> Option<Import> {
    match abandon(app, org, id, Some(blob)).await {
        Ok(true) => None,
        Ok(false) => read::import(app, org, id).await.ok().flatten(),
        // Left to the sweep, which asks the row as well.
        Err(error) => {
            tracing::warn!(import_id = id.0, error = %error, "import.row_left_behind");
            None
        }
    }
}

/// Gives an upload up: from the first step on it cannot be queued any more, then its blob goes, then its row. False: it is
/// queued, or gone.
pub(super) async fn abandon(app: &App, org: OrgId, id: ImportId, blob: Option<&str>) -> Result<bool, StoreError> {
    if !app.store.give_up_import(org, id).await? {
        return Ok(false);
    }
    if let Some(blob) = blob {
        // The row stays while the file does, and the sweep comes back to it.
        if let Err(error) = app.blobs.delete(blob).await {
            tracing::warn!(import_id = id.0, %error, "import.blob_left_behind");
            return Ok(true);
        }
        reach("gc.after_object").await?;
    }
    app.store.abandon_import(org, id).await?;
    Ok(true)
}

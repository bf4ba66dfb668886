//! Stopping an import. The store takes the row lock that every batch takes first: a batch in flight ends before the answer,
//! and no later one gets past the guard.

use worker::failpoint::reach;
use worker::import::{ImportId, OrgId};

use crate::app::App;
use crate::store::StoreError;
use crate::store::model::Changed;

/// Cancels a queued or running import; a final one is left as it is. When this answers, no further row changes.
pub async fn cancel(app: &App, org: OrgId, id: ImportId) -> Result<Option<Changed>, StoreError> {
    let changed = app.store.cancel_import(org, id).await?;
    reach("cancel.after_flag").await?;
    if let Some(Changed { import, done: true }) = &changed {
        super::read::record_end(&app.metrics, import);
        super::delete::file_at_end(&app.store, &app.blobs, import).await;
    }
    Ok(changed)
}

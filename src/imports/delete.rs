//! Removing an import: its record, file and failed rows go, imported records stay. Row first, bytes after: a crash between
//! leaves a blob that nothing names, never a row without its blob.

use worker::failpoint::reach;
use worker::import::{ImportId, OrgId};
use worker::mapping::Sensitive;

use crate::app::App;
use crate::blobs::Blobs;
use crate::store::StoreError;
use crate::store::model::{Deleted, Import};

/// Removes the file of an import that has just become final where it must not lie about: it holds secrets, or came with a call
/// that waited for it. Nobody reads it again, but for the caller of a synchronous dry run, who then removes it.
pub(super) async fn file_at_end(blobs: &Blobs, import: &Import) {
    let is_wanted = import.synchronous && import.options.dry_run;
    if !is_wanted && (import.synchronous || Sensitive::new(&import.columns, import.resource).any()) {
        file_of(blobs, import).await;
    }
}

/// Removes the file of a final import.
pub(super) async fn file_of(blobs: &Blobs, import: &Import) {
    if let Some(blob) = &import.blob {
        blob_of(blobs, import.id, blob).await;
    }
}

/// Removes an import's blob; one that stays is told of.
pub(super) async fn blob_of(blobs: &Blobs, id: ImportId, blob: &str) {
    if let Err(error) = blobs.delete(blob).await {
        tracing::warn!(import_id = id.0, error = %error, "import.blob_left_behind");
    }
}

/// Deletes a queued or final import.
pub async fn delete(app: &App, org: OrgId, id: ImportId) -> Result<Deleted, StoreError> {
    let deleted = app.store.delete_import(org, id).await?;
    reach("delete.after_row").await?;
    if let Deleted::Gone { blob: Some(blob) } = &deleted {
        blob_of(&app.blobs, id, blob).await;
    }
    Ok(deleted)
}

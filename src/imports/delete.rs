//! Removing an import: its record, file and failed rows go, imported records stay. Row first, bytes after: what a
//! crash leaves between is noted in the ledger, and swept.

use std::time::Duration;

use worker::failpoint::reach;
use worker::import::{ImportId, OrgId};

use crate::app::App;
use crate::blobs::{BlobError, Blobs};
use crate::store::model::{Deleted, Import};
use crate::store::{Store, StoreError};

/// Removes the file of an import that has just become final where it is not kept.
pub(super) async fn file_at_end(store: &Store, blobs: &Blobs, import: &Import) {
    if import.file_goes_after() == Some(Duration::ZERO) {
        file_of(store, blobs, import).await;
    }
}

/// Removes the file of a final import.
pub(super) async fn file_of(store: &Store, blobs: &Blobs, import: &Import) {
    if let Some(blob) = &import.blob
        && let Err(error) = blob_of(store, blobs, blob).await
    {
        tracing::warn!(import_id = import.id.0, %error, "import.blob_left_behind");
    }
}

/// Removes a blob that the store has noted to go; while that does not succeed, the sweep tries again.
pub(super) async fn blob_of(store: &Store, blobs: &Blobs, blob: &str) -> Result<(), RemovalError> {
    blobs.delete(blob).await?;
    Ok(store.forget_blob(blob).await?)
}

/// Why a blob stays for now.
#[derive(Debug, thiserror::Error)]
pub(super) enum RemovalError {
    /// The file store did not answer.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Deletes a queued or final import.
pub async fn delete(app: &App, org: OrgId, id: ImportId) -> Result<Deleted, StoreError> {
    let deleted = app.store.delete_import(org, id).await?;
    reach("delete.after_row").await?;
    if let Deleted::Gone { blob: Some(blob) } = &deleted
        && let Err(error) = blob_of(&app.store, &app.blobs, blob).await
    {
        tracing::warn!(import_id = id.0, %error, "import.blob_left_behind");
    }
    Ok(deleted)
}

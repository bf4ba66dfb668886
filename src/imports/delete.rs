//! Removing an import: its record, file and failed rows go, imported records stay. Row first, bytes after: a crash between
//! leaves a blob that nothing names, never a row without its blob.

use worker::import::{ImportId, OrgId};

use crate::app::App;
use crate::store::StoreError;
use crate::store::model::{Deleted, Import};

/// Removes the file of a final import, which nobody will read again; what the import says stays.
pub(super) async fn file_of(app: &App, import: &Import) {
    if let Some(blob) = &import.blob
        && let Err(error) = app.blobs.delete(blob).await
    {
        tracing::warn!(import_id = import.id.0, error = %error, "import.blob_left_behind");
    }
}

/// Deletes a queued or final import.
pub async fn delete(app: &App, org: OrgId, id: ImportId) -> Result<Deleted, StoreError> {
    let deleted = app.store.delete_import(org, id).await?;
    if let Deleted::Gone { blob: Some(blob) } = &deleted
        && let Err(error) = app.blobs.delete(blob).await
    {
        tracing::warn!(import_id = id.0, error = %error, "import.blob_left_behind");
    }
    Ok(deleted)
}

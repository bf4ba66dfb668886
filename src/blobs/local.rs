//! What local files need beyond `object_store`: private folders that survive a power cut, and the left-overs of a killed
//! writer. `object_store` writes to `name#1` and renames at the end, so such names are never blobs.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{BlobError, is_key_part};

fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> BlobError {
    BlobError::Unavailable(error.into())
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, BlobError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(unavailable)?
        .map_err(unavailable)
}

/// Makes a folder and what is missing above it, for this user only; each new name is durable before the next is made.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let Some(parent) = folder.parent() else {
        return Err(io::ErrorKind::NotFound.into());
    };
    make_folder(parent)?;
    match DirBuilder::new().mode(0o700).create(folder) {
        // Another writer was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => File::open(parent)?.sync_all(),
    }
}

/// Makes the folder a blob's file goes into.
pub(super) async fn make_parent(file: PathBuf) -> Result<(), BlobError> {
    off_thread(move || file.parent().map_or(Ok(()), make_folder)).await
}

/// Whether the folder is there.
pub(super) async fn is_folder(root: &Path) -> Result<(), BlobError> {
    match tokio::fs::metadata(root).await {
        Ok(meta) if meta.is_dir() => Ok(()),
        Ok(_) => Err(unavailable("the blob folder is not a folder")),
        Err(error) => Err(unavailable(error)),
    }
}

/// Removes the file a killed writer of this blob left; keys are never used twice, so there is at most one.
pub(super) async fn remove_staging_of(file: PathBuf) -> Result<(), BlobError> {
    let mut staging = file.into_os_string();
    staging.push("#1");
    match tokio::fs::remove_file(staging).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unavailable(error)),
        _ => Ok(()),
    }
}

/// Removes every half-written file below `root` that nobody touched for `idle`.
pub(super) async fn clean_staging(root: PathBuf, idle: Duration) -> Result<u64, BlobError> {
    off_thread(move || clean_folder(&root, idle)).await
}

/// Goes only into folders that a key could name, and never through a symbolic link.
fn clean_folder(folder: &Path, idle: Duration) -> io::Result<u64> {
    let mut removed = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let Some(name) = name.to_str() else { continue };
        if kind.is_dir() && is_key_part(name) {
            removed += clean_folder(&entry.path(), idle)?;
        } else if kind.is_file() && is_staging(name) && untouched_for(&entry, idle)? {
            std::fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn is_staging(name: &str) -> bool {
    name.split_once('#').is_some_and(|(blob, number)| {
        is_key_part(blob) && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    })
}

fn untouched_for(entry: &std::fs::DirEntry, idle: Duration) -> io::Result<bool> {
    let touched = entry.metadata()?.modified()?;
    // A file from the future counts as fresh, except where everything is to go.
    Ok(idle.is_zero() || touched.elapsed().is_ok_and(|age| age >= idle))
}

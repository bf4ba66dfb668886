//! The uploaded files, as plain bytes under a key: local files or an S3-compatible store, through `object_store`, which is
//! known here only. Blobs are written once under a random key and never changed. No CSV, no database, no tenant in here.
//! What a store gives back is believed only block by block, against the digests that lie with it (`blocks`).
//!
//! Where the two backends differ: a writer that is killed leaves a hidden file locally (removed by [`Blobs::clean_staging`]
//! or by deleting the key), and parts of an unfinished upload on S3, which only a lifecycle rule of the bucket
//! (`AbortIncompleteMultipartUpload`) removes.

mod blocks;
mod local;
mod open;
mod writer;

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::runtime::Handle;

use blocks::Layout;
pub use open::BlobOptions;
pub use writer::BlobWriter;

/// How long one piece of a blob may take; a store that trickles is as useless as one that hangs.
const PIECE_TIME: Duration = Duration::from_secs(60);
/// What fails in spite of the store's own tries, is not there or is not what was written, is asked for once more after this
/// pause: the fault may lie on the way and not in the store.
const PIECE_PAUSE: Duration = Duration::from_millis(500);
/// Longest key; each of its parts also has to fit into a file name with the staging suffix.
const KEY_MAX: usize = 512;
const KEY_PART_MAX: usize = 200;

/// Why a blob could not be written, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The URL or the options cannot work; said at start.
    #[error("{0}")]
    Config(String),
    /// The key has another form than ours: `[A-Za-z0-9._-]` in parts joined by `/`.
    #[error("not a blob key: {0:?}")]
    Key(String),
    /// There is no such blob.
    #[error("there is no such blob")]
    Missing,
    /// The blob ends before the place asked for: it is not the blob that was written.
    #[error("the blob has {size} bytes, asked for those from {from} on")]
    Short {
        /// Bytes that are there.
        size: u64,
        /// First byte asked for.
        from: u64,
    },
    /// What lies in the store is not what was written: changed, cut, moved, or of another blob.
    #[error("the blob is not what was written, from byte {from} on")]
    Damaged {
        /// First byte that is not to be trusted.
        from: u64,
    },
    /// The store did not answer as it should; to be tried again later.
    #[error("the blob store did not answer: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl From<object_store::Error> for BlobError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Missing,
            other => Self::Unavailable(Box::new(other)),
        }
    }
}

/// Where the uploaded files lie; cheap to clone.
///
/// Requests run on the runtime that [`Blobs::open`] was called on, so that a caller who goes away cuts none in half.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    main: Handle,
    /// The folder, for local files.
    root: Option<PathBuf>,
    /// Blocks fetched at once, and bytes sent at once: what bounds the memory of a reader and of a writer.
    read_piece: u64,
    write_part: usize,
}

impl fmt::Debug for Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blobs({})", self.store)
    }
}

impl Blobs {
    /// Starts a blob that can be read under `key` once it is finished, and not a moment before.
    pub async fn create(&self, key: &str) -> Result<BlobWriter, BlobError> {
        let path = parse_key(key)?;
        if let Some(root) = &self.root {
            let file = root.join(path.as_ref());
            self.on_main(async move { local::make_parent(file).await }).await?;
        }
        Ok(BlobWriter::new(self, path))
    }

    /// The blob's bytes from an offset on. Each piece is a ranged request of its own, so neither a slow reader nor a broken
    /// connection ends the stream; only a piece that fails for good does. No byte comes out that was not written.
    pub async fn read(&self, key: &str, from: u64) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
        let (path, store) = (parse_key(key)?, self.store.clone());
        let look = move || {
            let (store, path) = (store.clone(), path.clone());
            async move { Ok(store.head(&path).await?) }
        };
        let meta = self
            .on_main(twice(look, |error| matches!(error, BlobError::Missing)))
            .await?;
        let layout = Layout::new(meta.size).ok_or(BlobError::Damaged { from: 0 })?;
        let size = layout.plain();
        if from > size {
            return Err(BlobError::Short { size, from });
        }
        let (first, skip) = layout.find(from);
        let blob = Arc::new(Blob {
            key: key.to_owned(),
            meta,
            layout,
        });
        let pieces = stream::try_unfold((self.clone(), blob, first), |(blobs, blob, number)| async move {
            if blob.layout.range(number, blobs.read_piece).is_none() {
                return Ok::<_, BlobError>(None);
            }
            let blocks = blobs.piece(blob.clone(), number).await?;
            let next = number + blobs.read_piece;
            Ok(Some((stream::iter(blocks.into_iter().map(Ok)), (blobs, blob, next))))
        });
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let blocks = pieces.try_flatten().enumerate();
        Ok(blocks
            .map(move |(nth, block)| {
                block.map(|bytes: Bytes| bytes.slice(if nth == 0 { skip.min(bytes.len()) } else { 0 }..))
            })
            .boxed())
    }

    /// So many blocks from one on, whole.
    async fn piece(&self, blob: Arc<Blob>, number: u64) -> Result<Vec<Bytes>, BlobError> {
        let (store, count) = (self.store.clone(), self.read_piece);
        let fetched = twice(move || fetch(store.clone(), blob.clone(), number, count), |_| true);
        self.on_main(fetched).await
    }

    /// Removes a blob, and what a killed writer left of it locally; an absent one is fine.
    pub async fn delete(&self, key: &str) -> Result<(), BlobError> {
        let path = parse_key(key)?;
        let (store, root) = (self.store.clone(), self.root.clone());
        self.on_main(async move {
            if let Some(root) = root {
                local::remove_staging_of(root.join(path.as_ref())).await?;
            }
            match store.delete(&path).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// Whether the store answers: the folder is there, or the bucket can be listed.
    pub async fn ready(&self) -> Result<(), BlobError> {
        let (store, root) = (self.store.clone(), self.root.clone());
        self.on_main(async move {
            match root {
                Some(root) => local::is_folder(&root).await,
                // Nothing is ever stored under this prefix, so the answer is an empty page.
                None => match store.list(Some(&Path::from("ready"))).next().await {
                    None | Some(Ok(_)) => Ok(()),
                    Some(Err(error)) => Err(BlobError::Unavailable(Box::new(error))),
                },
            }
        })
        .await
    }

    /// Removes what killed writers left half-written in the local folder, if untouched for `idle`, and says how many files
    /// that were. `idle` is zero where no other process can be writing. On S3 it does nothing.
    pub async fn clean_staging(&self, idle: Duration) -> Result<u64, BlobError> {
        match self.root.clone() {
            Some(root) => {
                self.on_main(async move { local::clean_staging(root, idle).await })
                    .await
            }
            None => Ok(0),
        }
    }

    async fn on_main<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, BlobError>> + Send + 'static,
    ) -> Result<T, BlobError> {
        self.main
            .spawn(work)
            .await
            .map_err(|e| BlobError::Unavailable(Box::new(e)))?
    }
}

/// A blob that is being read.
struct Blob {
    key: String,
    meta: ObjectMeta,
    layout: Layout,
}

/// Tries once more what is worth it.
async fn twice<T, F>(work: impl Fn() -> F, worth: fn(&BlobError) -> bool) -> Result<T, BlobError>
where
    F: Future<Output = Result<T, BlobError>>,
{
    let error = match work().await {
        Err(error) if worth(&error) => error,
        settled => return settled,
    };
    tracing::info!(%error, "the blob store is asked again");
    tokio::time::sleep(PIECE_PAUSE).await;
    work().await
}

async fn fetch(store: Arc<dyn ObjectStore>, blob: Arc<Blob>, number: u64, count: u64) -> Result<Vec<Bytes>, BlobError> {
    let (from, to) = blob.layout.range(number, count).ok_or(BlobError::Missing)?;
    let options = GetOptions {
        range: Some(GetRange::Bounded(from..to)),
        if_match: blob.meta.e_tag.clone(),
        ..GetOptions::default()
    };
    let whole = async { store.get_opts(&blob.meta.location, options).await?.bytes().await };
    let bytes = tokio::time::timeout(PIECE_TIME, whole)
        .await
        .map_err(|e| BlobError::Unavailable(e.into()))??;
    if u64::try_from(bytes.len()).ok() != Some(to - from) {
        let short = format!("{} bytes came of {}", bytes.len(), to - from);
        return Err(BlobError::Unavailable(short.into()));
    }
    // Megabytes of digests, off the threads that answer.
    let opened = tokio::task::spawn_blocking(move || blob.layout.open(&blob.key, number, bytes)).await;
    let opened = opened.map_err(|e| BlobError::Unavailable(Box::new(e)))?;
    opened.map_err(|from| BlobError::Damaged { from })
}

/// Only keys of our own making: no `#`, which marks half-written files, no `..`, nothing a store would have to escape.
fn parse_key(key: &str) -> Result<Path, BlobError> {
    if key.len() > KEY_MAX || !key.split('/').all(is_key_part) {
        return Err(BlobError::Key(key.chars().take(KEY_MAX).collect()));
    }
    Path::parse(key).map_err(|_| BlobError::Key(key.to_owned()))
}

fn is_key_part(part: &str) -> bool {
    let plain = part
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    plain && !part.is_empty() && part.len() <= KEY_PART_MAX && !part.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_our_own_making_pass() {
        for key in ["a", "imports/7/0198f.csv", "A-b_c.d/e"] {
            assert!(parse_key(key).is_ok(), "{key}");
        }
        let long = "x".repeat(KEY_PART_MAX + 1);
        for key in [
            "", "/", "a/", "/a", "a//b", "..", "a/../b", ".", ".hidden", "a#1", "a b", "ä", "a%2fb", "a\0", "a\\b",
            &long,
        ] {
            assert!(matches!(parse_key(key), Err(BlobError::Key(_))), "{key:?}");
        }
    }
}

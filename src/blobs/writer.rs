//! One blob on its way in. Holds at most two parts in memory, becomes visible all at once, and leaves nothing when it is
//! dropped. What a power cut leaves stands in the header of `blobs`.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart};
use tokio::runtime::Handle;

use super::blocks::Sealer;
use super::{BlobError, Blobs};

/// How long a finished blob may take to show up.
const LOOK_TIME: Duration = Duration::from_secs(2);
/// Parts on their way at once. While that many are, nothing more is taken in.
const PARTS_IN_FLIGHT: usize = 2;

/// Takes a blob's bytes in; see [`super::Blobs::create`].
pub struct BlobWriter {
    store: Arc<dyn ObjectStore>,
    path: Path,
    main: Handle,
    part: usize,
    is_local: bool,
    sealer: Sealer,
    /// Bytes taken in, and bytes that the store has or gets of them.
    written: u64,
    stored: u64,
    /// Bytes of a blob that is still smaller than one part: such a one is put with a single request.
    small: BytesMut,
    /// From the second part on.
    upload: Option<WriteMultipart>,
}

impl BlobWriter {
    pub(super) fn new(blobs: &Blobs, path: Path) -> Self {
        Self {
            store: blobs.store.clone(),
            main: blobs.main.clone(),
            part: blobs.write_part,
            is_local: blobs.root.is_some(),
            sealer: Sealer::new(path.as_ref()),
            path,
            written: 0,
            stored: 0,
            small: BytesMut::new(),
            upload: None,
        }
    }

    /// Takes more bytes; waits while two parts are on their way. After an error the writer can only be dropped.
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<(), BlobError> {
        self.written = self.written.saturating_add(wide(bytes.len()));
        while !bytes.is_empty() {
            if let Some(block) = self.sealer.take(&mut bytes) {
                self.store(block).await?;
            }
        }
        Ok(())
    }

    async fn store(&mut self, mut block: Bytes) -> Result<(), BlobError> {
        self.stored = self.stored.saturating_add(wide(block.len()));
        while !block.is_empty() {
            // At most one part at a time, so that each is waited for.
            let piece = block.split_to(block.len().min(self.part));
            self.take(&piece).await?;
        }
        Ok(())
    }

    async fn take(&mut self, piece: &[u8]) -> Result<(), BlobError> {
        if self.upload.is_none() && self.small.len() + piece.len() <= self.part {
            self.small.extend_from_slice(piece);
            return Ok(());
        }
        let upload = match &mut self.upload {
            Some(upload) => upload,
            None => {
                let started = self.store.put_multipart(&self.path).await?;
                let upload = self
                    .upload
                    .insert(WriteMultipart::new_with_chunk_size(started, self.part));
                upload.write(&std::mem::take(&mut self.small));
                upload
            }
        };
        upload.wait_for_capacity(PARTS_IN_FLIGHT).await?;
        upload.write(piece);
        Ok(())
    }

    /// Makes the blob durable and readable, and says how many bytes it has. Dropping this future does not stop it.
    pub async fn finish(self) -> Result<u64, BlobError> {
        let ending = self.main.clone().spawn(self.end());
        ending.await.map_err(|e| BlobError::Unavailable(Box::new(e)))?
    }

    async fn end(mut self) -> Result<u64, BlobError> {
        let last = self.sealer.last();
        self.store(last).await?;
        let ended = match self.upload.take() {
            // Aborts by itself when a part or the end fails.
            Some(upload) => upload.finish().await,
            None => {
                let small = std::mem::take(&mut self.small).freeze();
                self.store.put(&self.path, small.into()).await
            }
        };
        let trusted = !self.is_local;
        settle(&*self.store, &self.path, self.stored, trusted, ended.map(drop)).await?;
        Ok(self.written)
    }

    /// Undoes everything and waits for it.
    pub async fn abort(mut self) {
        if let Some(upload) = self.upload.take() {
            undo(upload, &self.path).await;
        }
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take() {
            let path = self.path.clone();
            self.main.spawn(async move { undo(upload, &path).await });
        }
    }
}

/// A store may lose its answer, or answer without having kept anything: what counts is what lies there. Nobody else writes
/// under this key, so what is there in its full size is ours. On a local disk a file that could not be synced is seen, and may
/// yet be lost: there a failure stays one.
async fn settle(
    store: &dyn ObjectStore,
    path: &Path,
    stored: u64,
    trusted: bool,
    ended: Result<(), object_store::Error>,
) -> Result<(), BlobError> {
    let found = match tokio::time::timeout(LOOK_TIME, store.head(path)).await {
        Ok(Ok(meta)) => Ok(meta.size),
        Ok(Err(object_store::Error::NotFound { .. })) => Ok(0),
        Ok(Err(error)) => Err(BlobError::Unavailable(Box::new(error))),
        Err(late) => Err(BlobError::Unavailable(late.into())),
    };
    match (ended, found) {
        (Ok(()), Ok(found)) if found == stored => Ok(()),
        (Ok(()), Ok(found)) => {
            let short = format!("{found} bytes are there of {stored} that it has taken");
            Err(BlobError::Unavailable(short.into()))
        }
        (Err(_lost), Ok(found)) if trusted && found == stored => Ok(()),
        (Err(error), _) => Err(error.into()),
        (Ok(()), Err(error)) => Err(error),
    }
}

fn wide(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

async fn undo(upload: WriteMultipart, path: &Path) {
    if let Err(error) = upload.abort().await {
        tracing::warn!(blob.key = %path, %error, "a cut upload could not be undone in the blob store");
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use async_trait::async_trait;
    use object_store::memory::InMemory;
    use object_store::{MultipartUpload, PutPayload, PutResult, UploadPart};

    use super::*;

    /// Counts the bytes of parts that are on their way, and is slow about them.
    #[derive(Debug, Default)]
    struct Counting {
        now: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
        aborted: Arc<AtomicUsize>,
    }

    #[async_trait]
    impl MultipartUpload for Counting {
        fn put_part(&mut self, data: PutPayload) -> UploadPart {
            let (now, most, size) = (self.now.clone(), self.most.clone(), data.content_length());
            let in_flight = now.fetch_add(size, Ordering::SeqCst) + size;
            most.fetch_max(in_flight, Ordering::SeqCst);
            Box::pin(async move {
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(data.content_length(), Ordering::SeqCst);
                Ok(())
            })
        }

        async fn complete(&mut self) -> object_store::Result<PutResult> {
            Ok(PutResult {
                e_tag: None,
                version: None,
                extensions: Default::default(),
            })
        }

        async fn abort(&mut self) -> object_store::Result<()> {
            self.aborted.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }

    fn writer(upload: Counting, part: usize) -> BlobWriter {
        let upload = WriteMultipart::new_with_chunk_size(Box::new(upload), part);
        let blobs = Blobs {
            store: Arc::new(InMemory::new()),
            main: Handle::current(),
            root: None,
            read_piece: 1,
            write_part: part,
        };
        let mut writer = BlobWriter::new(&blobs, Path::from("a"));
        writer.upload = Some(upload);
        writer
    }

    #[tokio::test]
    async fn no_more_than_two_parts_are_on_their_way() {
        let counting = Counting::default();
        let most = counting.most.clone();
        let mut writer = writer(counting, 1000);
        for size in [1, 999, 10_000, 7, 500, 25_000, 3] {
            writer.write(Bytes::from(vec![7; size])).await.unwrap();
        }
        assert_eq!(writer.written, 36_510);
        assert!(
            writer.finish().await.is_err(),
            "this upload keeps nothing, and is not believed"
        );
        assert_eq!(most.load(Ordering::SeqCst), 2000);
    }

    #[tokio::test]
    async fn a_dropped_writer_undoes_its_upload() {
        let counting = Counting::default();
        let aborted = counting.aborted.clone();
        let mut writer = writer(counting, 1000);
        writer.write(Bytes::from(vec![7; 2500])).await.unwrap();
        drop(writer);
        let undone = async {
            while aborted.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), undone).await.unwrap();
    }
}

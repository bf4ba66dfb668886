//! One blob on its way in. Holds at most two parts in memory, becomes visible all at once, and leaves nothing when it is
//! dropped. What a power cut leaves stands in the header of `blobs`.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart};
use tokio::runtime::Handle;

use super::BlobError;

/// Parts on their way at once. While that many are, nothing more is taken in.
const PARTS_IN_FLIGHT: usize = 2;

/// Takes a blob's bytes in; see [`super::Blobs::create`].
pub struct BlobWriter {
    store: Arc<dyn ObjectStore>,
    path: Path,
    main: Handle,
    part: usize,
    written: u64,
    /// Bytes of a blob that is still smaller than one part: such a one is put with a single request.
    small: BytesMut,
    /// From the second part on.
    upload: Option<WriteMultipart>,
}

impl BlobWriter {
    pub(super) fn new(store: Arc<dyn ObjectStore>, path: Path, main: Handle, part: usize) -> Self {
        Self {
            store,
            path,
            main,
            part,
            written: 0,
            small: BytesMut::new(),
            upload: None,
        }
    }

    /// Takes more bytes; waits while two parts are on their way. After an error the writer can only be dropped.
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<(), BlobError> {
        while !bytes.is_empty() {
            // At most one part at a time, so that each is waited for.
            let piece = bytes.split_to(bytes.len().min(self.part));
            self.written = self
                .written
                .saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
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
    pub async fn finish(mut self) -> Result<u64, BlobError> {
        let (store, path, written) = (self.store.clone(), self.path.clone(), self.written);
        let (small, upload) = (std::mem::take(&mut self.small).freeze(), self.upload.take());
        let ending = self.main.spawn(async move {
            match upload {
                // Aborts by itself when a part or the end fails.
                Some(upload) => upload.finish().await,
                None => store.put(&path, small.into()).await,
            }
        });
        ending.await.map_err(|e| BlobError::Unavailable(Box::new(e)))??;
        Ok(written)
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
        let mut writer = BlobWriter::new(Arc::new(InMemory::new()), Path::from("a"), Handle::current(), part);
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
        assert_eq!(writer.finish().await.unwrap(), 36_510);
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

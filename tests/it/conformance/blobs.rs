//! What every blob store must do, and what each leaves behind.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::TryStreamExt;
use longshore::blobs::{BlobError, BlobOptions, Blobs};

use super::proxy::{Proxy, Trouble};
use harness::{Bucket, free_port, moto};

/// A fresh store, and where its files are to be looked at from outside.
struct Fixture {
    blobs: Blobs,
    bucket: Option<Bucket>,
    folder: Option<tempfile::TempDir>,
}

async fn on_files() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open_folder(&folder.path().join("made/blobs"));
    Fixture {
        blobs,
        bucket: None,
        folder: Some(folder),
    }
}

fn open_folder(folder: &Path) -> Blobs {
    Blobs::open(&format!("file://{}", folder.display()), &BlobOptions::default()).unwrap()
}

async fn on_s3() -> Fixture {
    let bucket = fresh_bucket().await;
    let blobs = Blobs::open(&bucket.url, &options(&bucket.endpoint)).unwrap();
    Fixture {
        blobs,
        bucket: Some(bucket),
        folder: None,
    }
}

async fn fresh_bucket() -> Bucket {
    // Starting the server blocks.
    let server = tokio::task::spawn_blocking(moto).await.unwrap();
    server.fresh_bucket().await
}

fn options(endpoint: &str) -> BlobOptions {
    BlobOptions {
        endpoint: Some(endpoint.to_owned()),
        region: None,
        access_key_id: Some(String::from("key")),
        secret_access_key: Some(String::from("secret")),
        allow_http: true,
    }
}

async fn try_put(blobs: &Blobs, key: &str, content: &'static [u8]) -> Result<u64, BlobError> {
    let mut writer = blobs.create(key).await?;
    writer.write(Bytes::from_static(content)).await?;
    writer.finish().await
}

async fn put(blobs: &Blobs, key: &str, chunks: &[&[u8]]) -> u64 {
    let mut writer = blobs.create(key).await.unwrap();
    for chunk in chunks {
        writer.write(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
    writer.finish().await.unwrap()
}

async fn get(blobs: &Blobs, key: &str, from: u64) -> Result<Vec<u8>, BlobError> {
    let chunks: Vec<Bytes> = blobs.read(key, from).await?.try_collect().await?;
    Ok(chunks.concat())
}

/// Bytes that differ from place to place, so that a shifted range shows.
fn pattern(size: usize) -> Vec<u8> {
    (0..size)
        .map(|at| u8::try_from((at / 7 + at % 251) % 256).unwrap())
        .collect()
}

macro_rules! on_every_store {
    ($($story:ident),+ $(,)?) => {
        mod files { $(#[tokio::test(flavor = "multi_thread")] async fn $story() { super::$story(super::on_files().await).await })+ }
        mod s3 { $(#[tokio::test(flavor = "multi_thread")] async fn $story() { super::$story(super::on_s3().await).await })+ }
    };
}

on_every_store!(
    what_is_written_is_read_back,
    a_blob_is_read_from_any_offset,
    an_empty_blob_is_a_blob,
    thirty_megabytes_go_in_and_out,
    a_blob_is_invisible_until_finished,
    a_dropped_or_aborted_writer_leaves_nothing,
    an_absent_blob_is_missing,
    deleting_twice_is_fine,
    only_our_own_keys_are_taken,
    the_store_is_ready,
    a_blob_may_be_written_from_a_task_that_goes_away,
);

async fn what_is_written_is_read_back(at: Fixture) {
    assert_eq!(
        put(&at.blobs, "imports/7/a.csv", &[b"id,name\n", b"", b"1,Ada\n"]).await,
        14
    );
    assert_eq!(get(&at.blobs, "imports/7/a.csv", 0).await.unwrap(), b"id,name\n1,Ada\n");
}

async fn a_blob_is_read_from_any_offset(at: Fixture) {
    put(&at.blobs, "a", &[b"0123456789"]).await;
    for from in 0..=10_u64 {
        let rest = "0123456789".get(usize::try_from(from).unwrap()..).unwrap();
        assert_eq!(get(&at.blobs, "a", from).await.unwrap(), rest.as_bytes());
    }
    assert!(matches!(
        get(&at.blobs, "a", 11).await,
        Err(BlobError::Short { size: 10, from: 11 })
    ));
}

async fn an_empty_blob_is_a_blob(at: Fixture) {
    assert_eq!(put(&at.blobs, "empty", &[]).await, 0);
    assert_eq!(get(&at.blobs, "empty", 0).await.unwrap(), b"");
}

async fn thirty_megabytes_go_in_and_out(at: Fixture) {
    let content = pattern(30_000_000);
    let chunks: Vec<&[u8]> = content.chunks(70_001).collect();
    assert_eq!(put(&at.blobs, "big", &chunks).await, 30_000_000);
    assert!(get(&at.blobs, "big", 0).await.unwrap() == content, "read back whole");
    for from in [1, 5 * 1024 * 1024, 12_345_678, 29_999_999] {
        let rest = content.get(from..).unwrap();
        assert!(
            get(&at.blobs, "big", u64::try_from(from).unwrap()).await.unwrap() == rest,
            "from {from}"
        );
    }
    // One chunk larger than several parts.
    assert_eq!(put(&at.blobs, "at-once", &[&content]).await, 30_000_000);
    assert!(
        get(&at.blobs, "at-once", 0).await.unwrap() == content,
        "written at once"
    );
}

async fn a_blob_is_invisible_until_finished(at: Fixture) {
    let mut writer = at.blobs.create("later").await.unwrap();
    writer.write(Bytes::from(pattern(6_000_000))).await.unwrap();
    assert!(matches!(get(&at.blobs, "later", 0).await, Err(BlobError::Missing)));
    writer.finish().await.unwrap();
    assert_eq!(get(&at.blobs, "later", 0).await.unwrap().len(), 6_000_000);
}

async fn a_dropped_or_aborted_writer_leaves_nothing(at: Fixture) {
    for size in [10, 12_000_000] {
        let mut writer = at.blobs.create("dropped").await.unwrap();
        writer.write(Bytes::from(pattern(size))).await.unwrap();
        drop(writer);
        let mut writer = at.blobs.create("aborted").await.unwrap();
        writer.write(Bytes::from(pattern(size))).await.unwrap();
        writer.abort().await;
    }
    assert!(matches!(get(&at.blobs, "dropped", 0).await, Err(BlobError::Missing)));
    assert!(matches!(get(&at.blobs, "aborted", 0).await, Err(BlobError::Missing)));
    if let Some(folder) = &at.folder {
        eventually_empty(folder.path()).await;
    }
    if let Some(bucket) = &at.bucket {
        assert_eq!(bucket.keys().await, Vec::<String>::new());
        assert_eq!(bucket.unfinished_uploads().await, 0);
    }
}

async fn an_absent_blob_is_missing(at: Fixture) {
    assert!(matches!(
        get(&at.blobs, "never/written", 0).await,
        Err(BlobError::Missing)
    ));
    put(&at.blobs, "gone", &[&pattern(1_000_000)]).await;
    let mut stream = at.blobs.read("gone", 0).await.unwrap();
    at.blobs.delete("gone").await.unwrap();
    while let Some(piece) = stream.try_next().await.transpose() {
        if let Err(error) = piece {
            assert!(matches!(error, BlobError::Missing), "{error}");
            return;
        }
    }
}

async fn deleting_twice_is_fine(at: Fixture) {
    put(&at.blobs, "a/b", &[b"x"]).await;
    put(&at.blobs, "a/bc", &[b"y"]).await;
    at.blobs.delete("a/b").await.unwrap();
    at.blobs.delete("a/b").await.unwrap();
    at.blobs.delete("a").await.ok();
    assert!(matches!(get(&at.blobs, "a/b", 0).await, Err(BlobError::Missing)));
    assert_eq!(get(&at.blobs, "a/bc", 0).await.unwrap(), b"y");
}

async fn only_our_own_keys_are_taken(at: Fixture) {
    for key in [
        "",
        "/etc/passwd",
        "../up",
        "a/../b",
        "a#1",
        "a b",
        "é",
        "a%2F..",
        ".hidden",
        "a//b",
        "a/",
    ] {
        assert!(matches!(at.blobs.create(key).await, Err(BlobError::Key(_))), "{key}");
        assert!(matches!(get(&at.blobs, key, 0).await, Err(BlobError::Key(_))), "{key}");
        assert!(matches!(at.blobs.delete(key).await, Err(BlobError::Key(_))), "{key}");
    }
}

async fn the_store_is_ready(at: Fixture) {
    at.blobs.ready().await.unwrap();
    assert_eq!(at.blobs.clean_staging(Duration::ZERO).await.unwrap(), 0);
}

/// The caller's runtime ends in the middle of `finish`; the blob is finished all the same.
async fn a_blob_may_be_written_from_a_task_that_goes_away(at: Fixture) {
    let mut writer = at.blobs.create("kept").await.unwrap();
    writer.write(Bytes::from(pattern(400_000))).await.unwrap();
    let finishing = tokio::spawn(writer.finish());
    tokio::task::yield_now().await;
    finishing.abort();
    let cut = finishing.await.is_err();
    let begun = Instant::now();
    while get(&at.blobs, "kept", 0).await.is_err() {
        // The task may have been aborted before it ran at all; then nothing is left, as for any dropped writer.
        if cut && begun.elapsed() > Duration::from_secs(2) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(get(&at.blobs, "kept", 0).await.unwrap().len(), 400_000);
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path))
        } else {
            found.push(path)
        }
    }
    found
}

async fn eventually_empty(folder: &Path) {
    let begun = Instant::now();
    while !files_below(folder).is_empty() {
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "left behind: {:?}",
            files_below(folder)
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_are_made_for_this_user_only() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open_folder(&folder.path().join("new/blobs"));
    put(&blobs, "imports/7/a", &[b"x"]).await;
    for made in ["new", "new/blobs", "new/blobs/imports", "new/blobs/imports/7"] {
        let mode = std::fs::metadata(folder.path().join(made))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700, "{made}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_writer_left_is_cleaned_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open_folder(folder.path());
    put(&blobs, "imports/7/whole", &[b"x"]).await;
    let left = ["imports/7/half#1", "imports/half#12", "half#3"];
    let kept = ["imports/7/half#x", "imports/7/half#", "notes#1.txt", "a b#1"];
    for name in left.iter().chain(&kept) {
        std::fs::write(folder.path().join(name), "left").unwrap();
    }
    assert_eq!(blobs.clean_staging(Duration::from_secs(3600)).await.unwrap(), 0);
    assert_eq!(blobs.clean_staging(Duration::ZERO).await.unwrap(), 3);
    let remaining: Vec<_> = files_below(folder.path());
    assert_eq!(remaining.len(), kept.len() + 1, "{remaining:?}");
    assert_eq!(get(&blobs, "imports/7/whole", 0).await.unwrap(), b"x");
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_half_written_blob_removes_its_half() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open_folder(folder.path());
    std::fs::write(folder.path().join("half#1"), "left").unwrap();
    blobs.delete("half").await.unwrap();
    assert!(files_below(folder.path()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_gone_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open_folder(&folder.path().join("blobs"));
    std::fs::remove_dir(folder.path().join("blobs")).unwrap();
    assert!(matches!(blobs.ready().await, Err(BlobError::Unavailable(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_is_not_ready() {
    let bucket = fresh_bucket().await;
    let blobs = Blobs::open("s3://no-such-bucket/x", &options(&bucket.endpoint)).unwrap();
    assert!(matches!(blobs.ready().await, Err(BlobError::Unavailable(_))));
}

/// Nobody listens, or somebody who never answers: both fail in about ten seconds, reading and writing.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_endpoint_fails_soon() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ports = [free_port(), silent.local_addr().unwrap().port()];
    let tried = ports.map(|port| async move {
        let blobs = Blobs::open("s3://bucket", &options(&format!("http://127.0.0.1:{port}"))).unwrap();
        let begun = Instant::now();
        let (ready, read, written) = tokio::join!(blobs.ready(), get(&blobs, "a", 0), async {
            try_put(&blobs, "a", b"x").await
        });
        assert!(matches!(ready, Err(BlobError::Unavailable(_))), "{ready:?}");
        assert!(matches!(read, Err(BlobError::Unavailable(_))), "{read:?}");
        assert!(matches!(written, Err(BlobError::Unavailable(_))), "{written:?}");
        assert!(begun.elapsed() < Duration::from_secs(13), "{:?}", begun.elapsed());
    });
    futures::future::join_all(tried).await;
}

/// Every connection breaks after two megabytes, so each piece takes several.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_goes_on_after_broken_connections() {
    let bucket = fresh_bucket().await;
    let proxy = Proxy::start(&bucket.endpoint, 2_000_000, Trouble::Break).await;
    let blobs = Blobs::open(&bucket.url, &options(&proxy.url())).unwrap();
    let content = pattern(12_000_000);
    put(&blobs, "a", &[&content]).await;
    assert!(get(&blobs, "a", 0).await.unwrap() == content);
    assert!(proxy.troubles() >= 4, "{}", proxy.troubles());
}

/// The first connection that delivers two megabytes says nothing more, and is not closed either.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_stalls_is_cut_and_goes_on() {
    let bucket = fresh_bucket().await;
    let proxy = Proxy::start(&bucket.endpoint, 2_000_000, Trouble::StallOnce).await;
    let blobs = Blobs::open(&bucket.url, &options(&proxy.url())).unwrap();
    let content = pattern(6_000_000);
    put(&blobs, "a", &[&content]).await;
    let begun = Instant::now();
    assert!(get(&blobs, "a", 0).await.unwrap() == content);
    assert_eq!(proxy.troubles(), 1);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

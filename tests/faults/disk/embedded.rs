//! F33, F39 on the embedded stack: database and files share one disk.

use harness::{People, Role, Running, Stack, count, is_final, long};
use serde_json::Value;

use super::volume::Volume;
use crate::outcome::{QUICK, nothing_is_left, quick_and, refused_for_now, table_is, whole};

const MIB: u64 = 1024 * 1024;

/// A stack whose data directory is a disk of so many MiB.
async fn on_disk(mebibytes: u64, settings: &[(&str, &str)]) -> Option<(Running, Volume)> {
    let mut running = Stack::Embedded.prepare(settings).await;
    let volume = Volume::mount(&running.data_dir(), mebibytes)?;
    running.start(Role::Serve).await;
    running.client = running.admin_of("acme").await;
    Some((running, volume))
}

#[tokio::test]
async fn an_upload_that_does_not_fit_is_refused_in_words_and_leaves_nothing() {
    let Some((running, volume)) = on_disk(64, QUICK).await else {
        return;
    };
    let large = People::new(60_000);
    for left in [0, 4096, 256 * 1024, 2 * MIB, 4 * MIB] {
        volume.fill_but(left);
        let answer = running.client.post_csv("resource=users", large.csv()).await;
        println!("{left} bytes left: {} {}", answer.status, answer.text);
        refused_for_now(&answer);
        assert_eq!(running.client.get("/healthz").await.status, 200);
        volume.free();
        settled(&running).await;
        nothing_is_left(&running).await;
    }
    let id = running.client.import("resource=users", large.csv()).await;
    whole(&running.client, id, large).await;
    table_is(&running.client, large).await;
}

#[tokio::test]
async fn an_import_stops_at_a_full_disk_and_goes_on_when_there_is_space() {
    let settings = quick_and(&[("LONGSHORE_WORKER_BATCH_ROWS", "500")]);
    let Some((running, volume)) = on_disk(96, &settings).await else {
        return;
    };
    let people = People::new(if long() { 60_000 } else { 20_000 });
    let id = running.client.import("resource=users", people.csv()).await;
    let client = running.client.clone();
    let watcher = tokio::spawn(async move { whole(&client, id, people).await });
    let mut stops = 0;
    for _ in 0..if long() { 20 } else { 3 } {
        let before = running.client.show(id).await;
        if is_final(&before) {
            break;
        }
        more_than(&running, id, count(&before, "read")).await;
        volume.fill_but(0);
        stops += usize::from(stands_still(&running, id).await);
        volume.free();
    }
    println!("stopped {stops} times");
    assert!(stops > 0, "the disk was full in the middle of it");
    watcher.await.unwrap();
    table_is(&running.client, people).await;
}

#[tokio::test]
async fn a_folder_that_becomes_read_only_takes_no_upload_and_loses_none() {
    let settings = quick_and(&[("LONGSHORE_WORKER_BATCH_ROWS", "500")]);
    let mut running = Stack::Embedded.prepare(&settings).await;
    let Some(files) = Volume::bind(&running.data_dir().join("blobs")) else {
        return;
    };
    running.start(Role::Serve).await;
    running.client = running.admin_of("acme").await;
    let people = People::new(20_000);
    let id = running.client.import("resource=users", people.csv()).await;
    files.read_only(true);
    let answer = running.client.post_csv("resource=users", people.csv()).await;
    println!("read-only: {} {}", answer.status, answer.text);
    refused_for_now(&answer);
    whole(&running.client, id, people).await;
    files.read_only(false);
    running.kill9(Role::Serve);
    let all = Volume::bind(&running.data_dir()).unwrap();
    all.read_only(true);
    let refused = running.command(&["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    println!("started on it: {} {said}", refused.status);
    assert!(!refused.status.success());
    assert!(said.to_lowercase().contains("read-only"), "{said}");
    all.read_only(false);
    running.start(Role::Serve).await;
    table_is(&running.client, people).await;
}

/// Waits until more than so many rows are read, or the end.
async fn more_than(running: &Running, id: i64, rows: u64) {
    for _ in 0..2000 {
        let import = running.client.show(id).await;
        if is_final(&import) || count(&import, "read") > rows {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("import {id} reads no more than {rows} rows");
}

/// On a full disk nothing moves for a second or two; `false` if the import was at its end before.
async fn stands_still(running: &Running, id: i64) -> bool {
    let mut before = Value::Null;
    for _ in 0..10 {
        let import = running.client.show(id).await;
        if is_final(&import) {
            return false;
        }
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        if before["counts"] == import["counts"] {
            return true;
        }
        before = import;
    }
    false
}

/// A row that could not even be removed is left to the sweep or to the next start; none of these took that long.
async fn settled(running: &Running) {
    for _ in 0..40 {
        if running.blobs().await.is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

//! F33, F39 on the embedded stack: database and files share one disk.

use std::time::{Duration, Instant};

use harness::{People, Role, Running, Stack, count, is_final, long};

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
    let people = People::new(20_000);
    // The file fits, what comes of it does not.
    volume.fill_but(5 * MIB);
    let id = running.client.import("resource=users", people.csv()).await;
    let client = running.client.clone();
    let watcher = tokio::spawn(async move { whole(&client, id, people).await });
    let stopped = || running.log(Role::Serve).contains("import.interrupted");
    for _ in 0..600 {
        if stopped() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let full_for = Duration::from_secs(if long() { 90 } else { 5 });
    let until = Instant::now() + full_for;
    while Instant::now() < until {
        let import = running.client.show(id).await;
        assert!(!is_final(&import), "it waits: {import:#}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let import = running.client.show(id).await;
    println!("stopped after {} rows for {full_for:?}", count(&import, "read"));
    assert!(stopped() && count(&import, "read") < people.rows, "{import:#}");
    volume.free();
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

/// A row that could not even be removed is left to the sweep or to the next start; none of these took that long.
async fn settled(running: &Running) {
    for _ in 0..40 {
        if running.blobs().await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

//! F39 where only the file store's disk is full: the database answers, and must not promise what the disk has not.

use harness::{People, Stack, count};

use super::volume::Volume;
use crate::outcome::{quick_and, refused_for_now, table_is, whole};

#[tokio::test]
async fn a_full_disk_of_the_file_store_refuses_uploads_and_lets_imports_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let Some(volume) = Volume::mount(folder.path(), 32) else {
        return;
    };
    let url = format!("file://{}/blobs", folder.path().display());
    let running = Stack::Scaled.start(&quick_and(&[("LONGSHORE_BLOB_URL", &url)])).await;
    let people = People::new(40_000);
    let id = running.client.import("resource=users", people.csv()).await;
    for left in [0, 64 * 1024, 1024 * 1024] {
        volume.fill_but(left);
        let answer = running.client.post_csv("resource=users", people.csv()).await;
        println!("{left} bytes left: {} {}", answer.status, answer.text);
        refused_for_now(&answer);
        volume.free();
        assert_eq!(
            running.client.pages("/v1/imports?limit=100").await.len(),
            1,
            "only the one before"
        );
        assert_eq!(files(folder.path()), 1, "{left}: only its file");
    }
    volume.fill_but(0);
    let import = whole(&running.client, id, people).await;
    assert_eq!(count(&import, "created"), people.good(), "{import:#}");
    volume.free();
    table_is(&running.client, people).await;
}

fn files(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

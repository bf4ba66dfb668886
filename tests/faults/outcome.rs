//! What must be so after any fault, by the arithmetic of `People`: every row met its fate once, and the table says the same.

use std::path::Path;
use std::time::Duration;

use harness::{Answer, Client, People, Role, Running, count};
use serde_json::Value;

/// A stack that need not wait long for a dead worker, with batches small enough for faults to fall between.
pub(crate) const QUICK: &[(&str, &str)] = &[
    ("LONGSHORE_WORKER_LEASE", "3s"),
    ("LONGSHORE_WORKER_POLL", "1s"),
    ("LONGSHORE_WORKER_BATCH_ROWS", "2000"),
];

/// `QUICK` and more.
pub(crate) fn quick_and<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [QUICK, more].concat()
}

/// Waits for the end of an import of this file; every poll on the way is checked, and so is the end.
#[track_caller]
pub(crate) fn whole(client: &Client, id: i64, people: People) -> impl Future<Output = Value> {
    let client = client.clone();
    async move {
        let import = client.wait_final_within(id, Duration::from_secs(180)).await;
        let applied = ["created", "updated", "unchanged"].map(|name| count(&import, name));
        assert_eq!(import["status"], "partial", "{import:#}");
        assert_eq!(applied.iter().sum::<u64>(), people.good(), "{import:#}");
        assert_eq!(count(&import, "failed"), people.broken(), "{import:#}");
        assert_eq!(count(&import, "total"), people.rows, "{import:#}");
        let failed = client.failed_csv(id).await;
        assert_eq!(wide(failed.lines().count()), people.broken() + 1, "{import:#}");
        import
    }
}

/// The table holds these people, each exactly as the file says, and nobody else: the same file again changes nothing.
pub(crate) async fn table_is(client: &Client, people: People) {
    assert_eq!(wide(client.users().await.len()), people.good());
    let again = client.import("resource=users", people.csv()).await;
    let import = whole(client, again, people).await;
    assert_eq!(count(&import, "unchanged"), people.good(), "{import:#}");
}

/// A refusal that tells the caller to come again later, in words.
#[track_caller]
pub(crate) fn refused_for_now(answer: &Answer) {
    assert!(matches!(answer.status, 503 | 507), "{} {}", answer.status, answer.text);
    assert!(
        !answer.json()["detail"].as_str().unwrap_or_default().is_empty(),
        "{}",
        answer.text
    );
    assert_ne!(answer.header("retry-after"), "", "{:?}", answer.headers);
}

/// No import, no file and no user: what a refused upload leaves.
pub(crate) async fn nothing_is_left(running: &Running) {
    assert_eq!(running.client.pages("/v1/imports?limit=100").await, Vec::<Value>::new());
    assert_eq!(running.blobs().await, Vec::<String>::new());
    if let Some(bucket) = &running.bucket {
        assert_eq!(bucket.unfinished_uploads().await, 0);
    }
}

pub(crate) fn wide(size: usize) -> u64 {
    u64::try_from(size).unwrap()
}

/// The process of a role: the one that runs in this stack's folder.
pub(crate) fn pid(running: &Running, role: Role) -> u32 {
    let word = format!("{role:?}").to_lowercase();
    let folder = std::fs::canonicalize(&running.folder).unwrap();
    let is_ours = |process: &Path| {
        let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
        let cwd = std::fs::read_link(process.join("cwd")).unwrap_or_default();
        cwd == folder && line.split(|byte| *byte == 0).nth(1) == Some(word.as_bytes())
    };
    let mut processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let process = processes
        .find(|process| is_ours(process))
        .expect("a process of this role");
    process.file_name().unwrap().to_string_lossy().parse().unwrap()
}

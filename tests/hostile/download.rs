//! 66, 93: answers that are large, and clients that do not read them.

use std::time::Instant;

use harness::{Running, Stack};
use tokio::io::AsyncReadExt;

use crate::slow::{FAST, ROOM_KIB, SECOND, drive};
use crate::wire::{opened, rest};

pub(crate) fn numbers() -> Vec<u32> {
    vec![66, 93]
}

/// An import with so many failed rows of 200 KB each.
async fn large_failures(running: &Running, rows: usize) -> i64 {
    let client = &running.client;
    let cell = "x".repeat(200_000);
    let row = move |i: usize| Ok::<_, std::io::Error>(format!("{i},no address,{cell}\n"));
    let header = futures::stream::iter([Ok("source_id,email,remark\n".to_owned())]);
    let file = futures::StreamExt::chain(header, futures::stream::iter((0..rows).map(row)));
    let id = client.import("resource=users", reqwest::Body::wrap_stream(file)).await;
    client.wait_final(id).await;
    id
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_given_up() {
    let mut running = Stack::Embedded.start(&[("LONGSHORE_LIMITS_BODY_IDLE", "4s")]).await;
    let id = large_failures(&running, 400).await;
    let before = running.peak_kib(running.front());
    let client = &running.client;
    let request =
        format!("GET /v1/imports/{id}/failed.csv HTTP/1.1\r\nHost: {{host}}\r\nAuthorization: Bearer {{key}}\r\n\r\n");
    let (mut silent, mut slow) = (Vec::new(), opened(client, &request).await);
    for _ in 0..50 {
        silent.push(opened(client, &request).await);
    }
    let begun = Instant::now();
    let mut byte = [0; 1];
    while begun.elapsed() < 10 * SECOND {
        let worst = drive(client, 5).await;
        assert!(worst < FAST, "93: others waited {worst:?}");
        let _slowly = tokio::time::timeout(SECOND, slow.read(&mut byte)).await;
        tokio::time::sleep(SECOND).await;
    }
    for mut stream in silent.into_iter().chain([slow]) {
        let came = rest(&mut stream, 10 * SECOND).await;
        assert!(came.len() < 40_000_000, "93: it was cut before its end");
        assert!(!came.ends_with("0\r\n\r\n"), "93: and says so");
    }
    let log = running.log(running.front());
    assert_eq!(log.matches("http.client_given_up").count(), 51, "93");
    let grown = running.peak_kib(running.front()) - before;
    assert!(
        grown < 2 * ROOM_KIB,
        "93: 51 answers that nobody reads cost {grown} KiB"
    );
    let whole = running.client.failed_csv(id).await;
    assert_eq!(whole.lines().count(), 401, "93: who reads gets all of it");
}

/// 66: a page of large failures holds few of them, and all pages together all.
#[tokio::test]
async fn pages_of_large_failures_are_short_and_complete() {
    let mut running = Stack::Embedded.start(&[]).await;
    let id = large_failures(&running, 300).await;
    let before = running.peak_kib(running.front());
    let rows = running.client.failed_rows(id).await;
    assert_eq!(rows.len(), 300);
    assert!(
        rows.iter().enumerate().all(|(place, row)| row["row"] == place + 2),
        "in order, none twice"
    );
    assert_eq!(running.client.failed_csv(id).await.lines().count(), 301);
    let grown = running.peak_kib(running.front()) - before;
    assert!(grown < ROOM_KIB, "66: reading 60 MB of failures cost {grown} KiB");
}

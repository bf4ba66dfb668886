//! 10, 36, 37, 40, 41, 43 and their like in earnest: bodies that are made while they are sent. Short form: 64 MB, and less
//! where the file is taken in; `LONG=1`: a gigabyte. Memory stays flat in both.

use bytes::Bytes;
use futures::StreamExt;
use harness::{Running, Stack, count, long};
use reqwest::Body;

pub(crate) fn numbers() -> Vec<u32> {
    vec![10, 36, 37, 40, 41, 43]
}

/// What a file of any size may cost: an upload's own MiB, the batch of an import, and what an allocator keeps.
const ROOM_KIB: u64 = 96 << 10;
const MB: usize = 1 << 20;

/// A start, a piece repeated until so many bytes are full, and an end.
fn body(start: &'static str, piece: &'static str, bytes: usize) -> Body {
    let chunk = Bytes::from(piece.repeat(65_536 / piece.len()));
    let times = bytes / chunk.len();
    let pieces = futures::stream::repeat(chunk).take(times);
    Body::wrap_stream(
        futures::stream::iter([Bytes::from(start)])
            .chain(pieces)
            .map(Ok::<_, std::io::Error>),
    )
}

fn peak(running: &mut Running) -> u64 {
    running.peak_kib(running.front())
}

#[tokio::test]
async fn what_never_ends_is_refused_early_and_costs_no_memory() {
    let bytes = if long() { 1024 * MB } else { 64 * MB };
    let mut running = Stack::Embedded.start(&[]).await;
    let client = running.client.clone();
    client
        .wait_final(client.import("resource=users", "source_id\n1\n").await)
        .await;
    let before = peak(&mut running);
    let refused = [
        (10, "zeros", body("", "\0", bytes), "nul-byte"),
        (10, "zeros after a header", body("source_id\n", "\0", bytes), "nul-byte"),
        (36, "one line", body("source_id\n", "x", bytes), "record-too-large"),
        (36, "one header", body("", "x", bytes), "record-too-large"),
        (
            37,
            "one quoted cell",
            body("source_id\n\"", "line\n", bytes),
            "record-too-large",
        ),
        (38, "one header of commas", body("a", ",a", bytes), "too-many-columns"),
        (
            39,
            "one row of commas",
            body("source_id\n", ",", bytes),
            "too-many-columns",
        ),
    ];
    for (number, name, body, code) in refused {
        // A client that goes on writing may see the connection close before it reads its answer.
        if let Ok(answer) = client.try_send(client.csv_request("resource=users", body)).await {
            assert_eq!(
                (answer.status, &answer.json()["code"]),
                (400, &code.into()),
                "{number} {name}"
            );
        }
    }
    let grown = peak(&mut running) - before;
    assert!(grown < ROOM_KIB, "refusing cost {grown} KiB");
    assert_eq!(
        (
            client.pages("/v1/imports?limit=10").await.len(),
            running.blobs().await.len()
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn large_files_that_are_sound_cost_no_memory() {
    let (bytes, rows) = if long() {
        (1024 * MB, 50_000_000)
    } else {
        (100 * MB, 1_000_000)
    };
    let mut running = Stack::Embedded.start(&[]).await;
    let client = running.client.clone();
    client
        .wait_final(client.import("resource=users", "source_id\n1\n").await)
        .await;
    let before = peak(&mut running);
    let hour = std::time::Duration::from_secs(3600);
    let commas = client
        .import("resource=users", body("source_id,first_name\n", ",\n", rows * 2))
        .await;
    let import = client.wait_final_within(commas, hour).await;
    assert_eq!(count(&import, "skipped"), count(&import, "total"), "40: {import:#}");
    let newlines = client
        .import("resource=users", body("source_id\n1", "\n", bytes / 4))
        .await;
    let import = client.wait_final_within(newlines, hour).await;
    assert_eq!(count(&import, "unchanged"), 1, "43: {import:#}");
    let same = "1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n";
    let sound = client
        .import("resource=users", body("source_id,first_name\n", same, bytes))
        .await;
    let import = client.wait_final_within(sound, hour).await;
    assert_eq!(
        count(&import, "total"),
        count(&import, "updated") + count(&import, "unchanged"),
        "41, 46: {import:#}"
    );
    let grown = peak(&mut running) - before;
    assert!(grown < ROOM_KIB, "41: {bytes} bytes cost {grown} KiB");
}

/// 41 and 43 at the limit itself, which is what 10 GiB is by default.
#[tokio::test]
async fn a_file_may_be_as_large_as_the_limit_and_not_a_byte_larger() {
    let running = Stack::Embedded
        .start(&[("LONGSHORE_LIMITS_UPLOAD_BYTES", "8MiB")])
        .await;
    let client = &running.client;
    let file = |bytes: usize| format!("source_id\n1{}", "\n".repeat(bytes - 11));
    client.post_csv("resource=users", file(8 * MB)).await.expect(202);
    let over = client.post_csv("resource=users", file(8 * MB + 1)).await.expect(413);
    assert!(["body-too-large", "file-too-large"].contains(&over.json()["code"].as_str().unwrap()));
    let inflated = client.csv_request("resource=users", crate::doors::gzip(noise(8 * MB + 1).as_bytes()));
    client
        .send(inflated.header("Content-Encoding", "gzip"))
        .await
        .expect(413);
    assert_eq!(client.pages("/v1/imports?limit=10").await.len(), 1);
}

/// Rows that do not compress as a bomb does.
fn noise(bytes: usize) -> String {
    let mut text = String::from("source_id\n");
    let mut seed = 1_u64;
    while text.len() < bytes {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        text += &format!("{seed:x}\n");
    }
    text.truncate(bytes);
    text
}

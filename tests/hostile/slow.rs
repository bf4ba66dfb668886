//! 80, 81: clients that dawdle over the head of a request or over its body. Each is cut in its time, the others notice nothing,
//! and memory stays flat.

use std::time::{Duration, Instant};

use harness::{Client, Stack, both_stacks, long};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::wire::{LIST, UPLOAD, opened, rest, statuses};

pub(crate) fn numbers() -> Vec<u32> {
    vec![80, 81]
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);
/// What nobody waits on a machine that also builds, unless something hangs.
pub(crate) const FAST: Duration = Duration::from_secs(4);
/// What so many connections may cost.
pub(crate) const ROOM_KIB: u64 = 64 << 10;

/// Waits for the other side to close; gives what came and after how long.
async fn until_closed(client: &Client, text: &str) -> (Vec<u16>, Duration) {
    let mut stream = opened(client, text).await;
    let begun = Instant::now();
    let answer = rest(&mut stream, Duration::from_secs(60)).await;
    (statuses(&answer), begun.elapsed())
}

/// Writes one byte a second until the other side closes.
async fn trickle(client: &Client, text: &str, up_to: Duration) -> (Vec<u16>, Duration) {
    let (mut reading, mut writing) = opened(client, text).await.into_split();
    let begun = Instant::now();
    let writer = tokio::spawn(async move {
        while begun.elapsed() < up_to && writing.write_all(b"1").await.is_ok() {
            tokio::time::sleep(SECOND).await;
        }
        writing
    });
    let mut answer = Vec::new();
    let _reset = tokio::time::timeout(up_to, reading.read_to_end(&mut answer)).await;
    writer.abort();
    (statuses(&String::from_utf8_lossy(&answer)), begun.elapsed())
}

#[tokio::test]
async fn a_head_that_comes_slowly_is_given_up_also_after_a_first_request() {
    let running = Stack::Embedded.start(&[]).await;
    let client = &running.client;
    let part = "GET /v1/imports HTTP/1.1\r\nHost: {host}\r\nX-A: ";
    let piped = format!("{LIST}{part}");
    let (silent, begun, slow, after, behind) = tokio::join!(
        until_closed(client, ""),
        until_closed(client, part),
        trickle(client, part, 30 * SECOND),
        second_head(client, part),
        until_closed(client, &piped),
    );
    for (answers, took) in [silent, begun, slow] {
        assert!(answers == [408] || answers.is_empty(), "80: {answers:?}");
        assert!((4 * SECOND..9 * SECOND).contains(&took), "80: {took:?}");
    }
    // actix alone waits for ever here.
    assert!(after < 12 * SECOND, "80: the head of a second request: {after:?}");
    assert_eq!(behind.0, [200], "80: a head behind a whole request");
    assert!(behind.1 < 45 * SECOND, "80: {:?}", behind.1);
}

/// A sound request, then a head that trickles: how long that is borne.
async fn second_head(client: &Client, part: &str) -> Duration {
    let mut stream = opened(client, LIST).await;
    let mut buffer = [0; 4096];
    assert!(stream.read(&mut buffer).await.unwrap() > 0);
    stream.write_all(part.as_bytes()).await.unwrap();
    let begun = Instant::now();
    while begun.elapsed() < 40 * SECOND {
        let closed = tokio::time::timeout(SECOND, stream.read(&mut buffer)).await;
        if closed.is_ok_and(|read| read.unwrap_or_default() == 0) || stream.write_all(b"a").await.is_err() {
            break;
        }
    }
    begun.elapsed()
}

#[tokio::test]
async fn a_connection_that_is_used_again_within_its_time_stays() {
    let running = Stack::Embedded.start(&[]).await;
    let mut stream = opened(&running.client, LIST).await;
    let mut buffer = [0; 4096];
    for _ in 0..2 {
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
        tokio::time::sleep(8 * SECOND).await;
        let again = crate::wire::filled(&running.client, LIST);
        stream.write_all(&again).await.unwrap();
    }
    assert!(
        stream.read(&mut buffer).await.unwrap() > 0,
        "80: pauses of 8 s between requests are sound"
    );
}

both_stacks! {
    async fn bodies_that_stall_or_trickle_are_answered_408(stack) {
        let limits = [("LONGSHORE_LIMITS_BODY_IDLE", "2s"), ("LONGSHORE_LIMITS_BODY_TOTAL", "4s")];
        let running = stack.start(&limits).await;
        let client = &running.client;
        let form = "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n\r\n--x\r\n";
        for (path, head) in [
            ("/v1/imports?resource=users", "Content-Type: text/csv\r\nContent-Length: 1000\r\n\r\nsource_id\n"),
            ("/v1/imports?resource=users", form),
            ("/bulk/v1/files", form),
            ("/persons/bulk-import", form),
            ("/saas/logins/clients/bulk-upload", form),
            ("/v1/users", "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"),
            ("/users/bulk/sourceId", "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"),
        ] {
            let org = client.get("/v1/organization").await.expect(200).json()["id"].as_str().unwrap().to_owned();
            let request = format!("POST {path} HTTP/1.1\r\nHost: {{host}}\r\nAuthorization: Bearer {{key}}\r\nSlashID-OrgID: {org}\r\n{head}");
            let (stalled, trickled) = tokio::join!(until_closed(client, &request), trickle(client, &request, 20 * SECOND));
            assert_eq!(stalled.0, [408], "81 {path}");
            assert!(stalled.1 < 8 * SECOND, "81 {path}: {:?}", stalled.1);
            assert!(trickled.0 == [408] || trickled.0.is_empty(), "81 {path}: {:?}", trickled.0);
            assert!(trickled.1 < 12 * SECOND, "81 {path}: {:?}", trickled.1);
        }
        assert_eq!(client.pages("/v1/imports?limit=10").await.len(), 0, "81: nothing is left");
        assert_eq!(running.blobs().await.len(), 0, "81: nothing is left");
    }
}

#[tokio::test]
async fn five_hundred_slow_bodies_cost_the_others_nothing() {
    let slow = if long() { 500 } else { 200 };
    let places = slow.to_string();
    let idle = if long() { "10s" } else { "5s" };
    let settings = [
        ("LONGSHORE_LIMITS_UPLOADS_IN_FLIGHT", places.as_str()),
        ("LONGSHORE_LIMITS_BODY_IDLE", idle),
        ("LONGSHORE_LIMITS_BODY_TOTAL", "12s"),
    ];
    let mut running = Stack::Embedded.start(&settings).await;
    let other = running.admin_of("other").await;
    drive(&other, 20).await;
    let before = running.peak_kib(running.front());
    let request = format!("{UPLOAD}Content-Length: 1000000\r\n\r\nsource_id\n");
    let mut held = Vec::new();
    for _ in 0..slow {
        held.push(opened(&running.client, &request).await);
    }
    let worst = drive(&other, 20).await;
    assert!(worst < FAST, "81: others waited {worst:?}");
    let mut refused = 0;
    for mut stream in held {
        let answer = rest(&mut stream, 30 * SECOND).await;
        refused += usize::from(statuses(&answer) == [408]);
    }
    assert_eq!(refused, slow, "81: all are answered 408");
    let grown = running.peak_kib(running.front()) - before;
    assert!(grown < ROOM_KIB, "81: {slow} slow bodies cost {grown} KiB");
    let client = &running.client;
    assert_eq!(client.pages("/v1/imports?limit=10").await.len(), 0);
}

/// So many clients ask something at once; gives the longest that one of them waited.
pub(crate) async fn drive(client: &Client, clients: usize) -> Duration {
    let asked = (0..clients).map(|_| async {
        let begun = Instant::now();
        client.get("/v1/users?limit=1").await.expect(200);
        client.get("/healthz").await.expect(200);
        begun.elapsed()
    });
    futures::future::join_all(asked).await.into_iter().max().unwrap()
}

/// With the defaults: silence of 10 s, and a byte a second after its grace of 30 s.
#[tokio::test]
async fn the_defaults_cut_as_they_say() {
    if !long() {
        return;
    }
    let running = Stack::Embedded.start(&[]).await;
    let request = format!("{UPLOAD}Content-Length: 1000000\r\n\r\nsource_id\n");
    let client = &running.client;
    let (stalled, trickled) = tokio::join!(until_closed(client, &request), trickle(client, &request, 60 * SECOND));
    assert_eq!(stalled.0, [408]);
    assert!((9 * SECOND..15 * SECOND).contains(&stalled.1), "81: {:?}", stalled.1);
    assert!((29 * SECOND..40 * SECOND).contains(&trickled.1), "81: {:?}", trickled.1);
}

//! 82: uploads beyond the places that there are. They are told to come again; health and other requests go on.

use std::time::Duration;

use harness::{Stack, long};

use crate::slow::drive;
use crate::wire::{UPLOAD, opened, rest, statuses};

pub(crate) fn numbers() -> Vec<u32> {
    vec![82]
}

#[tokio::test]
async fn uploads_beyond_the_places_are_told_to_come_again() {
    let (open, places) = if long() { (2_000, 64) } else { (300, 20) };
    let settings = [
        ("LONGSHORE_LIMITS_UPLOADS_IN_FLIGHT", places.to_string()),
        ("LONGSHORE_LIMITS_BODY_IDLE", "6s".to_owned()),
    ];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut running = Stack::Embedded.start(&settings).await;
    let other = running.admin_of("other").await;
    drive(&other, 20).await;
    let before = running.peak_kib(running.front());
    let request = format!("{UPLOAD}Content-Length: 1000000\r\n\r\nsource_id\n");
    let mut held = Vec::new();
    for _ in 0..open {
        held.push(opened(&running.client, &request).await);
    }
    let worst = drive(&other, 20).await;
    assert!(worst < Duration::from_secs(2), "82: others waited {worst:?}");
    let (mut busy, mut late) = (0, 0);
    for mut stream in held {
        let answer = rest(&mut stream, Duration::from_secs(30)).await;
        match statuses(&answer)[..] {
            [503] => {
                assert!(answer.to_lowercase().contains("retry-after:"), "82: {answer}");
                busy += 1;
            }
            [408] => late += 1,
            ref other => panic!("82: {other:?} {answer:.200}"),
        }
    }
    assert!(
        late >= places && busy >= open - places * 3,
        "82: {busy} were told to come again, {late} came in and were late"
    );
    let grown = running.peak_kib(running.front()) - before;
    assert!(grown < 64 << 10, "82: {open} open uploads cost {grown} KiB");
    let client = &running.client;
    client
        .wait_final(client.import("resource=users", "source_id\n1\n").await)
        .await;
}

//! F35, F36, F38: what a store may do while a worker reads.

use std::time::{Duration, Instant};

use harness::{Call, Role, Running, S3Fault, When, count, long};

use super::{LARGE, SMALL, fronted, people};
use crate::outcome::{table_is, whole};

#[tokio::test]
async fn bytes_that_are_not_the_files_are_fetched_again_and_never_used() {
    let (front, running) = fronted().await;
    for fault in [
        S3Fault::Flip,
        S3Fault::WrongRange,
        S3Fault::Cut,
        S3Fault::Refuse(404, "NoSuchKey"),
    ] {
        front.heal();
        front.on(Call::Get, When::Next(1), fault);
        let before = front.injected();
        let id = running
            .client
            .import("resource=users", people(LARGE, "Berlin").csv())
            .await;
        whole(&running.client, id, people(LARGE, "Berlin")).await;
        println!("{fault:?}, once: {} injected", front.injected() - before);
        assert!(front.injected() > before, "{fault:?}");
    }
    table_is(&running.client, people(LARGE, "Berlin")).await;
}

#[tokio::test]
async fn a_store_that_never_gives_the_files_bytes_fails_the_import_before_a_wrong_row() {
    let (front, running) = fronted().await;
    front.on(Call::Get, When::Always, S3Fault::Flip);
    let id = running
        .client
        .import("resource=users", people(LARGE, "Berlin").csv())
        .await;
    let import = running.client.wait_final(id).await;
    assert_eq!(
        (&import["status"], &import["error"]["code"]),
        (&"failed".into(), &"source-corrupt".into()),
        "{import:#}"
    );
    assert_eq!(
        count(&import, "read"),
        0,
        "a flipped bit in the first piece: {import:#}"
    );
    front.heal();
    front.on(Call::Get, When::Always, S3Fault::Refuse(404, "NoSuchKey"));
    let id = running
        .client
        .import("resource=users", people(SMALL, "Berlin").csv())
        .await;
    let import = running.client.wait_final(id).await;
    assert_eq!(
        (&import["status"], &import["error"]["code"]),
        (&"failed".into(), &"source-missing".into()),
        "{import:#}"
    );
    assert_eq!(running.client.users().await.len(), 0);
}

#[tokio::test]
async fn an_import_waits_for_a_store_that_is_down_and_then_goes_on() {
    let (front, running) = fronted().await;
    front.on(Call::Get, When::Always, S3Fault::Refuse(503, "SlowDown"));
    let small = people(SMALL, "Berlin");
    let id = running.client.import("resource=users", small.csv()).await;
    wait_for(|| running.log(Role::Worker).contains("import.interrupted")).await;
    let import = running.client.show(id).await;
    assert!(
        ["queued", "running"].contains(&import["status"].as_str().unwrap()),
        "{import:#}"
    );
    front.heal();
    front.on(Call::Head, When::Always, S3Fault::Refuse(500, "InternalError"));
    tokio::time::sleep(Duration::from_secs(if long() { 60 } else { 6 })).await;
    front.heal();
    whole(&running.client, id, small).await;
    table_is(&running.client, small).await;
}

/// Each of these silences is three leases long: it is renewed meanwhile.
#[tokio::test]
async fn a_store_that_falls_silent_is_cut_off_and_costs_neither_lease_nor_rows() {
    let (front, mut running) = fronted().await;
    let mut silences = vec![(Call::Head, S3Fault::Hang), (Call::Get, S3Fault::Hang)];
    if long() {
        silences.push((Call::Get, S3Fault::Trickle));
    }
    for (call, fault) in silences {
        let people = people(LARGE, "Berlin");
        let began = Instant::now();
        let id = upload_then(&mut running, || front.on(call, When::Next(1), fault)).await;
        whole(&running.client, id, people).await;
        println!("{call:?} {fault:?}: {:?}", began.elapsed());
        assert!(began.elapsed() > Duration::from_secs(9), "it was silent");
        let log = running.log(Role::Worker);
        assert!(!log.contains("Fenced"), "{call:?} {fault:?}: the lease was kept");
        front.heal();
    }
    table_is(&running.client, people(LARGE, "Berlin")).await;
}

/// The fault meets the worker's calls, not those of the upload.
async fn upload_then(running: &mut Running, fault: impl FnOnce()) -> i64 {
    running.signal(Role::Worker, "STOP");
    let id = running
        .client
        .import("resource=users", people(LARGE, "Berlin").csv())
        .await;
    fault();
    running.signal(Role::Worker, "CONT");
    id
}

async fn wait_for(holds: impl Fn() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within 30 s");
}

//! F25, F43: a line to PostgreSQL that takes everything and brings nothing, that lets through one way only, that comes and goes.

use std::time::{Duration, Instant};

use harness::{Fault, People, Proxy, Role, Way, long};

use super::{Lines, ready};
use crate::load::{check_done, check_refusal, check_rest, reached};

/// What a silent line may hold an import up for in a worker: an attempt at a batch, and a word to the ledger.
const WORKER_LETS_GO: Duration = Duration::from_secs(90);
/// What a caller waits for at most: a place, a connection, an answer.
const CALLER_WAITS: Duration = Duration::from_secs(25);

#[tokio::test]
async fn an_import_moves_from_a_worker_on_a_silent_line_to_one_that_is_heard() {
    let mut lines = Lines::start().await;
    let people = People::new(60_000);
    let id = lines.running.client.import("resource=users", people.csv()).await;
    assert!(reached(&lines.running.client, id, 1).await);
    lines.worker.set(Fault::BlackHole(Way::Both));
    let began = Instant::now();
    let mut silent = lines.running.detach(Role::Worker);
    lines.running.start(Role::Worker).await;
    check_done(&lines.running.client, id, people).await;
    let moved = began.elapsed();
    while !silent.log().contains("import.interrupted") && !silent.log().contains("import.left") {
        assert!(
            began.elapsed() < WORKER_LETS_GO,
            "it waits for an answer still:\n{}",
            silent.log_tail()
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!(
        "done elsewhere after {moved:?}; the silent worker let go after {:?}",
        began.elapsed()
    );
    // The line is well again, and so is whoever hung on it.
    lines.running.kill9(Role::Worker);
    lines.worker.heal();
    let again = lines.running.admin_of("again").await;
    let id = again.import("resource=users", people.csv()).await;
    check_done(&again, id, people).await;
    assert!(silent.is_alive(), "{}", silent.log_tail());
    check_rest(&lines.running, 4).await;
}

#[tokio::test]
async fn an_api_on_a_silent_line_says_so_in_time_and_recovers() {
    let lines = Lines::start().await;
    let client = &lines.running.client;
    let people = People::new(2_000);
    for way in [Way::Both, Way::Answers] {
        lines.api.set(Fault::BlackHole(way));
        let began = Instant::now();
        let file = people.csv();
        let calls = (0..20).map(|number| {
            let upload = client.csv_request("resource=users", file.clone());
            let read = client.request(reqwest::Method::GET, "/v1/imports");
            client.send(if number % 4 == 0 { upload } else { read })
        });
        for answer in futures::future::join_all(calls).await {
            check_refusal(&answer);
        }
        let took = began.elapsed();
        assert!(took < CALLER_WAITS, "{way:?}: {took:?}");
        client.get("/healthz").await.expect(200);
        lines.api.heal();
        let began = Instant::now();
        ready(&lines.running).await;
        println!(
            "{way:?}: all were told within {took:?}; ready again after {:?}",
            began.elapsed()
        );
    }
    let id = client.import("resource=users", people.csv()).await;
    check_done(client, id, people).await;
}

#[tokio::test]
async fn a_line_that_comes_and_goes_delays_and_nothing_else() {
    let lines = Lines::start().await;
    let people = People::new(30_000);
    let client = lines.running.client.clone();
    let id = client.import("resource=users", people.csv()).await;
    let turns = if long() { 120 } else { 8 };
    for turn in 0..turns {
        let fault = match turn % 4 {
            0 => Fault::BlackHole(Way::Both),
            1 => Fault::Reset,
            2 => Fault::BlackHole(Way::Answers),
            _ => Fault::BlackHole(Way::Requests),
        };
        flap(&lines.worker, fault.clone()).await;
        flap(&lines.api, fault).await;
    }
    ready(&lines.running).await;
    check_done(&client, id, people).await;
    check_rest(&lines.running, 2).await;
    println!("{turns} times one second away, on each line");
}

async fn flap(line: &Proxy, fault: Fault) {
    line.set(fault);
    tokio::time::sleep(Duration::from_secs(1)).await;
    line.heal();
    tokio::time::sleep(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn a_slow_a_thin_and_a_sliced_line_change_nothing_but_time() {
    let lines = Lines::start().await;
    let faults = [
        Fault::Latency(Duration::from_millis(20)),
        Fault::Bandwidth(400_000),
        Fault::Slicer,
    ];
    for (turn, fault) in (0..).zip(faults) {
        let client = lines.running.admin_of(&format!("org-{turn}")).await;
        lines.worker.set(fault.clone());
        lines.api.set(fault);
        let people = People::new(1_500);
        let id = client.import("resource=users", people.csv()).await;
        check_done(&client, id, people).await;
    }
}

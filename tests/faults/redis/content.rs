//! F15, F16, F18: a Redis that forgets, again and again, or that remembers what is long over.

use std::time::{Duration, Instant};

use harness::{Role, long};

use super::Belled;

#[tokio::test]
async fn a_redis_that_forgets_every_second_delays_nothing_for_long() {
    let mut at = Belled::start().await;
    let until = Instant::now() + Duration::from_secs(if long() { 60 } else { 10 });
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let port = at.running.redis.as_ref().unwrap().url();
    let forget = tokio::spawn(async move {
        let address = port.trim_start_matches("redis://").trim_end_matches("/0").to_owned();
        let mut wiped = 0;
        while stopped.try_recv().is_err() {
            let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stream, b"FLUSHALL\r\n")
                .await
                .unwrap();
            wiped += 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        wiped
    });
    while Instant::now() < until {
        at.goes_on("forgets every second").await;
    }
    stop.send(()).unwrap();
    println!("wiped {} times", forget.await.unwrap());
    at.end().await;
}

#[tokio::test]
async fn a_redis_killed_again_and_again_beside_api_and_worker_loses_nothing() {
    let mut at = Belled::start().await;
    for turn in 0..if long() { 30 } else { 3 } {
        at.running.redis.as_mut().unwrap().kill9();
        at.goes_on(&format!("dead, {turn}")).await;
        at.running.redis.as_mut().unwrap().restart();
        at.goes_on(&format!("back, {turn}")).await;
    }
    at.is("ready").await;
    at.end().await;
}

#[tokio::test]
async fn a_redis_restored_from_an_old_copy_rings_for_what_is_done_and_nothing_happens_twice() {
    let mut at = Belled::start().await;
    at.goes_on("before the copy").await;
    at.running.signal(Role::Worker, "STOP");
    // Rings that nobody has answered yet, a worker's name and its heartbeat: all of it is in the copy.
    let (client, first) = (at.running.client.clone(), at.people.rows);
    let mut ids = Vec::new();
    for turn in 0..3 {
        let more = harness::People {
            from: first + turn * 300,
            rows: 300,
            ..at.people
        };
        ids.push((client.import("resource=users", more.csv()).await, more));
    }
    assert_eq!(at.tell("SAVE"), "+OK");
    at.running.signal(Role::Worker, "CONT");
    for (id, more) in ids.clone() {
        crate::outcome::whole(&client, id, more).await;
        at.people.rows += more.rows;
    }
    at.goes_on("after the copy").await;
    let before = (client.show(ids[0].0).await, client.users().await);
    let redis = at.running.redis.as_mut().unwrap();
    redis.kill9();
    redis.restart();
    at.is("ready").await;
    at.goes_on("with the old copy").await;
    let after = client.users().await;
    assert_eq!(client.show(ids[0].0).await["counts"], before.0["counts"]);
    assert_eq!(after[..before.1.len()], before.1[..], "no user was touched");
    at.end().await;
}

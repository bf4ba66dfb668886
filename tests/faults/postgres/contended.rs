//! F26, F27: every connection taken and every table locked from outside; writers who lock the same rows the other way round.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use harness::{Dice, People, Running, Stack, count};

use crate::load::{QUICK, check_done, check_refusal, open_transactions, reached};

/// A place in the pool, then the statement itself.
const TOLD_WITHIN: Duration = Duration::from_secs(25);

#[tokio::test]
async fn when_every_connection_waits_callers_are_told_so_and_health_answers() {
    let mut running = Stack::Scaled.prepare(QUICK).await;
    running.set("LONGSHORE_DATABASE_CONNECTIONS", "2");
    running.start_all().await;
    let client = running.client.clone();
    let people = People::new(1_000);
    let id = client.import("resource=users", people.csv()).await;
    check_done(&client, id, people).await;
    let crowd = running.admin_of("acme").await;
    let descriptors = descriptors(&running);
    let mut outside = running.database().await;
    let lock = outside.transaction().await.unwrap();
    lock.batch_execute("lock table imports, api_keys in access exclusive mode")
        .await
        .unwrap();
    let began = Instant::now();
    let calls = (0..60).map(|_| crowd.get("/v1/imports"));
    let health = async {
        for _ in 0..20 {
            let asked = Instant::now();
            client.get("/healthz").await.expect(200);
            assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let (answers, ()) = futures::future::join(futures::future::join_all(calls), health).await;
    answers.iter().for_each(check_refusal);
    let told = began.elapsed();
    assert!(told < TOLD_WITHIN, "{told:?}");
    // Its connections are kept alive for as long as it lives.
    drop(crowd);
    lock.rollback().await.unwrap();
    super::ready(&running).await;
    let again = client.import("resource=users", people.csv()).await;
    assert_eq!(count(&client.wait_final(again).await, "unchanged"), people.good());
    assert_eq!(open_transactions(&running).await, 0);
    for _ in 0..100 {
        if self::descriptors(&running) <= descriptors + 8 {
            println!("60 callers were told within {told:?}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{} descriptors, {descriptors} before", self::descriptors(&running));
}

fn descriptors(running: &Running) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", running.pid(harness::Role::Api)))
        .unwrap()
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_who_lock_the_other_way_round_and_for_long_change_no_count() {
    let mut dice = Dice::seeded();
    let running = Stack::Scaled.start(QUICK).await;
    let client = running.client.clone();
    let people = People::new(20_000);
    let first = client.import("resource=users", people.csv()).await;
    check_done(&client, first, people).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for _ in 0..3 {
        let (outside, over, seed) = (running.database().await, over.clone(), dice.below(u64::MAX));
        writers.push(tokio::spawn(write_backwards(outside, seed, over)));
    }
    let moved = People { city: "Wien", ..people };
    let id = client.import("resource=users", moved.csv()).await;
    reached(&client, id, 1).await;
    // Longer than a batch waits for a lock.
    let mut holder = running.database().await;
    let lock = holder.transaction().await.unwrap();
    lock.batch_execute("select from users order by id desc limit 1000 for update")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(14)).await;
    lock.rollback().await.unwrap();
    let import = client.wait_final_within(id, Duration::from_secs(120)).await;
    over.store(true, Ordering::SeqCst);
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }
    assert_eq!(count(&import, "updated"), people.good(), "{import:#}");
    assert_eq!(count(&import, "failed"), people.broken(), "{import:#}");
    let again = client.import("resource=users", moved.csv()).await;
    assert_eq!(count(&client.wait_final(again).await, "unchanged"), people.good());
    let sql = "select deadlocks from pg_stat_database where datname = current_database()";
    let deadlocks: i64 = running.database().await.query_one(sql, &[]).await.unwrap().get(0);
    println!("{written} pairs written backwards beside the import, {deadlocks} deadlocks");
}

/// Pairs of neighbours, the later one first; every writer of a record raises its version.
async fn write_backwards(outside: tokio_postgres::Client, seed: u64, over: Arc<AtomicBool>) -> usize {
    let mut dice = Dice::from(seed);
    let mut written = 0;
    while !over.load(Ordering::SeqCst) {
        let (later, earlier) = (100_001 + dice.below(19_999), 100_000 + dice.below(1_000));
        let one = |id: u64| format!("update users set version = version + 1 where source_id = '{id}';");
        let both = format!(
            "begin; {} select pg_sleep(0.02); {} commit",
            one(later.max(earlier)),
            one(later.min(earlier))
        );
        if outside.batch_execute(&both).await.is_ok() {
            written += 1;
        } else {
            // A deadlock's other end.
            drop(outside.batch_execute("rollback").await);
        }
    }
    written
}

//! kill -9, freezing and forgetting at random moments: an import goes on by itself, nothing is lost, nothing happens twice,
//! and the counts are exact at every poll on the way.

use std::time::Duration;

use serde_json::Value;

use harness::{Client, Dice, People, Role, Running, Stack, both_stacks, count, is_final};

/// Short enough that a test need not wait for a dead worker's lease.
const QUICK: &[(&str, &str)] = &[
    ("LONGSHORE_WORKER_LEASE", "3s"),
    ("LONGSHORE_WORKER_POLL", "1s"),
    ("LONGSHORE_WORKER_BATCH_ROWS", "2000"),
];

both_stacks! {
    async fn a_big_import_survives_five_kills(stack) {
        let people = People::new(200_000);
        let mut dice = Dice::seeded();
        let mut running = stack.start(QUICK).await;
        let id = running.client.import("resource=users", people.csv()).await;
        let watcher = watch(&running, id);
        let mut dealt_with = 0;
        for turn in 0..5 {
            // One kill in each of the first five sixths, after a batch of this turn's own worker: each meets a running import.
            let at = people.rows * turn / 6 + dice.below(people.rows / 6);
            assert!(reached(&running.client, id, at.max(dealt_with + 1)).await, "there is still something to kill");
            tokio::time::sleep(dice.moment(Duration::from_millis(80))).await;
            running.kill9(running.back());
            shake_redis(&mut running, turn).await;
            running.start(running.back()).await;
            dealt_with = count(&running.client.show(id).await, "read");
        }
        let import = watcher.await.unwrap();
        let claims = running.log(running.back()).matches("import.claimed").count();
        assert!(claims > 5, "each kill met a running import, and the next worker went on: {claims}");
        check_done(&running.client, &import, people).await;
        check_again(&running.client, people).await;
    }

    async fn an_api_killed_in_mid_upload_has_promised_nothing(stack) {
        let mut dice = Dice::seeded();
        let mut running = stack.start(QUICK).await;
        let people = People::new(5_000);
        for _ in 0..3 {
            let upload = tokio::spawn(slow_upload(running.client.clone(), people.csv(), dice.below(90)));
            tokio::time::sleep(dice.moment(Duration::from_millis(300))).await;
            running.restart(running.front()).await;
            assert!(!upload.await.unwrap(), "an upload that was cut has no answer");
        }
        assert_eq!(running.client.pages("/v1/imports?limit=100").await, Vec::<Value>::new());
        assert_eq!(running.client.users().await, Vec::<Value>::new());
        if stack == Stack::Embedded {
            assert_eq!(running.blobs().await, Vec::<String>::new(), "a start removes what dead uploads left");
        }
        let id = running.client.import("resource=users", people.csv()).await;
        let import = running.client.wait_final(id).await;
        check_done(&running.client, &import, people).await;
    }

    async fn an_api_killed_right_after_its_answer_has_kept_the_file(stack) {
        let mut running = stack.start(QUICK).await;
        let people = People::new(2_000);
        let id = running.client.import("resource=users", people.csv()).await;
        running.kill9(running.front());
        running.start(running.front()).await;
        let import = running.client.wait_final(id).await;
        check_done(&running.client, &import, people).await;
    }

    async fn a_stop_by_signal_hands_the_import_back(stack) {
        let mut running = stack.start(QUICK).await;
        let people = People::new(100_000);
        let id = running.client.import("resource=users", people.csv()).await;
        assert!(reached(&running.client, id, 1).await);
        let took = running.stop(running.back(), Duration::from_secs(5));
        assert!(took < Duration::from_secs(5), "{took:?}");
        running.start(running.back()).await;
        let import = running.client.wait_final(id).await;
        check_done(&running.client, &import, people).await;
    }
}

#[tokio::test]
async fn a_worker_frozen_beyond_its_lease_is_fenced() {
    let mut running = Stack::Scaled.start(QUICK).await;
    let people = People::new(100_000);
    let id = running.client.import("resource=users", people.csv()).await;
    assert!(reached(&running.client, id, 1).await);
    running.signal(Role::Worker, "STOP");
    let before = count(&running.client.show(id).await, "read");
    let mut frozen = running.detach(Role::Worker);
    running.start(Role::Worker).await;
    assert!(
        reached(&running.client, id, before + 1).await,
        "another worker takes over when the lease is over"
    );
    frozen.signal("CONT");
    let import = running.client.wait_final(id).await;
    check_done(&running.client, &import, people).await;
    assert!(
        frozen.is_alive(),
        "a fenced worker goes on with other work: {}",
        frozen.log_tail()
    );
    check_again(&running.client, people).await;
}

#[tokio::test]
async fn without_redis_work_is_delayed_and_then_done() {
    let mut running = Stack::Scaled.start(QUICK).await;
    running.redis.as_mut().unwrap().kill9();
    let people = People::new(1_000);
    let id = running.client.import("resource=users", people.csv()).await;
    let import = running.client.wait_final(id).await;
    check_done(&running.client, &import, people).await;
    // A minute in all: long enough for every retry to have given up once.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let id = running.client.import("resource=users", people.csv()).await;
    let import = running.client.wait_final(id).await;
    assert_eq!(count(&import, "unchanged"), people.good());
    running.redis.as_mut().unwrap().restart();
    let redis = running.redis.as_ref().unwrap();
    redis.pause();
    let id = running.client.import("resource=users", people.csv()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    running.redis.as_ref().unwrap().resume();
    let import = running.client.wait_final(id).await;
    assert_eq!(count(&import, "unchanged"), people.good());
}

#[tokio::test]
async fn three_crashes_at_one_checkpoint_are_poison() {
    let mut running = Stack::Scaled.start(QUICK).await;
    let id = {
        // Nothing can be written, so each worker dies at the first batch.
        let mut outside = running.database().await;
        let lock = outside.transaction().await.unwrap();
        lock.batch_execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
            .await
            .unwrap();
        let id = running.client.import("resource=users", People::new(100).csv()).await;
        for crash in 1..=3 {
            claimed(&running, id, crash).await;
            running.restart(Role::Worker).await;
        }
        let import = running.client.wait_final(id).await;
        assert_eq!(import["status"], "failed");
        assert_eq!(import["error"]["code"], "poison", "{import:#}");
        lock.rollback().await.unwrap();
        id
    };
    assert_eq!(running.client.users().await, Vec::<Value>::new());
    let other = running.client.import("resource=users", People::new(100).csv()).await;
    assert!(other > id);
    assert_eq!(running.client.wait_final(other).await["status"], "partial");
}

/// Waits until the import was claimed so many times.
async fn claimed(running: &Running, id: i64, times: i32) {
    let outside = running.database().await;
    for _ in 0..600 {
        let row = outside
            .query_one("SELECT crash_count FROM imports WHERE id = $1", &[&id])
            .await
            .unwrap();
        if row.get::<_, i32>(0) >= times {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("import {id} is not claimed {times} times");
}

/// Polls beside the test until the import is final; every answer is checked.
fn watch(running: &Running, id: i64) -> tokio::task::JoinHandle<Value> {
    let client = running.client.clone();
    tokio::spawn(async move { client.wait_final_within(id, Duration::from_secs(180)).await })
}

/// Waits until so many rows are read; `false` if the import ended before.
async fn reached(client: &Client, id: i64, rows: u64) -> bool {
    for _ in 0..6_000 {
        if let Ok(answer) = client.try_get(&format!("/v1/imports/{id}")).await
            && answer.status == 200
        {
            let import = answer.json();
            if is_final(&import) {
                return false;
            }
            if count(&import, "read") >= rows {
                return true;
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("import {id} never read {rows} rows");
}

/// Something else for Redis at each turn, where there is one.
async fn shake_redis(running: &mut Running, turn: u64) {
    let Some(redis) = running.redis.as_mut() else { return };
    match turn {
        0 | 3 => redis.flush_all(),
        1 => {
            redis.kill9();
            redis.restart();
        }
        _ => {
            redis.pause();
            tokio::time::sleep(Duration::from_secs(1)).await;
            redis.resume();
        }
    }
}

/// Every good row is there once, every bad one is reported once.
async fn check_done(client: &Client, import: &Value, people: People) {
    assert_eq!(import["status"], "partial", "{import:#}");
    assert_eq!(count(import, "created"), people.good(), "{import:#}");
    assert_eq!(count(import, "failed"), people.broken(), "{import:#}");
    assert_eq!(count(import, "total"), people.rows, "{import:#}");
    let users = client.users().await;
    assert_eq!(u64::try_from(users.len()).unwrap(), people.good());
    let id = import["id"].as_i64().unwrap();
    let failed = client.failed_csv(id).await;
    assert_eq!(u64::try_from(failed.lines().count()).unwrap(), people.broken() + 1);
}

/// The same file again changes nothing: the table holds exactly what the file says.
async fn check_again(client: &Client, people: People) {
    let id = client.import("resource=users", people.csv()).await;
    let import = client.wait_final_within(id, Duration::from_secs(120)).await;
    assert_eq!(count(&import, "unchanged"), people.good(), "{import:#}");
    assert_eq!(count(&import, "failed"), people.broken(), "{import:#}");
}

/// Sends a file in a hundred pieces; from the piece `stall` on it takes its time. Says whether an answer came.
async fn slow_upload(client: Client, csv: String, stall: u64) -> bool {
    let size = csv.len().div_ceil(100);
    let pieces: Vec<Vec<u8>> = csv.as_bytes().chunks(size).map(<[u8]>::to_vec).collect();
    let stream = futures::stream::unfold((pieces.into_iter(), 0_u64), move |(mut pieces, number)| async move {
        if number >= stall {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let piece = pieces.next()?;
        Some((Ok::<_, std::io::Error>(piece), (pieces, number + 1)))
    });
    let request = client.csv_request("resource=users", reqwest::Body::wrap_stream(stream));
    client.try_send(request).await.is_ok()
}

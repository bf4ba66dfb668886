//! Redis absent, silent, flushed, killed, frozen, overfull: work is delayed at most, and nothing has to be restarted.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use longshore::queue::Queue;
use worker::import::ImportId;

use super::{Counter, Listening, eventually, listen};
use harness::Redis;

/// The whole answer to one command, beside the product.
fn ask<T: redis::FromRedisValue>(redis: &Redis, words: &[&str]) -> T {
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    redis::cmd(words[0]).arg(&words[1..]).query(&mut connection).unwrap()
}

#[test]
fn a_url_that_is_not_redis_is_refused_without_its_password() {
    let error = Queue::redis("rabbit://me:hush@host").err().unwrap().to_string();
    assert!(!error.contains("hush"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ringing_an_absent_redis_costs_half_a_second_at_most() {
    let mut redis = Redis::start();
    redis.kill9();
    let queue = Queue::redis(&redis.url()).unwrap();
    let listening = listen(&queue, &Counter::busy_for(Duration::ZERO), 1);
    for id in 1..=4 {
        let begun = Instant::now();
        queue.ring(ImportId(id)).await;
        assert!(begun.elapsed() < Duration::from_millis(600), "{:?}", begun.elapsed());
    }
    assert!(queue.ready().await.is_err());
    redis.restart();
    listening.is_heard(10).await;
    queue.ready().await.unwrap();
    listening.stops_soon().await;
}

/// A port that takes connections and never says a word.
#[tokio::test(flavor = "multi_thread")]
async fn ringing_a_silent_redis_costs_half_a_second_at_most() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let queue = Queue::redis(&format!("redis://{}", silent.local_addr().unwrap())).unwrap();
    let listening = listen(&queue, &Counter::busy_for(Duration::ZERO), 1);
    for id in 1..=3 {
        let begun = Instant::now();
        queue.ring(ImportId(id)).await;
        assert!(begun.elapsed() < Duration::from_millis(600), "{:?}", begun.elapsed());
    }
    listening.stops_soon().await;
}

/// Flushed, killed, frozen: a running import is not disturbed, and the next ring is heard without a restart of anything.
async fn survives(trouble: impl AsyncFnOnce(&mut Redis)) {
    let mut redis = Redis::start();
    let queue = Queue::redis(&redis.url()).unwrap();
    let listening = listen(&queue, &Counter::busy_for(Duration::from_secs(3)), 2);
    queue.ring(ImportId(1)).await;
    listening.runner.await_run(1).await;
    trouble(&mut redis).await;
    listening.is_heard(2).await;
    let runner = listening.runner.clone();
    eventually("the running import came to its end", || {
        runner.ended.lock().unwrap().contains(&1)
    })
    .await;
    listening.is_heard(3).await;
    assert!(runner.most.load(Ordering::SeqCst) <= 2);
    listening.stops_soon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flushed_redis_is_survived() {
    survives(async |redis| redis.flush_all()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_redis_is_survived() {
    survives(async |redis| {
        redis.kill9();
        tokio::time::sleep(Duration::from_millis(300)).await;
        redis.restart();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_frozen_for_two_seconds_is_survived() {
    survives(async |redis| {
        redis.pause();
        tokio::time::sleep(Duration::from_secs(2)).await;
        redis.resume();
    })
    .await;
}

/// Longer than a worker waits for an answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_frozen_for_seven_seconds_is_survived() {
    survives(async |redis| {
        redis.pause();
        tokio::time::sleep(Duration::from_secs(7)).await;
        redis.resume();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_flushed_again_and_again_is_survived() {
    survives(async |redis| {
        for _ in 0..8 {
            redis.flush_all();
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    })
    .await;
}

/// Content that no worker gets past: ten thousand due rings, and one that is no message at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_holds_its_workers_up_is_emptied() {
    let redis = Redis::start();
    let queue = Queue::redis(&redis.url()).unwrap();
    let due: Vec<String> = (0..10_000)
        .flat_map(|n| [String::from("1"), format!("task-{n}")])
        .collect();
    let mut words = vec!["ZADD", "{imports}:scheduled"];
    words.extend(due.iter().map(String::as_str));
    ask::<i64>(&redis, &words);
    let listening = listen(&queue, &Counter::busy_for(Duration::ZERO), 1);
    listening.is_heard(1).await;
    ask::<i64>(&redis, &["RPUSH", "{imports}:active", "no-such-task"]);
    listening.is_heard(2).await;
    listening.stops_soon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_later_release_is_passed_over() {
    let redis = Redis::start();
    let queue = Queue::redis(&redis.url()).unwrap();
    ask::<i64>(
        &redis,
        &[
            "HSET",
            "{imports}:data",
            "later",
            r#"{"v":"import.v2","import":{"id":1}}"#,
        ],
    );
    ask::<i64>(
        &redis,
        &[
            "HSET",
            "{imports}:meta:later",
            "attempts",
            "0",
            "max_attempts",
            "5",
            "status",
            "Pending",
        ],
    );
    ask::<i64>(&redis, &["RPUSH", "{imports}:active", "later"]);
    let listening = listen(&queue, &Counter::busy_for(Duration::ZERO), 1);
    let begun = Instant::now();
    queue.ring(ImportId(1)).await;
    listening.runner.await_run(1).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    listening.stops_soon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rings_do_not_pile_up_while_nobody_listens() {
    let redis = Redis::start();
    let queue = Queue::redis(&redis.url()).unwrap();
    for id in 0..1_100 {
        queue.ring(ImportId(id)).await;
    }
    assert_eq!(ask::<i64>(&redis, &["ZCARD", "{imports}:scheduled"]), 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_leaves_no_name_behind() {
    let redis = Redis::start();
    let queue = Queue::redis(&redis.url()).unwrap();
    let listening = listen(&queue, &Counter::busy_for(Duration::ZERO), 1);
    listening.is_heard(1).await;
    assert_eq!(ask::<i64>(&redis, &["ZCARD", "{imports}:workers"]), 1);
    listening.stops_soon().await;
    assert_eq!(ask::<i64>(&redis, &["ZCARD", "{imports}:workers"]), 0);
    assert_eq!(
        ask::<Vec<String>>(&redis, &["KEYS", "{imports}:workers*"]),
        Vec::<String>::new()
    );
}

/// What a stopped worker was running is rung for at another one, at its next heartbeat and not after three missed ones.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_stopped_worker_held_is_rung_for_elsewhere() {
    let redis = Redis::start();
    let queue = Queue::redis(&redis.url()).unwrap();
    let first = listen(&queue, &Counter::busy_for(Duration::from_secs(30)), 1);
    queue.ring(ImportId(1)).await;
    first.runner.await_run(1).await;
    first.stops_soon().await;
    let second = listen(&queue, &Counter::busy_for(Duration::ZERO), 1);
    second.runner.await_run(1).await;
    second.stops_soon().await;
}

/// Thirty rings after idle spans of many lengths, over several heartbeats, none of which has to wait for one.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_worker_hears_a_ring_at_once() {
    let redis = Redis::start();
    let queue = Queue::redis(&redis.url()).unwrap();
    let listening = listen(&queue, &Counter::busy_for(Duration::ZERO), 2);
    listening.is_heard(1000).await;
    let mut delays = Vec::new();
    for id in 0..30_u32 {
        tokio::time::sleep(Duration::from_millis(23 * u64::from(id) + u64::from(id % 6) * 150)).await;
        let begun = Instant::now();
        queue.ring(ImportId(i64::from(id))).await;
        delays.push(
            listening
                .runner
                .await_run(i64::from(id))
                .await
                .saturating_duration_since(begun),
        );
    }
    assert!(
        delays.iter().all(|delay| *delay < Duration::from_millis(1500)),
        "{delays:?}"
    );
    listening.stops_soon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_the_work() {
    let redis = Redis::start();
    let (one, two) = (Queue::redis(&redis.url()).unwrap(), Queue::redis(&redis.url()).unwrap());
    let first = listen(&one, &Counter::busy_for(Duration::from_millis(400)), 1);
    let second = listen(&two, &Counter::busy_for(Duration::from_millis(400)), 1);
    for id in 1..=8 {
        one.ring(ImportId(id)).await;
    }
    let done = |at: &Listening| at.runner.ended.lock().unwrap().len();
    eventually("all are run", || done(&first) + done(&second) == 8).await;
    assert!(
        done(&first) >= 2 && done(&second) >= 2,
        "{} and {}",
        done(&first),
        done(&second)
    );
    first.stops_soon().await;
    second.stops_soon().await;
}

/// Finished rings are removed at the start of a worker, and from then on now and then.
#[tokio::test(flavor = "multi_thread")]
async fn finished_rings_do_not_stay_in_redis() {
    let redis = Redis::start();
    let queue = Queue::redis(&redis.url()).unwrap();
    let listening = listen(&queue, &Counter::busy_for(Duration::ZERO), 2);
    for id in 1..=20 {
        queue.ring(ImportId(id)).await;
    }
    eventually("all are done", || {
        ask::<i64>(&redis, &["SCARD", "{imports}:done"]) == 20
    })
    .await;
    listening.stops_soon().await;
    let listening = listen(&queue, &Counter::busy_for(Duration::ZERO), 2);
    eventually("all are gone", || {
        ask::<i64>(&redis, &["EXISTS", "{imports}:done", "{imports}:data"]) == 0
    })
    .await;
    assert_eq!(
        ask::<Vec<String>>(&redis, &["KEYS", "{imports}:meta:*"]),
        Vec::<String>::new()
    );
    listening.stops_soon().await;
}

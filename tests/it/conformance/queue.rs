//! What every doorbell must do, and what Redis' troubles must not do.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use longshore::queue::Queue;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use worker::import::ImportId;
use worker::job::RunImport;

use super::servers::Redis;

/// Longest wait for something that should happen soon, on a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// Runs imports by counting them; keeps each running for `busy`.
#[derive(Default)]
struct Counter {
    begun: Mutex<BTreeMap<i64, Vec<Instant>>>,
    ended: Mutex<Vec<i64>>,
    busy: Duration,
    now: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait::async_trait]
impl RunImport for Counter {
    async fn run(&self, id: ImportId) {
        self.begun.lock().unwrap().entry(id.0).or_default().push(Instant::now());
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(self.busy).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        self.ended.lock().unwrap().push(id.0);
        assert!(id.0 != PANICS, "an import that panics");
    }
}

const PANICS: i64 = 666;

impl Counter {
    fn busy_for(busy: Duration) -> Arc<Self> {
        Arc::new(Self {
            busy,
            ..Self::default()
        })
    }

    fn times(&self, id: i64) -> usize {
        self.begun.lock().unwrap().get(&id).map_or(0, Vec::len)
    }

    fn first(&self, id: i64) -> Option<Instant> {
        self.begun.lock().unwrap().get(&id)?.first().copied()
    }

    async fn await_run(&self, id: i64) -> Instant {
        eventually(&format!("import {id} is run"), || self.times(id) > 0).await;
        self.first(id).unwrap()
    }
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < SOON, "not within {SOON:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A listening queue.
struct Listening {
    queue: Queue,
    runner: Arc<Counter>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn listen(queue: &Queue, runner: &Arc<Counter>, concurrency: usize) -> Listening {
    let stop = CancellationToken::new();
    let (heard, run, token) = (queue.clone(), runner.clone(), stop.clone());
    let task = tokio::spawn(async move { heard.listen(run, concurrency, token).await });
    Listening {
        queue: queue.clone(),
        runner: runner.clone(),
        stop,
        task,
    }
}

impl Listening {
    async fn is_heard(&self, id: i64) {
        let begun = Instant::now();
        self.queue.ring(ImportId(id)).await;
        // Rings may be lost in trouble; the ledger's poll rings again.
        while self.runner.times(id) == 0 {
            assert!(begun.elapsed() < SOON, "import {id} was never run");
            tokio::time::sleep(Duration::from_millis(250)).await;
            self.queue.ring(ImportId(id)).await;
        }
    }

    async fn stops_soon(self) {
        let begun = Instant::now();
        self.stop.cancel();
        self.task.await.unwrap();
        assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    }
}

/// A queue, and the server it needs.
struct Fixture {
    queue: Queue,
    _redis: Option<Redis>,
}

fn on_redis() -> Fixture {
    let redis = Redis::started();
    Fixture {
        queue: Queue::redis(&redis.url()).unwrap(),
        _redis: Some(redis),
    }
}

fn embedded() -> Fixture {
    Fixture {
        queue: Queue::embedded(),
        _redis: None,
    }
}

macro_rules! on_every_queue {
    ($($story:ident),+ $(,)?) => {
        mod redis { $(#[tokio::test(flavor = "multi_thread")] async fn $story() { super::$story(super::on_redis()).await })+ }
        mod embedded { $(#[tokio::test(flavor = "multi_thread")] async fn $story() { super::$story(super::embedded()).await })+ }
    };
}

on_every_queue!(
    a_ring_is_handed_to_the_runner,
    a_ring_before_anybody_listens_waits,
    as_many_run_at_once_as_allowed,
    an_import_is_rung_for_again_while_it_runs,
    a_panicking_import_does_not_stop_the_others,
    stopping_does_not_wait_for_running_imports,
    who_listens_again_is_heard,
);

async fn a_ring_is_handed_to_the_runner(at: Fixture) {
    let listening = listen(&at.queue, &Counter::busy_for(Duration::ZERO), 2);
    for id in 1..=20 {
        at.queue.ring(ImportId(id)).await;
    }
    for id in 1..=20 {
        listening.runner.await_run(id).await;
        assert_eq!(listening.runner.times(id), 1);
    }
    at.queue.ready().await.unwrap();
    listening.stops_soon().await;
}

async fn a_ring_before_anybody_listens_waits(at: Fixture) {
    at.queue.ring(ImportId(1)).await;
    at.queue.ring(ImportId(1)).await;
    let listening = listen(&at.queue, &Counter::busy_for(Duration::ZERO), 1);
    listening.runner.await_run(1).await;
    listening.stops_soon().await;
}

async fn as_many_run_at_once_as_allowed(at: Fixture) {
    let listening = listen(&at.queue, &Counter::busy_for(Duration::from_millis(300)), 3);
    for id in 1..=9 {
        at.queue.ring(ImportId(id)).await;
    }
    eventually("all are run", || listening.runner.ended.lock().unwrap().len() == 9).await;
    assert_eq!(listening.runner.most.load(Ordering::SeqCst), 3);
    listening.stops_soon().await;
}

async fn an_import_is_rung_for_again_while_it_runs(at: Fixture) {
    let listening = listen(&at.queue, &Counter::busy_for(Duration::from_millis(200)), 2);
    at.queue.ring(ImportId(1)).await;
    listening.runner.await_run(1).await;
    at.queue.ring(ImportId(1)).await;
    eventually("it is run a second time", || listening.runner.times(1) == 2).await;
    listening.stops_soon().await;
}

async fn a_panicking_import_does_not_stop_the_others(at: Fixture) {
    let listening = listen(&at.queue, &Counter::busy_for(Duration::ZERO), 1);
    for id in [PANICS, 1, PANICS, 2] {
        at.queue.ring(ImportId(id)).await;
    }
    listening.runner.await_run(1).await;
    listening.runner.await_run(2).await;
    listening.stops_soon().await;
}

async fn stopping_does_not_wait_for_running_imports(at: Fixture) {
    let listening = listen(&at.queue, &Counter::busy_for(Duration::from_secs(4)), 1);
    let runner = listening.runner.clone();
    at.queue.ring(ImportId(1)).await;
    runner.await_run(1).await;
    listening.stops_soon().await;
    assert!(runner.ended.lock().unwrap().is_empty());
    eventually("the import ran on to its end", || {
        runner.ended.lock().unwrap().len() == 1
    })
    .await;
}

async fn who_listens_again_is_heard(at: Fixture) {
    listen(&at.queue, &Counter::busy_for(Duration::ZERO), 1)
        .stops_soon()
        .await;
    let listening = listen(&at.queue, &Counter::busy_for(Duration::ZERO), 1);
    at.queue.ring(ImportId(1)).await;
    listening.runner.await_run(1).await;
    listening.stops_soon().await;
}

#[test]
fn a_url_that_is_not_redis_is_refused_without_its_password() {
    let error = Queue::redis("rabbit://me:hush@host").err().unwrap().to_string();
    assert!(!error.contains("hush"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ringing_an_absent_redis_costs_half_a_second_at_most() {
    let mut redis = Redis::absent();
    let queue = Queue::redis(&redis.url()).unwrap();
    let listening = listen(&queue, &Counter::busy_for(Duration::ZERO), 1);
    for id in 1..=4 {
        let begun = Instant::now();
        queue.ring(ImportId(id)).await;
        assert!(begun.elapsed() < Duration::from_millis(600), "{:?}", begun.elapsed());
    }
    assert!(queue.ready().await.is_err());
    redis.start();
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
    let mut redis = Redis::started();
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
    survives(async |redis| redis.command::<()>(&["FLUSHALL"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_redis_is_survived() {
    survives(async |redis| {
        redis.kill();
        tokio::time::sleep(Duration::from_millis(300)).await;
        redis.start();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_frozen_for_two_seconds_is_survived() {
    survives(async |redis| {
        redis.signal("-STOP");
        tokio::time::sleep(Duration::from_secs(2)).await;
        redis.signal("-CONT");
    })
    .await;
}

/// Longer than a worker waits for an answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_frozen_for_seven_seconds_is_survived() {
    survives(async |redis| {
        redis.signal("-STOP");
        tokio::time::sleep(Duration::from_secs(7)).await;
        redis.signal("-CONT");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_flushed_again_and_again_is_survived() {
    survives(async |redis| {
        for _ in 0..8 {
            redis.command::<()>(&["FLUSHALL"]);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    })
    .await;
}

/// Content that no worker gets past: ten thousand due rings, and one that is no message at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_holds_its_workers_up_is_emptied() {
    let redis = Redis::started();
    let queue = Queue::redis(&redis.url()).unwrap();
    let due: Vec<String> = (0..10_000)
        .flat_map(|n| [String::from("1"), format!("task-{n}")])
        .collect();
    let mut words = vec!["ZADD", "{imports}:scheduled"];
    words.extend(due.iter().map(String::as_str));
    redis.command::<i64>(&words);
    let listening = listen(&queue, &Counter::busy_for(Duration::ZERO), 1);
    listening.is_heard(1).await;
    redis.command::<i64>(&["RPUSH", "{imports}:active", "no-such-task"]);
    listening.is_heard(2).await;
    listening.stops_soon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_later_release_is_passed_over() {
    let redis = Redis::started();
    let queue = Queue::redis(&redis.url()).unwrap();
    redis.command::<i64>(&[
        "HSET",
        "{imports}:data",
        "later",
        r#"{"v":"import.v2","import":{"id":1}}"#,
    ]);
    redis.command::<i64>(&[
        "HSET",
        "{imports}:meta:later",
        "attempts",
        "0",
        "max_attempts",
        "5",
        "status",
        "Pending",
    ]);
    redis.command::<i64>(&["RPUSH", "{imports}:active", "later"]);
    let listening = listen(&queue, &Counter::busy_for(Duration::ZERO), 1);
    let begun = Instant::now();
    queue.ring(ImportId(1)).await;
    listening.runner.await_run(1).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    listening.stops_soon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rings_do_not_pile_up_while_nobody_listens() {
    let redis = Redis::started();
    let queue = Queue::redis(&redis.url()).unwrap();
    for id in 0..1_100 {
        queue.ring(ImportId(id)).await;
    }
    assert_eq!(redis.command::<i64>(&["ZCARD", "{imports}:scheduled"]), 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_leaves_no_name_behind() {
    let redis = Redis::started();
    let queue = Queue::redis(&redis.url()).unwrap();
    let listening = listen(&queue, &Counter::busy_for(Duration::ZERO), 1);
    listening.is_heard(1).await;
    assert_eq!(redis.command::<i64>(&["ZCARD", "{imports}:workers"]), 1);
    listening.stops_soon().await;
    assert_eq!(redis.command::<i64>(&["ZCARD", "{imports}:workers"]), 0);
    assert_eq!(
        redis.command::<Vec<String>>(&["KEYS", "{imports}:workers*"]),
        Vec::<String>::new()
    );
}

/// What a stopped worker was running is rung for at another one, at its next heartbeat and not after three missed ones.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_stopped_worker_held_is_rung_for_elsewhere() {
    let redis = Redis::started();
    let queue = Queue::redis(&redis.url()).unwrap();
    let first = listen(&queue, &Counter::busy_for(Duration::from_secs(30)), 1);
    queue.ring(ImportId(1)).await;
    first.runner.await_run(1).await;
    first.stops_soon().await;
    let second = listen(&queue, &Counter::busy_for(Duration::ZERO), 1);
    second.runner.await_run(1).await;
    second.stops_soon().await;
}

/// Thirty rings after idle spans of every length up to more than a heartbeat, none of which has to wait for one.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_worker_hears_a_ring_at_once() {
    let redis = Redis::started();
    let queue = Queue::redis(&redis.url()).unwrap();
    let listening = listen(&queue, &Counter::busy_for(Duration::ZERO), 2);
    listening.is_heard(1000).await;
    let mut delays = Vec::new();
    for id in 0..30_u32 {
        tokio::time::sleep(Duration::from_millis(37 * u64::from(id) + u64::from(id % 6) * 200)).await;
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
    delays.sort();
    println!("delays of {} rings: {delays:?}", delays.len());
    assert!(delays.last().unwrap() < &Duration::from_millis(1500), "{delays:?}");
    listening.stops_soon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_the_work() {
    let redis = Redis::started();
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

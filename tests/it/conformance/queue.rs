//! What every doorbell must do; `trouble` is what Redis may do meanwhile.

mod trouble;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use longshore::queue::Queue;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use worker::import::ImportId;
use worker::job::RunImport;

use harness::Redis;

/// Longest wait for something that should happen soon, on a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// Runs imports by counting them; keeps each running for `busy` the first time, and is done at once when it is rung for again.
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
        if self.times(id.0) == 1 {
            tokio::time::sleep(self.busy).await;
        }
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
    let redis = Redis::start();
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

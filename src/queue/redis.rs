//! The doorbell between processes: apalis-redis, kept on a short leash. Any Redis error ends its worker, so workers are made
//! anew for ever, each under a fresh name; what a queue holds may be thrown away at any time, and is, when it holds a worker up.
//!
//! What keeps apalis-redis 1.0 usable, each met in practice: tasks one by one (`batch_size`), or a busy worker sends no
//! heartbeat; a fresh task id each time, or a ring is ignored; few waiting rings, because its script unpacks all that are due
//! at once and from 8000 on fails for good; handlers that never fail, because its retries cannot be told when to stop.

mod pace;
mod upkeep;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{AsyncTypedCommands, Client, RedisError};
use apalis::prelude::{
    BackendExt, ParallelizeExt, TaskBuilder, TaskId, TaskSink, WorkerBuilder, WorkerBuilderExt, WorkerContext,
    WorkerError,
};
use apalis_redis::{Config, RedisStorage};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker::import::ImportId;
use worker::job::{ImportJob, Runner};

use self::pace::{Pace, backoff};
use super::{QueueError, build_worker, until_stopped};

/// The braces make a Redis Cluster keep all its keys together.
const QUEUE: &str = "{imports}";
/// How often an idle worker asks; half of it is the mean delay of a ring.
const POLL: Duration = Duration::from_millis(50);
/// A worker that misses three beats is dead, and what it held is rung for again.
const HEARTBEAT: Duration = Duration::from_secs(5);
const MISSED_HEARTBEATS: usize = 3;
/// What a ring may cost its caller, and one try of it.
const RING_TIME: Duration = Duration::from_millis(500);
const RING_TRY: Duration = Duration::from_millis(400);
const RING_PAUSE: Duration = Duration::from_millis(50);
/// Rings that may wait at once, well below the 8000 at which the fetch script fails.
const WAITING_MAX: usize = 1000;
/// Written to see whether anything can be, and forgotten soon.
const READY_KEY: &str = "{imports}:ready";
const READY_SECONDS: u64 = 60;
/// A pause of Redis that a worker sits out.
const WORKER_RESPONSE: Duration = Duration::from_secs(5);
const WORKER_CONNECT: Duration = Duration::from_secs(2);
/// A worker that lived this long was well; only failures in quick succession add up.
const WELL: Duration = Duration::from_secs(30);
/// After so many quick failures with a Redis that answers, it is the queue's content that is broken.
const FAILURES_BEFORE_EMPTYING: u32 = 4;

/// See [`super::Queue::redis`].
#[derive(Clone)]
pub struct RedisQueue {
    client: Arc<Client>,
    bell: ConnectionManager,
}

impl RedisQueue {
    pub(super) fn new(url: &str) -> Result<Self, QueueError> {
        // The URL may hold a password: it is not repeated.
        let client = Client::open(url).map_err(|e| QueueError::Config(format!("cannot use the Redis URL: {e}")))?;
        let bell = connect(&client, RING_TRY, RING_TRY).map_err(|e| QueueError::Config(e.to_string()))?;
        Ok(Self {
            client: Arc::new(client),
            bell,
        })
    }

    pub(super) async fn ring(&self, id: ImportId) -> bool {
        // A connection that broke while nobody looked fails the first try; the second finds a new one.
        let tries = async {
            while let Err(error) = self.push(id).await {
                tracing::debug!(import.id = %id, %error, "a ring failed");
                tokio::time::sleep(RING_PAUSE).await;
            }
        };
        let taken = tokio::time::timeout(RING_TIME, tries).await.is_ok();
        if !taken {
            tracing::warn!(import.id = %id, "Redis took no ring in time, the import is left to the ledger");
        }
        taken
    }

    async fn push(&self, id: ImportId) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let config = config();
        let mut connection = self.bell.clone();
        let waiting =
            connection.zcard(config.scheduled_jobs_set()).await? + connection.llen(config.active_jobs_list()).await?;
        if waiting >= WAITING_MAX {
            tracing::debug!(import.id = %id, waiting, "the queue is full, the import is left to the ledger");
            return Ok(());
        }
        let task_id = TaskId::from_string(Uuid::now_v7().to_string());
        let task = TaskBuilder::new(ImportJob::V1 { import_id: id })
            .task_id(task_id)
            .build();
        storage(connection).push_task(task).await?;
        Ok(())
    }

    pub(super) async fn ready(&self) -> Result<(), QueueError> {
        let mut connection = self.bell.clone();
        // One that is full or a read-only copy answers a PING.
        let written = connection.set_ex(READY_KEY, 1, READY_SECONDS);
        let answer = tokio::time::timeout(RING_TIME, written).await;
        answer.map_err(unavailable)?.map(drop).map_err(unavailable)
    }

    /// One worker after the other until `stop`, and the upkeep beside them.
    pub(super) async fn listen(&self, run: Runner, concurrency: usize, stop: CancellationToken) {
        tokio::join!(self.supervise(run, concurrency, &stop), upkeep::run(self, &stop));
    }

    async fn supervise(&self, run: Runner, concurrency: usize, stop: &CancellationToken) {
        let mut failures: u32 = 0;
        while !stop.is_cancelled() {
            let started = Instant::now();
            let Err(error) = self.work(run.clone(), concurrency, stop).await else {
                return;
            };
            failures = if started.elapsed() < WELL {
                failures.saturating_add(1)
            } else {
                1
            };
            tracing::warn!(
                error,
                failures,
                "the Redis queue failed; imports are found through the ledger meanwhile"
            );
            if failures.is_multiple_of(FAILURES_BEFORE_EMPTYING) && self.ready().await.is_ok() {
                upkeep::empty(self).await;
            }
            tokio::select! {
                () = tokio::time::sleep(backoff(failures)) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// One apalis worker: until it is stopped (`Ok`), or until Redis or the queue fails it.
    async fn work(&self, run: Runner, concurrency: usize, stop: &CancellationToken) -> Result<(), String> {
        let connection = connect(&self.client, WORKER_CONNECT, WORKER_RESPONSE).map_err(|e| e.to_string())?;
        // A name is never used again: the queue takes it for alive long after its worker is gone.
        let context = WorkerContext::new(&format!("longshore-{}", Uuid::now_v7().simple()));
        let work = worker(connection.clone(), &context, run, concurrency);
        match until_stopped(&context, work, stop).await {
            Some(Err(error)) => Err(error.to_string()),
            Some(Ok(())) => Err(String::from("the worker ended by itself")),
            None => {
                upkeep::retire(connection, &context).await;
                Ok(())
            }
        }
    }
}

fn worker(
    connection: ConnectionManager,
    context: &WorkerContext,
    run: Runner,
    concurrency: usize,
) -> BoxFuture<'static, Result<(), WorkerError>> {
    let backend = storage(connection).poll_with_strategy(Pace::new(POLL));
    build_worker!(context, backend, run, concurrency)
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> QueueError {
    QueueError::Unavailable(Box::new(error))
}

/// Connects on first use, and again after each failure, without trying more than once per use.
fn connect(client: &Client, connect: Duration, response: Duration) -> Result<ConnectionManager, RedisError> {
    let settings = ConnectionManagerConfig::new()
        .set_number_of_retries(0)
        .set_connection_timeout(Some(connect))
        .set_response_timeout(Some(response));
    ConnectionManager::new_lazy_with_config(client.clone(), settings)
}

fn config() -> Config {
    Config::default()
        .queue(QUEUE)
        .batch_size(1)
        .heartbeat_interval(HEARTBEAT)
        .missed_heartbeats(MISSED_HEARTBEATS)
        .emit_events(false)
}

fn storage(connection: ConnectionManager) -> RedisStorage<ImportJob> {
    RedisStorage::new(connection).with_config(config())
}

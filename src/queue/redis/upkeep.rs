//! What apalis-redis leaves in Redis and never removes: finished tasks, names of workers that are gone, and content that no
//! worker can get past. All of it may go at any time, since every ring can be rung again from the ledger.

use std::time::Duration;

use ::redis::aio::ConnectionManager;
use ::redis::{AsyncTypedCommands, RedisError};
use apalis::prelude::WorkerContext;
use apalis_core::backend::Vacuum;
use tokio_util::sync::CancellationToken;

use super::pace::spread;
use super::{QUEUE, RedisQueue, WORKER_CONNECT, WORKER_RESPONSE, config, connect, storage};

/// Between two rounds, more or less: a round blocks Redis for as long as it takes to look at every finished ring.
const ROUND: Duration = Duration::from_secs(15 * 60);
const SCAN_COUNT: usize = 500;

/// Removes finished rings at once and then now and then, until `stop`.
pub(super) async fn run(queue: &RedisQueue, stop: &CancellationToken) {
    let rounds = async {
        loop {
            if let Err(error) = tidy(queue).await {
                tracing::info!(error, "finished rings stay in Redis until the next round");
            }
            tokio::time::sleep(spread(ROUND)).await;
        }
    };
    tokio::select! {
        () = rounds => {}
        () = stop.cancelled() => {}
    }
}

/// Removes what is finished: task data and results, the sets of their ids, and descriptions of workers, which nobody reads.
pub(super) async fn tidy(queue: &RedisQueue) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut connection = connect(&queue.client, WORKER_CONNECT, WORKER_RESPONSE)?;
    storage(connection.clone()).vacuum().await?;
    let config = config();
    connection
        .unlink(&[config.done_jobs_set(), config.dead_jobs_set()])
        .await?;
    remove_matching(&mut connection, &format!("{QUEUE}:workers:metadata:*")).await?;
    Ok(())
}

/// Throws away the queue's whole content. Other workers lose their registration, and come back under new names.
pub(super) async fn empty(queue: &RedisQueue) {
    let emptied = async {
        let mut connection = connect(&queue.client, WORKER_CONNECT, WORKER_RESPONSE)?;
        remove_matching(&mut connection, &format!("{QUEUE}:*")).await
    };
    match emptied.await {
        Ok(()) => tracing::warn!("the Redis queue held its workers up and was emptied; nothing is lost by that"),
        Err(error) => tracing::warn!(%error, "the Redis queue could not be emptied"),
    }
}

/// Lets a stopped worker's time be over, so that whoever beats next rings again for what it held and forgets its name.
pub(super) async fn retire(mut connection: ConnectionManager, context: &WorkerContext) {
    let config = config();
    let removed = async {
        if connection.scard(config.inflight_set_for(context)).await? > 0 {
            let mut over = ::redis::cmd("ZADD");
            over.arg(config.workers_set()).arg("XX").arg(0).arg(context.name());
            over.query_async::<()>(&mut connection).await?;
        } else {
            connection.zrem(config.workers_set(), context.name()).await?;
        }
        connection.unlink(config.worker_metadata_key(context)).await
    };
    match tokio::time::timeout(super::RING_TIME, removed).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a worker's name is left to expire"),
        Err(_) => tracing::debug!("a worker's name is left to expire: Redis does not answer"),
    }
}

async fn remove_matching(connection: &mut ConnectionManager, pattern: &str) -> Result<(), RedisError> {
    let mut cursor: u64 = 0;
    loop {
        let mut scan = ::redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(SCAN_COUNT);
        let (next, keys): (u64, Vec<String>) = scan.query_async(connection).await?;
        if !keys.is_empty() {
            connection.unlink(keys).await?;
        }
        if next == 0 {
            return Ok(());
        }
        cursor = next;
    }
}

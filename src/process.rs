//! What each mode starts with an `App`, and how it stops: the worker's engine, the sweeps, HTTP.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use worker::engine::Engine;
use worker::job::Runner;

use crate::app::{App, StartError};
use crate::config::Mode;
use crate::http;
use crate::imports::{engine_parts, sweep};

/// From the wish to stop until batches in flight are left to the ledger; those who wait for the process wait 5 s.
const STOP_WITHIN: Duration = Duration::from_millis(4500);

/// A part that crashes at once again must not fill the log.
const PAUSE_AFTER_CRASH: Duration = Duration::from_secs(1);

/// Runs the parts of the mode until the process is asked to stop.
pub async fn run(app: App) -> Result<(), StartError> {
    if app.config.is_embedded() {
        take_over(&app).await?;
    }
    let tasks = TaskTracker::new();
    keep(&app, &tasks, "metrics", |app| app.metrics.keep_up(app.stop));
    keep(&app, &tasks, "tidy", sweep::tidy);
    keep(&app, &tasks, "keys", sweep::learn_keys);
    let engine = (app.config.mode != Mode::Api).then(|| start_worker(&app, &tasks));
    let serving = async {
        let served = serve(&app).await;
        app.stop.cancel();
        served
    };
    let asked_to_stop = async {
        app.stop.cancelled().await;
        Instant::now()
    };
    let (served, asked) = tokio::join!(serving, asked_to_stop);
    tasks.close();
    let drained = async {
        if let Some(engine) = engine {
            engine.drained().await;
        }
        tasks.wait().await;
    };
    if tokio::time::timeout_at(asked + STOP_WITHIN, drained).await.is_err() {
        tracing::warn!("app.stopped_with_work_in_hand");
    }
    served
}

async fn serve(app: &App) -> Result<(), StartError> {
    if app.config.mode == Mode::Worker {
        app.stop.cancelled().await;
        return Ok(());
    }
    let served = http::serve(app.clone(), bind(app)?).await;
    served.map_err(|source| StartError::Io {
        what: "serving HTTP".to_owned(),
        source,
    })
}

fn start_worker(app: &App, tasks: &TaskTracker) -> Engine {
    let (ports, settings) = engine_parts(app);
    let (queue, concurrency, stop) = (app.queue.clone(), app.config.worker.concurrency, app.stop.clone());
    let engine = Engine::new(ports, settings, concurrency, stop.clone());
    let runner: Runner = Arc::new(engine.clone());
    keep(app, tasks, "queue", move |_| {
        let (queue, runner, stop) = (queue.clone(), runner.clone(), stop.clone());
        async move { queue.listen(runner, concurrency, stop).await }
    });
    let worked = engine.clone();
    keep(app, tasks, "sweep", move |app| {
        sweep::look_for_work(app, worked.clone())
    });
    let watching = engine.clone();
    keep(app, tasks, "watch", move |app| {
        sweep::take_over_orphans(app, watching.clone())
    });
    engine
}

/// Runs a part of the process until it ends by itself; one that panics is begun again, as nobody else does its work.
fn keep<F>(app: &App, tasks: &TaskTracker, part: &'static str, run: impl Fn(App) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let app = app.clone();
    tasks.spawn(async move {
        while let Err(error) = tokio::spawn(run(app.clone())).await {
            tracing::error!(part, %error, "process.part_crashed");
            tokio::time::sleep(PAUSE_AFTER_CRASH).await;
        }
    });
}

fn bind(app: &App) -> Result<TcpListener, StartError> {
    let listen = &app.config.listen;
    TcpListener::bind(listen).map_err(|source| StartError::Io {
        what: format!("listening on {listen}"),
        source,
    })
}

/// Alone on the data directory: whatever an earlier process had in hand is orphaned, and nobody has to wait for a lease.
async fn take_over(app: &App) -> Result<(), StartError> {
    let freed = app.store.free_all_leases().await?;
    app.blobs.clean_staging(Duration::ZERO).await?;
    sweep::tidy_once(app, Duration::ZERO).await?;
    if freed > 0 {
        tracing::info!(imports = freed, "app.resuming_imports");
    }
    Ok(())
}

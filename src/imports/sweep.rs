//! What nobody waits for: imports that no doorbell announced, uploads that died, imports past their time. Every process may
//! sweep; each step is one idempotent transaction.

use std::sync::Arc;
use std::time::Duration;

use worker::engine::Engine;
use worker::failpoint::reach;
use worker::import::ImportId;
use worker::job::RunImport;

use super::{abandon, delete};
use crate::app::App;
use crate::store::StoreError;

/// How often it is looked whether a worker has died or hangs.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// How often dead uploads and expired imports are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// How many of them are dealt with at once.
const TIDY_PAGE: i64 = 100;
/// An upload cannot last longer than its limit; this much later nobody writes to it any more.
const UPLOAD_GRACE: Duration = Duration::from_secs(120);

/// Asks the ledger for work at every poll and whenever a run ends, and starts it. Ends with the process's stop.
pub async fn look_for_work(app: App, engine: Engine) {
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = tokio::time::sleep(jittered(app.config.worker.poll)) => {}
            () = engine.freed() => {}
        }
        if let Err(error) = start_runnable(&app, &engine).await {
            tracing::warn!(error = %error, "sweep.ledger_silent");
        }
    }
}

async fn start_runnable(app: &App, engine: &Engine) -> Result<(), StoreError> {
    match free(engine) {
        0 => Ok(()),
        free => start(engine, app.store.runnable(free).await?).await,
    }
}

/// Takes over the imports of workers that have died or hang, as soon as that shows. Ends with the process's stop.
pub async fn take_over_orphans(app: App, engine: Engine) {
    // For the log, and the connection is there before the first import is.
    app.store.is_watched().await.ok();
    loop {
        // A silent ledger is told of by those who look for work.
        if let Err(error) = start_orphaned(&app, &engine).await {
            tracing::debug!(error = %error, "sweep.ledger_silent");
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = tokio::time::sleep(jittered(WATCH_EVERY)) => {}
        }
    }
}

async fn start_orphaned(app: &App, engine: &Engine) -> Result<(), StoreError> {
    match free(engine) {
        0 => Ok(()),
        free => start(engine, app.store.orphaned(free).await?).await,
    }
}

/// How many more imports may be started.
fn free(engine: &Engine) -> i64 {
    i64::try_from(engine.free()).unwrap_or(i64::MAX)
}

async fn start(engine: &Engine, ids: Vec<ImportId>) -> Result<(), StoreError> {
    if !ids.is_empty() {
        reach("sweep.after_select").await?;
    }
    for id in ids {
        let engine = Arc::new(engine.clone());
        tokio::spawn(async move { engine.run(id).await });
        reach("sweep.after_push").await?;
    }
    Ok(())
}

/// Many processes that start together do not ask together: three quarters to the whole of the interval.
fn jittered(interval: Duration) -> Duration {
    let mut byte = [0_u8; 1];
    // Without random numbers the processes ask together, which is only less polite.
    let _unavailable = getrandom::fill(&mut byte);
    interval.mul_f64(0.75 + f64::from(byte[0]) / 1024.0)
}

/// Removes dead uploads and expired imports now and then. Ends with the process's stop.
pub async fn tidy(app: App) {
    loop {
        let older = app.config.limits.body_total + UPLOAD_GRACE;
        if let Err(error) = tidy_once(&app, older).await {
            tracing::warn!(error = %error, "sweep.store_silent");
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = tokio::time::sleep(jittered(TIDY_EVERY)) => {}
        }
    }
}

/// Looks for sealing keys that another process has made: now and then, and at once when a cell does not open for want of
/// one. Ends with the process's stop.
pub async fn learn_keys(app: App) {
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.vault.misses_a_key() => {}
            () = tokio::time::sleep(jittered(TIDY_EVERY)) => {}
        }
        if let Err(error) = app.store.learn_keys().await {
            tracing::warn!(error = %error, "sweep.keys_not_learned");
        }
    }
}

/// One round: uploads that nobody brings to their end, or that began longer than `older` ago; then imports past their time,
/// then files that nobody has removed yet.
pub async fn tidy_once(app: &App, older: Duration) -> Result<(), StoreError> {
    for (org, id, blob) in app.store.stale_receiving(older, TIDY_PAGE).await? {
        if abandon::abandon(app, org, id, blob.as_deref()).await? {
            told(id, "sweep.dead_upload_removed");
        }
    }
    for (org, id) in app.store.expired(TIDY_PAGE).await? {
        delete::delete(app, org, id).await?;
        told(id, "sweep.expired_import_removed");
    }
    for blob in app.store.removed_blobs(TIDY_PAGE).await? {
        if let Err(error) = delete::blob_of(&app.store, &app.blobs, &blob).await {
            tracing::warn!(%error, "sweep.blob_left_behind");
        }
    }
    Ok(())
}

fn told(id: ImportId, what: &'static str) {
    tracing::info!(import_id = id.0, "{what}");
}

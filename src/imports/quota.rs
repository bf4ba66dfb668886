//! An import at once within an organization's quota of persons. How many persons a file adds is known only by judging every
//! row against the store, so the file is run twice where there is a quota: dry, then for good if the figure fits. Both runs
//! are bounded as any other.
//!
//! What is written between the two, and by files that run beside this one, is not seen: uploads that are judged at the same
//! moment can together pass the quota, by no more than they add; that is logged, and the next upload that would add a person
//! is refused.

use futures::StreamExt;
use tokio::sync::mpsc;
use worker::import::{ImportOptions, Status};

use super::delete;
use super::run_now::{run, run_now};
use super::submit::{BodyPart, SubmitError, Upload};
use crate::app::App;
use crate::store::model::Import;

/// Runs a file at once, unless it would bring the organization above its quota: then nothing is applied, and no trace is left.
/// To be spawned on the process's own runtime, as `run_now`.
pub async fn run_now_within_quota(
    app: App,
    upload: Upload,
    body: mpsc::Receiver<BodyPart>,
) -> Result<Import, SubmitError> {
    let organization = app.store.organization(upload.org).await?;
    let Some(quota) = organization.and_then(|organization| organization.person_quota) else {
        return run_now(app, upload, body).await;
    };
    let trial = run(&app, &dry(&upload), body).await?;
    let broke_off = trial.error.is_some() || trial.status == Status::Canceled;
    let judged = judge(&app, &trial, quota).await;
    if broke_off || judged.is_err() {
        forget(&app, &trial).await;
        return judged.map(|()| trial);
    }
    let (sink, again) = mpsc::channel(1);
    tokio::spawn(repeat(app.clone(), trial, sink));
    let import = run_now(app.clone(), plain(upload), again).await?;
    let users = app.store.count_users(import.org).await?;
    if import.counts.created > 0 && users > quota {
        tracing::warn!(import_id = import.id.0, users, quota, "quota.passed");
    }
    Ok(import)
}

async fn judge(app: &App, trial: &Import, quota: u64) -> Result<(), SubmitError> {
    let users = app.store.count_users(trial.org).await?;
    let then = users.saturating_add(trial.counts.created);
    if trial.counts.created > 0 && then > quota {
        return Err(SubmitError::QuotaPassed { quota, then });
    }
    Ok(())
}

fn dry(upload: &Upload) -> Upload {
    Upload {
        options: ImportOptions {
            dry_run: true,
            ..upload.options.clone()
        },
        ..upload.clone()
    }
}

/// What the door has made of the file needs no unpacking and no decoding any more.
fn plain(upload: Upload) -> Upload {
    Upload {
        inflate: None,
        options: ImportOptions {
            encoding: Some("utf-8".to_owned()),
            ..upload.options
        },
        ..upload
    }
}

/// Gives the trial's file once more, then removes the trial. A file that cannot be read to its end closes the channel
/// without one, and the second run undoes itself.
async fn repeat(app: App, trial: Import, sink: mpsc::Sender<BodyPart>) {
    if let Err(error) = send(&app, &trial, &sink).await {
        tracing::error!(import_id = trial.id.0, error, "quota.file_unreadable");
    }
    forget(&app, &trial).await;
}

async fn send(
    app: &App,
    trial: &Import,
    sink: &mpsc::Sender<BodyPart>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut bytes = app.blobs.read(trial.blob.as_deref().unwrap_or_default(), 0).await?;
    while let Some(chunk) = bytes.next().await {
        if sink.send(BodyPart::Chunk(chunk?)).await.is_err() {
            return Ok(());
        }
    }
    // A closed channel means an answer is there.
    sink.send(BodyPart::End).await.ok();
    Ok(())
}

async fn forget(app: &App, trial: &Import) {
    if let Err(error) = delete::delete(app, trial.org, trial.id).await {
        tracing::warn!(import_id = trial.id.0, %error, "quota.trial_left_behind");
    }
}

//! Uploads in flight: how many at once, and the meeting of a body with the use case that takes it in. The use case runs on the
//! process's own runtime, so that a client who goes away cannot drop it half-way: it sees the channel close and undoes itself.

use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinError;

use super::Doors;
use super::body::{CHUNKS_IN_FLIGHT, Upload as Body};
use super::problem::{Kind, Problem};
use crate::app::App;
use crate::imports::submit::{SubmitError, Submitted, Upload, submit};

/// How long uploads may go on once the process is asked to stop.
const STOP_GRACE: Duration = Duration::from_secs(1);
/// Seconds until a place may be free.
const BUSY_SECONDS: u32 = 2;

/// Gives a place to an upload, or says when to come again.
pub(super) fn admit(app: &App, doors: &Doors) -> Result<OwnedSemaphorePermit, Problem> {
    if app.stop.is_cancelled() {
        return Err(Problem::new(Kind::Draining).retry_after(BUSY_SECONDS));
    }
    doors
        .uploads
        .clone()
        .try_acquire_owned()
        .map_err(|_| Problem::new(Kind::UploadsBusy).retry_after(BUSY_SECONDS))
}

/// Carries a body to the use case and brings back what became of it.
pub(super) async fn take_in(app: &App, doors: &Doors, upload: Upload, body: Body) -> Result<Submitted, Problem> {
    let (sink, source) = mpsc::channel(CHUNKS_IN_FLIGHT);
    let mut work = doors.runtime.spawn(submit(app.clone(), upload, source));
    let pumped = tokio::select! {
        biased;
        // An answer before the end of the body: the rest of it is not wanted.
        done = &mut work => return flatten(done),
        pumped = body.pump(sink) => pumped.map(|_| ()),
        () = stopping(app) => Err(Problem::new(Kind::Draining).retry_after(BUSY_SECONDS)),
    };
    let done = flatten(work.await);
    match pumped {
        Ok(()) => done,
        // The channel closed without an end, and everything is undone by now.
        Err(problem) => Err(problem),
    }
}

async fn stopping(app: &App) {
    app.stop.cancelled().await;
    tokio::time::sleep(STOP_GRACE).await;
}

fn flatten(joined: Result<Result<Submitted, SubmitError>, JoinError>) -> Result<Submitted, Problem> {
    match joined {
        Ok(done) => Ok(done?),
        Err(error) => {
            tracing::error!(error = %error, "http.upload_crashed");
            Err(Problem::new(Kind::Internal))
        }
    }
}

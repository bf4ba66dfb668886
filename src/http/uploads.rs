//! Uploads in flight: how many at once, and the meeting of a body with the use case that takes it in. The use case runs on the
//! process's own runtime, so that a client who goes away cannot drop it half-way: it sees the channel close and undoes itself.

use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::{JoinError, JoinHandle};

use super::Doors;
use super::auth::{self, Caller};
use super::body::{CHUNKS_IN_FLIGHT, Upload as Body};
use super::problem::{Kind, Problem};
use crate::app::App;
use crate::imports::submit::{BodyPart, SubmitError, Submitted, Upload, submit};
use crate::imports::{quota, run_now};
use crate::store::model::Import;

/// How long uploads may go on once the process is asked to stop.
const STOP_GRACE: Duration = Duration::from_secs(1);
/// Places that a body takes which is held whole; a place stands for 1 MiB.
const WHOLE_PLACES: u32 = 16;
/// Seconds until a place may be free.
const BUSY_SECONDS: u32 = 2;

/// Gives a place to an upload, or says when to come again.
pub(super) fn admit(app: &App, doors: &Doors) -> Result<OwnedSemaphorePermit, Problem> {
    take_places(app, doors, 1)
}

/// The same for a body of several MiB that is held whole: it takes as many places as it has room for, so that the bound on
/// memory stays.
pub(super) fn admit_whole(app: &App, doors: &Doors) -> Result<OwnedSemaphorePermit, Problem> {
    let all = u32::try_from(app.config.limits.uploads_in_flight).unwrap_or(u32::MAX);
    take_places(app, doors, WHOLE_PLACES.min(all))
}

fn take_places(app: &App, doors: &Doors, places: u32) -> Result<OwnedSemaphorePermit, Problem> {
    if app.stop.is_cancelled() {
        return Err(Problem::new(Kind::Draining).retry_after(BUSY_SECONDS));
    }
    let taken = doors.uploads.clone().try_acquire_many_owned(places);
    taken.map_err(|_| Problem::new(Kind::UploadsBusy).retry_after(BUSY_SECONDS))
}

/// Carries a body to the use case and brings back what became of it.
pub(super) async fn take_in(
    app: &App,
    doors: &Doors,
    caller: &Caller,
    upload: Upload,
    body: Body,
) -> Result<Submitted, Problem> {
    let (sink, source) = mpsc::channel(CHUNKS_IN_FLIGHT);
    let work = doors.runtime.spawn(submit(app.clone(), upload, source));
    carry(app, caller, work, body, sink).await
}

/// An upload may take an hour: what its key may do is asked again at the end, before anything is promised.
async fn carry<T>(
    app: &App,
    caller: &Caller,
    mut work: JoinHandle<Result<T, SubmitError>>,
    body: Body,
    sink: mpsc::Sender<BodyPart>,
) -> Result<T, Problem> {
    let pumped = tokio::select! {
        biased;
        // An answer before the end of the body: the rest of it is not wanted.
        done = &mut work => return flatten(done),
        pumped = body.pump(sink, auth::still_welcome(app, caller)) => pumped.map(|_| ()),
        () = stopping(app) => Err(Problem::new(Kind::Draining).retry_after(BUSY_SECONDS)),
    };
    let done = flatten(work.await);
    match pumped {
        Ok(()) => done,
        // The channel closed without an end, and everything is undone by now.
        Err(problem) => Err(problem),
    }
}

/// Carries a body to the use case that runs it at once; the import is final then. The work is this process's, not the
/// request's: a caller who goes away stops nothing.
pub(super) async fn run_now(
    app: &App,
    doors: &Doors,
    upload: Upload,
    body: mpsc::Receiver<BodyPart>,
) -> Result<Import, Problem> {
    flatten(doors.runtime.spawn(run_now::run_now(app.clone(), upload, body)).await)
}

/// The same for a body of persons that is still coming in; the organization may have so many of them and no more.
pub(super) async fn take_in_persons(
    app: &App,
    doors: &Doors,
    caller: &Caller,
    upload: Upload,
    body: Body,
) -> Result<Import, Problem> {
    let (sink, source) = mpsc::channel(CHUNKS_IN_FLIGHT);
    let work = quota::run_now_within_quota(app.clone(), upload, source);
    carry(app, caller, doors.runtime.spawn(work), body, sink).await
}

async fn stopping(app: &App) {
    app.stop.cancelled().await;
    tokio::time::sleep(STOP_GRACE).await;
}

fn flatten<T>(joined: Result<Result<T, SubmitError>, JoinError>) -> Result<T, Problem> {
    match joined {
        Ok(done) => Ok(done?),
        Err(error) => {
            tracing::error!(error = %error, "http.upload_crashed");
            Err(Problem::new(Kind::Internal))
        }
    }
}

//! Who uses the house: uploads, of which some wait for their rows; cancel and delete at any moment; the sweep.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use worker::import::{ImportId, OrgId, Status};
use worker::resource::Resource;
use worker::run::run_import;

use crate::audit::Blob;
use crate::crew::Crew;
use crate::files::{File, count};
use crate::process::{Answer, Process};
use crate::stage::{Deadly, Inner};
use crate::world::{Deleted, Upload};

/// An upload that began so long ago cannot be going on, in milliseconds.
const STALE: i64 = 60_000;
/// Between two looks for dead uploads and expired imports.
const TIDY: Duration = Duration::from_secs(20);
/// How long a caller waits for its rows.
const PATIENCE: Duration = Duration::from_secs(600);

/// One upload from its first byte to its place in line, or to its rows.
pub(crate) async fn upload(crew: Arc<Crew>) {
    let process = crew.any();
    let begin = |inner: &mut Inner, now| begin(inner, now);
    let (Answer::Done((id, synchronous)) | Answer::Lost((id, synchronous))) =
        process.call("begin", None, false, begin).await
    else {
        return;
    };
    let streaming = process.stage.lock().dice.moment(0, 500);
    process.wait(streaming).await;
    let queue = |inner: &mut Inner, _| {
        let queued = inner.world.queue(id);
        inner.note(|| format!("  import {id}: accepted {queued}"));
        if queued {
            inner.audit.queued(id);
        }
        queued
    };
    let Answer::Done(true) = process.call("queue", Some(ImportId(id)), true, queue).await else {
        return;
    };
    if synchronous {
        let _request = process.requests.token();
        wait_for_rows(&process, id).await;
    } else {
        crew.announce(id).await;
    }
}

fn begin(inner: &mut Inner, now: i64) -> (i64, bool) {
    let org = OrgId(*inner.dice.pick(&[1, 1, 1, 2]));
    let resource = *inner.dice.pick(&[Resource::Users, Resource::Users, Resource::Clients]);
    let synchronous = inner.dice.chance(200);
    let file = Arc::new(File::random(&mut inner.dice, resource));
    let retention = *inner.dice.pick(&[20_000, 600_000, 6_000_000]);
    let upload = Upload {
        org,
        file: Arc::clone(&file),
        synchronous,
        retention,
    };
    let id = inner.world.begin(upload, now);
    inner.world.blobs.insert(id.to_string(), file.plain.clone());
    if inner.dice.chance(60) {
        let record = inner.dice.between(1, 10);
        let byte = inner.dice.below(count(file.plain.len()));
        let deadly = *inner.dice.pick(&[Deadly::AtRecord(record), Deadly::AtByte(byte)]);
        inner.deadly.insert(id, deadly);
    }
    inner.note(|| {
        let rows = file.lines.len();
        format!(
            "  import {id} begins: {org:?}, {resource:?}, {rows} rows, waits {synchronous}, {:?}",
            file.rules
        )
    });
    inner.audit.begun(id, &inner.world.imports[&id]);
    (id, synchronous)
}

/// As `imports::run_now` does: again and again, until it is final or the caller's patience ends.
async fn wait_for_rows(process: &Arc<Process>, id: i64) {
    let give_up = Instant::now() + PATIENCE;
    while Instant::now() < give_up && !process.stop.is_cancelled() {
        let _retried = run_import(&process.ports(), process.settings, ImportId(id), &process.stop).await;
        let show = |inner: &mut Inner, _| inner.world.imports.get(&id).map(|row| row.status);
        match process.call("show", None, false, show).await {
            Answer::Done(Some(status)) if !status.is_final() => {}
            _ => return,
        }
        process.wait(Duration::from_millis(250)).await;
    }
}

pub(crate) async fn cancel(process: Arc<Process>, id: i64) {
    let cancel = |inner: &mut Inner, now| {
        let done = inner.world.cancel(id, now);
        inner.note(|| format!("  import {id}: canceled {done}"));
        if done {
            inner.saw("cancel");
            inner.audit.end(id, Status::Canceled);
        }
    };
    process.call("cancel", None, false, cancel).await;
}

pub(crate) async fn delete(process: Arc<Process>, id: i64) {
    let delete = |inner: &mut Inner, _| {
        let deleted = inner.world.delete(id);
        inner.note(|| format!("  import {id}: delete is {deleted:?}"));
        if deleted != Deleted::Absent {
            inner.saw(if deleted == Deleted::Gone {
                "delete"
            } else {
                "delete of a running one"
            });
            inner.audit.deleted(id, deleted);
        }
        deleted == Deleted::Gone
    };
    if let Answer::Done(true) = process.call("delete", None, true, delete).await {
        remove_blob(&process, id).await;
    }
}

/// The row first, the bytes after.
async fn remove_blob(process: &Process, id: i64) {
    let remove = |inner: &mut Inner, _| {
        inner.world.blobs.remove(&id.to_string());
        inner.audit.blob(id, Blob::Gone);
    };
    process.call("remove", None, true, remove).await;
}

/// Dead uploads and imports past their time, as long as the schedule lasts.
pub(crate) async fn sweep(crew: Arc<Crew>) {
    loop {
        sleep(TIDY).await;
        tokio::spawn(tidy(crew.any()));
    }
}

async fn tidy(process: Arc<Process>) {
    let look = |inner: &mut Inner, now| (inner.world.stale_receiving(STALE, now), inner.world.expired(now));
    let Answer::Done((stale, expired)) = process.call("look around", None, false, look).await else {
        return;
    };
    for id in stale {
        remove_blob(&process, id).await;
        let abandon = |inner: &mut Inner, _| {
            let before = inner.world.imports.len();
            inner.world.abandon(id);
            if inner.world.imports.len() < before {
                inner.saw("dead upload removed");
                inner.audit.abandoned(id);
            }
        };
        process.call("abandon", None, true, abandon).await;
    }
    for id in expired {
        let sweep = |inner: &mut Inner, _| {
            if inner.world.delete(id) == Deleted::Gone {
                inner.saw("expired import removed");
                inner.audit.swept(id);
            }
        };
        process.call("sweep", None, true, sweep).await;
    }
}

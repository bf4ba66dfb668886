//! The ports of a process: each method is a step of `Process::call` around one transaction of the world, and the watcher is
//! told what it did. A batch goes the way of `src/store/bulk/postgres`: tried again after trouble, looked up after a COMMIT
//! without an answer; in the embedded stack once, with an answer.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use worker::batch::Batch;
use worker::import::ImportId;
use worker::ports::{Ahead, Claimed, Commit, Ending, Lease, Ledger, LedgerError, Source, SourceError};

use crate::ahead::Seen;
use crate::audit::Blob;
use crate::files::count;
use crate::flaw::Flaw;
use crate::process::{Answer, Process};
use crate::stage::{Deadly, Inner};

/// Attempts at a batch's transaction.
const ATTEMPTS: u32 = 5;
/// Pause before the second one; each further one is four times as long.
const PAUSE: Duration = Duration::from_millis(25);

pub(crate) struct Desk(pub(crate) Arc<Process>);

/// A batch that is not in the ledger: try again.
struct Again;

fn silent() -> LedgerError {
    LedgerError("the schedule lets it not answer".into())
}

fn answered<T>(answer: Answer<T>) -> Result<T, LedgerError> {
    match answer {
        Answer::Done(done) => Ok(done),
        Answer::Lost(_) | Answer::Failed => Err(silent()),
    }
}

impl Desk {
    async fn attempt(&self, run: &Claimed, batch: &Batch, ahead: Option<Seen>) -> Result<Commit, Again> {
        self.die_of(run, batch).await;
        let (id, lossy) = (run.lease.import, !self.0.stage.lock().embedded);
        let commit = |inner: &mut Inner, now| commit(inner, run, batch, ahead, now);
        match self.0.call("commit", Some(id), lossy, commit).await {
            Answer::Done(commit) | Answer::Lost(commit @ Commit::Fenced) => {
                if self.0.stage.lock().dies_of_batches {
                    self.0.kill();
                    self.0.live().await;
                }
                Ok(commit)
            }
            Answer::Failed if lossy && self.flips() => self.look_up(run, batch, false).await,
            Answer::Failed => Err(Again),
            Answer::Lost(Commit::Done { stop, .. }) => self.look_up(run, batch, stop).await,
        }
    }

    fn flips(&self) -> bool {
        self.0.stage.lock().dice.chance(300)
    }

    /// After a COMMIT without an answer, whether or not it happened.
    async fn look_up(&self, run: &Claimed, batch: &Batch, stop: bool) -> Result<Commit, Again> {
        let id = run.lease.import;
        let look = |inner: &mut Inner, now: i64| {
            inner.saw("look up");
            match inner.world.flaw {
                Some(Flaw::BlindRetry) => {
                    let done = inner.world.write(run, batch, None, now);
                    tell(inner, run, batch, done);
                    Some(done)
                }
                Some(Flaw::BlindFaith) => Some(Commit::Done {
                    counts: run.counts,
                    stop,
                }),
                _ => inner.world.look_up(run, batch, stop),
            }
        };
        match self.0.call("look up", Some(id), false, look).await {
            Answer::Done(Some(commit)) => Ok(commit),
            _ => Err(Again),
        }
    }

    /// A row that kills whoever writes it.
    async fn die_of(&self, run: &Claimed, batch: &Batch) {
        let deadly = self.0.stage.lock().deadly.get(&run.lease.import.0).copied();
        let last = batch.entries.last().map_or(0, |entry| entry.record);
        if let Some(Deadly::AtRecord(record)) = deadly
            && batch.from.record < record
            && record <= last
        {
            self.0.kill();
        }
        self.0.live().await;
    }
}

fn commit(inner: &mut Inner, run: &Claimed, batch: &Batch, ahead: Option<Seen>, now: i64) -> Commit {
    let done = inner.world.commit(run, batch, ahead, now);
    tell(inner, run, batch, done);
    done
}

fn tell(inner: &mut Inner, run: &Claimed, batch: &Batch, done: Commit) {
    let id = run.lease.import.0;
    if done == Commit::Fenced {
        inner.saw("fenced commit");
    } else {
        inner.saw("commit");
        inner
            .audit
            .committed(id, run.lease.token, batch.from.record, &inner.world);
    }
    inner.note(|| format!("  import {id}: batch from {} is {done:?}", batch.from.record));
}

#[async_trait]
impl Ledger for Desk {
    async fn claim(&self, import: ImportId) -> Result<Option<Claimed>, LedgerError> {
        let process = self.0.number;
        let claim = |inner: &mut Inner, now| {
            let token = inner.dice.token();
            let claimed = inner.world.claim(import, token, now);
            match &claimed {
                Some(claimed) => inner.audit.claimed(import.0, process, claimed),
                None => inner.audit.refused(import.0, &inner.world, now),
            }
            let from = claimed.as_ref().map(|claimed| claimed.checkpoint.record);
            inner.saw(if from.is_some() { "claim" } else { "no claim" });
            inner.note(|| format!("  import {import}: claimed by {process} from {from:?}"));
            claimed
        };
        let answer = self.0.call("claim", Some(import), true, claim).await;
        if matches!(answer, Answer::Lost(_)) {
            self.0.stage.lock().audit.excuse(import.0);
        }
        answered(answer)
    }

    async fn look_ahead(&self, run: &Arc<Claimed>, next: &Arc<Batch>) -> Option<Ahead> {
        let look = |inner: &mut Inner, _| {
            inner.saw("look ahead");
            inner.world.look_ahead(run, next)
        };
        let answer = self.0.call("look ahead", Some(run.lease.import), false, look).await;
        answered(answer).ok().flatten().map(Ahead::new)
    }

    async fn commit_batch(
        &self,
        run: &Arc<Claimed>,
        batch: Arc<Batch>,
        ahead: Option<Ahead>,
    ) -> Result<Commit, LedgerError> {
        let mut ahead = ahead.and_then(Ahead::into_inner::<Seen>);
        let attempts = if self.0.stage.lock().embedded { 1 } else { ATTEMPTS };
        let mut pause = PAUSE;
        for _ in 1..attempts {
            if let Ok(commit) = self.attempt(run, &batch, ahead.take()).await {
                return Ok(commit);
            }
            self.0.wait(pause).await;
            pause *= 4;
        }
        self.attempt(run, &batch, ahead.take()).await.map_err(|Again| silent())
    }

    async fn renew(&self, lease: Lease) -> Result<bool, LedgerError> {
        let renew = |inner: &mut Inner, now| {
            let held = inner.world.renew(lease, now);
            if held {
                inner.audit.renewed(lease.import.0, lease.token);
            }
            held
        };
        answered(self.0.call("renew", Some(lease.import), true, renew).await)
    }

    async fn finish(&self, lease: Lease, ending: Ending) -> Result<bool, LedgerError> {
        let id = lease.import.0;
        let finish = |inner: &mut Inner, now| {
            let held = inner.world.finish(lease, &ending, now);
            inner.note(|| format!("  import {id}: {ending:?} is {held}"));
            if held {
                inner.saw("finish");
                inner.audit.finished(id, lease.token, &ending, &inner.world);
                if inner.world.imports[&id].synchronous {
                    inner.world.blobs.remove(&id.to_string());
                    inner.audit.blob(id, Blob::Gone);
                }
            }
            held
        };
        answered(self.0.call("finish", Some(lease.import), true, finish).await)
    }

    async fn release(&self, lease: Lease, pause: Duration, crashed: bool) -> Result<bool, LedgerError> {
        let id = lease.import.0;
        let release = |inner: &mut Inner, now| {
            let held = inner.world.release(lease, pause, crashed, now);
            inner.note(|| format!("  import {id}: handed back, crashed {crashed}, is {held}"));
            if held {
                inner.saw("hand-back");
                inner.audit.released(id, lease.token, crashed);
            }
            held
        };
        answered(self.0.call("release", Some(lease.import), true, release).await)
    }
}

#[async_trait]
impl Source for Desk {
    async fn open(&self, blob: &str, from: u64) -> Result<BoxStream<'static, Result<Bytes, SourceError>>, SourceError> {
        let find = |inner: &mut Inner, _| {
            let chunk = *inner.dice.pick(&[1, 7, 40, 200, 200, 4_096, 4_096]);
            (inner.world.blobs.get(blob).cloned(), chunk)
        };
        let Ok((found, chunk)) = answered(self.0.call("open", None, false, find).await) else {
            return Err(SourceError::Unavailable("the schedule lets it not answer".into()));
        };
        let bytes = found.ok_or(SourceError::Missing)?;
        if count(bytes.len()) < from {
            return Err(SourceError::Damaged(format!("it ends before byte {from}").into()));
        }
        let id: i64 = blob.parse().unwrap();
        let reading = Reading {
            process: Arc::clone(&self.0),
            id,
            at: usize::try_from(from).unwrap(),
            bytes,
            chunk,
        };
        Ok(stream::unfold(Some(reading), |reading| async { reading?.next().await }).boxed())
    }
}

/// A file on its way to the parser.
struct Reading {
    process: Arc<Process>,
    id: i64,
    bytes: Bytes,
    at: usize,
    chunk: usize,
}

impl Reading {
    async fn next(mut self) -> Option<(Result<Bytes, SourceError>, Option<Self>)> {
        let (fails, panics, delay) = {
            let mut inner = self.process.stage.lock();
            let rate = if inner.calm { 0 } else { inner.faults.source };
            let fails = rate > 0 && inner.dice.chance(rate);
            let panics = rate > 0 && inner.dice.chance(rate / 10);
            let slow = inner.dice.chance(20);
            let delay = if slow {
                inner.dice.moment(1, 3_000)
            } else {
                Duration::ZERO
            };
            (fails, panics, delay)
        };
        self.process.wait(delay).await;
        if panics || self.is_deadly() {
            let mut inner = self.process.stage.lock();
            inner.saw("panic while reading");
            inner.audit.excuse(self.id);
            inner.note(|| format!("  import {}: reading panics at byte {}", self.id, self.at));
            drop(inner);
            resume_unwind(Box::new("a panic of the schedule"));
        }
        if fails {
            self.process.stage.lock().saw("trouble of the store");
            return Some((Err(SourceError::Unavailable("cut off".into())), None));
        }
        let end = self.bytes.len().min(self.at + self.chunk);
        let piece = self.bytes.slice(self.at..end);
        self.at = end;
        (!piece.is_empty()).then_some((Ok(piece), Some(self)))
    }

    fn is_deadly(&self) -> bool {
        let deadly = self.process.stage.lock().deadly.get(&self.id).copied();
        matches!(deadly, Some(Deadly::AtByte(byte)) if count(self.at) >= byte)
    }
}

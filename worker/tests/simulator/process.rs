//! One process of ours: the real engine over ports that go through `call`, where chance decides at each step whether it goes
//! on, waits, fails, is cut off from the answer, dies, freezes or panics. A dead process is one whose steps never return.

use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use worker::batch::BatchLimits;
use worker::engine::Engine;
use worker::import::ImportId;
use worker::job::RunImport;
use worker::run::{Parsing, Ports, RunSettings};

use crate::desk::Desk;
use crate::stage::{Inner, Stage};
use crate::world::LEASE;

/// From this long a wait on, in milliseconds, a holder may find its lease lost.
const LONG: u64 = 1_000;

/// How a step went.
pub(crate) enum Answer<T> {
    Done(T),
    /// It was done; the answer did not arrive.
    Lost(T),
    /// It was not done.
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Error,
    Lost,
    CrashBefore,
    CrashAfter,
    FreezeBefore,
    FreezeAfter,
    Panic,
}

pub(crate) struct Process {
    pub(crate) number: usize,
    pub(crate) stage: Arc<Stage>,
    pub(crate) stop: CancellationToken,
    pub(crate) settings: RunSettings,
    /// Requests in hand: a stop waits for their answers.
    pub(crate) requests: TaskTracker,
    poll: Duration,
    dead: AtomicBool,
    frozen_until: Mutex<Option<Instant>>,
    engine: OnceLock<Engine>,
}

impl Process {
    /// Starts one; its clock and its batches are its own.
    pub(crate) fn start(stage: &Arc<Stage>, number: usize) -> Arc<Self> {
        let mut inner = stage.lock();
        let lease = Duration::from_millis(LEASE.unsigned_abs());
        let mut batch = BatchLimits {
            rows: *inner.dice.pick(&[1, 2, 3, 5, 8, 1_000]),
            bytes: *inner.dice.pick(&[40, 1 << 20]),
        };
        if let Some(rows) = inner.batch_rows {
            batch = BatchLimits { rows, bytes: u64::MAX };
        }
        let settings = RunSettings {
            batch,
            // A clock that runs fast or slow: it decides only how often the lease is renewed.
            lease: *inner.dice.pick(&[lease, lease / 3, lease * 2]),
            parsing: Parsing::Task,
        };
        let (poll, concurrency) = (inner.dice.moment(4_000, 6_000), inner.dice.index(3) + 1);
        if inner.embedded {
            let now = inner.now();
            inner.world.free_all_leases(now);
            inner.audit.excuse_all();
        }
        inner.note(|| format!("process {number} starts with {settings:?}"));
        drop(inner);
        let process = Arc::new(Self {
            number,
            stage: Arc::clone(stage),
            stop: CancellationToken::new(),
            settings,
            requests: TaskTracker::new(),
            poll,
            dead: AtomicBool::new(false),
            frozen_until: Mutex::new(None),
            engine: OnceLock::new(),
        });
        let engine = Engine::new(process.ports(), settings, concurrency, process.stop.clone());
        assert!(process.engine.set(engine).is_ok());
        tokio::spawn(Arc::clone(&process).serve());
        process
    }

    pub(crate) fn ports(self: &Arc<Self>) -> Ports {
        let desk = Arc::new(Desk(Arc::clone(self)));
        Ports {
            ledger: desk.clone(),
            source: desk,
        }
    }

    fn engine(&self) -> &Engine {
        self.engine.get().unwrap()
    }

    /// Looks for work at every poll and whenever a run ends, until it is stopped and every run has handed its import back.
    async fn serve(self: Arc<Self>) {
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                () = self.engine().freed() => {}
                () = sleep(self.poll) => {}
            }
            let free = self.engine().free();
            let look = |inner: &mut Inner, now| inner.world.runnable(free, now);
            if free > 0
                && let Answer::Done(ids) = self.call("runnable", None, false, look).await
            {
                ids.into_iter().for_each(|id| self.ring(id));
            }
        }
        self.requests.close();
        self.requests.wait().await;
        self.engine().drained().await;
        self.live().await;
        self.stage
            .lock()
            .note(|| format!("process {} has stopped", self.number));
        self.dead.store(true, Ordering::Relaxed);
    }

    /// A doorbell: it may ring twice, late or for nothing.
    pub(crate) fn ring(self: &Arc<Self>, id: ImportId) {
        let process = Arc::clone(self);
        tokio::spawn(async move { process.engine().run(id).await });
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    pub(crate) fn kill(&self) {
        let mut inner = self.stage.lock();
        inner.saw("crash");
        inner.audit.excuse_process(self.number);
        inner.note(|| format!("process {} dies", self.number));
        self.dead.store(true, Ordering::Relaxed);
    }

    pub(crate) fn freeze(&self, time: Duration) {
        let mut inner = self.stage.lock();
        inner.saw("freeze");
        inner.audit.excuse_process(self.number);
        inner.note(|| format!("process {} freezes for {time:?}", self.number));
        *self.frozen_until.lock().unwrap() = Some(Instant::now() + time);
    }

    pub(crate) fn thaw(&self) {
        if let Some(until) = self.frozen_until.lock().unwrap().as_mut() {
            *until = (*until).min(Instant::now() + Duration::from_secs(1));
        }
    }

    /// Returns once the process is neither frozen nor dead, hence perhaps never.
    pub(crate) async fn live(&self) {
        loop {
            if self.is_dead() {
                return pending().await;
            }
            let until = *self.frozen_until.lock().unwrap();
            match until {
                Some(until) if until > Instant::now() => sleep_until(until).await,
                _ => return,
            }
        }
    }

    pub(crate) async fn wait(&self, time: Duration) {
        if !time.is_zero() {
            sleep(time).await;
        }
        self.live().await;
    }

    /// One step: a transaction of the ledger, or a word with the store. `about` an import, or about none.
    pub(crate) async fn call<T>(
        &self,
        what: &'static str,
        about: Option<ImportId>,
        may_be_lost: bool,
        act: impl FnOnce(&mut Inner, i64) -> T + Send,
    ) -> Answer<T> {
        let (trouble, before, after) = self.draw(what, about, may_be_lost);
        self.wait(before).await;
        match trouble {
            Some(Trouble::CrashBefore) => self.kill(),
            Some(Trouble::FreezeBefore) => self.freeze(self.long_time()),
            Some(Trouble::Panic) => resume_unwind(Box::new("a panic of the schedule")),
            _ => {}
        }
        self.live().await;
        if trouble == Some(Trouble::Error) || self.is_unanswered() {
            return Answer::Failed;
        }
        let done = {
            let mut inner = self.stage.lock();
            let now = inner.now();
            act(&mut inner, now)
        };
        match trouble {
            Some(Trouble::CrashAfter) => self.kill(),
            Some(Trouble::FreezeAfter) => self.freeze(self.long_time()),
            _ => {}
        }
        self.wait(after).await;
        if trouble == Some(Trouble::Lost) {
            return Answer::Lost(done);
        }
        Answer::Done(done)
    }

    fn is_unanswered(&self) -> bool {
        let mut inner = self.stage.lock();
        let silent = inner.elapsed() < inner.silent_until;
        if silent {
            inner.audit.excuse_process(self.number);
        }
        silent
    }

    fn long_time(&self) -> Duration {
        let dice = &mut self.stage.lock().dice;
        let longest = *dice.pick(&[14_000, 30_000, 60_000]);
        dice.moment(4_000, longest)
    }

    fn draw(&self, what: &str, about: Option<ImportId>, may_be_lost: bool) -> (Option<Trouble>, Duration, Duration) {
        let mut inner = self.stage.lock();
        let trouble = if inner.calm {
            None
        } else {
            trouble(&mut inner, about.is_some(), may_be_lost)
        };
        let (before, after) = (delay(&mut inner), delay(&mut inner));
        if let Some(trouble) = trouble {
            inner.saw(match trouble {
                Trouble::Error => "error",
                Trouble::Lost => "lost answer",
                Trouble::Panic => "panic",
                _ => "trouble of a process",
            });
        }
        let long = before + after >= Duration::from_millis(LONG);
        if long || trouble.is_some() {
            inner.audit.excuse_process(self.number);
            if let Some(id) = about {
                inner.audit.excuse(id.0);
            }
        }
        inner.note(|| {
            let about = about.map(|id| id.0).unwrap_or_default();
            format!(
                "process {}: {what} {about}, {trouble:?}, after {before:?}, then {after:?}",
                self.number
            )
        });
        (trouble, before, after)
    }
}

fn trouble(inner: &mut Inner, may_panic: bool, may_be_lost: bool) -> Option<Trouble> {
    let faults = inner.faults;
    let dice = &mut inner.dice;
    let mut drawn = None;
    let mut draw = |rate: u64, one: Trouble, other: Trouble| {
        if rate > 0 && dice.chance(rate) {
            drawn = Some(if dice.chance(500) { one } else { other });
        }
    };
    draw(faults.error, Trouble::Error, Trouble::Error);
    if may_be_lost {
        draw(faults.lost, Trouble::Lost, Trouble::Lost);
    }
    if may_panic {
        draw(faults.panic, Trouble::Panic, Trouble::Panic);
    }
    draw(faults.freeze, Trouble::FreezeBefore, Trouble::FreezeAfter);
    draw(faults.crash, Trouble::CrashBefore, Trouble::CrashAfter);
    drawn
}

/// Mostly none, at times some, seldom long enough to be overtaken.
fn delay(inner: &mut Inner) -> Duration {
    let (slow, pace) = if inner.calm {
        (0, 1)
    } else {
        (inner.faults.slow, inner.faults.pace)
    };
    let dice = &mut inner.dice;
    match dice.below(1_000) {
        n if n < slow / 4 => dice.moment(LONG, 9_000),
        n if n < slow => dice.moment(20, LONG / 4),
        n if n < 600 => Duration::ZERO,
        _ => dice.moment(1, 20 * pace),
    }
}

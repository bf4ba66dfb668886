//! One schedule: a seed's worth of uploads and troubles, then calm, in which every accepted import must come to its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use worker::import::ImportId;

use crate::audit::Blob;
use crate::callers;
use crate::crew::Crew;
use crate::flaw::Flaw;
use crate::stage::{Inner, Stage};
use crate::world::World;

/// In calm every import is final after so long, by the true clock: a line of several poisonous files, each of whose workers dies
/// three times with a lease in hand.
const CALM: Duration = Duration::from_secs(900);

/// What became of a schedule.
pub(crate) struct Played {
    /// The promise that was broken, if one was.
    pub(crate) violation: Option<String>,
    pub(crate) seen: BTreeMap<&'static str, u64>,
    /// Every step, where it was asked for.
    pub(crate) log: Vec<String>,
}

/// The same seed goes the same way every time.
pub(crate) fn play(seed: u64, flaw: Option<Flaw>, keeps_log: bool) -> Played {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let stage = Arc::new(Stage::new(seed, World::with(flaw), keeps_log));
        let crew = Crew::start(&stage);
        tokio::spawn(callers::sweep(Arc::clone(&crew)));
        let open = Box::pin(through_trouble(&crew)).await;
        let mut inner = stage.lock();
        let late = (!open.is_empty()).then(|| format!("not at their end after {CALM:?} of calm: imports {open:?}"));
        let violation = inner.audit.violation.take().or(late);
        let seen = std::mem::take(&mut inner.seen);
        drop(inner);
        Played {
            violation,
            seen,
            log: stage.take_log(),
        }
    })
}

/// Says which accepted imports are not at their end.
async fn through_trouble(crew: &Arc<Crew>) -> Vec<i64> {
    let (uploads, events) = {
        let dice = &mut crew.stage.lock().dice;
        (dice.between(1, 8), dice.between(0, 40))
    };
    for _ in 0..uploads {
        let (crew, pause) = (Arc::clone(crew), crew.stage.lock().dice.moment(0, 20_000));
        tokio::spawn(async move {
            sleep(pause).await;
            callers::upload(crew).await;
        });
    }
    let kinds: Vec<Event> = {
        let dice = &mut crew.stage.lock().dice;
        Event::ALL.into_iter().filter(|_| dice.chance(500)).collect()
    };
    for _ in 0..events {
        let pause = crew.stage.lock().dice.moment(1, 4_000);
        sleep(pause).await;
        if !kinds.is_empty() {
            let kind = *crew.stage.lock().dice.pick(&kinds);
            kind.happen(crew);
        }
        if crew.stage.lock().audit.violation.is_some() {
            return Vec::new();
        }
    }
    // The last upload has begun by then.
    sleep(Duration::from_secs(20)).await;
    crew.calm();
    let give_up = Instant::now() + CALM;
    loop {
        sleep(Duration::from_secs(2)).await;
        let open = {
            let audit = &crew.stage.lock().audit;
            if audit.violation.is_some() {
                Vec::new()
            } else {
                audit.open()
            }
        };
        if open.is_empty() || Instant::now() >= give_up {
            return open;
        }
    }
}

/// What befalls a schedule from outside.
#[derive(Clone, Copy, Debug)]
enum Event {
    Cancel,
    Delete,
    Crash,
    Freeze,
    Stop,
    Silence,
    ClockForth,
    ClockBack,
    BlobGone,
    BlobCut,
    StrayRing,
}

impl Event {
    const ALL: [Self; 11] = [
        Self::Cancel,
        Self::Delete,
        Self::Crash,
        Self::Freeze,
        Self::Stop,
        Self::Silence,
        Self::ClockForth,
        Self::ClockBack,
        Self::BlobGone,
        Self::BlobCut,
        Self::StrayRing,
    ];

    fn happen(self, crew: &Arc<Crew>) {
        let process = crew.any();
        let stage = Arc::clone(&crew.stage);
        stage.lock().note(|| format!("{self:?}, process {}", process.number));
        let id = some_import(&mut stage.lock());
        match (self, id) {
            (Self::Cancel, Some(id)) => drop(tokio::spawn(callers::cancel(process, id))),
            (Self::Delete, Some(id)) => drop(tokio::spawn(callers::delete(process, id))),
            (Self::StrayRing, Some(id)) => process.ring(ImportId(id)),
            (Self::Crash, _) => process.kill(),
            (Self::Freeze, _) => {
                let time = stage.lock().dice.moment(1_000, 60_000);
                process.freeze(time);
            }
            (Self::Stop, _) => process.stop.cancel(),
            (Self::BlobGone, Some(id)) => lose_blob(&mut stage.lock(), id),
            (Self::BlobCut, Some(id)) => cut_blob(&mut stage.lock(), id),
            (Self::Silence | Self::ClockForth | Self::ClockBack, _) => self.befall_the_ledger(&mut stage.lock()),
            (_, None) => {}
        }
    }

    fn befall_the_ledger(self, inner: &mut Inner) {
        inner.audit.excuse_all();
        match self {
            Self::Silence => {
                let time = inner.dice.between(100, 40_000);
                inner.silent_until = inner.elapsed() + i64::try_from(time).unwrap();
            }
            Self::ClockForth => inner.skew += i64::try_from(inner.dice.between(1_000, 3_600_000)).unwrap(),
            _ => inner.skew -= i64::try_from(inner.dice.between(100, 10_000)).unwrap(),
        }
    }
}

/// Also one that was deleted meanwhile, or that never was.
fn some_import(inner: &mut Inner) -> Option<i64> {
    let last = *inner.world.imports.keys().next_back()?;
    let last = u64::try_from(last).unwrap();
    Some(i64::try_from(inner.dice.between(1, last + 1)).unwrap())
}

/// Seldom enough that most imports come to their own end.
fn lose_blob(inner: &mut Inner, id: i64) {
    if inner.dice.chance(250) && inner.world.blobs.remove(&id.to_string()).is_some() {
        inner.saw("file lost");
        inner.audit.blob(id, Blob::Gone);
    }
}

/// Cuts off the last record at least: that of a file that is cut within it would be read as it stands.
fn cut_blob(inner: &mut Inner, id: i64) {
    let Some(row) = inner.world.imports.get(&id) else {
        return;
    };
    let last = row.file.last;
    if last > 0 && inner.dice.chance(250) {
        let keep = inner.dice.index(last + 1);
        if let Some(blob) = inner.world.blobs.get_mut(&id.to_string()) {
            blob.truncate(keep);
            inner.saw("file cut");
            inner.audit.blob(id, Blob::Cut);
        }
    }
}

//! One schedule's world and everything that decides about it: the ledger's clock, chance, what troubles there are, the log.
//! One lock; whoever holds it does one transaction.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use tokio::time::Instant;

use crate::audit::Audit;
use crate::dice::Dice;
use crate::world::World;

/// How often what happens at a step, in a thousand. Each schedule has troubles of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    pub(crate) error: u64,
    pub(crate) lost: u64,
    pub(crate) crash: u64,
    pub(crate) freeze: u64,
    pub(crate) panic: u64,
    pub(crate) slow: u64,
    pub(crate) source: u64,
    /// How much longer a step takes than the shortest ones do.
    pub(crate) pace: u64,
}

impl Faults {
    /// No trouble at all.
    pub(crate) const NONE: Self = Self {
        error: 0,
        lost: 0,
        crash: 0,
        freeze: 0,
        panic: 0,
        slow: 0,
        source: 0,
        pace: 1,
    };

    pub(crate) fn random(dice: &mut Dice) -> Self {
        let mut rate = |rates: &[u64]| *dice.pick(rates);
        Self {
            error: rate(&[0, 0, 20, 100]),
            lost: rate(&[0, 0, 30, 150]),
            crash: rate(&[0, 0, 10, 40]),
            freeze: rate(&[0, 0, 10, 40]),
            panic: rate(&[0, 0, 10, 30]),
            slow: rate(&[0, 50, 200]),
            source: rate(&[0, 0, 10, 50]),
            pace: rate(&[1, 10, 50, 100]),
        }
    }
}

/// A file that kills who reads it, or who writes a certain row of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deadly {
    AtByte(u64),
    AtRecord(u64),
}

pub(crate) struct Inner {
    pub(crate) world: World,
    pub(crate) audit: Audit,
    pub(crate) dice: Dice,
    pub(crate) faults: Faults,
    pub(crate) deadly: BTreeMap<i64, Deadly>,
    /// How far the ledger's clock is from the true one, in milliseconds.
    pub(crate) skew: i64,
    /// Until when the ledger answers nobody.
    pub(crate) silent_until: i64,
    /// The size of every process's batches, where it is not left to chance.
    pub(crate) batch_rows: Option<usize>,
    /// Whoever has written a batch dies.
    pub(crate) dies_of_batches: bool,
    /// No new trouble comes.
    pub(crate) calm: bool,
    /// One process, whose ledger lies in it.
    pub(crate) embedded: bool,
    /// How often what happened.
    pub(crate) seen: BTreeMap<&'static str, u64>,
    log: Option<Vec<String>>,
    start: Instant,
}

impl Inner {
    /// The true time since the schedule's start, in milliseconds.
    pub(crate) fn elapsed(&self) -> i64 {
        i64::try_from(self.start.elapsed().as_millis()).unwrap()
    }

    /// By the ledger's clock.
    pub(crate) fn now(&self) -> i64 {
        self.elapsed() + self.skew
    }

    /// A line of the log, where one is kept.
    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        let at = self.elapsed();
        if let Some(log) = &mut self.log {
            log.push(format!("{:>7}.{:03} {}", at / 1_000, at % 1_000, what()));
        }
    }

    pub(crate) fn saw(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }
}

pub(crate) struct Stage(Mutex<Inner>);

impl Stage {
    pub(crate) fn new(seed: u64, world: World, keeps_log: bool) -> Self {
        let mut dice = Dice::new(seed);
        let quiet = dice.chance(50);
        let faults = if quiet { Faults::NONE } else { Faults::random(&mut dice) };
        Self(Mutex::new(Inner {
            world,
            audit: Audit::default(),
            faults,
            deadly: BTreeMap::new(),
            skew: 0,
            silent_until: 0,
            batch_rows: None,
            dies_of_batches: false,
            calm: false,
            embedded: dice.chance(250),
            dice,
            seen: BTreeMap::new(),
            log: keeps_log.then(Vec::new),
            start: Instant::now(),
        }))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub(crate) fn take_log(&self) -> Vec<String> {
        self.lock().log.take().unwrap_or_default()
    }
}

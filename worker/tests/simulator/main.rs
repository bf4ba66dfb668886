//! A deterministic simulator: the real engine, parser and planner in processes that crash, freeze, panic and lose their answers,
//! over a ledger and a store in memory, with chance and clock drawn from a seed. `LONG=1` plays 100,000 schedules instead of
//! 3,000; a failure names its seed and prints every step, and `SEED=…` plays that one again.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test that cannot go on panics; what it prints is shown when it fails"
)]

mod ahead;
mod audit;
mod callers;
mod crew;
mod desk;
mod dice;
mod files;
mod flaw;
mod oracle;
mod process;
mod relations;
mod schedule;
mod stage;
mod world;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::flaw::Flaw;
use crate::schedule::play;

const SHORT: u64 = 3_000;
const LONG: u64 = 100_000;

fn seed() -> Option<u64> {
    std::env::var("SEED").ok()?.parse().ok()
}

fn is_long() -> bool {
    std::env::var_os("LONG").is_some_and(|value| value == "1")
}

/// Plays one, and prints all of it if it breaks a promise.
fn check(seed: u64, seen: &Mutex<BTreeMap<&'static str, u64>>) {
    let played = play(seed, None, false);
    if let Some(violation) = played.violation {
        let again = play(seed, None, true);
        eprintln!("{}", again.log.join("\n"));
        panic!("SEED={seed}: {violation}");
    }
    let mut seen = seen.lock().unwrap();
    for (what, times) in played.seen {
        *seen.entry(what).or_default() += times;
    }
}

#[test]
fn no_schedule_breaks_a_promise() {
    let seen = Mutex::new(BTreeMap::new());
    if let Some(seed) = seed() {
        return check(seed, &seen);
    }
    let last = if is_long() { LONG } else { SHORT };
    let next = AtomicU64::new(0);
    let play_on = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= last {
                return;
            }
            check(seed, &seen);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        (0..threads).for_each(|_| drop(scope.spawn(play_on)));
    });
    let seen = seen.into_inner().unwrap();
    eprintln!("{last} schedules: {seen:?}");
    for what in MUST_OCCUR {
        assert!(
            seen.get(what).is_some_and(|times| *times > 10),
            "{what} hardly ever happens: {seen:?}"
        );
    }
}

/// A simulator in which nothing happens proves nothing.
const MUST_OCCUR: [&str; 19] = [
    "cancel",
    "claim",
    "commit",
    "crash",
    "dead upload removed",
    "delete",
    "delete of a running one",
    "error",
    "expired import removed",
    "fenced commit",
    "file cut",
    "file lost",
    "finish",
    "freeze",
    "hand-back",
    "look ahead",
    "look up",
    "panic",
    "panic while reading",
];

#[test]
fn the_same_seed_goes_the_same_way() {
    for seed in 0..50 {
        let (one, other) = (play(seed, None, true), play(seed, None, true));
        assert!(one.log.len() > 3, "seed {seed}: {:?}", one.log);
        assert_eq!(one.log, other.log, "seed {seed}");
    }
}

#[test]
fn every_flaw_of_a_ledger_is_caught() {
    for flaw in Flaw::ALL {
        // None of these schedules breaks a promise without the flaw.
        let caught = (0..SHORT).find_map(|seed| Some((seed, play(seed, Some(flaw), false).violation?)));
        let (seed, violation) = caught.unwrap_or_else(|| panic!("{flaw:?} shows in none of {SHORT} schedules"));
        eprintln!("{flaw:?}: SEED={seed}: {violation}");
    }
}

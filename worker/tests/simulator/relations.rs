//! What must not matter, does not: the product held against itself, in more files than the real binary could be given
//! (`tests/faults/metamorphic` does that).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use worker::batch::{Key, Stored};
use worker::import::{Counts, ImportId, OrgId, Status};
use worker::resource::Resource;

use crate::audit::Blob;
use crate::crew::Crew;
use crate::dice::Dice;
use crate::files::{File, count, line};
use crate::oracle::{Kind, Line, Rules};
use crate::stage::{Faults, Stage};
use crate::world::{Upload, World};

/// Turns of each relation.
const TURNS: u64 = 150;

/// What a row of imports has come to.
#[derive(Debug, PartialEq)]
struct Outcome {
    table: Vec<(Key, Stored)>,
    imports: Vec<(Status, Counts, Vec<u64>)>,
}

/// How they are run.
#[derive(Clone, Copy)]
struct Way {
    batch_rows: usize,
    dies_of_batches: bool,
    /// So many bytes of each file are left in the store.
    bytes_left: usize,
    /// How often every process is stopped and replaced.
    stops: u32,
}

const WHOLE: Way = Way {
    batch_rows: 50_000,
    dies_of_batches: false,
    bytes_left: usize::MAX,
    stops: 0,
};

/// Runs files one after the other, into one table.
fn run(seed: u64, files: &[File], way: Way) -> Outcome {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let stage = Arc::new(Stage::new(seed, World::default(), false));
        {
            let mut inner = stage.lock();
            inner.faults = Faults::NONE;
            inner.batch_rows = Some(way.batch_rows);
            inner.dies_of_batches = way.dies_of_batches;
        }
        let crew = Crew::start(&stage);
        for file in files {
            accept(&crew, file, way.bytes_left);
        }
        for _ in 0..way.stops {
            (0..20).for_each(|_| crew.any().stop.cancel());
            sleep(Duration::from_millis(3_500)).await;
        }
        for _ in 0..10_000 {
            sleep(Duration::from_secs(1)).await;
            if stage.lock().audit.open().is_empty() {
                return outcome(&stage);
            }
        }
        panic!("seed {seed}: not at their end: {:?}", stage.lock().audit.open());
    })
}

fn accept(crew: &Arc<Crew>, file: &File, bytes_left: usize) {
    let id = {
        let mut locked = crew.stage.lock();
        let inner = &mut *locked;
        let now = inner.now();
        let upload = Upload {
            org: OrgId(1),
            file: Arc::new(file.clone()),
            synchronous: false,
            retention: i64::MAX / 2,
        };
        let id = inner.world.begin(upload, now);
        let mut plain = file.plain.clone();
        plain.truncate(bytes_left);
        inner.world.blobs.insert(id.to_string(), plain);
        let row = &inner.world.imports[&id];
        inner.audit.begun(id, row);
        if bytes_left < file.plain.len() {
            inner.audit.blob(id, Blob::Cut);
        }
        assert!(inner.world.queue(id));
        inner.audit.queued(id);
        id
    };
    crew.any().ring(ImportId(id));
}

fn outcome(stage: &Stage) -> Outcome {
    let inner = stage.lock();
    assert_eq!(inner.audit.violation, None);
    let table = inner.world.tables.values().flatten();
    let imports = inner.world.imports.values();
    Outcome {
        table: table
            .map(|(key, (_, _, stored))| (key.clone(), stored.clone()))
            .collect(),
        imports: imports
            .map(|row| (row.status, row.counts, row.failures.clone()))
            .collect(),
    }
}

/// Each relation on files of its own.
fn each_turn(mut relation: impl FnMut(u64, &mut Dice)) {
    for seed in 0..TURNS {
        relation(seed, &mut Dice::new(seed));
    }
}

fn upsert(dice: &mut Dice, lines: Vec<Line>) -> File {
    let rules = Rules {
        kind: Kind::Upsert,
        keeps: false,
        max_failures: None,
    };
    File::of(dice, Resource::Users, rules, lines)
}

fn lines(dice: &mut Dice) -> Vec<Line> {
    (0..dice.below(40)).map(|_| line(dice)).collect()
}

/// As `lines`, each key once.
fn lines_of_their_own(dice: &mut Dice) -> Vec<Line> {
    let mut seen = Vec::new();
    let mut lines = lines(dice);
    lines.retain(|line| match line {
        Line::Person(who, _) if seen.contains(who) => false,
        Line::Person(who, _) => {
            seen.push(who);
            true
        }
        _ => true,
    });
    lines
}

#[test]
fn neither_batches_nor_deaths_after_each_show() {
    each_turn(|seed, dice| {
        let files: Vec<File> = (0..3).map(|_| File::random(dice, Resource::Users)).collect();
        let whole = run(seed, &files, WHOLE);
        for batch_rows in [1, 7, 1_000, 50_000] {
            for dies_of_batches in [false, true] {
                let way = Way {
                    batch_rows,
                    dies_of_batches,
                    ..WHOLE
                };
                assert_eq!(
                    run(seed, &files, way),
                    whole,
                    "seed {seed}, batches of {batch_rows}, deaths {dies_of_batches}"
                );
            }
        }
    });
}

#[test]
fn two_halves_make_the_whole() {
    each_turn(|seed, dice| {
        let lines = lines(dice);
        let (one, other) = lines.split_at(dice.index(lines.len() + 1));
        let halves = [upsert(dice, one.to_vec()), upsert(dice, other.to_vec())];
        let whole = run(seed, &[upsert(dice, lines)], WHOLE);
        let halves = run(seed, &halves, WHOLE);
        assert_eq!(halves.table, whole.table, "seed {seed}");
        let mut sum = halves.imports[0].1;
        sum.add(&halves.imports[1].1);
        assert_eq!(sum, whole.imports[0].1, "seed {seed}");
    });
}

#[test]
fn the_order_of_rows_with_keys_of_their_own_does_not_show() {
    each_turn(|seed, dice| {
        let lines = lines_of_their_own(dice);
        let mut mixed = lines.clone();
        for last in (1..mixed.len()).rev() {
            mixed.swap(last, dice.index(last + 1));
        }
        let (ordered, mixed) = (upsert(dice, lines), upsert(dice, mixed));
        let (ordered, mixed) = (run(seed, &[ordered], WHOLE), run(seed, &[mixed], WHOLE));
        assert_eq!(mixed.table, ordered.table, "seed {seed}");
        assert_eq!(mixed.imports[0].1, ordered.imports[0].1, "seed {seed}");
    });
}

#[test]
fn bad_rows_more_change_only_what_failed() {
    each_turn(|seed, dice| {
        let lines = lines(dice);
        let (mut more, added) = (lines.clone(), dice.index(10));
        for _ in 0..added {
            more.insert(dice.index(more.len() + 1), Line::Broken);
        }
        let (few, more) = (upsert(dice, lines), upsert(dice, more));
        let (few, more) = (run(seed, &[few], WHOLE), run(seed, &[more], WHOLE));
        let mut expected = few.imports[0].1;
        expected.failed += count(added);
        assert_eq!(more.table, few.table, "seed {seed}");
        assert_eq!(more.imports[0].1, expected, "seed {seed}");
    });
}

#[test]
fn the_same_file_again_changes_nothing() {
    each_turn(|seed, dice| {
        let lines = lines_of_their_own(dice);
        let file = upsert(dice, lines);
        let once = run(seed, std::slice::from_ref(&file), WHOLE);
        let twice = run(seed, &[file.clone(), file], WHOLE);
        assert_eq!(twice.table, once.table, "seed {seed}");
        let (first, again) = (&twice.imports[0], &twice.imports[1]);
        assert_eq!(again.1.unchanged, first.1.ok(), "seed {seed}");
        assert_eq!((again.1.ok(), &again.2), (first.1.ok(), &first.2), "seed {seed}");
    });
}

#[test]
fn a_file_cut_in_the_store_is_applied_as_far_as_it_is_whole() {
    each_turn(|seed, dice| {
        let lines = lines(dice);
        let file = upsert(dice, lines);
        if file.last == 0 {
            return;
        }
        let cut = Way {
            bytes_left: dice.index(file.last + 1),
            ..WHOLE
        };
        let files = [file];
        let whole = run(seed, &files, cut);
        assert_eq!(whole.imports[0].0, Status::Failed, "seed {seed}");
        for batch_rows in [1, 7] {
            assert_eq!(
                run(seed, &files, Way { batch_rows, ..cut }),
                whole,
                "seed {seed}, batches of {batch_rows}"
            );
        }
    });
}

#[test]
fn what_follows_max_failures_stays_unprocessed_after_a_death() {
    let person = || Line::Person("1", [String::new(), String::new()]);
    let rules = Rules {
        kind: Kind::Upsert,
        keeps: false,
        max_failures: Some(0),
    };
    let lines = vec![Line::Broken, person(), person()];
    let file = File::of(&mut Dice::new(1), Resource::Users, rules, lines);
    let way = Way {
        dies_of_batches: true,
        ..WHOLE
    };
    let outcome = run(1, &[file], way);
    let (status, counts, failures) = &outcome.imports[0];
    assert_eq!((*status, counts.read(), &failures[..]), (Status::Failed, 1, &[1][..]));
    assert_eq!(outcome.table, []);
}

/// More of them at one checkpoint than a file could have crashes.
#[test]
fn a_stop_is_no_crash() {
    each_turn(|seed, dice| {
        let files: Vec<File> = (0..3).map(|_| File::random(dice, Resource::Users)).collect();
        let way = Way { stops: 8, ..WHOLE };
        assert_eq!(run(seed, &files, way), run(seed, &files, WHOLE), "seed {seed}");
    });
}

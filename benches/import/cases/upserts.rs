//! All new, all the same, one percent changed, all changed: one chain, in which each step finds the tables as the step before has
//! left them, on both sides.

use crate::file::{Csv, Spec};
use crate::longshore::Longshore;
use crate::peer;
use crate::report::{Finding, Goal, Report};
use crate::stage::Stage;
use crate::times::Times;

struct Step {
    case: &'static str,
    file: Csv,
    outcome: Vec<(&'static str, u64)>,
    goal: f64,
    ours: Times,
    peers: Times,
}

pub(crate) async fn run(stage: &Stage, report: &mut Report) {
    let mut steps = steps(stage);
    // Steps behind the last one that is asked for are not needed.
    while steps.pop_if(|step| !is_asked(stage, step.case)).is_some() {}
    if steps.is_empty() {
        return;
    }
    let mut floor = Times::default();
    for turn in 0..stage.options.runs {
        if is_asked(stage, ALL_NEW) {
            floor.add(bare_copy(stage).await);
        }
        chain(stage, &mut steps, turn, report).await;
    }
    for step in steps.into_iter().filter(|step| is_asked(stage, step.case)) {
        tell(step, &floor, report);
    }
}

const ALL_NEW: &str = "all-new";

fn is_asked(stage: &Stage, case: &str) -> bool {
    stage.options.cases.contains(&case)
}

fn steps(stage: &Stage) -> Vec<Step> {
    let clean = Spec::new(stage.options.rows);
    let one_percent = stage.file(Spec { changed: 10, ..clean });
    // Another city than that of the one percent, so that really all rows change.
    let all = stage.file(Spec {
        changed: 1000,
        city: "Munich",
        ..clean
    });
    let (new, changed) = (stage.file(clean), one_percent.changed);
    let rows = clean.rows;
    vec![
        step(ALL_NEW, new.clone(), vec![("created", rows)], 1.8),
        step("all-same", new, vec![("unchanged", rows)], 5.5),
        step(
            "one-percent-changed",
            one_percent,
            vec![("updated", changed), ("unchanged", rows - changed)],
            5.0,
        ),
        step("all-changed", all, vec![("updated", rows)], 1.2),
    ]
}

fn step(case: &'static str, file: Csv, outcome: Vec<(&'static str, u64)>, goal: f64) -> Step {
    Step {
        case,
        file,
        outcome,
        goal,
        ours: Times::default(),
        peers: Times::default(),
    }
}

/// Who goes first changes from turn to turn, lest one side always find the machine warmer.
async fn chain(stage: &Stage, steps: &mut [Step], turn: u32, report: &mut Report) {
    let mut longshore = Longshore::start(stage).await;
    let database = peer::database(stage).await;
    for step in steps.iter_mut() {
        if turn.is_multiple_of(2) {
            peers_turn(stage, step, &database).await;
            our_turn(stage, step, &longshore).await;
        } else {
            our_turn(stage, step, &longshore).await;
            peers_turn(stage, step, &database).await;
        }
        if turn == 0 && is_asked(stage, step.case) {
            report.peaks(longshore.peaks(step.case, &step.file));
        }
        peer::must_be_equal(stage, &longshore.database, &database).await;
    }
    longshore.end(stage).await;
    stage.postgres.drop_database(&database).await;
}

async fn our_turn(stage: &Stage, step: &mut Step, longshore: &Longshore) {
    make_ready(stage, step, &longshore.database).await;
    step.ours.add(longshore.import(&step.file, &step.outcome).await.took);
}

async fn peers_turn(stage: &Stage, step: &mut Step, database: &str) {
    make_ready(stage, step, database).await;
    step.peers.add(peer::upsert(database, &step.file));
}

/// A new table is taken as it is: nobody vacuums an empty one before the first import.
async fn make_ready(stage: &Stage, step: &Step, database: &str) {
    if step.case == ALL_NEW {
        stage.checkpoint().await;
    } else {
        stage.tidy(database).await;
    }
}

async fn bare_copy(stage: &Stage) -> std::time::Duration {
    let database = peer::database(stage).await;
    stage.checkpoint().await;
    let took = peer::bare_copy(&database, &stage.clean_file());
    stage.postgres.drop_database(&database).await;
    took
}

fn tell(step: Step, floor: &Times, report: &mut Report) {
    report.find(Finding {
        ours: step.ours.to_string(),
        other: step.peers.to_string(),
        figure: step.ours.against(&step.peers),
        goal: Goal::AtLeast(step.goal),
        ..Finding::alone(step.case, &step.file, "times as fast as psql's stage and upsert")
    });
    if step.case == ALL_NEW {
        report.find(Finding {
            ours: step.ours.to_string(),
            other: floor.to_string(),
            figure: floor.against(&step.ours),
            goal: Goal::AtMost(1.15),
            ..Finding::alone(step.case, &step.file, "the time by that of a bare \\copy")
        });
    }
}

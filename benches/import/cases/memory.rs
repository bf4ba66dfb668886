//! The peak of each process for a large file against that for a small one: memory is a constant.

use std::time::Duration;

use super::flat;
use crate::file::{Csv, Spec};
use crate::longshore::Longshore;
use crate::report::{Finding, Goal, Peak, Report};
use crate::stage::Stage;
use crate::times::{ratio, real};

const CASE: &str = "memory";
const MOST_MIB: f64 = 150.0;

pub(crate) async fn run(stage: &Stage, report: &mut Report) {
    let small = stage.file(Spec::new(small_rows(stage)));
    let large = stage.clean_file();
    let (of_small, _) = peaks(stage, CASE, &small).await;
    let (of_large, _) = peaks(stage, CASE, &large).await;
    tell(CASE, &large, of_small, of_large, report);
}

/// Ten million rows once: time and memory against a hundred thousand.
pub(crate) async fn ten_million(stage: &Stage, report: &mut Report) {
    let case = super::TEN_MILLION;
    let small = stage.file(Spec::new(SMALL_ROWS));
    let large = stage.file(Spec::new(10_000_000));
    let (of_small, took_small) = peaks(stage, case, &small).await;
    let (of_large, took_large) = peaks(stage, case, &large).await;
    let cost = |took: Duration, file: &Csv| ratio(took.as_secs_f64() * 1e6, real(file.rows));
    flat::tell(
        case,
        &large,
        &[cost(took_small, &small), cost(took_large, &large)],
        report,
    );
    tell(case, &large, of_small, of_large, report);
}

async fn peaks(stage: &Stage, case: &'static str, file: &Csv) -> (Vec<Peak>, Duration) {
    let mut longshore = Longshore::start(stage).await;
    stage.checkpoint().await;
    let took = longshore.import(file, &[("created", file.rows)]).await.took;
    let peaks = longshore.peaks(case, file);
    longshore.end(stage).await;
    (peaks, took)
}

/// Of fewer rows nothing is said about growth: the process may not have met its largest batch.
const SMALL_ROWS: u64 = 100_000;

/// The small file that a large one is held against.
pub(super) fn small_rows(stage: &Stage) -> u64 {
    SMALL_ROWS.min(stage.options.rows / 10)
}

/// Two goals for each process: how much at all, and how much more than for the small file.
pub(super) fn tell(case: &'static str, file: &Csv, small: Vec<Peak>, large: Vec<Peak>, report: &mut Report) {
    for (small, large) in small.iter().zip(&large) {
        let mebibytes = |peak: &Peak| real(peak.kib) / 1024.0;
        let found = |figure, unit, goal, what: String| Finding {
            ours: format!("{:.1} MiB", mebibytes(large)),
            other: format!("small file: {:.1} MiB", mebibytes(small)),
            figure,
            unit,
            goal,
            ..Finding::alone(case, file, what)
        };
        let process = large.process;
        let growth = ratio(mebibytes(large), mebibytes(small));
        let goal = match small.rows >= SMALL_ROWS {
            true => Goal::AtMost(1.15),
            false => Goal::Shown,
        };
        report.find(found(
            growth,
            "x",
            goal,
            format!("peak of {process} by that for the small file"),
        ));
        let goal = Goal::AtMost(MOST_MIB);
        report.find(found(mebibytes(large), "MiB", goal, format!("peak of {process}")));
    }
    report.peaks(small);
    report.peaks(large);
}

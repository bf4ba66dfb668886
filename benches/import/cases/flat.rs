//! What a row costs in files of ten thousand rows and more, all new: it should not depend on the file.

use std::time::Duration;

use crate::file::{Csv, Spec};
use crate::longshore::Longshore;
use crate::report::{Finding, Goal, Report};
use crate::stage::Stage;
use crate::times::{Times, ratio, real};

const CASE: &str = "flat";

pub(crate) async fn run(stage: &Stage, report: &mut Report) {
    let sizes = [10_000, 100_000, 1_000_000].into_iter();
    let files: Vec<Csv> = sizes
        .filter(|rows| *rows <= stage.options.rows)
        .map(|rows| stage.file(Spec::new(rows)))
        .collect();
    let mut costs = Vec::new();
    for file in &files {
        costs.push(cost(stage, file, report).await);
    }
    if let Some(largest) = files.last() {
        tell(CASE, largest, &costs, report);
    }
}

/// The dearest row by the cheapest.
pub(super) fn tell(case: &'static str, largest: &Csv, costs: &[f64], report: &mut Report) {
    let dearest = costs.iter().copied().fold(0.0, f64::max);
    let cheapest = costs.iter().copied().fold(f64::INFINITY, f64::min);
    report.find(Finding {
        ours: format!("{dearest:.2} µs a row"),
        other: format!("{cheapest:.2} µs a row"),
        figure: ratio(dearest, cheapest),
        goal: Goal::AtMost(1.25),
        ..Finding::alone(
            case,
            largest,
            "the dearest row by the cheapest, from the least file to this",
        )
    });
}

/// Microseconds for one row of a file.
async fn cost(stage: &Stage, file: &Csv, report: &mut Report) -> f64 {
    let mut times = Times::default();
    for _ in 0..stage.options.runs {
        times.add(once(stage, file).await);
    }
    let cost = ratio(times.median().as_secs_f64() * 1e6, real(file.rows));
    report.find(Finding {
        ours: times.to_string(),
        figure: cost,
        unit: "µs",
        ..Finding::alone(CASE, file, "a row, all new")
    });
    cost
}

/// A first import opens connections and fills caches, as in a service that has been up for a minute.
pub(super) async fn once(stage: &Stage, file: &Csv) -> Duration {
    let longshore = Longshore::start(stage).await;
    let first = stage.file(Spec {
        start: file.rows,
        ..Spec::new(1000)
    });
    longshore.import(&first, &[("created", first.rows)]).await;
    stage.checkpoint().await;
    let imported = longshore.import(file, &[("created", file.rows)]).await;
    longshore.end(stage).await;
    imported.took
}

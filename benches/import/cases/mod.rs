//! The cases, in the order in which they are run. Each insists on its results, whatever the scale.

mod crud;
mod door;
mod failed_csv;
mod fairness;
mod five_percent_bad;
mod flat;
mod memory;
mod pickup;
mod polls;
mod sqlite;
mod two_organizations;
mod upserts;

use crate::report::Report;
use crate::stage::Stage;

/// Only when it is asked for: it takes long, and ten gigabytes.
pub(crate) const TEN_MILLION: &str = "ten-million";

/// What `--case` takes.
pub(crate) const NAMES: [&str; 16] = [
    "all-new",
    "all-same",
    "one-percent-changed",
    "all-changed",
    "five-percent-bad",
    "sqlite",
    "door",
    "polls",
    "crud",
    "pickup",
    "flat",
    "memory",
    "failed-csv",
    "two-organizations",
    "fairness",
    TEN_MILLION,
];

/// Runs those that are asked for.
pub(crate) async fn run(stage: &Stage, report: &mut Report) {
    upserts::run(stage, report).await;
    for case in &stage.options.cases {
        match *case {
            "five-percent-bad" => five_percent_bad::run(stage, report).await,
            "sqlite" => sqlite::run(stage, report).await,
            "door" => door::run(stage, report).await,
            "polls" => polls::run(stage, report).await,
            "crud" => crud::run(stage, report).await,
            "pickup" => pickup::run(stage, report).await,
            "flat" => flat::run(stage, report).await,
            "memory" => memory::run(stage, report).await,
            "failed-csv" => failed_csv::run(stage, report).await,
            "two-organizations" => two_organizations::run(stage, report).await,
            "fairness" => fairness::run(stage, report).await,
            TEN_MILLION => memory::ten_million(stage, report).await,
            // Steps of one chain, which has been run.
            _ => {}
        }
    }
}

//! Two imports of two organizations on two worker processes, against one of them alone.

use std::time::{Duration, Instant};

use crate::longshore::{Longshore, import};
use crate::report::{Finding, Goal, Report};
use crate::stage::Stage;
use crate::times::{Times, ratio, real};

const CASE: &str = "two-organizations";

pub(crate) async fn run(stage: &Stage, report: &mut Report) {
    let file = stage.clean_file();
    let (mut one, mut two) = (Times::default(), Times::default());
    for _ in 0..stage.options.runs {
        one.add(alone(stage).await);
        two.add(together(stage).await);
    }
    let rate = |rows: u64, times: &Times| ratio(real(rows), times.median().as_secs_f64());
    let (of_two, of_one) = (rate(2 * file.rows, &two), rate(file.rows, &one));
    report.find(Finding {
        ours: format!("{two}, {of_two:.0} rows/s"),
        other: format!("alone: {one}, {of_one:.0} rows/s"),
        figure: ratio(of_two, of_one),
        goal: Goal::AtLeast(1.5),
        ..Finding::alone(
            CASE,
            &file,
            "rows per second of two imports by those of one; wants cores to spare",
        )
    });
}

/// One import at a time in each process, so that two imports are really two processes.
async fn two_workers(stage: &Stage) -> Longshore {
    let longshore = Longshore::start_with(stage, 2, &[("LONGSHORE_WORKER_CONCURRENCY", "1")]).await;
    stage.checkpoint().await;
    longshore
}

async fn alone(stage: &Stage) -> Duration {
    let (longshore, file) = (two_workers(stage).await, stage.clean_file());
    let imported = longshore.import(&file, &[("created", file.rows)]).await;
    longshore.end(stage).await;
    imported.took
}

async fn together(stage: &Stage) -> Duration {
    let (longshore, file) = (two_workers(stage).await, stage.clean_file());
    let others = longshore.running.admin_of("umbrella").await;
    let begun = Instant::now();
    let imported = tokio::join!(import(&longshore.running.client, &file), import(&others, &file));
    let took = begun.elapsed();
    for imported in [imported.0, imported.1] {
        imported.must_be(&[("created", file.rows)]);
    }
    longshore.end(stage).await;
    took
}

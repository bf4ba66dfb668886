//! How often the status of an import can be asked for, over 64 connections that are kept. Whoever asks shares the cores.

use std::time::Duration;

use crate::file::Spec;
use crate::longshore::Longshore;
use crate::report::{Finding, Goal, Report};
use crate::stage::Stage;
use crate::times::millis;
use crate::wire::{Load, load};

pub(crate) async fn run(stage: &Stage, report: &mut Report) {
    let file = stage.file(Spec::new(10_000));
    let longshore = Longshore::start(stage).await;
    let id = longshore.import(&file, &[("created", file.rows)]).await.id;
    let (connections, lasting) = stage.options.pick(
        (4, Duration::from_millis(200)),
        (64, Duration::from_secs(5)),
        (64, Duration::from_secs(10)),
    );
    let mut loads = Vec::new();
    for _ in 0..stage.options.runs {
        let path = format!("/v1/imports/{id}");
        loads.push(load(&longshore.running.client, &path, connections, lasting).await);
    }
    loads.sort_by(|one, other| one.per_second.total_cmp(&other.per_second));
    let Load { per_second, latencies } = loads.swap_remove(loads.len() / 2);
    report.find(Finding {
        ours: format!(
            "p50 {}, p99 {}",
            millis(latencies.median()),
            millis(latencies.percentile(99))
        ),
        figure: per_second,
        unit: "/s",
        goal: Goal::AtLeast(10_000.0),
        ..Finding::alone("polls", &file, "GET /v1/imports/{id}, 64 connections")
    });
    longshore.end(stage).await;
}

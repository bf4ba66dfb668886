//! A thousand rows of one organization behind the huge import of another: they do not wait for it.

use std::time::{Duration, Instant, SystemTime};

use harness::is_final;

use crate::file::{Csv, Spec};
use crate::longshore::{Longshore, last_view, upload};
use crate::report::{Finding, Goal, Report};
use crate::stage::Stage;
use crate::times::{Times, millis};

const CASE: &str = "fairness";
/// "At once" is the same as for an import that has nobody before it.
const AT_ONCE_MS: f64 = 250.0;

pub(crate) async fn run(stage: &Stage, report: &mut Report) {
    let (huge, small) = (stage.clean_file(), stage.file(Spec::new(1000)));
    let longshore = Longshore::start(stage).await;
    let client = &longshore.running.client;
    let id = upload(client, &huge).await;
    let (starts, ends) = behind(stage, &longshore, id, &small).await;
    let view = last_view(client, id, Instant::now()).await;
    assert_eq!(harness::count(&view, "created"), huge.rows, "{view:#}");
    report.find(Finding {
        ours: format!("median {}, of {}", millis(starts.median()), starts.count()),
        figure: starts.worst().as_secs_f64() * 1e3,
        unit: "ms",
        goal: Goal::AtMost(AT_ONCE_MS),
        ..Finding::alone(
            CASE,
            &huge,
            "longest from the 202 of 1,000 rows to `running`, behind this file",
        )
    });
    report.find(Finding {
        ours: format!("median {}", millis(ends.median())),
        figure: ends.worst().as_secs_f64() * 1e3,
        unit: "ms",
        ..Finding::alone(CASE, &huge, "longest from the 202 of 1,000 rows to their end")
    });
    longshore.end(stage).await;
}

/// Small imports one after the other, until there are enough or the huge one is over; those that outlast it do not count, except
/// the first, so that there is one.
async fn behind(stage: &Stage, longshore: &Longshore, huge: i64, small: &Csv) -> (Times, Times) {
    let others = longshore.running.admin_of("umbrella").await;
    let (mut starts, mut ends) = (Times::default(), Times::default());
    while starts.count() < stage.options.pick(1, 5, 20) {
        let id = upload(&others, small).await;
        let accepted = (SystemTime::now(), Instant::now());
        let view = last_view(&others, id, accepted.1).await;
        let took: Duration = accepted.1.elapsed();
        assert_eq!(view["status"], "completed", "{view:#}");
        let is_behind = !is_final(&longshore.running.client.show(huge).await);
        if !is_behind && starts.count() > 0 {
            break;
        }
        starts.add(longshore.started_after(stage, id, accepted.0).await);
        ends.add(took);
    }
    (starts, ends)
}

//! From the 202 to `running`: with Redis a doorbell rings, without it the ledger is looked at every five seconds.

use std::time::{Duration, SystemTime};

use harness::Dice;

use crate::file::{Csv, Spec};
use crate::longshore::{Longshore, last_view, upload};
use crate::report::{Finding, Goal, Report};
use crate::stage::Stage;
use crate::times::{Times, millis};

/// How often the ledger is looked at unless it is set otherwise.
const LOOK_SECONDS: u64 = 5;

pub(crate) async fn run(stage: &Stage, report: &mut Report) {
    let file = stage.file(Spec::new(10));
    // The smoke does not wait for so long.
    let seconds = stage.options.pick(1, LOOK_SECONDS, LOOK_SECONDS);
    let look = format!("{seconds}s");
    let mut longshore = Longshore::start_with(stage, 1, &[("LONGSHORE_WORKER_POLL", &look)]).await;
    let with_bell = stage.options.pick(3, 50, 300);
    let times = sample(stage, &longshore, &file, with_bell, Duration::from_millis(20)).await;
    tell("with Redis", &times, &file, 250.0, report);

    let redis = longshore.running.redis.as_mut();
    redis.expect("its own Redis").kill9();
    let without = stage.options.pick(1, 8, 40);
    let times = sample(stage, &longshore, &file, without, Duration::from_secs(seconds)).await;
    tell("without Redis", &times, &file, 5000.0, report);
    longshore.end(stage).await;
}

/// Each import comes at a random moment after the end of the one before, so that it meets the looks at any distance.
async fn sample(stage: &Stage, longshore: &Longshore, file: &Csv, samples: u32, within: Duration) -> Times {
    let (client, mut dice, mut times) = (&longshore.running.client, Dice::from(1), Times::default());
    for _ in 0..samples {
        tokio::time::sleep(dice.moment(within)).await;
        let id = upload(client, file).await;
        let accepted = SystemTime::now();
        let view = last_view(client, id, std::time::Instant::now()).await;
        assert_eq!(view["status"], "completed", "{view:#}");
        times.add(longshore.started_after(stage, id, accepted).await);
    }
    times
}

fn tell(how: &str, times: &Times, file: &Csv, goal: f64, report: &mut Report) {
    let p99 = times.percentile(99);
    report.find(Finding {
        ours: format!("p50 {}, of {}", millis(times.median()), times.count()),
        figure: p99.as_secs_f64() * 1e3,
        unit: "ms",
        goal: Goal::AtMost(goal),
        ..Finding::alone("pickup", file, format!("p99 from the 202 to `running`, {how}"))
    });
}

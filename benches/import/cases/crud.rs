//! Reading and changing single users while an import runs, against the same on an idle service; and, as the floor, while `psql`
//! writes the same file into a table of its own.

use std::cell::Cell;
use std::time::{Duration, Instant};

use harness::{Client, Dice};

use crate::file::{Csv, Spec};
use crate::longshore::{Longshore, last_view, upload};
use crate::peer;
use crate::report::{Finding, Goal, Report};
use crate::stage::Stage;
use crate::times::{Times, millis, ratio};
use crate::wire::{Wire, get, patch};

/// Between one pair of requests and the next: some load, as callers make it, and not all that is possible.
const PACE: Duration = Duration::from_millis(5);

pub(crate) async fn run(stage: &Stage, report: &mut Report) {
    let known = stage.file(Spec::new(10_000));
    let file = stage.file(Spec {
        start: known.rows,
        ..Spec::new(stage.options.rows)
    });
    let longshore = Longshore::start(stage).await;
    longshore.import(&known, &[("created", known.rows)]).await;
    stage.tidy(&longshore.database).await;
    let client = &longshore.running.client;
    let ids = ids(client).await;

    // The first requests open connections and fill caches.
    sample(client, &ids, Duration::from_millis(200)).await;
    let idle = sample(
        client,
        &ids,
        Duration::from_millis(stage.options.pick(200, 5000, 20_000)),
    )
    .await;
    let id = upload(client, &file).await;
    let is_over = Cell::new(false);
    let end = async {
        let view = last_view(client, id, Instant::now()).await;
        is_over.set(true);
        view
    };
    let (stopped, busy) = tokio::join!(end, sample_until(client, &ids, &is_over));
    assert_eq!(harness::count(&stopped, "created"), file.rows, "{stopped:#}");
    tell(report, &file, "while an import runs", Goal::AtMost(3.0), (&idle, &busy));

    stage.checkpoint().await;
    let busy = beside_psql(stage, client, &ids, &file).await;
    tell(
        report,
        &file,
        "while psql writes the same file",
        Goal::Shown,
        (&idle, &busy),
    );
    longshore.end(stage).await;
}

async fn beside_psql(stage: &Stage, client: &Client, ids: &[i64], file: &Csv) -> Samples {
    let (database, file) = (peer::database(stage).await, file.clone());
    let is_over = Cell::new(false);
    let end = async {
        let written = tokio::task::spawn_blocking(move || peer::upsert(&database, &file)).await;
        is_over.set(true);
        written
    };
    let (written, busy) = tokio::join!(end, sample_until(client, ids, &is_over));
    written.expect("psql writes the file");
    busy
}

fn tell(report: &mut Report, file: &Csv, when: &str, goal: Goal, (idle, busy): (&Samples, &Samples)) {
    for (what, idle, busy) in [("GET", &idle.reads, &busy.reads), ("PATCH", &idle.writes, &busy.writes)] {
        report.find(Finding {
            ours: format!("{} ({} requests)", millis(busy.percentile(99)), busy.count()),
            other: format!("idle: {} ({})", millis(idle.percentile(99)), idle.count()),
            figure: ratio(busy.percentile(99).as_secs_f64(), idle.percentile(99).as_secs_f64()),
            goal,
            ..Finding::alone("crud", file, format!("p99 of {what} /v1/users/{{id}} {when}"))
        });
    }
}

async fn ids(client: &Client) -> Vec<i64> {
    let page = client.get("/v1/users?limit=1000").await.expect(200).json();
    let users = page["data"].as_array().expect("a page");
    users.iter().filter_map(|user| user["id"].as_i64()).collect()
}

struct Samples {
    reads: Times,
    writes: Times,
}

struct Caller<'a> {
    client: &'a Client,
    ids: &'a [i64],
    wire: Wire,
    dice: Dice,
    reads: Vec<Duration>,
    writes: Vec<Duration>,
}

impl<'a> Caller<'a> {
    async fn new(client: &'a Client, ids: &'a [i64]) -> Self {
        Self {
            client,
            ids,
            wire: Wire::open(client.address()).await,
            dice: Dice::from(1),
            reads: Vec::new(),
            writes: Vec::new(),
        }
    }

    async fn pair(&mut self) {
        let place = self.dice.below(u64::try_from(self.ids.len()).unwrap_or(1));
        let id = self.ids.get(usize::try_from(place).unwrap_or_default());
        let path = format!("/v1/users/{}", id.expect("there are users"));
        self.reads.push(self.wire.exchange(&get(self.client, &path)).await);
        let change = format!(r#"{{"first_name":"Ana {}"}}"#, self.writes.len());
        self.writes
            .push(self.wire.exchange(&patch(self.client, &path, &change)).await);
        tokio::time::sleep(PACE).await;
    }

    fn samples(self) -> Samples {
        Samples {
            reads: self.reads.into_iter().collect(),
            writes: self.writes.into_iter().collect(),
        }
    }
}

async fn sample(client: &Client, ids: &[i64], lasting: Duration) -> Samples {
    let (mut caller, begun) = (Caller::new(client, ids).await, Instant::now());
    while begun.elapsed() < lasting {
        caller.pair().await;
    }
    caller.samples()
}

async fn sample_until(client: &Client, ids: &[i64], is_over: &Cell<bool>) -> Samples {
    let mut caller = Caller::new(client, ids).await;
    while !is_over.get() {
        caller.pair().await;
    }
    caller.samples()
}

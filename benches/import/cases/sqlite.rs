//! One `serve` process on SQLite against the sqlite3 shell: both with a write-ahead log and `synchronous=FULL`.

use std::path::Path;
use std::time::Duration;

use harness::{Role, Stack};

use crate::longshore::import;
use crate::peer;
use crate::report::{Finding, Goal, Peak, Report};
use crate::stage::Stage;
use crate::times::Times;

const CASE: &str = "sqlite";

pub(crate) async fn run(stage: &Stage, report: &mut Report) {
    let file = stage.clean_file();
    let (mut ours, mut peers) = (Times::default(), Times::default());
    for turn in 0..stage.options.runs {
        let database = stage.folder().join(format!("peer-{turn}.db"));
        peer::sqlite_database(&database);
        peers.add(peer::sqlite_upsert(&database, &file));

        let mut running = Stack::Embedded.start(&[]).await;
        let imported = import(&running.client, &file).await;
        imported.must_be(&[("created", file.rows)]);
        ours.add(imported.took);
        if turn == 0 {
            report.peaks(vec![Peak {
                case: CASE,
                process: "serve",
                rows: file.rows,
                bytes: file.bytes,
                kib: running.peak_kib(Role::Serve),
            }]);
        }
        running.stop(Role::Serve, Duration::from_secs(30));
        let written = running.database_url.trim_start_matches("sqlite://");
        peer::sqlite_must_be_equal(Path::new(written), &database);
        std::fs::remove_file(&database).expect("the peer's file");
    }
    report.find(Finding {
        ours: ours.to_string(),
        other: peers.to_string(),
        figure: ours.against(&peers),
        goal: Goal::AtLeast(0.8),
        ..Finding::alone(CASE, &file, "times as fast as sqlite3's .import and upsert")
    });
}

//! Five percent of the rows are bad, the rest is new. psql stops at the first bad value, so its time is that for the clean file.

use crate::file::Spec;
use crate::longshore::Longshore;
use crate::peer;
use crate::report::{Finding, Goal, Report};
use crate::stage::Stage;
use crate::times::Times;

const CASE: &str = "five-percent-bad";

pub(crate) async fn run(stage: &Stage, report: &mut Report) {
    let file = stage.file(Spec {
        bad: 50,
        ..Spec::new(stage.options.rows)
    });
    let outcome = [("created", file.rows - file.bad), ("failed", file.bad)];
    let (mut ours, mut peers) = (Times::default(), Times::default());
    for turn in 0..stage.options.runs {
        let database = peer::database(stage).await;
        stage.checkpoint().await;
        peers.add(peer::upsert(&database, &stage.clean_file()));
        stage.postgres.drop_database(&database).await;

        let mut longshore = Longshore::start(stage).await;
        stage.checkpoint().await;
        ours.add(longshore.import(&file, &outcome).await.took);
        if turn == 0 {
            report.peaks(longshore.peaks(CASE, &file));
        }
        longshore.end(stage).await;
    }
    report.find(Finding {
        ours: ours.to_string(),
        other: peers.to_string(),
        figure: ours.against(&peers),
        goal: Goal::AtLeast(1.5),
        ..Finding::alone(CASE, &file, "times as fast as psql with the clean file")
    });
}

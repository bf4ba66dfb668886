//! Upload and scan of a plain file, to the 202, against reading and hashing it. No worker runs beside either.

use std::process::Command;
use std::time::Instant;

use crate::longshore::{Longshore, upload};
use crate::peer;
use crate::report::{Finding, Goal, Report};
use crate::stage::Stage;
use crate::times::{Times, ratio, real};

pub(crate) async fn run(stage: &Stage, report: &mut Report) {
    let file = stage.clean_file();
    let longshore = Longshore::start_with(stage, 0, &[]).await;
    let client = &longshore.running.client;
    let (mut ours, mut hashing) = (Times::default(), Times::default());
    for _ in 0..stage.options.runs {
        let mut shell = Command::new("sh");
        hashing.add(peer::timed(
            shell.args(["-c", "cat \"$1\" | sha256sum", "sh"]).arg(&file.path),
        ));

        stage.checkpoint().await;
        let begun = Instant::now();
        let id = upload(client, &file).await;
        ours.add(begun.elapsed());
        let import = client.show(id).await;
        assert_eq!(harness::count(&import, "total"), file.rows, "{import:#}");
        client.delete(&format!("/v1/imports/{id}")).await.expect(204);
    }
    let rate = |times: &Times| ratio(real(file.bytes) / 1024.0 / 1024.0, times.median().as_secs_f64());
    report.find(Finding {
        ours: format!("{ours}, {:.0} MiB/s", rate(&ours)),
        other: format!("{hashing}, {:.0} MiB/s", rate(&hashing)),
        figure: ours.against(&hashing),
        goal: Goal::AtLeast(0.6),
        ..Finding::alone("door", &file, "times the speed of `cat file \\| sha256sum`")
    });
    longshore.end(stage).await;
}

//! A file in which every row fails, and the download of all failed rows, read as it comes.

use std::time::{Duration, Instant};

use harness::Client;
use reqwest::Method;

use super::memory;
use crate::file::{Csv, Spec};
use crate::longshore::Longshore;
use crate::report::{Finding, Peak, Report};
use crate::stage::Stage;
use crate::times::{Times, ratio, real};

const CASE: &str = "failed-csv";

pub(crate) async fn run(stage: &Stage, report: &mut Report) {
    let of = |rows| {
        stage.file(Spec {
            bad: 1000,
            ..Spec::new(rows)
        })
    };
    let (small, large) = (of(memory::small_rows(stage)), of(stage.options.rows));
    let (of_small, _) = downloads(stage, &small).await;
    let (of_large, download) = downloads(stage, &large).await;
    let rate = |count: u64| ratio(real(count), download.times.median().as_secs_f64());
    report.find(Finding {
        ours: format!("{}, {:.0} rows/s", download.times, rate(large.rows)),
        figure: rate(download.bytes) / 1024.0 / 1024.0,
        unit: "MiB/s",
        ..Finding::alone(CASE, &large, "download of failed.csv, every row failed")
    });
    memory::tell(CASE, &large, of_small, of_large, report);
}

struct Download {
    times: Times,
    bytes: u64,
}

async fn downloads(stage: &Stage, file: &Csv) -> (Vec<Peak>, Download) {
    let mut longshore = Longshore::start(stage).await;
    let id = longshore.import(file, &[("failed", file.rows)]).await.id;
    let mut download = Download {
        times: Times::default(),
        bytes: 0,
    };
    for _ in 0..stage.options.runs {
        let begun = Instant::now();
        let (bytes, lines) = read(&longshore.running.client, id).await;
        download.times.add(begun.elapsed());
        download.bytes = bytes;
        assert_eq!(lines, file.rows + 1, "a header and every row");
    }
    let peaks = longshore.peaks(CASE, file);
    longshore.end(stage).await;
    (peaks, download)
}

/// How many bytes and lines there are; nothing of it is kept.
async fn read(client: &Client, id: i64) -> (u64, u64) {
    let path = format!("/v1/imports/{id}/failed.csv");
    let request = client.request(Method::GET, &path).timeout(Duration::from_secs(3600));
    let mut answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let (mut bytes, mut lines) = (0, 0);
    while let Some(piece) = answer.chunk().await.expect("all of the answer") {
        let ends = piece.iter().filter(|byte| **byte == b'\n').count();
        lines += u64::try_from(ends).unwrap_or_default();
        bytes += u64::try_from(piece.len()).unwrap_or_default();
    }
    (bytes, lines)
}

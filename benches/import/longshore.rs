//! The product under measurement, on the stage's PostgreSQL, and the clock of one import.

use std::time::{Duration, Instant, SystemTime};

use harness::{Client, Role, Running, count, is_final};
use reqwest::Body;
use reqwest::header::CONTENT_LENGTH;
use serde_json::Value;
use tokio_util::io::ReaderStream;

use crate::file::Csv;
use crate::report::Peak;
use crate::stage::Stage;

/// An API and workers over a fresh database.
pub(crate) struct Longshore {
    pub(crate) running: Running,
    pub(crate) database: String,
}

impl Longshore {
    pub(crate) async fn start(stage: &Stage) -> Self {
        Self::start_with(stage, 1, &[]).await
    }

    pub(crate) async fn start_with(stage: &Stage, workers: u32, overrides: &[(&str, &str)]) -> Self {
        let database = stage.postgres.fresh_database().await;
        let mut running = Running::on_local_files(&database, overrides);
        running.start(Role::Api).await;
        for _ in 0..workers {
            running.start(Role::Worker).await;
        }
        running.client = running.admin_of("acme").await;
        Self { running, database }
    }

    /// Imports from `POST` to the end, and insists on the outcome.
    pub(crate) async fn import(&self, file: &Csv, expected: &[(&str, u64)]) -> Imported {
        let imported = import(&self.running.client, file).await;
        imported.must_be(expected);
        imported
    }

    /// How long after the moment an import began to run, by the database's clock, which is this machine's.
    pub(crate) async fn started_after(&self, stage: &Stage, id: i64, moment: SystemTime) -> Duration {
        let query = format!("select (extract(epoch from started_at) * 1e6)::bigint::text from imports where id = {id}");
        let micros = stage
            .ask(&self.database, &query)
            .await
            .parse()
            .expect("the import has been started");
        let started = SystemTime::UNIX_EPOCH + Duration::from_micros(micros);
        // It may begin before its caller has read the 202.
        started.duration_since(moment).unwrap_or_default()
    }

    pub(crate) fn peaks(&mut self, case: &'static str, file: &Csv) -> Vec<Peak> {
        let mut peak = |process, role| Peak {
            case,
            process,
            rows: file.rows,
            bytes: file.bytes,
            kib: self.running.peak_kib(role),
        };
        vec![peak("api", Role::Api), peak("worker", Role::Worker)]
    }

    /// Stops the processes as an operator would, and removes the database.
    pub(crate) async fn end(mut self, stage: &Stage) {
        for role in [Role::Api, Role::Worker] {
            self.running.stop(role, Duration::from_secs(30));
        }
        stage.postgres.drop_database(&self.database).await;
    }
}

/// One import that has reached its end.
pub(crate) struct Imported {
    pub(crate) id: i64,
    /// From the first byte of the request to the first answer that shows a final status.
    pub(crate) took: Duration,
    view: Value,
}

impl Imported {
    /// The counts named are so, and all others are zero.
    #[track_caller]
    pub(crate) fn must_be(&self, expected: &[(&str, u64)]) {
        for name in ["created", "updated", "unchanged", "failed", "skipped", "unprocessed"] {
            let wanted = expected
                .iter()
                .find(|(of, _)| *of == name)
                .map_or(0, |(_, count)| *count);
            assert_eq!(count(&self.view, name), wanted, "{name}: {:#}", self.view);
        }
    }
}

/// Uploads and polls until the end.
pub(crate) async fn import(client: &Client, file: &Csv) -> Imported {
    let begun = Instant::now();
    let id = upload(client, file).await;
    let view = last_view(client, id, begun).await;
    Imported {
        id,
        took: begun.elapsed(),
        view,
    }
}

/// The request of one upload, until its 202.
pub(crate) async fn upload(client: &Client, file: &Csv) -> i64 {
    let source = tokio::fs::File::open(&file.path).await.expect("the file is there");
    let body = Body::wrap_stream(ReaderStream::with_capacity(source, UPLOAD_PIECE));
    let request = client.csv_request("resource=users", body);
    let request = request.header(CONTENT_LENGTH, file.bytes).timeout(PATIENCE);
    let import = client.send(request).await.expect(202).json();
    import["id"].as_i64().expect("an id")
}

/// Looks again after a hundredth of the time so far: often enough to be exact, seldom enough to cost nothing.
pub(crate) async fn last_view(client: &Client, id: i64, begun: Instant) -> Value {
    while begun.elapsed() < PATIENCE {
        let view = client.show(id).await;
        if is_final(&view) {
            return view;
        }
        tokio::time::sleep((begun.elapsed() / 100).clamp(LEAST_PAUSE, MOST_PAUSE)).await;
    }
    panic!("import {id} is not final after {PATIENCE:?}");
}

/// Large enough that reading the file costs the client next to nothing.
const UPLOAD_PIECE: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(7200);
const LEAST_PAUSE: Duration = Duration::from_millis(1);
const MOST_PAUSE: Duration = Duration::from_millis(50);

//! What all cases stand on: one PostgreSQL for both sides, a folder, and the files that have been written already.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use harness::Postgres;

use crate::file::{self, Csv, Spec};
use crate::options::Options;

/// Started once, gone at the end of the run.
pub(crate) struct Stage {
    pub(crate) options: Options,
    pub(crate) postgres: Postgres,
    folder: PathBuf,
    files: Mutex<HashMap<String, Csv>>,
}

impl Stage {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            postgres: Postgres::durable(),
            folder: harness::folder("bench-"),
            files: Mutex::default(),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of a spec, written at the first call.
    pub(crate) fn file(&self, spec: Spec) -> Csv {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let written = files.entry(spec.name());
        written.or_insert_with(|| file::write(&self.folder, spec)).clone()
    }

    /// The file of all good rows that most cases take.
    pub(crate) fn clean_file(&self) -> Csv {
        self.file(Spec::new(self.options.rows))
    }

    /// The one text that a query gives, empty for null.
    pub(crate) async fn ask(&self, database: &str, query: &str) -> String {
        let client = self.postgres.connect_to(database).await;
        let row = client.query_one(query, &[]).await;
        let row = row.unwrap_or_else(|error| panic!("{query}: {error:?}"));
        row.get::<_, Option<String>>(0).unwrap_or_default()
    }

    pub(crate) async fn execute(&self, database: &str, commands: &str) {
        let client = self.postgres.connect_to(database).await;
        let done = client.batch_execute(commands).await;
        done.unwrap_or_else(|error| panic!("{commands}: {error:?}"));
    }

    /// Before each timed run, on either side: nothing of what ran before is left to be written.
    pub(crate) async fn checkpoint(&self) {
        self.execute(&self.postgres.url("postgres"), "checkpoint").await;
    }

    /// Before a run on tables that have rows: what autovacuum would have done by the next night, and not in the midst of it.
    pub(crate) async fn tidy(&self, database: &str) {
        self.execute(database, "vacuum (analyze)").await;
        self.checkpoint().await;
    }
}

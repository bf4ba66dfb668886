//! A store on a fresh database, imports running on it, and a look at its tables from outside.

use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::Text;
use longshore::store::model::{Begun, Import, NewImport};
use longshore::store::{Store, StoreError};
use worker::batch::{Batch, Entry};
use worker::import::{Counts, ImportOptions, OrgId};
use worker::ports::{Ahead, Checkpoint, Claimed, Commit, Ending};
use worker::resource::Resource;

use super::outside::Outside;
use crate::conformance::database::{Database, LEASE, new_import, received};

/// More than any test sends.
const RECORDS: u64 = 1_000_000;

/// A store, and the database under it as seen from outside.
pub(super) struct Bench {
    pub(super) store: Store,
    pub(super) database: Database,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Bench {
    pub(super) fn on(database: Database) -> Self {
        Self {
            store: database.store.clone(),
            database,
        }
    }

    /// The organization of that number.
    pub(super) async fn org(&self, org: u8) -> OrgId {
        self.store
            .ensure_organization(&format!("organization {org}"))
            .await
            .unwrap()
            .id
    }

    /// A running import of an organization, claimed.
    pub(super) async fn start(&self, org: u8, options: ImportOptions) -> Run {
        let org = self.org(org).await;
        let new = NewImport {
            options,
            ..new_import(org)
        };
        let Begun::Started(import) = self.store.begin_import(new).await.unwrap() else {
            panic!("no key was given")
        };
        self.store
            .queue_import(org, import, received(RECORDS))
            .await
            .unwrap()
            .unwrap();
        let claimed = self
            .store
            .claim(import, LEASE)
            .await
            .unwrap()
            .expect("nothing else runs");
        Run {
            at: claimed.checkpoint,
            counts: claimed.counts,
            claimed: Arc::new(claimed),
        }
    }

    /// Ends a run.
    pub(super) async fn end(&self, run: Run) -> Import {
        self.store
            .finish(run.claimed.lease, Ending::Done)
            .await
            .unwrap()
            .expect("the lease holds")
    }

    /// Runs a whole import in batches of so many entries.
    pub(super) async fn import(&self, org: u8, options: &ImportOptions, entries: &[Entry], size: usize) -> Counts {
        let mut run = self.start(org, options.clone()).await;
        let mut ahead = None;
        let mut parts = entries.chunks(size).peekable();
        while let Some(part) = parts.next() {
            let batch = Arc::new(run.batch(part));
            let read = ahead.take();
            // As the engine does, and as early as can be.
            if let Some(next) = parts.peek().map(|next| Arc::new(run.batch(next)))
                && !options.handles
                && !batch.shares_a_key_with(&next)
            {
                ahead = self.store.look_ahead(&run.claimed, &next).await;
            }
            if let Commit::Done { stop: true, .. } = run.commit_seen(&self.store, batch, read).await.unwrap() {
                break;
            }
        }
        let counts = run.counts;
        self.end(run).await;
        counts
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.database.sqlite_file().is_none()
    }

    /// A connection for another writer.
    pub(super) async fn outside(&self) -> Outside {
        match self.database.sqlite_file() {
            Some(file) => Outside::Sqlite(file),
            None => Outside::Postgres(self.database.client().await),
        }
    }

    pub(super) async fn sql(&self, sql: &str) {
        self.database.execute(sql).await;
    }

    /// Cells as text, null as `-`; `rest` is what follows the table's name.
    pub(super) async fn rows(&self, table: &str, columns: &[&str], rest: &str) -> Vec<Vec<String>> {
        let cells = columns
            .iter()
            .map(|c| format!("coalesce(cast({c} as text), '-')"))
            .collect::<Vec<_>>()
            .join(", ");
        let lines: Vec<String> = match self.database.sqlite_file() {
            None => {
                let sql = format!("select json_build_array({cells})::text from {table} {rest}");
                let rows = self.database.client().await.query(&sql, &[]).await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
            Some(mut file) => {
                let sql = format!("select json_array({cells}) as line from {table} {rest}");
                let lines: Vec<Line> = diesel::sql_query(sql).load(&mut file).unwrap();
                lines.into_iter().map(|line| line.line).collect()
            }
        };
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Every user, in short: `source_id email first_name attributes`.
    pub(super) async fn users(&self, org: u8) -> Vec<String> {
        let columns = ["source_id", "email", "first_name", "attributes"];
        let own = format!(
            "where org_id = {} order by source, source_id, language",
            self.org(org).await
        );
        let rows = self.rows("users", &columns, &own).await;
        rows.iter().map(|row| row.join(" ")).collect()
    }
}

/// A claimed import and how far it is.
#[derive(Clone)]
pub(super) struct Run {
    pub(super) claimed: Arc<Claimed>,
    pub(super) at: Checkpoint,
    pub(super) counts: Counts,
}

impl Run {
    pub(super) async fn commit(&mut self, store: &Store, entries: &[Entry]) -> Result<Commit, StoreError> {
        let batch = Arc::new(self.batch(entries));
        self.commit_seen(store, batch, None).await
    }

    pub(super) fn batch(&self, entries: &[Entry]) -> Batch {
        Batch {
            from: self.at,
            entries: entries.to_vec(),
        }
    }

    /// Commits a batch with what was read for it before.
    pub(super) async fn commit_seen(
        &mut self,
        store: &Store,
        batch: Arc<Batch>,
        ahead: Option<Ahead>,
    ) -> Result<Commit, StoreError> {
        let after = batch.entries.last().unwrap().after;
        let commit = store
            .commit_batch(Arc::clone(&self.claimed), batch, ahead, LEASE)
            .await?;
        if let Commit::Done { counts, .. } = commit {
            self.at = after;
            self.counts = counts;
        }
        Ok(commit)
    }
}

pub(super) fn options() -> ImportOptions {
    ImportOptions::new(Resource::Users)
}

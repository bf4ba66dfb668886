//! A store on a fresh database, imports running on it, and a look at its tables from outside.

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use longshore::store::model::{Begun, Import, NewImport, Received};
use longshore::store::{Store, StoreError, StoreOptions};
use worker::batch::{Batch, Entry};
use worker::import::{Counts, ImportOptions, OrgId};
use worker::ports::{Checkpoint, Claimed, Commit, Ending};
use worker::resource::Resource;

use super::outside::Outside;
use crate::harness::postgres;

const LEASE: Duration = Duration::from_secs(15);

/// Which database.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Database {
    Postgres,
    Sqlite,
}

/// A store and a connection beside its own.
pub(crate) struct Bench {
    pub(crate) store: Store,
    raw: Raw,
}

enum Raw {
    Postgres {
        client: tokio_postgres::Client,
        url: String,
    },
    /// The file; each look opens it anew.
    Sqlite { path: String, _folder: tempfile::TempDir },
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Bench {
    pub(crate) async fn new(database: Database) -> Self {
        match database {
            Database::Postgres => {
                let url = postgres().fresh_database().await;
                Self::through(&url, &url).await
            }
            Database::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("longshore.db").to_str().unwrap().to_owned();
                let url = format!("sqlite://{path}");
                Self::open(&url, Raw::Sqlite { path, _folder: folder }).await
            }
        }
    }

    /// The store speaks to PostgreSQL by one URL, and the look from outside by another.
    pub(crate) async fn through(url: &str, direct: &str) -> Self {
        Self::open(
            url,
            Raw::Postgres {
                client: connect(direct).await,
                url: direct.to_owned(),
            },
        )
        .await
    }

    async fn open(url: &str, raw: Raw) -> Self {
        let options = StoreOptions {
            connections: 4,
            bulk_connections: 4,
            create: true,
        };
        let store = Store::connect(url, options).await.unwrap();
        store.migrate().await.unwrap();
        Self { store, raw }
    }

    /// The organization of that number.
    pub(crate) async fn org(&self, org: u8) -> OrgId {
        self.store
            .ensure_organization(&format!("organization {org}"))
            .await
            .unwrap()
            .id
    }

    /// A running import of an organization, claimed.
    pub(crate) async fn start(&self, org: u8, options: ImportOptions) -> Run {
        let org = self.org(org).await;
        let new = NewImport {
            org,
            surface: "native".to_owned(),
            options,
            file_name: None,
            blob: "a blob".to_owned(),
            idempotency_key: None,
        };
        let Begun::Started(import) = self.store.begin_import(new).await.unwrap() else {
            panic!("no key was given")
        };
        let queued = self.store.queue_import(org, import, received()).await.unwrap();
        assert!(queued.is_some());
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
    pub(crate) async fn end(&self, run: Run) -> Import {
        self.store
            .finish(run.claimed.lease, Ending::Done)
            .await
            .unwrap()
            .expect("the lease holds")
    }

    /// Runs a whole import in batches of so many entries.
    pub(crate) async fn import(&self, org: u8, options: &ImportOptions, entries: &[Entry], size: usize) -> Counts {
        let mut run = self.start(org, options.clone()).await;
        for part in entries.chunks(size) {
            if let Commit::Done { stop: true, .. } = run.commit(&self.store, part).await.unwrap() {
                break;
            }
        }
        let counts = run.counts;
        self.end(run).await;
        counts
    }

    /// A connection for another writer.
    pub(super) async fn outside(&self) -> Outside {
        match &self.raw {
            Raw::Postgres { url, .. } => Outside::Postgres(connect(url).await),
            Raw::Sqlite { path, .. } => Outside::Sqlite(open(path)),
        }
    }

    pub(crate) async fn sql(&self, sql: &str) {
        match &self.raw {
            Raw::Postgres { client, .. } => client.batch_execute(sql).await.unwrap(),
            Raw::Sqlite { path, .. } => open(path).batch_execute(sql).unwrap(),
        }
    }

    /// Cells as text, null as `-`; `rest` is what follows the table's name.
    pub(crate) async fn rows(&self, table: &str, columns: &[&str], rest: &str) -> Vec<Vec<String>> {
        let cells = columns
            .iter()
            .map(|c| format!("coalesce(cast({c} as text), '-')"))
            .collect::<Vec<_>>()
            .join(", ");
        let lines: Vec<String> = match &self.raw {
            Raw::Postgres { client, .. } => {
                let sql = format!("select json_build_array({cells})::text from {table} {rest}");
                client
                    .query(&sql, &[])
                    .await
                    .unwrap()
                    .iter()
                    .map(|row| row.get(0))
                    .collect()
            }
            Raw::Sqlite { path, .. } => {
                let sql = format!("select json_array({cells}) as line from {table} {rest}");
                let lines: Vec<Line> = diesel::sql_query(sql).load(&mut open(path)).unwrap();
                lines.into_iter().map(|line| line.line).collect()
            }
        };
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Every user, in short: `source_id email first_name attributes`.
    pub(crate) async fn users(&self, org: u8) -> Vec<String> {
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
pub(crate) struct Run {
    pub(crate) claimed: Arc<Claimed>,
    pub(crate) at: Checkpoint,
    pub(crate) counts: Counts,
}

impl Run {
    pub(crate) async fn commit(&mut self, store: &Store, entries: &[Entry]) -> Result<Commit, StoreError> {
        let batch = Arc::new(Batch {
            from: self.at,
            entries: entries.to_vec(),
        });
        let commit = store.commit_batch(Arc::clone(&self.claimed), batch, LEASE).await?;
        if let Commit::Done { counts, .. } = commit {
            self.at = entries.last().unwrap().after;
            self.counts = counts;
        }
        Ok(commit)
    }
}

fn open(path: &str) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(path).unwrap();
    connection.batch_execute("pragma busy_timeout = 10000").unwrap();
    connection
}

pub(crate) fn options() -> ImportOptions {
    ImportOptions::new(Resource::Users)
}

/// More records than any test sends.
fn received() -> Received {
    Received {
        columns: Vec::new(),
        total: 1_000_000,
        start: Checkpoint {
            record: 0,
            byte: 0,
            line: 2,
        },
        delimiter: b',',
        bytes: 0,
        sha256: String::new(),
        encoding: "UTF-8".to_owned(),
        fingerprint: String::new(),
        retention: Duration::from_secs(3600),
    }
}

async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

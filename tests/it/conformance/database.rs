//! A migrated store on a fresh database of either kind, and the few steps that many stories begin with.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};
use longshore::store::model::{Begun, NewImport, Received};
use longshore::store::{Store, StoreOptions};
use longshore::vault::Vault;
use worker::import::{ImportId, ImportOptions, OrgId};
use worker::mapping::{Column, Target};
use worker::ports::Checkpoint;
use worker::resource::Resource;

use harness::postgres;

pub(super) const LEASE: Duration = Duration::from_secs(60);
/// A lease that is over as soon as it is given.
pub(super) const NO_TIME: Duration = Duration::ZERO;

/// A store, and the way around it.
pub(super) struct Database {
    pub(super) store: Store,
    pub(super) url: String,
    _folder: Option<tempfile::TempDir>,
}

impl Database {
    /// A fresh PostgreSQL database with the schema.
    pub(super) async fn postgres() -> Self {
        let database = Self::empty_postgres().await;
        database.store.migrate().await.unwrap();
        database.store.load_keys([7; 32]).await.unwrap();
        database
    }

    /// A fresh SQLite file with the schema.
    pub(super) async fn sqlite() -> Self {
        let database = Self::empty_sqlite().await;
        database.store.migrate().await.unwrap();
        database.store.load_keys([7; 32]).await.unwrap();
        database
    }

    pub(super) async fn empty_postgres() -> Self {
        let url = postgres().fresh_database().await;
        Self {
            store: connect(&url).await,
            url,
            _folder: None,
        }
    }

    pub(super) async fn empty_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/store # 100%.db", folder.path().display());
        Self {
            store: connect(&url).await,
            url,
            _folder: Some(folder),
        }
    }

    /// Runs SQL that both databases understand, past the store.
    pub(super) async fn execute(&self, sql: &str) {
        self.session().await.execute(sql).await;
    }

    /// A connection of the test's own.
    pub(super) async fn session(&self) -> Session {
        match self.sqlite_file() {
            Some(file) => Session::Sqlite(file),
            None => Session::Postgres(self.client().await),
        }
    }

    /// How many rows a table holds.
    pub(super) async fn count(&self, table: &str) -> i64 {
        let query = format!("select count(*) as count from {table}");
        match self.sqlite_file() {
            Some(mut file) => diesel::sql_query(query).get_result::<Count>(&mut file).unwrap().count,
            None => self.client().await.query_one(&query, &[]).await.unwrap().get(0),
        }
    }

    /// A connection of the test's own, where the database is a file.
    pub(super) fn sqlite_file(&self) -> Option<SqliteConnection> {
        let path = self
            .url
            .strip_prefix("sqlite://")?
            .replace('%', "%25")
            .replace('#', "%23");
        let mut connection = SqliteConnection::establish(&format!("file:{path}?mode=rw")).unwrap();
        connection.batch_execute("pragma busy_timeout = 10000").unwrap();
        Some(connection)
    }

    /// A connection of the test's own, where the database is a server's.
    pub(super) async fn client(&self) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(&self.url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// An organization of that name.
    pub(super) async fn org(&self, name: &str) -> OrgId {
        self.store.ensure_organization(name).await.unwrap().id
    }

    /// An import of four records that waits for a worker.
    pub(super) async fn queued(&self, org: OrgId) -> ImportId {
        let id = self.receiving(org).await;
        self.store.queue_import(org, id, received(4)).await.unwrap().unwrap();
        id
    }

    /// The same for one whose caller waits.
    pub(super) async fn queued_synchronous(&self, org: OrgId) -> ImportId {
        let new = NewImport {
            synchronous: true,
            ..new_import(org)
        };
        let Begun::Started(id) = self.store.begin_import(new).await.unwrap() else {
            panic!("no key is in use")
        };
        self.store.queue_import(org, id, received(4)).await.unwrap().unwrap();
        id
    }

    /// An import whose upload is going on.
    pub(super) async fn receiving(&self, org: OrgId) -> ImportId {
        match self.store.begin_import(new_import(org)).await.unwrap() {
            Begun::Started(id) => id,
            Begun::Taken(import) => panic!("taken by {}", import.id),
        }
    }
}

/// A connection that the store knows nothing of.
pub(super) enum Session {
    Postgres(tokio_postgres::Client),
    Sqlite(SqliteConnection),
}

impl Session {
    pub(super) async fn execute(&mut self, sql: &str) {
        match self {
            Self::Postgres(client) => client.batch_execute(sql).await.unwrap(),
            Self::Sqlite(file) => file.batch_execute(sql).unwrap(),
        }
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

/// Opens a database, made if it is a missing file.
pub(super) async fn connect(url: &str) -> Store {
    let options = StoreOptions {
        connections: 8,
        bulk_connections: 2,
        create: true,
    };
    let vault = Vault::new(b"the secret of the tests", None);
    Store::connect(url, options, vault).await.unwrap()
}

pub(super) fn new_import(org: OrgId) -> NewImport {
    NewImport {
        org,
        surface: "native".to_owned(),
        options: ImportOptions::new(Resource::Users),
        file_name: Some("people.csv".to_owned()),
        blob: "imports/1.csv".to_owned(),
        idempotency_key: None,
        synchronous: false,
    }
}

pub(super) fn received(total: u64) -> Received {
    Received {
        columns: vec![Column {
            header: "E-Mail".to_owned(),
            target: Target::Field("email".to_owned()),
        }],
        total,
        start: Checkpoint {
            record: 0,
            byte: 7,
            line: 2,
        },
        delimiter: b';',
        bytes: 100,
        sha256: "9c0f".to_owned(),
        encoding: "windows-1252".to_owned(),
        fingerprint: "f1".to_owned(),
        retention: Duration::from_secs(86_400),
    }
}

/// One story, told on both databases: `name::postgres` and `name::sqlite`.
macro_rules! both_databases {
    ($($(#[$attribute:meta])* async fn $name:ident($database:ident) $body:block)+) => {$(
        $(#[$attribute])*
        async fn $name($database: $crate::conformance::database::Database) $body

        mod $name {
            use $crate::conformance::database::Database;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(Database::postgres().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(Database::sqlite().await).await;
            }
        }
    )+};
}

pub(super) use both_databases;

//! Connections to SQLite: one writer, so that writers queue here and not in SQLite's busy loop, and a few readers, which
//! in WAL mode see the last commit and wait for nobody. Every commit is on the disk when it is answered.

use std::path::{Path, PathBuf};
use std::time::Duration;

use deadpool::Runtime;
use diesel::connection::SimpleConnection;
use diesel::{Connection, ConnectionError, ConnectionResult, SqliteConnection};
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig};
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use futures::FutureExt;

use super::StoreOptions;
use super::error::StoreError;

/// A connection that diesel uses from async code, each call on a blocking thread.
pub(super) type SqliteConn = SyncConnectionWrapper<SqliteConnection>;

/// Longer than the largest batch takes, so that a cancel can wait for it.
const WRITER_WAIT: Duration = Duration::from_secs(15);
/// How long a caller waits for a reader before it is told that the database is busy.
const READER_WAIT: Duration = Duration::from_secs(5);
/// More would not read faster.
const READERS: usize = 4;

/// `busy_timeout` is for another process (the command line beside `serve`).
const PRAGMAS: &str = "pragma busy_timeout = 12000; pragma journal_mode = wal; pragma synchronous = full; \
                       pragma foreign_keys = on; pragma temp_store = memory;";
/// A batch keeps the pages of its indexes at hand.
const WRITER: &str = "pragma cache_size = -16384;";
/// Small answers need little.
const READER: &str = "pragma query_only = on; pragma cache_size = -4096;";

/// A SQLite database.
#[derive(Clone)]
pub(super) struct Sqlite {
    writer: Pool<SqliteConn>,
    readers: Pool<SqliteConn>,
    pub(super) path: PathBuf,
}

impl Sqlite {
    /// Opens the file; makes it only where that is asked for, so that a typo never becomes an empty database.
    pub(super) async fn open(path: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        if !path.exists() {
            create(path, options.create).await?;
        }
        let readers = options.connections.clamp(1, READERS);
        Ok(Self {
            writer: pool(path, 1, WRITER_WAIT, WRITER)?,
            readers: pool(path, readers, READER_WAIT, READER)?,
            path: path.to_owned(),
        })
    }

    /// The one connection that writes.
    pub(super) async fn writer(&self) -> Result<Object<SqliteConn>, StoreError> {
        Ok(self.writer.get().await?)
    }

    /// A connection that only reads.
    pub(super) async fn reader(&self) -> Result<Object<SqliteConn>, StoreError> {
        Ok(self.readers.get().await?)
    }
}

async fn create(path: &Path, allowed: bool) -> Result<(), StoreError> {
    if !allowed {
        return Err(StoreError::Config(format!(
            "there is no database file {}",
            path.display()
        )));
    }
    let url = uri(path, "rwc")?;
    tokio::task::spawn_blocking(move || establish(&url, ""))
        .await?
        .map_err(StoreError::unavailable)?;
    Ok(())
}

fn pool(path: &Path, size: usize, wait: Duration, extra: &'static str) -> Result<Pool<SqliteConn>, StoreError> {
    let mut config = ManagerConfig::default();
    config.custom_setup = Box::new(move |url: &str| {
        let url = url.to_owned();
        async move {
            let connection = tokio::task::spawn_blocking(move || establish(&url, extra)).await;
            let connection = connection.map_err(|error| ConnectionError::BadConnection(error.to_string()))??;
            Ok(SyncConnectionWrapper::new(connection))
        }
        .boxed()
    });
    Pool::builder(AsyncDieselConnectionManager::new_with_config(uri(path, "rw")?, config))
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(wait))
        .build()
        .map_err(|error| StoreError::Config(error.to_string()))
}

/// Opens a connection with every pragma set; blocks.
pub(super) fn establish(url: &str, extra: &str) -> ConnectionResult<SqliteConnection> {
    let mut connection = SqliteConnection::establish(url)?;
    let set = connection
        .batch_execute(PRAGMAS)
        .and_then(|()| connection.batch_execute(extra));
    set.map_err(ConnectionError::CouldntSetupConfiguration)?;
    super::search::register_lower(&mut connection).map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// SQLite's URI of a file: the mode says whether it may be made.
pub(super) fn uri(path: &Path, mode: &str) -> Result<String, StoreError> {
    let Some(path) = path.to_str() else {
        return Err(StoreError::Config(
            "the path of the SQLite file is not UTF-8".to_owned(),
        ));
    };
    let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Ok(format!("file:{path}?mode={mode}"))
}

//! SQL stands only here: one `Store` over PostgreSQL and SQLite, one file per table's queries. No connection, pool or
//! diesel type leaves; no HTTP, blob or queue enters.
//!
//! A query is written once, in the body of `reading!`, `writing!` or `in_transaction!` (`db`), which ask whose rows it is
//! about (`scope`), and compiled for both.
//! What differs has two bodies: `db::Transaction`, `clock`, `migrate` and the batch commit. A method spawns on the
//! runtime that the store was opened on and awaits the handle: a request that is dropped drops the handle, never a
//! database call half-way.

mod api_keys;
mod bulk;
mod catalogue;
mod cell;
mod claim;
mod client_row;
mod clients;
mod clock;
mod credential_row;
mod credentials;
mod db;
mod endings;
mod error;
mod failures;
mod import_row;
mod imports;
mod known_users;
mod lease;
mod migrate;
pub mod model;
mod organizations;
mod pool;
mod postgres;
mod removed_blobs;
mod reseal;
mod row_security;
mod schema;
mod scope;
mod sealing_keys;
mod search;
mod sqlite;
mod sweep;
mod tls;
mod url;
mod user_row;
mod users;
mod watch;

use std::sync::Arc;

use tokio::runtime::{Handle, RuntimeFlavor};

pub use error::StoreError;
pub use imports::RECEIVING_LEASE;
pub use reseal::Resealed;
pub use url::{DatabaseUrl, PostgresUrl};

use crate::vault::Vault;
use db::Db;

/// How often a transaction is done that the database undoes.
const ATTEMPTS: usize = 4;

/// The records of the house, in one of the two databases. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    db: Db,
    runtime: Handle,
    vault: Vault,
}

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// Connections for queries, at most.
    pub connections: usize,
    /// Connections for batches, at most.
    pub bulk_connections: usize,
    /// Whether a missing SQLite file is made.
    pub create: bool,
}

impl Store {
    /// Opens a database by its URL; PostgreSQL is first spoken to by the first query. Must be called on a multi-thread
    /// runtime, which then carries every call. The vault's keys come from the database itself: see `load_keys`.
    pub async fn connect(url: &str, options: StoreOptions, vault: Vault) -> Result<Self, StoreError> {
        let runtime = Handle::current();
        if runtime.runtime_flavor() != RuntimeFlavor::MultiThread {
            return Err(StoreError::Config("the store needs a multi-thread runtime".to_owned()));
        }
        let db = match DatabaseUrl::parse(url)? {
            DatabaseUrl::Postgres(url) => Db::Postgres(Arc::new(postgres::Postgres::open(&url, &options)?)),
            DatabaseUrl::Sqlite { path } => Db::Sqlite(Arc::new(sqlite::Sqlite::open(&path, &options).await?)),
        };
        Ok(Self { db, runtime, vault })
    }

    /// What seals cells, under the keys of this database.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Carries out `work` on the store's runtime, to its end even if the caller goes away.
    async fn run<T, W, F>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(Db) -> F,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.runtime.spawn(work(self.db.clone())).await?
    }

    /// The same for a transaction that locks several rows, which a batch locks in the order of its file: done again where
    /// the database has undone it for the batch's sake.
    async fn run_again<T, W, F>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: Fn(Db) -> F,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        for _ in 1..ATTEMPTS {
            match self.run(&work).await {
                Err(error) if error.is_deadlock() => {}
                done => return done,
            }
        }
        self.run(&work).await
    }
}

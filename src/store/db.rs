//! The enum over both databases and the macros that write a query once for both. Connections stay in this room.

use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use uuid::Uuid;
use worker::import::{ImportId, OrgId};

use super::error::StoreError;
use super::postgres::Postgres;
use super::schema::{clients, imports, organizations};
use super::sqlite::{Sqlite, SqliteConn};
use super::watch::{Held, ORPHANED};

/// One of the two databases.
#[derive(Clone)]
pub(super) enum Db {
    /// Over diesel-async, with batches on connections of their own.
    Postgres(Arc<Postgres>),
    /// One writer, a few readers.
    Sqlite(Arc<Sqlite>),
}

impl Db {
    /// Lets others see, before the lease is to be seen, that its holder lives; `None` where they cannot or need not.
    pub(super) async fn watch(&self, token: Uuid) -> Option<Held> {
        match self {
            Self::Postgres(postgres) => postgres.watch.hold(token).await,
            Self::Sqlite(_) => None,
        }
    }

    /// What is true of the row of a running import whose holder is known to be dead.
    pub(super) fn orphaned(&self) -> &'static str {
        match self {
            Self::Postgres(_) => ORPHANED,
            Self::Sqlite(_) => "false",
        }
    }
}

/// Runs a query that only reads, on a connection that is bound to the rows of `$scope`, an `OrgId` or `Scope::House`:
/// `reading!(db, org, |c| query.load(c).await?)`. It may be run once more.
macro_rules! reading {
    ($db:expr, $scope:expr, |$c:ident| $body:expr) => {
        match $db {
            $crate::store::db::Db::Postgres(postgres) => {
                let mut connection = postgres.queries.get_to_read($scope).await?;
                loop {
                    let $c = &mut *connection;
                    let answering = async { Ok::<_, $crate::store::error::StoreError>($body) };
                    let answered = tokio::time::timeout($crate::store::postgres::ANSWER, answering).await;
                    match connection.read(answered) {
                        $crate::store::pool::Outcome::Told(answer) => break answer?,
                        $crate::store::pool::Outcome::AskAnother => {
                            connection = postgres.queries.get($scope).await?;
                        }
                    }
                }
            }
            $crate::store::db::Db::Sqlite(sqlite) => {
                let mut connection = sqlite.reader().await?;
                let $c = &mut *connection;
                $body
            }
        }
    };
}

/// Runs one statement that writes, a transaction by itself, on a connection that is bound likewise.
macro_rules! writing {
    ($db:expr, $scope:expr, |$c:ident| $body:expr) => {
        match $db {
            $crate::store::db::Db::Postgres(postgres) => {
                let mut connection = postgres.queries.get($scope).await?;
                let $c = &mut *connection;
                let answering = async { Ok::<_, $crate::store::error::StoreError>($body) };
                let answered = tokio::time::timeout($crate::store::postgres::ANSWER, answering).await;
                connection.in_time(answered)?
            }
            $crate::store::db::Db::Sqlite(sqlite) => {
                let mut connection = sqlite.writer().await?;
                let $c = &mut *connection;
                $body
            }
        }
    };
}

/// Runs a block of statements as one transaction that is going to write; its value is a `Result`. On SQLite it begins
/// IMMEDIATE: a deferred one that reads first would be refused the lock in spite of any patience. One that is `patient` waits
/// and removes for as long as `be_patient` lets it.
macro_rules! in_transaction {
    (patient, $db:expr, $scope:expr, |$c:ident| $body:block) => {
        $crate::store::db::in_transaction!(@within $crate::store::postgres::PATIENT, $db, $scope, |$c| $body)
    };
    (@within $limit:expr, $db:expr, $scope:expr, |$c:ident| $body:block) => {
        match $db {
            $crate::store::db::Db::Postgres(postgres) => {
                use diesel_async::AsyncConnection;
                let mut connection = postgres.queries.get($scope).await?;
                let answering =
                    connection.transaction::<_, $crate::store::error::StoreError, _>(async |$c| $body);
                let answered = tokio::time::timeout($limit, answering).await;
                connection.in_time(answered)
            }
            $crate::store::db::Db::Sqlite(sqlite) => {
                let mut connection = sqlite.writer().await?;
                connection
                    .immediate_transaction::<_, $crate::store::error::StoreError, _>(async |$c| $body)
                    .await
            }
        }
    };
    ($db:expr, $scope:expr, |$c:ident| $body:block) => {
        $crate::store::db::in_transaction!(@within $crate::store::postgres::TRANSACTION, $db, $scope, |$c| $body)
    };
}

pub(super) use {in_transaction, reading, writing};

/// What the two databases say differently inside a transaction.
pub(super) trait Transaction {
    /// Waits for a batch in flight, and for the removal of many rows, longer than a plain statement may.
    async fn be_patient(&mut self) -> Result<(), StoreError>;
    /// Locks an organization's import until the end; whoever holds it (a batch in flight) ends first. Another
    /// organization's is not waited for: the time it takes would tell that it is there.
    async fn lock_import(&mut self, org: OrgId, id: ImportId) -> Result<(), StoreError>;
    /// Ends the session of a worker that has stopped inside a batch and let its lease run out, so that its locks go.
    async fn evict_hung(&mut self, id: ImportId) -> Result<(), StoreError>;
    /// Locks those of an organization's clients that are there until the end, in the order of their numbers, so that two
    /// who lock several do not wait for each other; says which.
    async fn lock_clients(&mut self, org: OrgId, ids: Vec<i64>) -> Result<Vec<i64>, StoreError>;
    /// Locks what an organization has only one of until the end.
    async fn lock_organization(&mut self, org: OrgId) -> Result<(), StoreError>;
}

/// The numbers of those of an organization's clients that are there.
macro_rules! own_clients {
    ($org:expr, $ids:expr) => {
        clients::table
            .filter(clients::org_id.eq($org.0))
            .filter(clients::id.eq_any($ids))
            .order(clients::id)
            .select(clients::id)
    };
}

/// The guard of a batch rewrites the import's row: until that commits, `xmax` names its transaction. A session that waits for
/// its client, to say something or to take an answer, heeds no limit but that on idle transactions; one that works is left
/// alone, however long it takes. Only the user that a session belongs to may end it: the role of queries is put off for this,
/// and taken again.
const EVICT_HUNG: &str = "select pg_terminate_backend(a.pid) from imports i \
    join pg_locks l on l.locktype = 'transactionid' and l.granted and l.transactionid = i.xmax \
    join pg_stat_activity a on a.pid = l.pid \
    where i.id = $1 and i.status = 'running' and i.lease_until < clock_timestamp() at time zone 'utc' \
    and a.wait_event in ('ClientRead', 'ClientWrite')";

impl Transaction for AsyncPgConnection {
    async fn be_patient(&mut self) -> Result<(), StoreError> {
        Ok(self
            .batch_execute("set local lock_timeout = '12s'; set local statement_timeout = '5min'")
            .await?)
    }

    async fn lock_import(&mut self, org: OrgId, id: ImportId) -> Result<(), StoreError> {
        let own = imports::table
            .filter(imports::org_id.eq(org.0))
            .filter(imports::id.eq(id.0));
        own.select(imports::id).for_update().execute(self).await?;
        Ok(())
    }

    async fn evict_hung(&mut self, id: ImportId) -> Result<(), StoreError> {
        let ImportId(id) = id;
        let evict = EVICT_HUNG.replace("$1", &id.to_string());
        let put_off = "savepoint queries; set local role none";
        let take_again = "rollback to savepoint queries; release savepoint queries";
        Ok(self.batch_execute(&format!("{put_off}; {evict}; {take_again}")).await?)
    }

    async fn lock_clients(&mut self, org: OrgId, ids: Vec<i64>) -> Result<Vec<i64>, StoreError> {
        Ok(own_clients!(org, ids).for_update().load(self).await?)
    }

    /// Not against those who merely refer to it.
    async fn lock_organization(&mut self, org: OrgId) -> Result<(), StoreError> {
        let own = organizations::table.find(org.0).select(organizations::id);
        own.for_no_key_update().execute(self).await?;
        Ok(())
    }
}

/// The transaction has had the only write lock since it began.
impl Transaction for SqliteConn {
    async fn be_patient(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn lock_import(&mut self, _org: OrgId, _id: ImportId) -> Result<(), StoreError> {
        Ok(())
    }

    async fn evict_hung(&mut self, _id: ImportId) -> Result<(), StoreError> {
        Ok(())
    }

    async fn lock_clients(&mut self, org: OrgId, ids: Vec<i64>) -> Result<Vec<i64>, StoreError> {
        Ok(own_clients!(org, ids).load(self).await?)
    }

    async fn lock_organization(&mut self, _org: OrgId) -> Result<(), StoreError> {
        Ok(())
    }
}

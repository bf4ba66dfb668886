//! The few connections that batches go through: plain tokio_postgres, as COPY and arrays by the thousand are out of diesel's
//! reach, with statements prepared once per connection. A connection that saw an error is not used again.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult, TimeoutType};
use tokio::task::AbortHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, CopyInSink, Row, Statement};
use worker::import::OrgId;

use super::trouble::Trouble;
use crate::store::error::StoreError;
use crate::store::postgres::Target;
use crate::store::row_security::TAKE_ROLE;
use crate::store::scope::Scope;

/// Sent once to each new connection. Every statement of this room finds its rows by key, so a plan that scans can only come
/// from statistics of an empty table, and is forbidden. A stopped worker must not hold its locks for longer than others wait.
const SETTINGS: &str = "\
    set enable_seqscan = off; set enable_bitmapscan = off; set enable_hashjoin = off; set enable_mergejoin = off; \
    set lock_timeout = '12s'; set idle_in_transaction_session_timeout = '10s'";

/// The longest statement: an INSERT of the largest batch on a slow disk.
const STATEMENT: Duration = Duration::from_secs(30);

/// Statements that a connection keeps prepared.
const MOST_STATEMENTS: usize = 100;

/// How long a batch waits for a connection before it is handed back.
const WAIT: Duration = Duration::from_secs(10);

/// Makes connections for batches, the way the store makes its others.
pub(in crate::store) struct Connections {
    target: Target,
}

/// A connection and the statements it has prepared.
pub(in crate::store) struct Connection {
    client: Client,
    statements: HashMap<String, Statement>,
    driver: AbortHandle,
    /// Whose rows it sees outside of transactions.
    bound: Option<OrgId>,
    /// A session was begun and not ended: whoever gave up waiting for it leaves it like that.
    in_hand: bool,
}

/// The socket goes with the connection, also where an answer is still awaited.
impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Manager for Connections {
    type Type = Connection;
    type Error = tokio_postgres::Error;

    async fn create(&self) -> Result<Connection, Self::Error> {
        let (client, connection) = self.target.connect(Some(STATEMENT)).await?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection for batches ended");
            }
        });
        let connection = Connection {
            client,
            statements: HashMap::new(),
            driver: driver.abort_handle(),
            bound: None,
            in_hand: false,
        };
        connection.client.batch_execute(SETTINGS).await?;
        connection.client.batch_execute(TAKE_ROLE).await?;
        Ok(connection)
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<Self::Error> {
        if connection.client.is_closed() || connection.in_hand {
            Err(RecycleError::message("closed, or left in the middle"))
        } else {
            Ok(())
        }
    }
}

/// The connections that batches go through.
#[derive(Clone)]
pub(in crate::store) struct BulkPool(Pool<Connections>);

impl BulkPool {
    /// At most `size` connections, opened when they are first needed.
    pub(in crate::store) fn new(target: Target, size: usize) -> Result<Self, StoreError> {
        let pool = Pool::builder(Connections { target })
            .max_size(size.max(1))
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(WAIT))
            .runtime(Runtime::Tokio1)
            .build();
        pool.map(Self).map_err(|error| StoreError::Config(error.to_string()))
    }

    pub(super) async fn get(&self) -> Result<Object<Connections>, Trouble> {
        self.0.get().await.map_err(|error| match error {
            PoolError::Timeout(TimeoutType::Wait) => Trouble::Failed(StoreError::Busy),
            PoolError::Backend(cause) => Trouble::Again(StoreError::unavailable(cause)),
            PoolError::Timeout(_) => Trouble::Failed(StoreError::unavailable("no connection within 10 s")),
            _ => Trouble::Failed(StoreError::unavailable("the pool is closed")),
        })
    }
}

impl Connection {
    /// Opens a transaction that sees and writes the rows of one organization: the import's, by its row.
    pub(super) async fn begin(&mut self, org: OrgId) -> Result<Session<'_>, tokio_postgres::Error> {
        self.in_hand = true;
        let begin = format!("BEGIN; {}", bind(org, true));
        self.client.batch_execute(&begin).await?;
        Ok(self.session())
    }

    /// Reads the rows of one organization, each statement by itself.
    pub(super) async fn read(&mut self, org: OrgId) -> Result<Session<'_>, tokio_postgres::Error> {
        self.in_hand = true;
        if self.bound != Some(org) {
            self.client.batch_execute(&bind(org, false)).await?;
            self.bound = Some(org);
        }
        Ok(self.session())
    }

    fn session(&mut self) -> Session<'_> {
        Session {
            client: &self.client,
            statements: &mut self.statements,
            in_hand: &mut self.in_hand,
        }
    }
}

/// For this transaction or until another is said: whose rows the connection sees.
fn bind(org: OrgId, local: bool) -> String {
    // A number: nothing in it needs quoting.
    let org = Scope::Org(org).setting();
    format!("select set_config('longshore.org', '{org}', {local})")
}

/// A connection in use: a transaction, or several reads. Dropped before its end, it is not used again, and the server rolls back.
pub(super) struct Session<'a> {
    client: &'a Client,
    statements: &'a mut HashMap<String, Statement>,
    in_hand: &'a mut bool,
}

impl Session<'_> {
    /// A statement that is prepared once a connection.
    pub(super) async fn prepare(&mut self, sql: &str) -> Result<Statement, tokio_postgres::Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        // Files of many kinds fill many sets of columns; the server must not keep a plan for each.
        if self.statements.len() >= MOST_STATEMENTS {
            self.statements.clear();
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(super) async fn query(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, tokio_postgres::Error> {
        let statement = self.prepare(sql).await?;
        self.client.query(&statement, params).await
    }

    /// Sent at once, even while others are not answered yet; so is `execute_prepared`.
    pub(super) async fn query_prepared(
        &self,
        statement: &Statement,
        params: Params<'_>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        self.client.query(statement, params).await
    }

    pub(super) async fn execute_prepared(
        &self,
        statement: &Statement,
        params: Params<'_>,
    ) -> Result<u64, tokio_postgres::Error> {
        self.client.execute(statement, params).await
    }

    /// A COPY that goes on until the sink is finished; dropped before, it is undone.
    pub(super) async fn copy_in(&self, statement: &Statement) -> Result<CopyInSink<Bytes>, tokio_postgres::Error> {
        self.client.copy_in(statement).await
    }

    pub(super) async fn execute(&mut self, sql: &str, params: Params<'_>) -> Result<u64, tokio_postgres::Error> {
        let statement = self.prepare(sql).await?;
        self.client.execute(&statement, params).await
    }

    /// `SAVEPOINT`, `ROLLBACK TO`: without binds or an answer to read.
    pub(super) async fn command(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.client.batch_execute(sql).await
    }

    pub(super) async fn commit(self) -> Result<(), tokio_postgres::Error> {
        self.client.batch_execute("COMMIT").await?;
        *self.in_hand = false;
        Ok(())
    }

    /// Ends reads.
    pub(super) fn done(self) {
        *self.in_hand = false;
    }

    pub(super) async fn rollback(self) -> Result<(), tokio_postgres::Error> {
        self.client.batch_execute("ROLLBACK").await?;
        *self.in_hand = false;
        Ok(())
    }
}

/// Values bound to a statement.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Closes a connection instead of giving it back: what state an error left it in is not worth finding out.
pub(super) fn discard(connection: Object<Connections>) {
    drop(Object::take(connection));
}

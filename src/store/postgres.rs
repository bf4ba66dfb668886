//! Where PostgreSQL is, the pools of connections to it, and the way to open one more. Time limits are set in the
//! startup message, so that no connection is ever without them.

use std::time::Duration;

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncPgConnection;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::StoreOptions;
use super::bulk::postgres::pool::BulkPool;
use super::error::{Chain, StoreError};
use super::pool::QueryPool;
use super::tls;
use super::url::PostgresUrl;
use super::watch::Watch;

/// The longest statement of the pool; what may take longer says so in its transaction.
pub(super) const STATEMENT: Duration = Duration::from_secs(10);
/// How long a statement's answer is waited for: a server that is there ends the statement before that. One that says nothing,
/// behind a line that takes everything, would be waited for for ever.
pub(super) const ANSWER: Duration = Duration::from_secs(15);
/// The same for the statements of a transaction together.
pub(super) const TRANSACTION: Duration = Duration::from_secs(30);
/// The same for one that may wait for a batch and remove many rows.
pub(super) const PATIENT: Duration = Duration::from_secs(330);
/// How long a connection may take to be made.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// Unanswered bytes for so long mean that the other end is gone.
const SILENCE: Duration = Duration::from_secs(15);
/// The driver's own patience with a server that says nothing while an answer is awaited: two hours.
const DRIVERS_IDLE: Duration = Duration::from_secs(2 * 60 * 60);

/// A stream under TLS, or plain where the driver's `sslmode` allows it.
pub(super) type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// A PostgreSQL database.
#[derive(Clone)]
pub(super) struct Postgres {
    /// For queries.
    pub(super) queries: QueryPool,
    /// For batches.
    pub(super) bulk: BulkPool,
    /// Shows others that this process lives.
    pub(super) watch: Watch,
    /// For connections outside the pool.
    pub(super) target: Target,
}

impl Postgres {
    /// Makes the pools; the first connection is made by the first query.
    pub(super) fn open(url: &PostgresUrl, options: &StoreOptions) -> Result<Self, StoreError> {
        let target = Target::new(url)?;
        let queries = QueryPool::new(&target, options.connections)?;
        let bulk = BulkPool::new(target.clone(), options.bulk_connections)?;
        let watch = Watch::new(target.clone());
        Ok(Self {
            queries,
            bulk,
            watch,
            target,
        })
    }
}

/// Where PostgreSQL is and how to speak to it.
#[derive(Clone)]
pub(super) struct Target {
    config: tokio_postgres::Config,
    tls: MakeRustlsConnect,
}

impl Target {
    fn new(url: &PostgresUrl) -> Result<Self, StoreError> {
        let mut config = url.config.clone();
        config.connect_timeout(config.get_connect_timeout().copied().unwrap_or(CONNECT));
        config.tcp_user_timeout(config.get_tcp_user_timeout().copied().unwrap_or(SILENCE));
        if config.get_keepalives_idle() == DRIVERS_IDLE {
            config
                .keepalives_idle(SILENCE)
                .keepalives_interval(SILENCE / 3)
                .keepalives_retries(3);
        }
        if config.get_application_name().is_none() {
            config.application_name("longshore");
        }
        Ok(Self {
            config,
            tls: tls::connector(&url.verify)?,
        })
    }

    /// Opens a connection whose statements may take that long (`None`: as long as they like), as the user of the URL. Row-level
    /// security makes small statements look dear to the planner: without `jit=off` it would compile them. The second half is to be
    /// driven by a task.
    pub(super) async fn connect(
        &self,
        statement: Option<Duration>,
    ) -> Result<(Client, Connection<Socket, Stream>), tokio_postgres::Error> {
        let mut config = self.config.clone();
        let limit = statement.map_or(0, |limit| limit.as_millis());
        let idle = limit.min(STATEMENT.as_millis());
        let given = config.get_options().unwrap_or_default();
        config.options(format!(
            "{given} -c statement_timeout={limit} -c idle_in_transaction_session_timeout={idle} -c timezone=UTC -c jit=off"
        ));
        config.connect(self.tls.clone()).await
    }

    /// Opens a connection for diesel.
    pub(super) async fn diesel(&self, statement: Option<Duration>) -> ConnectionResult<AsyncPgConnection> {
        let connected = self.connect(statement).await;
        let (client, connection) =
            connected.map_err(|error| ConnectionError::BadConnection(Chain(&error).to_string()))?;
        AsyncPgConnection::try_from_client_and_connection(client, connection).await
    }
}

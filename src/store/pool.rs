//! The connections for queries. Each knows whose rows it is bound to, so that reads for the same caller, one after the other,
//! cost one statement and not two. What the house itself looks up, the caller's key above all, has connections of its own: it would
//! unbind the others each time, and need not wait behind whoever holds those while it waits for a row.
//!
//! Binding a connection also proves that it is well. A read may go without where one was well a moment ago, as it can be done
//! again if that was wrong; what writes always has the proof.

use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use deadpool::Runtime;
use deadpool::managed::{BuildError, Manager, Metrics, Object, Pool, QueueMode, RecycleError, RecycleResult};
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio::time::error::Elapsed;

use super::error::StoreError;
use super::postgres::{CONNECT, STATEMENT, Target};
use super::row_security::TAKE_ROLE;
use super::scope::Scope;

/// How long a connection may take to be bound.
const WELL: Duration = Duration::from_secs(3);
/// For how long a connection that answered is believed to be well.
const RECENT: Duration = Duration::from_millis(100);
/// How long a caller waits for a free connection before it is told that the database is busy.
const WAIT: Duration = Duration::from_secs(5);
/// One connection of so many is for lookups.
const LOOKS_UP: usize = 4;

/// Makes connections for queries.
pub(super) struct Connections(Target);

impl Connections {
    async fn open(&self) -> ConnectionResult<Connection> {
        let mut diesel = self.0.diesel(Some(STATEMENT)).await?;
        let taken = diesel.batch_execute(TAKE_ROLE).await;
        taken.map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(Connection {
            diesel,
            bound: None,
            answered: Instant::now(),
        })
    }
}

/// A connection, whose rows it is bound to, and when it last answered.
pub(super) struct Connection {
    diesel: AsyncPgConnection,
    bound: Option<Scope>,
    answered: Instant,
}

impl Manager for Connections {
    type Type = Connection;
    type Error = ConnectionError;

    /// Boxed: the way to a connection under TLS takes kilobytes, which every query would carry with it.
    async fn create(&self) -> ConnectionResult<Connection> {
        Box::pin(self.open()).await
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<ConnectionError> {
        if connection.diesel.is_broken() {
            Err(RecycleError::message("closed, or left in the middle"))
        } else {
            Ok(())
        }
    }
}

/// The connections for queries, opened when they are first needed.
#[derive(Clone)]
pub(super) struct QueryPool {
    /// For what the house reads: short, and all bound alike.
    lookups: Pool<Connections>,
    /// For everything else.
    others: Pool<Connections>,
}

impl QueryPool {
    /// At most `size` connections, and two at least.
    pub(super) fn new(target: &Target, size: usize) -> Result<Self, StoreError> {
        let lookups = (size / LOOKS_UP).max(1);
        let pool = |size: usize| pool(target, size).map_err(|error| StoreError::Config(error.to_string()));
        Ok(Self {
            others: pool(size.saturating_sub(lookups).max(1))?,
            lookups: pool(lookups)?,
        })
    }

    /// A connection that is well, bound to the rows that it is taken for. One that died, or fell silent, while nobody
    /// used it is left out.
    pub(super) async fn get(&self, scope: impl Into<Scope>) -> Result<Lent, StoreError> {
        proven(&self.others, self.others.get().await?, scope.into()).await
    }

    /// The same for what only reads: taken as it is where it is bound already and answered a moment ago.
    pub(super) async fn get_to_read(&self, scope: impl Into<Scope>) -> Result<Lent, StoreError> {
        let scope = scope.into();
        let pool = if scope.is_house() { &self.lookups } else { &self.others };
        let connection = pool.get().await?;
        if connection.bound == Some(scope) && connection.answered.elapsed() < RECENT {
            return Ok(Lent::new(connection, false));
        }
        proven(pool, connection, scope).await
    }
}

/// This connection, bound, or another of the pool where it is not well.
async fn proven(
    pool: &Pool<Connections>,
    mut connection: Object<Connections>,
    scope: Scope,
) -> Result<Lent, StoreError> {
    loop {
        let is_new = Object::metrics(&connection).recycle_count == 0;
        match tokio::time::timeout(WELL, connection.bind(scope)).await {
            Ok(Ok(())) => return Ok(Lent::new(connection, true)),
            Ok(Err(error)) if is_new => return Err(error.into()),
            Err(late) if is_new => {
                drop(Object::take(connection));
                return Err(StoreError::unavailable(late));
            }
            Ok(Err(_)) | Err(_) => drop(Object::take(connection)),
        }
        connection = pool.get().await?;
    }
}

fn pool(target: &Target, size: usize) -> Result<Pool<Connections>, BuildError> {
    Pool::builder(Connections(target.clone()))
        .max_size(size)
        .queue_mode(QueueMode::Lifo)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(WAIT))
        .create_timeout(Some(CONNECT * 2))
        .build()
}

impl Connection {
    /// Until that has succeeded it is nobody's.
    async fn bind(&mut self, scope: Scope) -> diesel::QueryResult<()> {
        self.bound = None;
        scope.bind(&mut self.diesel).await?;
        self.bound = Some(scope);
        Ok(())
    }
}

/// A connection in use.
pub(super) struct Lent {
    connection: Object<Connections>,
    proven: bool,
}

/// What came of a connection's work.
pub(super) enum Outcome<T> {
    /// Its answer.
    Told(Result<T, StoreError>),
    /// It had not proven to be well, and may not have been: a proven one is to be asked.
    AskAnother,
}

impl Lent {
    fn new(connection: Object<Connections>, proven: bool) -> Self {
        Self { connection, proven }
    }

    /// Takes the connection back after work that only reads.
    pub(super) fn read<T>(self, answered: Result<Result<T, StoreError>, Elapsed>) -> Outcome<T> {
        let proven = self.proven;
        match answered {
            Ok(Err(_)) if !proven => {
                drop(Object::take(self.connection));
                Outcome::AskAnother
            }
            answered => Outcome::Told(self.in_time(answered)),
        }
    }

    /// Takes the connection back. One that gave no answer in time is closed, whatever it may still say.
    pub(super) fn in_time<T>(mut self, answered: Result<Result<T, StoreError>, Elapsed>) -> Result<T, StoreError> {
        match answered {
            Ok(answer) => {
                if answer.is_ok() {
                    self.connection.answered = Instant::now();
                }
                answer
            }
            Err(late) => {
                drop(Object::take(self.connection));
                Err(StoreError::unavailable(late))
            }
        }
    }
}

impl Deref for Lent {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        &self.connection.diesel
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.connection.diesel
    }
}

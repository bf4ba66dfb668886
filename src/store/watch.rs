//! The sign of life on PostgreSQL: one connection of this process, outside the pools, holds an advisory lock for each lease
//! that the process holds. The server frees the locks as soon as the process is dead, and others need not wait for the
//! leases to end. Only time is saved by it: who may write, the lease's token decides, and where no lock can be had, or the
//! process hangs, the lease's end does its work.

use std::collections::HashSet;
use std::future::pending;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_postgres::{Client, Error, SimpleQueryMessage};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::error::Chain;
use super::postgres::Target;

/// What is true of a row of `imports` whose lease is watched and whose holder is dead. Whoever finds it true keeps others
/// from finding it until the end of the transaction. An older release leaves `watched_lease` alone: its leases are not watched.
pub(super) const ORPHANED: &str = "(imports.status = 'running' and imports.watched_lease = imports.lease \
    and pg_try_advisory_xact_lock(hashtextextended(imports.lease, 0)))";

/// How long a claim waits for its lock before it goes on without.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the server may take to answer, or to be reached, before the connection is given up.
const ANSWER: Duration = Duration::from_secs(5);
/// Between two attempts at a connection.
const RETRY: Duration = Duration::from_secs(1);
/// The server looks after its end as well: a machine that is gone closes no connection.
const SETTINGS: &str = "set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3";

enum Order {
    Hold(Uuid, oneshot::Sender<bool>),
    Leave(Uuid),
}

/// Takes and leaves locks on the connection. Cheap to clone; the connection goes with the last clone and the last lock.
#[derive(Clone)]
pub(super) struct Watch(mpsc::UnboundedSender<Order>);

/// A lease's lock. Dropped, it is free, however the run ended.
#[derive(Debug)]
pub(super) struct Held {
    token: Uuid,
    orders: mpsc::UnboundedSender<Order>,
}

impl Drop for Held {
    fn drop(&mut self) {
        // Without a keeper there is no connection either, and no lock.
        self.orders.send(Order::Leave(self.token)).ok();
    }
}

impl Watch {
    /// The connection is made by the first lock, and made anew when it is lost.
    pub(super) fn new(target: Target) -> Self {
        let (watch, orders) = mpsc::unbounded_channel();
        let keeper = Keeper {
            target,
            tokens: HashSet::new(),
            session: None,
            tried: None,
            is_pooled: false,
        };
        tokio::spawn(keeper.keep(orders));
        Self(watch)
    }

    /// Takes the lock of a lease that nobody has seen yet; `None` where that cannot be had now.
    pub(super) async fn hold(&self, token: Uuid) -> Option<Held> {
        let (answer, answered) = oneshot::channel();
        // Made first: a lock that comes too late is given back.
        let held = Held {
            token,
            orders: self.0.clone(),
        };
        self.0.send(Order::Hold(token, answer)).ok()?;
        let is_held = matches!(timeout(PATIENCE, answered).await, Ok(Ok(true)));
        is_held.then_some(held)
    }
}

/// Owns the connection.
struct Keeper {
    target: Target,
    tokens: HashSet<Uuid>,
    session: Option<Session>,
    tried: Option<Instant>,
    is_pooled: bool,
}

impl Keeper {
    async fn keep(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Hold(token, answer)) => {
                        let held = self.hold(token).await;
                        answer.send(held).ok();
                    }
                    Some(Order::Leave(token)) => self.leave(token).await,
                    None => return,
                },
                () = self.is_without() => self.connect().await,
            }
        }
    }

    async fn hold(&mut self, token: Uuid) -> bool {
        self.tokens.insert(token);
        match &self.session {
            Some(session) => match session.ask(&lock(token)).await {
                Ok(held) => return held,
                Err(_) => self.connect().await,
            },
            None if self.may_connect() => self.connect().await,
            None => {}
        }
        self.session.is_some()
    }

    async fn leave(&mut self, token: Uuid) {
        if !self.tokens.remove(&token) {
            return;
        }
        let Some(session) = &self.session else { return };
        let unlock = format!("select pg_advisory_unlock(hashtextextended('{token}', 0))");
        if session.ask(&unlock).await.is_err() {
            self.connect().await;
        }
    }

    fn may_connect(&self) -> bool {
        !self.is_pooled && self.tried.is_none_or(|tried| tried.elapsed() >= RETRY)
    }

    /// Ends when the connection is lost, or missing, and it is time to try for one again.
    async fn is_without(&mut self) {
        match &mut self.session {
            Some(session) => session.ended().await,
            None if self.is_pooled || self.tokens.is_empty() => pending().await,
            None => {}
        }
        if let Some(tried) = self.tried {
            sleep_until(tried + RETRY).await;
        }
    }

    /// Makes the connection, and takes on it the lock of every lease that is held: mostly before anybody has looked.
    async fn connect(&mut self) {
        if self.session.take().is_some() {
            tracing::warn!("the connection that shows others that this process lives was lost");
        }
        self.tried = Some(Instant::now());
        let opened = timeout(ANSWER, Session::open(&self.target)).await;
        self.session = match opened.unwrap_or(Err(Lost::NoAnswer)) {
            Ok(session) => Some(session),
            Err(lost) => {
                self.is_pooled = matches!(lost, Lost::Pooled);
                tracing::warn!("others cannot be shown that this process lives: {lost}");
                None
            }
        };
        if !self.lock_again().await {
            self.session = None;
        }
    }

    /// False when the new connection is lost as well.
    async fn lock_again(&self) -> bool {
        let Some(session) = &self.session else { return true };
        for token in &self.tokens {
            // A lock that is not to be had is in the hands of somebody who takes this lease for lost.
            if session.ask(&lock(*token)).await.is_err() {
                return false;
            }
        }
        true
    }
}

fn lock(token: Uuid) -> String {
    format!("select pg_try_advisory_lock(hashtextextended('{token}', 0))")
}

/// Why there is no connection that locks could be held on.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error(
        "a pooler stands before the database and gives a session to several clients in turn; when a worker dies, its import \
         waits for the end of its lease. Connect directly to have it taken over at once"
    )]
    Pooled,
    #[error("{}", Chain(.0))]
    Refused(#[from] Error),
    #[error("no answer")]
    NoAnswer,
}

/// The connection; dropped, it is closed.
struct Session {
    client: Client,
    connection: AbortOnDropHandle<()>,
}

impl Session {
    /// Locks belong to sessions: where a pooler stands between, nothing is opened.
    async fn open(target: &Target) -> Result<Self, Lost> {
        let session = Self::connect(target).await?;
        session.client.batch_execute(SETTINGS).await?;
        let other = Self::connect(target).await?;
        for _ in 0..3 {
            let before = session.backend().await?;
            // A pooler lends the server's session that came back last: the one that has just answered.
            other.client.batch_execute("begin").await?;
            let borrowed = other.backend().await?;
            let after = session.backend().await?;
            other.client.batch_execute("rollback").await?;
            if before == borrowed || before != after {
                return Err(Lost::Pooled);
            }
        }
        Ok(session)
    }

    async fn connect(target: &Target) -> Result<Self, Error> {
        let (client, connection) = target.connect(None).await?;
        let connection = AbortOnDropHandle::new(tokio::spawn(async move {
            // Its end is what matters, and is waited for.
            connection.await.ok();
        }));
        Ok(Self { client, connection })
    }

    async fn ended(&mut self) {
        // What has ended once may be asked again.
        if !self.connection.is_finished() {
            (&mut self.connection).await.ok();
        }
    }

    async fn backend(&self) -> Result<Option<String>, Error> {
        self.value("select pg_backend_pid()").await
    }

    /// The answer to a question of yes or no.
    async fn ask(&self, question: &str) -> Result<bool, Lost> {
        match timeout(ANSWER, self.value(question)).await {
            Ok(Ok(Some(answer))) => Ok(answer == "t"),
            Ok(Err(error)) => Err(Lost::Refused(error)),
            _ => Err(Lost::NoAnswer),
        }
    }

    /// The first cell. The simple protocol: a pooler may not know what was prepared.
    async fn value(&self, query: &str) -> Result<Option<String>, Error> {
        let messages = self.client.simple_query(query).await?;
        Ok(messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }
}

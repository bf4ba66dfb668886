//! Why the store could not answer. Causes are kept for the log; nothing here knows what a caller is told.

use std::error::Error;
use std::fmt;

use deadpool::managed::{PoolError, TimeoutType};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use worker::failpoint::Injected;

/// The store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database did not answer, or refused; worth trying again later.
    #[error("the database did not answer: {}", Chain(&**.0))]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Every connection, or the row, was taken for too long.
    #[error("the database is busy")]
    Busy,
    /// The schema is not the one this binary was built for.
    #[error("{0}")]
    Schema(String),
    /// A cell lies under a key that another process has made just now.
    #[error("the sealing key {0} is not known yet")]
    UnknownKey(i64),
    /// Its keys are wrapped under another `secret_key`.
    #[error(
        "secret_key is not the one that this database was made with; give that one, or name it as previous_secret_key"
    )]
    WrongSecret,
    /// A cell does not hold what only this program writes there.
    #[error("the database holds something unreadable: {0}")]
    Corrupt(String),
    /// The database URL or an option makes no sense.
    #[error("{0}")]
    Config(String),
}

impl StoreError {
    /// Wraps a cause that may pass.
    pub(super) fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(cause.into())
    }

    /// The database has undone this one of two transactions that waited for each other.
    pub(super) fn is_deadlock(&self) -> bool {
        let Self::Unavailable(cause) = self else { return false };
        let undone = cause.downcast_ref::<DieselError>();
        matches!(undone, Some(DieselError::DatabaseError(_, info)) if info.message() == "deadlock detected")
    }

    /// A writer was faster with the same unique key.
    pub(super) fn is_unique_violation(&self) -> bool {
        let Self::Unavailable(cause) = self else { return false };
        let violation = cause.downcast_ref::<DieselError>();
        matches!(
            violation,
            Some(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _))
        )
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match &error {
            DieselError::DeserializationError(cause) => Self::Corrupt(cause.to_string()),
            DieselError::DatabaseError(_, info) if is_lock_wait(info.message()) => Self::Busy,
            _ => Self::unavailable(error),
        }
    }
}

impl<E: Error + Send + Sync + 'static> From<PoolError<E>> for StoreError {
    fn from(error: PoolError<E>) -> Self {
        match error {
            PoolError::Timeout(TimeoutType::Wait) => Self::Busy,
            other => Self::unavailable(other),
        }
    }
}

impl From<tokio::task::JoinError> for StoreError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::unavailable(error)
    }
}

impl From<Injected> for StoreError {
    fn from(injected: Injected) -> Self {
        Self::unavailable(injected)
    }
}

/// SQLite's `SQLITE_BUSY` and PostgreSQL's 55P03: diesel keeps neither code, only the message.
fn is_lock_wait(message: &str) -> bool {
    message == "database is locked" || message == "canceling statement due to lock timeout"
}

/// An error with its causes: tokio_postgres says `db error` and hides the rest in `source`.
pub(super) struct Chain<'a>(pub(super) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                said = text;
            }
            cause = error.source();
        }
        Ok(())
    }
}

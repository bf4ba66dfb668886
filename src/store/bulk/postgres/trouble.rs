//! What can go wrong in a transaction, by what is to be done about it.

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;
use worker::failpoint::Injected;

use crate::store::error::StoreError;

/// Why a transaction did not get to its end.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Nothing was written and nothing is wrong with the batch: a deadlock, a lock held too long, a connection that died.
    Again(StoreError),
    /// Another writer took a key or changed a record after it was looked up. The batch is to be classified again.
    Overtaken,
    /// Trying at once would end the same way.
    Failed(StoreError),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error.code() {
            Some(&SqlState::UNIQUE_VIOLATION) => Self::Overtaken,
            Some(
                &SqlState::T_R_DEADLOCK_DETECTED
                | &SqlState::T_R_SERIALIZATION_FAILURE
                | &SqlState::LOCK_NOT_AVAILABLE
                | &SqlState::ADMIN_SHUTDOWN
                | &SqlState::CRASH_SHUTDOWN
                | &SqlState::CANNOT_CONNECT_NOW,
            )
            | None => Self::Again(StoreError::unavailable(error)),
            Some(_) => Self::Failed(StoreError::unavailable(error)),
        }
    }
}

/// What an armed place does to a transaction: its connection is not used again, as after any error.
impl From<Injected> for Trouble {
    fn from(injected: Injected) -> Self {
        Self::Again(injected.into())
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Again(error) | Trouble::Failed(error) => error,
            Trouble::Overtaken => Self::unavailable("other writers were faster every time"),
        }
    }
}

//! Cells to values and back: what only this program writes, it reads back strictly.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StoreError;

/// A cell that holds something else than this program wrote.
pub(super) fn corrupt(column: &str, what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("{column}: {what}"))
}

/// A number that cannot be negative.
pub(super) fn unsigned(column: &str, number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| corrupt(column, "negative"))
}

/// A number as the databases hold it.
pub(super) fn signed(column: &str, number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Config(format!("{column} is too large a number: {number}")))
}

/// JSON text to a value.
pub(super) fn from_json<T: DeserializeOwned>(column: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| corrupt(column, error))
}

/// A value to JSON text.
pub(super) fn to_json<T: Serialize>(column: &str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| unwritable(column, &error))
}

/// A value as JSON text to where it goes.
pub(super) fn write_json<T: Serialize>(column: &str, value: &T, to: impl std::io::Write) -> Result<(), StoreError> {
    serde_json::to_writer(to, value).map_err(|error| unwritable(column, &error))
}

fn unwritable(column: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Config(format!("{column} cannot be written: {error}"))
}

/// Every time in the tables is UTC.
pub(super) fn utc(time: NaiveDateTime) -> DateTime<Utc> {
    time.and_utc()
}

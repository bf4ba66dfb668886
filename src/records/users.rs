//! Use cases on users, one by one. Writers meet at the record's version: a write that was worked out from a version which is no
//! longer there is worked out again.

use serde_json::{Map, Value};
use worker::batch::{Key, Text};
use worker::import::OrgId;
use worker::resource::cell;
use worker::resource::users::KEY_FIELDS;

use super::draft::{Draft, Fault, FaultKind};
use crate::app::App;
use crate::store::StoreError;
use crate::store::model::{User, UserFilter, UserRemoval, UserWrite};

/// How often a write is worked out again because another writer was faster.
const ATTEMPTS: usize = 5;

/// What a caller expects of a record before writing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    Anything,
    /// It exists.
    Existing,
    /// It exists in one of these versions.
    Versions(Vec<i64>),
    /// It does not exist.
    Absent,
}

impl Expected {
    fn admits(&self, found: Option<i64>) -> bool {
        match (self, found) {
            (Self::Anything, _) | (Self::Existing, Some(_)) | (Self::Absent, None) => true,
            (Self::Versions(versions), Some(found)) => versions.contains(&found),
            (Self::Existing | Self::Versions(_), None) | (Self::Absent, Some(_)) => false,
        }
    }
}

/// Why a call on a user could not be done.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// There is none.
    #[error("there is no such user")]
    Absent,
    /// Another user has the key.
    #[error("another user has this key")]
    KeyTaken,
    /// It is not as the caller expects.
    #[error("the user is not in the expected state")]
    Unexpected,
    /// The record would break its rules.
    #[error("the user breaks the rules of its fields")]
    Invalid(Vec<Fault>),
    /// Other writers were faster, time and again.
    #[error("too many writers at once")]
    Contended,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Vec<Fault>> for UserError {
    fn from(faults: Vec<Fault>) -> Self {
        Self::Invalid(faults)
    }
}

/// A page of users by number.
pub async fn list(
    app: &App,
    org: OrgId,
    filter: UserFilter,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<User>, StoreError> {
    app.store.users(org, filter, after, limit).await
}

/// A user by number.
pub async fn get(app: &App, org: OrgId, id: i64) -> Result<User, UserError> {
    app.store.user(org, id).await?.ok_or(UserError::Absent)
}

/// A user by its key.
pub async fn get_by_key(app: &App, org: OrgId, key: Key) -> Result<User, UserError> {
    app.store.user_by_key(org, key).await?.ok_or(UserError::Absent)
}

/// Makes a user.
pub async fn create(app: &App, org: OrgId, object: &Map<String, Value>) -> Result<User, UserError> {
    let draft = Draft::read(object)?;
    let key = draft.key(None)?;
    let stored = draft.replace(None)?;
    app.store
        .insert_user(org, key, stored)
        .await?
        .ok_or(UserError::KeyTaken)
}

/// Makes a user say what the object says and nothing else, and makes it if it is missing; says whether it did.
pub async fn put_by_key(
    app: &App,
    org: OrgId,
    key: Key,
    object: &Map<String, Value>,
    expected: &Expected,
) -> Result<(User, bool), UserError> {
    let draft = Draft::read(object)?;
    let contradictions = draft.contradicts(&key);
    if !contradictions.is_empty() {
        return Err(contradictions.into());
    }
    for _ in 0..ATTEMPTS {
        let found = app.store.user_by_key(org, key.clone()).await?;
        if !expected.admits(found.as_ref().map(|user| user.version)) {
            return Err(UserError::Unexpected);
        }
        let Some(user) = found else {
            match app.store.insert_user(org, key.clone(), draft.replace(None)?).await? {
                Some(user) => return Ok((user, true)),
                None => continue,
            }
        };
        let stored = draft.replace(Some(&user.stored))?;
        match app
            .store
            .update_user(org, user.id, Some(user.version), key.clone(), stored)
            .await?
        {
            UserWrite::Written(user) => return Ok((*user, false)),
            UserWrite::Stale | UserWrite::Absent => {}
            UserWrite::KeyTaken => return Err(UserError::KeyTaken),
        }
    }
    Err(UserError::Contended)
}

/// Changes what the object names (RFC 7396). A patch that changes nothing leaves the version alone.
pub async fn patch(
    app: &App,
    org: OrgId,
    id: i64,
    object: &Map<String, Value>,
    expected: &Expected,
) -> Result<User, UserError> {
    let draft = Draft::read(object)?;
    for _ in 0..ATTEMPTS {
        let user = get(app, org, id).await?;
        if !expected.admits(Some(user.version)) {
            return Err(UserError::Unexpected);
        }
        let key = draft.key(Some(&user.key))?;
        let stored = draft.merge_into(user.stored.clone())?;
        if key == user.key && stored == user.stored {
            return Ok(user);
        }
        match app.store.update_user(org, id, Some(user.version), key, stored).await? {
            UserWrite::Written(user) => return Ok(*user),
            UserWrite::Stale => {}
            UserWrite::Absent => return Err(UserError::Absent),
            UserWrite::KeyTaken => return Err(UserError::KeyTaken),
        }
    }
    Err(UserError::Contended)
}

/// Removes a user.
pub async fn remove(app: &App, org: OrgId, id: i64, expected: &Expected) -> Result<(), UserError> {
    for _ in 0..ATTEMPTS {
        let version = get(app, org, id).await?.version;
        if !expected.admits(Some(version)) {
            return Err(UserError::Unexpected);
        }
        match app.store.delete_user(org, id, Some(version)).await? {
            UserRemoval::Removed => return Ok(()),
            UserRemoval::Stale => {}
            UserRemoval::Absent => return Err(UserError::Absent),
        }
    }
    Err(UserError::Contended)
}

/// The key at an address, by the rules of its fields.
pub fn key(source: &str, source_id: &str, language: &str) -> Result<Key, Vec<Fault>> {
    let mut faults = Vec::new();
    let parts = KEY_FIELDS
        .iter()
        .zip([source, source_id, language])
        .map(|(field, text)| {
            let text = cell::trim(field.kind, text);
            if text.is_empty() {
                return Text::default();
            }
            match cell::check(field.kind, text) {
                Ok(text) => text.as_ref().into(),
                Err(error) => {
                    let message = format!("{}; expected {}", error.message, error.expected);
                    faults.push(Fault {
                        path: vec![field.name.to_owned()],
                        kind: FaultKind::Cell(error.code),
                        message,
                    });
                    Text::default()
                }
            }
        });
    let parts: Vec<Text> = parts.collect();
    let mut parts = parts.into_iter();
    match (parts.next(), parts.next(), parts.next()) {
        (Some(source), Some(source_id), Some(language)) if faults.is_empty() => {
            Ok(Key::user(source, source_id, language))
        }
        _ => Err(faults),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations() {
        assert!(Expected::Anything.admits(None) && Expected::Anything.admits(Some(3)));
        assert!(Expected::Existing.admits(Some(3)) && !Expected::Existing.admits(None));
        assert!(Expected::Absent.admits(None) && !Expected::Absent.admits(Some(3)));
        let versions = Expected::Versions(vec![2, 3]);
        assert!(versions.admits(Some(3)) && !versions.admits(Some(4)) && !versions.admits(None));
    }

    #[test]
    fn keys_of_addresses_keep_to_the_rules() {
        assert!(key("hr", "0042", "").is_ok_and(|key| key.source_id() == "0042"));
        assert!(key("hr", "a\nb", "x").is_err_and(|faults| faults.len() == 2));
    }
}

//! Queries on `users` that a caller's request makes, one record at a time. Every write raises the version and clears the
//! hash of the last imported row, so that the next import looks at the record again.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use worker::batch::{Key, Stored};
use worker::import::OrgId;

use super::Store;
use super::cell::to_json;
use super::clock::now;
use super::db::{in_transaction, reading, writing};
use super::error::StoreError;
use super::model::{User, UserFilter, UserRemoval, UserWrite};
use super::schema::users;
use super::search::{contains, lower};
use super::user_row::{NewValues, UserRow};

/// A user of an organization by its number.
macro_rules! own {
    ($org:expr, $id:expr) => {
        users::table.filter(users::org_id.eq($org.0)).filter(users::id.eq($id))
    };
}

/// The columns of a key.
macro_rules! key_columns {
    ($key:expr) => {
        (
            users::source.eq($key.source()),
            users::source_id.eq($key.source_id()),
            users::language.eq($key.language()),
        )
    };
}

impl Store {
    /// A user by its number.
    pub async fn user(&self, org: OrgId, id: i64) -> Result<Option<User>, StoreError> {
        self.run(|db| async move {
            let row = reading!(&db, org, |c| {
                own!(org, id)
                    .select(UserRow::as_select())
                    .get_result(c)
                    .await
                    .optional()?
            });
            row.map(TryInto::try_into).transpose()
        })
        .await
    }

    /// A user by its identity at the source.
    pub async fn user_by_key(&self, org: OrgId, key: Key) -> Result<Option<User>, StoreError> {
        self.run(|db| async move {
            let (source, source_id, language) = key_columns!(key);
            let own = users::table
                .filter(users::org_id.eq(org.0))
                .filter(source.and(source_id).and(language));
            let row = reading!(&db, org, |c| own
                .select(UserRow::as_select())
                .get_result(c)
                .await
                .optional()?);
            row.map(TryInto::try_into).transpose()
        })
        .await
    }

    /// Users by number, from after one of them on.
    pub async fn users(
        &self,
        org: OrgId,
        filter: UserFilter,
        after: Option<i64>,
        limit: i64,
    ) -> Result<Vec<User>, StoreError> {
        self.run(|db| async move {
            let rows: Vec<UserRow> = reading!(&db, org, |c| {
                let mut query = users::table.filter(users::org_id.eq(org.0)).into_boxed();
                if let Some(after) = after {
                    query = query.filter(users::id.gt(after));
                }
                if let Some(source) = &filter.source {
                    query = query.filter(users::source.eq(source));
                }
                if let Some(email) = &filter.email {
                    query = query.filter(users::email.eq(email));
                }
                if let Some(username) = &filter.username {
                    query = query.filter(users::username.eq(username));
                }
                if let Some(part) = &filter.q {
                    let pattern = contains(part);
                    let pattern = || lower(Some(pattern.clone()));
                    let first = lower(users::first_name).like(pattern()).escape('\\');
                    let last = lower(users::last_name).like(pattern()).escape('\\');
                    let full = lower(users::full_name).like(pattern()).escape('\\');
                    let email = lower(users::email).like(pattern()).escape('\\');
                    let username = lower(users::username).like(pattern()).escape('\\');
                    query = query.filter(email.or(username).or(first).or(last).or(full));
                }
                query
                    .order(users::id)
                    .limit(limit)
                    .select(UserRow::as_select())
                    .load(c)
                    .await?
            });
            rows.into_iter().map(TryInto::try_into).collect()
        })
        .await
    }

    /// Makes a user; `None` if another one has the key.
    pub async fn insert_user(&self, org: OrgId, key: Key, stored: Stored) -> Result<Option<User>, StoreError> {
        self.run(|db| async move {
            let attributes = to_json("users.attributes", &stored.attributes)?;
            let row = writing!(&db, org, |c| {
                // Asked once: a clock that is read twice would make a new user look changed.
                let now: NaiveDateTime = diesel::select(now()).get_result(c).await?;
                let new = (
                    users::org_id.eq(org.0),
                    key_columns!(key),
                    NewValues::new(&stored.values),
                    users::attributes.eq(attributes),
                    users::created_at.eq(now),
                    users::updated_at.eq(now),
                );
                let unique = (users::org_id, users::source, users::source_id, users::language);
                let insert = diesel::insert_into(users::table)
                    .values(new)
                    .on_conflict(unique)
                    .do_nothing();
                insert
                    .returning(UserRow::as_returning())
                    .get_result(c)
                    .await
                    .optional()?
            });
            row.map(TryInto::try_into).transpose()
        })
        .await
    }

    /// Replaces a user's key and values, if it still has the expected version.
    #[expect(
        clippy::too_many_arguments,
        reason = "whose, which, which version, and the record's two halves"
    )]
    pub async fn update_user(
        &self,
        org: OrgId,
        id: i64,
        expected_version: Option<i64>,
        key: Key,
        stored: Stored,
    ) -> Result<UserWrite, StoreError> {
        let written = self.run(|db| async move {
            let attributes = to_json("users.attributes", &stored.attributes)?;
            in_transaction!(&db, org, |c| {
                let version: Option<i64> = own!(org, id).select(users::version).get_result(c).await.optional()?;
                let Some(version) = version else {
                    return Ok(UserWrite::Absent);
                };
                let set = (
                    key_columns!(key),
                    NewValues::new(&stored.values),
                    users::attributes.eq(&attributes),
                    users::content_hash.eq(None::<Vec<u8>>),
                    users::version.eq(users::version + 1),
                    users::updated_by_import.eq(None::<i64>),
                    users::updated_at.eq(now()),
                );
                let seen = own!(org, id).filter(users::version.eq(expected_version.unwrap_or(version)));
                let update = diesel::update(seen).set(set).returning(UserRow::as_returning());
                match update.get_result(c).await.optional()? {
                    Some(row) => Ok(UserWrite::Written(Box::new(row.try_into()?))),
                    None => Ok(UserWrite::Stale),
                }
            })
        });
        match written.await {
            Err(error) if error.is_unique_violation() => Ok(UserWrite::KeyTaken),
            written => written,
        }
    }

    /// Removes a user, if it still has the expected version.
    pub async fn delete_user(
        &self,
        org: OrgId,
        id: i64,
        expected_version: Option<i64>,
    ) -> Result<UserRemoval, StoreError> {
        self.run(|db| async move {
            in_transaction!(&db, org, |c| {
                let version: Option<i64> = own!(org, id).select(users::version).get_result(c).await.optional()?;
                let Some(version) = version else {
                    return Ok(UserRemoval::Absent);
                };
                let seen = own!(org, id).filter(users::version.eq(expected_version.unwrap_or(version)));
                match diesel::delete(seen).execute(c).await? {
                    0 => Ok(UserRemoval::Stale),
                    _ => Ok(UserRemoval::Removed),
                }
            })
        })
        .await
    }
}

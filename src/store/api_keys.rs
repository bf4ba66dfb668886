//! Queries on `api_keys`. Whether a key is valid is decided here, by the database's clock; whether its secret is right is
//! not known here.

use std::time::Duration;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use worker::import::OrgId;

use super::Store;
use super::cell::{corrupt, from_json, to_json, utc};
use super::clock::{before, now};
use super::db::{in_transaction, reading, writing};
use super::error::StoreError;
use super::model::{ApiKey, NewApiKey};
use super::schema::{api_keys, organizations};
use super::scope::Scope;

/// `last_used_at` is kept to this grain, so that a busy key costs a write a minute.
const USE_GRAIN: Duration = Duration::from_secs(60);

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys)]
struct ApiKeyRow {
    id: String,
    org_id: i64,
    name: String,
    scopes: String,
    secret_mac: Vec<u8>,
    created_at: NaiveDateTime,
    expires_at: Option<NaiveDateTime>,
    revoked_at: Option<NaiveDateTime>,
    last_used_at: Option<NaiveDateTime>,
}

/// A key, its organization's name and uuid, and the present.
type Joined = (ApiKeyRow, String, String, NaiveDateTime);

fn api_key_from((row, organization_name, uuid, now): Joined) -> Result<ApiKey, StoreError> {
    let valid_now = row.revoked_at.is_none() && row.expires_at.is_none_or(|end| end > now);
    Ok(ApiKey {
        id: row.id,
        org: OrgId(row.org_id),
        organization_name,
        organization_uuid: Uuid::parse_str(&uuid).map_err(|error| corrupt("organizations.uuid", error))?,
        name: row.name,
        scopes: from_json("api_keys.scopes", &row.scopes)?,
        secret_mac: row.secret_mac,
        created_at: utc(row.created_at),
        expires_at: row.expires_at.map(utc),
        revoked_at: row.revoked_at.map(utc),
        last_used_at: row.last_used_at.map(utc),
        valid_now,
    })
}

/// The query that `api_key_from` reads.
macro_rules! joined {
    () => {
        api_keys::table.inner_join(organizations::table).select((
            ApiKeyRow::as_select(),
            organizations::name,
            organizations::uuid,
            now(),
        ))
    };
}

impl Store {
    /// Keeps a new key.
    pub async fn insert_api_key(&self, key: NewApiKey) -> Result<ApiKey, StoreError> {
        self.run(|db| async move {
            let scopes = to_json("api_keys.scopes", &key.scopes)?;
            in_transaction!(&db, key.org, |c| {
                let new = (
                    api_keys::id.eq(&key.id),
                    api_keys::org_id.eq(key.org.0),
                    api_keys::name.eq(&key.name),
                    api_keys::scopes.eq(&scopes),
                    api_keys::secret_mac.eq(&key.secret_mac),
                    api_keys::created_at.eq(now()),
                    api_keys::expires_at.eq(key.expires_at.map(|end| end.naive_utc())),
                );
                diesel::insert_into(api_keys::table).values(new).execute(c).await?;
                api_key_from(joined!().filter(api_keys::id.eq(&key.id)).get_result(c).await?)
            })
        })
        .await
    }

    /// A key by its public half, whosever it is: the one query that comes before an organization is known.
    pub async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        let id = id.to_owned();
        self.run(|db| async move {
            let key = reading!(&db, Scope::House, |c| joined!()
                .filter(api_keys::id.eq(&id))
                .get_result(c)
                .await
                .optional()?);
            key.map(api_key_from).transpose()
        })
        .await
    }

    /// An organization's keys, oldest first.
    pub async fn api_keys(&self, org: OrgId) -> Result<Vec<ApiKey>, StoreError> {
        self.run(|db| async move {
            let rows: Vec<Joined> = reading!(&db, org, |c| {
                let own = joined!().filter(api_keys::org_id.eq(org.0));
                own.order((api_keys::created_at, api_keys::id)).load(c).await?
            });
            rows.into_iter().map(api_key_from).collect()
        })
        .await
    }

    /// Ends a key; false if the organization has none of this id. A key that is revoked stays so since the first time.
    pub async fn revoke_api_key(&self, org: OrgId, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.run(|db| async move {
            in_transaction!(&db, org, |c| {
                let own = api_keys::table
                    .filter(api_keys::org_id.eq(org.0))
                    .filter(api_keys::id.eq(&id));
                let set = api_keys::revoked_at.eq(now().nullable());
                diesel::update(own.filter(api_keys::revoked_at.is_null()))
                    .set(set)
                    .execute(c)
                    .await?;
                Ok(own
                    .select(api_keys::id)
                    .get_result::<String>(c)
                    .await
                    .optional()?
                    .is_some())
            })
        })
        .await
    }

    /// Notes that a key was used. Asks before it writes: SQLite has one writer, and a batch may hold it.
    pub async fn touch_api_key(&self, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.run(|db| async move {
            let stale = api_keys::last_used_at
                .is_null()
                .or(api_keys::last_used_at.lt(before(USE_GRAIN).nullable()));
            let key = api_keys::table.filter(api_keys::id.eq(&id)).filter(stale);
            if reading!(&db, Scope::House, |c| key
                .select(api_keys::id)
                .get_result::<String>(c)
                .await
                .optional()?)
            .is_some()
            {
                let set = api_keys::last_used_at.eq(now().nullable());
                writing!(&db, Scope::House, |c| diesel::update(key).set(set).execute(c).await?);
            }
            Ok(())
        })
        .await
    }
}

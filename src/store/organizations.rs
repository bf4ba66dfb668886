//! Queries on `organizations`.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use worker::import::OrgId;

use super::Store;
use super::cell::{corrupt, signed, unsigned, utc};
use super::clock::now;
use super::db::{in_transaction, reading, writing};
use super::error::StoreError;
use super::model::Organization;
use super::schema::{api_keys, organizations, users};
use super::scope::Scope;

#[derive(Queryable, Selectable)]
#[diesel(table_name = organizations)]
struct OrganizationRow {
    id: i64,
    uuid: String,
    name: String,
    person_quota: Option<i64>,
    created_at: chrono::NaiveDateTime,
}

impl TryFrom<OrganizationRow> for Organization {
    type Error = StoreError;

    fn try_from(row: OrganizationRow) -> Result<Self, StoreError> {
        let uuid = Uuid::parse_str(&row.uuid).map_err(|error| corrupt("organizations.uuid", error))?;
        Ok(Self {
            id: OrgId(row.id),
            uuid,
            name: row.name,
            person_quota: row
                .person_quota
                .map(|quota| unsigned("organizations.person_quota", quota))
                .transpose()?,
            created_at: utc(row.created_at),
        })
    }
}

impl Store {
    /// The organization of this name, made if it is missing.
    pub async fn ensure_organization(&self, name: &str) -> Result<Organization, StoreError> {
        let name = name.to_owned();
        self.run(|db| async move {
            in_transaction!(&db, Scope::House, |c| {
                let uuid = Uuid::new_v4().to_string();
                let new = (
                    organizations::uuid.eq(uuid),
                    organizations::name.eq(&name),
                    organizations::created_at.eq(now()),
                );
                let insert = diesel::insert_into(organizations::table).values(new);
                insert.on_conflict(organizations::name).do_nothing().execute(c).await?;
                let named = organizations::table.filter(organizations::name.eq(&name));
                named
                    .select(OrganizationRow::as_select())
                    .get_result(c)
                    .await?
                    .try_into()
            })
        })
        .await
    }

    /// An organization by its number.
    pub async fn organization(&self, org: OrgId) -> Result<Option<Organization>, StoreError> {
        self.run(|db| async move {
            let query = organizations::table.find(org.0);
            reading!(&db, org, |c| query
                .select(OrganizationRow::as_select())
                .get_result(c)
                .await
                .optional()?)
            .map(TryInto::try_into)
            .transpose()
        })
        .await
    }

    /// An organization by its name.
    pub async fn organization_by_name(&self, name: &str) -> Result<Option<Organization>, StoreError> {
        let name = name.to_owned();
        self.run(|db| async move {
            reading!(&db, Scope::House, |c| organizations::table
                .filter(organizations::name.eq(&name))
                .select(OrganizationRow::as_select())
                .get_result(c)
                .await
                .optional()?)
            .map(TryInto::try_into)
            .transpose()
        })
        .await
    }

    /// Sets how many users an organization may have, or that it may have any number.
    pub async fn set_person_quota(&self, org: OrgId, quota: Option<u64>) -> Result<Option<Organization>, StoreError> {
        self.run(|db| async move {
            let quota = quota.map(|quota| signed("person_quota", quota)).transpose()?;
            writing!(&db, org, |c| {
                let set = organizations::person_quota.eq(quota);
                diesel::update(organizations::table.find(org.0))
                    .set(set)
                    .returning(OrganizationRow::as_returning())
                    .get_result(c)
                    .await
                    .optional()?
            })
            .map(TryInto::try_into)
            .transpose()
        })
        .await
    }

    /// How many users an organization has.
    pub async fn count_users(&self, org: OrgId) -> Result<u64, StoreError> {
        self.run(|db| async move {
            let query = users::table.filter(users::org_id.eq(org.0)).count();
            let count: i64 = reading!(&db, org, |c| query.get_result(c).await?);
            unsigned("users", count)
        })
        .await
    }

    /// No API key was ever made: this is a first start.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        self.run(|db| async move {
            let any = diesel::select(diesel::dsl::exists(api_keys::table.select(api_keys::id)));
            Ok(!reading!(&db, Scope::House, |c| any.get_result::<bool>(c).await?))
        })
        .await
    }
}

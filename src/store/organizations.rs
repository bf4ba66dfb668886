//! Queries on `organizations`.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use worker::import::OrgId;

use super::Store;
use super::cell::{corrupt, utc};
use super::clock::now;
use super::db::{in_transaction, reading};
use super::error::StoreError;
use super::model::Organization;
use super::schema::{api_keys, organizations};

#[derive(Queryable, Selectable)]
#[diesel(table_name = organizations)]
struct OrganizationRow {
    id: i64,
    uuid: String,
    name: String,
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
            created_at: utc(row.created_at),
        })
    }
}

impl Store {
    /// The organization of this name, made if it is missing.
    pub async fn ensure_organization(&self, name: &str) -> Result<Organization, StoreError> {
        let name = name.to_owned();
        self.run(|db| async move {
            in_transaction!(&db, |c| {
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
            reading!(&db, |c| query
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
            let query = organizations::table.filter(organizations::name.eq(name));
            reading!(&db, |c| query
                .select(OrganizationRow::as_select())
                .get_result(c)
                .await
                .optional()?)
            .map(TryInto::try_into)
            .transpose()
        })
        .await
    }

    /// No API key was ever made: this is a first start.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        self.run(|db| async move {
            let any = diesel::select(diesel::dsl::exists(api_keys::table.select(api_keys::id)));
            Ok(!reading!(&db, |c| any.get_result::<bool>(c).await?))
        })
        .await
    }
}

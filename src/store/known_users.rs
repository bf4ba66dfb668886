//! Many users at once, by number or key: what a bulk answer and a check of parents need of them. Keys go in as one JSON text;
//! the lookup is driven by it, key by key, in either database.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::RunQueryDsl;
use worker::batch::Key;
use worker::import::{ImportId, OrgId};

use super::Store;
use super::cell::to_json;
use super::db::{Db, reading};
use super::error::StoreError;
use super::model::KnownUser;
use super::schema::users;

/// Keys or numbers of one query.
const AT_ONCE: usize = 2_000;

/// `offset 0` keeps the planner from turning the lookup per key into a join that scans the table.
const BY_KEYS_POSTGRES: &str = "select u.id, u.source, u.source_id, u.language, u.parent, u.created_by_import
    from json_array_elements($1::json) k
    cross join lateral (select x.* from users x where x.org_id = $2 and x.source = k.value ->> 0
                        and x.source_id = k.value ->> 1 and x.language = k.value ->> 2 offset 0) u";
const BY_KEYS_SQLITE: &str = "select u.id, u.source, u.source_id, u.language, u.parent, u.created_by_import
    from json_each(?1) k cross join users u
    on u.org_id = ?2 and u.source = k.value ->> 0 and u.source_id = k.value ->> 1 and u.language = k.value ->> 2";

#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = users)]
struct KnownRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Text)]
    source_id: String,
    #[diesel(sql_type = Text)]
    language: String,
    #[diesel(sql_type = Nullable<Text>)]
    parent: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    created_by_import: Option<i64>,
}

impl From<KnownRow> for KnownUser {
    fn from(row: KnownRow) -> Self {
        Self {
            id: row.id,
            key: Key::user(row.source, row.source_id, row.language),
            parent: row.parent,
            created_by_import: row.created_by_import.map(ImportId),
        }
    }
}

impl Store {
    /// Those of an organization's users that have one of these keys, in no order.
    pub async fn users_by_keys(&self, org: OrgId, mut keys: Vec<Key>) -> Result<Vec<KnownUser>, StoreError> {
        // PostgreSQL's text takes no NUL, and so nobody has one in a key.
        keys.retain(|key| !key.parts().concat().contains('\0'));
        self.run(|db| async move {
            let mut found = Vec::new();
            for some in keys.chunks(AT_ONCE) {
                let asked = to_json("keys", &some.iter().map(Key::parts).collect::<Vec<_>>())?;
                let sql = match &db {
                    Db::Postgres(_) => BY_KEYS_POSTGRES,
                    Db::Sqlite(_) => BY_KEYS_SQLITE,
                };
                let rows: Vec<KnownRow> = reading!(&db, org, |c| {
                    let query = diesel::sql_query(sql).bind::<Text, _>(&asked).bind::<BigInt, _>(org.0);
                    query.load(c).await?
                });
                found.extend(rows.into_iter().map(KnownUser::from));
            }
            Ok(found)
        })
        .await
    }

    /// Those of an organization's users that have one of these numbers, in no order.
    pub async fn users_by_ids(&self, org: OrgId, ids: Vec<i64>) -> Result<Vec<KnownUser>, StoreError> {
        self.run(|db| async move {
            let mut found = Vec::new();
            for some in ids.chunks(AT_ONCE) {
                let rows: Vec<KnownRow> = reading!(&db, org, |c| {
                    let own = users::table.filter(users::org_id.eq(org.0));
                    let these = own.filter(users::id.eq_any(some));
                    these.select(KnownRow::as_select()).load(c).await?
                });
                found.extend(rows.into_iter().map(KnownUser::from));
            }
            Ok(found)
        })
        .await
    }
}

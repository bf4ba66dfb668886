//! Sealing anew what older keys have sealed, a page at a time: each page is one transaction and skips what a writer changed
//! meanwhile, so that it can run beside everything, be stopped, and go on.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use worker::import::OrgId;

use super::Store;
use super::db::in_transaction;
use super::error::StoreError;
use super::failures::Row;
use super::schema::{credentials, import_failures, imports};
use super::scope::Scope;
use crate::vault::Place;

/// Rows in one transaction.
const PAGE: i64 = 200;
/// What seals know the passwords of credentials as.
pub(super) const PASSWORD: &str = "credentials.password";

/// What a page came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Rows that now lie under the newest key.
    pub rows: u64,
    /// Rows that do not open; they are left as they are.
    pub damaged: u64,
}

impl Resealed {
    /// Adds another page.
    pub fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.damaged += other.damaged;
    }
}

impl Store {
    /// Seals the next passwords of credentials anew, after this row; what it did and where to go on, if there is more.
    pub async fn reseal_credentials(&self, after: i64, newest: i64) -> Result<(Resealed, Option<i64>), StoreError> {
        let vault = self.vault.clone();
        self.run(move |db| async move {
            in_transaction!(&db, Scope::House, |c| {
                let columns = (
                    credentials::id,
                    credentials::org_id,
                    credentials::seal_id,
                    credentials::password.assume_not_null(),
                );
                let query = credentials::table
                    .filter(credentials::id.gt(after))
                    .filter(credentials::password.not_like(under(newest)))
                    .order(credentials::id)
                    .limit(PAGE)
                    .select(columns);
                let rows: Vec<(i64, i64, String, String)> = query.load(c).await?;
                let (mut done, last) = (Resealed::default(), rows.last().map(|row| row.0));
                for (id, org, row, sealed) in rows {
                    let place = Place {
                        org: OrgId(org),
                        row: &row,
                        column: PASSWORD,
                    };
                    let Some(anew) = vault.reseal(&place, &sealed)? else {
                        done.damaged += 1;
                        continue;
                    };
                    let same = credentials::table.find(id).filter(credentials::password.eq(&sealed));
                    let update = diesel::update(same).set(credentials::password.eq(anew));
                    done.rows += u64::try_from(update.execute(c).await?).unwrap_or_default();
                }
                Ok((done, last))
            })
        })
        .await
    }

    /// The same for the sealed cells of failed rows, after this import and record.
    pub async fn reseal_failures(&self, after: (i64, i64)) -> Result<(Resealed, Option<(i64, i64)>), StoreError> {
        let vault = self.vault.clone();
        self.run(move |db| async move {
            in_transaction!(&db, Scope::House, |c| {
                let beyond = import_failures::import_id.gt(after.0).or(import_failures::import_id
                    .eq(after.0)
                    .and(import_failures::record.gt(after.1)));
                let query = import_failures::table
                    .inner_join(imports::table)
                    .filter(beyond)
                    .filter(import_failures::cells.like("%{\"sealed\":\"s1.%"))
                    .order((import_failures::import_id, import_failures::record))
                    .limit(PAGE)
                    .select((
                        imports::org_id,
                        import_failures::import_id,
                        import_failures::record,
                        import_failures::cells,
                    ));
                let rows: Vec<(i64, i64, i64, String)> = query.load(c).await?;
                let (mut done, last) = (Resealed::default(), rows.last().map(|row| (row.1, row.2)));
                for (org, import, record, cells) in rows {
                    let row = Row {
                        org: OrgId(org),
                        import,
                        record,
                    };
                    let Some(anew) = row.reseal(&vault, &cells)? else {
                        done.damaged += 1;
                        continue;
                    };
                    if anew == cells {
                        continue;
                    }
                    let same = import_failures::table
                        .find((import, record))
                        .filter(import_failures::cells.eq(&cells));
                    let update = diesel::update(same).set(import_failures::cells.eq(anew));
                    done.rows += u64::try_from(update.execute(c).await?).unwrap_or_default();
                }
                Ok((done, last))
            })
        })
        .await
    }

    /// Whether any password lies under an older key than this one: a rotation was begun and not ended.
    pub async fn has_older_seals(&self, newest: i64) -> Result<bool, StoreError> {
        self.run(move |db| async move {
            Ok(super::db::reading!(&db, Scope::House, |c| {
                let older = credentials::table.filter(credentials::password.not_like(under(newest)));
                let any = diesel::select(diesel::dsl::exists(older));
                any.get_result::<bool>(c).await?
            }))
        })
        .await
    }
}

/// What a cell under this key begins with, as a pattern.
fn under(key: i64) -> String {
    format!("s1.{key}.%")
}

//! Queries on `report_types`: what an organization may report, and where.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use worker::import::OrgId;

use super::Store;
use super::clock::now;
use super::db::{Transaction, in_transaction, reading};
use super::error::StoreError;
use super::model::ReportType;
use super::schema::report_types;

type Row = (i64, String, String, String);

impl Store {
    /// The whole catalogue, by country, organization and report type.
    pub async fn report_types(&self, org: OrgId) -> Result<Vec<ReportType>, StoreError> {
        self.run(|db| async move {
            let all = report_types::table.filter(report_types::org_id.eq(org.0)).select((
                report_types::country,
                report_types::pro,
                report_types::report_type,
            ));
            let rows: Vec<(String, String, String)> = reading!(&db, org, |c| all.load(c).await?);
            let entries: BTreeSet<ReportType> = rows.into_iter().map(entry).collect();
            Ok(entries.into_iter().collect())
        })
        .await
    }

    /// Makes the catalogue say this and nothing else. Entries that stay are not touched.
    pub async fn replace_report_types(&self, org: OrgId, new: BTreeSet<ReportType>) -> Result<(), StoreError> {
        self.run(|db| async move {
            in_transaction!(patient, &db, org, |c| {
                c.be_patient().await?;
                c.lock_organization(org).await?;
                let all = report_types::table.filter(report_types::org_id.eq(org.0)).select((
                    report_types::id,
                    report_types::country,
                    report_types::pro,
                    report_types::report_type,
                ));
                let mut missing = new;
                let mut gone: Vec<i64> = Vec::new();
                for (id, country, pro, report_type) in all.load::<Row>(c).await? {
                    if !missing.remove(&entry((country, pro, report_type))) {
                        gone.push(id);
                    }
                }
                for ids in gone.chunks(CHUNK) {
                    let these = report_types::table
                        .filter(report_types::org_id.eq(org.0))
                        .filter(report_types::id.eq_any(ids));
                    diesel::delete(these).execute(c).await?;
                }
                for new in &missing {
                    let row = (
                        report_types::org_id.eq(org.0),
                        report_types::country.eq(&new.country),
                        report_types::pro.eq(&new.pro),
                        report_types::report_type.eq(&new.report_type),
                        report_types::created_at.eq(now()),
                        report_types::updated_at.eq(now()),
                    );
                    let insert = diesel::insert_into(report_types::table).values(row);
                    insert.on_conflict_do_nothing().execute(c).await?;
                }
                Ok(())
            })
        })
        .await
    }
}

/// Below what SQLite takes as parameters of one statement.
const CHUNK: usize = 10_000;

fn entry((country, pro, report_type): (String, String, String)) -> ReportType {
    ReportType {
        country,
        pro,
        report_type,
    }
}

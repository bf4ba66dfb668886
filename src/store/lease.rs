//! What only the holder of a lease may do to its import, but for the batch itself: renew, finish, hand back. The token is
//! compared for equality; time decides nothing here.

use std::time::Duration;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Integer;
use diesel_async::RunQueryDsl;
use worker::failpoint::reach;
use worker::import::Status;
use worker::ports::{Ending, Lease};

use super::Store;
use super::clock::{after, now};
use super::db::{Transaction, in_transaction, writing};
use super::endings::{clear_preview, end_as};
use super::error::StoreError;
use super::import_row::ImportRow;
use super::model::Import;
use super::removed_blobs::remove_file_at_end;
use super::schema::imports;
use super::scope::Scope;

/// A claim that did not crash is not counted; a committed batch may have set the count to zero since.
const ONE_LESS: &str = "case when crash_count > 0 then crash_count - 1 else 0 end";

/// The import, if this lease still holds it.
macro_rules! held {
    ($lease:expr) => {
        imports::table
            .filter(imports::id.eq($lease.import.0))
            .filter(imports::lease.eq($lease.token.to_string()))
            .filter(imports::status.eq(Status::Running.as_str()))
    };
}

impl Store {
    /// Prolongs a lease; false when it is lost.
    pub async fn renew(&self, lease: Lease, ttl: Duration) -> Result<bool, StoreError> {
        self.run(|db| async move {
            let hit = writing!(&db, Scope::House, |c| {
                let set = imports::lease_until.eq(after(ttl).nullable());
                diesel::update(held!(lease)).set(set).execute(c).await?
            });
            Ok(hit == 1)
        })
        .await
    }

    /// Ends an import as its counts say, or as failed where the run could not be done; `None` when the lease is lost.
    pub async fn finish(&self, lease: Lease, ending: Ending) -> Result<Option<Import>, StoreError> {
        self.run(|db| async move {
            in_transaction!(patient, &db, Scope::House, |c| {
                c.be_patient().await?;
                // A write, to hold the row from here on: the counts that decide must be the last ones.
                let held = diesel::update(held!(lease)).set(imports::lease_until.eq(now().nullable()));
                let row: Option<ImportRow> = held
                    .returning(ImportRow::as_returning())
                    .get_result(c)
                    .await
                    .optional()?;
                let Some(row) = row else { return Ok(None) };
                let retention = row.retention()?;
                let import = Import::try_from(row)?;
                let (status, code, detail) = match &ending {
                    Ending::Done => (import.counts.verdict(import.total), None, None),
                    Ending::Broken { code, detail } => (Status::Failed, Some(*code), Some(detail)),
                };
                let error = (imports::error_code.eq(code), imports::error_detail.eq(detail));
                let update = diesel::update(held!(lease)).set((end_as!(status, retention), error));
                let import: ImportRow = update.returning(ImportRow::as_returning()).get_result(c).await?;
                let import = Import::try_from(import)?;
                remove_file_at_end!(c, import);
                clear_preview!(c, lease.import.0);
                reach("finish.before_commit").await?;
                Ok(Some(import))
            })
        })
        .await
    }

    /// Hands an import back as queued, not to be claimed before `pause` is over; false when the lease is lost.
    pub async fn release(&self, lease: Lease, pause: Duration, crashed: bool) -> Result<bool, StoreError> {
        self.run(|db| async move {
            let count = if crashed { "crash_count" } else { ONE_LESS };
            let hit = writing!(&db, Scope::House, |c| {
                let set = (
                    imports::status.eq(Status::Queued.as_str()),
                    imports::lease.eq(None::<String>),
                    imports::lease_until.eq(after(pause).nullable()),
                    imports::crash_count.eq(sql::<Integer>(count)),
                );
                diesel::update(held!(lease)).set(set).execute(c).await?
            });
            Ok(hit == 1)
        })
        .await
    }
}

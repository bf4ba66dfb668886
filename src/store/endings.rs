//! How an import ends by a caller's word: cancel and delete. Both take the row's lock first, so they wait for a batch in
//! flight, and when they have answered no further row changes.

use std::time::Duration;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use worker::import::{ImportId, OrgId, Status};

use super::Store;
use super::clock::{after, now};
use super::db::{Transaction, in_transaction};
use super::error::StoreError;
use super::import_row::ImportRow;
use super::model::{Changed, Deleted, Import};
use super::removed_blobs::{remove_blob, remove_file_at_end};
use super::schema::{import_failures, imports};

/// What the guard of a batch and every caller see at once: the lease is gone and the state is final.
macro_rules! end_as {
    ($status:expr, $retention:expr) => {
        (
            imports::status.eq($status.as_str()),
            imports::lease.eq(None::<String>),
            imports::lease_until.eq(None::<chrono::NaiveDateTime>),
            imports::finished_at.eq(now().nullable()),
            imports::expires_at.eq(after($retention).nullable()),
        )
    };
}

/// Removes what a dry run would have written. Which of the tables it was, its resource decides; the others hold nothing.
macro_rules! clear_preview {
    ($c:expr, $import:expr) => {{
        $crate::store::endings::clear_preview!($c, $import, preview_users);
        $crate::store::endings::clear_preview!($c, $import, preview_clients);
        $crate::store::endings::clear_preview!($c, $import, preview_report_types);
    }};
    ($c:expr, $import:expr, $table:ident) => {{
        use $crate::store::schema::$table;
        diesel::delete($table::table.filter($table::import_id.eq($import)))
            .execute($c)
            .await?;
    }};
}

pub(super) use {clear_preview, end_as};

impl Store {
    /// Stops a queued or running import. What was applied stays and is counted; a dry run's rows go.
    pub async fn cancel_import(&self, org: OrgId, id: ImportId) -> Result<Option<Changed>, StoreError> {
        self.run(|db| async move {
            in_transaction!(patient, &db, org, |c| {
                c.be_patient().await?;
                c.lock_import(org, id).await?;
                let own = imports::table
                    .filter(imports::org_id.eq(org.0))
                    .filter(imports::id.eq(id.0));
                let accepted = own.filter(imports::status.ne(Status::Receiving.as_str()));
                let row: Option<ImportRow> = accepted.select(ImportRow::as_select()).get_result(c).await.optional()?;
                let Some(row) = row else { return Ok(None) };
                let retention = row.retention()?;
                let import = Import::try_from(row)?;
                if import.status.is_final() {
                    return Ok(Some(Changed { import, done: false }));
                }
                let set = (
                    end_as!(Status::Canceled, retention),
                    imports::cancel_requested_at.eq(now().nullable()),
                );
                // Queued or running, and so until the lock goes.
                let update = diesel::update(own).set(set).returning(ImportRow::as_returning());
                let import = Import::try_from(update.get_result(c).await?)?;
                remove_file_at_end!(c, import);
                clear_preview!(c, id.0);
                Ok(Some(Changed { import, done: true }))
            })
        })
        .await
    }

    /// Removes a queued or final import with its failed rows; imported records stay.
    pub async fn delete_import(&self, org: OrgId, id: ImportId) -> Result<Deleted, StoreError> {
        self.run(|db| async move {
            in_transaction!(patient, &db, org, |c| {
                c.be_patient().await?;
                c.lock_import(org, id).await?;
                let own = imports::table
                    .filter(imports::org_id.eq(org.0))
                    .filter(imports::id.eq(id.0));
                let cells = (imports::status, imports::blob);
                let found: Option<(String, Option<String>)> = own.select(cells).get_result(c).await.optional()?;
                let (status, blob) = match found {
                    None => return Ok(Deleted::Absent),
                    Some((status, blob)) => (Status::parse(&status), blob),
                };
                match status {
                    Some(Status::Running) => return Ok(Deleted::Running),
                    Some(Status::Receiving) => return Ok(Deleted::Absent),
                    _ => {}
                }
                diesel::delete(import_failures::table.filter(import_failures::import_id.eq(id.0)))
                    .execute(c)
                    .await?;
                clear_preview!(c, id.0);
                diesel::delete(own).execute(c).await?;
                if let Some(blob) = &blob {
                    remove_blob!(c, blob, Duration::ZERO);
                }
                Ok(Deleted::Gone { blob })
            })
        })
        .await
    }
}

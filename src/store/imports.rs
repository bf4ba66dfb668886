//! Queries on `imports` that a caller's request makes: begin, queue, read, list. `claim` and `lease` are the worker's,
//! `endings` holds cancel and delete, `sweep` what the house does by itself.

use std::time::Duration;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use worker::import::{ImportId, OrgId, Status};

use super::Store;
use super::cell::{signed, to_json};
use super::clock::{after, now};
use super::db::{in_transaction, reading, writing};
use super::error::StoreError;
use super::import_row::ImportRow;
use super::model::{Begun, Import, ImportFilter, NewImport, Received};
use super::schema::imports;

/// An upload that has not been told of for so long is dead, with the process that took it in.
pub const RECEIVING_LEASE: Duration = Duration::from_secs(60);

/// An organization's import whose upload is not through.
macro_rules! receiving {
    ($org:expr, $id:expr) => {
        imports::table
            .filter(imports::org_id.eq($org.0))
            .filter(imports::id.eq($id.0))
            .filter(imports::status.eq(Status::Receiving.as_str()))
    };
}

impl Store {
    /// Writes a `receiving` row, unless the organization used the idempotency key before.
    pub async fn begin_import(&self, new: NewImport) -> Result<Begun, StoreError> {
        self.run(|db| async move {
            let options = to_json("imports.options", &new.options)?;
            in_transaction!(&db, new.org, |c| {
                let row = (
                    imports::org_id.eq(new.org.0),
                    imports::resource.eq(new.options.resource.as_str()),
                    imports::surface.eq(&new.surface),
                    imports::status.eq(Status::Receiving.as_str()),
                    imports::lease_until.eq(after(RECEIVING_LEASE).nullable()),
                    imports::options.eq(&options),
                    imports::blob.eq(Some(&new.blob)),
                    imports::file_name.eq(new.file_name.as_ref()),
                    imports::idempotency_key.eq(new.idempotency_key.as_ref()),
                    imports::retry_of.eq(new.options.retry_of.map(|id| id.0)),
                    imports::created_at.eq(now()),
                    imports::synchronous.eq(new.synchronous),
                );
                let unique = (imports::org_id, imports::idempotency_key);
                let insert = diesel::insert_into(imports::table)
                    .values(row)
                    .on_conflict(unique)
                    .do_nothing();
                if let Some(id) = insert.returning(imports::id).get_result(c).await.optional()? {
                    return Ok(Begun::Started(ImportId(id)));
                }
                let own = imports::table.filter(imports::org_id.eq(new.org.0));
                let same = own.filter(imports::idempotency_key.eq(new.idempotency_key.as_ref()));
                let taken: ImportRow = same.select(ImportRow::as_select()).get_result(c).await?;
                Ok(Begun::Taken(Box::new(taken.try_into()?)))
            })
        })
        .await
    }

    /// Makes a received import `queued`, with all that the door learned of it; `None` if the row is gone.
    pub async fn queue_import(
        &self,
        org: OrgId,
        id: ImportId,
        received: Received,
    ) -> Result<Option<Import>, StoreError> {
        self.run(|db| async move {
            let retention = received.retention.as_secs();
            let set = (
                imports::status.eq(Status::Queued.as_str()),
                imports::lease_until.eq(None::<NaiveDateTime>),
                imports::file_columns.eq(to_json("imports.file_columns", &received.columns)?),
                imports::total.eq(signed("imports.total", received.total)?),
                imports::checkpoint_record.eq(signed("imports.checkpoint_record", received.start.record)?),
                imports::checkpoint_byte.eq(signed("imports.checkpoint_byte", received.start.byte)?),
                imports::checkpoint_line.eq(signed("imports.checkpoint_line", received.start.line)?),
                imports::delimiter.eq(i32::from(received.delimiter)),
                imports::file_bytes.eq(signed("imports.file_bytes", received.bytes)?),
                imports::sha256.eq(received.sha256),
                imports::encoding.eq(received.encoding),
                imports::fingerprint.eq(Some(received.fingerprint)),
                imports::retention_seconds.eq(signed("imports.retention_seconds", retention)?),
            );
            let receiving = receiving!(org, id);
            let update = diesel::update(receiving.filter(imports::cancel_requested_at.is_null())).set(set);
            let row = writing!(&db, org, |c| {
                update
                    .returning(ImportRow::as_returning())
                    .get_result(c)
                    .await
                    .optional()?
            });
            row.map(TryInto::try_into).transpose()
        })
        .await
    }

    /// Says that an upload goes on.
    pub async fn keep_receiving(&self, org: OrgId, id: ImportId) -> Result<(), StoreError> {
        self.run(|db| async move {
            let receiving = receiving!(org, id);
            let update = diesel::update(receiving).set(imports::lease_until.eq(after(RECEIVING_LEASE).nullable()));
            writing!(&db, org, |c| update.execute(c).await?);
            Ok(())
        })
        .await
    }

    /// Marks a `receiving` row as given up, so that it cannot be queued any more; false if there is none.
    pub async fn give_up_import(&self, org: OrgId, id: ImportId) -> Result<bool, StoreError> {
        self.run(|db| async move {
            let receiving = receiving!(org, id);
            let update = diesel::update(receiving).set(imports::cancel_requested_at.eq(now().nullable()));
            Ok(writing!(&db, org, |c| update.execute(c).await?) == 1)
        })
        .await
    }

    /// Removes a `receiving` row: its upload came to nothing.
    pub async fn abandon_import(&self, org: OrgId, id: ImportId) -> Result<(), StoreError> {
        self.run(|db| async move {
            let receiving = receiving!(org, id);
            writing!(&db, org, |c| diesel::delete(receiving).execute(c).await?);
            Ok(())
        })
        .await
    }

    /// An import that was accepted.
    pub async fn import(&self, org: OrgId, id: ImportId) -> Result<Option<Import>, StoreError> {
        self.run(|db| async move {
            let own = imports::table
                .filter(imports::org_id.eq(org.0))
                .filter(imports::id.eq(id.0));
            let accepted = own.filter(imports::status.ne(Status::Receiving.as_str()));
            let row = reading!(&db, org, |c| accepted
                .select(ImportRow::as_select())
                .get_result(c)
                .await
                .optional()?);
            row.map(TryInto::try_into).transpose()
        })
        .await
    }

    /// Accepted imports, newest first, from before one of them on.
    pub async fn imports(
        &self,
        org: OrgId,
        filter: ImportFilter,
        before: Option<ImportId>,
        limit: i64,
    ) -> Result<Vec<Import>, StoreError> {
        self.run(|db| async move {
            let rows: Vec<ImportRow> = reading!(&db, org, |c| {
                let accepted = imports::status.ne(Status::Receiving.as_str());
                let mut query = imports::table
                    .filter(imports::org_id.eq(org.0))
                    .filter(accepted)
                    .into_boxed();
                if let Some(status) = filter.status {
                    query = query.filter(imports::status.eq(status.as_str()));
                }
                if let Some(resource) = filter.resource {
                    query = query.filter(imports::resource.eq(resource.as_str()));
                }
                if let Some(surface) = &filter.surface {
                    query = query.filter(imports::surface.eq(surface));
                }
                if let Some(before) = before {
                    query = query.filter(imports::id.lt(before.0));
                }
                query
                    .order(imports::id.desc())
                    .limit(limit)
                    .select(ImportRow::as_select())
                    .load(c)
                    .await?
            });
            rows.into_iter().map(TryInto::try_into).collect()
        })
        .await
    }
}

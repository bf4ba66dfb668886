//! Which worker runs an import. `claim` is one guarded UPDATE; the unique index on running imports decides between
//! claims that race for two imports of one organization and resource.

use std::time::Duration;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Timestamp};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use worker::import::{ImportId, Status};
use worker::ports::{Claimed, Lease};

use super::Store;
use super::cell::corrupt;
use super::clock::{after, now};
use super::db::{Transaction, in_transaction};
use super::endings::{clear_preview, end_as};
use super::error::StoreError;
use super::import_row::ImportRow;
use super::model::Import;
use super::removed_blobs::remove_file_at_end;
use super::schema::{imports, organizations};
use super::scope::Scope;

/// So many claims without a committed batch in between, and the next one ends the import.
const CRASHES: i32 = 3;

/// First in, first out: nothing of the same organization and resource is running or queued before it. Whose caller waits
/// for its rows stands in no line.
const FIRST_IN_LINE: &str = "(imports.synchronous or not exists (select 1 from imports other \
    where not other.synchronous and other.org_id = imports.org_id and other.resource = imports.resource and other.id <> imports.id \
    and (other.status = 'running' or (other.status = 'queued' and other.id < imports.id))))";

#[diesel::declare_sql_function]
extern "SQL" {
    /// The first that is not null.
    fn coalesce(first: Nullable<Timestamp>, second: Nullable<Timestamp>) -> Nullable<Timestamp>;
}

impl Store {
    /// Takes a queued import whose turn it is, or a running one whose lease is over. `None`: not now, or never.
    pub async fn claim(&self, id: ImportId, lease: Duration) -> Result<Option<Claimed>, StoreError> {
        let claimed = self.run(|db| async move {
            let token = Uuid::new_v4();
            let claimed: Result<Option<Import>, StoreError> = in_transaction!(&db, Scope::House, |c| {
                c.evict_hung(id).await?;
                let due = imports::lease_until
                    .is_null()
                    .or(imports::lease_until.le(now().nullable()));
                let queued = imports::status
                    .eq(Status::Queued.as_str())
                    .and(sql::<Bool>(FIRST_IN_LINE));
                let mine = imports::id
                    .eq(id.0)
                    .and(due)
                    .and(imports::status.eq(Status::Running.as_str()).or(queued));
                let set = (
                    imports::status.eq(Status::Running.as_str()),
                    imports::lease.eq(Some(token.to_string())),
                    imports::lease_until.eq(after(lease).nullable()),
                    imports::crash_count.eq(imports::crash_count + 1),
                    imports::started_at.eq(coalesce(imports::started_at, now().nullable())),
                );
                let update = diesel::update(imports::table.filter(mine))
                    .set(set)
                    .returning(ImportRow::as_returning());
                let row: Option<ImportRow> = update.get_result(c).await.optional()?;
                let Some(row) = row else { return Ok(None) };
                let (crashes, retention) = (row.crash_count, row.retention()?);
                let import = Import::try_from(row)?;
                if crashes > CRASHES {
                    let detail = format!("the worker died {CRASHES} times at the same place of the file");
                    let error = (
                        imports::error_code.eq(Some("poison")),
                        imports::error_detail.eq(Some(detail)),
                    );
                    let set = (
                        end_as!(Status::Failed, retention),
                        error,
                        imports::crash_count.eq(CRASHES),
                    );
                    diesel::update(imports::table.find(id.0)).set(set).execute(c).await?;
                    remove_file_at_end!(c, import);
                    clear_preview!(c, id.0);
                    return Ok(None);
                }
                let owner = organizations::table.find(import.org.0);
                diesel::update(owner)
                    .set(organizations::turn_at.eq(now().nullable()))
                    .execute(c)
                    .await?;
                Ok(Some(import))
            });
            match claimed {
                Ok(Some(import)) => claimed_from(import, Lease { import: id, token }).map(Some),
                // Another import of the organization and resource was claimed at the same moment.
                Err(error) if error.is_unique_violation() => Ok(None),
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            }
        });
        claimed.await
    }
}

fn claimed_from(import: Import, lease: Lease) -> Result<Claimed, StoreError> {
    Ok(Claimed {
        lease,
        org: import.org,
        options: import.options,
        columns: import.columns,
        delimiter: import.delimiter,
        blob: import
            .blob
            .ok_or_else(|| corrupt("imports.blob", "a running import without a file"))?,
        total: import.total,
        checkpoint: import.checkpoint,
        counts: import.counts,
    })
}

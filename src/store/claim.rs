//! Which worker runs an import. `claim` is one guarded UPDATE; the unique index on running imports decides between
//! claims that race for two imports of one organization and resource.

use std::sync::Arc;
use std::time::Duration;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Timestamp};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use worker::import::{ImportId, Status};
use worker::ports::{Claimed, Lease, SignOfLife};

use super::Store;
use super::cell::corrupt;
use super::clock::{after, now};
use super::db::{Db, Transaction, in_transaction, reading};
use super::endings::{clear_preview, end_as};
use super::error::StoreError;
use super::import_row::ImportRow;
use super::model::Import;
use super::removed_blobs::remove_file_at_end;
use super::schema::{imports, organizations};
use super::scope::Scope;
use super::watch::Held;

/// So many claims without a committed batch in between, and the next one ends the import.
const CRASHES: i32 = 3;

/// First in, first out: nothing of the same organization and resource is running or queued before it. Whose caller waits
/// for its rows stands in no line.
const FIRST_IN_LINE: &str = "(imports.synchronous or not exists (select 1 from imports other \
    where not other.synchronous and other.org_id = imports.org_id and other.resource = imports.resource \
    and (other.status = 'running' or (other.status = 'queued' and other.id < imports.id))))";

#[diesel::declare_sql_function]
extern "SQL" {
    /// The first that is not null.
    fn coalesce(first: Nullable<Timestamp>, second: Nullable<Timestamp>) -> Nullable<Timestamp>;
}

/// Ends an import whose file kills its workers.
macro_rules! end_as_poison {
    ($c:expr, $import:expr, $retention:expr) => {{
        let detail = format!("the worker died {CRASHES} times at the same place of the file");
        let error = (
            imports::error_code.eq(Some("poison")),
            imports::error_detail.eq(Some(detail)),
        );
        let ended = end_as!(Status::Failed, $retention);
        let set = (ended, error, imports::crash_count.eq(CRASHES));
        let poisonous = imports::table
            .filter(imports::org_id.eq($import.org.0))
            .filter(imports::id.eq($import.id.0));
        diesel::update(poisonous).set(set).execute($c).await?;
        remove_file_at_end!($c, $import);
        clear_preview!($c, $import.id.0);
    }};
}

impl Store {
    /// Takes a queued import whose turn it is, or a running one whose lease is over or whose holder is dead. `None`: not
    /// now, or never.
    pub async fn claim(&self, id: ImportId, lease: Duration) -> Result<Option<Claimed>, StoreError> {
        let claimed = self.run(|db| async move {
            let token = Uuid::new_v4();
            let watch = db.watch(token).await;
            match take(&db, id, token, lease, watch.is_some()).await {
                Ok(Some(import)) => claimed_from(import, Lease { import: id, token }, watch).map(Some),
                // Another import of the organization and resource was claimed at the same moment.
                Err(error) if error.is_unique_violation() => Ok(None),
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            }
        });
        claimed.await
    }

    /// Running imports that nobody works on: their lease is over, or their holder is dead.
    pub async fn orphaned(&self, limit: i64) -> Result<Vec<ImportId>, StoreError> {
        self.run(|db| async move {
            // A literal state: a bound one keeps both planners off the partial indexes.
            let running = imports::table.filter(sql::<Bool>("status = 'running'"));
            let over = imports::lease_until.le(now().nullable());
            let orphaned = running.filter(over.or(sql::<Nullable<Bool>>(db.orphaned())));
            let ids = orphaned.order(imports::id).limit(limit).select(imports::id);
            let ids: Vec<i64> = reading!(&db, Scope::House, |c| ids.clone().load(c).await?);
            Ok(ids.into_iter().map(ImportId).collect())
        })
        .await
    }

    /// Whether others can be shown that this process lives; where they cannot, the log says why.
    pub async fn is_watched(&self) -> Result<bool, StoreError> {
        self.run(|db| async move { Ok(db.watch(Uuid::new_v4()).await.is_some()) })
            .await
    }
}

/// The claim itself, in one transaction.
async fn take(
    db: &Db,
    id: ImportId,
    token: Uuid,
    lease: Duration,
    watched: bool,
) -> Result<Option<Import>, StoreError> {
    let orphaned = sql::<Nullable<Bool>>(db.orphaned());
    in_transaction!(db, Scope::House, |c| {
        c.evict_hung(id).await?;
        let due = imports::lease_until
            .is_null()
            .or(imports::lease_until.le(now().nullable()))
            .or(orphaned);
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
            imports::watched_lease.eq(watched.then(|| token.to_string())),
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
            end_as_poison!(c, import, retention);
            return Ok(None);
        }
        let owner = organizations::table.find(import.org.0);
        diesel::update(owner)
            .set(organizations::turn_at.eq(now().nullable()))
            .execute(c)
            .await?;
        Ok(Some(import))
    })
}

fn claimed_from(import: Import, lease: Lease, watch: Option<Held>) -> Result<Claimed, StoreError> {
    let sign_of_life = watch.map(|held| -> SignOfLife { Arc::new(held) });
    Ok(Claimed {
        lease,
        sign_of_life,
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

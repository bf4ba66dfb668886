//! What the house asks by itself: what could run now, what was left behind, what is over. These queries see every
//! organization; only ids leave.

use std::time::Duration;

use chrono::NaiveDateTime;
use diesel::dsl::{count_star, min, sql};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool};
use diesel_async::RunQueryDsl;
use worker::import::{ImportId, OrgId};

use super::Store;
use super::cell::unsigned;
use super::clock::{Moment, before, now};
use super::db::{reading, writing};
use super::error::StoreError;
use super::schema::imports;
use super::scope::Scope;

/// Ids that a claim would take now. One per organization and resource: the running one once its lease is over, else the
/// oldest queued one once it is due; and each one whose caller waited for it, which is here when that process died. Turn by turn: every organization's first, whoever waited longest before the others.
#[derive(Clone, Copy, QueryId)]
struct Runnable {
    now: Moment,
    limit: i64,
}

impl<DB> QueryFragment<DB> for Runnable
where
    DB: diesel::backend::Backend,
    Moment: QueryFragment<DB>,
    i64: diesel::serialize::ToSql<BigInt, DB>,
    DB: diesel::sql_types::HasSqlType<BigInt>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(
            "with active as (select id, org_id, lease_until, row_number() over \
             (partition by org_id, resource, case when synchronous then id end order by status = 'running' desc, id) as place \
             from imports where status in ('queued', 'running')), \
             due as (select id, org_id, row_number() over (partition by org_id order by id) as turn \
             from active where place = 1 and (lease_until is null or lease_until <= ",
        );
        self.now.walk_ast(out.reborrow())?;
        out.push_sql(
            ")) select due.id from due join organizations on organizations.id = due.org_id \
             order by due.turn, organizations.turn_at nulls first, due.id limit ",
        );
        out.push_bind_param::<BigInt, _>(&self.limit)
    }
}

impl Query for Runnable {
    type SqlType = BigInt;
}

impl<C> diesel::RunQueryDsl<C> for Runnable {}

impl Store {
    /// Imports that a claim would take now, in the order in which they should be tried.
    pub async fn runnable(&self, limit: i64) -> Result<Vec<ImportId>, StoreError> {
        self.run(|db| async move {
            let ids: Vec<i64> = reading!(&db, Scope::House, |c| Runnable { now: now(), limit }.load(c).await?);
            Ok(ids.into_iter().map(ImportId).collect())
        })
        .await
    }

    /// Uploads that nobody has told of for too long, or that began longer ago than `older_than`, with the key of what they left behind.
    pub async fn stale_receiving(
        &self,
        older_than: Duration,
        limit: i64,
    ) -> Result<Vec<(OrgId, ImportId, Option<String>)>, StoreError> {
        self.run(|db| async move {
            // A literal state, here and below: a bound one keeps both planners off the partial indexes.
            let rows: Vec<(i64, i64, Option<String>)> = reading!(&db, Scope::House, |c| imports::table
                .filter(sql::<Bool>("status = 'receiving'"))
                .filter(
                    imports::created_at
                        .lt(before(older_than))
                        .or(imports::lease_until.lt(now().nullable()).assume_not_null()),
                )
                .order(imports::created_at)
                .limit(limit)
                .select((imports::org_id, imports::id, imports::blob))
                .load(c)
                .await?);
            Ok(rows
                .into_iter()
                .map(|(org, id, blob)| (OrgId(org), ImportId(id), blob))
                .collect())
        })
        .await
    }

    /// Final imports whose time to be kept is over.
    pub async fn expired(&self, limit: i64) -> Result<Vec<(OrgId, ImportId)>, StoreError> {
        self.run(|db| async move {
            let rows: Vec<(i64, i64)> = reading!(&db, Scope::House, |c| imports::table
                .filter(imports::finished_at.is_not_null())
                .filter(imports::expires_at.le(now().nullable()))
                .order(imports::expires_at)
                .limit(limit)
                .select((imports::org_id, imports::id))
                .load(c)
                .await?);
            Ok(rows.into_iter().map(|(org, id)| (OrgId(org), ImportId(id))).collect())
        })
        .await
    }

    /// Ends every lease and every pause now; says how many. Only for a process that is alone with its database and has just
    /// started: the clock may have been put back since.
    pub async fn free_all_leases(&self) -> Result<u64, StoreError> {
        self.run(|db| async move {
            let freed = writing!(&db, Scope::House, |c| {
                let live = imports::table.filter(sql::<Bool>("status in ('queued', 'running')"));
                diesel::update(live.filter(imports::lease_until.is_not_null()))
                    .set(imports::lease_until.eq(now().nullable()))
                    .execute(c)
                    .await?
            });
            u64::try_from(freed).map_err(StoreError::unavailable)
        })
        .await
    }

    /// How many imports wait, and how long ago the oldest of them began.
    pub async fn queue_depth(&self) -> Result<(u64, Option<Duration>), StoreError> {
        self.run(|db| async move {
            let (count, oldest, now): (i64, Option<NaiveDateTime>, NaiveDateTime) = reading!(&db, Scope::House, |c| {
                let waiting = imports::table.filter(sql::<Bool>("status = 'queued'"));
                let (count, oldest) = waiting
                    .select((count_star(), min(imports::created_at)))
                    .get_result(c)
                    .await?;
                (count, oldest, diesel::select(now()).get_result(c).await?)
            });
            let age = oldest.map(|oldest| (now - oldest).to_std().unwrap_or_default());
            Ok((unsigned("queue depth", count)?, age))
        })
        .await
    }
}

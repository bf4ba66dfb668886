//! PostgreSQL: classify by key lookups, INSERT the new, UPDATE the changed, leave the same alone. Same counts and rows as
//! SQLite; what differs is that other writers work beside a batch. A key taken or a record changed meanwhile sends the batch
//! back to be classified again, and a deadlock sends back the whole transaction. Every writer of a record must raise its
//! version: that is how a change is noticed.

mod children;
mod copy;
mod handles;
mod insert;
mod keys;
mod pieces;
mod place;
pub(in crate::store) mod pool;
mod probe;
mod trouble;
mod write;

use std::time::Duration;

use chrono::NaiveDateTime;
use tokio_postgres::Row;
use worker::batch::plan::{Plan, Planner};
use worker::failpoint::reach;
use worker::ports::Commit;

use self::pool::{BulkPool, Connection, Session};
use self::probe::{Lock, Records, Seen};
use self::trouble::Trouble;
use super::children::seal_preview;
use super::handles::Rows;
use super::job::{Job, Ledgered, Settled, Standing, advanced, read_counts};
use crate::store::cell::{signed, unsigned};
use crate::store::error::StoreError;

/// Attempts at a transaction that a deadlock, a lock or a lost connection ended.
const ATTEMPTS: u32 = 5;
/// How long an attempt may take. A server that is there ends each of its statements in half the time; a line that takes
/// everything and brings nothing would be waited for for ever.
const ANSWER: Duration = Duration::from_secs(60);
/// Pause before the second attempt; each further one is four times as long, 2 s in all: a restarted server answers by then.
const PAUSE: Duration = Duration::from_millis(25);
/// How often other writers may be faster before the transaction starts anew.
const CLASSIFICATIONS: u32 = 5;

/// Writes a batch, all or nothing.
pub(super) async fn commit_batch(
    pool: &BulkPool,
    job: &Job<'_>,
    mut ahead: Option<Seen>,
) -> Result<Commit, StoreError> {
    let mut pause = PAUSE;
    for _ in 1..ATTEMPTS {
        match attempt(pool, job, ahead.take()).await {
            Ok(commit) => return Ok(commit),
            Err(Trouble::Failed(error)) => return Err(error),
            Err(trouble) => tracing::debug!(import.id = job.run.lease.import.0, ?trouble, "a batch is tried again"),
        }
        tokio::time::sleep(pause).await;
        pause *= 4;
    }
    attempt(pool, job, None).await.map_err(StoreError::from)
}

/// How long reading ahead may take; a batch that is late reads for itself.
const READING: Duration = Duration::from_secs(5);

/// Reads what a batch needs before its turn. Nothing is locked: whatever is written meanwhile by others shows, when the batch
/// is written, as it does between any batch's own reading and writing.
pub(super) async fn look_ahead(pool: &BulkPool, job: &Job<'_>) -> Result<Seen, StoreError> {
    let read = async {
        let mut connection = pool.get().await?;
        let mut session = connection.read(job.run.org).await?;
        let planner = Planner::new(job.batch, job.run.options.mode);
        let seen = probe::read(&mut session, job, &planner, Lock::Versions).await?;
        session.done();
        Ok::<_, Trouble>(seen)
    };
    let read = tokio::time::timeout(READING, read)
        .await
        .map_err(StoreError::unavailable)?;
    read.map_err(StoreError::from)
}

/// Given up in the middle it leaves a connection that the pool will not use again, and a batch that may or may not be
/// written: the import is handed back, and goes on from where the ledger says.
async fn attempt(pool: &BulkPool, job: &Job<'_>, ahead: Option<Seen>) -> Result<Commit, Trouble> {
    let answered = tokio::time::timeout(ANSWER, attempt_for_ever(pool, job, ahead)).await;
    answered.unwrap_or_else(|late| Err(Trouble::Failed(StoreError::unavailable(late))))
}

async fn attempt_for_ever(pool: &BulkPool, job: &Job<'_>, ahead: Option<Seen>) -> Result<Commit, Trouble> {
    let mut connection = pool.get().await?;
    let ended = transact(&mut connection, job, ahead).await;
    match ended {
        Ok(Ended::Fenced) => Ok(Commit::Fenced),
        Ok(Ended::Committed(settled)) => Ok(settled.commit()),
        Ok(Ended::Unanswered(settled, error)) => {
            tracing::warn!(import.id = job.run.lease.import.0, %error, "COMMIT was not answered, looking the batch up");
            pool::discard(connection);
            look_up(pool, job, &settled).await
        }
        Err(trouble) => {
            pool::discard(connection);
            Err(trouble)
        }
    }
}

enum Ended {
    Fenced,
    Committed(Settled),
    /// The server may or may not have committed.
    Unanswered(Settled, StoreError),
}

async fn transact(connection: &mut Connection, job: &Job<'_>, ahead: Option<Seen>) -> Result<Ended, Trouble> {
    let mut session = connection.begin(job.run.org).await?;
    let Some(standing) = guard(&mut session, job).await? else {
        session.rollback().await?;
        return Ok(Ended::Fenced);
    };
    reach("batch.guard_done").await?;
    let plan = place(&mut session, job, &standing, ahead).await?;
    write::keep_failures(&mut session, job, &plan.failures).await?;
    let settled = Settled::new(&standing, &plan)?;
    advance(&mut session, job, &settled).await?;
    reach("batch.before_commit").await?;
    let committed = session.commit().await.map_err(StoreError::unavailable);
    Ok(
        match committed.and(reach("batch.after_commit").await.map_err(StoreError::from)) {
            Ok(()) => Ended::Committed(settled),
            Err(error) => Ended::Unanswered(settled, error),
        },
    )
}

const COUNTS: &str = "created, updated, unchanged, failed, skipped, warnings";

/// The first statement: takes the import row's lock and proves the right to write. A worker that lost its lease waits here
/// for whoever has it, and then finds nothing.
async fn guard(session: &mut Session<'_>, job: &Job<'_>) -> Result<Option<Standing>, Trouble> {
    let sql = format!(
        "update imports set lease_until = clock_timestamp() at time zone 'utc' + $5 * interval '1 second'
         where id = $1 and org_id = $2 and lease = $3 and checkpoint_record = $4
           and status = 'running' and cancel_requested_at is null
         returning {COUNTS}, tally, clock_timestamp() at time zone 'utc'"
    );
    let (import, org, token) = (job.run.lease.import.0, job.run.org.0, job.token());
    let (record, seconds) = (signed("record", job.batch.from.record)?, job.lease.as_secs_f64());
    let rows = session.query(&sql, &[&import, &org, &token, &record, &seconds]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let now: NaiveDateTime = row.try_get(7)?;
    Ok(Some(Standing {
        counts: read_counts(six(row)?)?,
        tally: row.try_get(6)?,
        now,
    }))
}

fn six(row: &Row) -> Result<[i64; 6], tokio_postgres::Error> {
    let mut cells = [0; 6];
    for (column, cell) in cells.iter_mut().enumerate() {
        *cell = row.try_get(column)?;
    }
    Ok(cells)
}

/// Plans the batch and writes its records. A key that another writer takes meanwhile shows as a violation of its
/// uniqueness, a record that another one changes by its version; by then that writer has committed, and the batch is
/// classified again, with the records locked.
async fn place(
    session: &mut Session<'_>,
    job: &Job<'_>,
    standing: &Standing,
    mut ahead: Option<Seen>,
) -> Result<Plan<'static>, Trouble> {
    let mut lock = Lock::Versions;
    for _ in 0..CLASSIFICATIONS {
        let rows = handles::rows(session, job).await?;
        let job = &job.with(&rows.batch);
        let planner = Planner::new(rows.batch.as_ref(), job.run.options.mode);
        let seen = match ahead.take() {
            Some(seen) => seen,
            None => probe::read(session, job, &planner, lock).await?,
        };
        if let Some(classified) = classify(job, &rows, planner, seen, standing)? {
            if classified.plan.is_idle() {
                return Ok(classified.plan.rest());
            }
            session.command("savepoint records").await?;
            match write_records(session, job, &rows, &classified, standing.now).await {
                Err(Trouble::Overtaken) => session.command("rollback to savepoint records").await?,
                other => return other.map(|()| classified.plan.rest()),
            }
        }
        lock = Lock::Rows;
    }
    Err(Trouble::Overtaken)
}

/// A plan, and what was read of the records that it changes.
struct Classified<'a> {
    plan: Plan<'a>,
    records: Records,
}

async fn write_records(
    session: &mut Session<'_>,
    job: &Job<'_>,
    rows: &Rows<'_>,
    Classified { plan, records }: &Classified<'_>,
    now: NaiveDateTime,
) -> Result<(), Trouble> {
    insert::insert(session, job, &plan.inserts, now).await?;
    write::update(session, job, plan, &records.versions, now).await?;
    children::write(session, job, plan, &records.kept, now).await?;
    handles::write(session, job, &rows.to_write(plan)).await
}

/// Nothing, where a handle led to a record that another writer has taken away since.
fn classify<'a>(
    job: &Job<'_>,
    rows: &Rows<'_>,
    planner: Planner<'a>,
    Seen { hits, mut records }: Seen,
    standing: &Standing,
) -> Result<Option<Classified<'a>>, Trouble> {
    let found = hits.found(&planner, std::mem::take(&mut records.loaded));
    if rows.is_stale(&planner, &found) {
        return Ok(None);
    }
    let mut plan = planner.plan(found, job.policy(&standing.counts));
    seal_preview(job, &mut plan)?;
    Ok(Some(Classified { plan, records }))
}

/// The last statement: what a poll will show, and where the next batch starts. A committed batch clears the suspicion that
/// the file kills its workers.
async fn advance(session: &mut Session<'_>, job: &Job<'_>, settled: &Settled) -> Result<(), Trouble> {
    let sql = "update imports set created = $2, updated = $3, unchanged = $4, failed = $5, skipped = $6, warnings = $7,
               checkpoint_record = $8, checkpoint_byte = $9, checkpoint_line = $10, tally = coalesce($11, tally), crash_count = 0
               where id = $1";
    let numbers = advanced(settled)?;
    let [
        created,
        updated,
        unchanged,
        failed,
        skipped,
        warnings,
        record,
        byte,
        line,
    ] = &numbers;
    let import = job.run.lease.import.0;
    session
        .execute(
            sql,
            &[
                &import,
                created,
                updated,
                unchanged,
                failed,
                skipped,
                warnings,
                record,
                byte,
                line,
                &settled.tally,
            ],
        )
        .await?;
    Ok(())
}

/// Whether a transaction whose COMMIT was not answered is in the ledger. The lock waits until the lost connection's
/// transaction is over, one way or the other.
async fn look_up(pool: &BulkPool, job: &Job<'_>, settled: &Settled) -> Result<Commit, Trouble> {
    let mut connection = pool.get().await?;
    let mut session = connection.begin(job.run.org).await?;
    let sql = format!("select {COUNTS}, lease, checkpoint_record from imports where id = $1 for update");
    let rows = session.query(&sql, &[&job.run.lease.import.0]).await?;
    session.rollback().await?;
    let Some(row) = rows.first() else {
        return Ok(Commit::Fenced);
    };
    let record: i64 = row.try_get(7)?;
    let ledgered = Ledgered {
        lease: row.try_get(6)?,
        record: unsigned("imports.checkpoint_record", record)?,
        counts: read_counts(six(row)?)?,
    };
    let lost = || Trouble::Again(StoreError::unavailable("COMMIT was not answered and did not happen"));
    job.outcome(&ledgered, settled).ok_or_else(lost)
}

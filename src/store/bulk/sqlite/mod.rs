//! SQLite: the same in one `BEGIN IMMEDIATE` on the writer's connection, inside one blocking task. There is one writer, so
//! nothing changes between probe and write, and a batch is classified once. Times are bound, in diesel's own spelling.

mod children;
mod handles;
mod probe;
mod statement;

use chrono::{NaiveDateTime, SubsecRound, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamp};
use diesel::sqlite::SqliteConnection;
use worker::batch::plan::{Plan, Planner, Write};
use worker::failpoint::reach_blocking;
use worker::ports::Commit;
use worker::row_error::Failure;

use self::statement::{Bind, Statement};
use super::children::{Kept, open_previews, seal_preview};
use super::columns::{Table, attributes, list, masked};
use super::job::{FAILURE_COLUMNS, Job, Settled, Standing, advanced, failure_cells, read_counts};
use crate::store::cell::signed;
use crate::store::error::StoreError;

/// Writes a batch, all or nothing.
pub(super) fn commit_batch(connection: &mut SqliteConnection, job: &Job<'_>) -> Result<Commit, StoreError> {
    let commit = connection.immediate_transaction(|connection| {
        let Some(standing) = guard(connection, job)? else {
            return Ok(Commit::Fenced);
        };
        reach_blocking("batch.guard_done")?;
        let rows = handles::rows(connection, job)?;
        let job = &job.with(&rows.batch);
        let (plan, kept) = classify(connection, job, &standing)?;
        insert(connection, job, &plan.inserts, standing.now)?;
        update(connection, job, &plan, standing.now)?;
        children::write(connection, job, &plan, &kept, standing.now)?;
        handles::write(connection, job, &rows.to_write(&plan))?;
        keep_failures(connection, job, &plan.failures)?;
        let settled = Settled::new(&standing, &plan)?;
        advance(connection, job, &settled)?;
        reach_blocking("batch.before_commit")?;
        Ok::<_, StoreError>(settled.commit())
    })?;
    reach_blocking("batch.after_commit")?;
    Ok(commit)
}

#[derive(QueryableByName)]
#[diesel(table_name = crate::store::schema::imports)]
struct Guarded {
    created: i64,
    updated: i64,
    unchanged: i64,
    failed: i64,
    skipped: i64,
    warnings: i64,
    tally: String,
}

/// The first statement proves the right to write.
fn guard(connection: &mut SqliteConnection, job: &Job<'_>) -> Result<Option<Standing>, StoreError> {
    let now = Utc::now().naive_utc().trunc_subsecs(6);
    let until = chrono::Duration::from_std(job.lease)
        .ok()
        .and_then(|lease| now.checked_add_signed(lease));
    let found = diesel::sql_query(
        "update imports set lease_until = ?
         where id = ? and org_id = ? and lease = ? and checkpoint_record = ?
           and status = 'running' and cancel_requested_at is null
         returning created, updated, unchanged, failed, skipped, warnings, tally",
    )
    .bind::<Timestamp, _>(until.unwrap_or(now))
    .bind::<BigInt, _>(job.run.lease.import.0)
    .bind::<BigInt, _>(job.run.org.0)
    .bind::<Text, _>(job.token())
    .bind::<BigInt, _>(signed("record", job.batch.from.record)?)
    .load::<Guarded>(connection)?;
    let Some(row) = found.into_iter().next() else {
        return Ok(None);
    };
    let counts = [
        row.created,
        row.updated,
        row.unchanged,
        row.failed,
        row.skipped,
        row.warnings,
    ];
    Ok(Some(Standing {
        counts: read_counts(counts)?,
        tally: row.tally,
        now,
    }))
}

fn classify<'a>(
    connection: &mut SqliteConnection,
    job: &Job<'a>,
    standing: &Standing,
) -> Result<(Plan<'a>, Kept), StoreError> {
    let planner = Planner::new(job.batch, job.run.options.mode);
    let hits = probe::probe(connection, job, planner.keys())?;
    let mut loaded = probe::load(connection, job, &planner, &hits)?;
    open_previews(job, &planner, &mut loaded)?;
    let kept = children::load(connection, job, &mut loaded)?;
    let found = hits.found(&planner, loaded);
    let mut plan = planner.plan(found, job.policy(&standing.counts));
    seal_preview(job, &mut plan)?;
    Ok((plan, kept))
}

fn insert(
    connection: &mut SqliteConnection,
    job: &Job<'_>,
    inserts: &[Write<'_>],
    now: NaiveDateTime,
) -> Result<(), StoreError> {
    if inserts.is_empty() {
        return Ok(());
    }
    let table = job.written();
    let filled = table.filled(inserts);
    let now = spelled(connection, now)?;
    let full = insert_statement(&table, &filled, ROWS);
    for rows in inserts.chunks(ROWS) {
        let mut binds = Vec::new();
        for write in rows {
            binds.push(Bind::Number(table.owner));
            binds.extend(table.key_cells(write.key).map(|part| Bind::Text(Some(part))));
            binds.extend(masked(table.values(&write.content), &filled).map(Bind::Text));
            binds.push(Bind::Own(attributes(&write.content)?));
            binds.push(Bind::Bytes(table.hash(&write.hash)));
            binds.push(Bind::Number(job.run.lease.import.0));
            binds.extend([Bind::Text(Some(&now)), Bind::Text(Some(&now))]);
        }
        if rows.len() == ROWS {
            full.execute(connection, binds)?;
        } else {
            insert_statement(&table, &filled, rows.len()).execute(connection, binds)?;
        }
    }
    Ok(())
}

/// New records that go in one statement.
const ROWS: usize = 20;

fn insert_statement(table: &Table, filled: &[bool], rows: usize) -> Statement {
    let columns = table.new_record_columns(filled);
    let places = format!("({})", vec!["?"; columns.len()].join(", "));
    Statement::new(&format!(
        "insert into {} ({}) values {}",
        table.name,
        list(columns),
        vec![places; rows].join(", ")
    ))
}

/// A time as diesel binds it, worked out once and not for each record.
fn spelled(connection: &mut SqliteConnection, time: NaiveDateTime) -> QueryResult<String> {
    diesel::select(sql::<Text>("cast(").bind::<Timestamp, _>(time).sql(" as text)")).get_result(connection)
}

fn update(
    connection: &mut SqliteConnection,
    job: &Job<'_>,
    plan: &Plan<'_>,
    now: NaiveDateTime,
) -> Result<(), StoreError> {
    if plan.updates.is_empty() {
        return Ok(());
    }
    let table = job.written();
    let mask = table.mask(&plan.touched);
    let set: String = masked(table.value_columns(), &mask)
        .map(|column| format!("\"{column}\" = ?, "))
        .collect();
    let statement = Statement::new(&format!(
        "update {} set {set}content_hash = ?, version = version + 1, updated_by_import = ?, updated_at = ? where id = ?",
        table.name
    ));
    let now = spelled(connection, now)?;
    for (id, write) in &plan.updates {
        let mut binds: Vec<Bind<'_>> = masked(table.values(&write.content), &mask).map(Bind::Text).collect();
        if plan.touched.attributes {
            binds.push(Bind::Own(attributes(&write.content)?));
        }
        binds.push(Bind::Bytes(table.hash(&write.hash)));
        binds.extend([
            Bind::Number(job.run.lease.import.0),
            Bind::Text(Some(&now)),
            Bind::Number(*id),
        ]);
        statement.execute(connection, binds)?;
    }
    Ok(())
}

fn keep_failures(connection: &mut SqliteConnection, job: &Job<'_>, failures: &[Failure]) -> Result<(), StoreError> {
    let places = vec!["?"; FAILURE_COLUMNS.len()].join(", ");
    let columns = list(FAILURE_COLUMNS);
    let statement = Statement::new(&format!("insert into import_failures ({columns}) values ({places})"));
    let sensitive = job.sensitive();
    for failure in failures {
        let (errors, cells) = failure_cells(job, &sensitive, failure)?;
        let place = [
            job.run.lease.import.0,
            signed("record", failure.record)?,
            signed("line", failure.line)?,
        ];
        let mut binds: Vec<Bind<'_>> = place.into_iter().map(Bind::Number).collect();
        binds.extend([Bind::Own(errors), Bind::Own(cells)]);
        statement.execute(connection, binds)?;
    }
    Ok(())
}

/// The last statement: what a poll will show, and where the next batch starts. A committed batch clears the suspicion that
/// the file kills its workers.
fn advance(connection: &mut SqliteConnection, job: &Job<'_>, settled: &Settled) -> Result<(), StoreError> {
    let statement = Statement::new(
        "update imports set created = ?, updated = ?, unchanged = ?, failed = ?, skipped = ?, warnings = ?,
         checkpoint_record = ?, checkpoint_byte = ?, checkpoint_line = ?, tally = coalesce(?, tally), crash_count = 0
         where id = ?",
    );
    let mut binds: Vec<Bind<'_>> = advanced(settled)?.into_iter().map(Bind::Number).collect();
    binds.extend([
        Bind::Text(settled.tally.as_deref()),
        Bind::Number(job.run.lease.import.0),
    ]);
    statement.execute(connection, binds)?;
    Ok(())
}

//! One batch on its way through the transaction, as far as no SQL is needed: the policy it is planned with, the table it
//! goes to, what the import row holds before and after.

use std::time::Duration;

use chrono::NaiveDateTime;
use worker::batch::Batch;
use worker::batch::plan::{Plan, Policy};
use worker::import::Counts;
use worker::mapping::Sensitive;
use worker::ports::{Checkpoint, Claimed, Commit};
use worker::resource::Resource;
use worker::row_error::Failure;

use super::columns::Table;
use super::tally;
use crate::store::cell::{from_json, signed, to_json, unsigned};
use crate::store::error::StoreError;
use crate::store::failures::Row;
use crate::store::model::TopError;
use crate::vault::Vault;

/// A batch and the right to write it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job<'a> {
    /// The run it belongs to.
    pub(super) run: &'a Claimed,
    /// Its records.
    pub(super) batch: &'a Batch,
    /// Opens and seals what hangs on clients.
    pub(super) vault: &'a Vault,
    /// How long the lease is to last from now on.
    pub(super) lease: Duration,
}

impl Job<'_> {
    /// The same with other rows in place of the batch's own.
    pub(super) fn with<'b>(&self, batch: &'b Batch) -> Job<'b>
    where
        Self: 'b,
    {
        Job {
            run: self.run,
            batch,
            vault: self.vault,
            lease: self.lease,
        }
    }

    /// What its rows are.
    pub(super) fn resource(&self) -> Resource {
        self.run.options.resource
    }

    /// Which cells of its failed rows are to be sealed.
    pub(super) fn sensitive(&self) -> Sensitive {
        Sensitive::new(&self.run.columns, self.resource())
    }

    /// The token as the import row holds it.
    pub(super) fn token(&self) -> String {
        self.run.lease.token.to_string()
    }

    /// The table that is written.
    pub(super) fn written(&self) -> Table {
        if self.run.options.dry_run {
            Table::preview(self.resource(), self.run.lease.import)
        } else {
            Table::real(self.resource(), self.run.org)
        }
    }

    /// The table that shows through where the written one has no record: the real one under a dry run.
    pub(super) fn beneath(&self) -> Option<Table> {
        self.run
            .options
            .dry_run
            .then(|| Table::real(self.resource(), self.run.org))
    }

    /// The rules for the plan, given what failed before this batch.
    pub(super) fn policy(&self, before: &Counts) -> Policy {
        let max_failures = self.run.options.max_failures;
        Policy {
            resource: self.resource(),
            mode: self.run.options.mode,
            failures_left: max_failures.map(|max| max.saturating_sub(before.failed)),
        }
    }

    /// What a reader of the import row may conclude when COMMIT was not answered: `None` while the batch is not in it.
    pub(super) fn outcome(&self, row: &Ledgered, settled: &Settled) -> Option<Commit> {
        if row.lease.as_deref() != Some(&self.token()) {
            return Some(Commit::Fenced);
        }
        let done = row.record == settled.after.record;
        done.then_some(Commit::Done {
            counts: row.counts,
            stop: settled.stop,
        })
    }
}

/// The import row as the guard finds it.
#[derive(Debug)]
pub(super) struct Standing {
    /// Counts before this batch.
    pub(super) counts: Counts,
    /// Tally before this batch, JSON.
    pub(super) tally: String,
    /// The moment of this transaction, UTC.
    pub(super) now: NaiveDateTime,
}

/// The import row as it is read back after a COMMIT without an answer.
#[derive(Debug)]
pub(super) struct Ledgered {
    /// Its lease.
    pub(super) lease: Option<String>,
    /// Its checkpoint.
    pub(super) record: u64,
    /// Its counts.
    pub(super) counts: Counts,
}

/// What the import row is to hold after the batch.
#[derive(Debug)]
pub(super) struct Settled {
    /// The new counts.
    pub(super) counts: Counts,
    /// The new tally as JSON, if this batch changes it.
    pub(super) tally: Option<String>,
    /// The new checkpoint.
    pub(super) after: Checkpoint,
    /// `max_failures` is passed.
    pub(super) stop: bool,
}

impl Settled {
    /// Adds what the plan does to what stood before.
    pub(super) fn new(standing: &Standing, plan: &Plan<'_>) -> Result<Self, StoreError> {
        let mut counts = standing.counts;
        counts.add(&plan.counts);
        let tally = if plan.failures.is_empty() {
            None
        } else {
            Some(add_tally(&standing.tally, &plan.failures)?)
        };
        Ok(Self {
            counts,
            tally,
            after: plan.after,
            stop: plan.stop,
        })
    }

    /// The answer once it is durable.
    pub(super) fn commit(&self) -> Commit {
        Commit::Done {
            counts: self.counts,
            stop: self.stop,
        }
    }
}

fn add_tally(before: &str, failures: &[Failure]) -> Result<String, StoreError> {
    let mut kinds: Vec<TopError> = from_json("imports.tally", before)?;
    tally::merge(&mut kinds, failures);
    to_json("tally", &kinds)
}

/// The columns of `import_failures`, in the order they are written.
pub(super) const FAILURE_COLUMNS: [&str; 5] = ["import_id", "record", "line", "errors", "cells"];

/// The `errors` and `cells` of a failed row, JSON; NUL and its kind travel escaped, as PostgreSQL's text refuses them.
pub(super) fn failure_cells(
    job: &Job<'_>,
    sensitive: &Sensitive,
    failure: &Failure,
) -> Result<(String, String), StoreError> {
    let row = Row {
        org: job.run.org,
        import: job.run.lease.import.0,
        record: signed("record", failure.record)?,
    };
    let cells = row.seal(job.vault, &failure.cells, sensitive)?;
    Ok((to_json("errors", &failure.errors)?, cells))
}

/// The six counts in the order of their columns `created, updated, unchanged, failed, skipped, warnings`.
pub(super) fn read_counts(cells: [i64; 6]) -> Result<Counts, StoreError> {
    let [created, updated, unchanged, failed, skipped, warnings] = cells;
    Ok(Counts {
        created: unsigned("imports.created", created)?,
        updated: unsigned("imports.updated", updated)?,
        unchanged: unsigned("imports.unchanged", unchanged)?,
        failed: unsigned("imports.failed", failed)?,
        skipped: unsigned("imports.skipped", skipped)?,
        warnings: unsigned("imports.warnings", warnings)?,
    })
}

/// The nine numbers of the import row in the order counts, checkpoint record, byte, line.
pub(super) fn advanced(settled: &Settled) -> Result<[i64; 9], StoreError> {
    let Settled { counts, after, .. } = settled;
    Ok([
        signed("created", counts.created)?,
        signed("updated", counts.updated)?,
        signed("unchanged", counts.unchanged)?,
        signed("failed", counts.failed)?,
        signed("skipped", counts.skipped)?,
        signed("warnings", counts.warnings)?,
        signed("record", after.record)?,
        signed("byte", after.byte)?,
        signed("line", after.line)?,
    ])
}

//! The ledger in memory: what `src/store` does in SQL, rule by rule, each method one transaction. Beside it the blobs. A
//! schedule may give it a flaw, to show that such a ledger would be caught.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;
use worker::batch::plan::{Found, Plan, Planner, Policy};
use worker::batch::{Batch, ContentHash, Key, Stored};
use worker::import::{Checkpoint, Counts, ImportId, OrgId, Status};
use worker::ports::{Claimed, Commit, Ending, Lease};

use crate::ahead::Seen;
use crate::files::{File, count};
use crate::flaw::Flaw;

/// So many claims without a committed batch in between, and the next one ends the import.
const CRASHES: u32 = 3;
/// How long a lease lasts, by the ledger's clock, in milliseconds.
pub(crate) const LEASE: i64 = 15_000;

pub(crate) type Table = BTreeMap<Key, (i64, ContentHash, Stored)>;
/// An organization and one of its resources.
pub(crate) type Lane = (i64, &'static str);

pub(crate) struct Import {
    pub(crate) org: OrgId,
    pub(crate) file: Arc<File>,
    pub(crate) synchronous: bool,
    pub(crate) status: Status,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) counts: Counts,
    pub(crate) failures: Vec<u64>,
    pub(crate) lease: Option<Uuid>,
    /// For a queued import: not to be claimed before.
    pub(crate) lease_until: Option<i64>,
    crash_count: u32,
    cancel_requested: bool,
    pub(crate) code: Option<&'static str>,
    retention: i64,
    expires_at: Option<i64>,
    created_at: i64,
}

impl Import {
    pub(crate) fn lane(&self) -> Lane {
        (self.org.0, self.file.options.resource.as_str())
    }

    fn is_due(&self, now: i64) -> bool {
        self.lease_until.is_none_or(|until| until <= now)
    }

    fn end(&mut self, status: Status, now: i64) {
        self.status = status;
        self.lease = None;
        self.lease_until = None;
        self.expires_at = Some(now + self.retention);
    }
}

/// What an upload brings with it.
pub(crate) struct Upload {
    pub(crate) org: OrgId,
    pub(crate) file: Arc<File>,
    pub(crate) synchronous: bool,
    /// How long it is kept after its end, in milliseconds.
    pub(crate) retention: i64,
}

/// What a delete came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deleted {
    Gone,
    Running,
    Absent,
}

#[derive(Default)]
pub(crate) struct World {
    pub(crate) imports: BTreeMap<i64, Import>,
    pub(crate) tables: BTreeMap<Lane, Table>,
    pub(crate) blobs: BTreeMap<String, Bytes>,
    /// Batches written, by table and import.
    pub(crate) writes: BTreeMap<(Lane, i64), u64>,
    turns: BTreeMap<i64, i64>,
    last_id: i64,
    last_record: i64,
    pub(crate) flaw: Option<Flaw>,
}

impl World {
    pub(crate) fn with(flaw: Option<Flaw>) -> Self {
        Self {
            flaw,
            ..Self::default()
        }
    }

    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// A `receiving` row.
    pub(crate) fn begin(&mut self, upload: Upload, now: i64) -> i64 {
        self.last_id += 1;
        let import = Import {
            org: upload.org,
            synchronous: upload.synchronous,
            status: Status::Receiving,
            checkpoint: upload.file.start,
            file: upload.file,
            counts: Counts::default(),
            failures: Vec::new(),
            lease: None,
            lease_until: None,
            crash_count: 0,
            cancel_requested: false,
            code: None,
            retention: upload.retention,
            expires_at: None,
            created_at: now,
        };
        self.imports.insert(self.last_id, import);
        self.last_id
    }

    /// `receiving` becomes `queued`; false if the row is gone.
    pub(crate) fn queue(&mut self, id: i64) -> bool {
        let row = self.imports.get_mut(&id).filter(|row| row.status == Status::Receiving);
        row.map(|row| row.status = Status::Queued).is_some()
    }

    pub(crate) fn abandon(&mut self, id: i64) {
        if self.imports.get(&id).is_some_and(|row| row.status == Status::Receiving) {
            self.imports.remove(&id);
        }
    }

    fn is_first_in_line(&self, id: i64, import: &Import) -> bool {
        let before = |(other_id, other): (&i64, &Import)| {
            let ahead = other.status == Status::Running || (other.status == Status::Queued && *other_id < id);
            *other_id != id && !other.synchronous && other.lane() == import.lane() && ahead
        };
        import.synchronous || self.has(Flaw::OutOfLine) || !self.imports.iter().any(before)
    }

    /// A queued import whose turn it is, or a running one whose lease is over.
    pub(crate) fn claim(&mut self, id: ImportId, token: Uuid, now: i64) -> Option<Claimed> {
        let row = self.imports.get(&id.0)?;
        let due = row.is_due(now) || self.has(Flaw::ClaimsEarly);
        let mine = match row.status {
            Status::Running => due,
            Status::Queued => due && self.is_first_in_line(id.0, row),
            _ => false,
        };
        if !mine {
            return None;
        }
        let row = self.imports.get_mut(&id.0)?;
        row.status = Status::Running;
        row.lease = Some(token);
        row.lease_until = Some(now + LEASE);
        row.crash_count += 1;
        if row.crash_count > CRASHES {
            row.end(Status::Failed, now);
            row.code = Some("poison");
            return None;
        }
        self.turns.insert(row.org.0, now);
        Some(Claimed {
            sign_of_life: None,
            lease: Lease { import: id, token },
            org: row.org,
            options: row.file.options.clone(),
            columns: row.file.columns.clone(),
            delimiter: row.file.delimiter,
            blob: id.to_string(),
            total: count(row.file.lines.len()),
            checkpoint: row.checkpoint,
            counts: row.counts,
        })
    }

    fn guard(&self, run: &Claimed, batch: &Batch) -> bool {
        let Some(row) = self.imports.get(&run.lease.import.0) else {
            return false;
        };
        let lease = row.lease == Some(run.lease.token) || self.has(Flaw::NoLease);
        let checkpoint = row.checkpoint.record == batch.from.record || self.has(Flaw::NoCheckpoint);
        let wanted = row.status == Status::Running && !row.cancel_requested;
        row.org == run.org && lease && checkpoint && (wanted || self.has(Flaw::NoCancel))
    }

    /// Guard, rows, failures, counts and checkpoint, all or nothing.
    pub(crate) fn commit(&mut self, run: &Claimed, batch: &Batch, ahead: Option<Seen>, now: i64) -> Commit {
        if !self.guard(run, batch) {
            return Commit::Fenced;
        }
        self.write(run, batch, ahead, now)
    }

    /// The same without the guard, which only a flawed ledger does by itself.
    pub(crate) fn write(&mut self, run: &Claimed, batch: &Batch, ahead: Option<Seen>, now: i64) -> Commit {
        let keeps_crashes = self.has(Flaw::KeepsCrashes);
        let id = run.lease.import.0;
        let Some(lane) = self.imports.get(&id).map(Import::lane) else {
            return Commit::Fenced;
        };
        let planner = Planner::new(batch, run.options.mode);
        let found = self.seen(&planner, lane, run, ahead);
        let Some(row) = self.imports.get_mut(&id) else {
            return Commit::Fenced;
        };
        *self.writes.entry((lane, id)).or_default() += 1;
        let table = self.tables.entry(lane).or_default();
        let failures_left = run
            .options
            .max_failures
            .map(|max| max.saturating_sub(row.counts.failed));
        let policy = Policy {
            resource: run.options.resource,
            mode: run.options.mode,
            failures_left,
        };
        let plan = planner.plan(found, policy);
        let (after, stop) = (plan.after, plan.stop);
        row.counts.add(&plan.counts);
        row.failures.extend(plan.failures.iter().map(|failure| failure.record));
        row.checkpoint = after;
        row.lease_until = Some(now + LEASE);
        if !keeps_crashes {
            row.crash_count = 0;
        }
        let counts = row.counts;
        put(table, plan, &mut self.last_record);
        Commit::Done { counts, stop }
    }

    /// What became of a batch whose COMMIT was not answered; nothing while it is not in the ledger.
    pub(crate) fn look_up(&self, run: &Claimed, batch: &Batch, stop: bool) -> Option<Commit> {
        let Some(row) = self.imports.get(&run.lease.import.0) else {
            return Some(Commit::Fenced);
        };
        if row.lease != Some(run.lease.token) {
            return Some(Commit::Fenced);
        }
        let done = row.checkpoint.record != batch.from.record;
        done.then_some(Commit::Done {
            counts: row.counts,
            stop,
        })
    }

    fn held(&mut self, lease: Lease, anyone: Flaw) -> Option<&mut Import> {
        let anyone = self.has(anyone);
        let row = self.imports.get_mut(&lease.import.0)?;
        let held = row.status == Status::Running && (row.lease == Some(lease.token) || anyone);
        held.then_some(row)
    }

    pub(crate) fn renew(&mut self, lease: Lease, now: i64) -> bool {
        let row = self.held(lease, Flaw::RenewedByAnyone);
        row.map(|row| row.lease_until = Some(now + LEASE)).is_some()
    }

    pub(crate) fn finish(&mut self, lease: Lease, ending: &Ending, now: i64) -> bool {
        let Some(row) = self.held(lease, Flaw::FinishedByAnyone) else {
            return false;
        };
        match ending {
            Ending::Done => row.end(row.counts.verdict(count(row.file.lines.len())), now),
            Ending::Broken { code, .. } => {
                row.end(Status::Failed, now);
                row.code = Some(code);
            }
        }
        true
    }

    pub(crate) fn release(&mut self, lease: Lease, pause: Duration, crashed: bool, now: i64) -> bool {
        let Some(row) = self.held(lease, Flaw::ReleasedByAnyone) else {
            return false;
        };
        row.status = Status::Queued;
        row.lease = None;
        row.lease_until = Some(now + i64::try_from(pause.as_millis()).unwrap());
        if !crashed {
            row.crash_count = row.crash_count.saturating_sub(1);
        }
        true
    }

    /// True when this ended it.
    pub(crate) fn cancel(&mut self, id: i64, now: i64) -> bool {
        let flawed = self.has(Flaw::NoCancel);
        let live = [Status::Queued, Status::Running];
        let Some(row) = self.imports.get_mut(&id).filter(|row| live.contains(&row.status)) else {
            return false;
        };
        let lease = row.lease;
        row.end(Status::Canceled, now);
        row.cancel_requested = true;
        if flawed {
            row.lease = lease;
        }
        true
    }

    pub(crate) fn delete(&mut self, id: i64) -> Deleted {
        match self.imports.get(&id).map(|row| row.status) {
            None | Some(Status::Receiving) => Deleted::Absent,
            Some(Status::Running) if !self.has(Flaw::DeletesRunning) => Deleted::Running,
            Some(_) => {
                self.imports.remove(&id);
                Deleted::Gone
            }
        }
    }

    /// What a claim would take now: one of each line, and each one that stands in none; organizations take turns.
    pub(crate) fn runnable(&self, limit: usize, now: i64) -> Vec<ImportId> {
        let mut heads: BTreeMap<(Lane, i64), (bool, i64)> = BTreeMap::new();
        for (id, row) in &self.imports {
            if [Status::Queued, Status::Running].contains(&row.status) {
                let alone = if row.synchronous { *id } else { 0 };
                let head = heads.entry((row.lane(), alone)).or_insert((true, i64::MAX));
                *head = (*head).min((row.status != Status::Running, *id));
            }
        }
        let mut due: Vec<i64> = heads.into_values().map(|(_, id)| id).collect();
        due.retain(|id| self.imports[id].is_due(now));
        due.sort_unstable();
        let mut turns: BTreeMap<i64, usize> = BTreeMap::new();
        let mut ordered: Vec<(usize, Option<i64>, i64)> = Vec::new();
        for id in due {
            let org = self.imports[&id].org.0;
            let turn = turns.entry(org).or_default();
            *turn += 1;
            ordered.push((*turn, self.turns.get(&org).copied(), id));
        }
        ordered.sort_unstable();
        ordered.into_iter().take(limit).map(|(_, _, id)| ImportId(id)).collect()
    }

    pub(crate) fn stale_receiving(&self, older: i64, now: i64) -> Vec<i64> {
        let stale = |row: &Import| row.status == Status::Receiving && row.created_at < now - older;
        self.imports
            .iter()
            .filter(|(_, row)| stale(row))
            .map(|(id, _)| *id)
            .collect()
    }

    pub(crate) fn expired(&self, now: i64) -> Vec<i64> {
        let over = |row: &Import| row.expires_at.is_some_and(|at| at <= now);
        self.imports
            .iter()
            .filter(|(_, row)| over(row))
            .map(|(id, _)| *id)
            .collect()
    }

    /// For a process that is alone with its ledger and has just started.
    pub(crate) fn free_all_leases(&mut self, now: i64) {
        let running = self.imports.values_mut().filter(|row| row.status == Status::Running);
        running.for_each(|row| row.lease_until = Some(now));
    }
}

pub(crate) fn found(planner: &Planner<'_>, table: &Table, keeps_hash: bool) -> Vec<Found> {
    let look = |(slot, key): (usize, &&Key)| match table.get(*key) {
        None => Found::Absent,
        Some((id, hash, stored)) => {
            let hash = keeps_hash.then_some(*hash);
            Found::Known {
                id: Some(*id),
                hash,
                stored: planner.wants(slot, hash.as_ref()).then(|| stored.clone()),
            }
        }
    };
    planner.keys().iter().enumerate().map(look).collect()
}

fn put(table: &mut Table, plan: Plan<'_>, last_record: &mut i64) {
    for write in plan.inserts {
        *last_record += 1;
        table.insert(
            write.key.clone(),
            (*last_record, write.hash, write.content.into_stored()),
        );
    }
    for (id, write) in plan.updates {
        table.insert(write.key.clone(), (id, write.hash, write.content.into_stored()));
    }
}

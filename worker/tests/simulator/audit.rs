//! What every step of a schedule must hold to, told by one who only watches: who may write, where each batch begins, what the
//! rows before it have made of table, counts and failed rows (`oracle`), who is next in line, how an import may end. Shares
//! nothing with the guard of the ledger that it watches. The first broken promise is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;
use worker::import::Status;
use worker::ports::{Claimed, Ending};

use crate::files::{File, count, value_columns};
use crate::oracle::{self, Records, Tally};
use crate::world::{Deleted, Import, Lane, World};

/// What can become of an import's file in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blob {
    Gone,
    Cut,
}

/// An import as its watcher knows it.
struct Tale {
    lane: Lane,
    synchronous: bool,
    file: Arc<File>,
    queued: bool,
    holder: Option<(Uuid, usize)>,
    /// Something has happened to the holder that may have cost it the lease.
    excused: bool,
    /// Claims since the last batch that were neither handed back nor ended well.
    lost_runs: u32,
    upto: usize,
    tally: Tally,
    failures: Vec<u64>,
    stopped: bool,
    ended: Option<Status>,
    blob: Vec<Blob>,
}

#[derive(Default)]
pub(crate) struct Audit {
    tales: BTreeMap<i64, Tale>,
    records: BTreeMap<Lane, Records>,
    /// The first promise that was broken.
    pub(crate) violation: Option<String>,
}

impl Audit {
    fn broken(&mut self, id: i64, what: impl Into<String>) {
        let what = what.into();
        self.violation.get_or_insert_with(|| format!("import {id}: {what}"));
    }

    fn require(&mut self, id: i64, holds: bool, what: &str) {
        if !holds {
            self.broken(id, what);
        }
    }

    pub(crate) fn begun(&mut self, id: i64, import: &Import) {
        let tale = Tale {
            lane: import.lane(),
            synchronous: import.synchronous,
            file: Arc::clone(&import.file),
            queued: false,
            holder: None,
            excused: false,
            lost_runs: 0,
            upto: 0,
            tally: Tally::default(),
            failures: Vec::new(),
            stopped: false,
            ended: None,
            blob: Vec::new(),
        };
        self.tales.insert(id, tale);
    }

    pub(crate) fn queued(&mut self, id: i64) {
        if let Some(tale) = self.tales.get_mut(&id) {
            tale.queued = true;
        }
    }

    pub(crate) fn excuse(&mut self, id: i64) {
        if let Some(tale) = self.tales.get_mut(&id) {
            tale.excused = true;
        }
    }

    pub(crate) fn excuse_process(&mut self, process: usize) {
        let held = |tale: &&mut Tale| tale.holder.is_some_and(|(_, holder)| holder == process);
        self.tales
            .values_mut()
            .filter(held)
            .for_each(|tale| tale.excused = true);
    }

    pub(crate) fn excuse_all(&mut self) {
        self.tales.values_mut().for_each(|tale| tale.excused = true);
    }

    pub(crate) fn blob(&mut self, id: i64, blob: Blob) {
        if let Some(tale) = self.tales.get_mut(&id) {
            tale.blob.push(blob);
        }
    }

    /// Those of its lane that have a claim to go first.
    fn is_next(&self, id: i64) -> bool {
        let tale = &self.tales[&id];
        let waits = |other: &Tale| other.queued && other.ended.is_none();
        let ahead = |(other_id, other): (&i64, &Tale)| {
            let same = !other.synchronous && other.lane == tale.lane && *other_id != id;
            let older = *other_id < id && tale.holder.is_none();
            same && waits(other) && (other.holder.is_some() || older)
        };
        tale.synchronous || !self.tales.iter().any(ahead)
    }

    pub(crate) fn claimed(&mut self, id: i64, process: usize, claimed: &Claimed) {
        let Some(tale) = self.tales.get(&id) else {
            return self.broken(id, "claimed, though it never began");
        };
        let (free, next, live) = (
            tale.holder.is_none(),
            self.is_next(id),
            tale.queued && tale.ended.is_none(),
        );
        let excused = free || tale.excused;
        let [created, updated, unchanged, failed, skipped] = tale.tally;
        let counts = claimed.counts;
        let same = [
            counts.created,
            counts.updated,
            counts.unchanged,
            counts.failed,
            counts.skipped,
        ];
        let told = same == [created, updated, unchanged, failed, skipped];
        let place = claimed.checkpoint.record == count(tale.upto);
        self.require(id, live, "claimed, though it is not waiting");
        self.require(id, excused, "taken from a worker that nothing had happened to");
        self.require(id, next, "claimed out of line");
        self.require(
            id,
            told && place,
            "the claim tells another checkpoint or other counts than were committed",
        );
        let tale = self.tales.get_mut(&id).unwrap();
        tale.holder = Some((claimed.lease.token, process));
        tale.excused = false;
        tale.lost_runs += 1;
    }

    /// A claim that was not granted.
    pub(crate) fn refused(&mut self, id: i64, world: &World, now: i64) {
        let (Some(row), Some(tale)) = (world.imports.get(&id), self.tales.get(&id)) else {
            return;
        };
        if row.code == Some("poison") && tale.ended.is_none() {
            let (lost, excused) = (tale.lost_runs, tale.excused || tale.holder.is_none());
            self.require(id, lost == 3, &format!("poison after {lost} lost runs"));
            self.require(id, excused, "poison, though nothing had happened to its worker");
            self.end(id, Status::Failed);
            return;
        }
        let due = row.lease_until.is_none_or(|until| until <= now);
        let free = row.status == Status::Queued && due && self.is_next(id);
        self.require(id, !free, "not granted, though it is free, due and next in line");
    }

    pub(crate) fn committed(&mut self, id: i64, token: Uuid, from: u64, world: &World) {
        let Some(tale) = self.tales.get(&id) else {
            return self.broken(id, "written for, though it never began");
        };
        let holds = tale.holder.is_some_and(|(holder, _)| holder == token);
        let (live, gapless, stopped) = (tale.ended.is_none(), from == count(tale.upto), tale.stopped);
        self.require(id, live, "rows changed after its end, its cancel or its delete");
        self.require(id, holds, "a second writer");
        self.require(id, gapless, "a batch that does not begin where the last one ended");
        self.require(id, !stopped, "went on after max_failures was passed");
        let Some(row) = world.imports.get(&id) else { return };
        self.follow(id, usize::try_from(row.checkpoint.record).unwrap());
        self.compare(id, row, world);
    }

    /// Does the rows up to the new checkpoint as their writer means them.
    fn follow(&mut self, id: i64, after: usize) {
        let tale = self.tales.get_mut(&id).unwrap();
        let records = self.records.entry(tale.lane).or_default();
        let mut beyond = after > tale.file.lines.len();
        for line in tale.file.lines.iter().take(after).skip(tale.upto) {
            beyond |= tale.stopped;
            tale.upto += 1;
            let fate = oracle::apply(records, line, tale.file.rules);
            tale.tally[fate] += 1;
            if fate == 3 {
                tale.failures.push(count(tale.upto));
            }
            tale.stopped |= tale.file.rules.max_failures.is_some_and(|max| tale.tally[3] > max);
        }
        tale.lost_runs = 0;
        self.require(id, !beyond, "rows beyond the end, or beyond max_failures");
    }

    /// Table, counts and failed rows against the oracle's.
    fn compare(&mut self, id: i64, row: &Import, world: &World) {
        let tale = &self.tales[&id];
        let counts = row.counts;
        let shown = [
            counts.created,
            counts.updated,
            counts.unchanged,
            counts.failed,
            counts.skipped,
        ];
        let (told, meant) = (format!("{shown:?}"), format!("{:?}", tale.tally));
        let same_failures = row.failures == tale.failures;
        let same = self.same_records(tale.lane, &tale.file, world);
        self.require(id, told == meant, &format!("counts {told} where the rows say {meant}"));
        self.require(id, same_failures, "other failed rows than the file's");
        self.require(id, same, "the table is not what the rows make of it");
    }

    fn same_records(&self, lane: Lane, file: &File, world: &World) -> bool {
        let resource = file.options.resource;
        let columns = value_columns(resource);
        let place = |name| resource.fields().iter().position(|field| field.name == name).unwrap();
        let places = columns.map(place);
        let key = usize::from(columns[0] == "first_name");
        let shown = world
            .tables
            .get(&lane)
            .into_iter()
            .flatten()
            .map(|(who, (_, _, stored))| {
                let value = |place: usize| stored.values[place].as_deref();
                (&*who.parts()[key], places.map(value))
            });
        let meant = self.records.get(&lane).into_iter().flatten();
        shown.eq(meant.map(|(who, [one, other])| (who.as_str(), [one.as_deref(), other.as_deref()])))
    }

    pub(crate) fn renewed(&mut self, id: i64, token: Uuid) {
        let holds = self.tales[&id].holder.is_some_and(|(holder, _)| holder == token);
        self.require(id, holds, "a lease was prolonged for somebody who does not hold it");
    }

    pub(crate) fn released(&mut self, id: i64, token: Uuid, crashed: bool) {
        let tale = self.tales.get_mut(&id).unwrap();
        let holds = tale.holder.is_some_and(|(holder, _)| holder == token);
        tale.holder = None;
        if !crashed {
            tale.lost_runs = tale.lost_runs.saturating_sub(1);
        }
        self.require(id, holds, "handed back by somebody who does not hold it");
    }

    pub(crate) fn finished(&mut self, id: i64, token: Uuid, ending: &Ending, world: &World) {
        let tale = &self.tales[&id];
        let total = count(tale.file.lines.len());
        let holds = tale.holder.is_some_and(|(holder, _)| holder == token) && tale.ended.is_none();
        let read = tale.stopped || count(tale.upto) == total;
        let verdict = oracle::verdict(tale.tally, total);
        let (may, word) = match ending {
            Ending::Done => (read, verdict),
            Ending::Broken {
                code: "source-missing", ..
            } => (tale.blob.contains(&Blob::Gone), "failed"),
            Ending::Broken {
                code: "source-corrupt", ..
            } => (tale.blob.contains(&Blob::Cut), "failed"),
            Ending::Broken { .. } => (false, "failed"),
        };
        let status = world.imports[&id].status;
        self.require(id, holds, "ended by somebody who does not hold it");
        self.require(id, may, &format!("ended as {ending:?}, which it had no reason for"));
        self.require(
            id,
            status.as_str() == word,
            &format!("ended as {status:?}, not as {word}"),
        );
        self.end(id, status);
    }

    pub(crate) fn end(&mut self, id: i64, status: Status) {
        let tale = self.tales.get_mut(&id).unwrap();
        tale.ended = Some(status);
        tale.holder = None;
    }

    pub(crate) fn deleted(&mut self, id: i64, deleted: Deleted) {
        if deleted == Deleted::Gone {
            let held = self.tales[&id].holder.is_some();
            self.require(id, !held, "deleted while a worker held it");
            self.end(id, Status::Canceled);
        }
    }

    pub(crate) fn swept(&mut self, id: i64) {
        let ended = self.tales[&id].ended.is_some();
        self.require(id, ended, "swept away before its end");
    }

    pub(crate) fn abandoned(&mut self, id: i64) {
        let queued = self.tales[&id].queued;
        self.require(id, !queued, "an accepted upload was taken for a dead one");
        self.tales.remove(&id);
    }

    /// Accepted imports that are not at their end.
    pub(crate) fn open(&self) -> Vec<i64> {
        let open = |tale: &Tale| tale.queued && tale.ended.is_none();
        self.tales
            .iter()
            .filter(|(_, tale)| open(tale))
            .map(|(id, _)| *id)
            .collect()
    }
}

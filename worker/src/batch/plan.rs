//! As if row by row: what a batch does to the table, given what the table holds of its keys. Pure, and the same for both
//! databases and for a dry run, so that counts cannot depend on batch size, backend or preview.

use super::{Batch, Content, ContentHash, Entry, Fate, Key, Row, Stored, Touched};
use crate::import::{Checkpoint, Counts, Mode};
use crate::resource::Resource;
use crate::row_error::{Failure, RowCode, RowError};

/// What the ledger knows of a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// No record.
    Absent,
    /// A record.
    Known {
        /// Its row in the table that is written; absent where a dry run found it in the real table.
        id: Option<i64>,
        /// The hash of the last imported row, if nothing else wrote since.
        hash: Option<ContentHash>,
        /// Its values, where `Planner::wants` asked for them.
        stored: Option<Stored>,
    },
}

/// The rules of the import that bear on a plan.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// What the rows are.
    pub resource: Resource,
    /// Create, change or both.
    pub mode: Mode,
    /// Failures that may still come before the run stops.
    pub failures_left: Option<u64>,
}

/// A record to write.
#[derive(Clone, Debug, PartialEq)]
pub struct Write<'a> {
    /// Which record.
    pub key: &'a Key,
    /// Every value it is to hold.
    pub content: Content<'a>,
    /// The hash to keep with it.
    pub hash: ContentHash,
}

/// Everything one batch does.
#[derive(Debug, Default)]
pub struct Plan<'a> {
    /// Rows for the table that is written, sorted by key.
    pub inserts: Vec<Write<'a>>,
    /// Rows to overwrite, by row id, sorted by key.
    pub updates: Vec<(i64, Write<'a>)>,
    /// What is not as it was in any of `updates`.
    pub touched: Touched,
    /// Refused rows in file order.
    pub failures: Vec<Failure>,
    /// To be added to the import's counts.
    pub counts: Counts,
    /// The new checkpoint.
    pub after: Checkpoint,
    /// `max_failures` is passed; rows after the checkpoint are not touched.
    pub stop: bool,
}

/// Finds the distinct keys of a batch, then plans.
#[derive(Debug)]
pub struct Planner<'a> {
    batch: &'a Batch,
    mode: Mode,
    keys: Vec<&'a Key>,
    /// The place of each row's key among `keys`, row by row in file order.
    slots: Vec<usize>,
    /// The row of the key if it stands once in the batch.
    single: Vec<Option<&'a Row>>,
}

struct Slot<'a> {
    found: Found,
    /// The row that made it, as long as no other row has said anything else.
    made_by: Option<&'a Row>,
    /// What is to be written, once something is.
    dirty: bool,
}

impl<'a> Slot<'a> {
    fn of(found: Found) -> Self {
        Self {
            found,
            made_by: None,
            dirty: false,
        }
    }

    fn make(&mut self, row: &'a Row) {
        self.made_by = Some(row);
        self.dirty = true;
        self.found = Found::Known {
            id: None,
            hash: Some(row.hash),
            stored: None,
        };
    }

    /// The values of what a row has made, for another row to change.
    fn unfold(&mut self) {
        if let (Some(row), Found::Known { stored, .. }) = (self.made_by.take(), &mut self.found) {
            *stored = Some(Stored::create(row));
        }
    }
}

impl<'a> Planner<'a> {
    /// Reads the keys; they come out sorted, so that two writers lock rows in the same order.
    pub fn new(batch: &'a Batch, mode: Mode) -> Self {
        let mut sorted: Vec<(usize, &Row)> = batch.rows().enumerate().collect();
        sorted.sort_by(|(_, one), (_, other)| one.key.cmp(&other.key));
        let mut keys: Vec<&Key> = Vec::with_capacity(sorted.len());
        let mut single: Vec<Option<&Row>> = Vec::with_capacity(sorted.len());
        let mut slots = vec![0; sorted.len()];
        for (place, row) in sorted {
            match single.last_mut() {
                Some(one) if keys.last() == Some(&&row.key) => *one = None,
                _ => {
                    keys.push(&row.key);
                    single.push(Some(row));
                }
            }
            if let Some(slot) = slots.get_mut(place) {
                *slot = keys.len() - 1;
            }
        }
        Self {
            batch,
            mode,
            keys,
            slots,
            single,
        }
    }

    /// The distinct keys, sorted; `plan` takes what was found in this order.
    pub fn keys(&self) -> &[&'a Key] {
        &self.keys
    }

    /// Whether the values of a known record are needed: not if its only row says again what was last imported.
    pub fn wants(&self, slot: usize, hash: Option<&ContentHash>) -> bool {
        if self.mode == Mode::Create {
            return false;
        }
        match self.single.get(slot) {
            Some(Some(row)) => row.adds_handles || hash != Some(&row.hash),
            _ => true,
        }
    }

    /// Applies the batch's entries in order.
    pub fn plan(self, found: Vec<Found>, policy: Policy) -> Plan<'a> {
        let mut slots: Vec<Slot<'_>> = found.into_iter().map(Slot::of).collect();
        let mut plan = Plan {
            after: self.batch.from,
            ..Plan::default()
        };
        let mut places = self.slots.iter();
        for entry in &self.batch.entries {
            step(entry, &mut places, &mut slots, policy, &mut plan);
            plan.after = entry.after;
            if policy.failures_left.is_some_and(|left| plan.counts.failed > left) {
                plan.stop = true;
                break;
            }
        }
        for (key, slot) in self.keys.iter().zip(slots) {
            plan.write(key, slot);
        }
        plan
    }
}

/// `places` gives the slot of each row in turn.
fn step<'a, 'p>(
    entry: &'a Entry,
    places: &mut impl Iterator<Item = &'p usize>,
    slots: &mut [Slot<'a>],
    policy: Policy,
    plan: &mut Plan<'_>,
) {
    let applied = match &entry.fate {
        Fate::Blank => {
            plan.counts.skipped += 1;
            false
        }
        Fate::Failed(failure) => {
            plan.fail(Failure::clone(failure));
            false
        }
        Fate::Row(row) => {
            let slot = places.next().and_then(|&place| slots.get_mut(place));
            slot.is_some_and(|slot| apply(row, entry, slot, policy, plan))
        }
    };
    plan.counts.warnings += u64::from(applied && entry.warned);
}

const NOT_FOUND: (RowCode, &str) = (RowCode::NotFound, "no record has this key, and mode is update");
const ALREADY_EXISTS: (RowCode, &str) = (RowCode::AlreadyExists, "a record has this key, and mode is create");

fn refused(row: &Row, entry: &Entry, resource: Resource, (code, message): (RowCode, &str)) -> Failure {
    let error = RowError {
        code,
        field: None,
        column: None,
        message: message.to_owned(),
        expected: None,
        value: Some(row.key.text(resource)),
    };
    Failure {
        record: entry.record,
        line: entry.line,
        errors: vec![error],
        cells: row.cells.clone().unwrap_or_default(),
    }
}

/// One row against the state its predecessors left; says whether the row counts as applied.
fn apply<'a>(row: &'a Row, entry: &Entry, slot: &mut Slot<'a>, policy: Policy, plan: &mut Plan<'_>) -> bool {
    if slot
        .made_by
        .is_some_and(|made_by| made_by.hash != row.hash || row.adds_handles)
    {
        slot.unfold();
    }
    match (&mut slot.found, policy.mode) {
        (Found::Absent, Mode::Update) => {
            plan.fail(refused(row, entry, policy.resource, NOT_FOUND));
            return false;
        }
        (Found::Known { .. }, Mode::Create) => {
            plan.fail(refused(row, entry, policy.resource, ALREADY_EXISTS));
            return false;
        }
        (Found::Absent, _) => {
            slot.make(row);
            plan.counts.created += 1;
        }
        (Found::Known { hash: Some(hash), .. }, _) if *hash == row.hash && !row.adds_handles => {
            plan.counts.unchanged += 1
        }
        (
            Found::Known {
                hash,
                stored: Some(stored),
                ..
            },
            _,
        ) => {
            if stored.apply_noting(row, &mut plan.touched) || row.adds_handles {
                *hash = Some(row.hash);
                slot.dirty = true;
                plan.counts.updated += 1;
            } else {
                plan.counts.unchanged += 1;
            }
        }
        // `wants` asks for the values of every record that gets here.
        (Found::Known { stored: None, .. }, _) => plan.counts.unchanged += 1,
    }
    true
}

impl Plan<'_> {
    /// No record is written.
    pub fn is_idle(&self) -> bool {
        self.inserts.is_empty() && self.updates.is_empty()
    }

    /// What is left of a plan once its records are written: refused rows, counts and checkpoint.
    pub fn rest(self) -> Plan<'static> {
        Plan {
            inserts: Vec::new(),
            updates: Vec::new(),
            touched: Touched::default(),
            failures: self.failures,
            counts: self.counts,
            after: self.after,
            stop: self.stop,
        }
    }
}

impl<'a> Plan<'a> {
    fn fail(&mut self, failure: Failure) {
        self.counts.failed += 1;
        self.failures.push(failure);
    }

    fn write(&mut self, key: &'a Key, slot: Slot<'a>) {
        let Found::Known {
            id,
            hash: Some(hash),
            stored,
        } = slot.found
        else {
            return;
        };
        let made = slot.made_by.map(Content::create);
        let Some(content) = made.or(stored.map(Content::Stored)).filter(|_| slot.dirty) else {
            return;
        };
        let write = Write { key, content, hash };
        match id {
            Some(id) => self.updates.push((id, write)),
            None => self.inserts.push(write),
        }
    }
}

#[cfg(test)]
mod tests;

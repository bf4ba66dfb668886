//! Rows that are identified by handles, as far as no SQL is needed: which table holds handles, what is asked of it, and what
//! of the engine's pass is to be written. `identify` goes before every classification, so a batch that is classified again
//! also learns anew whose its handles are.

use std::borrow::Cow;
use std::collections::HashSet;

use worker::batch::handles::{Handle, HandleKind, Known, NewHandle, identify};
use worker::batch::plan::{Found, Plan, Planner};
use worker::batch::{Batch, Key};

use super::columns::Table;
use super::job::Job;
use crate::store::error::StoreError;

/// A batch whose rows bear the keys of their records, and the handles that this gives away.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    /// To be planned.
    pub(super) batch: Cow<'a, Batch>,
    /// Sorted, so that two writers meet in the same order.
    new: Vec<NewHandle>,
    /// Those that handles led to.
    persons: HashSet<Key>,
}

impl<'a> Rows<'a> {
    /// Rows that bring their keys with them.
    pub(super) fn as_they_are(batch: &'a Batch) -> Self {
        Self {
            batch: Cow::Borrowed(batch),
            new: Vec::new(),
            persons: HashSet::new(),
        }
    }

    /// Rows whose keys depend on who is known.
    pub(super) fn of(batch: &Batch, known: Known) -> Self {
        let persons = known.values().cloned().collect();
        let identified = identify(batch, known);
        let mut new = identified.new;
        new.sort_unstable_by(|a, b| a.handle.cmp(&b.handle));
        Self {
            batch: Cow::Owned(identified.batch),
            new,
            persons,
        }
    }

    /// Whether a handle led to a person whose record is not there: it was removed, or got another key, after the handle
    /// was looked up.
    pub(super) fn is_stale(&self, planner: &Planner<'_>, found: &[Found]) -> bool {
        let mut slots = planner.keys().iter().zip(found);
        slots.any(|(key, found)| *found == Found::Absent && self.persons.contains(*key))
    }

    /// The handles to write with a plan: those of rows that it gets to.
    pub(super) fn to_write(&self, plan: &Plan<'_>) -> Vec<&NewHandle> {
        let reached = |new: &&NewHandle| new.record <= plan.after.record;
        self.new.iter().filter(reached).collect()
    }
}

/// The table of handles beside a table of users; its rows go with theirs.
pub(super) fn handles_of(users: &Table) -> &'static str {
    match users.scope {
        "org_id" => "user_handles",
        _ => "preview_user_handles",
    }
}

/// Whether this import's rows are identified by handles.
pub(super) fn has_handles(job: &Job<'_>) -> bool {
    job.run.options.handles
}

/// A handle from its cells.
pub(super) fn read_handle(kind: &str, value: &str) -> Result<Handle, StoreError> {
    let kind = HandleKind::parse(kind).ok_or_else(|| StoreError::Corrupt(format!("user_handles.kind: {kind}")))?;
    Ok(Handle {
        kind,
        value: value.into(),
    })
}

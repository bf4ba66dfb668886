//! What the database answered about a batch's keys, brought into the form the engine plans with. No SQL.

use worker::batch::plan::{Found, Planner};
use worker::batch::{ContentHash, Stored};

use super::columns::Children;

/// A record that has one of the batch's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// Its row.
    pub(super) id: i64,
    /// The hash of the last imported row, if nothing else wrote since.
    pub(super) hash: Option<ContentHash>,
    /// It stands in the table that is written; a dry run finds others in the real table, and overlays them.
    pub(super) written: bool,
}

/// A record's values as they are now, read under its lock.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The key's place in `Planner::keys`.
    pub(super) slot: usize,
    /// Its row.
    pub(super) id: i64,
    /// Where what hangs on it lies.
    pub(super) children: Children,
    /// As in `Hit`, which may have been read before another writer committed.
    pub(super) hash: Option<ContentHash>,
    /// The values.
    pub(super) stored: Stored,
}

/// What is known of each of the batch's keys, in the order of `Planner::keys`.
#[derive(Debug)]
pub(super) struct Hits(Vec<Option<Hit>>);

impl Hits {
    /// Nothing is known yet of so many keys.
    pub(super) fn none(keys: usize) -> Self {
        Self(vec![None; keys])
    }

    /// Notes a record.
    pub(super) fn set(&mut self, slot: usize, hit: Hit) {
        if let Some(place) = self.0.get_mut(slot) {
            *place = Some(hit);
        }
    }

    /// The row of each place's record.
    pub(super) fn ids(&self) -> impl Iterator<Item = Option<i64>> {
        self.0.iter().map(|hit| hit.map(|hit| hit.id))
    }

    /// The places without a record.
    pub(super) fn missing(&self) -> Vec<usize> {
        self.0
            .iter()
            .enumerate()
            .filter(|(_, hit)| hit.is_none())
            .map(|(slot, _)| slot)
            .collect()
    }

    /// The records whose values the plan needs, sorted by key: place and row. `written` picks the table.
    pub(super) fn wanted(&self, planner: &Planner<'_>, written: bool) -> Vec<(usize, i64)> {
        let hits = self
            .0
            .iter()
            .enumerate()
            .filter_map(|(slot, hit)| hit.map(|hit| (slot, hit)));
        hits.filter(|(slot, hit)| hit.written == written && planner.wants(*slot, hit.hash.as_ref()))
            .map(|(slot, hit)| (slot, hit.id))
            .collect()
    }

    /// What `Planner::plan` takes. A wanted record that could not be loaded was removed, or got another key, between
    /// probe and lock: its key is free.
    pub(super) fn found(self, planner: &Planner<'_>, loaded: Vec<Loaded>) -> Vec<Found> {
        let mut values: Vec<Option<Loaded>> = self.0.iter().map(|_| None).collect();
        for record in loaded {
            if let Some(place) = values.get_mut(record.slot) {
                *place = Some(record);
            }
        }
        let hits = self.0.into_iter().enumerate().zip(values);
        hits.map(|((slot, hit), record)| {
            let Some(hit) = hit else { return Found::Absent };
            let id = hit.written.then_some(hit.id);
            match record {
                Some(record) => Found::Known {
                    id,
                    hash: record.hash,
                    stored: Some(record.stored),
                },
                None if planner.wants(slot, hit.hash.as_ref()) => Found::Absent,
                None => Found::Known {
                    id,
                    hash: hit.hash,
                    stored: None,
                },
            }
        })
        .collect()
    }
}

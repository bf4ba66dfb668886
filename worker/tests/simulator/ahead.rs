//! What a ledger reads for a batch before its turn. It is believed as long as no other import has written to the table since:
//! what the batch before it writes is the engine's to keep apart, and shows in the audit if it does not.

use worker::batch::Batch;
use worker::batch::plan::{Found, Planner};
use worker::ports::Claimed;

use crate::flaw::Flaw;
use crate::world::{Lane, World, found};

/// What was read, and how often others had written by then.
pub(crate) struct Seen {
    found: Vec<Found>,
    others: u64,
}

impl World {
    pub(crate) fn look_ahead(&self, run: &Claimed, batch: &Batch) -> Option<Seen> {
        let id = run.lease.import.0;
        let lane = self.imports.get(&id)?.lane();
        let planner = Planner::new(batch, run.options.mode);
        Some(Seen {
            found: self.look(&planner, lane, run),
            others: self.others(lane, id),
        })
    }

    /// What the table holds of a batch's keys, read now if it was not read before.
    pub(crate) fn seen(&self, planner: &Planner<'_>, lane: Lane, run: &Claimed, ahead: Option<Seen>) -> Vec<Found> {
        let now = self.others(lane, run.lease.import.0);
        match ahead.filter(|seen| seen.others == now || self.has(Flaw::BelievesItsEyes)) {
            Some(seen) => seen.found,
            None => self.look(planner, lane, run),
        }
    }

    fn look(&self, planner: &Planner<'_>, lane: Lane, run: &Claimed) -> Vec<Found> {
        let keeps_hash = run.options.resource.keeps_hash();
        let table = self.tables.get(&lane);
        table.map_or_else(
            || planner.keys().iter().map(|_| Found::Absent).collect(),
            |table| found(planner, table, keeps_hash),
        )
    }

    fn others(&self, lane: Lane, id: i64) -> u64 {
        let all = self.writes.range((lane, i64::MIN)..=(lane, i64::MAX));
        all.filter(|((_, writer), _)| *writer != id)
            .map(|(_, times)| *times)
            .sum()
    }
}

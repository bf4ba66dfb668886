//! Which of a batch's keys a table holds, found by a walk along the index. Most files come in the order of their keys, and then one
//! walk costs a third of a lookup for each key, and next to nothing where all are new. Where many other records lie in
//! between, the keys are looked up one by one. What is the same for both databases; no SQL is run here.

use std::cmp::Ordering;

use worker::batch::{KEY_PARTS, Key};

use super::classify::{Hit, Hits};
use super::columns::{Table, list};

/// Fewer keys are not worth a walk.
const WORTH_A_WALK: usize = 256;
/// So many keys are walked first, to see whether the others lie as close together.
const SAMPLE: usize = 64;
/// A walk is given up once it has met so many times as many records as there are keys.
const CLOSE: usize = 2;

/// Keys with their places in the batch, sorted.
pub(super) type Sought<'k> = [(usize, &'k Key)];

/// Keys that one walk can meet.
pub(super) fn runs<'s, 'k>(table: &Table, keys: &'s Sought<'k>) -> impl Iterator<Item = &'s Sought<'k>> {
    keys.chunk_by(|(_, one), (_, other)| Place::of(table, one).group == Place::of(table, other).group)
}

/// The keys to be walked first, and the others; `None` where a walk is not worth it.
pub(super) fn sample<'s, 'k>(run: &'s Sought<'k>) -> Option<(&'s Sought<'k>, &'s Sought<'k>)> {
    run.split_at_checked(SAMPLE).filter(|_| run.len() >= WORTH_A_WALK)
}

/// Where in the index a key lies: what follows the organization, as far as a walk is bounded by it.
struct Place<'k> {
    /// The first of several columns, the same for all keys of a walk. (PostgreSQL 15 does not end a scan at the upper one of two
    /// rows that are compared whole.)
    group: Option<&'k str>,
    /// The column that bounds it.
    at: &'k str,
}

impl<'k> Place<'k> {
    fn of(table: &Table, key: &'k Key) -> Self {
        let mut cells = table.key_cells(key);
        match (cells.next(), cells.next()) {
            (group, Some(at)) => Self { group, at },
            (at, None) => Self {
                group: None,
                at: at.unwrap_or_default(),
            },
        }
    }
}

/// A walk from the first of some keys to the last.
pub(super) struct Walk<'t, 's, 'k> {
    table: &'t Table,
    /// What it has not come to yet.
    ahead: &'s Sought<'k>,
    /// The first column of the key, where it has several.
    pub(super) group: Option<&'k str>,
    /// Both ends of the column that bounds the walk.
    pub(super) ends: (&'k str, &'k str),
    /// Most records that it may meet.
    most: usize,
    met: usize,
}

impl<'t, 's, 'k> Walk<'t, 's, 'k> {
    /// `None` without keys.
    pub(super) fn new(table: &'t Table, keys: &'s Sought<'k>) -> Option<Self> {
        let (first, last) = (Place::of(table, keys.first()?.1), Place::of(table, keys.last()?.1));
        Some(Self {
            table,
            ahead: keys,
            group: first.group,
            ends: (first.at, last.at),
            most: keys.len() * CLOSE,
            met: 0,
        })
    }

    /// Most records that it may meet, as SQL takes it.
    pub(super) fn limit(&self) -> i64 {
        i64::try_from(self.most).unwrap_or(i64::MAX)
    }

    /// Gives the key's parts, id and hash of each record. Binds, in this order and spelled by `bind`: the owner, how many rows at most, both ends
    /// of the bounding column, and the group if there is one. Keys compare byte by byte here and there.
    pub(super) fn sql(&self, bind: char) -> String {
        let columns: Vec<&str> = self.table.key_columns().collect();
        let (bound, group) = match columns.as_slice() {
            [group, bound, ..] => (*bound, format!("\"{group}\" = {bind}5 and")),
            one => (one.first().copied().unwrap_or_default(), String::new()),
        };
        let Table { name, scope, .. } = self.table;
        let part = |place| {
            let column = columns
                .get(place)
                .map_or("''".to_owned(), |column| format!("\"{column}\""));
            format!("{column} as part_{place}")
        };
        let parts: Vec<String> = (0..KEY_PARTS).map(part).collect();
        let (parts, list) = (parts.join(", "), list(columns.iter().copied()));
        format!(
            "select {parts}, id, content_hash from {name}
             where {scope} = {bind}1 and {group} \"{bound}\" between {bind}3 and {bind}4 order by {list} limit {bind}2"
        )
    }

    /// Meets the next record.
    pub(super) fn meet(&mut self, key: [&str; KEY_PARTS], hit: Hit, hits: &mut Hits) {
        self.met += 1;
        while let Some(((slot, sought), rest)) = self.ahead.split_first() {
            let order = sought.parts().iter().map(AsRef::as_ref).cmp(key);
            if order == Ordering::Greater {
                break;
            }
            if order == Ordering::Equal {
                hits.set(*slot, hit);
            }
            self.ahead = rest;
        }
    }

    /// The keys that it did not come to.
    pub(super) fn left(self) -> &'s Sought<'k> {
        if self.met < self.most { &[] } else { self.ahead }
    }
}

//! What a file must do, row by row, worked out by a fold that knows nothing of batches, plans, leases or bytes.

use std::collections::BTreeMap;

/// A row as the one who wrote the file means it.
#[derive(Clone, Debug)]
pub(crate) enum Line {
    /// Who, and the two values; an empty one is an empty cell.
    Person(&'static str, [String; 2]),
    Blank,
    /// Refused, whatever the table holds.
    Broken,
}

/// What is to be done with known and unknown keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Upsert,
    Create,
    Update,
}

/// The rules of one import.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) kind: Kind,
    /// Empty cells leave values alone.
    pub(crate) keeps: bool,
    pub(crate) max_failures: Option<u64>,
}

/// A table: who, and the two values.
pub(crate) type Records = BTreeMap<String, [Option<String>; 2]>;

/// Rows by fate: created, updated, unchanged, failed, skipped.
pub(crate) type Tally = [u64; 5];

/// Does one row; says its place in the tally.
pub(crate) fn apply(records: &mut Records, line: &Line, rules: Rules) -> usize {
    let (who, cells) = match line {
        Line::Person(who, cells) => (*who, cells),
        Line::Broken => return 3,
        Line::Blank => return 4,
    };
    let Some(record) = records.get_mut(who) else {
        if rules.kind == Kind::Update {
            return 3;
        }
        let filled = |cell: &String| (!cell.is_empty()).then(|| cell.clone());
        records.insert(who.to_owned(), [filled(&cells[0]), filled(&cells[1])]);
        return 0;
    };
    if rules.kind == Kind::Create {
        return 3;
    }
    let before = record.clone();
    for (value, cell) in record.iter_mut().zip(cells) {
        if !cell.is_empty() {
            *value = Some(cell.clone());
        } else if !rules.keeps {
            *value = None;
        }
    }
    if *record == before { 2 } else { 1 }
}

/// The state that an import ends in: its word.
pub(crate) fn verdict(tally: Tally, total: u64) -> &'static str {
    let [created, updated, unchanged, failed, skipped] = tally;
    let good = created + updated + unchanged;
    let bad = failed + (total - good - failed - skipped);
    match (good, bad) {
        (_, 0) => "completed",
        (0, _) => "failed",
        _ => "partial",
    }
}

//! Who a row is about, where rows come with handles (addresses, numbers, names that a person is known by) and not with an id:
//! a pass over a batch before it is planned, as if row by row, given what the store knows. Pure; no SQL, no rule about cells.
//!
//! - None of a row's handles is known: the person has the key that the row was read with, made of its first handle.
//! - One person is known by them: the row is about that person, and its other handles become that person's too.
//! - Two persons are: the row fails, and teaches nothing to the rows after it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Batch, Entry, Fate, Key, Row, Text};
use crate::row_error::{Failure, RowCode, RowError, shown};

/// What sort of handle, in the order in which they give a new person its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HandleKind {
    /// An e-mail address, compared in lower case.
    Email,
    /// A telephone number as E.164.
    Phone,
    /// A name, compared as it is.
    Username,
}

impl HandleKind {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Email, Self::Phone, Self::Username];

    /// The word in mappings and tables; also the name of the field that the first handle of the kind fills.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Username => "username",
        }
    }

    /// Reads the word back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// One handle in the form in which it is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle {
    /// What sort.
    pub kind: HandleKind,
    /// Its text.
    pub value: Text,
}

/// The persons that the store knows by handles.
pub type Known = HashMap<Handle, Key>;

/// A handle that a row gives to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHandle {
    /// The row's record: it counts only if the plan gets that far.
    pub record: u64,
    /// The handle.
    pub handle: Handle,
    /// Whose it is now.
    pub key: Key,
}

/// A batch whose rows bear the keys of their persons.
#[derive(Clone, Debug, PartialEq)]
pub struct Identified {
    /// To be planned in place of the original.
    pub batch: Batch,
    /// In file order, each once.
    pub new: Vec<NewHandle>,
}

/// The distinct handles of a batch, sorted: what the store is to be asked for.
pub fn wanted(batch: &Batch) -> Vec<&Handle> {
    let mut handles: Vec<&Handle> = batch.rows().flat_map(|row| &row.handles).collect();
    handles.sort_unstable();
    handles.dedup();
    handles
}

/// Gives each row the key of its person, or refuses it.
pub fn identify(batch: &Batch, mut known: Known) -> Identified {
    let mut new = Vec::new();
    let entries = batch.entries.iter().map(|entry| {
        let fate = match &entry.fate {
            Fate::Row(row) => identify_row(entry, row, &mut known, &mut new),
            Fate::Failed(_) | Fate::Blank => entry.fate.clone(),
        };
        Entry { fate, ..*entry }
    });
    Identified {
        batch: Batch {
            entries: entries.collect(),
            from: batch.from,
        },
        new,
    }
}

fn identify_row(entry: &Entry, row: &Row, known: &mut Known, new: &mut Vec<NewHandle>) -> Fate {
    // One handle of each person, in the row's order.
    let mut persons: Vec<(&Handle, &Key)> = Vec::new();
    for handle in &row.handles {
        if let Some(key) = known.get(handle)
            && persons.iter().all(|(_, person)| *person != key)
        {
            persons.push((handle, key));
        }
    }
    if persons.len() > 1 {
        return Fate::Failed(Box::new(conflict(entry, row, &persons)));
    }
    let key = persons.first().map_or(&row.key, |(_, key)| key).clone();
    let before = new.len();
    for handle in &row.handles {
        if !known.contains_key(handle) {
            known.insert(handle.clone(), key.clone());
            new.push(NewHandle {
                record: entry.record,
                handle: handle.clone(),
                key: key.clone(),
            });
        }
    }
    let adds_handles = new.len() > before;
    // Neither its cells nor its handles are asked for any more: the row is not refused after this.
    Fate::Row(Box::new(Row {
        key,
        values: row.values.clone(),
        attributes: row.attributes.clone(),
        hash: row.hash,
        cells: None,
        handles: Vec::new(),
        adds_handles,
    }))
}

fn conflict(entry: &Entry, row: &Row, persons: &[(&Handle, &Key)]) -> Failure {
    let handles: Vec<&str> = persons.iter().map(|(handle, _)| &*handle.value).collect();
    Failure {
        record: entry.record,
        line: entry.line,
        errors: vec![RowError {
            code: RowCode::HandleConflict,
            field: None,
            column: None,
            message: "the handles belong to different persons".to_owned(),
            expected: Some("handles of one person".to_owned()),
            value: Some(shown(&handles.join(", "))),
        }],
        cells: row.cells.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;

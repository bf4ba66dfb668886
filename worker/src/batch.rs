//! Typed rows on their way to the ledger: what a row says (`Patch`), what a record holds (`Stored`), a batch of rows in
//! file order. `plan` works out what they do to the table. No SQL, no clock.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::import::Checkpoint;
use crate::row_error::Failure;

use self::handles::Handle;

mod content;
pub mod handles;
mod key;
pub mod merge;
pub mod plan;

pub use content::{Attributes, Content};
pub use key::{KEY_PARTS, Key};

/// The text of a value. Most are short enough to lie in place: a row then costs a handful of allocations and not thirty.
pub type Text = compact_str::CompactString;

/// What a row says about one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patch<T> {
    /// Nothing: the stored value stays.
    Keep,
    /// It is to be removed.
    Clear,
    /// It is to be this.
    Set(T),
    /// This JSON is to be merged into it, as `merge` says.
    Merge(T),
    /// This JSON object's members replace those of the same name in it, and `null` removes; others stay.
    Overlay(T),
    /// It is to be this where there is none; a stored value stays.
    Fill(T),
}

/// 128 bits over everything a row says beyond its key. The ledger keeps the hash of the last row written; the same hash
/// again means that applying the row would change nothing, as any other writer replaces or clears it.
pub type ContentHash = [u8; 16];

/// A valid row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Which record.
    pub key: Key,
    /// One per field of the resource, in its order.
    pub values: Vec<Patch<Text>>,
    /// Attributes by name, in file order; a later one of the same name wins.
    pub attributes: Vec<(Arc<str>, Patch<Value>)>,
    /// Over `values` and `attributes`.
    pub hash: ContentHash,
    /// The file's cells, kept only where the ledger may still refuse the row (modes create and update).
    pub cells: Option<Vec<String>>,
    /// What its person is known by, where rows are identified so; `handles::identify` makes the key of it.
    pub handles: Vec<Handle>,
    /// It gives its person a handle, which is a change whatever else it says.
    pub adds_handles: bool,
}

impl Row {
    /// A row with its hash worked out.
    pub fn new(key: Key, values: Vec<Patch<Text>>, attributes: Vec<(Arc<str>, Patch<Value>)>) -> Self {
        let hash = content_hash(&values, &attributes);
        Self {
            key,
            values,
            attributes,
            hash,
            cells: None,
            handles: Vec::new(),
            adds_handles: false,
        }
    }
}

/// A record's values as the table holds them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    /// One per field of the resource, in its order.
    pub values: Vec<Option<Text>>,
    /// Everything beyond the typed fields.
    pub attributes: Map<String, Value>,
}

impl Stored {
    /// The record that a row makes where there was none.
    pub fn create(row: &Row) -> Self {
        let mut stored = Self {
            values: vec![None; row.values.len()],
            attributes: Map::new(),
        };
        stored.apply(row);
        stored
    }

    /// Applies a row; says whether anything changed.
    pub fn apply(&mut self, row: &Row) -> bool {
        self.apply_noting(row, &mut Touched::default())
    }

    /// The same, and notes what changed.
    pub fn apply_noting(&mut self, row: &Row, touched: &mut Touched) -> bool {
        let mut any = false;
        touched.values.resize(self.values.len(), false);
        for ((value, patch), touched) in self.values.iter_mut().zip(&row.values).zip(&mut touched.values) {
            let changed = match patch {
                Patch::Keep => false,
                Patch::Clear => value.take().is_some(),
                Patch::Set(new) => set(value, new),
                Patch::Merge(patch) => replace(value, merge::merged_text(value.as_deref(), patch)),
                Patch::Overlay(patch) => replace(value, merge::overlaid_text(value.as_deref(), patch)),
                Patch::Fill(new) => value.is_none() && set(value, new),
            };
            *touched |= changed;
            any |= changed;
        }
        let attributes = self.apply_attributes(row);
        touched.attributes |= attributes;
        any | attributes
    }

    fn apply_attributes(&mut self, row: &Row) -> bool {
        let mut changed = false;
        for (name, patch) in &row.attributes {
            changed |= match patch {
                Patch::Keep => false,
                Patch::Clear => self.attributes.remove(name.as_ref()).is_some(),
                Patch::Set(new) => set_attribute(&mut self.attributes, name, new),
                Patch::Merge(patch) => merge_attribute(&mut self.attributes, name, patch),
                Patch::Overlay(patch) => {
                    let new = merge::overlaid(self.attributes.get(name.as_ref()), patch);
                    set_attribute(&mut self.attributes, name, &new)
                }
                Patch::Fill(new) => {
                    !self.attributes.contains_key(name.as_ref()) && set_attribute(&mut self.attributes, name, new)
                }
            };
        }
        changed
    }
}

/// What rows have changed of the records they were applied to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// By place among the resource's fields: whether any record has another value there.
    pub values: Vec<bool>,
    /// Whether any record has other attributes.
    pub attributes: bool,
}

fn set(value: &mut Option<Text>, new: &str) -> bool {
    if value.as_deref() == Some(new) {
        return false;
    }
    *value = Some(new.into());
    true
}

fn set_attribute(attributes: &mut Map<String, Value>, name: &str, new: &Value) -> bool {
    if attributes.get(name) == Some(new) {
        return false;
    }
    attributes.insert(name.to_owned(), new.clone());
    true
}

fn merge_attribute(attributes: &mut Map<String, Value>, name: &str, patch: &Value) -> bool {
    match merge::merged(attributes.get(name), patch) {
        Some(new) => set_attribute(attributes, name, &new),
        None => attributes.remove(name).is_some(),
    }
}

fn replace(value: &mut Option<Text>, new: Option<Text>) -> bool {
    let changed = *value != new;
    *value = new;
    changed
}

/// One record of the file and its fate so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// 1 = first record after the header, blank lines counted.
    pub record: u64,
    /// Physical line it starts on.
    pub line: u64,
    /// Where the next record starts.
    pub after: Checkpoint,
    /// It was padded or cut to the header's width.
    pub warned: bool,
    /// What it is.
    pub fate: Fate,
}

/// What a record turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// A valid row.
    Row(Box<Row>),
    /// Refused, with every reason.
    Failed(Box<Failure>),
    /// A blank line, or empty cells only.
    Blank,
}

/// Records in file order, never empty, starting exactly at the ledger's checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The checkpoint before the first entry.
    pub from: Checkpoint,
    /// The records.
    pub entries: Vec<Entry>,
}

impl Batch {
    /// The valid rows.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.entries.iter().filter_map(|entry| match &entry.fate {
            Fate::Row(row) => Some(row.as_ref()),
            Fate::Failed(_) | Fate::Blank => None,
        })
    }

    /// The keys of the valid rows.
    fn keys(&self) -> impl Iterator<Item = &Key> {
        self.rows().map(|row| &row.key)
    }

    /// Whether any record is spoken of in both.
    pub fn shares_a_key_with(&self, next: &Self) -> bool {
        // A file in the order of its keys needs no more than this.
        if self.keys().max() < next.keys().min() {
            return false;
        }
        let keys: HashSet<&Key> = self.keys().collect();
        next.keys().any(|key| keys.contains(key))
    }
}

/// When a batch is full: whichever comes first.
#[derive(Clone, Copy, Debug)]
pub struct BatchLimits {
    /// Most records.
    pub rows: usize,
    /// Most bytes of file.
    pub bytes: u64,
}

/// What a row of a personnel file says takes less.
const USUAL_BYTES: usize = 512;

fn content_hash(values: &[Patch<Text>], attributes: &[(Arc<str>, Patch<Value>)]) -> ContentHash {
    // Hashed in one piece: SHA-256 takes longer to be handed fifty pieces than to look at them.
    let mut said = Vec::with_capacity(USUAL_BYTES);
    for value in values {
        say_patch(&mut said, value, |said, text| say_text(said, text));
    }
    for (name, value) in attributes {
        say_text(&mut said, name);
        say_patch(&mut said, value, |said, json| match (value, json) {
            (Patch::Set(_), Value::String(text)) => say_text(said, text),
            (Patch::Set(_), json) => {
                said.push(3);
                say_text(said, &json.to_string());
            }
            (_, json) => say_text(said, &json.to_string()),
        });
    }
    let digest = Sha256::digest(&said);
    let mut hash = ContentHash::default();
    hash.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
    hash
}

/// What is done to a value, then the value: no two patches give the same input.
fn say_patch<T>(said: &mut Vec<u8>, patch: &Patch<T>, say: impl Fn(&mut Vec<u8>, &T)) {
    let (tag, value) = match patch {
        Patch::Keep => (Some(0), None),
        Patch::Clear => (Some(1), None),
        // Tags itself.
        Patch::Set(value) => (None, Some(value)),
        Patch::Merge(value) => (Some(4), Some(value)),
        Patch::Fill(value) => (Some(5), Some(value)),
        Patch::Overlay(value) => (Some(6), Some(value)),
    };
    said.extend(tag);
    if let Some(value) = value {
        say(said, value);
    }
}

/// Tag, length, bytes: no two lists of texts give the same input. Most lengths fit into a byte below 255, which stands for a
/// longer one.
fn say_text(said: &mut Vec<u8>, text: &str) {
    match u8::try_from(text.len()) {
        Ok(length) if length < u8::MAX => said.extend_from_slice(&[2, length]),
        _ => {
            said.extend_from_slice(&[2, u8::MAX]);
            said.extend_from_slice(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        }
    }
    said.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests;

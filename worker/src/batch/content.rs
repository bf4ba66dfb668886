//! What a planned record is to hold. Most new records are what their one row says, value for value: nothing is copied then.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{Patch, Row, Stored};

/// Every value of a record to write.
#[derive(Clone, Debug)]
pub enum Content<'a> {
    /// What its only row says; where that says nothing, there is nothing.
    Row(&'a Row),
    /// Worked out from what was there, or from several rows.
    Stored(Stored),
}

impl<'a> Content<'a> {
    /// Of the record that a row makes where there was none.
    pub fn create(row: &'a Row) -> Self {
        if is_plain(row) {
            Self::Row(row)
        } else {
            Self::Stored(Stored::create(row))
        }
    }

    /// One per field of the resource, in its order.
    pub fn values(&self) -> impl Iterator<Item = Option<&str>> {
        let (row, stored) = match self {
            Self::Row(row) => (row.values.as_slice(), [].as_slice()),
            Self::Stored(stored) => ([].as_slice(), stored.values.as_slice()),
        };
        let said = row.iter().map(|patch| match patch {
            Patch::Set(value) | Patch::Fill(value) => Some(value.as_str()),
            Patch::Keep | Patch::Clear | Patch::Merge(_) | Patch::Overlay(_) => None,
        });
        said.chain(stored.iter().map(Option::as_deref))
    }

    /// Everything beyond the typed fields, as a JSON object sorted by name.
    pub fn attributes(&self) -> Attributes<'_> {
        match self {
            Self::Row(row) => {
                let mut said: Vec<_> = row
                    .attributes
                    .iter()
                    .filter(|(_, patch)| *patch != Patch::Keep)
                    .collect();
                said.sort_by(|(one, _), (other, _)| one.cmp(other));
                Attributes::Said(said)
            }
            Self::Stored(stored) => Attributes::Stored(stored),
        }
    }

    /// As a record of its own.
    pub fn to_stored(&self) -> Cow<'_, Stored> {
        match self {
            Self::Row(row) => Cow::Owned(Stored::create(row)),
            Self::Stored(stored) => Cow::Borrowed(stored),
        }
    }

    /// The same, given away.
    pub fn into_stored(self) -> Stored {
        match self {
            Self::Row(row) => Stored::create(row),
            Self::Stored(stored) => stored,
        }
    }

    /// The same, to be changed in place.
    pub fn to_mut(&mut self) -> &mut Stored {
        loop {
            match self {
                Self::Row(row) => *self = Self::Stored(Stored::create(row)),
                Self::Stored(stored) => return stored,
            }
        }
    }
}

/// Whether each value, said of a record that is not there yet, is simply set or absent.
fn is_plain(row: &Row) -> bool {
    row.values
        .iter()
        .all(|value| !matches!(value, Patch::Merge(_) | Patch::Overlay(_)))
        && row
            .attributes
            .iter()
            .all(|(_, value)| matches!(value, Patch::Keep | Patch::Clear | Patch::Set(_)))
}

/// By what they say, not by how they came to it.
impl PartialEq for Content<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.to_stored() == other.to_stored()
    }
}

/// The attributes of a record as they are written.
#[derive(Debug)]
pub enum Attributes<'a> {
    /// Sorted by name; of several with one name the last counts.
    Said(Vec<&'a (std::sync::Arc<str>, Patch<Value>)>),
    /// A record's.
    Stored(&'a Stored),
}

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Stored(stored) => stored.attributes.serialize(serializer),
            Self::Said(said) => {
                serializer.collect_map(said.chunk_by(|(one, _), (other, _)| one == other).filter_map(|same| {
                    match same.last() {
                        Some((name, Patch::Set(value))) => Some((name.as_ref(), value)),
                        _ => None,
                    }
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests;

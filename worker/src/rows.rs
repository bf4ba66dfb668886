//! Cells → row: maps and checks one record, and names everything that is wrong with it at once. Pure; knows neither where
//! the cells come from nor where the row goes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::batch::handles::HandleKind;
use crate::batch::{Fate, Patch, Row, Text};
use crate::import::{Blank, ImportOptions, Mode, Ragged};
use crate::mapping::{self, Column, QUOTED_COLUMN, Target};
use crate::resource::cell::{self, CellError, ERASED};
use crate::resource::clients::Part;
use crate::resource::rule::{self, Rule};
use crate::resource::{Field, Kind, Resource};
use crate::row_error::RowError;

mod children;
mod errors;
mod handles;
mod key;

use self::errors::{attribute_error, bad_quote_error, column_count_error, failure, owned, refused_error, row_error};
use self::handles::Handles;

/// What a column fills, by position.
#[derive(Clone, Debug)]
enum Slot {
    /// One of the key's fields.
    Key(usize),
    /// One of the resource's fields.
    Value(usize, Field),
    /// A piece of one of the resource's fields.
    Part(Part),
    Attribute(Arc<str>),
    Attributes,
    Refusal,
    /// Handles of this kind.
    Handles(HandleKind),
    Ignored,
}

/// How one column is read.
#[derive(Clone, Debug)]
struct Reading {
    slot: Slot,
    header: String,
    /// What its cells must be beyond its field's own rule.
    rule: Option<Rule>,
}

/// The rules of one import, ready to be applied to record after record.
#[derive(Clone, Debug)]
pub struct Rows {
    readings: Vec<Reading>,
    /// Rows are identified by handles.
    handles: bool,
    resource: Resource,
    key: Vec<String>,
    key_fields: &'static [Field],
    fields: &'static [Field],
    /// How many columns are attributes.
    attributes: usize,
    source: String,
    blank: Blank,
    composed: bool,
    merge: bool,
    ragged: Ragged,
    keep_cells: bool,
    unquote: bool,
}

/// A record turned into its fate; `warned` when it was padded or cut.
#[derive(Debug, PartialEq)]
pub struct Judged {
    /// Row, failure or blank.
    pub fate: Fate,
    /// The record had too few or too many cells and was taken all the same.
    pub warned: bool,
}

/// Collects what a record says.
struct Draft {
    key: [Option<Text>; 3],
    values: Vec<Patch<Text>>,
    attributes: Vec<(Arc<str>, Patch<Value>)>,
    children: children::Children,
    handles: Handles,
    errors: Vec<RowError>,
}

impl Rows {
    /// `columns` as resolved at the door, `options` of the import.
    pub fn new(columns: &[Column], options: &ImportOptions) -> Self {
        let is_attribute = |column: &&Column| matches!(column.target, Target::Attribute(_));
        Self {
            readings: columns
                .iter()
                .map(|column| Reading {
                    slot: slot(&column.target, options.resource),
                    header: column.header.clone(),
                    rule: options.rules.get(&column.header).cloned(),
                })
                .collect(),
            handles: options.handles,
            resource: options.resource,
            // Checked at the door; a row of a file without any key would fail as one whose key is empty.
            key: mapping::key(columns, options).unwrap_or_default(),
            key_fields: options.resource.key_fields(),
            fields: options.resource.fields(),
            attributes: columns.iter().filter(is_attribute).count(),
            source: options.source.clone(),
            blank: options.blank,
            composed: options.composed,
            merge: options.merge,
            ragged: options.ragged,
            keep_cells: options.mode != Mode::Upsert || options.handles,
            unquote: columns.iter().any(|column| column.header == QUOTED_COLUMN),
        }
    }

    /// Maps and checks a record that is not blank. `record` and `line` go into the failure, if it is one.
    pub fn judge(&self, record: u64, line: u64, cells: &[&str], bad_quote: bool) -> Judged {
        if self.unquote {
            let plain: Vec<&str> = cells.iter().map(|cell| mapping::unquote(cell)).collect();
            return self.judge_plain(record, line, &plain, bad_quote);
        }
        self.judge_plain(record, line, cells, bad_quote)
    }

    fn judge_plain(&self, record: u64, line: u64, cells: &[&str], bad_quote: bool) -> Judged {
        let failed = |errors| Judged {
            fate: Fate::Failed(Box::new(failure(record, line, cells, errors))),
            warned: false,
        };
        if bad_quote {
            return failed(vec![bad_quote_error()]);
        }
        let ragged = cells.len() != self.readings.len();
        if ragged && !self.may_pad(cells) {
            return failed(vec![column_count_error(cells.len(), self.readings.len())]);
        }
        match self.row(cells) {
            Ok(mut row) => {
                row.cells = self.keep_cells.then(|| owned(cells));
                Judged {
                    fate: Fate::Row(Box::new(row)),
                    warned: ragged,
                }
            }
            Err(errors) => failed(errors),
        }
    }

    fn may_pad(&self, cells: &[&str]) -> bool {
        self.ragged == Ragged::Pad && cells.iter().skip(self.readings.len()).all(|extra| extra.is_empty())
    }

    fn row(&self, cells: &[&str]) -> Result<Row, Vec<RowError>> {
        let mut draft = Draft {
            key: [None, None, None],
            values: self.fields.iter().map(|_| Patch::Keep).collect(),
            attributes: Vec::with_capacity(self.attributes),
            children: children::Children::default(),
            handles: Handles::default(),
            errors: Vec::new(),
        };
        let padded = cells.iter().copied().chain(std::iter::repeat(""));
        for (reading, cell) in self.readings.iter().zip(padded) {
            self.take(&mut draft, reading, cell);
        }
        let key = self.key(&mut draft);
        self.finish_children(&mut draft);
        match key {
            Some(key) if draft.errors.is_empty() => {
                if self
                    .readings
                    .iter()
                    .any(|reading| matches!(reading.slot, Slot::Attributes))
                {
                    last_of_each(&mut draft.attributes);
                }
                let handles = draft.handles.finish(self.fields, &mut draft.values);
                Ok(Row {
                    handles,
                    ..Row::new(key, draft.values, draft.attributes)
                })
            }
            _ => Err(draft.errors),
        }
    }

    fn take(&self, draft: &mut Draft, reading: &Reading, cell: &str) {
        let header = &reading.header;
        match &reading.slot {
            Slot::Ignored => {}
            Slot::Refusal if cell.is_empty() => {}
            Slot::Refusal => draft.errors.push(refused_error(cell)),
            Slot::Key(place) => {
                let Some(field) = self.key_fields.get(*place) else {
                    return;
                };
                let Some(text) = filled(field.kind, cell) else { return };
                match cell::check(field.kind, text) {
                    Ok(text) => put(&mut draft.key, *place, Some(text.as_ref().into())),
                    Err(error) => draft.errors.push(row_error(field, header, text, error)),
                }
            }
            Slot::Value(place, field) => {
                let patch = match filled(field.kind, cell) {
                    Some(ERASED) if self.composed => Patch::Clear,
                    None => self.blank(),
                    Some(text) => match reading.check(field.kind, text) {
                        Ok(text) if self.merge && field.kind == Kind::JsonArray => Patch::Merge(text.as_ref().into()),
                        Ok(text) => Patch::Set(text.as_ref().into()),
                        Err(error) => return draft.errors.push(row_error(field, header, text, error)),
                    },
                };
                put(&mut draft.values, *place, patch);
            }
            Slot::Part(part) => self.take_part(draft, part, header, cell),
            Slot::Handles(kind) => draft.errors.extend(draft.handles.take(*kind, header, cell).err()),
            Slot::Attribute(name) => self.take_attribute(draft, name, reading, cell),
            Slot::Attributes => self.take_attributes(draft, reading, cell),
        }
    }

    fn blank<T>(&self) -> Patch<T> {
        match self.blank {
            Blank::Clear => Patch::Clear,
            Blank::Ignore => Patch::Keep,
        }
    }

    fn take_attribute(&self, draft: &mut Draft, name: &Arc<str>, reading: &Reading, cell: &str) {
        let patch = match filled(Kind::Text(cell::MAX_ATTRIBUTE_BYTES), cell) {
            None => self.blank(),
            Some(text) => match reading.attribute(text) {
                Ok(value) => Patch::Set(value),
                Err(error) => return draft.errors.push(attribute_error(&reading.header, text, error)),
            },
        };
        draft.attributes.push((Arc::clone(name), patch));
    }

    /// A JSON object: each member is an attribute, `null` removes it. An empty cell says nothing.
    fn take_attributes(&self, draft: &mut Draft, reading: &Reading, cell: &str) {
        let Some(text) = filled(Kind::Text(cell::MAX_ATTRIBUTE_BYTES), cell) else {
            return;
        };
        match reading.members(text) {
            Ok(members) => draft
                .attributes
                .extend(members.into_iter().map(|(name, value)| match value {
                    Value::Null => (Arc::from(name), Patch::Clear),
                    value if self.merge => (Arc::from(name), reading.merging(value)),
                    value => (Arc::from(name), Patch::Set(value)),
                })),
            Err(error) => draft.errors.push(attribute_error(&reading.header, text, error)),
        }
    }
}

impl Reading {
    /// The column's own rule, then the field's.
    fn check<'c>(&self, kind: Kind, text: &'c str) -> Result<Cow<'c, str>, CellError> {
        self.rule.as_ref().map_or(Ok(()), |rule| rule.check(text))?;
        cell::check(kind, text)
    }

    fn attribute(&self, text: &str) -> Result<Value, CellError> {
        match &self.rule {
            Some(Rule::List) => return rule::list(text),
            Some(rule) => rule.check(text)?,
            None => {}
        }
        Ok(Value::String(cell::check_attribute(text)?.into_owned()))
    }

    fn members(&self, text: &str) -> Result<Map<String, Value>, CellError> {
        match &self.rule {
            Some(Rule::Buckets {
                name_bytes,
                value_bytes,
            }) => rule::buckets(text, *name_bytes, *value_bytes),
            _ => cell::check_json_object(text),
        }
    }

    /// Buckets merge by their members; anything else as deep as it goes.
    fn merging(&self, value: Value) -> Patch<Value> {
        match &self.rule {
            Some(Rule::Buckets { .. }) => Patch::Overlay(value),
            _ => Patch::Merge(value),
        }
    }
}

fn slot(target: &Target, resource: Resource) -> Slot {
    match target {
        Target::Ignored => Slot::Ignored,
        Target::Refusal => Slot::Refusal,
        Target::Attributes => Slot::Attributes,
        Target::Handles(kind) => Slot::Handles(*kind),
        Target::Attribute(name) => Slot::Attribute(name.as_str().into()),
        Target::Field(name) => {
            let place = |fields: &[Field]| fields.iter().position(|field| field.name == name);
            let value = || {
                resource
                    .fields()
                    .iter()
                    .enumerate()
                    .find(|(_, field)| field.name == name)
            };
            let key = place(resource.key_fields()).map(Slot::Key);
            key.or_else(|| resource.part(name).map(Slot::Part))
                .or_else(|| value().map(|(place, field)| Slot::Value(place, *field)))
                .unwrap_or(Slot::Ignored)
        }
    }
}

fn put<T>(values: &mut [T], place: usize, new: T) {
    if let Some(value) = values.get_mut(place) {
        *value = new;
    }
}

/// The trimmed cell, if anything is left of it.
fn filled(kind: Kind, cell: &str) -> Option<&str> {
    Some(cell::trim(kind, cell)).filter(|text| !text.is_empty())
}

/// A name that a column and a JSON cell both give: the later one counts, so that a row says one thing of each attribute and
/// applying it twice changes nothing.
fn last_of_each(attributes: &mut Vec<(Arc<str>, Patch<Value>)>) {
    let mut seen = HashSet::new();
    attributes.reverse();
    attributes.retain(|(name, _)| seen.insert(Arc::clone(name)));
    attributes.reverse();
}

#[cfg(test)]
mod tests;

//! Cells → row: maps and checks one record, and names everything that is wrong with it at once. Pure; knows neither where
//! the cells come from nor where the row goes.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use crate::batch::{Fate, Key, Patch, Row};
use crate::import::{Blank, ImportOptions, Mode, Ragged};
use crate::mapping::{self, Column, QUOTED_COLUMN, Target};
use crate::resource::cell::{self, CellError, ERASED};
use crate::resource::{Field, KEY_FIELDS, Kind};
use crate::row_error::{Failure, RowCode, RowError};

/// How much of a wrong value an error repeats, in characters.
const SHOWN_CHARS: usize = 200;

/// What a column fills, by position.
#[derive(Clone, Debug)]
enum Slot {
    /// One of `KEY_FIELDS`.
    Key(usize),
    /// One of the resource's fields.
    Value(usize, Field),
    Attribute(Arc<str>),
    Attributes,
    Refusal,
    Ignored,
}

/// The rules of one import, ready to be applied to record after record.
#[derive(Clone, Debug)]
pub struct Rows {
    slots: Vec<(Slot, String)>,
    key: Vec<String>,
    fields: &'static [Field],
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
    key: [Option<String>; 3],
    values: Vec<Patch<Box<str>>>,
    attributes: Vec<(Arc<str>, Patch<Value>)>,
    errors: Vec<RowError>,
}

impl Rows {
    /// `columns` as resolved at the door, `options` of the import.
    pub fn new(columns: &[Column], options: &ImportOptions) -> Self {
        let fields = options.resource.fields();
        Self {
            slots: columns
                .iter()
                .map(|column| (slot(&column.target, fields), column.header.clone()))
                .collect(),
            // Checked at the door; a row of a file without any key would fail as one whose key is empty.
            key: mapping::key(columns, options).unwrap_or_default(),
            fields,
            source: options.source.clone(),
            blank: options.blank,
            composed: options.composed,
            merge: options.merge,
            ragged: options.ragged,
            keep_cells: options.mode != Mode::Upsert,
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
        let ragged = cells.len() != self.slots.len();
        if ragged && !self.may_pad(cells) {
            return failed(vec![column_count_error(cells.len(), self.slots.len())]);
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
        self.ragged == Ragged::Pad && cells.iter().skip(self.slots.len()).all(|extra| extra.is_empty())
    }

    fn row(&self, cells: &[&str]) -> Result<Row, Vec<RowError>> {
        let mut draft = Draft {
            key: [None, None, None],
            values: vec![Patch::Keep; self.fields.len()],
            attributes: Vec::new(),
            errors: Vec::new(),
        };
        let padded = cells.iter().copied().chain(std::iter::repeat(""));
        for ((slot, header), cell) in self.slots.iter().zip(padded) {
            self.take(&mut draft, slot, header, cell);
        }
        let key = self.key(&mut draft);
        match key {
            Some(key) if draft.errors.is_empty() => {
                if self.slots.iter().any(|(slot, _)| matches!(slot, Slot::Attributes)) {
                    last_of_each(&mut draft.attributes);
                }
                Ok(Row::new(key, draft.values, draft.attributes))
            }
            _ => Err(draft.errors),
        }
    }

    fn take(&self, draft: &mut Draft, slot: &Slot, header: &str, cell: &str) {
        match slot {
            Slot::Ignored => {}
            Slot::Refusal if cell.is_empty() => {}
            Slot::Refusal => draft.errors.push(refused_error(cell)),
            Slot::Key(place) => {
                let Some(field) = KEY_FIELDS.get(*place) else { return };
                let Some(text) = filled(field.kind, cell) else { return };
                match cell::check(field.kind, text) {
                    Ok(text) => draft
                        .key
                        .iter_mut()
                        .skip(*place)
                        .take(1)
                        .for_each(|part| *part = Some(text.to_string())),
                    Err(error) => draft.errors.push(row_error(field, header, text, error)),
                }
            }
            Slot::Value(place, field) => {
                let patch = match filled(field.kind, cell) {
                    Some(ERASED) if self.composed => Patch::Clear,
                    None => self.blank(),
                    Some(text) => match cell::check(field.kind, text) {
                        Ok(text) if self.merge && field.kind == Kind::JsonArray => Patch::Merge(text.as_ref().into()),
                        Ok(text) => Patch::Set(text.as_ref().into()),
                        Err(error) => return draft.errors.push(row_error(field, header, text, error)),
                    },
                };
                draft
                    .values
                    .iter_mut()
                    .skip(*place)
                    .take(1)
                    .for_each(|value| *value = patch.clone());
            }
            Slot::Attribute(name) => self.take_attribute(draft, name, header, cell),
            Slot::Attributes => self.take_attributes(draft, header, cell),
        }
    }

    fn blank<T>(&self) -> Patch<T> {
        match self.blank {
            Blank::Clear => Patch::Clear,
            Blank::Ignore => Patch::Keep,
        }
    }

    fn take_attribute(&self, draft: &mut Draft, name: &Arc<str>, header: &str, cell: &str) {
        let patch = match filled(Kind::Text(cell::MAX_ATTRIBUTE_BYTES), cell) {
            None => self.blank(),
            Some(text) => match cell::check_attribute(text) {
                Ok(text) => Patch::Set(Value::String(text.into_owned())),
                Err(error) => return draft.errors.push(attribute_error(header, text, error)),
            },
        };
        draft.attributes.push((Arc::clone(name), patch));
    }

    /// A JSON object: each member is an attribute, `null` removes it. An empty cell says nothing.
    fn take_attributes(&self, draft: &mut Draft, header: &str, cell: &str) {
        let Some(text) = filled(Kind::Text(cell::MAX_ATTRIBUTE_BYTES), cell) else {
            return;
        };
        match cell::check_json_object(text) {
            Ok(members) => draft
                .attributes
                .extend(members.into_iter().map(|(name, value)| match value {
                    Value::Null => (Arc::from(name), Patch::Clear),
                    value if self.merge => (Arc::from(name), Patch::Merge(value)),
                    value => (Arc::from(name), Patch::Set(value)),
                })),
            Err(error) => draft.errors.push(attribute_error(header, text, error)),
        }
    }

    /// The key's parts: source and language from their cells or the defaults, the source id from the first filled key field.
    fn key(&self, draft: &mut Draft) -> Option<Key> {
        let [source, source_id, language] = std::mem::take(&mut draft.key);
        let id = self.key.iter().find_map(|name| match name.as_str() {
            "source_id" => source_id.clone().map(String::into_boxed_str),
            name => self.value_of(draft, name),
        });
        let Some(source_id) = id else {
            self.miss_key(draft);
            return None;
        };
        Some(Key {
            source: source.unwrap_or_else(|| self.source.clone()).into(),
            source_id,
            language: language.unwrap_or_default().into(),
        })
    }

    fn value_of(&self, draft: &Draft, name: &str) -> Option<Box<str>> {
        let place = self.fields.iter().position(|field| field.name == name)?;
        match draft.values.get(place) {
            Some(Patch::Set(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// A key cell that is filled but wrong has its error already, and a refused row its reason; an empty one is named.
    fn miss_key(&self, draft: &mut Draft) {
        let named = |error: &RowError| {
            error.code == RowCode::Refused || error.field.as_ref().is_some_and(|field| self.key.contains(field))
        };
        if draft.errors.iter().any(named) {
            return;
        }
        let field = self.key.first().cloned();
        let column = self
            .slots
            .iter()
            .find(|(slot, _)| slot.name() == field.as_deref())
            .map(|(_, header)| header.clone());
        draft.errors.push(RowError {
            code: RowCode::Required,
            field,
            column,
            message: "empty, but the row needs an id".to_owned(),
            expected: Some(format!("a value in {}", self.key.join(" or "))),
            value: None,
        });
    }
}

impl Slot {
    fn name(&self) -> Option<&'static str> {
        match self {
            Self::Key(place) => KEY_FIELDS.get(*place).map(|field| field.name),
            Self::Value(_, field) => Some(field.name),
            Self::Attribute(_) | Self::Attributes | Self::Refusal | Self::Ignored => None,
        }
    }
}

fn slot(target: &Target, fields: &[Field]) -> Slot {
    match target {
        Target::Ignored => Slot::Ignored,
        Target::Refusal => Slot::Refusal,
        Target::Attributes => Slot::Attributes,
        Target::Attribute(name) => Slot::Attribute(name.as_str().into()),
        Target::Field(name) => {
            let key = KEY_FIELDS.iter().position(|field| field.name == name).map(Slot::Key);
            let value = || fields.iter().enumerate().find(|(_, field)| field.name == name);
            key.or_else(|| value().map(|(place, field)| Slot::Value(place, *field)))
                .unwrap_or(Slot::Ignored)
        }
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

fn owned(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn failure(record: u64, line: u64, cells: &[&str], errors: Vec<RowError>) -> Failure {
    Failure {
        record,
        line,
        errors,
        cells: owned(cells),
    }
}

fn row_error(field: &Field, header: &str, value: &str, error: CellError) -> RowError {
    RowError {
        code: error.code,
        field: Some(field.name.to_owned()),
        column: Some(header.to_owned()),
        message: error.message.to_owned(),
        expected: Some(error.expected),
        value: (!field.is_sensitive()).then(|| value.chars().take(SHOWN_CHARS).collect()),
    }
}

fn attribute_error(header: &str, value: &str, error: CellError) -> RowError {
    RowError {
        code: error.code,
        field: None,
        column: Some(header.to_owned()),
        message: error.message.to_owned(),
        expected: Some(error.expected),
        value: Some(value.chars().take(SHOWN_CHARS).collect()),
    }
}

fn refused_error(reason: &str) -> RowError {
    RowError {
        code: RowCode::Refused,
        field: None,
        column: None,
        message: reason.to_owned(),
        expected: None,
        value: None,
    }
}

fn shape_error(code: RowCode, message: String, expected: String) -> RowError {
    RowError {
        code,
        field: None,
        column: None,
        message,
        expected: Some(expected),
        value: None,
    }
}

fn column_count_error(found: usize, wanted: usize) -> RowError {
    let message = format!("the row has {found} cells, the header has {wanted}");
    shape_error(
        RowCode::ColumnCount,
        message,
        format!("{wanted} cells; put quotes around cells that hold the delimiter"),
    )
}

fn bad_quote_error() -> RowError {
    let message = "a quote stands inside a cell that does not begin with one, or text follows a closing quote";
    let expected = r#"quotes around the whole cell and doubled inside: "5"" pipe""#;
    shape_error(RowCode::BadQuote, message.to_owned(), expected.to_owned())
}

#[cfg(test)]
mod tests;

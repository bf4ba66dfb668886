//! A JSON object read as what it says about a record: each member is a field, checked by the rule that its cells have in an
//! import; null removes. Everything that is wrong is named at once.

use serde_json::{Map, Value};
use worker::batch::{Key, Stored, Text};
use worker::mapping::nearest;
use worker::resource::cell::{self, CellError};
use worker::resource::users::{ATTRIBUTES, FIELDS, KEY_FIELDS};
use worker::resource::{Field, Kind};
use worker::row_error::RowCode;

use crate::store::model::Change;

/// What is wrong with one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The path of members that leads to it.
    pub path: Vec<String>,
    /// What kind.
    pub kind: FaultKind,
    /// A sentence without the value.
    pub message: String,
}

/// Kinds of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// No field has this name.
    Unknown,
    /// The field holds another type of JSON value.
    WrongType,
    /// The field's rule refuses the value.
    Cell(RowCode),
}

/// What an object says about a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    key: [Change<Text>; 3],
    values: Vec<Change<Text>>,
    attributes: Change<Map<String, Value>>,
}

impl Draft {
    /// Reads an object of a user.
    pub fn read(object: &Map<String, Value>) -> Result<Self, Vec<Fault>> {
        let mut draft = Self {
            key: [Change::Keep, Change::Keep, Change::Keep],
            values: vec![Change::Keep; FIELDS.len()],
            attributes: Change::Keep,
        };
        let faults: Vec<Fault> = object
            .iter()
            .filter_map(|(name, value)| draft.take(name, value).err())
            .collect();
        if faults.is_empty() { Ok(draft) } else { Err(faults) }
    }

    fn take(&mut self, name: &str, value: &Value) -> Result<(), Fault> {
        if name == ATTRIBUTES {
            self.attributes = attributes(value)?;
            return Ok(());
        }
        let parts = KEY_FIELDS.iter().zip(&mut self.key);
        let values = FIELDS.iter().zip(&mut self.values);
        let Some((field, place)) = parts.chain(values).find(|(field, _)| field.name == name) else {
            return Err(unknown(name));
        };
        *place = patch(field, value)?;
        Ok(())
    }

    /// The key of the record: what the object says, over `old`. Source and source id must be there, language may be empty.
    pub fn key(&self, old: Option<&Key>) -> Result<Key, Vec<Fault>> {
        let old = old.map(Key::parts);
        let mut parts = KEY_FIELDS
            .iter()
            .zip(&self.key)
            .enumerate()
            .map(|(place, (field, patch))| match patch {
                Change::Set(text) => (field, text.clone()),
                Change::Clear => (field, Text::default()),
                Change::Keep => (field, old.and_then(|old| old.get(place).cloned()).unwrap_or_default()),
            });
        let (source, source_id, language) = (parts.next(), parts.next(), parts.next());
        let missing: Vec<Fault> = [&source, &source_id]
            .into_iter()
            .flatten()
            .filter(|(_, text)| text.is_empty())
            .map(|(field, _)| required(field))
            .collect();
        match (source, source_id, language) {
            (Some((_, source)), Some((_, source_id)), Some((_, language))) if missing.is_empty() => {
                Ok(Key::user(source, source_id, language))
            }
            _ => Err(missing),
        }
    }

    /// The parts of the key that the object names, where they differ from `key`: an object at an address must not contradict it.
    pub fn contradicts(&self, key: &Key) -> Vec<Fault> {
        let parts = KEY_FIELDS.iter().zip(&self.key).zip(key.parts());
        let differs = |patch: &Change<Text>, there: &str| match patch {
            Change::Keep => false,
            Change::Clear => !there.is_empty(),
            Change::Set(text) => text != there,
        };
        parts
            .filter(|((_, patch), there)| differs(patch, there))
            .map(|((field, _), _)| {
                fault(
                    field.name,
                    FaultKind::WrongType,
                    "differs from the address of the record",
                )
            })
            .collect()
    }

    /// Merges into what a record holds (RFC 7396): fields that the object does not name stay.
    pub fn merge_into(&self, mut stored: Stored) -> Result<Stored, Vec<Fault>> {
        for (value, patch) in stored.values.iter_mut().zip(&self.values) {
            apply(value, patch);
        }
        match &self.attributes {
            Change::Keep => {}
            Change::Clear => stored.attributes = Map::new(),
            Change::Set(members) => merge(&mut stored.attributes, members),
        }
        check_attributes(&stored.attributes)?;
        Ok(stored)
    }

    /// Makes the record say what the object says and nothing else; but what is never shown stays unless the object names it.
    pub fn replace(&self, old: Option<&Stored>) -> Result<Stored, Vec<Fault>> {
        let empty = vec![None; FIELDS.len()];
        let old = old.map_or(empty.as_slice(), |stored| stored.values.as_slice());
        let kept = FIELDS
            .iter()
            .zip(old)
            .map(|(field, value)| value.clone().filter(|_| field.is_sensitive()))
            .collect();
        self.merge_into(Stored {
            values: kept,
            attributes: Map::new(),
        })
    }
}

fn apply(value: &mut Option<Text>, patch: &Change<Text>) {
    match patch {
        Change::Keep => {}
        Change::Clear => *value = None,
        Change::Set(text) => *value = Some(text.clone()),
    }
}

/// One step of RFC 7396.
fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.remove(name);
            }
            Value::Object(members) => {
                let inner = target.entry(name.clone()).or_insert(Value::Null);
                if !inner.is_object() {
                    *inner = Value::Object(Map::new());
                }
                if let Value::Object(inner) = inner {
                    merge(inner, members);
                }
            }
            value => {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}

fn attributes(value: &Value) -> Result<Change<Map<String, Value>>, Fault> {
    match value {
        Value::Null => Ok(Change::Clear),
        Value::Object(members) => Ok(Change::Set(members.clone())),
        _ => Err(wrong_type(ATTRIBUTES, "an object")),
    }
}

fn check_attributes(attributes: &Map<String, Value>) -> Result<(), Vec<Fault>> {
    let text = serde_json::to_string(attributes).unwrap_or_default();
    cell::check_json_object(&text)
        .map(|_| ())
        .map_err(|error| vec![refused(ATTRIBUTES, error)])
}

fn patch(field: &Field, value: &Value) -> Result<Change<Text>, Fault> {
    let text = match (field.kind, value) {
        (_, Value::Null) => return Ok(Change::Clear),
        (Kind::Groups, Value::Array(items)) => groups(field, items)?,
        (Kind::JsonArray, Value::Array(_)) => value.to_string(),
        (Kind::Groups, _) => return Err(wrong_type(field.name, "an array of names")),
        (Kind::JsonArray, _) => return Err(wrong_type(field.name, "an array of objects")),
        (_, Value::String(text)) => text.clone(),
        _ => return Err(wrong_type(field.name, "a string")),
    };
    let trimmed = cell::trim(field.kind, &text);
    if trimmed.is_empty() {
        return Ok(Change::Clear);
    }
    let checked = cell::check(field.kind, trimmed).map_err(|error| refused(field.name, error))?;
    Ok(Change::Set(checked.as_ref().into()))
}

/// Names as the cell of an import has them; there a comma parts them, so none can hold one.
fn groups(field: &Field, items: &[Value]) -> Result<String, Fault> {
    let names: Option<Vec<&str>> = items
        .iter()
        .map(|item| item.as_str().filter(|name| !name.contains(',')))
        .collect();
    let names = names.ok_or_else(|| wrong_type(field.name, "an array of names without commas"))?;
    Ok(names.join(","))
}

fn unknown(name: &str) -> Fault {
    let known = KEY_FIELDS
        .iter()
        .chain(FIELDS)
        .map(|field| field.name)
        .chain([ATTRIBUTES]);
    let hint = nearest(name, known).map_or_else(
        || "; what has no field of its own goes into attributes".to_owned(),
        |near| format!("; did you mean {near}?"),
    );
    fault(name, FaultKind::Unknown, &format!("not a field of users{hint}"))
}

fn wrong_type(name: &str, expected: &str) -> Fault {
    fault(name, FaultKind::WrongType, &format!("expected {expected}, or null"))
}

fn required(field: &Field) -> Fault {
    fault(
        field.name,
        FaultKind::Cell(RowCode::Required),
        "empty, but a record needs it",
    )
}

fn refused(name: &str, error: CellError) -> Fault {
    fault(
        name,
        FaultKind::Cell(error.code),
        &format!("{}; expected {}", error.message, error.expected),
    )
}

fn fault(name: &str, kind: FaultKind, message: &str) -> Fault {
    let shown = name.chars().take(100).collect();
    Fault {
        path: vec![shown],
        kind,
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<Draft, Vec<Fault>> {
        Draft::read(value.as_object().unwrap())
    }

    fn value(stored: &Stored, name: &str) -> Option<String> {
        let place = FIELDS.iter().position(|field| field.name == name).unwrap();
        stored.values[place].as_ref().map(ToString::to_string)
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let faults = read(json!({
            "emial": "x", "email": "ana@", "gender": 1, "groups": "a", "addresses": [1], "attributes": [], "date_of_birth": "03/04/25",
        }))
        .unwrap_err();
        let shown: Vec<String> = faults
            .iter()
            .map(|fault| format!("{} {:?} {}", fault.path.join("/"), fault.kind, fault.message))
            .collect();
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn values_are_stored_as_an_import_stores_them() {
        let draft = read(
            json!({"email": " Ana@EXAMPLE.org ", "gender": "Female", "groups": ["a", "b", "a"], "first_name": ""}),
        )
        .unwrap();
        let stored = draft.replace(None).unwrap();
        assert_eq!(value(&stored, "email").as_deref(), Some("Ana@example.org"));
        assert_eq!(value(&stored, "gender").as_deref(), Some("f"));
        assert_eq!(value(&stored, "groups").as_deref(), Some(r#"["a","b"]"#));
        assert_eq!(value(&stored, "first_name"), None);
    }

    #[test]
    fn a_patch_leaves_alone_what_it_does_not_name() {
        let old =
            read(json!({"email": "a@x.org", "title": "Dr", "attributes": {"a": {"b": 1, "c": 2}, "d": 3}})).unwrap();
        let old = old.replace(None).unwrap();
        let patch = read(json!({"title": null, "attributes": {"a": {"b": null, "e": 4}, "d": null}})).unwrap();
        let new = patch.merge_into(old).unwrap();
        assert_eq!(
            (value(&new, "email").as_deref(), value(&new, "title")),
            (Some("a@x.org"), None)
        );
        assert_eq!(Value::Object(new.attributes), json!({"a": {"c": 2, "e": 4}}));
    }

    #[test]
    fn a_replacement_clears_all_but_what_is_never_shown() {
        let old = read(json!({"email": "a@x.org", "password_hash": "$2b$x", "attributes": {"a": 1}})).unwrap();
        let old = old.replace(None).unwrap();
        let new = read(json!({"title": "Dr"})).unwrap().replace(Some(&old)).unwrap();
        assert_eq!(
            (value(&new, "email"), value(&new, "password_hash").as_deref()),
            (None, Some("$2b$x"))
        );
        assert!(new.attributes.is_empty());
        let cleared = read(json!({"password_hash": null}))
            .unwrap()
            .replace(Some(&old))
            .unwrap();
        assert_eq!(value(&cleared, "password_hash"), None);
    }

    #[test]
    fn the_key_needs_source_and_source_id() {
        let key = |value: Value, old: Option<&Key>| read(value).unwrap().key(old);
        let old = key(json!({"source": "hr", "source_id": "7"}), None).unwrap();
        assert_eq!((old.source(), old.source_id(), old.language()), ("hr", "7", ""));
        assert_eq!(key(json!({"source": "hr"}), None).unwrap_err().len(), 1);
        assert_eq!(key(json!({}), None).unwrap_err().len(), 2);
        assert_eq!(key(json!({"language": "de"}), Some(&old)).unwrap().language(), "de");
        assert_eq!(key(json!({"source_id": null}), Some(&old)).unwrap_err().len(), 1);
        assert!(read(json!({"source": "hr"})).unwrap().contradicts(&old).is_empty());
        assert_eq!(
            read(json!({"source": "crm", "language": "de"}))
                .unwrap()
                .contradicts(&old)
                .len(),
            2
        );
    }

    #[test]
    fn merged_attributes_keep_to_the_limit() {
        let old = read(json!({"attributes": {"a": "x".repeat(40_000)}}))
            .unwrap()
            .replace(None)
            .unwrap();
        let patch = read(json!({"attributes": {"b": "x".repeat(40_000)}})).unwrap();
        assert_eq!(
            patch.merge_into(old).unwrap_err()[0].kind,
            FaultKind::Cell(RowCode::TooLong)
        );
    }
}

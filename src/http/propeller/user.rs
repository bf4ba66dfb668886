//! A user of the request as a row: which member fills which field. Only members that are there say anything. Pure.

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use worker::batch::Key;
use worker::resource::json;

use crate::http::days::iso_day;
use crate::http::members::{self, Members, Shape};
use crate::imports::composed::{Columns, ComposedRow};
use crate::records::parents::Parent;

/// The columns of the file that a request becomes, and the field that each fills.
pub(super) const COLUMNS: Columns = &[
    ("source", "source"),
    ("sourceId", "source_id"),
    ("language", "language"),
    ("debtorId", "debtor_id"),
    ("firstName", "first_name"),
    ("middleName", "middle_name"),
    ("lastName", "last_name"),
    ("fullName", "full_name"),
    ("title", "title"),
    ("dateOfBirth", "date_of_birth"),
    ("gender", "gender"),
    ("login", "username"),
    ("phone", "phone"),
    ("mobile", "mobile"),
    ("email", "email"),
    ("company", "company"),
    ("parent", "parent"),
    ("taxNumber", "tax_number"),
    ("cocNumber", "coc_number"),
    ("primaryLanguage", "primary_language"),
    ("abbreviation", "abbreviation"),
    ("attributes", "attributes"),
    ("addresses", "addresses"),
];
/// What an address can be for.
const PURPOSES: [&str; 3] = ["delivery", "invoice", "home"];

/// One user of the request.
#[derive(Debug)]
pub(super) struct User {
    /// The source id as it was sent, number or text.
    pub(super) sent_key: Box<RawValue>,
    /// Which record is meant; nothing where a part of the key is missing, which fails the row.
    pub(super) key: Option<Key>,
    /// Whose child it is to be.
    pub(super) parent: Option<Parent>,
    /// What it says otherwise.
    pub(super) row: ComposedRow,
}

impl User {
    /// Reads a user whose schema has been checked.
    pub(super) fn read(user: &RawValue) -> serde_json::Result<Self> {
        let members = Members::read(user.get())?;
        let (row, parent) = (ComposedRow::new(COLUMNS), None);
        let mut draft = Draft { row, parent };
        for (name, value) in members.iter() {
            draft.take(name, value);
        }
        Ok(Self {
            sent_key: members.get("sourceId").unwrap_or(RawValue::NULL).to_owned(),
            key: key(&members),
            parent: draft.parent,
            row: draft.row,
        })
    }
}

/// The key as it was sent, and as it was understood.
pub(super) type Keys = (Box<RawValue>, Option<Key>);

impl User {
    /// What the answer needs, and the row.
    pub(super) fn into_parts(self) -> (Keys, ComposedRow) {
        ((self.sent_key, self.key), self.row)
    }
}

struct Draft {
    row: ComposedRow,
    parent: Option<Parent>,
}

impl Draft {
    fn take(&mut self, name: &str, value: &RawValue) {
        match name {
            "parent" => self.take_parent(value),
            "attributes" => self.take_attributes(value),
            "addresses" => self.take_addresses(value),
            "dateOfBirth" => {
                let Some(text) = self.text(name, value) else { return };
                // What is no day goes on as it is, to be refused as what the row says.
                let day = iso_day(text.trim(), "%d/%m/%Y").unwrap_or(text);
                self.row.set(name, &day);
            }
            "source" => match self.text(name, value) {
                Some(text) if is_blank(&text) => self.row.refuse("source: empty, but the user needs one"),
                Some(text) => self.row.set(name, &text),
                None => {}
            },
            // Not erased but not given, where it is empty.
            "sourceId" | "language" => match self.text(name, value) {
                Some(text) if !is_blank(&text) => self.row.set(name, &text),
                _ => {}
            },
            name => {
                if let Some(text) = self.text(name, value) {
                    self.row.set(name, &text);
                }
            }
        }
    }

    /// JSON text can hold halves of surrogate pairs, which no text has.
    fn text(&mut self, name: &str, value: &RawValue) -> Option<String> {
        let text = text_of(value);
        if text.is_none() {
            self.row.refuse(format!("{name}: not text"));
        }
        text
    }

    fn take_parent(&mut self, value: &RawValue) {
        let Ok(members) = Members::read(value.get()) else {
            return;
        };
        let id = members.get("id").map(|id| id.get().parse().unwrap_or_default());
        self.parent = id.map(Parent::Id).or_else(|| key(&members).map(Parent::Key));
        if self.parent.is_none() {
            self.row.refuse("parent: neither an id, nor source and sourceId");
        }
    }

    /// Each under its name, with its class and type; one without a value is removed.
    fn take_attributes(&mut self, value: &RawValue) {
        let mut attributes = Map::new();
        for (place, attribute) in objects(value).into_iter().enumerate() {
            let Ok(mut attribute) = attribute else {
                self.row.refuse(format!("attributes/{place}: not text"));
                continue;
            };
            match attribute.remove("name") {
                Some(Value::String(name)) if !name.is_empty() => {
                    let given = attribute.contains_key("value");
                    let said = if given { Value::Object(attribute) } else { Value::Null };
                    attributes.insert(name, said);
                }
                _ => self.row.refuse(format!("attributes/{place}: the name is missing")),
            }
        }
        if !attributes.is_empty() {
            self.row.set("attributes", &Value::Object(attributes).to_string());
        }
    }

    /// Each is merged into the stored one of its code; an empty text removes what it names.
    fn take_addresses(&mut self, value: &RawValue) {
        let mut addresses = Vec::new();
        for (place, address) in objects(value).into_iter().enumerate() {
            let checked = address.map_err(|_| "not text").and_then(coded);
            match checked {
                Ok(address) => addresses.push(address),
                Err(reason) => self.row.refuse(format!("addresses/{place}: {reason}")),
            }
        }
        if !addresses.is_empty() {
            self.row.set("addresses", &Value::Array(addresses).to_string());
        }
    }
}

/// What an address is for stands in its type, or, where it has none, in its code; without a code of its own the type is it.
fn coded(mut address: Map<String, Value>) -> Result<Value, &'static str> {
    let text = |name: &str| {
        address
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let (code, kind) = (text("code"), text("type"));
    let Some(purpose) = kind.or(code) else {
        return Err("the code is missing");
    };
    if !PURPOSES.contains(&purpose) {
        return Err("neither code nor type is delivery, invoice or home");
    }
    let code = code.unwrap_or(purpose).to_owned();
    for value in address.values_mut() {
        match value {
            Value::String(text) if text.is_empty() => *value = Value::Null,
            Value::Number(number) => *value = Value::String(number.to_string()),
            _ => {}
        }
    }
    address.insert("code".to_owned(), Value::String(code));
    Ok(Value::Object(address))
}

fn objects(list: &RawValue) -> Vec<serde_json::Result<Map<String, Value>>> {
    let mut objects = Vec::new();
    let each = &mut |item: &RawValue| {
        let object = json::parse(item.get().as_bytes()).and_then(serde_json::from_value);
        objects.push(object);
        true
    };
    // Its schema has been checked.
    members::each_item(list.get(), each).ok();
    objects
}

/// The key in the very form in which the engine reads it out of its cells.
fn key(members: &Members<'_>) -> Option<Key> {
    let part = |name: &str| {
        let text = members.get(name).and_then(text_of).unwrap_or_default();
        Box::<str>::from(text.trim_matches([' ', '\t']))
    };
    let key = Key::user(part("source"), part("sourceId"), part("language"));
    (!key.source().is_empty() && !key.source_id().is_empty()).then_some(key)
}

/// Text, or a number as it is written.
fn text_of(value: &RawValue) -> Option<String> {
    match Shape::of(value) {
        Shape::String => serde_json::from_str(value.get()).ok(),
        _ => Some(value.get().to_owned()),
    }
}

fn is_blank(text: &str) -> bool {
    text.trim_matches([' ', '\t']).is_empty()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use worker::resource::cell::ERASED;

    use super::*;

    fn read(user: &str) -> User {
        User::read(&RawValue::from_string(user.to_owned()).unwrap()).unwrap()
    }

    /// The filled cells of a user's row: `column=text`, a refusal as `!=reason`.
    fn cells(user: &str) -> Vec<String> {
        let cells = read(user).row.into_cells();
        let names = std::iter::once("!").chain(COLUMNS.iter().map(|(name, _)| *name));
        names
            .zip(cells)
            .filter(|(_, cell)| !cell.is_empty())
            .map(|(name, cell)| format!("{name}={}", cell.replace(ERASED, "erased")))
            .collect()
    }

    #[test]
    fn the_key_goes_back_as_it_came() {
        for sent in [
            "3002196",
            "3002196.0",
            r#""00\u0037""#,
            "1e3",
            "123456789012345678901234567890",
        ] {
            let user = read(&format!(r#"{{"source":"crm","sourceId":{sent}}}"#));
            assert_eq!(user.sent_key.get(), sent);
        }
        let key = read(r#"{"source":" crm ","sourceId":3002196,"language":"NL"}"#)
            .key
            .unwrap();
        assert_eq!(
            (key.source(), key.source_id(), key.language()),
            ("crm", "3002196", "NL")
        );
        assert_eq!(read(r#"{"source":"crm","sourceId":" "}"#).key, None);
    }

    #[test]
    fn only_what_is_there_says_anything() {
        insta::assert_snapshot!(
            cells(
                r#"{"source":"crm","sourceId":7,"debtorId":12,"firstName":"","dateOfBirth":"31/12/1980","gender":"F","login":"ana",
                    "attributes":[{"name":"size","class":"c","type":"text","value":"38"},{"name":"gone","class":"c"},{"name":"empty","value":""}],
                    "addresses":[{"code":"home","city":"Zürich","number":8,"street":""},{"type":"delivery"},{"type":"invoice","code":"35101"}]}"#
            )
            .join("\n")
        );
        assert_eq!(
            cells(r#"{"source":"crm","sourceId":7,"attributes":[],"addresses":[],"language":""}"#),
            ["source=crm", "sourceId=7"]
        );
    }

    #[test]
    fn what_cannot_be_a_row_is_refused_with_its_reasons() {
        insta::assert_snapshot!(
            cells(
                r#"{"source":" ","sourceId":"7","firstName":"\ud800","parent":{"source":"crm"},
                    "attributes":[{"value":"x"},{"name":"a","value":"\ud800"}],
                    "addresses":[{"city":"x"},{"code":"office"},{"type":"office","code":"home"}]}"#
            )
            .join("\n")
        );
    }

    #[test]
    fn a_parent_is_named_by_id_or_key() {
        let parent = |text: &str| read(&format!(r#"{{"source":"crm","sourceId":7,"parent":{text}}}"#)).parent;
        assert_eq!(parent(r#"{"id":14713,"source":"x"}"#), Some(Parent::Id(14713)));
        assert_eq!(parent(r#"{"id":1.5}"#), Some(Parent::Id(0)), "nobody has it");
        let key = Key::user("crm", "8", "");
        assert_eq!(parent(r#"{"source":"crm","sourceId":8}"#), Some(Parent::Key(key)));
        assert_eq!(parent(r#"{"sourceId":8}"#), None);
    }
}

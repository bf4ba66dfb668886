//! A profile as a row: which member fills which field, what identifies it, and what becomes of the rest. Pure.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use worker::resource::json;

use super::SURFACE;
use crate::http::days::iso_day;
use crate::http::members::{Members, Shape};
use crate::imports::composed::{Columns, ComposedRow};

/// The columns of the file that a request becomes, and the field that each fills.
pub(super) const COLUMNS: Columns = &[
    ("Source", "source"),
    ("SourceId", "source_id"),
    ("Email", "email"),
    ("UserName", "username"),
    ("FirstName", "first_name"),
    ("MiddleName", "middle_name"),
    ("LastName", "last_name"),
    ("FullName", "full_name"),
    ("Prefix", "title"),
    ("Gender", "gender"),
    ("BirthDate", "date_of_birth"),
    ("PhoneId", "phone"),
    ("Company", "company"),
    ("Addresses", "addresses"),
    ("PasswordHash", "password_hash"),
    ("attributes", "attributes"),
];
/// Members that are text, under the names of their columns.
const TEXTS: &[&str] = &[
    "UserName",
    "FirstName",
    "MiddleName",
    "LastName",
    "FullName",
    "Prefix",
    "Gender",
    "PhoneId",
    "Company",
    "PasswordHash",
];
/// Members with a meaning of their own.
const OTHERS: &[&str] = &["Email", "ExternalIds", "BirthDate", "Addresses", "Password"];
/// Says how the hash was made; kept with it.
const PASSWORD_ENCRYPTION: &str = "PasswordEncryption";

/// Turns one profile into a row; `encryption` is what the request says of all its password hashes.
pub(super) fn row(profile: &RawValue, encryption: Option<&Value>) -> ComposedRow {
    let mut draft = Draft::new();
    match Members::read(profile.get()) {
        Ok(members) => draft.take_all(&members, encryption),
        Err(_) => draft.row.refuse("not an object with each member given once"),
    }
    draft.row
}

/// An entry of `Email`.
#[derive(Deserialize)]
struct Email {
    #[serde(rename = "Type", alias = "type")]
    kind: Option<String>,
    #[serde(rename = "Value", alias = "value")]
    value: Option<String>,
}

/// An entry of `ExternalIds`.
#[derive(Deserialize)]
struct ExternalId<'a> {
    #[serde(rename = "Source", alias = "source")]
    source: Option<String>,
    #[serde(rename = "SourceId", alias = "sourceId", borrow)]
    source_id: Option<&'a RawValue>,
}

struct Draft {
    row: ComposedRow,
    attributes: Map<String, Value>,
    external: Option<(String, String)>,
    email: Option<String>,
    username: Option<String>,
    phone: Option<String>,
    has_hash: bool,
}

impl Draft {
    fn new() -> Self {
        Self {
            row: ComposedRow::new(COLUMNS),
            attributes: Map::new(),
            external: None,
            email: None,
            username: None,
            phone: None,
            has_hash: false,
        }
    }

    fn take_all(&mut self, members: &Members<'_>, encryption: Option<&Value>) {
        for (name, value) in members.iter() {
            match known(name) {
                Some("Email") => self.take_emails(value),
                Some("ExternalIds") => self.take_external_ids(value),
                Some("BirthDate") => self.take_day(value),
                Some("Addresses") => self.take_addresses(value),
                // The value is not looked at, so that it cannot get anywhere.
                Some("Password") => self.row.refuse("Password: not taken; send a PasswordHash"),
                Some(column) => self.take_text(column, value),
                None => self.keep(name, value),
            }
        }
        if let (true, Some(encryption)) = (self.has_hash, encryption) {
            let kept = self.attributes.entry(PASSWORD_ENCRYPTION);
            kept.or_insert_with(|| encryption.clone());
        }
        if !self.attributes.is_empty() {
            let text = Value::Object(std::mem::take(&mut self.attributes)).to_string();
            self.row.set("attributes", &text);
        }
        self.identify();
    }

    fn take_text(&mut self, column: &'static str, value: &RawValue) {
        let Some(text) = self.text(column, value) else { return };
        self.row.set(column, &text);
        let filled = Some(text.trim_matches([' ', '\t']).to_owned()).filter(|text| !text.is_empty());
        match column {
            "UserName" => self.username = filled,
            "PhoneId" => self.phone = filled,
            "PasswordHash" => self.has_hash = filled.is_some(),
            _ => {}
        }
    }

    /// Text, or a number as it is written; `null` clears, anything else refuses the row.
    fn text(&mut self, column: &'static str, value: &RawValue) -> Option<String> {
        let text = text_of(value);
        match Shape::of(value) {
            Shape::Null => self.row.clear(column),
            _ if text.is_none() => self.row.refuse(format!("{column}: expected text")),
            _ => {}
        }
        text
    }

    fn take_day(&mut self, value: &RawValue) {
        let Some(text) = self.text("BirthDate", value) else {
            return;
        };
        // What is no day goes on as it is, to be refused as what the row says.
        let day = iso_day(text.trim(), "%m-%d-%Y").unwrap_or(text);
        self.row.set("BirthDate", &day);
    }

    fn take_emails(&mut self, value: &RawValue) {
        let Ok(emails) = serde_json::from_str::<Option<Vec<Email>>>(value.get()) else {
            return self
                .row
                .refuse("Email: expected an array of objects with Type and Value");
        };
        let emails = emails.unwrap_or_default();
        let is_primary = |email: &&Email| {
            email
                .kind
                .as_deref()
                .is_some_and(|kind| kind.eq_ignore_ascii_case("primary"))
        };
        let primary = emails.iter().find(is_primary).or_else(|| emails.first());
        let address = primary
            .and_then(|email| email.value.as_deref())
            .unwrap_or_default()
            .trim();
        self.row.set("Email", address);
        self.email = Some(address.to_lowercase()).filter(|address| !address.is_empty());
        self.keep_if_more("Email", value, emails.len());
    }

    fn take_external_ids(&mut self, value: &RawValue) {
        let Ok(ids) = serde_json::from_str::<Option<Vec<ExternalId<'_>>>>(value.get()) else {
            let expected = "ExternalIds: expected an array of objects with Source and SourceId";
            return self.row.refuse(expected);
        };
        let ids = ids.unwrap_or_default();
        let text = |text: &str| Some(text.trim_matches([' ', '\t']).to_owned()).filter(|text| !text.is_empty());
        self.external = ids.first().and_then(|first| {
            let source = first.source.as_deref().and_then(text);
            let id = first.source_id.and_then(text_of).as_deref().and_then(text)?;
            Some((source.unwrap_or_else(|| SURFACE.to_owned()), id))
        });
        self.keep_if_more("ExternalIds", value, ids.len());
    }

    /// A list whose first entry has a field is kept whole where it says more than that field.
    fn keep_if_more(&mut self, name: &'static str, value: &RawValue, entries: usize) {
        if entries > 1 {
            self.keep(name, value);
        } else {
            self.attributes.insert(name.to_owned(), Value::Null);
        }
    }

    fn take_addresses(&mut self, value: &RawValue) {
        match Shape::of(value) {
            Shape::Null => self.row.clear("Addresses"),
            _ => self.row.set("Addresses", value.get()),
        }
    }

    /// Whatever has no field of its own stays under its own name; `null` removes it.
    fn keep(&mut self, name: &str, value: &RawValue) {
        match json::parse(value.get().as_bytes()) {
            Ok(value) => {
                self.attributes.insert(name.to_owned(), value);
            }
            Err(_) => {
                let shown: String = name.chars().take(100).collect();
                self.row.refuse(format!("{shown}: not JSON that can be kept"));
            }
        }
    }

    fn identify(&mut self) {
        let own = |value: &mut Option<String>| value.take().map(|id| (SURFACE.to_owned(), id));
        let key = self
            .external
            .take()
            .or_else(|| own(&mut self.email))
            .or_else(|| own(&mut self.username))
            .or_else(|| own(&mut self.phone));
        match key {
            Some((source, id)) => {
                self.row.set("Source", &source);
                self.row.set("SourceId", &id);
            }
            None => self
                .row
                .refuse("nothing identifies the profile: no ExternalIds, Email, UserName or PhoneId"),
        }
    }
}

/// The canonical name of a member that has a meaning; a password must not slip through in another spelling.
fn known(name: &str) -> Option<&'static str> {
    let mut names = TEXTS.iter().chain(OTHERS).copied();
    names.find(|known| known.eq_ignore_ascii_case(name))
}

fn text_of(value: &RawValue) -> Option<String> {
    match Shape::of(value) {
        Shape::String => serde_json::from_str(value.get()).ok(),
        Shape::Number => Some(value.get().to_owned()),
        Shape::Boolean | Shape::Null | Shape::Object | Shape::Array => None,
    }
}

#[cfg(test)]
mod tests;

//! The body's schema as data, and its strict check: every key that is not permitted, every wrong type and every missing lookup
//! key is named, with its place. What a value means is not asked here.

use std::fmt;

use serde_json::value::RawValue;

use crate::http::members::{self, Members, Shape};
use crate::http::problem::{Fault, Kind, Problem};

/// Faults that are named; of any others only their number.
const NAMED: usize = 1_000;
/// How much of an unknown key is shown, in characters.
const SHOWN_CHARS: usize = 100;

/// What a value must be.
enum Type {
    Text,
    Number,
    TextOrNumber,
    List(&'static Type),
    Object(&'static [(&'static str, Type)]),
}

use Type::{List, Number, Object, Text, TextOrNumber};

/// The whole body.
static BODY: Type = Object(&[("users", List(&USER))]);

/// The document's tables of fields and of the body, together.
static USER: Type = Object(&[
    ("source", Text),
    ("sourceId", TextOrNumber),
    ("language", Text),
    ("debtorId", TextOrNumber),
    ("firstName", Text),
    ("middleName", Text),
    ("lastName", Text),
    ("fullName", Text),
    ("title", Text),
    ("dateOfBirth", Text),
    ("gender", Text),
    ("login", Text),
    ("phone", Text),
    ("mobile", Text),
    ("email", Text),
    ("company", Text),
    ("parent", PARENT),
    ("taxNumber", Text),
    ("cocNumber", Text),
    ("primaryLanguage", Text),
    ("abbreviation", Text),
    ("attributes", List(&ATTRIBUTE)),
    ("addresses", List(&ADDRESS)),
]);

const PARENT: Type = Object(&[
    ("id", Number),
    ("source", Text),
    ("sourceId", TextOrNumber),
    ("language", Text),
]);

static ATTRIBUTE: Type = Object(&[("class", Text), ("name", Text), ("type", Text), ("value", Text)]);

/// The vendor's page on addresses.
static ADDRESS: Type = Object(&[
    ("code", Text),
    ("type", Text),
    ("firstName", Text),
    ("middleName", Text),
    ("lastName", Text),
    ("gender", Text),
    ("company", Text),
    ("street", Text),
    ("number", TextOrNumber),
    ("numberExtension", Text),
    ("postalCode", Text),
    ("city", Text),
    ("region", Text),
    ("country", Text),
    ("phone", Text),
    ("mobile", Text),
    ("email", Text),
    ("url", Text),
    ("icp", Text),
    ("isDefault", Text),
    ("notes", Text),
]);

impl Type {
    fn admits(&self, shape: Shape) -> bool {
        match self {
            Text => shape == Shape::String,
            Number => shape == Shape::Number,
            TextOrNumber => matches!(shape, Shape::String | Shape::Number),
            List(_) => shape == Shape::Array,
            Object(_) => shape == Shape::Object,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Text => "String",
            Number => "Number",
            TextOrNumber => "String or Number",
            List(_) => "Array",
            Object(_) => "Object",
        }
    }
}

/// Checks a whole body and gives the text of `users`, an array of objects that all have their lookup keys.
pub(super) fn check(body: &str) -> Result<&RawValue, Problem> {
    let root: &RawValue =
        serde_json::from_str(body).map_err(|error| Problem::with(Kind::InvalidJson, format!("{error}")))?;
    let mut faults = Faults::default();
    faults.check(root, &BODY, &Place::Root);
    let members = Members::read(body).ok();
    let users = members.as_ref().and_then(|members| members.get("users"));
    match users {
        Some(users) if Shape::of(users) == Shape::Array => faults.look_for_keys(users),
        Some(_) => {}
        None if Shape::of(root) == Shape::Object => faults.require("users", &Place::Root),
        None => {}
    }
    match (faults.into_problem(), users) {
        (Some(problem), _) => Err(problem),
        (None, Some(users)) => Ok(users),
        (None, None) => Err(Problem::new(Kind::InvalidJson)),
    }
}

/// Where in the body, written only when it is needed.
enum Place<'p> {
    Root,
    Member(&'p Place<'p>, &'p str),
    Item(&'p Place<'p>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("#"),
            Self::Member(of, name) => write!(f, "{of}/{name}"),
            Self::Item(of, place) => write!(f, "{of}/{place}"),
        }
    }
}

#[derive(Default)]
struct Faults {
    named: Vec<Fault>,
    more: usize,
    /// The kind of the gravest, which decides the answer's code.
    kind: Option<Kind>,
}

impl Faults {
    fn check(&mut self, value: &RawValue, wanted: &Type, at: &Place<'_>) {
        let shape = Shape::of(value);
        if !wanted.admits(shape) {
            let (wanted, found) = (wanted.word(), found(value, shape));
            let detail = format!("{at}: expected type: {wanted}, found: {found}");
            return self.add(Kind::InvalidField, detail);
        }
        match wanted {
            Object(known) => self.check_members(value, known, at),
            List(item) => {
                let mut place = 0;
                let each = &mut |value: &RawValue| {
                    self.check(value, item, &Place::Item(at, place));
                    place += 1;
                    true
                };
                // It is JSON and an array.
                members::each_item(value.get(), each).ok();
            }
            Text | Number | TextOrNumber => {}
        }
    }

    fn check_members(&mut self, value: &RawValue, known: &[(&str, Type)], at: &Place<'_>) {
        // It is JSON and an object, so this is all that can be wrong with it.
        let Ok(members) = Members::read(value.get()) else {
            return self.add(Kind::InvalidJson, format!("{at}: a key is given twice"));
        };
        for (name, value) in members.iter() {
            match known.iter().find(|(known, _)| *known == name) {
                Some((known, wanted)) => self.check(value, wanted, &Place::Member(at, known)),
                None => {
                    let shown: String = name.chars().take(SHOWN_CHARS).collect();
                    let detail = format!("{at}: extraneous key [{shown}] is not permitted");
                    self.add(Kind::UnknownField, detail);
                }
            }
        }
    }

    fn look_for_keys(&mut self, users: &RawValue) {
        let (root, mut place) = (Place::Root, 0);
        let list = Place::Member(&root, "users");
        let each = &mut |user: &RawValue| {
            if let Ok(members) = Members::read(user.get()) {
                for key in ["source", "sourceId"] {
                    if members.get(key).is_none() {
                        self.require(key, &Place::Item(&list, place));
                    }
                }
            }
            place += 1;
            true
        };
        members::each_item(users.get(), each).ok();
    }

    fn require(&mut self, key: &str, at: &Place<'_>) {
        self.add(Kind::RequiredField, format!("{at}: required key [{key}] not found"));
    }

    fn add(&mut self, kind: Kind, detail: String) {
        let graver = match (self.kind, kind) {
            (None, _) => true,
            (Some(Kind::InvalidJson), _) => false,
            (Some(_), Kind::InvalidJson) => true,
            (Some(known), _) => known == Kind::RequiredField,
        };
        if graver {
            self.kind = Some(kind);
        }
        if self.named.len() < NAMED {
            self.named.push(Fault {
                pointer: None,
                parameter: None,
                code: kind.code(),
                detail,
            });
        } else {
            self.more += 1;
        }
    }

    fn into_problem(mut self) -> Option<Problem> {
        let kind = self.kind?;
        if self.more > 0 {
            self.named.push(Fault {
                pointer: None,
                parameter: None,
                code: kind.code(),
                detail: format!("#: and {} more", self.more),
            });
        }
        Some(Problem {
            errors: self.named,
            ..Problem::new(kind)
        })
    }
}

fn found(value: &RawValue, shape: Shape) -> &'static str {
    match shape {
        Shape::String => "String",
        Shape::Number if value.get().contains(['.', 'e', 'E']) => "Number",
        Shape::Number => "Integer",
        Shape::Boolean => "Boolean",
        Shape::Null => "Null",
        Shape::Object => "Object",
        Shape::Array => "Array",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// Code and messages of what is wrong with a body.
    fn faults(body: &str) -> String {
        match check(body) {
            Ok(_) => "good".to_owned(),
            Err(problem) if problem.errors.is_empty() => problem.code.to_owned(),
            Err(problem) => {
                let details: Vec<&str> = problem.errors.iter().map(|fault| fault.detail.as_str()).collect();
                format!("{}\n  {}", problem.code, details.join("\n  "))
            }
        }
    }

    #[test]
    fn the_table_of_faults() {
        let bodies = [
            r#"{"users":[]}"#,
            r#"{"users":[{"source":"a","sourceId":1},{"source":"a","sourceId":"1"}]}"#,
            r#"{"users":[{"source":"a","sourceId":1,"foo":1}]}"#,
            r#"{"users":[{"source":"a","sourceId":1,"firstName":1,"lastName":null,"title":1.5,"phone":true}]}"#,
            r#"{"users":[{"source":1,"sourceId":null,"debtorId":[],"parent":"x","attributes":{},"addresses":[1]}]}"#,
            r#"{"users":[{"source":"a","sourceId":1},{"source":"a","sourceId":1,"parent":{"id":"7","x":1}}]}"#,
            r#"{"users":[{"source":"a","sourceId":1,"attributes":[{"name":"n","value":7},{"nmae":"n"}]}]}"#,
            r#"{"users":[{"source":"a","sourceId":1,"addresses":[{"code":"home","number":8,"planet":"x"}]}]}"#,
            r#"{"users":[{"source":"a"},{"sourceId":1},{}]}"#,
            r#"{"users":[{"source":"a"},{"source":"a","sourceId":1,"foo":1}],"page":1}"#,
            r#"{"users":[{"source":"a","sourceId":1,"source":"b"}]}"#,
            r#"{"users":[7,[]]}"#,
            r#"{"users":{}}"#,
            r#"{"users":null}"#,
            r#"{"user":[]}"#,
            "{}",
            "[]",
            "7",
            "",
            "{",
            r#"{"users":[]} x"#,
            r#"{"users":[],}"#,
        ];
        let rows: Vec<String> = bodies
            .iter()
            .map(|body| format!("{body}\n  {}", faults(body)))
            .collect();
        insta::assert_snapshot!(rows.join("\n"));
    }

    #[test]
    fn thousands_of_faults_are_counted() {
        let users = vec!["7"; NAMED + 23].join(",");
        let problem = check(&format!("{{\"users\":[{users}]}}")).unwrap_err();
        assert_eq!(problem.errors.len(), NAMED + 1);
        assert_eq!(problem.errors.last().unwrap().detail, "#: and 23 more");
    }
}

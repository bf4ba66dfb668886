//! The members of a body, read by type; everything wrong is named at once. What the values mean is for the records.

use serde_json::{Map, Value};

use crate::http::problem::{Fault, Kind, Problem};
use crate::http::query::hint;
use crate::store::model::Change;

/// A body on its way to a draft.
pub(super) struct Members<'a> {
    object: &'a Map<String, Value>,
    faults: Vec<Fault>,
}

impl<'a> Members<'a> {
    /// Starts with the names that are not known.
    pub(super) fn of(object: &'a Map<String, Value>, known: &[&str]) -> Self {
        let unknown = object.keys().filter(|name| !known.contains(&name.as_str()));
        let fault = |name: &String| {
            let name: String = name.chars().take(100).collect();
            let detail = format!("{name} is not a member of this body{}", hint(&name, known));
            Fault::field(Kind::UnknownField, &[&name], detail)
        };
        Self {
            object,
            faults: unknown.map(fault).collect(),
        }
    }

    /// A text.
    pub(super) fn text(&mut self, name: &str) -> Change<String> {
        self.read(name, "a text", |value| value.as_str().map(str::to_owned))
    }

    /// True or false.
    pub(super) fn flag(&mut self, name: &str) -> Change<bool> {
        self.read(name, "true or false", Value::as_bool)
    }

    /// A number of ours.
    pub(super) fn id(&mut self, name: &str) -> Change<i64> {
        self.read(name, "a whole number", Value::as_i64)
    }

    /// Texts.
    pub(super) fn texts(&mut self, name: &str) -> Change<Vec<String>> {
        self.read(name, "an array of texts", |value| {
            let texts = value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned));
            texts.collect()
        })
    }

    /// Texts by name, where null is no text.
    pub(super) fn dictionary(&mut self, name: &str) -> Change<Vec<(String, Option<String>)>> {
        self.read(name, "an object of texts", |value| {
            let pair = |(name, value): (&String, &Value)| match value {
                Value::Null => Some((name.clone(), None)),
                Value::String(text) => Some((name.clone(), Some(text.clone()))),
                _ => None,
            };
            value.as_object()?.iter().map(pair).collect()
        })
    }

    /// The draft, if nothing was wrong.
    pub(super) fn finish<T>(self, draft: T) -> Result<T, Problem> {
        Problem::faults(self.faults).map_or(Ok(draft), Err)
    }

    fn read<T>(&mut self, name: &str, expected: &str, read: impl Fn(&Value) -> Option<T>) -> Change<T> {
        match self.object.get(name) {
            None => Change::Keep,
            Some(Value::Null) => Change::Clear,
            Some(value) => read(value).map_or_else(|| self.wrong(name, expected), Change::Set),
        }
    }

    /// The value is not repeated: it may be a password.
    fn wrong<T>(&mut self, name: &str, expected: &str) -> Change<T> {
        let detail = format!("{name}: expected {expected}.");
        self.faults.push(Fault::field(Kind::InvalidField, &[name], detail));
        Change::Keep
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_missing_null_or_of_their_type() {
        let body = json!({"a": "x", "b": null, "d": {"DE": "y", "UK": null}});
        let mut members = Members::of(body.as_object().unwrap(), &["a", "b", "c", "d"]);
        assert_eq!(members.text("a"), Change::Set("x".to_owned()));
        assert_eq!((members.flag("b"), members.id("c")), (Change::Clear, Change::Keep));
        let pairs = vec![("DE".to_owned(), Some("y".to_owned())), ("UK".to_owned(), None)];
        assert_eq!(members.dictionary("d"), Change::Set(pairs));
        assert_eq!(members.finish(7).unwrap(), 7);
    }

    #[test]
    fn everything_wrong_is_named_at_once_without_its_value() {
        let body = json!({"name": "x", "password": ["marked-secret"], "shared": "true", "report_types": ["a", 1]});
        let known = ["client_name", "password", "shared", "report_types"];
        let mut members = Members::of(body.as_object().unwrap(), &known);
        drop((
            members.text("password"),
            members.flag("shared"),
            members.texts("report_types"),
        ));
        let problem = members.finish(()).unwrap_err();
        let details: Vec<&str> = problem.errors.iter().map(|fault| fault.detail.as_str()).collect();
        insta::assert_snapshot!(details.join("\n"));
        assert_eq!(problem.status.as_u16(), 400);
    }
}

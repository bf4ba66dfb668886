//! JSON read one level at a time: an object as its members in order, an array as its items, each still the text it was sent as.
//! So a large body is never a tree in memory, and a number goes back to its sender as it came.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, in order; no name stands twice.
#[derive(Debug)]
pub(super) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Reads an object.
    pub(super) fn read(text: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// A member's text.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), *value))
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        let mut seen = HashSet::new();
        while let Some((Name(name), value)) = access.next_entry::<Name<'de>, &RawValue>()? {
            if !seen.insert(name.clone()) {
                return Err(A::Error::custom("a member is given twice"));
            }
            members.push((name, value));
        }
        Ok(Members(members))
    }
}

/// A name, borrowed unless it holds an escape.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(text.to_owned())))
    }
}

/// Gives each item of an array to `each`, in order, until that says no.
pub(super) fn each_item<'a>(text: &'a str, each: &mut dyn FnMut(&'a RawValue) -> bool) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.deserialize_seq(Items(each))?;
    Ok(())
}

struct Items<'f, 'a>(&'f mut dyn FnMut(&'a RawValue) -> bool);

impl<'de> Visitor<'de> for Items<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut wanted = true;
        while let Some(item) = items.next_element::<&RawValue>()? {
            wanted = wanted && (self.0)(item);
        }
        Ok(())
    }
}

/// What a value is, from its first byte, in the words of JSON schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `null`.
    Null,
    /// An object.
    Object,
    /// An array.
    Array,
}

impl Shape {
    /// The shape of a value.
    pub(super) fn of(value: &RawValue) -> Self {
        match value.get().as_bytes().first() {
            Some(b'"') => Self::String,
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'n') | None => Self::Null,
            Some(_) => Self::Number,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_object_is_its_members_as_they_were_sent() {
        let members = Members::read(r#"{"a": 1.50 ,"\u0062":{"c":[ 1 ]},"d":"\u0041"}"#).unwrap();
        let shown: Vec<(&str, &str)> = members.iter().map(|(name, value)| (name, value.get())).collect();
        assert_eq!(shown, [("a", "1.50"), ("b", r#"{"c":[ 1 ]}"#), ("d", r#""\u0041""#)]);
        assert_eq!(members.get("b").map(Shape::of), Some(Shape::Object));
        assert!(members.get("e").is_none());
        for wrong in [r#"{"a":1,"\u0061":2}"#, "[]", "{} {}", r#"{"a":}"#, "7"] {
            assert!(Members::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn items_come_one_by_one() {
        let mut seen = Vec::new();
        let text = r#"[1, "a", {"b": null}, [], true, null]"#;
        each_item(text, &mut |item| {
            seen.push(Shape::of(item));
            seen.len() < 5
        })
        .unwrap();
        assert_eq!(
            seen,
            [
                Shape::Number,
                Shape::String,
                Shape::Object,
                Shape::Array,
                Shape::Boolean
            ]
        );
        assert!(each_item("{}", &mut |_| true).is_err());
        assert!(each_item("[1", &mut |_| true).is_err());
    }
}

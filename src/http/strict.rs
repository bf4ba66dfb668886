//! One JSON object out of bytes, strictly: bounded in depth, no member twice.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::problem::{Kind, Problem};

/// Deepest value, as for cells.
const MAX_DEPTH: usize = 32;

/// Parses one JSON object.
pub(super) fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    let parsed: Result<Strict, _> = serde_json::from_slice(bytes);
    match parsed {
        Ok(Strict(Value::Object(members))) => Ok(members),
        Ok(_) => Err(Problem::with(Kind::InvalidJson, "The JSON is not an object.")),
        Err(error) => Err(Problem::with(
            Kind::InvalidJson,
            format!("The JSON is not valid: {error}."),
        )),
    }
}

/// Any JSON value in which no object names a member twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor { depth: 0 }).map(Self)
    }
}

#[derive(Clone, Copy)]
struct StrictVisitor {
    depth: usize,
}

impl StrictVisitor {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format!("deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> serde::de::DeserializeSeed<'de> for StrictVisitor {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if object.insert(name.clone(), value).is_some() {
                return Err(serde::de::Error::custom(format!("the member {name:?} is given twice")));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn detail(text: &str) -> String {
        parse_object(text.as_bytes()).unwrap_err().detail
    }

    #[test]
    fn objects_are_read_whole() {
        let object = parse_object(br#"{"a":[1,-2,3.5,true,null],"b":{"c":"d"}}"#).unwrap();
        assert_eq!(
            Value::Object(object).to_string(),
            r#"{"a":[1,-2,3.5,true,null],"b":{"c":"d"}}"#
        );
    }

    #[test]
    fn what_is_not_one_plain_object_is_refused() {
        assert!(detail(r#"{"a":1,"a":2}"#).contains("given twice"));
        assert!(detail(r#"{"x":{"a":1,"a":1}}"#).contains("given twice"));
        assert_eq!(detail("[]"), "The JSON is not an object.");
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40));
        assert!(detail(&deep).contains("deeper than 32 levels"));
        for broken in [
            "",
            "{",
            "{} {}",
            "{\"a\":NaN}",
            "{\"a\":1,}",
            "{'a':1}",
            "{\"a\":\"\\ud800\"}",
        ] {
            assert_eq!(
                parse_object(broken.as_bytes()).unwrap_err().code,
                "invalid-json",
                "{broken}"
            );
        }
    }
}

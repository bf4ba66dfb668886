//! JSON as it may be kept, strictly: bounded in depth, no member twice (a parser that keeps the last one hides the first), and
//! no number that would come out as another one.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

/// Deepest value.
pub(super) const MAX_DEPTH: usize = 32;
/// 2^53: from here on a double does not tell one integer from the next. Integers of 64 bits are kept as such.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Parses one JSON value out of UTF-8.
pub fn parse(text: &[u8]) -> serde_json::Result<Value> {
    serde_json::from_slice(text).map(|Strict(value)| value)
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

    /// Also what an integer beyond 64 bits comes as.
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        if value.abs() >= EXACT {
            return Err(E::custom("a number that cannot be kept exactly"));
        }
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

    #[test]
    fn numbers_are_kept_exactly_or_not_at_all() {
        let kept = r#"[9007199254740993,18446744073709551615,-9223372036854775808,0.5,-1e3]"#;
        assert_eq!(
            parse(kept.as_bytes()).unwrap().to_string(),
            kept.replace("-1e3", "-1000.0")
        );
        for lost in ["18446744073709551616", "-9223372036854775809", "1e16", "1e400", "NaN"] {
            assert!(parse(lost.as_bytes()).is_err(), "{lost}");
        }
    }

    #[test]
    fn a_member_stands_once_at_any_depth() {
        for twice in [r#"{"a":1,"a":2}"#, r#"[{"b":{"a":1,"a":1}}]"#, r#"{"a":1,"\u0061":2}"#] {
            assert!(parse(twice.as_bytes()).unwrap_err().to_string().contains("given twice"));
        }
    }
}

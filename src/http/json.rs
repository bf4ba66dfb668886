//! JSON bodies, strictly: bounded in size, time and depth, one object, no member twice. What the members mean is for the caller.

use std::fmt;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, web};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::Doors;
use super::body::{self, Incoming};
use super::problem::{Kind, Problem};

/// Largest JSON body: a user with every field at its limit is smaller.
pub(super) const MAX_JSON_BYTES: usize = 1024 * 1024;
/// Deepest value, as for cells.
const MAX_DEPTH: usize = 32;

/// Reads a whole body as one JSON object; `types` are the media types it may come as.
pub(super) async fn read_object(
    request: &HttpRequest,
    payload: web::Payload,
    types: &[&str],
) -> Result<Map<String, Value>, Problem> {
    parse_object(&read_bytes(request, payload, types, MAX_JSON_BYTES).await?)
}

/// Reads a whole body as text of at most `most` bytes; what it says is for the caller.
pub(super) async fn read_text(
    request: &HttpRequest,
    payload: web::Payload,
    types: &[&str],
    most: usize,
) -> Result<String, Problem> {
    let bytes = read_bytes(request, payload, types, most).await?;
    String::from_utf8(bytes).map_err(|_| Problem::with(Kind::InvalidJson, "The body is not UTF-8."))
}

/// Makes something of a large text, off the threads that answer requests.
pub(super) async fn parse<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    web::block(work).await.map_err(|_| Problem::new(Kind::Internal))?
}

async fn read_bytes(
    request: &HttpRequest,
    payload: web::Payload,
    types: &[&str],
    most: usize,
) -> Result<Vec<u8>, Problem> {
    check_type(request, types)?;
    let too_large = || body::too_large(u64::try_from(most).unwrap_or(u64::MAX));
    let length = body::content_length(request.headers()).map(usize::try_from);
    if length.is_some_and(|length| length.is_ok_and(|length| length > most)) {
        return Err(too_large());
    }
    let doors = request.app_data::<web::Data<Doors>>();
    let limits = doors
        .map(|doors| doors.pace.clone())
        .ok_or_else(|| Problem::new(Kind::Internal))?;
    let mut incoming = Incoming::new(payload.into_inner(), limits);
    let mut bytes = Vec::new();
    while let Some(chunk) = incoming.next().await? {
        if bytes.len() + chunk.len() > most {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn check_type(request: &HttpRequest, types: &[&str]) -> Result<(), Problem> {
    let given = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if types.contains(&essence.as_str()) {
        return Ok(());
    }
    let detail = format!("The Content-Type is {given:?}; expected {}.", types.join(" or "));
    Err(Problem::with(Kind::UnsupportedMediaType, detail))
}

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

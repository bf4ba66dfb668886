//! One JSON object out of the bytes of a body; how strictly is for `worker::resource::json` to say.

use serde_json::{Map, Value};
use worker::resource::json;

use super::problem::{Kind, Problem};

/// Parses one JSON object.
pub(super) fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    match json::parse(bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Problem::with(Kind::InvalidJson, "The JSON is not an object.")),
        Err(error) => Err(Problem::with(
            Kind::InvalidJson,
            format!("The JSON is not valid: {error}."),
        )),
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
            "{\"a\":18446744073709551616}",
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

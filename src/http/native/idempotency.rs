//! `Idempotency-Key`: a structured-field string (`"a-b"`, as the IETF draft has it) or the bare text that most clients send.

use actix_web::http::header::{HeaderMap, HeaderName};

use crate::http::problem::{Kind, Problem};

const MAX_LEN: usize = 255;

/// Reads the key, if there is one.
pub fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(HeaderName::from_static("idempotency-key"));
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().map(str::trim).filter(|_| values.next().is_none());
    let key = text.and_then(unquote).filter(|key| (1..=MAX_LEN).contains(&key.len()));
    let printable = |byte: u8| (0x20..=0x7e).contains(&byte);
    match key {
        Some(key) if key.bytes().all(printable) => Ok(Some(key)),
        _ => Err(Problem::new(Kind::InvalidIdempotencyKey)),
    }
}

/// Takes the quotes of RFC 8941 section 3.3.3 off; text that does not begin with one is taken as it is.
fn unquote(text: &str) -> Option<String> {
    let Some(rest) = text.strip_prefix('"') else {
        return Some(text.to_owned());
    };
    let mut key = String::new();
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => key.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
            '"' => return chars.as_str().is_empty().then_some(key),
            c => key.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn read(value: &[u8]) -> Result<Option<String>, &'static str> {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.insert(HeaderName::from_static("idempotency-key"), value);
        }
        key(&headers).map_err(|problem| problem.code)
    }

    #[test]
    fn quoted_and_bare_keys_are_the_same() {
        assert_eq!(read(b"hr-feed 1"), Ok(Some("hr-feed 1".to_owned())));
        assert_eq!(read(b"\"hr-feed 1\""), read(b"hr-feed 1"));
        assert_eq!(read(br#""a\"b\\c""#), Ok(Some(r#"a"b\c"#.to_owned())));
        assert_eq!(read(&[b'x'; 255]).map(|key| key.map(|key| key.len())), Ok(Some(255)));
        assert_eq!(key(&HeaderMap::new()).ok(), Some(None));
    }

    #[test]
    fn other_keys_are_refused() {
        for broken in [
            &b""[..],
            b"\"\"",
            b"\"a",
            b"\"a\"b",
            b"\"a\\",
            "é".as_bytes(),
            &[b'x'; 256],
        ] {
            assert_eq!(read(broken), Err("invalid-idempotency-key"), "{broken:?}");
        }
    }
}

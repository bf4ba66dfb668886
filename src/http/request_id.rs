//! The id under which a request is found again in answer and log: the client's own, where it is plain, else a new one.

use std::fmt;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// Its header, in requests and answers.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken over.
const MAX_LEN: usize = 128;

/// The id of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// Takes the client's id over if it is made of letters, digits, `-`, `_` and `.`; else draws one.
    pub fn of(headers: &HeaderMap) -> Self {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let given = headers.get(&X_REQUEST_ID).and_then(|value| value.to_str().ok());
        match given {
            Some(id) if (1..=MAX_LEN).contains(&id.len()) && id.bytes().all(plain) => Self(id.to_owned()),
            _ => Self(Uuid::now_v7().simple().to_string()),
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As a header.
    pub fn value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static("unknown"))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &str) -> String {
        let mut headers = HeaderMap::new();
        HeaderValue::from_str(given)
            .ok()
            .map(|value| headers.insert(X_REQUEST_ID, value));
        RequestId::of(&headers).to_string()
    }

    #[test]
    fn plain_ids_are_taken_over_and_others_replaced() {
        assert_eq!(of("01-Ab_c.9"), "01-Ab_c.9");
        for other in ["", "a b", "a\"b", "é", &"x".repeat(129)] {
            assert_eq!(of(other).len(), 32, "{other}");
        }
    }
}

//! `ETag`, `If-Match`, `If-None-Match` and `Prefer: wait` (RFC 9110 section 13, RFC 7240).

use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};
use sha2::{Digest, Sha256};

use super::problem::{Kind, Problem};
use crate::records::users::Expected;

/// A strong tag over a representation.
pub(super) fn tag_of(representation: &[u8]) -> String {
    let hash = Sha256::digest(representation);
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// A strong tag from a record's version.
pub(super) fn version_tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Whether `If-None-Match` names the tag: the client has this representation. Weak comparison, as for every GET.
pub(super) fn has(headers: &HeaderMap, tag: &str) -> bool {
    tags(headers, IF_NONE_MATCH).any(|given| given == "*" || given.trim_start_matches("W/") == tag)
}

/// What the client expects of a record before it is written.
pub(super) fn expected(headers: &HeaderMap) -> Result<Expected, Problem> {
    let matches: Vec<&str> = tags(headers, IF_MATCH).collect();
    let none_matches: Vec<&str> = tags(headers, IF_NONE_MATCH).collect();
    match (matches.as_slice(), none_matches.as_slice()) {
        ([], []) => Ok(Expected::Anything),
        (["*"], []) => Ok(Expected::Existing),
        // Strong comparison: a weak tag never matches, nor does one that we did not make.
        (some, []) => Ok(Expected::Versions(some.iter().filter_map(|tag| version(tag)).collect())),
        ([], ["*"]) => Ok(Expected::Absent),
        _ => Err(Problem::with(
            Kind::InvalidHeader,
            "For a write, give If-Match, or If-None-Match: *, and not both.",
        )),
    }
}

fn version(tag: &str) -> Option<i64> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

fn tags(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
}

/// The seconds of `Prefer: wait=n`, cut to the longest wait.
pub(super) fn prefer_wait(headers: &HeaderMap, longest: Duration) -> Option<u64> {
    let values = headers
        .get_all(HeaderName::from_static("prefer"))
        .filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split([',', ';']));
    let seconds = preferences.find_map(|preference| {
        let (name, value) = preference.split_once('=')?;
        let wait = name.trim().eq_ignore_ascii_case("wait");
        wait.then(|| value.trim().trim_matches('"').parse::<u64>().ok())
            .flatten()
    })?;
    Some(seconds.min(longest.as_secs()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_tag_in_hand_is_recognised() {
        let tag = tag_of(b"{}");
        assert!(has(&headers(&[("if-none-match", &format!("\"x\", W/{tag}"))]), &tag));
        assert!(has(&headers(&[("if-none-match", "*")]), &tag));
        assert!(!has(&headers(&[("if-none-match", "\"x\"")]), &tag));
        assert!(!has(&headers(&[]), &tag));
    }

    #[test]
    fn expectations_of_a_write() {
        let expected = |pairs: &[(&'static str, &str)]| expected(&headers(pairs)).ok();
        assert_eq!(expected(&[]), Some(Expected::Anything));
        assert_eq!(expected(&[("if-match", "*")]), Some(Expected::Existing));
        assert_eq!(
            expected(&[("if-match", "\"3\", \"5\"")]),
            Some(Expected::Versions(vec![3, 5]))
        );
        assert_eq!(expected(&[("if-match", "W/\"3\"")]), Some(Expected::Versions(vec![])));
        assert_eq!(expected(&[("if-none-match", "*")]), Some(Expected::Absent));
        assert_eq!(expected(&[("if-none-match", "\"3\"")]), None);
        assert_eq!(expected(&[("if-match", "\"3\""), ("if-none-match", "*")]), None);
    }

    #[test]
    fn waits_are_cut_to_the_longest() {
        let wait = |value| prefer_wait(&headers(&[("prefer", value)]), Duration::from_secs(30));
        assert_eq!(wait("wait=25"), Some(25));
        assert_eq!(wait("respond-async, WAIT = \"100\""), Some(30));
        assert_eq!(wait("wait=soon"), None);
        assert_eq!(wait("return=minimal"), None);
    }
}

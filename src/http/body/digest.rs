//! `Content-Digest` (RFC 9530): a sender may say what the bytes of its body hash to, and a body that came differently is refused
//! as a whole. The bytes are those on the wire, before any content coding is taken off.

use actix_web::http::header::{HeaderMap, HeaderName};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha512};

use crate::http::problem::{Kind, Problem};

const NAME: HeaderName = HeaderName::from_static("content-digest");
const EXPECTED: &str = "expected sha-256=:…:, sha-512=:…: or both, each once, in base64 (RFC 9530)";

/// What a body must hash to, and what it does so far.
pub(super) struct Said {
    digests: Vec<One>,
}

enum One {
    Sha256(Box<Sha256>, Vec<u8>),
    Sha512(Box<Sha512>, Vec<u8>),
}

impl Said {
    /// Reads the header, if there is one. One whose algorithms are all unknown is refused: its sender counts on it.
    pub(super) fn read(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let wrong = || Problem::with(Kind::InvalidHeader, format!("{NAME} cannot be used; {EXPECTED}."));
        let mut given: Vec<(&str, Vec<u8>)> = Vec::new();
        for value in headers.get_all(NAME) {
            for member in value.to_str().map_err(|_| wrong())?.split(',') {
                let (name, digest) = member.trim().split_once('=').ok_or_else(wrong)?;
                let twice = given.iter().any(|(known, _)| *known == name);
                let digest = unquote(digest).filter(|_| !twice).ok_or_else(wrong)?;
                given.push((name, digest));
            }
        }
        if given.is_empty() {
            return Ok(None);
        }
        let digests: Vec<One> = given
            .into_iter()
            .filter_map(|(name, digest)| One::new(name, digest))
            .collect();
        if digests.is_empty() {
            Err(wrong())
        } else {
            Ok(Some(Self { digests }))
        }
    }

    /// Takes the next bytes of the body.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        for digest in &mut self.digests {
            match digest {
                One::Sha256(hasher, _) => hasher.update(bytes),
                One::Sha512(hasher, _) => hasher.update(bytes),
            }
        }
    }

    /// The body has ended.
    pub(super) fn check(self) -> Result<(), Problem> {
        let same = |digest: One| match digest {
            One::Sha256(hasher, said) => hasher.finalize().as_slice() == said,
            One::Sha512(hasher, said) => hasher.finalize().as_slice() == said,
        };
        let sound = self.digests.into_iter().all(same);
        if sound {
            Ok(())
        } else {
            Err(Problem::new(Kind::DigestMismatch))
        }
    }
}

impl One {
    fn new(name: &str, digest: Vec<u8>) -> Option<Self> {
        match name {
            "sha-256" => Some(Self::Sha256(Box::default(), digest)),
            "sha-512" => Some(Self::Sha512(Box::default(), digest)),
            _ => None,
        }
    }
}

/// A byte sequence of structured fields (RFC 8941 section 3.3.5).
fn unquote(text: &str) -> Option<Vec<u8>> {
    let inner = text.trim().strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(inner).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use actix_web::http::header::HeaderValue;

    use super::*;

    /// The digests of `{"hello": "world"}` and a line feed, as RFC 9530 prints them.
    const SHA256: &str = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
    const SHA512: &str =
        "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:";

    fn judged(values: &[&str], body: &[u8]) -> &'static str {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(NAME, HeaderValue::from_str(value).unwrap());
        }
        let mut said = match Said::read(&headers) {
            Ok(Some(said)) => said,
            Ok(None) => return "-",
            Err(problem) => return problem.code,
        };
        body.chunks(3).for_each(|chunk| said.update(chunk));
        said.check().err().map_or("sound", |problem| problem.code)
    }

    #[test]
    fn the_examples_of_the_rfc() {
        let body = b"{\"hello\": \"world\"}\n";
        for sound in [
            vec![SHA256],
            vec![SHA512],
            vec![SHA256, SHA512],
            vec!["md5=:AAAA:", SHA256],
        ] {
            assert_eq!(judged(&sound, body), "sound", "{sound:?}");
            assert_eq!(
                judged(&sound, b"{\"hello\": \"world\"}"),
                "digest-mismatch",
                "{sound:?}"
            );
        }
        assert_eq!(judged(&[], body), "-");
    }

    #[test]
    fn what_cannot_be_checked_is_refused() {
        let twice = format!("{SHA256}, {SHA256}");
        for broken in [
            "",
            "sha-256",
            "sha-256=RK",
            "sha-256=:?:",
            "md5=:AAAA:",
            "unixsum=:AA==:",
            &twice,
        ] {
            assert_eq!(judged(&[broken], b""), "invalid-header", "{broken}");
        }
        assert_eq!(judged(&[SHA256, SHA256], b""), "invalid-header");
    }
}

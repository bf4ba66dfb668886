//! Which surface a path belongs to, and so which envelope its errors wear: also for unknown paths below its prefix.

use actix_web::HttpResponse;
use actix_web::http::header::HeaderMap;

use super::problem::Problem;
use super::request_id::{RequestId, X_REQUEST_ID};
use super::{native, spigit};

/// Names the import that a call left behind, on every surface.
pub(super) const LONGSHORE_IMPORT_ID: &str = "Longshore-Import-Id";

/// An API that a client can have been written against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surface {
    /// Our own, and everything that belongs to no other.
    Native,
    /// Files of users, upload and poll.
    Spigit,
}

impl Surface {
    /// The surface of a path.
    pub(super) fn of(path: &str) -> Self {
        let below = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if below(spigit::PREFIX) {
            Self::Spigit
        } else {
            Self::Native
        }
    }

    /// Whether a path of this surface is open to callers with a key only.
    pub(super) fn wants_key(self, path: &str) -> bool {
        match self {
            Self::Native => path.starts_with("/v1/"),
            Self::Spigit => true,
        }
    }

    /// A refusal in the surface's envelope, with the headers that every answer has.
    pub(super) fn render(self, problem: &Problem, id: &RequestId) -> HttpResponse {
        let mut response = match self {
            Self::Native => native::error::render(problem, id),
            Self::Spigit => spigit::error::render(problem),
        };
        for (name, value) in &problem.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response
    }
}

/// What every answer carries: the request's id, and no permission to guess, keep or embed.
pub(super) fn finish(headers: &mut HeaderMap, path: &str, id: &RequestId) {
    use actix_web::http::header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    };
    let policy = if path.starts_with("/docs") {
        super::openapi::DOCS_POLICY
    } else {
        "default-src 'none'; frame-ancestors 'none'"
    };
    headers.insert(X_REQUEST_ID, id.value());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_whole_segments() {
        assert_eq!(Surface::of("/bulk/v1/files/9"), Surface::Spigit);
        assert_eq!(Surface::of("/bulk/v1/nothing"), Surface::Spigit);
        assert_eq!(Surface::of("/bulk/v1"), Surface::Spigit);
        assert_eq!(Surface::of("/bulk/v10/files"), Surface::Native);
        assert_eq!(Surface::of("/v1/imports"), Surface::Native);
        assert_eq!(Surface::of("/"), Surface::Native);
    }
}

//! Which surface a path belongs to, and so which envelope its errors wear: also for unknown paths below its prefix.

use actix_web::HttpResponse;
use actix_web::http::header::{HOST, HeaderMap};

use super::problem::Problem;
use super::request_id::{RequestId, X_REQUEST_ID};
use super::{forsure, loginradius, native, propeller, slashid, spigit};

/// What a request asked for, as far as an envelope may repeat it: never its query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// Its method.
    pub(super) method: &'a str,
    /// Its path, without the query.
    pub(super) path: &'a str,
    /// What the client calls this service.
    pub(super) base: &'a str,
}

/// What clients call this service: as configured, else as this one did. Forwarding headers are not believed.
pub(super) fn base(public_url: Option<&str>, headers: &HeaderMap) -> String {
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    public_url.map_or_else(|| format!("http://{host}"), str::to_owned)
}

/// Names the import that a call left behind, on every surface.
pub(super) const LONGSHORE_IMPORT_ID: &str = "Longshore-Import-Id";

/// An API that a client can have been written against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surface {
    /// Our own, and everything that belongs to no other.
    Native,
    /// Files of users, upload and poll.
    Spigit,
    /// Clients and their credentials.
    Forsure,
    /// Users by source id.
    Propeller,
    /// Profiles.
    LoginRadius,
    /// Persons by handle.
    SlashId,
}

impl Surface {
    /// The surface of a path.
    pub(super) fn of(path: &str) -> Self {
        let below = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let prefixes: [(&[&str], Self); 5] = [
            (&[spigit::PREFIX], Self::Spigit),
            (&forsure::PREFIXES, Self::Forsure),
            (&propeller::PREFIXES, Self::Propeller),
            (&loginradius::PREFIXES, Self::LoginRadius),
            (&slashid::PREFIXES, Self::SlashId),
        ];
        let found = prefixes
            .into_iter()
            .find(|(prefixes, _)| prefixes.iter().any(|prefix| below(prefix)));
        found.map_or(Self::Native, |(_, surface)| surface)
    }

    /// Whether a path of this surface is open to callers with a key only.
    pub(super) fn wants_key(self, path: &str) -> bool {
        match self {
            Self::Native => path.starts_with("/v1/"),
            _ => true,
        }
    }

    /// A refusal in the surface's envelope, with the headers that every answer has.
    pub(super) fn render(self, problem: &Problem, id: &RequestId, asked: &Asked<'_>) -> HttpResponse {
        let mut response = match self {
            Self::Native => native::error::render(problem, id),
            Self::Spigit => spigit::error::render(problem),
            Self::Forsure => forsure::error::render(problem, asked.method, asked.path),
            Self::Propeller => propeller::error::render(problem, asked.base),
            Self::LoginRadius => loginradius::error::render(problem),
            Self::SlashId => slashid::error::render(problem),
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
        assert_eq!(Surface::of("/saas/logins/clients/7"), Surface::Forsure);
        assert_eq!(Surface::of("/users/bulk/sourceId"), Surface::Propeller);
        assert_eq!(Surface::of("/v1/users"), Surface::Native);
        assert_eq!(Surface::of("/v2/bulk/upsert"), Surface::LoginRadius);
        assert_eq!(Surface::of("/bulk/upsert"), Surface::LoginRadius);
        assert_eq!(Surface::of("/persons/bulk-import"), Surface::SlashId);
        assert_eq!(Surface::of("/"), Surface::Native);
    }
}

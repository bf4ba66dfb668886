//! Which surface a path belongs to: also an unknown path below a prefix. Knows nothing of what the surfaces do.

use actix_web::http::header::{HOST, HeaderMap};

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

/// Everything below is the surface's.
const PREFIXES: [(&str, Surface); 6] = [
    ("/bulk/v1", Surface::Spigit),
    ("/saas", Surface::Forsure),
    ("/users", Surface::Propeller),
    ("/v2/bulk", Surface::LoginRadius),
    ("/bulk/upsert", Surface::LoginRadius),
    ("/persons", Surface::SlashId),
];

impl Surface {
    /// The surface of a path.
    pub(super) fn of(path: &str) -> Self {
        let below = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let found = PREFIXES.iter().find(|(prefix, _)| below(prefix));
        found.map_or(Self::Native, |(_, surface)| *surface)
    }

    /// Whether a path of this surface is open to callers with a key only.
    pub(super) fn wants_key(self, path: &str) -> bool {
        match self {
            Self::Native => path.starts_with("/v1/"),
            _ => true,
        }
    }
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

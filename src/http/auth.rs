//! Who calls: the credentials of the surface, a key in every case, become a `Caller`. Every reason for a refusal looks the same from outside; the
//! form and checksum of a key are checked before any query, and the compare takes the same time for unknown keys.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{FromRequest, HttpRequest, web};
use chrono::{TimeDelta, Utc};
use worker::import::OrgId;

use super::problem::{Kind, Problem};
use super::surface::Surface;
use crate::app::App;
use crate::secrets::Secrets;
use crate::store::model::ApiKey;

/// Where slashid's clients put the key and the organization's public id.
const SLASHID_API_KEY: &str = "SlashID-API-Key";
const SLASHID_ORG_ID: &str = "SlashID-OrgID";
/// A key's last use is written this seldom.
const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(1);

/// What a key may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// See imports and their failed rows.
    ImportsRead,
    /// Start, cancel and delete imports.
    ImportsWrite,
    /// See records.
    RecordsRead,
    /// Make, change and delete records.
    RecordsWrite,
    /// See sensitive cells of failed rows.
    SensitiveRead,
    /// Everything, and keys.
    Admin,
}

impl Scope {
    /// All of them, in the order of the documentation.
    pub const ALL: &'static [Self] = &[
        Self::ImportsRead,
        Self::ImportsWrite,
        Self::RecordsRead,
        Self::RecordsWrite,
        Self::SensitiveRead,
        Self::Admin,
    ];

    /// The word in keys and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ImportsRead => "imports:read",
            Self::ImportsWrite => "imports:write",
            Self::RecordsRead => "records:read",
            Self::RecordsWrite => "records:write",
            Self::SensitiveRead => "sensitive:read",
            Self::Admin => "admin",
        }
    }

    /// Reads the word back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.as_str() == word)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who calls, once the key has been found good.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whose records are meant.
    pub org: OrgId,
    /// Which key; safe to log.
    pub key_id: String,
    scopes: Vec<String>,
}

impl Caller {
    /// Whether the key has a scope; `admin` stands for all of them.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes
            .iter()
            .any(|word| word == scope.as_str() || word == Scope::Admin.as_str())
    }

    /// Refuses a key without the scope.
    pub fn must(&self, scope: Scope) -> Result<(), Problem> {
        if self.has(scope) {
            return Ok(());
        }
        Err(Problem::with(
            Kind::ScopeMissing,
            format!("The API key does not have the scope {scope}."),
        ))
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let app = request.app_data::<web::Data<App>>().cloned();
        let surface = Surface::of(request.path());
        let presented = Presented::read(surface, request.headers(), request.query_string());
        Box::pin(async move {
            let app = app.ok_or_else(|| Problem::new(Kind::Internal))?;
            authenticate(&app, presented).await
        })
    }
}

/// What a caller shows in order to be let in.
#[derive(Clone, Default)]
pub(super) struct Presented {
    key: Option<String>,
    /// Must be the key's own id, where the surface has both.
    id: Option<String>,
    /// Must be the public id of the key's organization, where the surface names it.
    organization: Option<String>,
}

impl Presented {
    /// Reads them where the surface has them.
    pub(super) fn read(surface: Surface, headers: &HeaderMap, query: &str) -> Self {
        match surface {
            Surface::LoginRadius => Self::from_query(query),
            Surface::SlashId => Self {
                key: text(headers, SLASHID_API_KEY)
                    .or_else(|| bearer(headers))
                    .map(str::to_owned),
                id: None,
                organization: Some(text(headers, SLASHID_ORG_ID).unwrap_or_default().to_owned()),
            },
            Surface::Native | Surface::Spigit | Surface::Forsure | Surface::Propeller => Self {
                key: bearer(headers).map(str::to_owned),
                ..Self::default()
            },
        }
    }

    /// `?apikey=<id>&apisecret=<key>`; a query that gives one of them twice gives none.
    fn from_query(query: &str) -> Self {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
        let once = |name: &str| {
            let mut found = pairs
                .iter()
                .filter(|(given, _)| given == name)
                .map(|(_, value)| value.clone());
            found.next().filter(|_| found.next().is_none())
        };
        Self {
            key: once("apisecret"),
            id: Some(once("apikey").unwrap_or_default()),
            organization: None,
        }
    }

    fn fits(&self, key: &ApiKey) -> bool {
        let organization = |given: &String| given.parse() == Ok(key.organization_uuid);
        self.id.as_ref().is_none_or(|id| *id == key.id) && self.organization.as_ref().is_none_or(organization)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// The text after `Bearer`, whatever it holds.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// Finds the caller that a key stands for.
pub(super) async fn authenticate(app: &App, presented: Presented) -> Result<Caller, Problem> {
    let Some(text) = &presented.key else {
        return Err(refuse(app, "missing"));
    };
    let Some(key) = Secrets::parse(text) else {
        return Err(refuse(app, "malformed"));
    };
    let stored = app.store.api_key(&key.id).await?;
    let genuine = app
        .secrets
        .matches(&key, stored.as_ref().map(|key| key.secret_mac.as_slice()));
    match stored {
        Some(key) if genuine && !presented.fits(&key) => Err(refuse(app, "wrong_pair")),
        Some(key) if genuine && key.valid_now => Ok(welcome(app, key)),
        Some(_) if genuine => Err(refuse(app, "expired_or_revoked")),
        Some(_) => Err(refuse(app, "wrong_secret")),
        None => Err(refuse(app, "unknown")),
    }
}

fn welcome(app: &App, key: ApiKey) -> Caller {
    let fresh = key.last_used_at.is_some_and(|used| Utc::now() - used < TOUCH_EVERY);
    if !fresh {
        let (store, id) = (app.store.clone(), key.id.clone());
        actix_web::rt::spawn(async move {
            if let Err(error) = store.touch_api_key(&id).await {
                tracing::warn!(key_id = id, error = %error, "auth.touch_failed");
            }
        });
    }
    Caller {
        org: key.org,
        key_id: key.id,
        scopes: key.scopes,
    }
}

fn refuse(app: &App, reason: &'static str) -> Problem {
    app.metrics.auth_failure(reason);
    Problem::new(Kind::Unauthorized).header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"longshore\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(scopes: &[&str]) -> Caller {
        Caller {
            org: OrgId(1),
            key_id: String::new(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        }
    }

    #[test]
    fn admin_is_everything_and_nothing_else_is() {
        assert!(Scope::ALL.iter().all(|scope| caller(&["admin"]).has(*scope)));
        assert!(!caller(&["records:write", "imports:read"]).has(Scope::RecordsRead));
        assert!(!caller(&["imports:read"]).has(Scope::ImportsWrite));
        assert!(
            caller(&[])
                .must(Scope::Admin)
                .is_err_and(|problem| problem.code == "scope-missing")
        );
    }

    #[test]
    fn the_bearer_may_hold_any_printable_character() {
        let with = |value: &str| {
            let mut headers = HeaderMap::new();
            HeaderValue::from_str(value)
                .ok()
                .map(|value| headers.insert(AUTHORIZATION, value));
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(with("Bearer $2a$10$./KN8pb6").as_deref(), Some("$2a$10$./KN8pb6"));
        assert_eq!(with("bearer  lsk_x ").as_deref(), Some("lsk_x"));
        assert_eq!(with("Basic abc"), None);
        assert_eq!(with("Bearer"), None);
    }
}

//! Who calls: the credentials of the surface, a key in every case, become a `Caller`. Every reason for a refusal looks the same from outside; the
//! form and checksum of a key are checked before any query, the compare takes the same time for unknown keys, and what failed after a
//! query is answered on a beat, so that nobody can tell by the clock how far it came.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{FromRequest, HttpRequest, web};
use chrono::{TimeDelta, Utc};
use tokio::time::Instant;
use worker::import::OrgId;

use super::problem::{Kind, Problem};
use super::surface::Surface;
use super::{Doors, origin};
use crate::app::App;
use crate::secrets::{NOBODY, Secrets};
use crate::store::model::ApiKey;
use crate::telemetry::AUDIT;

/// Where slashid's clients put the key and the organization's public id.
const SLASHID_API_KEY: &str = "SlashID-API-Key";
const SLASHID_ORG_ID: &str = "SlashID-OrgID";
/// A key's last use is written this seldom.
const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(1);
/// A failure after a look into the database is answered so long after it came, or twice that and so on: the query's own time does
/// not show.
const BEAT: Duration = Duration::from_millis(20);

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
        tracing::info!(target: AUDIT, org_id = self.org.0, key_id = self.key_id, scope = scope.as_str(), "auth.denied");
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
        let doors = request.app_data::<web::Data<Doors>>().cloned();
        let presented = Presented::read(surface, request.headers(), request.query_string());
        let (peer, headers) = (request.peer_addr(), request.headers());
        let from = app
            .as_ref()
            .and_then(|app| origin::of(peer, headers, &app.config.trusted_proxies));
        Box::pin(async move {
            let (Some(app), Some(doors)) = (app, doors) else {
                return Err(Problem::new(Kind::Internal));
            };
            authenticate(&app, &doors, presented, from).await
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

/// The text after `Bearer`, whatever it holds; of two such headers neither counts, as a proxy may have read the other one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(AUTHORIZATION);
    let value = given.next().filter(|_| given.next().is_none())?;
    let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// Why somebody is not let in; for operators only.
struct Refusal {
    reason: &'static str,
    /// The id of a key whose form is right; it may be anybody's.
    key_id: Option<String>,
}

/// Finds the caller that a key stands for.
pub(super) async fn authenticate(
    app: &App,
    doors: &Doors,
    presented: Presented,
    from: Option<IpAddr>,
) -> Result<Caller, Problem> {
    let began = Instant::now();
    match judge(app, &presented).await? {
        Ok(key) => Ok(welcome(app, key)),
        Err(refusal) => {
            // Counted first: a caller who goes away does not get out of it.
            let problem = refuse(app, doors, &refusal, from);
            if refusal.key_id.is_some() {
                tokio::time::sleep_until(next_beat(began)).await;
            }
            Err(problem)
        }
    }
}

fn next_beat(began: Instant) -> Instant {
    let mut beat = began + BEAT;
    let now = Instant::now();
    while beat <= now {
        beat += BEAT;
    }
    beat
}

async fn judge(app: &App, presented: &Presented) -> Result<Result<ApiKey, Refusal>, Problem> {
    let refused = |reason, key_id| Ok(Err(Refusal { reason, key_id }));
    let Some(text) = &presented.key else {
        return refused("missing", None);
    };
    let Some(key) = Secrets::parse(text) else {
        return refused("malformed", None);
    };
    let stored = app.store.api_key(&key.id).await?;
    // An unknown key goes through the same compare; whatever that says, it stays unknown.
    let stored_mac = stored.as_ref().map_or(NOBODY.as_slice(), |key| &key.secret_mac);
    let genuine = app.secrets.matches(&key, stored_mac);
    let reason = match stored {
        Some(key) if genuine && presented.fits(&key) && key.valid_now => return Ok(Ok(key)),
        Some(key) if genuine && !presented.fits(&key) => "wrong_pair",
        Some(_) if genuine => "expired_or_revoked",
        Some(_) => "wrong_secret",
        None => "unknown",
    };
    refused(reason, Some(key.id))
}

/// Asks once more whether a caller's key is valid.
pub(super) async fn still_welcome(app: &App, caller: &Caller) -> Result<(), Problem> {
    let key = app.store.api_key(&caller.key_id).await?;
    if key.is_some_and(|key| key.valid_now) {
        return Ok(());
    }
    app.metrics.auth_failure("expired_or_revoked");
    tracing::info!(target: AUDIT, key_id = caller.key_id, reason = "expired_or_revoked", "auth.failed");
    Err(unauthorized())
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

fn unauthorized() -> Problem {
    Problem::new(Kind::Unauthorized).header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"longshore\""))
}

fn refuse(app: &App, doors: &Doors, refusal: &Refusal, from: Option<IpAddr>) -> Problem {
    let Refusal { reason, key_id } = refusal;
    app.metrics.auth_failure(reason);
    // Who shows no key at all has tried none.
    if *reason == "missing" {
        return unauthorized();
    }
    let from_text = from.map(tracing::field::display);
    let Err(too_many) = doors.attempts.failed(from, key_id.as_deref()) else {
        tracing::info!(target: AUDIT, key_id, from = from_text, reason, "auth.failed");
        return unauthorized();
    };
    app.metrics.auth_limited(too_many.of);
    tracing::info!(target: AUDIT, key_id, from = from_text, reason, of = too_many.of, "auth.limited");
    let seconds = u32::try_from(too_many.wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
    Problem::new(Kind::TooManyFailures).retry_after(seconds.max(1))
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

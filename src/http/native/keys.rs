//! `/v1/keys`: the organization's API keys, for admins. A key's text is shown once, in the answer that makes it.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::error::ProblemBody;
use super::{answer, no_query};
use crate::app::App;
use crate::http::auth::{Caller, Scope};
use crate::http::json;
use crate::http::page::Paged;
use crate::http::problem::{Fault, Kind, Problem};
use crate::http::query::hint;
use crate::store::model::{ApiKey, NewApiKey};
use crate::telemetry::AUDIT;

/// Longest name of a key in bytes.
const MAX_NAME: usize = 255;
const MEMBERS: &[&str] = &["name", "scopes", "expires_at"];

/// An API key, without its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct KeyView {
    /// Finds the key; the part between `lsk_` and the next underscore.
    pub id: String,
    /// For people.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A key that was just made.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = NewApiKey)]
pub struct NewKeyView {
    /// The whole key; shown only now.
    pub key: String,
    /// What is kept of it.
    #[serde(flatten)]
    pub kept: KeyView,
}

/// A key to be made.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
#[schema(as = ApiKeyInput)]
pub struct KeyInput {
    /// For people.
    pub name: String,
    /// What it may do: `imports:read`, `imports:write`, `records:read`, `records:write`, `sensitive:read`, `admin` (which is all).
    pub scopes: Vec<String>,
    /// When it ends by itself; absent = never.
    pub expires_at: Option<DateTime<Utc>>,
}

/// List the organization's keys.
#[utoipa::path(
    tag = "keys",
    responses(
        (status = 200, description = "All of them, revoked ones too", body = Paged<KeyView>),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"])),
)]
#[get("/v1/keys")]
pub(crate) async fn list_keys(app: Data<App>, caller: Caller, request: HttpRequest) -> Result<HttpResponse, Problem> {
    caller.must(Scope::Admin)?;
    no_query(&request)?;
    let keys = app.store.api_keys(caller.org).await?;
    let data = keys.into_iter().map(show).collect();
    Ok(answer(StatusCode::OK).json(Paged::<KeyView> {
        data,
        next_cursor: None,
    }))
}

/// Make a key.
#[utoipa::path(
    tag = "keys",
    request_body = KeyInput,
    responses(
        (status = 201, description = "Made; the key is shown only now", body = NewKeyView),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"])),
)]
#[post("/v1/keys")]
pub(crate) async fn create_key(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::Admin)?;
    no_query(&request)?;
    let object = json::read_object(&request, payload, &["application/json"]).await?;
    let input = read(&object, Utc::now())?;
    let minted = app.secrets.mint().map_err(|_| Problem::new(Kind::Internal))?;
    let new = NewApiKey {
        id: minted.id,
        org: caller.org,
        name: input.name,
        scopes: input.scopes,
        secret_mac: minted.mac,
        expires_at: input.expires_at,
    };
    let kept = show(app.store.insert_api_key(new).await?);
    tracing::info!(target: AUDIT, org_id = caller.org.0, key_id = caller.key_id, new_key_id = kept.id, "key.created");
    Ok(answer(StatusCode::CREATED).json(NewKeyView { key: minted.text, kept }))
}

/// Revoke a key; it is refused from now on.
#[utoipa::path(
    tag = "keys",
    params(("id" = String, Path, description = "The key's id")),
    responses(
        (status = 204, description = "Revoked"),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"])),
)]
#[delete("/v1/keys/{id}")]
pub(crate) async fn revoke_key(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::Admin)?;
    no_query(&request)?;
    if !app.store.revoke_api_key(caller.org, &path).await? {
        return Err(Problem::new(Kind::NotFound));
    }
    tracing::info!(target: AUDIT, org_id = caller.org.0, key_id = caller.key_id, revoked_key_id = path.as_str(), "key.revoked");
    Ok(answer(StatusCode::NO_CONTENT).finish())
}

fn show(key: ApiKey) -> KeyView {
    KeyView {
        id: key.id,
        name: key.name,
        scopes: key.scopes,
        created_at: key.created_at,
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
        last_used_at: key.last_used_at,
    }
}

fn read(object: &Map<String, Value>, now: DateTime<Utc>) -> Result<KeyInput, Problem> {
    let mut faults: Vec<Fault> = object
        .keys()
        .filter(|name| !MEMBERS.contains(&name.as_str()))
        .map(|name| {
            Fault::field(
                Kind::UnknownField,
                &[name],
                format!("{name} is not a field of a key{}", hint(name, MEMBERS)),
            )
        })
        .collect();
    let mut input = KeyInput::default();
    match object.get("name").and_then(Value::as_str).map(str::trim) {
        Some(name) if (1..=MAX_NAME).contains(&name.len()) && !name.contains(char::is_control) => {
            input.name = name.to_owned()
        }
        _ => faults.push(expected("name", "a text of 1 to 255 bytes")),
    }
    match object.get("scopes").and_then(scopes) {
        Some(scopes) => input.scopes = scopes,
        None => {
            let known: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
            faults.push(expected(
                "scopes",
                &format!("an array of at least one of {}", known.join(", ")),
            ));
        }
    }
    let expires_at = object.get("expires_at").filter(|value| !value.is_null());
    match expires_at.map(|value| value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok())) {
        None => {}
        Some(Some(at)) if at > now => input.expires_at = Some(at.to_utc()),
        Some(_) => faults.push(expected("expires_at", "a time to come (RFC 3339)")),
    }
    Problem::faults(faults).map_or(Ok(input), Err)
}

fn scopes(value: &Value) -> Option<Vec<String>> {
    let words: Option<Vec<Scope>> = value
        .as_array()?
        .iter()
        .map(|word| Scope::parse(word.as_str()?))
        .collect();
    let words = words.filter(|words| !words.is_empty())?;
    let named = |scope: &Scope| words.contains(scope) || words.contains(&Scope::Admin);
    Some(
        Scope::ALL
            .iter()
            .filter(|scope| named(scope))
            .map(|scope| scope.as_str().to_owned())
            .collect(),
    )
}

fn expected(name: &str, what: &str) -> Fault {
    Fault::field(Kind::InvalidField, &[name], format!("{name}: expected {what}."))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn input(value: Value) -> Result<KeyInput, Vec<String>> {
        let now = DateTime::from_timestamp(1_795_240_800, 0).unwrap();
        let details = |problem: Problem| problem.errors.into_iter().map(|fault| fault.detail).collect();
        read(value.as_object().unwrap(), now).map_err(details)
    }

    #[test]
    fn a_key_needs_a_name_and_scopes() {
        let read = input(
            json!({"name": " ops ", "scopes": ["records:read", "imports:read"], "expires_at": "2030-01-01T00:00:00+01:00"}),
        );
        let read = read.unwrap();
        assert_eq!(
            (read.name.as_str(), read.scopes),
            ("ops", vec!["imports:read".to_owned(), "records:read".to_owned()])
        );
        assert_eq!(read.expires_at.unwrap().to_rfc3339(), "2029-12-31T23:00:00+00:00");
        let bad = input(json!({"scope": [], "scopes": ["imports"], "expires_at": "2020-01-01T00:00:00Z"})).unwrap_err();
        assert_eq!(
            bad,
            [
                "scope is not a field of a key; did you mean scopes?",
                "name: expected a text of 1 to 255 bytes.",
                "scopes: expected an array of at least one of imports:read, imports:write, records:read, records:write, \
                 sensitive:read, admin.",
                "expires_at: expected a time to come (RFC 3339).",
            ]
        );
    }

    #[test]
    fn admin_is_the_whole_bunch() {
        assert_eq!(
            input(json!({"name": "x", "scopes": ["admin"]})).unwrap().scopes.len(),
            Scope::ALL.len()
        );
    }
}

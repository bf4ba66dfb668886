//! `/v1/organization`: whose key this is, and what it may ask for.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, get, patch};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::ProblemBody;
use super::users::MERGE_PATCH;
use super::{answer, no_query};
use crate::app::App;
use crate::config::Limits;
use crate::http::auth::{Caller, Scope};
use crate::http::json;
use crate::http::page::MAX_LIMIT;
use crate::http::problem::{Fault, Kind, Problem};
use crate::http::query::hint;
use crate::store::model::Organization;
use crate::telemetry::AUDIT;

const QUOTA: &str = "person_quota";

/// The organization of the key.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Organization)]
pub struct OrganizationView {
    /// Its public id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Most users that an import of persons may lead to; absent where there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person_quota: Option<u64>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// What one of its callers may ask for.
    pub limits: LimitsView,
}

/// What a caller may ask for.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Limits)]
pub struct LimitsView {
    /// Largest file in bytes, inflated.
    pub upload_bytes: u64,
    /// Days that a finished import is kept.
    pub retention_days: u64,
    /// Longest `Prefer: wait` in seconds.
    pub wait_seconds: u64,
    /// Largest page.
    pub page: i64,
}

/// Show the organization of the key.
#[utoipa::path(
    tag = "organization",
    responses(
        (status = 200, description = "It", body = OrganizationView),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = [])),
)]
#[get("/v1/organization")]
pub(crate) async fn show_organization(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    let organization = app
        .store
        .organization(caller.org)
        .await?
        .ok_or_else(|| Problem::new(Kind::NotFound))?;
    Ok(answer(StatusCode::OK).json(show(organization, &app.config.limits)))
}

/// What can be changed of an organization.
#[derive(Clone, Debug, ToSchema)]
#[schema(as = OrganizationChange)]
#[expect(dead_code, reason = "documents a body that is read strictly")]
pub struct OrganizationChange {
    /// Most users that an import of persons may lead to; null takes the limit away.
    #[schema(minimum = 0, example = 1000)]
    person_quota: Option<u64>,
}

/// Change the organization of the key.
#[utoipa::path(
    tag = "organization",
    request_body = OrganizationChange,
    responses(
        (status = 200, description = "As it is now", body = OrganizationView),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"])),
)]
#[patch("/v1/organization")]
pub(crate) async fn change_organization(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::Admin)?;
    no_query(&request)?;
    let object = json::read_object(&request, payload, MERGE_PATCH).await?;
    let changed = match quota(&object)? {
        Some(quota) => app.store.set_person_quota(caller.org, quota).await?,
        None => app.store.organization(caller.org).await?,
    };
    let organization = changed.ok_or_else(|| Problem::new(Kind::NotFound))?;
    let quota = organization.person_quota;
    tracing::info!(target: AUDIT, org_id = caller.org.0, key_id = caller.key_id, person_quota = quota, "organization.changed");
    Ok(answer(StatusCode::OK).json(show(organization, &app.config.limits)))
}

/// The quota that a body asks for, null being none; nothing where it does not speak of it.
fn quota(object: &Map<String, Value>) -> Result<Option<Option<u64>>, Problem> {
    let mut faults = Vec::new();
    for name in object.keys().filter(|name| *name != QUOTA) {
        let detail = format!("{name} cannot be changed here{}", hint(name, &[QUOTA]));
        faults.push(Fault::field(Kind::UnknownField, &[name], detail));
    }
    let quota = object.get(QUOTA).map(|value| match value {
        Value::Null => Ok(None),
        value => match value.as_u64().filter(|quota| i64::try_from(*quota).is_ok()) {
            Some(quota) => Ok(Some(quota)),
            None => Err(()),
        },
    });
    if quota == Some(Err(())) {
        let detail = "person_quota must be a whole number from 0 on, or null for no limit";
        faults.push(Fault::field(Kind::InvalidField, &[QUOTA], detail));
    }
    match Problem::faults(faults) {
        Some(problem) => Err(problem),
        None => Ok(quota.and_then(Result::ok)),
    }
}

fn show(organization: Organization, limits: &Limits) -> OrganizationView {
    OrganizationView {
        id: organization.uuid,
        name: organization.name,
        person_quota: organization.person_quota,
        created_at: organization.created_at,
        limits: self::limits(limits),
    }
}

fn limits(limits: &Limits) -> LimitsView {
    LimitsView {
        upload_bytes: limits.upload_bytes,
        retention_days: limits.retention.as_secs() / 86_400,
        wait_seconds: limits.wait.as_secs(),
        page: MAX_LIMIT,
    }
}

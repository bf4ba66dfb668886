//! `/v1/organization`: whose key this is, and what it may ask for.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::ProblemBody;
use super::{answer, no_query};
use crate::app::App;
use crate::config::Limits;
use crate::http::auth::Caller;
use crate::http::page::MAX_LIMIT;
use crate::http::problem::{Kind, Problem};

/// The organization of the key.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Organization)]
pub struct OrganizationView {
    /// Its public id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
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
    let view = OrganizationView {
        id: organization.uuid,
        name: organization.name,
        created_at: organization.created_at,
        limits: limits(&app.config.limits),
    };
    Ok(answer(StatusCode::OK).json(view))
}

fn limits(limits: &Limits) -> LimitsView {
    LimitsView {
        upload_bytes: limits.upload_bytes,
        retention_days: limits.retention.as_secs() / 86_400,
        wait_seconds: limits.wait.as_secs(),
        page: MAX_LIMIT,
    }
}

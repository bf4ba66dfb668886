//! `/saas/logins/clients/{id}/credentials`: search, list by country, create, change and remove credentials.
//!
//! Only the search hides passwords; the others show them to any key with `records:read`, as the document has it.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};

use super::JSON;
use super::clients::Message;
use super::credential_view::{self, CredentialInput, CredentialView, ListedView, NewCredentialView};
use super::error::{ErrorBody, credential_not_found};
use super::parameters::{client_id, country, credential_place, flag, no_query, text};
use crate::app::App;
use crate::http::auth::{Caller, Scope};
use crate::http::json;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::records::credentials;
use crate::telemetry::AUDIT;

/// Search the credentials of a client.
///
/// No password is shown. Held credentials come first, by number, then those that are missing.
#[utoipa::path(
    tag = "forsure",
    params(
        ("id" = String, Path, description = "The client's number"),
        ("search" = Option<String>, Query, description = "With this in country, report type or organization, any case"),
        ("showMissing" = Option<bool>, Query, description = "Also what the catalogue has and the client has not; default false"),
    ),
    responses(
        (status = 200, description = "All of them", body = Vec<ListedView>),
        (status = 404, description = "There is no such client", body = ErrorBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(("key" = ["records:read"])),
)]
#[get("/saas/logins/clients/{id}/credentials/search")]
pub(crate) async fn search_client_credentials(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsRead)?;
    let query = Query::parse(request.query_string(), &["search", "showMissing"])?;
    let id = client_id(&path)?;
    let show_missing = flag(&query, "showMissing")?.unwrap_or(false);
    let search = text(&query, "search");
    let found = credentials::search(&app, caller.org, id, search.as_deref(), show_missing).await?;
    let shown: Vec<ListedView> = found.into_iter().map(credential_view::listed).collect();
    Ok(HttpResponse::Ok().json(shown))
}

/// List the credentials of a client in a country, with their passwords in clear.
#[utoipa::path(
    tag = "forsure",
    params(
        ("id" = String, Path, description = "The client's number"),
        ("country" = String, Path, description = "Two letters"),
    ),
    responses(
        (status = 200, description = "All of them", body = Vec<CredentialView>),
        (status = 404, description = "There is no such client", body = ErrorBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(("key" = ["records:read"])),
)]
#[get("/saas/logins/clients/{id}/credentials/{country}")]
pub(crate) async fn get_client_credentials(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsRead)?;
    no_query(&request)?;
    let (id, place) = (client_id(&path.0)?, country(&path.1)?);
    let found = credentials::of_country(&app, caller.org, id, place).await?;
    let shown: Vec<CredentialView> = found.into_iter().map(credential_view::open).collect();
    Ok(HttpResponse::Ok().json(shown))
}

/// Create a credential for each report type, all or none; answers the first.
#[utoipa::path(
    tag = "forsure",
    params(
        ("id" = String, Path, description = "The client's number"),
        ("country" = String, Path, description = "Two letters"),
    ),
    request_body = CredentialInput,
    responses(
        (status = 200, description = "Created; the first of them", body = NewCredentialView),
        (status = 404, description = "There is no such client", body = ErrorBody),
        (status = "4XX", description = "Refused; so is a second one for the same country, pro and report type", body = ErrorBody),
    ),
    security(("key" = ["records:write"])),
)]
#[post("/saas/logins/clients/{id}/credentials/{country}")]
pub(crate) async fn create_client_credentials(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsWrite)?;
    no_query(&request)?;
    let (id, place) = (client_id(&path.0)?, country(&path.1)?);
    let object = json::read_object(&request, payload, JSON).await?;
    let draft = credential_view::draft(&object)?;
    let made = credentials::create(&app, caller.org, id, &place, &draft).await?;
    let first = made.into_iter().next().ok_or_else(credential_not_found)?;
    Ok(HttpResponse::Ok().json(credential_view::new(first)))
}

/// Change what the body names of a credential.
#[utoipa::path(
    tag = "forsure",
    params(
        ("id" = String, Path, description = "The client's number"),
        ("country" = String, Path, description = "Two letters"),
        ("credential_id" = String, Path, description = "The credential's number"),
    ),
    request_body = CredentialInput,
    responses(
        (status = 200, description = "As it stands now", body = CredentialView),
        (status = 404, description = "There is no such client or credential", body = ErrorBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(("key" = ["records:write"])),
)]
#[put("/saas/logins/clients/{id}/credentials/{country}/{credential_id}")]
pub(crate) async fn update_client_credentials(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<(String, String, String)>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsWrite)?;
    no_query(&request)?;
    let place = credential_place(&path)?;
    let object = json::read_object(&request, payload, JSON).await?;
    let draft = credential_view::draft(&object)?;
    let changed = credentials::update(&app, caller.org, place, &draft).await?;
    Ok(HttpResponse::Ok().json(credential_view::open(changed)))
}

/// Remove a credential.
#[utoipa::path(
    tag = "forsure",
    params(
        ("id" = String, Path, description = "The client's number"),
        ("country" = String, Path, description = "Two letters"),
        ("credential_id" = String, Path, description = "The credential's number"),
    ),
    responses(
        (status = 200, description = "It is gone", body = Message),
        (status = 404, description = "There is no such client or credential", body = ErrorBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(("key" = ["records:write"])),
)]
#[delete("/saas/logins/clients/{id}/credentials/{country}/{credential_id}")]
pub(crate) async fn delete_client_credentials(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsWrite)?;
    no_query(&request)?;
    let place = credential_place(&path)?;
    let id = place.id;
    credentials::remove(&app, caller.org, place).await?;
    tracing::info!(target: AUDIT, org_id = caller.org.0, credential_id = id, key_id = caller.key_id, "credential.deleted");
    Ok(HttpResponse::Ok().json(Message {
        message: "Credential deleted successfully.",
    }))
}

//! `/saas/logins/clients`: list, create, show, change and remove clients.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use serde::Serialize;
use serde_json::Map;
use utoipa::ToSchema;

use super::JSON;
use super::client_view::{self, ClientInput, ClientView, ClientsView};
use super::error::ErrorBody;
use super::parameters::{client_id, credential_filter, flag, list, no_query, not_named, number, text};
use crate::app::App;
use crate::http::auth::{Caller, Scope};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::{json, path_id};
use crate::records::clients::{self, ClientError};
use crate::store::model::ClientFilter;
use crate::telemetry::AUDIT;

/// Least and most clients of a page.
const LIMITS: (i64, i64) = (1, 1000);
/// Page of a caller who does not say.
const DEFAULT_LIMIT: i64 = 10;
const PARAMETERS: &[&str] = &[
    "search",
    "country",
    "report_type",
    "pro",
    "status",
    "collective_account",
    "offset",
    "limit",
    "companyNameOnly",
];

/// Something was done.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = ForsureMessage)]
pub struct Message {
    /// A sentence.
    pub message: &'static str,
}

/// List clients by number.
#[utoipa::path(
    tag = "forsure",
    params(
        ("search" = Option<String>, Query, description = "With this in name, organization or an alias, any case"),
        ("country" = Option<String>, Query, description = "With a credential in one of these countries; with commas. The filters on credentials mean one that fits all of them"),
        ("report_type" = Option<String>, Query, description = "With a credential for one of these report types; with commas"),
        ("pro" = Option<String>, Query, description = "With a credential at one of these organizations; with commas"),
        ("status" = Option<String>, Query, description = "In one of these states; with commas"),
        ("collective_account" = Option<bool>, Query, description = "Whether they are collective accounts"),
        ("offset" = Option<i64>, Query, minimum = 0, description = "How many to skip; default 0"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "How many to show; default 10"),
        ("companyNameOnly" = Option<bool>, Query, description = "Search names only; default false"),
    ),
    responses(
        (status = 200, description = "A page", body = ClientsView),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(("key" = ["records:read"])),
)]
#[get("/saas/logins/clients")]
pub(crate) async fn get_clients(app: Data<App>, caller: Caller, request: HttpRequest) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsRead)?;
    let query = Query::parse(request.query_string(), PARAMETERS)?;
    let offset = number(&query, "offset", (0, i64::MAX), 0)?;
    let limit = number(&query, "limit", LIMITS, DEFAULT_LIMIT)?;
    let page = clients::list(&app, caller.org, filter(&query)?, offset, limit).await?;
    Ok(HttpResponse::Ok().json(ClientsView {
        clients: page.clients.into_iter().map(client_view::client).collect(),
        total: page.total,
        offset,
        limit,
    }))
}

/// Create a client.
#[utoipa::path(
    tag = "forsure",
    request_body = ClientInput,
    responses(
        (status = 200, description = "Created", body = ClientView),
        (status = "4XX", description = "Refused; the name of another client is", body = ErrorBody),
    ),
    security(("key" = ["records:write"])),
)]
#[post("/saas/logins/clients")]
pub(crate) async fn create_client(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsWrite)?;
    no_query(&request)?;
    let object = json::read_object(&request, payload, JSON).await?;
    let client = clients::create(&app, caller.org, client_view::draft(&object)?).await?;
    Ok(HttpResponse::Ok().json(client_view::client(client)))
}

/// Show a client.
#[utoipa::path(
    tag = "forsure",
    params(("id" = String, Path, description = "The client's number")),
    responses(
        (status = 200, description = "As it stands, or `{}` where there is none", body = ClientView),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(("key" = ["records:read"])),
)]
#[get("/saas/logins/clients/{id}")]
pub(crate) async fn get_client(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsRead)?;
    no_query(&request)?;
    not_named(&path)?;
    let nothing = || HttpResponse::Ok().json(Map::new());
    let Ok(id) = path_id(&path) else {
        return Ok(nothing());
    };
    match clients::get(&app, caller.org, id).await {
        Ok(client) => Ok(HttpResponse::Ok().json(client_view::client(client))),
        Err(ClientError::Absent) => Ok(nothing()),
        Err(error) => Err(error.into()),
    }
}

/// Change what the body names of a client.
#[utoipa::path(
    tag = "forsure",
    params(("id" = String, Path, description = "The client's number")),
    request_body = ClientInput,
    responses(
        (status = 200, description = "As it stands now", body = ClientView),
        (status = 404, description = "There is no such client", body = ErrorBody),
        (status = "4XX", description = "Refused; the name of another client is", body = ErrorBody),
    ),
    security(("key" = ["records:write"])),
)]
#[put("/saas/logins/clients/{id}")]
pub(crate) async fn update_client(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsWrite)?;
    no_query(&request)?;
    let id = client_id(&path)?;
    let object = json::read_object(&request, payload, JSON).await?;
    let client = clients::update(&app, caller.org, id, client_view::draft(&object)?).await?;
    Ok(HttpResponse::Ok().json(client_view::client(client)))
}

/// Remove a client with its credentials and aliases.
#[utoipa::path(
    tag = "forsure",
    params(("id" = String, Path, description = "The client's number")),
    responses(
        (status = 200, description = "It is gone", body = Message),
        (status = 404, description = "There is no such client", body = ErrorBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(("key" = ["records:write"])),
)]
#[delete("/saas/logins/clients/{id}")]
pub(crate) async fn delete_client(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsWrite)?;
    no_query(&request)?;
    let id = client_id(&path)?;
    clients::remove(&app, caller.org, id).await?;
    tracing::info!(target: AUDIT, org_id = caller.org.0, client_id = id, key_id = caller.key_id, "client.deleted");
    Ok(HttpResponse::Ok().json(Message {
        message: "Client deleted successfully.",
    }))
}

fn filter(query: &Query) -> Result<ClientFilter, Problem> {
    Ok(ClientFilter {
        search: text(query, "search"),
        name_only: flag(query, "companyNameOnly")?.unwrap_or(false),
        statuses: list(query, "status"),
        collective_account: flag(query, "collective_account")?,
        credential: credential_filter(query)?,
    })
}

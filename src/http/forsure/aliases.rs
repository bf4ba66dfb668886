//! Other names of a client: aliases, and the company name of a country, which is that country's alias.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::JSON;
use super::client_view::{self, AliasedView, NamedView};
use super::clients::Message;
use super::error::ErrorBody;
use super::members::Members;
use super::parameters::{client_id, country, no_query};
use crate::app::App;
use crate::http::auth::{Caller, Scope};
use crate::http::json;
use crate::http::problem::Problem;
use crate::records::clients;

/// An alias to be added.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(as = ForsureAliasInput)]
pub struct AliasInput {
    /// `DE:ABC GmbH` for one country, whose alias it replaces; a text without a country and a colon holds everywhere.
    pub alias: String,
}

/// The name of a client in a country.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ForsureLocalName)]
pub struct LocalName {
    /// Null where it has none of its own there.
    pub local_company_name: Option<String>,
}

/// The name of a client in a country, to be set.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(as = ForsureLocalNameInput)]
pub struct LocalNameInput {
    /// The name.
    pub local_company_name: String,
}

/// Add an alias.
#[utoipa::path(
    tag = "forsure",
    params(("id" = String, Path, description = "The client's number")),
    request_body = AliasInput,
    responses(
        (status = 200, description = "The client as it stands now", body = AliasedView),
        (status = 404, description = "There is no such client", body = ErrorBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(("key" = ["records:write"])),
)]
#[post("/saas/logins/clients/{id}/aliases")]
pub(crate) async fn add_client_aliases(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsWrite)?;
    no_query(&request)?;
    let id = client_id(&path)?;
    let alias = only_member(&request, payload, "alias").await?;
    let client = clients::add_alias(&app, caller.org, id, &alias).await?;
    Ok(HttpResponse::Ok().json(client_view::aliased(client)))
}

/// Remove an alias, given as it was added.
///
/// A slash in it may stand for itself.
#[utoipa::path(
    tag = "forsure",
    params(
        ("id" = String, Path, description = "The client's number"),
        ("alias" = String, Path, description = "The alias, percent-encoded"),
    ),
    responses(
        (status = 200, description = "It is gone", body = Message),
        (status = 404, description = "There is no such client, or it has no such alias", body = ErrorBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(("key" = ["records:write"])),
)]
#[delete("/saas/logins/clients/{id}/aliases/{alias:.+}")]
pub(crate) async fn remove_client_aliases(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsWrite)?;
    no_query(&request)?;
    let (id, alias) = &*path;
    clients::remove_alias(&app, caller.org, client_id(id)?, alias).await?;
    Ok(HttpResponse::Ok().json(Message {
        message: "Alias removed successfully.",
    }))
}

/// Set the name of a client in a country.
#[utoipa::path(
    tag = "forsure",
    params(
        ("id" = String, Path, description = "The client's number"),
        ("country" = String, Path, description = "Two letters"),
    ),
    request_body = LocalNameInput,
    responses(
        (status = 200, description = "The client as it stands now", body = NamedView),
        (status = 404, description = "There is no such client", body = ErrorBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(("key" = ["records:write"])),
)]
#[post("/saas/logins/clients/{id}/local-company-name/{country}")]
pub(crate) async fn set_local_company_name(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsWrite)?;
    no_query(&request)?;
    let (id, place) = (client_id(&path.0)?, country(&path.1)?);
    let name = only_member(&request, payload, "local_company_name").await?;
    let client = clients::set_local_name(&app, caller.org, id, place, &name).await?;
    Ok(HttpResponse::Ok().json(client_view::named(client)))
}

/// Show the name of a client in a country.
#[utoipa::path(
    tag = "forsure",
    params(
        ("id" = String, Path, description = "The client's number"),
        ("country" = String, Path, description = "Two letters"),
    ),
    responses(
        (status = 200, description = "The name, or null", body = LocalName),
        (status = 404, description = "There is no such client", body = ErrorBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(("key" = ["records:read"])),
)]
#[get("/saas/logins/clients/{id}/local-company-name/{country}")]
pub(crate) async fn get_local_company_name(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsRead)?;
    no_query(&request)?;
    let (id, place) = (client_id(&path.0)?, country(&path.1)?);
    let local_company_name = clients::local_name(&app, caller.org, id, &place).await?;
    Ok(HttpResponse::Ok().json(LocalName { local_company_name }))
}

/// The text of a body that has one member; blank where it is missing.
async fn only_member(request: &HttpRequest, payload: Payload, name: &str) -> Result<String, Problem> {
    let object = json::read_object(request, payload, JSON).await?;
    let mut members = Members::of(&object, &[name]);
    let text = members.text(name).set().unwrap_or_default();
    members.finish(text)
}

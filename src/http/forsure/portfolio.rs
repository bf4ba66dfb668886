//! What spans an organization's clients: collective accounts, figures, and the catalogue of report types.

use std::collections::BTreeMap;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ErrorBody;
use super::parameters::{credential_filter, no_query};
use crate::app::App;
use crate::http::auth::{Caller, Scope};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::records::{catalogue, clients, credentials};
use crate::store::model::CollectiveAccount;

/// A credential that others may be linked to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ForsureCollectiveAccount)]
pub struct CollectiveAccountView {
    /// The credential's number; what `collective_account_id` takes.
    pub id: i64,
    /// Whose it is.
    pub client_id: i64,
    /// Two capital letters.
    pub country: String,
    /// What is reported.
    pub report_type: String,
    /// The organization that takes the reports.
    pub pro: String,
    /// Its login.
    pub login: Option<String>,
    /// The client's name.
    pub client_name: String,
}

/// An organization's clients in numbers.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ForsureStats)]
pub struct StatsView {
    /// Clients.
    pub total_clients: i64,
    /// Credentials by country.
    pub by_country: BTreeMap<String, i64>,
    /// Credentials by report type.
    pub by_report_type: BTreeMap<String, i64>,
    /// Clients by status.
    pub by_status: BTreeMap<String, i64>,
}

/// List the credentials that others may be linked to, by number.
#[utoipa::path(
    tag = "forsure",
    params(
        ("country" = Option<String>, Query, description = "In one of these countries; with commas"),
        ("pro" = Option<String>, Query, description = "At one of these organizations; with commas"),
    ),
    responses(
        (status = 200, description = "All of them", body = Vec<CollectiveAccountView>),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(("key" = ["records:read"])),
)]
#[get("/saas/logins/clients/collective-accounts")]
pub(crate) async fn get_collective_accounts(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsRead)?;
    let query = Query::parse(request.query_string(), &["country", "pro"])?;
    let accounts = credentials::collective_accounts(&app, caller.org, credential_filter(&query)?).await?;
    let shown: Vec<CollectiveAccountView> = accounts.into_iter().map(show).collect();
    Ok(HttpResponse::Ok().json(shown))
}

/// Count clients and credentials.
#[utoipa::path(
    tag = "forsure",
    responses(
        (status = 200, description = "The figures", body = StatsView),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(("key" = ["records:read"])),
)]
#[get("/saas/logins/stats")]
pub(crate) async fn get_clients_stats(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsRead)?;
    no_query(&request)?;
    let stats = clients::stats(&app, caller.org).await?;
    Ok(HttpResponse::Ok().json(StatsView {
        total_clients: stats.by_status.iter().map(|(_, count)| count).sum(),
        by_country: sums(stats.by_country),
        by_report_type: sums(stats.by_report_type),
        by_status: sums(stats.by_status),
    }))
}

/// Show the catalogue: report types by country and by the organization that takes the reports.
#[utoipa::path(
    tag = "forsure",
    responses(
        (status = 200, description = "The catalogue", body = catalogue::Catalogue),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(("key" = ["records:read"])),
)]
#[get("/saas/logins/report_types")]
pub(crate) async fn get_report_types(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsRead)?;
    no_query(&request)?;
    Ok(HttpResponse::Ok().json(catalogue::get(&app, caller.org).await?))
}

/// A value may come twice: `active` also stands for clients without a status.
fn sums(counts: Vec<(String, i64)>) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for (value, count) in counts {
        *sums.entry(value).or_default() += count;
    }
    sums
}

fn show(account: CollectiveAccount) -> CollectiveAccountView {
    CollectiveAccountView {
        id: account.id,
        client_id: account.client_id,
        country: account.country,
        report_type: account.report_type,
        pro: account.pro,
        login: account.login,
        client_name: account.client_name,
    }
}

//! `/v1/report-types`: the organization's catalogue of report types, shown and set as a whole.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, get, put};

use super::error::ProblemBody;
use super::{answer, no_query};
use crate::app::App;
use crate::http::auth::{Caller, Scope};
use crate::http::json;
use crate::http::problem::Problem;
use crate::records::catalogue;

/// Report types by country and by the organization that takes the reports, as the document shows them.
type Shown = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// Show the catalogue of report types.
#[utoipa::path(
    tag = "report types",
    responses(
        (status = 200, description = "Report types by country (two letters) and by the organization that takes the reports", body = Shown),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["records:read"])),
)]
#[get("/v1/report-types")]
pub(crate) async fn show_report_types(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsRead)?;
    no_query(&request)?;
    Ok(answer(StatusCode::OK).json(catalogue::get(&app, caller.org).await?))
}

/// Make the catalogue say what the body says and nothing else.
///
/// At most 10,000 report types; more come by an import of `report_types`, which adds to the catalogue.
#[utoipa::path(
    tag = "report types",
    request_body = Shown,
    responses(
        (status = 200, description = "As it stands now", body = Shown),
        (status = 422, description = "An entry breaks its rule", body = ProblemBody, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["records:write"])),
)]
#[put("/v1/report-types")]
pub(crate) async fn put_report_types(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsWrite)?;
    no_query(&request)?;
    let object = json::read_object(&request, payload, &["application/json"]).await?;
    let catalogue = catalogue::replace(&app, caller.org, &object).await?;
    Ok(answer(StatusCode::OK).json(catalogue))
}

//! The propeller envelope: `{"error":{"code","messages","moreInfo","status","type"}}`.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::problem::Problem;

/// Why a request was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PropellerError)]
pub struct ErrorBody {
    /// What happened.
    pub messages: Vec<String>,
}

/// A refusal as this surface sends it; `base` is what clients call this service.
pub fn render(problem: &Problem, _base: &str) -> HttpResponse {
    let body = ErrorBody {
        messages: vec![problem.detail.clone()],
    };
    HttpResponse::build(problem.status).json(body)
}

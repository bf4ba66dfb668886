//! The forsure envelope: `{"detail"}`, with a fixed text for each operation.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::problem::Problem;

/// Why a request was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ForsureError)]
pub struct ErrorBody {
    /// The operation's text.
    pub detail: String,
}

/// A refusal as this surface sends it.
pub fn render(problem: &Problem, _method: &str, _path: &str) -> HttpResponse {
    let body = ErrorBody {
        detail: problem.detail.clone(),
    };
    HttpResponse::build(problem.status).json(body)
}

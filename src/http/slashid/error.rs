//! The SlashID envelope: `{"meta","errors":[{"httpcode","message"}]}`.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::problem::Problem;

/// Why a request was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SlashIdError)]
pub struct ErrorBody {
    /// What happened.
    pub message: String,
}

/// A refusal as this surface sends it.
pub fn render(problem: &Problem) -> HttpResponse {
    let body = ErrorBody {
        message: problem.detail.clone(),
    };
    HttpResponse::build(problem.status).json(body)
}

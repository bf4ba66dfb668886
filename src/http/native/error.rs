//! The native envelope: `application/problem+json` (RFC 9457).

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::problem::{Fault, Problem};
use crate::http::request_id::RequestId;

/// Why a request was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `/problems/` and the code.
    pub r#type: String,
    /// What the code means.
    pub title: &'static str,
    /// The HTTP status again.
    pub status: u16,
    /// Stable; what programs look at.
    pub code: &'static str,
    /// What happened this time, and how to mend it.
    pub detail: String,
    /// Finds the request in the log.
    pub request_id: String,
    /// The record of the uploaded file, 1 = first after the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    /// The byte of the uploaded file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    /// Every fault with its place, where there are several or they have one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
}

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A refusal as this API sends it.
pub fn render(problem: &Problem, id: &RequestId) -> HttpResponse {
    let body = ProblemBody {
        r#type: format!("/problems/{}", problem.code),
        title: problem.title,
        status: problem.status.as_u16(),
        code: problem.code,
        detail: problem.detail.clone(),
        request_id: id.to_string(),
        record: problem.place.as_ref().and_then(|place| place.record),
        byte: problem.place.as_ref().and_then(|place| place.byte),
        errors: problem.errors.clone(),
    };
    HttpResponse::build(problem.status)
        .content_type(PROBLEM_JSON)
        .json(body)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use actix_web::body::MessageBody;
    use actix_web::http::header::HeaderMap;

    use super::*;
    use crate::http::problem::Kind;

    #[test]
    fn a_problem_on_the_wire() {
        let fault = Fault::field(
            Kind::UnknownField,
            &["emial"],
            "emial is not a field of users; did you mean email?",
        );
        let response = render(&Problem::fault(fault), &RequestId::of(&HeaderMap::new()));
        assert_eq!(response.headers().get("content-type").unwrap(), PROBLEM_JSON);
        let bytes = response.into_body().try_into_bytes().unwrap();
        let mut json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        json["request_id"] = "…".into();
        insta::assert_json_snapshot!(json);
    }
}

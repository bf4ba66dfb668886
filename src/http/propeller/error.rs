//! The propeller envelope: `{"error":{"code","messages","moreInfo","status","type"}}`. The codes 10005 to 10017 are the vendor's,
//! the others are chosen: 10000 and the status.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::problem::{Kind, Problem};

/// Why a request was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PropellerError)]
pub struct ErrorBody {
    /// All there is.
    pub error: Refusal,
}

/// What is wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PropellerRefusal)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// Stable; what programs look at.
    pub code: u16,
    /// Every fault found, with its place where it has one.
    pub messages: Vec<String>,
    /// Where to read more.
    pub more_info: String,
    /// The HTTP status again.
    pub status: u16,
    /// The code in a word.
    pub r#type: &'static str,
}

/// A refusal as this surface sends it; `base` is what the client calls this service.
pub fn render(problem: &Problem, base: &str) -> HttpResponse {
    let (code, r#type) = code_and_type(problem);
    let messages = match problem.errors.as_slice() {
        [] => vec![problem.detail.clone()],
        faults => faults.iter().map(|fault| fault.detail.clone()).collect(),
    };
    let error = Refusal {
        code,
        messages,
        more_info: format!("{base}/docs/errors/{code}"),
        status: problem.status.as_u16(),
        r#type,
    };
    HttpResponse::build(problem.status).json(ErrorBody { error })
}

pub(super) fn code_and_type(problem: &Problem) -> (u16, &'static str) {
    let is = |kinds: &[Kind]| kinds.iter().any(|kind| kind.code() == problem.code);
    if is(&[Kind::InvalidJson, Kind::BodyTruncated, Kind::BodyMalformed]) {
        return (10005, "InvalidJSONPayload");
    }
    if is(&[Kind::UnknownField, Kind::InvalidField]) {
        return (10007, "SchemaValidationException");
    }
    if is(&[Kind::RequiredField]) {
        return (10016, "LookupKeyNotFound");
    }
    match problem.status.as_u16() {
        401 => (10401, "Unauthorized"),
        402 => (10402, "QuotaExceeded"),
        403 => (10403, "Forbidden"),
        404 => (10008, "NotFound"),
        405 => (10405, "MethodNotAllowed"),
        408 => (10408, "RequestTimeout"),
        409 => (10409, "Conflict"),
        413 => (10413, "PayloadTooLarge"),
        415 => (10415, "UnsupportedMediaType"),
        429 => (10429, "TooManyRequests"),
        503 => (10503, "ServiceUnavailable"),
        500.. => (10500, "InternalServerError"),
        _ => (10017, "PayloadValidationError"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::samples::sent;

    #[test]
    fn the_table_of_refusals() {
        let row = |kind: &Kind| {
            let refusal = render(&Problem::new(*kind), "https://import.example.com");
            sent(refusal, "application/json").1
        };
        let mut rows: Vec<String> = Kind::ALL.iter().map(row).collect();
        rows.dedup();
        insta::assert_snapshot!(rows.join("\n"));
    }
}

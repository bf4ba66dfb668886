//! The loginradius envelope: `{"ErrorCode","Message","Description"}`. The texts of 400, 401 and 500 are the document's own, the
//! others are chosen. Nothing of the request goes into it: the secret stands in the query.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::problem::Problem;

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = LoginRadiusError)]
#[serde(rename_all = "PascalCase")]
pub struct ErrorBody {
    /// Stable; what programs look at.
    pub error_code: u16,
    /// What happened.
    pub message: &'static str,
    /// What to do about it.
    pub description: &'static str,
}

/// A refusal as this surface sends it.
pub fn render(problem: &Problem) -> HttpResponse {
    HttpResponse::build(problem.status).json(body(problem.status.as_u16()))
}

fn body(status: u16) -> ErrorBody {
    let (error_code, message, description) = match status {
        401 => (
            6002,
            "Access Unauthorized",
            "Access Unauthorized, please use valid authorization to access this endpoint.",
        ),
        402 => (
            7402,
            "Quota exceeded",
            "The quota of the tenant would be exceeded, please contact your system administrator.",
        ),
        403 => (
            6003,
            "Access Forbidden",
            "The key is not allowed to do this, please use one with the scope imports:write.",
        ),
        404 => (
            7404,
            "Resource not found",
            "There is no such endpoint, please check the path.",
        ),
        405 => (
            7405,
            "Method not allowed",
            "Please use one of the methods in the header Allow.",
        ),
        408 => (
            7408,
            "Request timed out",
            "The post body came too slowly, please send it again.",
        ),
        413 => (
            7413,
            "Post body is too large",
            "Please use a post body of at most 10 MB, and send more profiles in another request.",
        ),
        415 => (
            7415,
            "Media type not supported",
            "Please use a valid post body in JSON format, with the Content-Type application/json.",
        ),
        503 => (
            7503,
            "Service unavailable",
            "The request could not be taken for now, please try again after the time in Retry-After.",
        ),
        500.. => (
            7909,
            "Operation failed due to an internal error.",
            "An unknown internal error occurred, please try again in a few minutes or contact your system administrator.",
        ),
        _ => (
            7914,
            "Post body is invalid",
            "Please use a valid post body in JSON format.",
        ),
    };
    ErrorBody {
        error_code,
        message,
        description,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use actix_web::body::MessageBody;

    use super::*;
    use crate::http::problem::Kind;

    #[test]
    fn the_table_of_refusals() {
        let row = |kind: &Kind| {
            let response = render(&Problem::new(*kind));
            let status = response.status().as_u16();
            assert_eq!(response.headers().get("content-type").unwrap(), "application/json");
            let bytes = response.into_body().try_into_bytes().unwrap();
            format!("{status} {}", String::from_utf8_lossy(&bytes))
        };
        let mut rows: Vec<String> = Kind::ALL.iter().map(row).collect();
        rows.sort();
        rows.dedup();
        insta::assert_snapshot!(rows.join("\n"));
    }
}

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

/// By status; every other refusal is `INVALID` or `INTERNAL`.
const TABLE: &[(u16, ErrorBody)] = &[
    (401, UNAUTHORIZED),
    (
        402,
        ErrorBody {
            error_code: 7402,
            message: "Quota exceeded",
            description: "The quota of the tenant would be exceeded, please contact your system administrator.",
        },
    ),
    (
        403,
        ErrorBody {
            error_code: 6003,
            message: "Access Forbidden",
            description: "The key is not allowed to do this, please use one with the scope imports:write.",
        },
    ),
    (
        404,
        ErrorBody {
            error_code: 7404,
            message: "Resource not found",
            description: "There is no such endpoint, please check the path.",
        },
    ),
    (
        405,
        ErrorBody {
            error_code: 7405,
            message: "Method not allowed",
            description: "Please use one of the methods in the header Allow.",
        },
    ),
    (
        408,
        ErrorBody {
            error_code: 7408,
            message: "Request timed out",
            description: "The post body came too slowly, please send it again.",
        },
    ),
    (
        413,
        ErrorBody {
            error_code: 7413,
            message: "Post body is too large",
            description: "Please use a post body of at most 10 MB, and send more profiles in another request.",
        },
    ),
    (
        415,
        ErrorBody {
            error_code: 7415,
            message: "Media type not supported",
            description: "Please use a valid post body in JSON format, with the Content-Type application/json.",
        },
    ),
    (
        429,
        ErrorBody {
            error_code: 7429,
            message: "Too many requests",
            description: "Too many requests came with invalid authorization, please try again after the time in Retry-After.",
        },
    ),
    (
        503,
        ErrorBody {
            error_code: 7503,
            message: "Service unavailable",
            description: "The request could not be taken for now, please try again after the time in Retry-After.",
        },
    ),
];

const UNAUTHORIZED: ErrorBody = ErrorBody {
    error_code: 6002,
    message: "Access Unauthorized",
    description: "Access Unauthorized, please use valid authorization to access this endpoint.",
};

const INVALID: ErrorBody = ErrorBody {
    error_code: 7914,
    message: "Post body is invalid",
    description: "Please use a valid post body in JSON format.",
};

const INTERNAL: ErrorBody = ErrorBody {
    error_code: 7909,
    message: "Operation failed due to an internal error.",
    description: "An unknown internal error occurred, please try again in a few minutes or contact your system administrator.",
};

fn body(status: u16) -> ErrorBody {
    let listed = TABLE.iter().find(|(of, _)| *of == status).map(|(_, body)| *body);
    listed.unwrap_or(if status < 500 { INVALID } else { INTERNAL })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::Kind;
    use crate::http::samples::sent;

    #[test]
    fn the_table_of_refusals() {
        let row = |kind: &Kind| {
            let (status, body) = sent(render(&Problem::new(*kind)), "application/json");
            format!("{status} {body}")
        };
        let mut rows: Vec<String> = Kind::ALL.iter().map(row).collect();
        rows.sort();
        rows.dedup();
        insta::assert_snapshot!(rows.join("\n"));
    }
}

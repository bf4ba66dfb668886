//! The slashid envelope: `{"meta","errors":[{"httpcode","message"}]}`, with the pagination that the document's own example has.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::problem::Problem;

/// What stands around every answer.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
#[schema(as = SlashIdMeta)]
pub struct Meta {
    /// How much of a list this is.
    pub pagination: Pagination,
}

/// How much of a list this is; an import has one page.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
#[schema(as = SlashIdPagination)]
pub struct Pagination {
    /// Rows of the page.
    pub limit: u64,
    /// Rows before it.
    pub offset: u64,
    /// Rows of the file.
    pub total_count: u64,
}

/// Why a request was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SlashIdError)]
pub struct ErrorBody {
    /// Nothing is listed.
    pub meta: Meta,
    /// One.
    pub errors: Vec<Reason>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SlashIdReason)]
pub struct Reason {
    /// The answer's own status.
    pub httpcode: u16,
    /// What happened.
    pub message: String,
}

/// A refusal as this surface sends it.
pub fn render(problem: &Problem) -> HttpResponse {
    let reason = Reason {
        httpcode: problem.status.as_u16(),
        message: problem.detail.clone(),
    };
    HttpResponse::build(problem.status).json(ErrorBody {
        meta: Meta::default(),
        errors: vec![reason],
    })
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
        let rows: Vec<String> = Kind::ALL.iter().map(row).collect();
        insta::assert_snapshot!(rows.join("\n"));
    }
}

//! The spigit envelope: `{"status","message"}` (chosen; the document shows no error).

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::JSON;
use crate::http::problem::{Kind, Problem};

/// Why a request was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SpigitError)]
pub struct ErrorBody {
    /// `Status: Error`, as `Status: Success` of the answer that the document shows.
    pub status: &'static str,
    /// What happened.
    pub message: String,
}

/// A refusal as this surface sends it.
pub fn render(problem: &Problem) -> HttpResponse {
    let body = ErrorBody {
        status: "Status: Error",
        message: message(problem),
    };
    HttpResponse::build(problem.status).content_type(JSON).json(body)
}

fn message(problem: &Problem) -> String {
    let is = |kind: Kind| problem.code == kind.code();
    if is(Kind::ImportRunning) {
        return "File is being processed and cannot be deleted.".to_owned();
    }
    if is(Kind::NotFound) {
        return "File not found.".to_owned();
    }
    problem.detail.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::samples::sent;

    #[test]
    fn the_table_of_refusals() {
        let row = |kind: &Kind| {
            let (status, body) = sent(render(&Problem::new(*kind)), JSON);
            format!("{status} {body}")
        };
        let mut rows: Vec<String> = Kind::ALL.iter().map(row).collect();
        rows.dedup();
        insta::assert_snapshot!(rows.join("\n"));
    }
}

//! `/problems/{code}`: where the `type` of a problem leads.

use actix_web::web::Path;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::native::error::ProblemBody;
use super::problem::{Kind, Problem};

/// Codes beside those of `Kind`: of the door, of the mapping of its columns, and of runs that could not be done, which have no
/// status. A test holds them against the sources.
const CODES: [(&str, Option<u16>, &str); 29] = [
    (
        "bad-delimiter",
        Some(400),
        "The delimiter that was asked for cannot separate columns",
    ),
    (
        "bad-quote",
        Some(400),
        "A name of the header row has a quote in its middle; a quoted name is quoted whole",
    ),
    ("binary-file", Some(415), "The file is not text; export it as CSV"),
    (
        "blank-header",
        Some(400),
        "A column has no name; every column needs one",
    ),
    (
        "compression-ratio",
        Some(413),
        "The body inflates too far, as bombs do; send it with less compression or plain",
    ),
    ("corrupt-compression", Some(400), "The compressed body is damaged"),
    (
        "duplicate-header",
        Some(400),
        "Two columns have the same name but for case and spaces",
    ),
    ("empty-file", Some(400), "The file is empty"),
    ("field-mapped-twice", Some(400), "Two columns are mapped to one field"),
    ("field-too-large", Some(400), "A field is longer than 256 KiB"),
    (
        "file-too-large",
        Some(413),
        "The file, inflated, is larger than the limit",
    ),
    (
        "header-too-long",
        Some(400),
        "The name of a column is longer than 1 KiB, or all of them than 256 KiB",
    ),
    (
        "invalid-encoding",
        Some(400),
        "The file is not in one encoding; say which with encoding=",
    ),
    ("key-missing", Some(400), "No column gives the id of a row"),
    ("nested-compression", Some(400), "The body is compressed twice"),
    ("no-header", Some(400), "The file has no row that names its columns"),
    (
        "nothing-mapped",
        Some(400),
        "No column of the file is mapped to a field",
    ),
    ("nul-byte", Some(400), "The file holds a NUL, which no text does"),
    (
        "poison",
        None,
        "The run was given up: it crashed three times at one place of the file",
    ),
    (
        "record-too-large",
        Some(400),
        "A record is longer than 1 MiB; perhaps a quote is never closed",
    ),
    (
        "source-corrupt",
        None,
        "The uploaded file is damaged in the file store; upload it again",
    ),
    (
        "source-missing",
        None,
        "The uploaded file is no longer in the file store; upload it again",
    ),
    ("too-many-columns", Some(400), "A record has more than 1,000 columns"),
    ("truncated-compression", Some(400), "The compressed body ends too early"),
    ("unclosed-quote", Some(400), "A quote is opened and never closed"),
    (
        "unknown-column",
        Some(400),
        "The mapping names a column that the file does not have",
    ),
    (
        "unknown-encoding",
        Some(400),
        "No encoding has the name that was asked for",
    ),
    (
        "unknown-key",
        Some(400),
        "The option key names a field that cannot give the id of a row",
    ),
    (
        "unsupported-encoding",
        Some(415),
        "The file is in an encoding that cannot be read, such as UTF-32; save it as UTF-8",
    ),
];

/// What a code means.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ProblemMeaning)]
pub(super) struct Meaning {
    /// As in the problem.
    pub r#type: String,
    /// The code.
    pub code: &'static str,
    /// The HTTP status that it comes with; absent where it is told of an import.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What it means.
    pub title: &'static str,
}

/// What the code of a problem means, for people.
#[utoipa::path(
    tag = "operations",
    params(("code" = String, Path, description = "`code` of a problem, as its `type` has it")),
    responses(
        (status = 200, description = "Its meaning", body = Meaning),
        (status = 404, description = "No such code", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/problems/{code}")]
pub(crate) async fn explain_problem(code: Path<String>) -> Result<HttpResponse, Problem> {
    let meaning = meaning(&code).ok_or_else(|| Problem::new(Kind::NotFound))?;
    Ok(HttpResponse::Ok().json(meaning))
}

fn meaning(code: &str) -> Option<Meaning> {
    let kinds = Kind::ALL
        .iter()
        .map(|kind| (kind.code(), Some(kind.status().as_u16()), kind.title()));
    let (code, status, title) = kinds.chain(CODES).find(|(known, ..)| *known == code)?;
    Some(Meaning {
        r#type: format!("/problems/{code}"),
        code,
        status,
        title,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_meaning_and_one_only() {
        for kind in Kind::ALL {
            assert_eq!(meaning(kind.code()).map(|meaning| meaning.title), Some(kind.title()));
        }
        let mut codes: Vec<&str> = CODES.iter().map(|(code, ..)| *code).collect();
        let sorted = codes.is_sorted();
        codes.dedup();
        assert!(sorted && codes.len() == CODES.len());
        assert!(
            codes
                .iter()
                .all(|code| Kind::ALL.iter().all(|kind| kind.code() != *code))
        );
        assert!(meaning("no-such-code").is_none());
    }
}

//! `/docs/errors/{code}`: where `moreInfo` of a refusal leads.

use actix_web::web::Path;
use actix_web::{HttpResponse, get};

use crate::http::problem::{Kind, Problem};

/// Code, type, and what to do.
const CODES: [(u16, &str, &str); 15] = [
    (
        10005,
        "InvalidJSONPayload",
        "The body is not one JSON object, or it broke off. Nothing was applied. Send valid JSON, no key twice.",
    ),
    (
        10007,
        "SchemaValidationException",
        "A key is not known, or a value has a type that its key does not take; the messages name each place as #/users/<position>/<key>. Nothing was applied. Take the key away, or mend the value.",
    ),
    (
        10008,
        "NotFound",
        "There is no such path. Users are sent to POST /users/bulk/sourceId.",
    ),
    (
        10016,
        "LookupKeyNotFound",
        "The list of users, or the source or sourceId of one of them, is missing. Nothing was applied.",
    ),
    (
        10017,
        "PayloadValidationError",
        "The request cannot be used as it is; the messages say why. Nothing was applied.",
    ),
    (
        10401,
        "Unauthorized",
        "No valid API key came with the request: Authorization: Bearer <key>.",
    ),
    (10402, "QuotaExceeded", "The organization may not have so many users."),
    (10403, "Forbidden", "The API key does not have the scope imports:write."),
    (
        10405,
        "MethodNotAllowed",
        "The path has other methods, which the header Allow names.",
    ),
    (10408, "RequestTimeout", "The body came too slowly."),
    (10409, "Conflict", "The request is at odds with another one."),
    (
        10413,
        "PayloadTooLarge",
        "The body, or its number of users, is above the limit that the messages name. Send it in parts.",
    ),
    (10415, "UnsupportedMediaType", "The body is not application/json."),
    (
        10500,
        "InternalServerError",
        "A fault of the service; its log has the cause under the answer's x-request-id.",
    ),
    (
        10503,
        "ServiceUnavailable",
        "A part of the service does not answer, or it is busy or stopping. Send the request again: users that are known already are left as they are.",
    ),
];

/// What a code of a refusal means, for people.
#[utoipa::path(
    tag = "propeller",
    params(("code" = u16, Path, description = "`error.code` of a refusal")),
    responses(
        (status = 200, description = "What it means", body = String, content_type = "text/plain"),
        (status = 404, description = "There is no such code"),
    ),
)]
#[get("/docs/errors/{code}")]
pub(crate) async fn explain_error(path: Path<String>) -> Result<HttpResponse, Problem> {
    let found = CODES.iter().find(|(code, ..)| code.to_string() == *path);
    let (code, name, meaning) = found.ok_or_else(|| Problem::new(Kind::NotFound))?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body(format!("{code} {name}\n\n{meaning}\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::propeller::error::code_and_type;

    #[test]
    fn every_code_that_is_sent_is_explained() {
        for kind in Kind::ALL {
            let (code, name) = code_and_type(&Problem::new(*kind));
            let explained = CODES
                .iter()
                .any(|(known, its_name, _)| (*known, *its_name) == (code, name));
            assert!(explained || code == 10429, "{code} {name}");
        }
    }
}

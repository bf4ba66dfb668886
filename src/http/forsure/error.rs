//! The forsure envelope: `{"detail"}`, with a fixed text for each operation; a refusal that the caller can mend says after a colon
//! what is wrong (chosen). Also the table from the errors of clients and credentials to status and sentence.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::PREFIX;
use crate::http::problem::{Kind, Problem};
use crate::records::Fault;
use crate::records::clients::ClientError;
use crate::records::credentials::CredentialError;
use crate::store::model::Unlinkable;

/// What the document says of a client that is not there, and (chosen) of what is below it.
pub(super) const CLIENT_NOT_FOUND: &str = "Client not found";
const CREDENTIAL_NOT_FOUND: &str = "Credential not found";
const ALIAS_NOT_FOUND: &str = "Alias not found";

/// Why a request was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ForsureError)]
pub struct ErrorBody {
    /// The operation's text.
    pub detail: String,
}

/// A refusal as this surface sends it.
pub fn render(problem: &Problem, method: &str, path: &str) -> HttpResponse {
    let body = ErrorBody {
        detail: detail(problem, operation(method, path)),
    };
    HttpResponse::build(problem.status).json(body)
}

fn detail(problem: &Problem, operation: Option<&str>) -> String {
    let nothing_said = problem.detail == Problem::new(Kind::NotFound).detail;
    match (problem.status, operation) {
        (StatusCode::NOT_FOUND, _) if nothing_said => "Not Found".to_owned(),
        (StatusCode::NOT_FOUND, _) => problem.detail.clone(),
        (StatusCode::METHOD_NOT_ALLOWED, _) => "Method Not Allowed".to_owned(),
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Some(text)) => text.to_owned(),
        (status, Some(text)) if status.is_server_error() => text.to_owned(),
        (_, Some(text)) => format!("{text}: {}", reasons(problem)),
        (_, None) => problem.title.to_owned(),
    }
}

fn reasons(problem: &Problem) -> String {
    if problem.errors.is_empty() {
        return problem.detail.clone();
    }
    let details: Vec<&str> = problem.errors.iter().map(|fault| fault.detail.as_str()).collect();
    details.join(" ")
}

/// The text of the operation at a method and path.
fn operation(method: &str, path: &str) -> Option<&'static str> {
    let below = path.strip_prefix(PREFIX)?.strip_prefix('/')?;
    let parts: Vec<&str> = below.split('/').collect();
    let method = if method == "HEAD" { "GET" } else { method };
    Some(match (method, parts.as_slice()) {
        ("GET", ["clients"]) => "Failed to get client overview",
        ("GET", ["clients", "collective-accounts"]) => "Failed to get collective accounts",
        ("GET", ["stats"]) => "Failed to get client stats",
        ("POST", ["clients"]) => "Failed to create client",
        ("POST", ["clients", "bulk-upload"] | ["clients", "bulk-upload", "preview"]) => "Failed to bulk upload clients",
        ("PUT", ["clients", _]) => "Failed to update client",
        ("GET", ["clients", _]) => "Failed to get client",
        ("DELETE", ["clients", _]) => "Failed to delete client",
        ("GET", ["clients", _, "credentials", _]) => "Failed to get client credentials",
        ("POST", ["clients", _, "credentials", _]) => "Failed to create client credentials",
        ("PUT", ["clients", _, "credentials", _, _]) => "Failed to update client credentials",
        ("DELETE", ["clients", _, "credentials", _, _]) => "Failed to delete client credentials",
        ("POST", ["clients", _, "aliases"]) => "Failed to add client aliases",
        ("DELETE", ["clients", _, "aliases", ..]) => "Failed to remove client aliases",
        ("GET", ["report_types"]) => "Failed to get report types",
        ("GET" | "POST", ["clients", _, "local-company-name", _]) => "Failed to get local company name",
        _ => return None,
    })
}

fn not_found(what: &str) -> Problem {
    Problem::with(Kind::NotFound, what)
}

/// A client of that number is not there, or is another organization's.
pub(super) fn client_not_found() -> Problem {
    not_found(CLIENT_NOT_FOUND)
}

/// A credential of that number is not there, or is another client's.
pub(super) fn credential_not_found() -> Problem {
    not_found(CREDENTIAL_NOT_FOUND)
}

/// A value that breaks its rule, under the name that this surface has for it.
pub(super) fn invalid(fault: &Fault) -> Problem {
    let name = match fault.path.first().map(String::as_str) {
        Some("name") => "client_name",
        Some(name) => name,
        None => "body",
    };
    Problem::with(Kind::InvalidField, format!("{name}: {}.", fault.message))
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Absent => client_not_found(),
            ClientError::AliasAbsent => not_found(ALIAS_NOT_FOUND),
            ClientError::NameTaken => Self::with(Kind::InvalidField, "client_name: another client has this name."),
            ClientError::Invalid(fault) => invalid(&fault),
            ClientError::Store(error) => error.into(),
        }
    }
}

impl From<CredentialError> for Problem {
    fn from(error: CredentialError) -> Self {
        let refused = |text: &str| Self::with(Kind::InvalidField, text);
        match error {
            CredentialError::ClientAbsent => client_not_found(),
            CredentialError::Absent => credential_not_found(),
            CredentialError::Taken => {
                refused("report_types: the client has another credential for this country, pro and report type.")
            }
            CredentialError::Unlinkable(Unlinkable::NoCollectiveAccount) => {
                refused("collective_account_id: there is no such collective account.")
            }
            CredentialError::Unlinkable(Unlinkable::Linked) => {
                refused("collective_account_id: that credential is linked to a collective account itself.")
            }
            CredentialError::Unlinkable(Unlinkable::LinkedTo) => {
                refused("collective_account_id: other credentials are linked to this one, so it cannot be linked.")
            }
            CredentialError::Invalid(fault) => invalid(&fault),
            CredentialError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::http::samples;

    fn sent(problem: &Problem, method: &str, path: &str) -> String {
        let (status, body) = samples::sent(render(problem, method, path), "application/json");
        format!("{status} {body}")
    }

    #[test]
    fn the_table_of_refusals() {
        let mut rows: Vec<String> = Kind::ALL
            .iter()
            .map(|kind| sent(&Problem::new(*kind), "POST", "/saas/logins/clients"))
            .collect();
        rows.dedup();
        insta::assert_snapshot!(rows.join("\n"));
    }

    #[test]
    fn the_table_of_operations() {
        let calls = [
            "GET /clients",
            "GET /clients/collective-accounts",
            "GET /stats",
            "POST /clients",
            "PUT /clients/123",
            "GET /clients/123",
            "DELETE /clients/123",
            "GET /clients/123/credentials/search",
            "GET /clients/123/credentials/DE",
            "POST /clients/123/credentials/DE",
            "PUT /clients/123/credentials/DE/456",
            "DELETE /clients/123/credentials/DE/456",
            "POST /clients/123/aliases",
            "DELETE /clients/123/aliases/DE%3AABC%20GmbH",
            "GET /report_types",
            "POST /clients/123/local-company-name/DE",
            "GET /clients/123/local-company-name/DE",
            "POST /clients/bulk-upload/preview",
            "POST /clients/bulk-upload",
        ];
        let row = |call: &&str| {
            let (method, path) = call.split_once(' ').unwrap();
            let denied = sent(&Problem::new(Kind::Unauthorized), method, &format!("{PREFIX}{path}"));
            format!("{call:44} {denied}")
        };
        let rows: Vec<String> = calls.iter().map(row).collect();
        insta::assert_snapshot!(rows.join("\n"));
    }

    /// One of each error of clients and credentials, as it meets a client.
    #[test]
    fn the_table_of_causes() {
        let fault = || Fault {
            path: vec!["name".to_owned()],
            kind: crate::records::FaultKind::WrongType,
            message: "expected a text".to_owned(),
        };
        let problems: Vec<Problem> = vec![
            ClientError::Absent.into(),
            ClientError::AliasAbsent.into(),
            ClientError::NameTaken.into(),
            ClientError::Invalid(fault()).into(),
            CredentialError::ClientAbsent.into(),
            CredentialError::Absent.into(),
            CredentialError::Taken.into(),
            CredentialError::Unlinkable(Unlinkable::NoCollectiveAccount).into(),
            CredentialError::Unlinkable(Unlinkable::Linked).into(),
            CredentialError::Unlinkable(Unlinkable::LinkedTo).into(),
            CredentialError::from(crate::vault::VaultError::Damaged).into(),
        ];
        let path = "/saas/logins/clients/1/credentials/DE/2";
        let rows: Vec<String> = problems.iter().map(|problem| sent(problem, "PUT", path)).collect();
        insta::assert_snapshot!(rows.join("\n"));
    }
}

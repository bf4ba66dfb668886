//! The only table from the errors of the use cases to status, stable code and sentence. What only operators may know goes to
//! the log here, once.

use std::error::Error;

use actix_web::http::StatusCode;
use worker::intake::{DoorError, DoorKind};
use worker::mapping::MappingError;

use super::problem::{Fault, Kind, Place, Problem};
use crate::imports::submit::SubmitError;
use crate::records::catalogue::CatalogueError;
use crate::records::users::UserError;
use crate::records::{self, FaultKind};
use crate::store::StoreError;

/// Seconds until a part of the service that does not answer is worth another try.
const RETRY_SECONDS: u32 = 5;
/// Seconds until an upload under the same key should be through.
const IN_FLIGHT_SECONDS: u32 = 2;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        log(&error);
        match error {
            StoreError::Unavailable(_) | StoreError::Busy | StoreError::Schema(_) | StoreError::UnknownKey(_) => {
                unavailable()
            }
            StoreError::Corrupt(_) | StoreError::Config(_) | StoreError::WrongSecret => Self::new(Kind::Internal),
        }
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Door(error) => error.into(),
            SubmitError::Mapping(error) => error.into(),
            SubmitError::Interrupted => Self::new(Kind::BodyTruncated),
            SubmitError::KeyReused => Self::new(Kind::IdempotencyKeyReused),
            SubmitError::KeyInFlight => Self::new(Kind::IdempotencyInFlight).retry_after(IN_FLIGHT_SECONDS),
            SubmitError::Store(error) => error.into(),
            SubmitError::Blobs(error) => {
                log(&error);
                unavailable()
            }
            SubmitError::Crashed => Self::new(Kind::Internal),
            SubmitError::QuotaPassed { quota, then } => Self::with(
                Kind::QuotaPassed,
                format!(
                    "With these there would be {then} persons; the organization may have {quota}. Nothing was applied."
                ),
            ),
            SubmitError::Unfinished(id) => Self::with(
                Kind::Unavailable,
                format!("The rows are taken in as import {id} and go on without this answer."),
            )
            .retry_after(RETRY_SECONDS),
        }
    }
}

/// The door knows its own codes and says what happened, where, and how to mend it.
impl From<DoorError> for Problem {
    fn from(error: DoorError) -> Self {
        let status = match error.kind {
            DoorKind::BadRequest => StatusCode::BAD_REQUEST,
            DoorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            DoorKind::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        };
        refused_file(
            status,
            error.code,
            error.detail,
            Place {
                record: error.record,
                byte: error.byte,
            },
        )
    }
}

impl From<MappingError> for Problem {
    fn from(error: MappingError) -> Self {
        refused_file(
            StatusCode::BAD_REQUEST,
            error.code,
            error.detail,
            Place {
                record: Some(0),
                byte: None,
            },
        )
    }
}

impl From<UserError> for Problem {
    fn from(error: UserError) -> Self {
        match error {
            UserError::Absent => Self::new(Kind::NotFound),
            UserError::KeyTaken => Self::new(Kind::AlreadyExists),
            UserError::Unexpected => Self::new(Kind::PreconditionFailed),
            UserError::Invalid(faults) => invalid(&faults),
            UserError::Contended => unavailable(),
            UserError::Store(error) => error.into(),
        }
    }
}

impl From<CatalogueError> for Problem {
    fn from(error: CatalogueError) -> Self {
        match error {
            CatalogueError::Invalid(faults) => invalid(&faults),
            CatalogueError::Store(error) => error.into(),
        }
    }
}

/// Faults of a record: 400 where the request makes no sense, 422 where a field breaks its rule.
pub(super) fn invalid(faults: &[records::Fault]) -> Problem {
    let show = |fault: &records::Fault| {
        let (kind, code) = match fault.kind {
            FaultKind::Unknown => (Kind::UnknownField, Kind::UnknownField.code()),
            FaultKind::WrongType => (Kind::InvalidField, Kind::InvalidField.code()),
            FaultKind::Cell(code) => (Kind::InvalidRecord, code.as_str()),
        };
        let path: Vec<&str> = fault.path.iter().map(String::as_str).collect();
        let detail = format!("{}: {}", path.join("."), fault.message);
        (
            kind,
            Fault {
                code,
                ..Fault::field(kind, &path, detail)
            },
        )
    };
    let mut shown: Vec<(Kind, Fault)> = faults.iter().map(show).collect();
    shown.sort_by_key(|(kind, _)| *kind == Kind::InvalidRecord);
    let kind = shown.first().map_or(Kind::InvalidRecord, |(kind, _)| *kind);
    let detail = shown
        .first()
        .map_or_else(|| kind.title().to_owned(), |(_, fault)| fault.detail.clone());
    Problem {
        errors: shown.into_iter().map(|(_, fault)| fault).collect(),
        ..Problem::with(kind, detail)
    }
}

/// 503 with a hint when to come again.
pub(super) fn unavailable() -> Problem {
    Problem::new(Kind::Unavailable).retry_after(RETRY_SECONDS)
}

fn refused_file(status: StatusCode, code: &'static str, detail: String, place: Place) -> Problem {
    Problem {
        status,
        code,
        title: "The file is refused; nothing of it was stored",
        detail,
        errors: Vec::new(),
        place: Some(Box::new(place)),
        headers: Vec::new(),
    }
}

fn log(error: &(dyn Error + 'static)) {
    tracing::error!(error, "http.part_failed");
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;
    use crate::records::Draft;

    fn line(cause: &str, problem: &Problem) -> String {
        let header = |(name, value): &(HeaderName, HeaderValue)| format!(" {name}: {value:?}");
        let retry: String = problem.headers.iter().map(header).collect();
        let (status, code, detail) = (problem.status.as_u16(), problem.code, &problem.detail);
        format!("{cause:21} {status} {code:22} {detail}{retry}")
    }

    /// One of each error of each use case, as it meets a client.
    #[test]
    fn the_table_of_causes() {
        let door = |kind| DoorError {
            code: "some-code",
            kind,
            detail: "Row 3: x.".to_owned(),
            record: Some(2),
            byte: Some(9),
        };
        let mapping = || MappingError {
            code: "key-missing",
            detail: "y".to_owned(),
        };
        let store = || StoreError::Corrupt("secret detail".to_owned());
        let rows: Vec<(&str, Problem)> = vec![
            (
                "store unavailable",
                StoreError::Unavailable("secret detail".into()).into(),
            ),
            ("store busy", StoreError::Busy.into()),
            ("store schema", StoreError::Schema("secret detail".to_owned()).into()),
            ("store corrupt", store().into()),
            ("store config", StoreError::Config("secret detail".to_owned()).into()),
            ("submit door bad", SubmitError::Door(door(DoorKind::BadRequest)).into()),
            ("submit door large", SubmitError::Door(door(DoorKind::TooLarge)).into()),
            (
                "submit door other",
                SubmitError::Door(door(DoorKind::Unsupported)).into(),
            ),
            ("submit mapping", SubmitError::Mapping(mapping()).into()),
            ("submit interrupted", SubmitError::Interrupted.into()),
            ("submit key reused", SubmitError::KeyReused.into()),
            ("submit key in flight", SubmitError::KeyInFlight.into()),
            ("submit store", SubmitError::Store(store()).into()),
            ("submit crashed", SubmitError::Crashed.into()),
            ("submit quota", SubmitError::QuotaPassed { quota: 10, then: 12 }.into()),
            (
                "submit unfinished",
                SubmitError::Unfinished(worker::import::ImportId(9)).into(),
            ),
            ("user absent", UserError::Absent.into()),
            ("user key taken", UserError::KeyTaken.into()),
            ("user unexpected", UserError::Unexpected.into()),
            ("user contended", UserError::Contended.into()),
            ("user store", UserError::Store(store()).into()),
        ];
        let table: Vec<String> = rows.iter().map(|(cause, problem)| line(cause, problem)).collect();
        assert!(!table.join("\n").contains("secret detail"));
        insta::assert_snapshot!(table.join("\n"));
    }

    fn faults(value: serde_json::Value) -> Problem {
        invalid(&Draft::read(value.as_object().unwrap()).unwrap_err())
    }

    #[test]
    fn senseless_requests_are_400_and_broken_rules_422() {
        let broken = faults(serde_json::json!({"email": "ana@"}));
        assert_eq!((broken.status.as_u16(), broken.code), (422, "invalid-record"));
        assert_eq!(broken.errors[0].code, "invalid-email");
        let both = faults(serde_json::json!({"email": "ana@", "tenant_id": 1, "first_name": 1}));
        assert_eq!(
            (both.status.as_u16(), both.code, both.errors.len()),
            (400, "invalid-field", 3)
        );
        assert!(
            both.errors
                .iter()
                .any(|fault| fault.pointer.as_deref() == Some("/tenant_id"))
        );
    }
}

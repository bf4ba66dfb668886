//! `/v2/bulk/upsert`, and the same without a version: profiles in, counts and the failed ones out.

use std::sync::Arc;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, post};
use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use worker::import::Status;
use worker::row_error::{Failure, RowCode, RowError};

use super::SURFACE;
use super::batch::Batch;
use super::error::ErrorBody;
use super::profile::COLUMNS;
use crate::app::App;
use crate::http::auth::{Caller, Scope};
use crate::http::problem::{Kind, Problem};
use crate::http::surface::LONGSHORE_IMPORT_ID;
use crate::http::{Doors, json, uploads};
use crate::imports::submit::Upload;
use crate::imports::{composed, failed_rows};
use crate::store::StoreError;
use crate::store::model::Import;

/// Largest body: 10 MB.
const MAX_BODY_BYTES: usize = 10_000_000;
/// Failures read at once while an answer is streamed.
const PAGE: i64 = 500;

/// Profiles to create or update.
#[derive(ToSchema)]
#[schema(as = LoginRadiusBatch)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "documents a body that is read member by member")]
pub struct BatchBody {
    /// Profiles: `Email`, `UserName`, `PhoneId`, `ExternalIds`, names, `PasswordHash`; whatever else is kept as attributes.
    profiles: Vec<Map<String, Value>>,
    /// How the password hashes were made.
    password_encryption: Option<Value>,
    /// What to do about profiles that are there already.
    delta_migration_model: Option<DeltaMigration>,
}

/// What to do about profiles that are there already.
#[derive(ToSchema)]
#[schema(as = LoginRadiusDeltaMigration)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "documents a body that is read member by member")]
pub struct DeltaMigration {
    /// Makes no difference.
    delta_migration: Option<bool>,
    /// `false`: they are left alone and reported as failed.
    over_write_duplicate: Option<bool>,
}

/// What became of a batch.
#[derive(ToSchema)]
#[schema(as = LoginRadiusUpserted)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "documents a body that is streamed")]
pub struct Upserted {
    profile: Tally,
}

/// How many met which fate.
#[derive(ToSchema)]
#[schema(as = LoginRadiusTally)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "documents a body that is streamed")]
pub struct Tally {
    /// Profiles that were made.
    record_inserted: u64,
    /// Profiles that were there, changed or not.
    record_updated: u64,
    /// Those that failed, in order.
    failed: Vec<FailedProfile>,
}

/// A profile that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = LoginRadiusFailed)]
#[serde(rename_all = "PascalCase")]
pub struct FailedProfile {
    /// Its place in the request, 1 = first.
    pub record_number: u64,
    /// Every reason.
    pub message: String,
}

/// Batch upload users.
#[utoipa::path(
    tag = "loginradius",
    params(
        ("apikey" = String, Query, format = Password, description = "The key's id"),
        ("apisecret" = String, Query, format = Password, description = "The key"),
    ),
    request_body = BatchBody,
    responses(
        (status = 200, description = "Taken in, but for those that failed", body = Upserted),
        (status = 400, description = "Not a batch, nothing is applied", body = ErrorBody),
        (status = 401, description = "Not a valid pair of id and key", body = ErrorBody),
        (status = "4XX", description = "Refused, nothing is applied", body = ErrorBody),
        (status = 500, description = "A fault of ours", body = ErrorBody),
    ),
)]
#[post("/v2/bulk/upsert")]
pub(crate) async fn upsert_profiles(
    app: Data<App>,
    doors: Data<Doors>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    upsert(&app, &doors, &caller, &request, payload).await
}

/// Batch upload users, without a version.
#[utoipa::path(
    tag = "loginradius",
    params(
        ("apikey" = String, Query, format = Password, description = "The key's id"),
        ("apisecret" = String, Query, format = Password, description = "The key"),
    ),
    request_body = BatchBody,
    responses(
        (status = 200, description = "Taken in, but for those that failed", body = Upserted),
        (status = 400, description = "Not a batch, nothing is applied", body = ErrorBody),
        (status = 401, description = "Not a valid pair of id and key", body = ErrorBody),
        (status = "4XX", description = "Refused, nothing is applied", body = ErrorBody),
        (status = 500, description = "A fault of ours", body = ErrorBody),
    ),
)]
#[post("/bulk/upsert")]
pub(crate) async fn upsert_profiles_unversioned(
    app: Data<App>,
    doors: Data<Doors>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    upsert(&app, &doors, &caller, &request, payload).await
}

async fn upsert(
    app: &Data<App>,
    doors: &Doors,
    caller: &Caller,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::ImportsWrite)?;
    let _place = uploads::admit(app, doors)?;
    let body = json::read_text(request, payload, &["application/json"], MAX_BODY_BYTES).await?;
    let batch = json::parse(move || Batch::read(&body)).await?;
    let upload = Upload {
        org: caller.org,
        surface: SURFACE,
        options: batch.options(),
        file_name: None,
        inflate: None,
        idempotency_key: None,
    };
    let rows = composed::body(COLUMNS, move |each| batch.rows(each));
    let import = uploads::run_now(app, doors, upload, rows).await?;
    if import.status == Status::Canceled || import.error.is_some() {
        return Err(Problem::new(Kind::Internal));
    }
    Ok(answer(app, &import))
}

/// The counts, then the failed profiles page by page, so that their number needs no memory.
fn answer(app: &Data<App>, import: &Import) -> HttpResponse {
    let counts = import.counts;
    let head = format!(
        r#"{{"Profile":{{"RecordInserted":{},"RecordUpdated":{},"Failed":["#,
        counts.created,
        counts.updated + counts.unchanged
    );
    let whole = |text: String| stream::once(async { Ok(Bytes::from(text)) });
    let body = whole(head).chain(failed(app, import)).chain(whole("]}}".to_owned()));
    HttpResponse::Ok()
        .insert_header((LONGSHORE_IMPORT_ID, import.id.to_string()))
        .content_type("application/json")
        .streaming(body)
}

fn failed(app: &Data<App>, import: &Import) -> impl Stream<Item = Result<Bytes, StoreError>> + use<> {
    let (app, org, id) = (Arc::clone(app), import.org, import.id);
    stream::try_unfold(0, move |after| {
        let app = Arc::clone(&app);
        async move {
            let page = failed_rows::page(&app, org, id, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(None) };
            let items: Vec<String> = page.iter().map(item).collect();
            let comma = if after == 0 { "" } else { "," };
            Ok(Some((Bytes::from(format!("{comma}{}", items.join(","))), last.record)))
        }
    })
}

fn item(failure: &Failure) -> String {
    serde_json::to_string(&failed_profile(failure)).unwrap_or_default()
}

fn failed_profile(failure: &Failure) -> FailedProfile {
    let sentences: Vec<String> = failure.errors.iter().map(sentence).collect();
    FailedProfile {
        record_number: failure.record,
        message: sentences.join("; "),
    }
}

fn sentence(error: &RowError) -> String {
    match error.code {
        RowCode::AlreadyExists => "The profile already exists.".to_owned(),
        _ => error.sentence(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: RowCode, column: Option<&str>, message: &str) -> RowError {
        RowError {
            code,
            field: None,
            column: column.map(str::to_owned),
            message: message.to_owned(),
            expected: None,
            value: Some("ana@".to_owned()),
        }
    }

    #[test]
    fn a_failed_profile_says_why_and_not_what() {
        let failure = |errors| Failure {
            record: 3,
            line: 9,
            errors,
            cells: vec!["ana@".to_owned()],
        };
        let mail = error(RowCode::InvalidEmail, Some("Email"), "not a valid e-mail address");
        let gender = error(RowCode::InvalidChoice, Some("Gender"), "not one of the accepted words");
        assert_eq!(
            item(&failure(vec![mail, gender])),
            r#"{"RecordNumber":3,"Message":"Email: not a valid e-mail address; Gender: not one of the accepted words"}"#
        );
        let twice = error(
            RowCode::AlreadyExists,
            None,
            "a record has this key, and mode is create",
        );
        assert_eq!(
            failed_profile(&failure(vec![twice])).message,
            "The profile already exists."
        );
    }
}

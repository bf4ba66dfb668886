//! `/bulk/v1/files`: upload, status, delete.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use serde::Serialize;
use utoipa::ToSchema;
use worker::import::{Blank, ImportId, ImportOptions, Ragged, Status};
use worker::resource::Resource;

use super::JSON;
use super::error::ErrorBody;
use crate::app::App;
use crate::http::auth::{Caller, Scope};
use crate::http::body::{Forms, Upload as Body};
use crate::http::problem::{Kind, Problem};
use crate::http::surface::{self, LONGSHORE_IMPORT_ID};
use crate::http::{Doors, uploads};
use crate::imports::submit::Upload;
use crate::imports::{delete as remove, read};
use crate::store::model::{Deleted, Import, TopError};
use crate::telemetry::AUDIT;

/// The surface's name in the record of an import, and the source of its users.
const SURFACE: &str = "spigit";
/// Columns that fill a field; every other becomes an attribute under its header.
const FIELDS: [(&str, &str); 4] = [
    ("EMAIL", "email"),
    ("USERNAME", "username"),
    ("FIRST_NM", "first_name"),
    ("LAST_NM", "last_name"),
];
/// Kinds of row error that `error_message` names.
const REASONS: usize = 5;

/// A file was taken in.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SpigitAccepted)]
pub struct Accepted {
    /// `Status: Success`.
    pub status: &'static str,
    /// Where to poll.
    pub status_url: String,
}

/// How a file fares.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SpigitFile)]
pub struct FileStatus {
    /// Users in the file.
    pub total_users: u64,
    /// Users that failed.
    pub failed_users: u64,
    /// Users that are now as the file says.
    pub created_users: u64,
    /// `PENDING`, `PROCESSING`, `SUCCESS`, `PARTIAL_SUCCESS`, `FAILED` or `CANCELED`.
    pub status: &'static str,
    /// `No errors`, or the first reasons with their rows.
    pub error_message: String,
}

/// A file is gone.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SpigitDeleted)]
pub struct FileDeleted {
    /// `File deleted.`
    pub message: &'static str,
}

/// The form of an upload.
#[derive(ToSchema)]
#[schema(as = SpigitForm)]
#[expect(dead_code, reason = "documents a body that is streamed")]
pub struct FileForm {
    /// Users as CSV.
    #[schema(format = Binary, value_type = String)]
    file: Vec<u8>,
}

/// Bulk import of users.
#[utoipa::path(
    tag = "spigit",
    request_body(content = FileForm, content_type = "multipart/form-data"),
    responses(
        (status = 202, description = "Taken in", body = Accepted),
        (status = "4XX", description = "Refused, nothing was stored", body = ErrorBody),
    ),
    security(("key" = ["imports:write"])),
)]
#[post("/bulk/v1/files")]
pub(crate) async fn upload_file(
    app: Data<App>,
    doors: Data<Doors>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::ImportsWrite)?;
    let _place = uploads::admit(&app, &doors)?;
    let limit = app.config.limits.upload_bytes;
    let body = Body::open(
        request.headers(),
        payload.into_inner(),
        Forms::PartOnly("file"),
        &doors.pace,
        limit,
    )
    .await?;
    let upload = Upload {
        org: caller.org,
        surface: SURFACE,
        options: ImportOptions {
            encoding: body.encoding.map(str::to_owned),
            ..options()
        },
        file_name: body.file_name.clone(),
        inflate: body.coding,
        idempotency_key: None,
    };
    let id = uploads::take_in(&app, &doors, &caller, upload, body).await?.import.id;
    let status_url = format!(
        "{}/bulk/v1/files/{id}",
        surface::base(app.config.public_url.as_deref(), request.headers())
    );
    Ok(HttpResponse::Accepted()
        .content_type(JSON)
        .insert_header((LONGSHORE_IMPORT_ID, id.to_string()))
        .json(Accepted {
            status: "Status: Success",
            status_url,
        }))
}

/// Get upload status of bulk import file.
#[utoipa::path(
    tag = "spigit",
    params(("id" = i64, Path, description = "Id of the import file")),
    responses(
        (status = 200, description = "How it fares", body = FileStatus),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(("key" = ["imports:read"])),
)]
#[get("/bulk/v1/files/{id}")]
pub(crate) async fn show_file(app: Data<App>, caller: Caller, path: Path<String>) -> Result<HttpResponse, Problem> {
    caller.must(Scope::ImportsRead)?;
    let import = find(&app, &caller, &path).await?;
    Ok(HttpResponse::Ok().content_type(JSON).json(status(&import)))
}

/// Delete a bulk import file; users already imported stay.
#[utoipa::path(
    tag = "spigit",
    params(("id" = i64, Path, description = "Id of the import file")),
    responses(
        (status = 200, description = "It is gone", body = FileDeleted),
        (status = 409, description = "It is being processed", body = ErrorBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(("key" = ["imports:write"])),
)]
#[delete("/bulk/v1/files/{id}")]
pub(crate) async fn delete_file(app: Data<App>, caller: Caller, path: Path<String>) -> Result<HttpResponse, Problem> {
    caller.must(Scope::ImportsWrite)?;
    let import = find(&app, &caller, &path).await?;
    match remove::delete(&app, caller.org, import.id).await? {
        Deleted::Gone { .. } => {
            tracing::info!(target: AUDIT, org_id = caller.org.0, import_id = import.id.0, key_id = caller.key_id, "import.deleted");
            Ok(HttpResponse::Ok().content_type(JSON).json(FileDeleted {
                message: "File deleted.",
            }))
        }
        Deleted::Running => Err(Problem::new(Kind::ImportRunning)),
        Deleted::Absent => Err(Problem::new(Kind::NotFound)),
    }
}

/// A file of this surface; imports that came by another are none.
async fn find(app: &App, caller: &Caller, id: &str) -> Result<Import, Problem> {
    let id = ImportId(crate::http::path_id(id)?);
    let found = read::import(app, caller.org, id)
        .await?
        .filter(|import| import.surface == SURFACE);
    found.ok_or_else(|| Problem::new(Kind::NotFound))
}

/// What this surface's files mean.
fn options() -> ImportOptions {
    ImportOptions {
        mapping: FIELDS
            .iter()
            .map(|(header, field)| ((*header).to_owned(), Some((*field).to_owned())))
            .collect(),
        aliases: false,
        source: SURFACE.to_owned(),
        key: vec!["username".to_owned(), "email".to_owned()],
        blank: Blank::Clear,
        ragged: Ragged::Pad,
        ..ImportOptions::new(Resource::Users)
    }
}

fn status(import: &Import) -> FileStatus {
    FileStatus {
        // Blank rows hold no user.
        total_users: import.total.saturating_sub(import.counts.skipped),
        failed_users: import.counts.failed,
        created_users: import.counts.ok(),
        status: match import.status {
            Status::Receiving | Status::Queued => "PENDING",
            Status::Running => "PROCESSING",
            Status::Completed => "SUCCESS",
            Status::Partial => "PARTIAL_SUCCESS",
            Status::Failed => "FAILED",
            Status::Canceled => "CANCELED",
        },
        error_message: error_message(import),
    }
}

fn error_message(import: &Import) -> String {
    if let Some(error) = &import.error {
        return error.detail.clone();
    }
    let reasons: Vec<String> = import.tally.iter().take(REASONS).map(reason).collect();
    match import.tally.len().saturating_sub(REASONS) {
        _ if reasons.is_empty() => "No errors".to_owned(),
        0 => reasons.join("; "),
        more => format!("{}; and {more} more", reasons.join("; ")),
    }
}

/// `EMAIL: not a valid e-mail address (rows 3, 7, 9 and 4 more)`.
fn reason(error: &TopError) -> String {
    let column = error
        .column
        .as_ref()
        .map(|column| format!("{column}: "))
        .unwrap_or_default();
    let rows: Vec<String> = error.rows.iter().map(u64::to_string).collect();
    let shown = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let more = match error.count.saturating_sub(shown) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let noun = if error.count == 1 { "row" } else { "rows" };
    format!("{column}{} ({noun} {}{more})", error.message, rows.join(", "))
}

#[cfg(test)]
mod tests;

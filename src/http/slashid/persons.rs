//! `/persons/bulk-import`: the template, and the import of a file of persons.

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, get, post};
use utoipa::ToSchema;
use worker::import::{ImportOptions, Status};

use super::SURFACE;
use super::answer::{self, Imported};
use super::error::ErrorBody;
use super::options::{options, template};
use crate::app::App;
use crate::http::auth::{Caller, Scope};
use crate::http::body::{Forms, Upload as Body};
use crate::http::problem::{Kind, Problem};
use crate::http::surface::LONGSHORE_IMPORT_ID;
use crate::http::{Doors, uploads};
use crate::imports::submit::Upload;
use crate::store::model::Import;

/// The part that holds the file.
const PART: &str = "persons";

/// The form of an import.
#[derive(ToSchema)]
#[schema(as = SlashIdForm)]
#[expect(dead_code, reason = "documents a body that is streamed")]
pub struct PersonsForm {
    /// Persons as CSV.
    #[schema(format = Binary, value_type = String)]
    persons: Vec<u8>,
}

/// The header row of a file of persons.
#[utoipa::path(
    tag = "slashid",
    params(("SlashID-OrgID" = String, Header, description = "The organization of the key")),
    responses(
        (status = 200, description = "The template", body = String, content_type = "text/csv"),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(("key" = [])),
)]
#[get("/persons/bulk-import")]
pub(crate) async fn download_template(_caller: Caller) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"persons.csv\""))
        .body(template())
}

/// Bulk import persons.
#[utoipa::path(
    tag = "slashid",
    params(("SlashID-OrgID" = String, Header, description = "The organization of the key")),
    request_body(content = PersonsForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "Every row has met its fate", body = Imported),
        (status = 402, description = "There would be more persons than the organization may have; nothing was applied", body = ErrorBody),
        (status = "4XX", description = "Refused, nothing was applied", body = ErrorBody),
    ),
    security(("key" = ["imports:write"])),
)]
#[post("/persons/bulk-import")]
pub(crate) async fn import_persons(
    app: Data<App>,
    doors: Data<Doors>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::ImportsWrite)?;
    let _place = uploads::admit(&app, &doors)?;
    let limit = app.config.limits.upload_bytes;
    let (headers, payload) = (request.headers(), payload.into_inner());
    let body = Body::open(headers, payload, Forms::PartOnly(PART), &doors.pace, limit).await?;
    let import = uploads::take_in_persons(&app, &doors, &caller, upload(&caller, &body), body).await?;
    ended(&import)?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((LONGSHORE_IMPORT_ID, import.id.to_string()))
        .streaming(answer::body(&app, import)))
}

fn upload(caller: &Caller, body: &Body) -> Upload {
    Upload {
        org: caller.org,
        surface: SURFACE,
        options: ImportOptions {
            encoding: body.encoding.map(str::to_owned),
            ..options()
        },
        file_name: body.file_name.clone(),
        inflate: body.coding,
        idempotency_key: None,
    }
}

/// Refuses to tell figures of a run that did not get to the end of its file.
fn ended(import: &Import) -> Result<(), Problem> {
    match (&import.error, import.status) {
        (Some(error), _) => {
            tracing::error!(import_id = import.id.0, code = error.code, "slashid.import_broke_off");
            Err(Problem::new(Kind::Internal))
        }
        (None, Status::Canceled) => {
            let applied = import.counts.ok();
            let detail = format!("Import {} was canceled after {applied} persons; they stay.", import.id);
            Err(Problem::with(Kind::Unavailable, detail))
        }
        (None, _) => Ok(()),
    }
}

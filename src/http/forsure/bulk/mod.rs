//! `/saas/logins/clients/bulk-upload`: a form of rows, tried out or carried out. Both are the same import, which the answer
//! names in a header.

mod form;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, post};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use worker::import::Counts;

use self::form::{BOUNDS, BulkForm};
use super::SURFACE;
use super::error::ErrorBody;
use crate::app::App;
use crate::http::auth::{Caller, Scope};
use crate::http::body::fields::Fields;
use crate::http::body::label;
use crate::http::problem::{Kind, Problem};
use crate::http::surface::LONGSHORE_IMPORT_ID;
use crate::http::{Doors, uploads};
use crate::imports::submit::Upload;
use crate::store::model::Import;

/// Rows of clients.
#[derive(ToSchema)]
#[schema(as = ForsureBulkForm)]
#[expect(dead_code, reason = "documents a form that is read field by field")]
pub struct Form {
    /// One CSV row each, without a header.
    #[schema(rename = "csvData")]
    csv_data: Vec<String>,
    /// What the caller calls the file.
    #[schema(rename = "fileId")]
    file_id: Vec<String>,
    /// The field of each column, in order.
    mapping: Vec<String>,
}

/// What a bulk upload would do.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ForsureBulkPreview)]
pub struct Preview {
    /// Always true.
    pub preview: bool,
    /// How many rows of each kind.
    pub summary: PreviewSummary,
    /// The first rows by their fields; passwords are hidden.
    #[schema(value_type = Vec<Object>)]
    pub sample_data: Vec<Map<String, Value>>,
    /// How many rows are right and wrong.
    pub validation_results: Validation,
}

/// How many rows of each kind there are.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ForsureBulkPreviewSummary)]
pub struct PreviewSummary {
    /// Clients that would be made.
    pub would_create: u64,
    /// Rows for clients that are there by then, changed or not.
    pub would_update: u64,
    /// Rows that would be refused.
    pub errors: u64,
    /// Rows applied with a remark.
    pub warnings: u64,
}

/// How many rows are right and wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ForsureBulkValidation)]
pub struct Validation {
    /// Rows that would be applied.
    pub valid: u64,
    /// Rows that would be refused.
    pub invalid: u64,
}

/// What a bulk upload did.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ForsureBulkResult)]
pub struct Executed {
    /// Clients made.
    pub created: u64,
    /// Rows for clients that were there by then, changed or not.
    pub updated: u64,
    /// Rows refused.
    pub errors: u64,
    /// The same as a sentence.
    pub summary: String,
}

/// Preview the results of a bulk client upload without applying changes.
#[utoipa::path(
    tag = "forsure",
    request_body(content = Form, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "What would happen", body = Preview),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(("key" = ["imports:write"])),
)]
#[post("/saas/logins/clients/bulk-upload/preview")]
pub(crate) async fn preview_bulk_upload(
    app: Data<App>,
    doors: Data<Doors>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let (import, sample) = run(&app, &doors, &caller, (&request, payload), true).await?;
    Ok(answer(&import).json(preview(&import.counts, sample)))
}

/// Execute a bulk upload of clients.
#[utoipa::path(
    tag = "forsure",
    request_body(content = Form, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "What happened", body = Executed),
        (status = "4XX", description = "Refused, nothing was applied", body = ErrorBody),
    ),
    security(("key" = ["imports:write"])),
)]
#[post("/saas/logins/clients/bulk-upload")]
pub(crate) async fn execute_bulk_upload(
    app: Data<App>,
    doors: Data<Doors>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let (import, _) = run(&app, &doors, &caller, (&request, payload), false).await?;
    Ok(answer(&import).json(executed(&import.counts)))
}

/// Reads the form and runs it as an import; gives it with the first rows.
async fn run(
    app: &App,
    doors: &Doors,
    caller: &Caller,
    (request, payload): (&HttpRequest, Payload),
    dry_run: bool,
) -> Result<(Import, Vec<Map<String, Value>>), Problem> {
    caller.must(Scope::ImportsWrite)?;
    let _place = uploads::admit(app, doors)?;
    let fields = Fields::open(request.headers(), payload.into_inner(), &doors.pace, BOUNDS)?;
    let form = BulkForm::read(fields).await?;
    let upload = Upload {
        org: caller.org,
        surface: SURFACE,
        options: form.options(dry_run),
        file_name: form.file_id().and_then(label),
        inflate: None,
        idempotency_key: None,
    };
    let (table, sample) = form.into_table();
    let import = uploads::run_now(app, doors, upload, table.into_body()).await?;
    match &import.error {
        Some(_) => Err(Problem::new(Kind::Internal)),
        None => Ok((import, sample)),
    }
}

fn answer(import: &Import) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header((LONGSHORE_IMPORT_ID, import.id.to_string()));
    response
}

fn preview(counts: &Counts, sample_data: Vec<Map<String, Value>>) -> Preview {
    Preview {
        preview: true,
        summary: PreviewSummary {
            would_create: counts.created,
            would_update: counts.updated + counts.unchanged,
            errors: counts.failed,
            warnings: counts.warnings,
        },
        sample_data,
        validation_results: Validation {
            valid: counts.ok(),
            invalid: counts.failed,
        },
    }
}

fn executed(counts: &Counts) -> Executed {
    let (created, updated, errors) = (counts.created, counts.updated + counts.unchanged, counts.failed);
    let summary = format!(
        "Bulk upload completed successfully. {created} clients created, {updated} clients updated, {errors} errors encountered."
    );
    Executed {
        created,
        updated,
        errors,
        summary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The document's own figures.
    #[test]
    fn the_documents_figures() {
        let counts = Counts {
            created: 50,
            updated: 7,
            unchanged: 3,
            failed: 2,
            skipped: 1,
            warnings: 5,
        };
        insta::assert_json_snapshot!((preview(&counts, Vec::new()), executed(&counts)));
    }
}

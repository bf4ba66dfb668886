//! `/v1/imports`: post, poll, list, failed rows, cancel, delete.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, ETAG, LOCATION, RETRY_AFTER};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use worker::import::{ImportId, Status};
use worker::resource::Resource;

use super::error::ProblemBody;
use super::import_view::{self, FailedRowView, ImportView};
use super::options::{self, Options};
use super::{answer, id, idempotency, no_query, page};
use crate::app::App;
use crate::http::auth::{Caller, Scope};
use crate::http::body::{Forms, Upload as Body};
use crate::http::page::{Page, Paged};
use crate::http::problem::{Fault, Kind, Problem};
use crate::http::query::Query;
use crate::http::surface::LONGSHORE_IMPORT_ID;
use crate::http::{Doors, preconditions, uploads};
use crate::imports::failed_rows::{self, Form};
use crate::imports::submit::{Submitted, Upload};
use crate::imports::{cancel, delete, read};
use crate::store::model::{Deleted, Import, ImportFilter};
use crate::telemetry::AUDIT;

/// The surface's name in the record of an import.
const SURFACE: &str = "native";
/// Seconds until a first look is worth it.
const FIRST_POLL_SECONDS: u32 = 1;

/// Import a file.
///
/// The body is the file (`text/csv`), or a form with an optional part `options` (JSON) and then a part `file`. `Content-Encoding`
/// may be `gzip` or `zstd`; on a form it means the part `file`. Options are query parameters or the part `options`.
#[utoipa::path(
    tag = "imports",
    params(
        Options,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to send again: 1 to 255 printable characters"),
        ("Content-Encoding" = Option<String>, Header, description = "gzip or zstd"),
    ),
    request_body(description = "The file, or a form with it", content((String = "text/csv"), (ImportForm = "multipart/form-data"))),
    responses(
        (status = 202, description = "Taken in; follow Location", body = ImportView),
        (status = "4XX", description = "Refused, nothing was stored", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Come again after Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["imports:write"])),
)]
#[post("/v1/imports")]
pub(crate) async fn create_import(
    app: Data<App>,
    doors: Data<Doors>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::ImportsWrite)?;
    let query = Query::parse(request.query_string(), options::NAMES)?;
    let idempotency_key = idempotency::key(request.headers())?;
    let _place = uploads::admit(&app, &doors)?;
    let limit = app.config.limits.upload_bytes;
    let body = Body::open(
        request.headers(),
        payload.into_inner(),
        Forms::RawOrMultipart,
        &doors.pace,
        limit,
    )
    .await?;
    let options = options::combine(&query, body.options.as_ref(), body.encoding)?;
    must_exist(&app, &caller, options.retry_of).await?;
    let upload = Upload {
        org: caller.org,
        surface: SURFACE,
        options,
        file_name: body.file_name.clone(),
        inflate: body.coding,
        idempotency_key,
    };
    let submitted = uploads::take_in(&app, &doors, &caller, upload, body).await?;
    Ok(accepted(&submitted))
}

/// The form of an upload.
#[derive(utoipa::ToSchema)]
#[schema(as = ImportForm)]
#[expect(dead_code, reason = "documents a body that is streamed")]
pub struct ImportForm {
    /// The options; must come before the file.
    options: Option<Options>,
    /// The file.
    #[schema(format = Binary, value_type = String)]
    file: Vec<u8>,
}

async fn must_exist(app: &App, caller: &Caller, retry_of: Option<ImportId>) -> Result<(), Problem> {
    let Some(id) = retry_of else { return Ok(()) };
    if read::import(app, caller.org, id).await?.is_some() {
        return Ok(());
    }
    let detail = format!("retry_of is {id}; expected the id of an import.");
    Err(Problem::fault(Fault::parameter(
        Kind::InvalidParameter,
        "retry_of",
        detail,
    )))
}

fn accepted(submitted: &Submitted) -> HttpResponse {
    let view = import_view::import(&submitted.import);
    let mut response = answer(StatusCode::ACCEPTED);
    response.insert_header((LOCATION, view.links.this.clone()));
    response.insert_header((RETRY_AFTER, FIRST_POLL_SECONDS));
    response.insert_header((LONGSHORE_IMPORT_ID, submitted.import.id.to_string()));
    if submitted.replayed {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    response.json(view)
}

/// List imports, newest first.
#[utoipa::path(
    tag = "imports",
    params(
        ("status" = Option<String>, Query, description = "queued, running, completed, partial, failed or canceled"),
        ("resource" = Option<String>, Query, description = "What the rows are"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "Size of the page; default 100"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before"),
    ),
    responses(
        (status = 200, description = "A page; Link names the next", body = Paged<ImportView>),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["imports:read"])),
)]
#[get("/v1/imports")]
pub(crate) async fn list_imports(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::ImportsRead)?;
    let query = Query::parse(request.query_string(), &["status", "resource", "limit", "cursor"])?;
    let listed = |word: &str| Status::parse(word).filter(|status| *status != Status::Receiving);
    let filter = ImportFilter {
        status: query.read(
            "status",
            "queued, running, completed, partial, failed or canceled",
            listed,
        )?,
        resource: query.read("resource", "users, clients or report_types", Resource::parse)?,
        surface: None,
    };
    let asked = Page::read(&query, &app.secrets, caller.org, "imports")?;
    let fetched = read::list(&app, caller.org, filter, asked.after.map(ImportId), asked.fetch()).await?;
    let shown = asked.cut(
        &app.secrets,
        fetched,
        |import| import.id.0,
        |import| import_view::import(&import),
    );
    Ok(page(&request, &query, &shown))
}

/// Show an import, at once or as soon as it is final.
#[utoipa::path(
    tag = "imports",
    params(
        ("id" = i64, Path, description = "The import"),
        ("Prefer" = Option<String>, Header, description = "wait=n holds the answer until the import is final, at most 30 seconds"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag in hand"),
    ),
    responses(
        (status = 200, description = "As it stands", body = ImportView),
        (status = 304, description = "As it stood"),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["imports:read"])),
)]
#[get("/v1/imports/{id}")]
pub(crate) async fn show_import(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::ImportsRead)?;
    no_query(&request)?;
    let id = ImportId(id(&path)?);
    let wait = preconditions::prefer_wait(request.headers(), app.config.limits.wait);
    let import = match wait {
        Some(seconds) => read::wait(&app, caller.org, id, std::time::Duration::from_secs(seconds)).await?,
        None => read::import(&app, caller.org, id).await?,
    };
    show(&request, &import.ok_or_else(absent)?, wait)
}

fn absent() -> Problem {
    Problem::new(Kind::NotFound)
}

fn show(request: &HttpRequest, import: &Import, waited: Option<u64>) -> Result<HttpResponse, Problem> {
    let body = serde_json::to_string(&import_view::import(import)).map_err(|_| Problem::new(Kind::Internal))?;
    let tag = preconditions::tag_of(body.as_bytes());
    let known = preconditions::has(request.headers(), &tag);
    let mut response = answer(if known {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    });
    response.insert_header((ETAG, tag));
    if let Some(seconds) = waited {
        response.insert_header(("Preference-Applied", format!("wait={seconds}")));
    }
    Ok(if known {
        response.finish()
    } else {
        response.content_type("application/json").body(body)
    })
}

/// Download the failed rows as a CSV that can be mended and sent again.
#[utoipa::path(
    tag = "imports",
    params(
        ("id" = i64, Path, description = "The import"),
        ("for" = Option<String>, Query, description = "excel: with a BOM, and formulas defused"),
    ),
    responses(
        (status = 200, description = "Reserved columns, then the file's own, in file order", body = String, content_type = "text/csv"),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["imports:read"])),
)]
#[get("/v1/imports/{id}/failed.csv")]
pub(crate) async fn download_failed_rows(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::ImportsRead)?;
    let query = Query::parse(request.query_string(), &["for"])?;
    let excel = query.read("for", "excel", |word| (word == "excel").then_some(Form::Excel))?;
    let import = read::import(&app, caller.org, ImportId(id(&path)?))
        .await?
        .ok_or_else(absent)?;
    let show_sensitive = caller.has(Scope::SensitiveRead);
    let rows = failed_rows::csv(&app, import, excel.unwrap_or(Form::Plain), show_sensitive);
    Ok(answer(StatusCode::OK)
        .content_type("text/csv; charset=utf-8; header=present")
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"failed.csv\""))
        .streaming(rows))
}

/// List the failed rows with every error of each.
#[utoipa::path(
    tag = "imports",
    params(
        ("id" = i64, Path, description = "The import"),
        ("outcome" = Option<String>, Query, description = "failed, the only one that is kept"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "Size of the page; default 100"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before"),
    ),
    responses(
        (status = 200, description = "A page, in file order; Link names the next", body = Paged<FailedRowView>),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["imports:read"])),
)]
#[get("/v1/imports/{id}/rows")]
pub(crate) async fn list_failed_rows(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::ImportsRead)?;
    let query = Query::parse(request.query_string(), &["outcome", "limit", "cursor"])?;
    query.read("outcome", "failed", |word| (word == "failed").then_some(()))?;
    let import = read::import(&app, caller.org, ImportId(id(&path)?))
        .await?
        .ok_or_else(absent)?;
    let list = format!("rows of import {}", import.id);
    let asked = Page::read(&query, &app.secrets, caller.org, &list)?;
    let after = asked.after.and_then(|record| u64::try_from(record).ok()).unwrap_or(0);
    let (fetched, whole) = failed_rows::list(&app, &import, after, asked.fetch()).await?;
    let asked = if whole { asked } else { asked.shorter(&fetched) };
    let position = |failure: &worker::row_error::Failure| i64::try_from(failure.record).unwrap_or(i64::MAX);
    let sensitive = caller.has(Scope::SensitiveRead);
    let shown = asked.cut(&app.secrets, fetched, position, |failure| {
        import_view::failed_row(&import, failure, sensitive)
    });
    Ok(page(&request, &query, &shown))
}

/// Stop an import; what was applied stays, and is counted.
#[utoipa::path(
    tag = "imports",
    params(("id" = i64, Path, description = "The import")),
    responses(
        (status = 200, description = "No further row changes", body = ImportView),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["imports:write"])),
)]
#[post("/v1/imports/{id}/cancel")]
pub(crate) async fn cancel_import(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::ImportsWrite)?;
    no_query(&request)?;
    let changed = cancel::cancel(&app, caller.org, ImportId(id(&path)?))
        .await?
        .ok_or_else(absent)?;
    tracing::info!(
        target: AUDIT,
        org_id = caller.org.0,
        import_id = changed.import.id.0,
        key_id = caller.key_id,
        done = changed.done,
        "import.cancel_asked"
    );
    Ok(answer(StatusCode::OK).json(import_view::import(&changed.import)))
}

/// Remove an import with its file and failed rows; imported records stay.
#[utoipa::path(
    tag = "imports",
    params(("id" = i64, Path, description = "The import")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "It is running", body = ProblemBody, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["imports:write"])),
)]
#[delete("/v1/imports/{id}")]
pub(crate) async fn delete_import(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::ImportsWrite)?;
    no_query(&request)?;
    let id = ImportId(id(&path)?);
    match delete::delete(&app, caller.org, id).await? {
        Deleted::Gone { .. } => {
            tracing::info!(target: AUDIT, org_id = caller.org.0, import_id = id.0, key_id = caller.key_id, "import.deleted");
            Ok(answer(StatusCode::NO_CONTENT).finish())
        }
        Deleted::Running => Err(Problem::new(Kind::ImportRunning)),
        Deleted::Absent => Err(absent()),
    }
}

//! `/v1/users`: list, make, show, change and remove users, by our number or by their key at the source.

use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, LOCATION};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, put};
use worker::batch::Key;

use super::error::ProblemBody;
use super::user_view::{self, UserInput, UserView};
use super::{answer, id, no_query, page};
use crate::app::App;
use crate::http::auth::{Caller, Scope};
use crate::http::json;
use crate::http::page::{Page, Paged};
use crate::http::preconditions::{self, expected, version_tag};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::records::users::{self, UserError};
use crate::store::model::{User, UserFilter};
use crate::telemetry::AUDIT;

const JSON: &[&str] = &["application/json"];
pub(super) const MERGE_PATCH: &[&str] = &["application/merge-patch+json", "application/json"];

/// List users by number.
#[utoipa::path(
    tag = "users",
    params(
        ("source" = Option<String>, Query, description = "From this system"),
        ("email" = Option<String>, Query, description = "With exactly this address"),
        ("username" = Option<String>, Query, description = "With exactly this name"),
        ("q" = Option<String>, Query, description = "With this in e-mail, username or a name, any case"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "Size of the page; default 100"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before"),
    ),
    responses(
        (status = 200, description = "A page; Link names the next", body = Paged<UserView>),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["records:read"])),
)]
#[get("/v1/users")]
pub(crate) async fn list_users(app: Data<App>, caller: Caller, request: HttpRequest) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsRead)?;
    let query = Query::parse(
        request.query_string(),
        &["source", "email", "username", "q", "limit", "cursor"],
    )?;
    let text = |name: &str| query.get(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let filter = UserFilter {
        source: text("source"),
        email: text("email"),
        username: text("username"),
        q: text("q"),
    };
    let asked = Page::read(&query, &app.secrets, caller.org, "users")?;
    let fetched = users::list(&app, caller.org, filter, asked.after, asked.fetch()).await?;
    let shown = asked.cut(&app.secrets, fetched, |user| user.id, |user| user_view::user(&user));
    Ok(page(&request, &query, &shown))
}

/// Make a user.
#[utoipa::path(
    tag = "users",
    request_body = UserInput,
    responses(
        (status = 201, description = "Made", body = UserView),
        (status = 409, description = "The key is taken", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field breaks its rule", body = ProblemBody, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["records:write"])),
)]
#[post("/v1/users")]
pub(crate) async fn create_user(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsWrite)?;
    no_query(&request)?;
    let object = json::read_object(&request, payload, JSON).await?;
    let user = users::create(&app, caller.org, &object).await?;
    Ok(shown(StatusCode::CREATED, &user))
}

/// Show a user.
#[utoipa::path(
    tag = "users",
    params(("id" = i64, Path, description = "The user"), ("If-None-Match" = Option<String>, Header, description = "The ETag in hand")),
    responses(
        (status = 200, description = "As it stands", body = UserView),
        (status = 304, description = "As it stood"),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["records:read"])),
)]
#[get("/v1/users/{id}")]
pub(crate) async fn show_user(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsRead)?;
    no_query(&request)?;
    let user = users::get(&app, caller.org, id(&path)?).await?;
    Ok(shown_unless_known(&request, &user))
}

/// Change what the body names; null removes (RFC 7396).
#[utoipa::path(
    tag = "users",
    params(("id" = i64, Path, description = "The user"), ("If-Match" = Option<String>, Header, description = "The ETag in hand")),
    request_body(content((UserInput = "application/merge-patch+json"), (UserInput = "application/json"))),
    responses(
        (status = 200, description = "As it stands now", body = UserView),
        (status = 412, description = "It has changed meanwhile", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field breaks its rule", body = ProblemBody, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["records:write"])),
)]
#[patch("/v1/users/{id}")]
pub(crate) async fn change_user(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsWrite)?;
    no_query(&request)?;
    let id = id(&path)?;
    let expected = expected(request.headers())?;
    let object = json::read_object(&request, payload, MERGE_PATCH).await?;
    let user = users::patch(&app, caller.org, id, &object, &expected).await?;
    Ok(shown(StatusCode::OK, &user))
}

/// Remove a user.
#[utoipa::path(
    tag = "users",
    params(("id" = i64, Path, description = "The user"), ("If-Match" = Option<String>, Header, description = "The ETag in hand")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 412, description = "It has changed meanwhile", body = ProblemBody, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["records:write"])),
)]
#[delete("/v1/users/{id}")]
pub(crate) async fn delete_user(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsWrite)?;
    no_query(&request)?;
    let id = id(&path)?;
    users::remove(&app, caller.org, id, &expected(request.headers())?).await?;
    tracing::info!(target: AUDIT, org_id = caller.org.0, user_id = id, key_id = caller.key_id, "user.deleted");
    Ok(answer(StatusCode::NO_CONTENT).finish())
}

/// Show a user by its key at the source.
#[utoipa::path(
    tag = "users",
    params(
        ("source" = String, Path, description = "The system"),
        ("source_id" = String, Path, description = "Its id there"),
        ("language" = Option<String>, Query, description = "Where records have one for each language"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag in hand"),
    ),
    responses(
        (status = 200, description = "As it stands", body = UserView),
        (status = 304, description = "As it stood"),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["records:read"])),
)]
#[get("/v1/users/by-source/{source}/{source_id}")]
pub(crate) async fn show_user_by_source(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsRead)?;
    let user = users::get_by_key(&app, caller.org, key(&request, &path)?).await?;
    Ok(shown_unless_known(&request, &user))
}

/// Make a user say what the body says and nothing else, or make it.
///
/// What is never shown (the password hash) stays unless the body names it.
#[utoipa::path(
    tag = "users",
    params(
        ("source" = String, Path, description = "The system"),
        ("source_id" = String, Path, description = "Its id there"),
        ("language" = Option<String>, Query, description = "Where records have one for each language"),
        ("If-Match" = Option<String>, Header, description = "The ETag in hand"),
        ("If-None-Match" = Option<String>, Header, description = "*: only make it"),
    ),
    request_body = UserInput,
    responses(
        (status = 200, description = "As it stands now", body = UserView),
        (status = 201, description = "Made", body = UserView),
        (status = 412, description = "It is not as expected", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field breaks its rule", body = ProblemBody, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("key" = ["records:write"])),
)]
#[put("/v1/users/by-source/{source}/{source_id}")]
pub(crate) async fn put_user_by_source(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::RecordsWrite)?;
    let key = key(&request, &path)?;
    let expected = expected(request.headers())?;
    let object = json::read_object(&request, payload, JSON).await?;
    let (user, made) = users::put_by_key(&app, caller.org, key, &object, &expected).await?;
    Ok(shown(if made { StatusCode::CREATED } else { StatusCode::OK }, &user))
}

fn key(request: &HttpRequest, path: &(String, String)) -> Result<Key, Problem> {
    let query = Query::parse(request.query_string(), &["language"])?;
    let (source, source_id) = path;
    let key = users::key(source, source_id, query.get("language").unwrap_or_default());
    key.map_err(|faults| UserError::Invalid(faults).into())
}

fn shown(status: StatusCode, user: &User) -> HttpResponse {
    let mut response = answer(status);
    response.insert_header((ETAG, version_tag(user.version)));
    if status == StatusCode::CREATED {
        response.insert_header((LOCATION, format!("/v1/users/{}", user.id)));
    }
    response.json(user_view::user(user))
}

fn shown_unless_known(request: &HttpRequest, user: &User) -> HttpResponse {
    let tag = version_tag(user.version);
    if preconditions::has(request.headers(), &tag) {
        return answer(StatusCode::NOT_MODIFIED).insert_header((ETAG, tag)).finish();
    }
    shown(StatusCode::OK, user)
}

//! What a refusal wears on its way out, by surface, and what every answer carries.

use actix_web::HttpResponse;
use actix_web::http::header::HeaderMap;

use super::problem::Problem;
use super::request_id::{RequestId, X_REQUEST_ID};
use super::surface::Surface;
use super::{forsure, loginradius, native, propeller, slashid, spigit};

/// What a request asked for, as far as an envelope may repeat it: never its query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// Its method.
    pub(super) method: &'a str,
    /// Its path, without the query.
    pub(super) path: &'a str,
    /// What the client calls this service.
    pub(super) base: &'a str,
}

/// A refusal in the surface's envelope, with the headers that every answer has.
pub(super) fn render(surface: Surface, problem: &Problem, id: &RequestId, asked: &Asked<'_>) -> HttpResponse {
    let mut response = match surface {
        Surface::Native => native::error::render(problem, id),
        Surface::Spigit => spigit::error::render(problem),
        Surface::Forsure => forsure::error::render(problem, asked.method, asked.path),
        Surface::Propeller => propeller::error::render(problem, asked.base),
        Surface::LoginRadius => loginradius::error::render(problem),
        Surface::SlashId => slashid::error::render(problem),
    };
    for (name, value) in &problem.headers {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    response
}

/// What every answer carries: the request's id, and no permission to guess, keep or embed.
pub(super) fn finish(headers: &mut HeaderMap, path: &str, id: &RequestId) {
    use actix_web::http::header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    };
    let policy = if path.starts_with("/docs") {
        super::openapi::DOCS_POLICY
    } else {
        "default-src 'none'; frame-ancestors 'none'"
    };
    headers.insert(X_REQUEST_ID, id.value());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
}

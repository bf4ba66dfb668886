//! Our own API: handlers translate, call one use case, translate back; wire types stand beside them.

pub mod error;
pub mod idempotency;
pub mod import_view;
pub mod imports;
pub mod keys;
pub mod options;
pub mod organization;
pub mod report_types;
pub mod user_view;
pub mod users;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::page::{Paged, next_link};
use super::path_id as id;
use super::query::{Query, no_query};

/// A page with its link to the next.
fn page<T: Serialize>(request: &actix_web::HttpRequest, query: &Query, page: &Paged<T>) -> HttpResponse {
    let mut response = answer(StatusCode::OK);
    if let Some(cursor) = &page.next_cursor {
        response.insert_header(("Link", next_link(request, query, cursor)));
    }
    response.json(page)
}

fn answer(status: StatusCode) -> HttpResponseBuilder {
    HttpResponseBuilder::new(status)
}

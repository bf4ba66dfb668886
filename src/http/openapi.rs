//! The OpenAPI 3.1 document, made from the handlers' own types, and the page that shows it; nothing comes from a CDN.

use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::routes;

/// The page brings its own scripts; its styles are partly inline, its icons data URLs.
pub const DOCS_POLICY: &str =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/// Everything that is not a route.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Longshore",
        description = "A file in, a status to poll, every good row in the database exactly once, the bad rows back.",
    ),
    tags(
        (name = "imports", description = "Files on their way in"),
        (name = "users", description = "Users, one by one"),
        (name = "report types", description = "The catalogue of what is reported, and where"),
        (name = "keys", description = "API keys"),
        (name = "organization", description = "Whose key this is"),
        (name = "spigit", description = "Files of users, as spigit's clients send them"),
        (name = "forsure", description = "Clients and their credentials, as ForSURE's clients send them"),
        (name = "propeller", description = "Users by source id, as Propeller's clients send them"),
        (name = "loginradius", description = "Profiles, as LoginRadius's clients send them"),
        (name = "slashid", description = "Persons by handle, as SlashID's clients send them"),
        (name = "operations", description = "For machines that watch"),
    ),
    modifiers(&Key),
)]
struct Base;

struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut Document) {
        let key = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("lsk_<id>_<secret>")
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(key));
    }
}

/// What routes are added to.
pub fn base() -> Document {
    Base::openapi()
}

/// The whole document.
pub fn document() -> Document {
    let app = actix_web::App::new().into_utoipa_app().openapi(base());
    let (_, document) = app.configure(routes::documented).split_for_parts();
    document
}

/// The whole document as JSON.
pub fn json() -> String {
    document().to_pretty_json().unwrap_or_default()
}

/// The text that `/openapi.json` answers.
#[derive(Clone, Debug)]
pub struct Text(pub String);

/// The document.
#[get("/openapi.json")]
pub(crate) async fn show_document(text: Data<Text>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(text.0.clone())
}

/// The page lies below a slash.
#[get("/docs")]
pub(crate) async fn redirect_to_page() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, "/docs/"))
        .finish()
}

/// The page.
pub fn page() -> SwaggerUi {
    SwaggerUi::new("/docs/{_:.*}").config(Config::from("/openapi.json"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use serde_json::Value;

    use super::*;

    fn keys(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.keys().cloned());
                members.values().for_each(|value| keys(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
            _ => {}
        }
    }

    #[test]
    fn the_document_is_3_1_without_nullable() {
        let document: Value = serde_json::from_str(&json()).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let mut found = Vec::new();
        keys(&document, &mut found);
        assert!(!found.contains(&"nullable".to_owned()));
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let text = json();
        let document: Value = serde_json::from_str(&text).unwrap();
        for reference in text.split("\"#/").skip(1) {
            let pointer = format!("/{}", reference.split('"').next().unwrap());
            assert!(document.pointer(&pointer).is_some(), "{pointer}");
        }
    }
}

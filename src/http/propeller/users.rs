//! `/users/bulk/sourceId`: users in, the outcome of each out, in the order of the request.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, post};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use worker::import::{OrgId, Status};

use super::SURFACE;
use super::batch::{self, Batch};
use super::error::ErrorBody;
use super::user::{COLUMNS, User};
use super::wire::BatchBody;
use crate::app::App;
use crate::http::auth::{Caller, Scope};
use crate::http::problem::{Kind, Problem};
use crate::http::surface::LONGSHORE_IMPORT_ID;
use crate::http::{Doors, json, uploads};
use crate::imports::composed;
use crate::imports::outcomes::{Outcome, outcomes};
use crate::imports::submit::Upload;
use crate::store::model::Import;

/// Largest body.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// By what users are looked up here.
const LOOKUP_KEY: &str = "sourceId";

/// What became of the users of a request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PropellerAnswer)]
pub struct Answer {
    /// One for each user, in the order of the request.
    pub data: Vec<Item>,
    /// `Completed`.
    pub messages: [&'static str; 1],
    /// How many there are.
    pub total: usize,
}

/// What became of one user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PropellerItem)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// `create` or `update`; null where it failed.
    pub action: Option<&'static str>,
    /// Its number; null where it failed.
    pub id: Option<i64>,
    /// The source id as it was sent, number or text.
    #[schema(value_type = serde_json::Value)]
    pub key: Box<RawValue>,
    /// `sourceId`.
    pub lookup_key: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether it is now as the request says.
    pub success: bool,
}

/// Bulk users by source id: users that do not exist are created, others updated; only fields that are there change.
#[utoipa::path(
    tag = "propeller",
    request_body = BatchBody,
    responses(
        (status = 200, description = "An outcome for each user", body = Answer),
        (status = 400, description = "A key or type is wrong, nothing is applied", body = ErrorBody),
        (status = "4XX", description = "Refused, nothing is applied", body = ErrorBody),
    ),
    security(("key" = ["imports:write"])),
)]
#[post("/users/bulk/sourceId")]
pub(crate) async fn upsert_users(
    app: Data<App>,
    doors: Data<Doors>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    caller.must(Scope::ImportsWrite)?;
    let _place = uploads::admit(&app, &doors)?;
    let body = json::read_text(&request, payload, &["application/json"], MAX_BODY_BYTES).await?;
    let batch = json::parse(move || Batch::read(&body)).await?;
    let users = batch.with_parents(&app, caller.org).await?;
    apply(&app, &doors, caller.org, users).await
}

/// Runs the users as one import, and tells what became of each.
async fn apply(app: &App, doors: &Doors, org: OrgId, users: Vec<User>) -> Result<HttpResponse, Problem> {
    let (keys, rows): (Vec<_>, Vec<_>) = users.into_iter().map(User::into_parts).unzip();
    let (sent, keys): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
    let rows = composed::body(COLUMNS, move |each| {
        rows.into_iter().all(each);
    });
    let import = uploads::run_now(app, doors, upload(org), rows).await?;
    if import.status == Status::Canceled || import.error.is_some() {
        return Err(Problem::new(Kind::Internal));
    }
    let outcomes = outcomes(app, &import, &keys).await?;
    Ok(answer(&import, sent, outcomes))
}

fn upload(org: OrgId) -> Upload {
    Upload {
        org,
        surface: SURFACE,
        options: batch::options(),
        file_name: None,
        inflate: None,
        idempotency_key: None,
    }
}

fn answer(import: &Import, sent: Vec<Box<RawValue>>, outcomes: Vec<Outcome>) -> HttpResponse {
    let data: Vec<Item> = sent.into_iter().zip(outcomes).map(item).collect();
    HttpResponse::Ok()
        .insert_header((LONGSHORE_IMPORT_ID, import.id.to_string()))
        .json(Answer {
            total: data.len(),
            messages: ["Completed"],
            data,
        })
}

fn item((key, outcome): (Box<RawValue>, Outcome)) -> Item {
    let (action, id, message) = match outcome {
        Outcome::Applied { id, created: true } => (Some("create"), id, None),
        Outcome::Applied { id, created: false } => (Some("update"), id, None),
        Outcome::Failed(reasons) => (None, None, Some(reasons)),
    };
    Item {
        action,
        id,
        key,
        lookup_key: LOOKUP_KEY,
        success: message.is_none(),
        message,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn shown(key: &str, outcome: Outcome) -> String {
        let key = RawValue::from_string(key.to_owned()).unwrap();
        serde_json::to_string(&item((key, outcome))).unwrap()
    }

    #[test]
    fn outcomes_on_the_wire() {
        let applied = |created| Outcome::Applied {
            id: Some(14713),
            created,
        };
        assert_eq!(
            shown("3002196", applied(true)),
            r#"{"action":"create","id":14713,"key":3002196,"lookupKey":"sourceId","success":true}"#
        );
        assert_eq!(
            shown(r#""3002196""#, applied(false)),
            r#"{"action":"update","id":14713,"key":"3002196","lookupKey":"sourceId","success":true}"#
        );
        assert_eq!(
            shown("7", Outcome::Failed("email: not a valid e-mail address".to_owned())),
            r#"{"action":null,"id":null,"key":7,"lookupKey":"sourceId","message":"email: not a valid e-mail address","success":false}"#
        );
    }
}

//! JSON bodies, bounded in size and time; `strict` parses them. What the members mean is for the caller.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, web};
use serde_json::{Map, Value};

use super::Doors;
use super::body::{self, Incoming};
use super::problem::{Kind, Problem};
use super::strict::parse_object;

/// Largest JSON body: a user with every field at its limit is smaller.
pub(super) const MAX_JSON_BYTES: usize = 1024 * 1024;

/// Reads a whole body as one JSON object; `types` are the media types it may come as.
pub(super) async fn read_object(
    request: &HttpRequest,
    payload: web::Payload,
    types: &[&str],
) -> Result<Map<String, Value>, Problem> {
    parse_object(&read_bytes(request, payload, types, MAX_JSON_BYTES).await?)
}

/// Reads a whole body as text of at most `most` bytes; what it says is for the caller.
pub(super) async fn read_text(
    request: &HttpRequest,
    payload: web::Payload,
    types: &[&str],
    most: usize,
) -> Result<String, Problem> {
    let bytes = read_bytes(request, payload, types, most).await?;
    String::from_utf8(bytes).map_err(|_| Problem::with(Kind::InvalidJson, "The body is not UTF-8."))
}

/// Makes something of a large text, off the threads that answer requests.
pub(super) async fn parse<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    web::block(work).await.map_err(|_| Problem::new(Kind::Internal))?
}

async fn read_bytes(
    request: &HttpRequest,
    payload: web::Payload,
    types: &[&str],
    most: usize,
) -> Result<Vec<u8>, Problem> {
    check_type(request, types)?;
    let too_large = || body::too_large(u64::try_from(most).unwrap_or(u64::MAX));
    let length = body::content_length(request.headers()).map(usize::try_from);
    if length.is_some_and(|length| length.is_ok_and(|length| length > most)) {
        return Err(too_large());
    }
    let doors = request.app_data::<web::Data<Doors>>();
    let limits = doors
        .map(|doors| doors.pace.clone())
        .ok_or_else(|| Problem::new(Kind::Internal))?;
    let mut incoming = Incoming::open(request.headers(), payload.into_inner(), limits)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = incoming.next().await? {
        if bytes.len() + chunk.len() > most {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn check_type(request: &HttpRequest, types: &[&str]) -> Result<(), Problem> {
    let given = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if types.contains(&essence.as_str()) {
        return Ok(());
    }
    let detail = format!("The Content-Type is {given:?}; expected {}.", types.join(" or "));
    Err(Problem::with(Kind::UnsupportedMediaType, detail))
}

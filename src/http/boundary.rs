//! The edge that every request crosses: request id, span, access log, metrics, envelope of refusals, security headers. Never a
//! query string, a key or a byte of a body in here: keys may stand in either.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures::Stream;
use tracing::Instrument;

use super::Doors;
use super::connection::{Hands, InHand};
use super::envelope::{self, Asked};
use super::in_flight::Entered;
use super::problem::{Kind, Problem};
use super::request_id::RequestId;
use super::surface::{self, Surface};
use crate::app::App;

/// Asked every few seconds by machines: not worth a line each.
const PROBES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// What the boundary notes of a request before it goes in.
struct Crossing {
    id: RequestId,
    surface: Surface,
    path: String,
    method: &'static str,
    is_head: bool,
    started: Instant,
    body: Option<SharedPayload>,
}

/// The middleware.
pub(super) async fn boundary(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let crossing = enter(&mut request);
    let app = request.app_data::<web::Data<App>>().cloned();
    let in_hand = request.request().conn_data::<Hands>().map(Hands::take);
    let in_flight = request
        .app_data::<web::Data<Doors>>()
        .map(|doors| doors.in_flight.enter());
    let span = tracing::info_span!("http", request_id = %crossing.id, method = crossing.method);
    let response = next.call(request).instrument(span.clone()).await?;
    let response = leave(&crossing, response);
    span.in_scope(|| record(app.as_deref().map(AsRef::as_ref), &crossing, &response));
    let payload = crossing.body;
    Ok(response.map_body(|_, body| {
        BoxBody::new(Held {
            body,
            _payload: payload,
            _in_hand: in_hand,
            _in_flight: in_flight,
        })
    }))
}

fn enter(request: &mut ServiceRequest) -> Crossing {
    let is_head = request.method() == Method::HEAD;
    let method = name(request.method());
    if is_head {
        // Answered as GET; the connection knows that it must not send the body.
        request.head_mut().method = Method::GET;
    }
    let body = match request.take_payload() {
        Payload::None => None,
        payload => {
            let shared = SharedPayload(Rc::new(RefCell::new(payload)));
            request.set_payload(Payload::Stream {
                payload: Box::pin(shared.clone()),
            });
            Some(shared)
        }
    };
    Crossing {
        id: RequestId::of(request.headers()),
        surface: Surface::of(request.path()),
        path: request.path().to_owned(),
        method,
        is_head,
        started: Instant::now(),
        body,
    }
}

fn render(crossing: &Crossing, problem: &Problem, request: &HttpRequest) -> HttpResponse {
    let app = request.app_data::<web::Data<App>>();
    let public_url = app.and_then(|app| app.config.public_url.as_deref());
    let asked = Asked {
        method: crossing.method,
        path: &crossing.path,
        base: &surface::base(public_url, request.headers()),
    };
    envelope::render(crossing.surface, problem, &crossing.id, &asked)
}

/// Refusals get their envelope, all answers their headers.
fn leave(crossing: &Crossing, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let refusal = response
        .response()
        .error()
        .map(|error| match error.as_error::<Problem>() {
            Some(problem) => problem.clone(),
            None => Problem::new(kind_of(error.as_response_error().status_code())),
        });
    let mut response = match refusal {
        Some(problem) => {
            let rendered = render(crossing, &problem, response.request());
            response.into_response(rendered)
        }
        None => response,
    };
    envelope::finish(response.headers_mut(), &crossing.path, &crossing.id);
    if crossing.is_head && !matches!(response.response().body().size(), BodySize::Sized(_)) {
        return response.map_body(|_, _| BoxBody::new(actix_web::body::None::new()));
    }
    response
}

/// What actix refuses by itself, in our words.
fn kind_of(status: StatusCode) -> Kind {
    match status {
        StatusCode::NOT_FOUND => Kind::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Kind::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => Kind::BodyTooLarge,
        status if status.is_client_error() => Kind::BodyMalformed,
        _ => Kind::Internal,
    }
}

fn record(app: Option<&App>, crossing: &Crossing, response: &ServiceResponse<BoxBody>) {
    let status = response.status().as_u16();
    let took = crossing.started.elapsed();
    let route = response
        .request()
        .match_pattern()
        .unwrap_or_else(|| "unmatched".to_owned());
    if let Some(app) = app {
        app.metrics.http_request(crossing.method, &route, status, took);
    }
    if !PROBES.contains(&route.as_str()) {
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(route, status, duration_ms, "http.answered");
    }
}

/// Methods as a small set of labels.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// A request's body, also reachable while its answer is sent.
#[derive(Clone)]
struct SharedPayload(Rc<RefCell<Payload>>);

impl Stream for SharedPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(cx)
    }
}

/// An answer that keeps the request's body until it is sent: a body that was not read to its end then makes actix close the
/// connection after a short linger, whatever its framing, instead of draining a chunked one for as long as it comes. The request
/// counts as in flight until then.
struct Held {
    body: BoxBody,
    _payload: Option<SharedPayload>,
    _in_hand: Option<InHand>,
    _in_flight: Option<Entered>,
}

impl MessageBody for Held {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(cx)
    }
}

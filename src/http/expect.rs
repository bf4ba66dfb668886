//! `Expect: 100-continue`: a client that asks first is told before it sends anything whether its key is good and its body not
//! too large. Without this actix would say `100 Continue` to everybody.

use actix_http::{Request, Response};
use actix_web::HttpMessage;
use actix_web::body::BoxBody;
use actix_web::web::Data;

use super::Doors;
use super::auth;
use super::body;
use super::connection::Hands;
use super::envelope::{self, Asked};
use super::origin;
use super::problem::{Kind, Problem};
use super::request_id::RequestId;
use super::surface::{self, Surface};
use crate::app::App;

/// Lets a request go on, or answers it.
pub(super) async fn go_ahead(app: App, doors: Data<Doors>, request: Request) -> Result<Request, Response<BoxBody>> {
    let _in_hand = request.conn_data::<Hands>().map(Hands::take);
    let path = request.path().to_owned();
    let surface = Surface::of(&path);
    match check(&app, &doors, surface, &request).await {
        Ok(()) => Ok(request),
        Err(problem) => {
            let id = RequestId::of(request.headers());
            let base = surface::base(app.config.public_url.as_deref(), request.headers());
            let asked = Asked {
                method: request.method().as_str(),
                path: &path,
                base: &base,
            };
            let mut response = envelope::render(surface, &problem, &id, &asked);
            envelope::finish(response.headers_mut(), &path, &id);
            tracing::info!(request_id = %id, status = problem.status.as_u16(), "http.refused_before_body");
            Err(response.into())
        }
    }
}

async fn check(app: &App, doors: &Doors, surface: Surface, request: &Request) -> Result<(), Problem> {
    if app.stop.is_cancelled() {
        return Err(Problem::new(Kind::Draining).retry_after(1));
    }
    if surface.wants_key(request.path()) {
        let query = request.uri().query().unwrap_or_default();
        let presented = auth::Presented::read(surface, request.headers(), query);
        let from = origin::of(request.peer_addr(), request.headers(), &app.config.trusted_proxies);
        auth::authenticate(app, doors, presented, from).await?;
    }
    let limit = app.config.limits.upload_bytes.saturating_add(body::MULTIPART_OVERHEAD);
    match body::content_length(request.headers()) {
        Some(length) if length > limit => Err(body::too_large(app.config.limits.upload_bytes)),
        _ => Ok(()),
    }
}

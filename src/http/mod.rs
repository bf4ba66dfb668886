//! actix only here: the server, its edge, and one folder per surface, each a translation. What a request asks for is done by
//! `imports` and `records`; nothing in this room queries, parses CSV or retries.

mod attempts;
pub mod auth;
pub mod body;
mod boundary;
mod causes;
mod connection;
mod days;
mod envelope;
mod expect;
pub mod forsure;
pub mod health;
mod in_flight;
mod json;
pub mod loginradius;
mod members;
pub mod native;
pub mod openapi;
mod origin;
pub mod page;
mod preconditions;
pub mod problem;
mod problems;
pub mod propeller;
pub mod query;
mod request_id;
mod routes;
#[cfg(test)]
mod samples;
pub mod slashid;
pub mod spigit;
mod strict;
mod surface;
mod uploads;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_http::{HttpService, Request};
use actix_server::Server;
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use utoipa_actix_web::AppExt;

use self::attempts::Attempts;
use self::body::pace;
use self::connection::Connection;
use self::in_flight::InFlight;
use self::problem::{Kind, Problem};
use crate::app::App;
use crate::telemetry::announce;

/// Headers must be in by then.
const HEADERS_WITHIN: Duration = Duration::from_secs(5);
/// A refused client has this long to read its answer before the connection is cut.
const LINGER: Duration = Duration::from_secs(1);
/// An idle connection is kept this long.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// After the stop, requests in hand go on for this long, and probes are told that the process drains.
const DRAIN: Duration = Duration::from_secs(2);
/// What is left then is cut off after this many seconds.
const CUT_OFF_SECONDS: u64 = 1;

/// What the handlers share beyond the `App`: one for the whole process, whatever the number of actix's threads.
pub struct Doors {
    /// Where uploads are worked on: the process's runtime, not a thread of actix's.
    pub runtime: Handle,
    /// Places for uploads.
    pub uploads: Arc<Semaphore>,
    /// What a body must keep to.
    pub pace: pace::Limits,
    /// What a client must keep to.
    patience: connection::Limits,
    in_flight: InFlight,
    attempts: Attempts,
}

impl Doors {
    fn new(app: &App) -> Self {
        let limits = &app.config.limits;
        Self {
            runtime: Handle::current(),
            uploads: Arc::new(Semaphore::new(limits.uploads_in_flight)),
            pace: pace::Limits {
                idle: limits.body_idle,
                total: limits.body_total,
                bytes_per_second: limits.body_rate,
            },
            patience: connection::Limits {
                unread: limits.body_idle,
                // The first head is actix's to refuse, with an answer.
                head: HEADERS_WITHIN + LINGER,
                idle: KEEP_ALIVE + HEADERS_WITHIN,
            },
            in_flight: InFlight::default(),
            attempts: Attempts::new(limits.auth_failures),
        }
    }
}

/// Serves HTTP/1.1 until the app is asked to stop, then drains. Must be called on the process's multi-thread runtime.
pub async fn serve(app: App, listener: TcpListener) -> io::Result<()> {
    let address = listener.local_addr()?;
    let doors = Data::new(Doors::new(&app));
    let builder = Server::build().disable_signals().shutdown_timeout(CUT_OFF_SECONDS);
    let draining = builder.graceful_shutdown_signal();
    let factory = {
        let (app, doors) = (app.clone(), doors.clone());
        move || {
            let (asked, at, signal, patience) = (app.clone(), doors.clone(), draining.clone(), doors.patience);
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let signal = signal.clone();
                    async move { signal.notified().await }
                })
                .keep_alive(KEEP_ALIVE)
                .client_request_timeout(HEADERS_WITHIN)
                .client_disconnect_timeout(LINGER)
                .local_addr(address)
                .on_connect_ext(|connection: &Connection, extensions| {
                    extensions.insert(connection.hands());
                })
                .expect(fn_service(move |request: Request| {
                    expect::go_ahead(asked.clone(), at.clone(), request)
                }))
                .h1(map_config(service(app.clone(), doors.clone()), |()| {
                    AppConfig::default()
                }));
            let watched = move |stream: TcpStream| {
                let connection = Connection::new(stream, patience);
                let peer = connection.peer();
                std::future::ready(Ok((connection, peer)))
            };
            fn_service(watched).and_then(http)
        }
    };
    let server = builder.listen("http", listener, factory)?.run();
    tracing::info!(%address, "http.listening");
    announce(format_args!(
        "listening on http://{address}, documentation at http://{address}/docs/"
    ));
    let handle = server.handle();
    let stopping = async {
        app.stop.cancelled().await;
        // Until then a probe is told to send requests elsewhere.
        if tokio::time::timeout(DRAIN, doors.in_flight.none()).await.is_err() {
            tracing::warn!("http.requests_cut_off");
        }
        handle.stop(true).await;
    };
    tokio::join!(server, stopping).0
}

/// The routes behind their edge.
fn service(
    app: App,
    doors: Data<Doors>,
) -> impl ServiceFactory<
    Request,
    Config = AppConfig,
    Response = ServiceResponse<BoxBody>,
    Error = actix_web::Error,
    InitError = (),
> {
    let routed = actix_web::App::new()
        .into_utoipa_app()
        .openapi(openapi::base())
        .configure(routes::documented);
    let (routed, document) = routed.split_for_parts();
    let table = Data::new(routes::Table::new(&document));
    let text = Data::new(openapi::Text(document.to_pretty_json().unwrap_or_default()));
    routed
        .app_data(Data::new(app))
        .app_data(doors)
        .app_data(table)
        .app_data(text)
        .configure(routes::documents)
        .default_service(web::to(routes::unrouted))
        .wrap(from_fn(boundary::boundary))
        .into_factory()
}

/// The OpenAPI document.
pub fn openapi_json() -> String {
    openapi::json()
}

/// Every method and path that is answered; what a test of all routes goes by.
pub fn route_table() -> Vec<(&'static str, String)> {
    routes::Table::new(&openapi::document()).rows()
}

/// A number of ours in a path. What is not a canonical positive integer names nothing.
pub fn path_id(text: &str) -> Result<i64, Problem> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let id = text.parse().ok().filter(|_| canonical);
    id.ok_or_else(|| Problem::new(Kind::NotFound))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_canonical_positive_integers() {
        assert_eq!(path_id("9").ok(), Some(9));
        for other in [
            "0",
            "09",
            "+9",
            "-9",
            "9.0",
            "",
            " 9",
            "9x",
            "٩",
            "9223372036854775808",
            "..%2f",
        ] {
            assert_eq!(
                path_id(other).map_err(|problem| problem.code),
                Err("not-found"),
                "{other}"
            );
        }
    }
}

//! For machines that watch: is the process alive, should it get requests, how is it doing. Open to everybody; says nothing about
//! why a part fails, that is in the log.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use crate::app::App;
use crate::store::StoreError;

/// A part that takes longer to answer counts as failed.
const CHECK_WITHIN: Duration = Duration::from_secs(2);

/// Whether the process should get requests.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ready`, `degraded` (imports start late), `unready` or `draining`.
    pub status: &'static str,
    /// `ok` or `failed`, by part.
    pub checks: BTreeMap<&'static str, &'static str>,
}

/// Whether the process is alive.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`.
    pub status: &'static str,
}

/// The process is alive.
#[utoipa::path(tag = "operations", responses((status = 200, description = "It is", body = Health)))]
#[get("/healthz")]
pub(crate) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok" })
}

/// The process should get requests.
#[utoipa::path(
    tag = "operations",
    responses(
        (status = 200, description = "It should", body = Readiness),
        (status = 503, description = "It should not", body = Readiness),
    ),
)]
#[get("/readyz")]
pub(crate) async fn readyz(app: Data<App>) -> HttpResponse {
    let (store, queue, blobs) = tokio::join!(
        check("database", app.store.ready()),
        check("queue", app.queue.ready()),
        check("blobs", app.blobs.ready()),
    );
    let schema = !matches!(store, Err(Some(StoreError::Schema(_))));
    let found = Found {
        database: store.is_ok() || !schema,
        schema,
        queue: queue.is_ok(),
        blobs: blobs.is_ok(),
    };
    let (status, readiness) = judge(found, app.stop.is_cancelled());
    HttpResponse::build(status).json(readiness)
}

struct Found {
    database: bool,
    schema: bool,
    queue: bool,
    blobs: bool,
}

/// Without its doorbell the process still takes files in, and workers find them by their own poll: degraded, not unready.
fn judge(found: Found, draining: bool) -> (StatusCode, Readiness) {
    let word = |ok: bool| if ok { "ok" } else { "failed" };
    let checks = [
        ("database", found.database),
        ("schema", found.schema),
        ("queue", found.queue),
        ("blobs", found.blobs),
    ];
    let able = found.database && found.schema && found.blobs;
    let (code, status) = match (draining, able, found.queue) {
        (true, _, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (_, false, _) => (StatusCode::SERVICE_UNAVAILABLE, "unready"),
        (_, true, false) => (StatusCode::OK, "degraded"),
        (_, true, true) => (StatusCode::OK, "ready"),
    };
    (
        code,
        Readiness {
            status,
            checks: checks.map(|(name, ok)| (name, word(ok))).into(),
        },
    )
}

async fn check<E: std::error::Error>(
    part: &'static str,
    answering: impl Future<Output = Result<(), E>>,
) -> Result<(), Option<E>> {
    match tokio::time::timeout(CHECK_WITHIN, answering).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            tracing::warn!(part, error = %error, "ready.part_failed");
            Err(Some(error))
        }
        Err(_) => {
            tracing::warn!(part, "ready.part_silent");
            Err(None)
        }
    }
}

/// The process's numbers, for Prometheus.
#[utoipa::path(
    tag = "operations",
    responses((status = 200, description = "The text format", body = String, content_type = "text/plain")),
)]
#[get("/metrics")]
pub(crate) async fn metrics(app: Data<App>) -> Result<HttpResponse, Problem> {
    if let Ok((depth, oldest)) = app.store.queue_depth().await {
        app.metrics.queue(depth, oldest);
    }
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(app.metrics.render()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(database: bool, queue: bool, draining: bool) -> (u16, &'static str) {
        let (code, readiness) = judge(
            Found {
                database,
                schema: true,
                queue,
                blobs: true,
            },
            draining,
        );
        (code.as_u16(), readiness.status)
    }

    #[test]
    fn a_missing_doorbell_only_degrades() {
        assert_eq!(judged(true, true, false), (200, "ready"));
        assert_eq!(judged(true, false, false), (200, "degraded"));
        assert_eq!(judged(false, true, false), (503, "unready"));
        assert_eq!(judged(true, true, true), (503, "draining"));
    }
}

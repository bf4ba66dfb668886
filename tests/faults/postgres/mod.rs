//! Faults of PostgreSQL and of the line to it: answers lost, sessions and servers killed, silence, a full disk, every connection
//! taken, a clock that jumps.

mod contended;
mod full;
mod jump;
mod lost_answer;
mod migration;
mod restart;
mod silence;

use harness::{Proxy, Role, Running, Stack};

use crate::load::QUICK;

/// A scaled stack whose API and worker each have a line of their own to PostgreSQL. The test looks past both.
pub(crate) struct Lines {
    pub(crate) running: Running,
    pub(crate) api: Proxy,
    pub(crate) worker: Proxy,
}

impl Lines {
    pub(crate) async fn start() -> Self {
        let mut running = Stack::Scaled.prepare(QUICK).await;
        let url = running.database_url.clone();
        let (api, worker) = (Proxy::before(&url), Proxy::before(&url));
        running.set("LONGSHORE_DATABASE_URL", &api.url(&url));
        running.start(Role::Api).await;
        running.client = running.admin_of("acme").await;
        running.set("LONGSHORE_DATABASE_URL", &worker.url(&url));
        running.start(Role::Worker).await;
        // Commands, and whatever is started later, reach it without a detour.
        running.set("LONGSHORE_DATABASE_URL", &url);
        Self { running, api, worker }
    }
}

/// Until the API says that it is ready.
pub(crate) async fn ready(running: &Running) {
    for _ in 0..300 {
        if running
            .client
            .try_get("/readyz")
            .await
            .is_ok_and(|answer| answer.status == 200)
        {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the API does not get ready");
}

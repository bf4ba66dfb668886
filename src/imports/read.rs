//! Looking at imports: one, a page, or one until it is final.

use std::time::Duration;

use worker::import::{ImportId, OrgId};

use crate::app::App;
use crate::store::StoreError;
use crate::store::model::{Import, ImportFilter};
use crate::telemetry::Metrics;

/// A waiting caller looks again after a tenth of the time so far, within these: who waits for a small file hears at once, and who
/// waits for a large one costs little.
const SOONEST_LOOK: Duration = Duration::from_millis(10);
const LATEST_LOOK: Duration = Duration::from_millis(500);

/// The import as it stands; absent while its upload comes in.
pub async fn import(app: &App, org: OrgId, id: ImportId) -> Result<Option<Import>, StoreError> {
    app.store.import(org, id).await
}

/// The import as soon as it is final, or as it stands after `up_to` or when this process is asked to stop.
pub async fn wait(app: &App, org: OrgId, id: ImportId, up_to: Duration) -> Result<Option<Import>, StoreError> {
    let begun = tokio::time::Instant::now();
    loop {
        let import = app.store.import(org, id).await?;
        let waiting = import.as_ref().is_some_and(|import| !import.status.is_final());
        let waited = begun.elapsed();
        let left = up_to.saturating_sub(waited);
        if !waiting || left.is_zero() || app.stop.is_cancelled() {
            return Ok(import);
        }
        let pause = (waited / 10).clamp(SOONEST_LOOK, LATEST_LOOK);
        tokio::select! {
            () = tokio::time::sleep(pause.min(left)) => {}
            () = app.stop.cancelled() => {}
        }
    }
}

/// A page, newest first, of imports older than `before`.
pub async fn list(
    app: &App,
    org: OrgId,
    filter: ImportFilter,
    before: Option<ImportId>,
    limit: i64,
) -> Result<Vec<Import>, StoreError> {
    app.store.imports(org, filter, before, limit).await
}

/// Tells metrics and log of an import that has just become final; the caller sees to it that this happens once.
pub(super) fn record_end(metrics: &Metrics, import: &Import) {
    let (status, counts) = (import.status.as_str(), import.counts);
    metrics.import_rows(&counts);
    for error in &import.tally {
        metrics.row_errors(&error.code, error.count);
    }
    if let Some(finished) = import.finished_at {
        let started = import.started_at.unwrap_or(finished);
        metrics.import_started((started - import.created_at).to_std().unwrap_or_default());
        metrics.import_finished(
            import.status,
            &import.surface,
            (finished - started).to_std().unwrap_or_default(),
        );
    }
    tracing::info!(
        import_id = import.id.0,
        status,
        total = import.total,
        created = counts.created,
        updated = counts.updated,
        unchanged = counts.unchanged,
        failed = counts.failed,
        skipped = counts.skipped,
        "import.finished"
    );
}

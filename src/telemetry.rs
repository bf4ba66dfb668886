//! Logs and metrics. Logs go to standard error, as JSON unless that is a terminal; metrics are kept in a recorder that travels
//! with the `App` rather than in a global, so that two apps can run in one process. Labels are from small fixed sets: never an
//! id, a header, a query string or anything out of a file.

mod lines;

use std::fmt;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use metrics::{Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use worker::import::{Counts, Status};

use self::lines::OneLine;

/// From a healthy probe (5 ms) to the longest upload (an hour), in seconds.
const BUCKETS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0,
];
/// Histogram samples wait in memory until they are folded into buckets this often.
const UPKEEP: Duration = Duration::from_secs(5);
const METADATA: Metadata<'static> = Metadata::new("longshore", Level::INFO, None);

/// The log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter does not parse.
    #[error("the log filter {0:?} is not one of error, warn, info, debug, trace or target=level,…")]
    Filter(String),
    /// Somebody was first.
    #[error("a log is already set up in this process")]
    Taken,
}

/// The target of events that an audit asks for: what was done to keys, secrets and records, and who was turned away. They are kept
/// at whatever level was asked for.
pub const AUDIT: &str = "longshore::audit";

/// Starts the log of the process; `filter` as in `info` or `longshore=debug,info`.
pub fn start_log(filter: &str) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(safe(&own(filter))).map_err(|_| LogError::Filter(filter.to_owned()))?;
    // No colours: a line for people holds no control byte, whoever sent what it tells of.
    let log = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_env_filter(filter)
        .with_writer(|| OneLine(std::io::stderr()));
    let started = if std::io::stderr().is_terminal() {
        log.try_init()
    } else {
        log.json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(true)
            .try_init()
    };
    started.map_err(|_| LogError::Taken)
}

/// A bare level is ours: libraries only warn, and whatever they would tell at `debug`, such as a query's values, stays out.
fn own(filter: &str) -> String {
    if filter.contains(['=', ',']) {
        return filter.to_owned();
    }
    format!("warn,longshore={filter},worker={filter}")
}

/// Libraries that tell of values, at whatever level was asked for: a password may be among them.
const TALKATIVE: [&str; 3] = ["tokio_postgres", "diesel", "redis"];

/// The filter with those libraries held back and the audit's events kept, as the last word about a target counts.
fn safe(filter: &str) -> String {
    let is_theirs = |word: &&str| TALKATIVE.iter().any(|name| word.trim().starts_with(name));
    let ours = filter.split(',').filter(|word| !is_theirs(word)).map(str::to_owned);
    let theirs = TALKATIVE.iter().map(|name| format!("{name}=warn"));
    let audit = format!("{AUDIT}=info");
    ours.chain(theirs).chain([audit]).collect::<Vec<_>>().join(",")
}

/// A line for the person at the terminal, if there is one; a log of JSON lines stays one.
pub fn announce(line: impl fmt::Display) {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        let _closed = writeln!(terminal, "{line}");
    }
}

/// The process's numbers; cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<PrometheusRecorder>);

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(..)")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// An empty set of numbers, with the build's version in it.
    pub fn new() -> Self {
        let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).unwrap_or_default();
        let metrics = Self(Arc::new(builder.build_recorder()));
        metrics.gauge(
            "longshore_build_info",
            vec![label("version", env!("CARGO_PKG_VERSION"))],
            1,
        );
        metrics
    }

    /// The text that Prometheus reads.
    pub fn render(&self) -> String {
        self.0.handle().render()
    }

    /// Keeps memory flat while nobody reads; runs until `stop`.
    pub async fn keep_up(self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(UPKEEP);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            self.0.handle().run_upkeep();
        }
    }

    /// A request was answered; `route` is the pattern, such as `/v1/imports/{id}`.
    pub fn http_request(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let labels = vec![
            label("http_request_method", method),
            label("http_route", route),
            label("http_response_status_code", &status.to_string()),
        ];
        self.histogram("http_server_request_duration_seconds", labels, took);
    }

    /// Somebody was not let in; the reason is for operators only.
    pub fn auth_failure(&self, reason: &'static str) {
        self.count("longshore_auth_failures_total", vec![label("reason", reason)], 1);
    }

    /// A failed authentication was answered 429, for its `address` or its `key_id`.
    pub fn auth_limited(&self, of: &'static str) {
        self.count("longshore_auth_limited_total", vec![label("of", of)], 1);
    }

    /// Bytes of an upload came in, as sent.
    pub fn upload_bytes(&self, surface: &'static str, bytes: u64) {
        self.count("longshore_upload_bytes_total", vec![label("source", surface)], bytes);
    }

    /// Redis took no ring for an import; workers find it by their own poll.
    pub fn ring_lost(&self) {
        self.count("longshore_rings_lost_total", Vec::new(), 1);
    }

    /// A worker took an import that had waited this long.
    pub fn import_started(&self, waited: Duration) {
        self.histogram("longshore_import_queue_wait_seconds", Vec::new(), waited);
    }

    /// An import came to its end.
    pub fn import_finished(&self, status: Status, surface: &str, took: Duration) {
        let status = label("status", status.as_str());
        self.count(
            "longshore_imports_total",
            vec![status.clone(), label("source", surface)],
            1,
        );
        self.histogram("longshore_import_duration_seconds", vec![status], took);
    }

    /// A batch was committed with these outcomes.
    pub fn import_rows(&self, counts: &Counts) {
        let outcomes = [
            ("created", counts.created),
            ("updated", counts.updated),
            ("unchanged", counts.unchanged),
            ("failed", counts.failed),
            ("skipped", counts.skipped),
        ];
        for (outcome, rows) in outcomes.into_iter().filter(|(_, rows)| *rows > 0) {
            self.count("longshore_import_rows_total", vec![label("outcome", outcome)], rows);
        }
    }

    /// Rows failed with this code.
    pub fn row_errors(&self, code: &str, rows: u64) {
        self.count("longshore_import_row_errors_total", vec![label("code", code)], rows);
    }

    /// Imports that wait, and how long the oldest has.
    pub fn queue(&self, depth: u64, oldest: Option<Duration>) {
        self.gauge("longshore_queue_depth", vec![label("queue", "imports")], depth);
        let seconds = oldest.map_or(0, |age| age.as_secs());
        self.gauge(
            "longshore_queue_oldest_age_seconds",
            vec![label("queue", "imports")],
            seconds,
        );
    }

    fn count(&self, name: &'static str, labels: Vec<Label>, by: u64) {
        self.0
            .register_counter(&Key::from_parts(name, labels), &METADATA)
            .increment(by);
    }

    fn gauge(&self, name: &'static str, labels: Vec<Label>, value: u64) {
        let value = f64::from(u32::try_from(value).unwrap_or(u32::MAX));
        self.0
            .register_gauge(&Key::from_parts(name, labels), &METADATA)
            .set(value);
    }

    fn histogram(&self, name: &'static str, labels: Vec<Label>, value: Duration) {
        self.0
            .register_histogram(&Key::from_parts(name, labels), &METADATA)
            .record(value.as_secs_f64());
    }
}

fn label(name: &'static str, value: &str) -> Label {
    Label::new(name, value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_out_under_their_names() {
        let metrics = Metrics::new();
        metrics.http_request("GET", "/v1/imports/{id}", 200, Duration::from_millis(3));
        metrics.import_rows(&Counts {
            created: 2,
            failed: 1,
            ..Counts::default()
        });
        metrics.queue(3, Some(Duration::from_secs(9)));
        let text = metrics.render();
        for line in [
            r#"http_server_request_duration_seconds_bucket{http_request_method="GET",http_route="/v1/imports/{id}",http_response_status_code="200",le="0.005"} 1"#,
            r#"longshore_import_rows_total{outcome="created"} 2"#,
            r#"longshore_queue_oldest_age_seconds{queue="imports"} 9"#,
            r#"longshore_build_info{version=""#,
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        assert!(!text.contains("skipped"), "{text}");
    }

    #[test]
    fn two_sets_of_numbers_do_not_mix() {
        let (one, other) = (Metrics::new(), Metrics::new());
        one.auth_failure("unknown");
        assert!(!other.render().contains("longshore_auth_failures_total"));
    }

    #[test]
    fn no_filter_lets_a_library_tell_of_values() {
        assert_eq!(
            safe("debug,tokio_postgres::query=trace,h2=info"),
            "debug,h2=info,tokio_postgres=warn,diesel=warn,redis=warn,longshore::audit=info"
        );
    }

    #[test]
    fn a_broken_log_filter_is_named() {
        assert!(matches!(start_log("a=b=c"), Err(LogError::Filter(_))));
    }
}

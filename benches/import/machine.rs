//! Where and what was measured: a figure without it says nothing.

use std::path::Path;
use std::process::Command;

use chrono::Utc;

use crate::stage::Stage;

/// Lines for the page, each a name and what is so.
pub(crate) async fn describe(stage: &Stage) -> Vec<(&'static str, String)> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kind = after("/proc/cpuinfo", "model name");
    vec![
        ("date", Utc::now().format("%Y-%m-%d").to_string()),
        ("commit", commit(stage)),
        (
            "cores",
            format!("{cores} ({kind}), shared by everything that is measured"),
        ),
        ("memory", gibibytes(&after("/proc/meminfo", "MemTotal"))),
        ("disk", file_system(stage.folder())),
        ("system", said("uname", &["-sr"])),
        (
            "PostgreSQL",
            stage.ask(&stage.postgres.url("postgres"), "show server_version").await,
        ),
        ("its settings", settings(stage).await),
        (
            "its collation",
            stage.ask(&stage.postgres.url("postgres"), COLLATION).await,
        ),
        ("load before the run", load()),
        (
            "SQLite",
            said("sqlite3", &["--version"])
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned(),
        ),
    ]
}

/// It decides what the peer's text keys cost; Longshore's compare byte by byte.
const COLLATION: &str = "select datcollate::text from pg_database where datname = current_database()";

/// Whether somebody else was busy on this machine.
fn load() -> String {
    let averages = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let minute = averages.split(' ').next().unwrap_or_default();
    format!("{minute} (average of a minute; an idle machine has next to 0)")
}

async fn settings(stage: &Stage) -> String {
    let query = "select string_agg(name || ' ' || current_setting(name), ', ' order by name) from pg_settings where name in \
                 ('fsync', 'full_page_writes', 'synchronous_commit', 'shared_buffers', 'max_wal_size', 'checkpoint_timeout', \
                 'jit', 'work_mem')";
    stage.ask(&stage.postgres.url("postgres"), query).await
}

fn commit(stage: &Stage) -> String {
    if let Some(binary) = &stage.options.binary {
        return format!("unknown, measured was {}", binary.display());
    }
    let root = env!("CARGO_MANIFEST_DIR");
    let name = said("git", &["-C", root, "rev-parse", "--short=12", "HEAD"]);
    let changes = said("git", &["-C", root, "status", "--porcelain", "--untracked-files=no"]);
    match (name.is_empty(), changes.is_empty()) {
        (true, _) => "unknown".to_owned(),
        (false, true) => name,
        (false, false) => format!("{name}, with changes"),
    }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}

/// What stands behind the colon of a line.
fn after(file: &str, name: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    value.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}

fn gibibytes(kib: &str) -> String {
    let kib: u64 = kib.trim_end_matches(" kB").parse().unwrap_or_default();
    format!("{:.1} GiB", crate::times::real(kib) / 1024.0 / 1024.0)
}

/// The file system below the data: on one in memory a durable commit costs nothing.
fn file_system(folder: &Path) -> String {
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let fields = mounts
        .lines()
        .map(|line| line.split(' ').skip(1).take(2).collect::<Vec<_>>());
    let around = fields.filter(|fields| fields.first().is_some_and(|point| folder.starts_with(point)));
    let nearest = around.max_by_key(|fields| fields.first().map_or(0, |point| point.len()));
    nearest
        .and_then(|fields| fields.get(1).map(|kind| (*kind).to_owned()))
        .unwrap_or_default()
}

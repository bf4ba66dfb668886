//! One private PostgreSQL for the whole run, a fresh database for each test; and servers of a test's own, which it may break.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::process::Process;
use super::programs::{Unprivileged, free_port, program};
use super::watchdog;

/// A server: the run's own, or one that a test may break.
pub struct Postgres {
    port: u16,
    folder: PathBuf,
    log: PathBuf,
    settings: Vec<String>,
    environment: Vec<(String, String)>,
    process: Process,
}

/// Starts the run's server at the first call.
pub fn postgres() -> &'static Postgres {
    static POSTGRES: OnceLock<Postgres> = OnceLock::new();
    POSTGRES.get_or_init(|| Postgres::private(&[]))
}

impl Postgres {
    /// A server of the test's own.
    pub fn private(settings: &[&str]) -> Self {
        Self::private_in(&watchdog::folder("postgres-"), settings, &[])
    }

    /// The same with its data in a folder of the test's choice, and variables in its environment.
    pub fn private_in(folder: &Path, settings: &[&str], environment: &[(&str, &str)]) -> Self {
        make_cluster(folder);
        let settings: Vec<String> = SETTINGS.iter().chain(settings).map(|text| (*text).to_owned()).collect();
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let environment: Vec<_> = environment.iter().map(pair).collect();
        let log = watchdog::folder("postgres-log-").join("postgres.log");
        for _ in 0..5 {
            let port = free_port();
            let process = spawn(folder, &log, port, &settings, &environment);
            let mut server = Self {
                port,
                folder: folder.to_owned(),
                log: log.clone(),
                settings: settings.clone(),
                environment: environment.clone(),
                process,
            };
            if is_ready(&mut server.process, &folder.join("data")) {
                return server;
            }
        }
        panic!(
            "PostgreSQL does not start: {}",
            std::fs::read_to_string(&log).unwrap_or_default()
        );
    }

    /// Stops it: `INT` is the fast manner, `QUIT` the immediate one, as if it had crashed.
    pub fn stop(&mut self, signal: &str) {
        self.process.signal(signal);
        assert!(
            self.process.wait(Duration::from_secs(30)).is_some(),
            "PostgreSQL does not stop: {}",
            self.process.log_tail()
        );
    }

    /// Starts it again, on its data and its port.
    pub fn start_again(&mut self) {
        self.process = spawn(&self.folder, &self.log, self.port, &self.settings, &self.environment);
        assert!(
            is_ready(&mut self.process, &self.folder.join("data")),
            "PostgreSQL does not start again: {}",
            self.process.log_tail()
        );
    }

    /// Whether the server's first process runs.
    pub fn is_alive(&mut self) -> bool {
        self.process.is_alive()
    }

    /// Sends a signal to one of its processes, or to its first.
    pub fn signal(&self, pid: Option<i32>, name: &str) {
        let pid = pid.map_or_else(|| self.process.pid().to_string(), |pid| pid.to_string());
        let sent = Command::new("sh")
            .args(["-c", "kill -\"$1\" \"$2\"", "sh", name, &pid])
            .status();
        assert!(sent.is_ok(), "a shell");
    }

    /// A connection string for the database `name`.
    pub fn url(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}?sslmode=disable", self.port)
    }

    /// Makes an empty database and gives its URL.
    pub async fn fresh_database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let client = self.connect_to(&self.url("postgres")).await;
        client
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await
            .expect("a new database");
        self.url(&name)
    }

    /// A connection of the test's own, to look at what the product has written.
    pub async fn connect_to(&self, url: &str) -> tokio_postgres::Client {
        let connected = tokio_postgres::connect(url, tokio_postgres::NoTls).await;
        let (client, connection) = connected.expect("PostgreSQL answers");
        tokio::spawn(connection);
        client
    }
}

fn command(name: &str) -> Command {
    match Unprivileged::needed() {
        Some(user) => user.command(&program(name)),
        None => Command::new(program(name)),
    }
}

fn make_cluster(folder: &Path) {
    if let Some(user) = Unprivileged::needed() {
        user.take(folder);
    }
    let mut initdb = command("initdb");
    initdb
        .current_dir(folder)
        .arg("-D")
        .arg(folder.join("data"))
        .args(["-U", "postgres", "--auth=trust", "--no-sync"]);
    let made = initdb
        .args(["-E", "UTF8", "--locale=C.UTF-8"])
        .output()
        .expect("initdb");
    assert!(
        made.status.success(),
        "initdb: {}",
        String::from_utf8_lossy(&made.stderr)
    );
}

fn spawn(folder: &Path, log: &Path, port: u16, settings: &[String], environment: &[(String, String)]) -> Process {
    // For the server alone, not for what makes it another user's.
    let mut postgres = command("env");
    postgres
        .current_dir(folder)
        .args(environment.iter().map(|(name, value)| format!("{name}={value}")))
        .arg(program("postgres"))
        .arg("-D")
        .arg(folder.join("data"))
        .args(["-p", &port.to_string(), "-k"])
        .arg(folder);
    for setting in settings {
        postgres.args(["-c", setting]);
    }
    Process::spawn_to_quit(&mut postgres, log)
}

/// Nothing here outlives a power cut, so nothing waits for a disk.
const SETTINGS: [&str; 7] = [
    "listen_addresses=127.0.0.1",
    "max_connections=400",
    "shared_buffers=128MB",
    "fsync=off",
    "full_page_writes=off",
    "max_wal_size=2GB",
    "autovacuum_naptime=10s",
];

/// The eighth line of `postmaster.pid` says when the server takes connections; it is this server's own word.
fn is_ready(process: &mut Process, data: &Path) -> bool {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline && process.is_alive() {
        let file = std::fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        if file.lines().nth(7).is_some_and(|state| state.trim() == "ready") {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

//! One private PostgreSQL for the whole run, a fresh database for each test.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::process::Process;
use super::programs::{Unprivileged, free_port, program};
use super::watchdog;

/// The run's server.
pub struct Postgres {
    port: u16,
    _process: Process,
}

/// Starts the server at the first call.
pub fn postgres() -> &'static Postgres {
    static POSTGRES: OnceLock<Postgres> = OnceLock::new();
    POSTGRES.get_or_init(Postgres::start)
}

impl Postgres {
    fn start() -> Self {
        let folder = watchdog::folder("postgres-");
        let user = Unprivileged::needed();
        if let Some(user) = &user {
            user.take(&folder);
        }
        let command = |name: &str| match &user {
            Some(user) => user.command(&program(name)),
            None => Command::new(program(name)),
        };
        let data = folder.join("data");
        let mut initdb = command("initdb");
        initdb
            .current_dir(&folder)
            .arg("-D")
            .arg(&data)
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
        let log = watchdog::folder("postgres-log-").join("postgres.log");
        for _ in 0..5 {
            let port = free_port();
            let mut postgres = command("postgres");
            postgres
                .current_dir(&folder)
                .arg("-D")
                .arg(&data)
                .args(["-p", &port.to_string(), "-k"])
                .arg(&folder);
            for setting in SETTINGS {
                postgres.args(["-c", setting]);
            }
            let mut process = Process::spawn_to_quit(&mut postgres, &log);
            if is_ready(&mut process, &data) {
                return Self {
                    port,
                    _process: process,
                };
            }
        }
        panic!(
            "PostgreSQL does not start: {}",
            std::fs::read_to_string(&log).unwrap_or_default()
        );
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

/// Nothing here outlives a power cut, so nothing waits for a disk. A test kills our processes, never this server.
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

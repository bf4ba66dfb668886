//! The real binary on either stack: started, killed, started again, measured.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::binary::binary;
use super::client::Client;
use super::moto::{Bucket, S3_KEY, S3_REGION, moto};
use super::postgres::postgres;
use super::process::Process;
use super::programs::free_port;
use super::redis::Redis;
use super::watchdog;

/// Which parts the product runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// One process, SQLite, local files.
    Embedded,
    /// An API and a worker process over PostgreSQL, Redis and S3.
    Scaled,
}

/// What a process of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `longshore serve`.
    Serve,
    /// `longshore api`.
    Api,
    /// `longshore worker`.
    Worker,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Api => "api",
            Self::Worker => "worker",
        }
    }
}

/// A started product. Dropping it kills its processes; it then insists that none of them panicked.
pub struct Running {
    /// Which parts it runs on.
    pub stack: Stack,
    /// An admin of the organization `acme`.
    pub client: Client,
    /// Where its processes run; in embedded mode the parent of `data`.
    pub folder: PathBuf,
    /// The scaled stack's own Redis.
    pub redis: Option<Redis>,
    /// The scaled stack's own bucket.
    pub bucket: Option<Bucket>,
    /// `postgres://…` or `sqlite://…`, for a look from outside.
    pub database_url: String,
    pub(super) environment: Vec<(String, String)>,
    pub(super) port: u16,
    pub(super) processes: Vec<(Role, Process)>,
    injected_panics: bool,
}

impl Stack {
    /// Starts everything and waits until it is ready. Overrides are environment variables, `("LONGSHORE_WORKER_LEASE", "3s")`.
    pub async fn start(self, overrides: &[(&str, &str)]) -> Running {
        let mut running = self.prepare(overrides).await;
        match self {
            Self::Embedded => running.start(Role::Serve).await,
            Self::Scaled => {
                running.start(Role::Api).await;
                running.start(Role::Worker).await;
            }
        }
        running.client = running.admin_of("acme").await;
        running
    }

    /// Everything but the product's own processes, for tests of how they start.
    pub async fn prepare(self, overrides: &[(&str, &str)]) -> Running {
        let folder = watchdog::folder("longshore-");
        let mut environment = Vec::new();
        let (mut redis, mut bucket) = (None, None);
        let mut database_url = format!("sqlite://{}", folder.join("data/longshore.db").display());
        if self == Self::Scaled {
            let (own_redis, own_bucket) = (Redis::start(), moto().fresh_bucket().await);
            database_url = postgres().fresh_database().await;
            environment = scaled_environment(&database_url, &own_redis, &own_bucket);
            (redis, bucket) = (Some(own_redis), Some(own_bucket));
        }
        environment.extend(overrides.iter().map(owned));
        let mut running = self.unstarted(folder, database_url, environment);
        (running.redis, running.bucket) = (redis, bucket);
        running
    }

    pub(super) fn unstarted(
        self,
        folder: PathBuf,
        database_url: String,
        environment: Vec<(String, String)>,
    ) -> Running {
        let port = free_port();
        Running {
            stack: self,
            client: Client::new(port, String::new()),
            folder,
            redis: None,
            bucket: None,
            database_url,
            environment,
            port,
            processes: Vec::new(),
            injected_panics: false,
        }
    }
}

pub(super) fn owned((name, value): &(&str, &str)) -> (String, String) {
    ((*name).to_owned(), (*value).to_owned())
}

/// The same in every process of a stack, and worth nothing.
pub(super) const SECRET_KEY: &str = "6c6f6e6773686f7265207465737473206f6e6c792c206e6f7420612073656372";

fn scaled_environment(database_url: &str, redis: &Redis, bucket: &Bucket) -> Vec<(String, String)> {
    let pairs = [
        ("LONGSHORE_DATABASE_URL", database_url),
        ("LONGSHORE_REDIS_URL", &redis.url()),
        ("LONGSHORE_BLOB_URL", &bucket.url),
        ("LONGSHORE_S3_ENDPOINT", &bucket.endpoint),
        ("LONGSHORE_S3_REGION", S3_REGION),
        ("LONGSHORE_S3_ACCESS_KEY_ID", S3_KEY),
        ("LONGSHORE_S3_SECRET_ACCESS_KEY", S3_KEY),
        ("LONGSHORE_S3_ALLOW_HTTP", "true"),
        ("LONGSHORE_SECRET_KEY", SECRET_KEY),
    ];
    pairs.iter().map(owned).collect()
}

impl Running {
    /// The role that answers requests.
    pub fn front(&self) -> Role {
        if self.stack == Stack::Embedded {
            Role::Serve
        } else {
            Role::Api
        }
    }

    /// The role that runs imports.
    pub fn back(&self) -> Role {
        if self.stack == Stack::Embedded {
            Role::Serve
        } else {
            Role::Worker
        }
    }

    /// Starts a process; one that answers requests is ready afterwards. A second worker is started the same way.
    pub async fn start(&mut self, role: Role) {
        for _ in 0..5 {
            self.spawn(role);
            if role == Role::Worker || self.is_ready().await {
                return;
            }
            // Most likely somebody else was faster at the port.
            let (_, failed) = self.processes.pop().expect("just pushed");
            eprintln!("{}", failed.log_tail());
            self.port = free_port();
            self.client = self.client.at(self.port);
        }
        panic!("longshore {} does not get ready", role.word());
    }

    /// Starts a process and does not wait for it.
    pub fn spawn(&mut self, role: Role) {
        let log = self.folder.join(format!("{}.log", role.word()));
        let process = Process::spawn(&mut self.command_of(role), &log);
        self.processes.push((role, process));
    }

    /// Whether a process of the role is there.
    pub fn is_alive(&mut self, role: Role) -> bool {
        self.each(role).any(Process::is_alive)
    }

    /// Starts again what has died by itself.
    pub async fn revive(&mut self) {
        for role in [self.front(), self.back()] {
            if !self.is_alive(role) {
                self.restart(role).await;
            }
        }
    }

    /// The panics that a test has asked for are no fault of the product.
    pub fn forgive_injected_panics(&mut self) {
        self.injected_panics = true;
    }

    fn command_of(&self, role: Role) -> Command {
        let mut command = self.command(&[role.word()]);
        if role != Role::Worker {
            command.arg("--listen").arg(format!("127.0.0.1:{}", self.port));
        }
        command
    }

    /// `longshore ARGUMENTS` on this stack's data, with nothing of the tests' own environment but what any program needs.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LONGSHORE_")) {
            command.env_remove(name);
        }
        command
            .current_dir(&self.folder)
            .args(arguments)
            .arg("--data-dir")
            .arg(self.folder.join("data"));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    async fn is_ready(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(30);
        let client = self.client.clone();
        while Instant::now() < deadline && self.processes.last_mut().is_some_and(|(_, process)| process.is_alive()) {
            if client.try_get("/readyz").await.is_ok_and(|answer| answer.status == 200) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    /// Sets an environment variable for whatever is started from now on; an empty value takes it away.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(set, _)| set != name);
        if !value.is_empty() {
            self.environment.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The value of an environment variable that the stack was prepared with.
    pub fn environment(&self, name: &str) -> String {
        let found = self.environment.iter().find(|(set, _)| set == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// A client with a new admin key of an organization, which is made if it is missing.
    pub async fn admin_of(&self, organization: &str) -> Client {
        self.key_of(organization, &["admin"]).await
    }

    /// The same with scopes of the test's choice.
    pub async fn key_of(&self, organization: &str, scopes: &[&str]) -> Client {
        let mut command = self.command(&["keys", "create", "--organization", organization, "--output", "json"]);
        command.arg("--scopes").arg(scopes.join(","));
        let made = command.output().expect("the binary runs");
        assert!(
            made.status.success(),
            "keys create: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let answer: Value = serde_json::from_slice(&made.stdout).expect("JSON on stdout");
        let word = |value: &Value| value.as_str().expect("a string").to_owned();
        Client::new(self.port, word(&answer["key"]))
    }

    /// The processes of one role; all of them are meant wherever a role is named.
    fn each(&mut self, role: Role) -> impl Iterator<Item = &mut Process> {
        self.processes
            .iter_mut()
            .filter(move |(of, _)| *of == role)
            .map(|(_, process)| process)
    }

    /// Kills as a power cut would.
    pub fn kill9(&mut self, role: Role) {
        self.each(role).for_each(Process::kill9);
        self.processes.retain(|(of, _)| *of != role);
    }

    /// `kill9`, then the same again on the same port.
    pub async fn restart(&mut self, role: Role) {
        self.kill9(role);
        self.start(role).await;
    }

    /// Asks by SIGTERM; gives how long it took, or panics after `up_to`.
    pub fn stop(&mut self, role: Role, up_to: Duration) -> Duration {
        let began = Instant::now();
        for process in self.each(role) {
            process.signal("TERM");
            let status = process
                .wait(up_to)
                .unwrap_or_else(|| panic!("still there:\n{}", process.log_tail()));
            assert!(status.success(), "{status}\n{}", process.log_tail());
        }
        self.processes.retain(|(of, _)| *of != role);
        began.elapsed()
    }

    /// Takes the first process of a role out of this product's hands; `kill9` and its like no longer mean it.
    pub fn detach(&mut self, role: Role) -> Process {
        let place = self
            .processes
            .iter()
            .position(|(of, _)| *of == role)
            .expect("a process of this role");
        self.processes.remove(place).1
    }

    /// The scaled stack's database, seen from outside.
    pub async fn database(&self) -> tokio_postgres::Client {
        postgres().connect_to(&self.database_url).await
    }

    /// Sends `STOP`, `CONT` and the like.
    pub fn signal(&mut self, role: Role, name: &str) {
        self.each(role).for_each(|process| process.signal(name));
    }

    /// What every process of the role has written on its outputs, over all its lives.
    pub fn log(&self, role: Role) -> String {
        std::fs::read_to_string(self.folder.join(format!("{}.log", role.word()))).unwrap_or_default()
    }

    /// The most memory a process of the role ever held, in KiB.
    pub fn peak_kib(&mut self, role: Role) -> u64 {
        self.each(role)
            .map(|process| process.peak_kib())
            .max()
            .expect("a process of this role")
    }

    /// Where the embedded stack keeps its data.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The answer of an unauthenticated request.
    pub fn stranger(&self) -> Client {
        Client::new(self.port, String::new())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for (_, process) in &mut self.processes {
            process.kill9();
        }
        if std::thread::panicking() {
            self.processes
                .iter()
                .for_each(|(_, process)| eprintln!("{}", process.log_tail()));
            return;
        }
        for role in [Role::Serve, Role::Api, Role::Worker] {
            let log = self.log(role);
            // The crate behind the failure points panics in its own file.
            let injected = |line: &str| self.injected_panics && line.contains("/fail-");
            let panicked = log.lines().find(|line| line.contains("panicked at") && !injected(line));
            assert!(panicked.is_none(), "longshore {} panicked: {panicked:?}", role.word());
        }
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

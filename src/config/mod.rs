//! The only reader of the environment. Flags go before `LONGSHORE_*`, those before `longshore.toml`, that before the
//! defaults; everything is read once and checked whole, and a key that nobody knows is refused by name.

mod keys;
mod layers;
mod networks;
mod secret;

use std::fmt;
use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::time::Duration;

pub use keys::{KEYS, Key};
pub use layers::Layers;
pub use networks::Network;
pub use secret::{SecretKey, create_private_dir, write_private};

/// Which part of the product a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// API and worker in one process.
    Serve,
    /// API alone.
    Api,
    /// Worker alone.
    Worker,
    /// A command beside them (`migrate`, `keys`), which talks to the database only.
    Tool,
}

/// Every setting, checked.
#[derive(Clone)]
pub struct Config {
    /// What this process is.
    pub mode: Mode,
    /// Address and port of the API; port 0 takes a free one.
    pub listen: String,
    /// Where the embedded parts keep everything.
    pub data_dir: PathBuf,
    /// `sqlite://…` or `postgres://…`.
    pub database_url: String,
    /// Connections of the main pool.
    pub database_connections: usize,
    /// `redis://…` or `rediss://…`; absent = embedded queue.
    pub redis_url: Option<String>,
    /// `file://…` or `s3://…`.
    pub blob_url: String,
    /// How to reach an S3-compatible store.
    pub s3: S3,
    /// Pepper of keys and cursors; never printed.
    pub secret_key: SecretKey,
    /// What `secret_key` was before, until everything is wrapped anew.
    pub previous_secret_key: Option<SecretKey>,
    /// What clients call this service, without a slash at the end.
    pub public_url: Option<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Filter of the log, in the form of `RUST_LOG`.
    pub log: String,
    /// What a caller may ask of one process.
    pub limits: Limits,
    /// How imports are run.
    pub worker: Worker,
}

/// An S3-compatible store; empty where the URL is `file://`.
#[derive(Clone, Default)]
pub struct S3 {
    /// `https://host:port`; absent = AWS.
    pub endpoint: Option<String>,
    /// The bucket's region.
    pub region: String,
    /// Who we are.
    pub access_key_id: Option<String>,
    /// Never printed.
    pub secret_access_key: Option<String>,
    /// Plain HTTP, for a store on the same network.
    pub allow_http: bool,
}

/// URLs may hold passwords: they are left out.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("mode", &self.mode)
            .field("listen", &self.listen)
            .field("data_dir", &self.data_dir)
            .field("limits", &self.limits)
            .field("worker", &self.worker)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// Bounds on uploads and answers.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest file in bytes, inflated.
    pub upload_bytes: u64,
    /// How long a finished import, its file and its failed rows are kept.
    pub retention: Duration,
    /// Uploads at once in one process.
    pub uploads_in_flight: usize,
    /// Longest silence inside a body, and longest wait for a client to read on.
    pub body_idle: Duration,
    /// Longest time for a whole body.
    pub body_total: Duration,
    /// Least bytes per second of a body after its first 30 seconds.
    pub body_rate: u64,
    /// Longest `Prefer: wait`.
    pub wait: Duration,
    /// Failed authentications of one address, or of one key id, that are answered 401 at once.
    pub auth_failures: usize,
}

/// How a worker runs imports.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Imports at once in one process.
    pub concurrency: usize,
    /// Most rows in a batch.
    pub batch_rows: usize,
    /// How long a silent worker keeps its import.
    pub lease: Duration,
    /// How often the ledger is asked for work that no doorbell announced.
    pub poll: Duration,
}

/// A setting that cannot be, with its name and how to mend it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl Config {
    /// Reads and checks everything. `flags` are (key, value) pairs of the command line.
    pub fn load(mode: Mode, flags: Vec<(&'static str, String)>) -> Result<Self, ConfigError> {
        Self::from_layers(mode, &Self::layers(flags)?)
    }

    /// The settings as texts, for a command that needs one or two of them.
    pub fn layers(flags: Vec<(&'static str, String)>) -> Result<Layers, ConfigError> {
        Layers::read(flags, std::env::vars_os(), std::path::Path::new("longshore.toml"))
    }

    /// The same from given layers; the data directory's secret key is made when it is missing and may be made.
    pub fn from_layers(mode: Mode, layers: &Layers) -> Result<Self, ConfigError> {
        let data_dir = PathBuf::from(layers.text("data_dir"));
        // Absolute, so that the URLs made of it are; the folder itself need not exist.
        let data_dir = std::path::absolute(&data_dir)
            .map_err(|error| ConfigError(format!("data_dir {} cannot be used: {error}", data_dir.display())))?;
        let directory = data_dir.display();
        let database_url = layers
            .given("database_url")
            .unwrap_or_else(|| format!("sqlite://{directory}/longshore.db"));
        scheme("database_url", &database_url, &["sqlite", "postgres", "postgresql"])?;
        let blob_url = layers
            .given("blob_url")
            .unwrap_or_else(|| format!("file://{directory}/blobs"));
        let config = Self {
            mode,
            listen: layers.text("listen"),
            database_connections: layers.number("database_connections")?,
            redis_url: layers.given("redis_url"),
            s3: s3(layers)?,
            secret_key: SecretKey::resolve(mode, layers, &data_dir, database_url.starts_with("sqlite:"))?,
            previous_secret_key: SecretKey::previous(layers)?,
            public_url: layers
                .given("public_url")
                .map(|url| url.trim_end_matches('/').to_owned()),
            trusted_proxies: networks::trusted_proxies(layers)?,
            log: layers.text("log"),
            limits: limits(layers)?,
            worker: worker(layers)?,
            data_dir,
            database_url,
            blob_url,
        };
        config.check(layers)?;
        Ok(config)
    }

    /// Files with `secret_key` in them that others than their owner may read. Containers mount secrets so: a warning, no refusal.
    pub fn exposed_secrets(&self) -> Vec<PathBuf> {
        use std::os::unix::fs::PermissionsExt;
        let is_exposed = |file: &PathBuf| {
            let mode = std::fs::metadata(file).map_or(0, |metadata| metadata.permissions().mode());
            mode & 0o077 != 0
        };
        self.secret_key.file().cloned().into_iter().filter(is_exposed).collect()
    }

    /// Whether the database is a file of this process alone.
    pub fn is_embedded(&self) -> bool {
        self.database_url.starts_with("sqlite:")
    }

    fn check(&self, layers: &Layers) -> Result<(), ConfigError> {
        scheme("blob_url", &self.blob_url, &["file", "s3"])?;
        if let Some(url) = &self.redis_url {
            scheme("redis_url", url, &["redis", "rediss"])?;
        }
        if let Some(url) = &self.public_url {
            scheme("public_url", url, &["http", "https"])?;
        }
        if self.mode != Mode::Worker && self.listen.to_socket_addrs().is_err() {
            return refuse(format!(
                "listen is {}; expected ADDRESS:PORT, such as 127.0.0.1:8080",
                self.listen
            ));
        }
        if matches!(self.mode, Mode::Api | Mode::Worker) {
            self.check_apart(layers)?;
        }
        Ok(())
    }

    /// Processes apart from one another need everything that they share to be reachable from both.
    fn check_apart(&self, layers: &Layers) -> Result<(), ConfigError> {
        let why = "separate api and worker processes share their state";
        if self.is_embedded() {
            return refuse(format!(
                "{why}: set database_url to postgres://… (found {})",
                self.database_url
            ));
        }
        if self.redis_url.is_none() {
            return refuse(format!("{why}: set redis_url to redis://…"));
        }
        if layers.given("blob_url").is_none() {
            return refuse(format!(
                "{why}: set blob_url to s3://bucket/prefix, or to a file:// folder that all of them mount"
            ));
        }
        Ok(())
    }
}

fn refuse<T>(sentence: String) -> Result<T, ConfigError> {
    Err(ConfigError(sentence))
}

/// The URL itself is not repeated: it may hold a password.
fn scheme(key: &str, url: &str, known: &[&str]) -> Result<(), ConfigError> {
    match url.split_once("://") {
        Some((scheme, _)) if known.contains(&scheme) => Ok(()),
        Some((scheme, _)) => refuse(format!(
            "{key} begins with {scheme}://, which is not known; use {}",
            known.join(":// or ") + "://"
        )),
        None => refuse(format!(
            "{key} is not a URL; it begins with {}",
            known.join(":// or ") + "://"
        )),
    }
}

fn s3(layers: &Layers) -> Result<S3, ConfigError> {
    Ok(S3 {
        endpoint: layers.given("s3.endpoint"),
        region: layers.text("s3.region"),
        access_key_id: layers.given("s3.access_key_id"),
        secret_access_key: layers.given("s3.secret_access_key"),
        allow_http: layers.boolean("s3.allow_http")?,
    })
}

fn limits(layers: &Layers) -> Result<Limits, ConfigError> {
    Ok(Limits {
        upload_bytes: layers.size("limits.upload_bytes")?,
        retention: layers.duration("limits.retention")?,
        uploads_in_flight: layers.number("limits.uploads_in_flight")?,
        body_idle: layers.duration("limits.body_idle")?,
        body_total: layers.duration("limits.body_total")?,
        body_rate: layers.size("limits.body_rate")?,
        wait: layers.duration("limits.wait")?,
        auth_failures: layers.number("limits.auth_failures")?,
    })
}

fn worker(layers: &Layers) -> Result<Worker, ConfigError> {
    Ok(Worker {
        concurrency: layers.number("worker.concurrency")?,
        batch_rows: layers.number("worker.batch_rows")?,
        lease: layers.duration("worker.lease")?,
        poll: layers.duration("worker.poll")?,
    })
}

#[cfg(test)]
mod tests;

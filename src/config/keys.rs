//! Every setting with its default and meaning; the README's table is held against this list by a test.

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name in `longshore.toml`; a dot is a table.
    pub name: &'static str,
    /// What holds when nobody says otherwise; empty = nothing.
    pub default: &'static str,
    /// One line for the README.
    pub meaning: &'static str,
}

impl Key {
    /// Its name in the environment: `worker.lease` is `LONGSHORE_WORKER_LEASE`.
    pub fn env(&self) -> String {
        format!(
            "{}{}",
            super::layers::PREFIX,
            self.name.replace('.', "_").to_uppercase()
        )
    }
}

const fn key(name: &'static str, default: &'static str, meaning: &'static str) -> Key {
    Key { name, default, meaning }
}

/// The whole list, in the order of the README.
pub const KEYS: &[Key] = &[
    key(
        "listen",
        "127.0.0.1:8080",
        "Address and port of the API; port 0 takes a free one",
    ),
    key(
        "data_dir",
        "./longshore-data",
        "Folder of the embedded database, files and keys",
    ),
    key(
        "database_url",
        "",
        "`sqlite://PATH` or `postgres://USER:PASSWORD@HOST/DB`; empty = SQLite in `data_dir`",
    ),
    key(
        "database_connections",
        "8",
        "Connections for queries in one process, two at least: a quarter of them looks up keys and imports to do",
    ),
    key(
        "redis_url",
        "",
        "`redis://HOST:PORT`; empty = a queue inside the process",
    ),
    key(
        "blob_url",
        "",
        "`s3://BUCKET/PREFIX` or `file://FOLDER`; empty = files in `data_dir`",
    ),
    key("s3.endpoint", "", "URL of an S3-compatible store; empty = AWS"),
    key("s3.region", "us-east-1", "Region of the bucket"),
    key("s3.access_key_id", "", "Access key of the store"),
    key("s3.secret_access_key", "", "Secret of that access key"),
    key("s3.allow_http", "false", "Whether the store may be reached without TLS"),
    key(
        "secret_key",
        "",
        "At least 32 characters, the same in every process; empty = made once in `data_dir` (SQLite only)",
    ),
    key("secret_key_file", "", "A file that holds `secret_key`"),
    key(
        "previous_secret_key",
        "",
        "What `secret_key` was before it was changed, until `longshore keys rotate-secrets` is through",
    ),
    key(
        "public_url",
        "",
        "What clients call this service, such as `https://imports.example.com`; empty = the request's Host",
    ),
    key(
        "trusted_proxies",
        "",
        "Addresses or networks, as in `127.0.0.1,10.0.0.0/8`, whose `X-Forwarded-For` is believed; empty = nobody's",
    ),
    key(
        "log",
        "info",
        "Log of our own parts at `error`, `warn`, `info` or `debug`; or a filter per target, as in `info,longshore=debug`",
    ),
    key("limits.upload_bytes", "10GiB", "Largest file, inflated"),
    key(
        "limits.retention",
        "30d",
        "How long a finished import, its file and its failed rows are kept",
    ),
    key(
        "limits.uploads_in_flight",
        "64",
        "Uploads at once in one process; more are answered 503",
    ),
    key(
        "limits.body_idle",
        "10s",
        "Longest silence inside an upload, and the longest that an answer waits to be read",
    ),
    key("limits.body_total", "1h", "Longest time for one upload"),
    key(
        "limits.body_rate",
        "10KiB",
        "Least bytes per second of an upload, after its first 30 seconds",
    ),
    key("limits.wait", "30s", "Longest `Prefer: wait`"),
    key(
        "limits.auth_failures",
        "20",
        "Failed authentications of one address, or of one key id, at once; then one every 3 s, more are answered 429",
    ),
    // These two by measurement: docs/PERFORMANCE.md, Settings.
    key("worker.concurrency", "2", "Imports that one process runs at once"),
    key("worker.batch_rows", "5000", "Most rows in one transaction"),
    key(
        "worker.lease",
        "12s",
        "How long a worker that hangs keeps its import before another takes over; a dead one loses it at once",
    ),
    key(
        "worker.poll",
        "5s",
        "How often the ledger is asked for work that no doorbell announced",
    ),
];

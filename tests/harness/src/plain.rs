//! What benchmarks run on: a PostgreSQL that keeps what it has committed, and processes that share a local folder, no S3.

use std::path::PathBuf;

use super::postgres::Postgres;
use super::programs::program;
use super::redis::Redis;
use super::running::{Running, SECRET_KEY, Stack, owned};
use super::watchdog;

const GIB: u64 = 1 << 30;

impl Postgres {
    /// A server as a careful administrator sets it up: each commit is on the disk, checkpoints are rare.
    pub fn durable() -> Self {
        let buffers = format!("shared_buffers={}MB", (memory() / 4).min(GIB) >> 20);
        let settings = [
            "fsync=on",
            "full_page_writes=on",
            "synchronous_commit=on",
            "max_wal_size=8GB",
            "checkpoint_timeout=30min",
            "autovacuum_naptime=1min",
            &buffers,
        ];
        Self::private(&settings)
    }

    /// `psql` of the server's own version, and not the script that Debian puts before it, which takes time to start.
    pub fn psql() -> PathBuf {
        let beside = program("postgres").with_file_name("psql");
        if beside.is_file() { beside } else { program("psql") }
    }

    /// Removes a database that `fresh_database` has made, whoever is connected.
    pub async fn drop_database(&self, url: &str) {
        let name = url.rsplit('/').next().and_then(|rest| rest.split('?').next());
        let name = name.expect("the URL of a database");
        let client = self.connect_to(&self.url("postgres")).await;
        let command = format!("DROP DATABASE {name} WITH (FORCE)");
        client.batch_execute(&command).await.expect("one database less");
    }
}

impl Running {
    /// API and worker to be, on this database, a Redis of their own and a local folder; nothing of it is started.
    pub fn on_local_files(database_url: &str, overrides: &[(&str, &str)]) -> Self {
        let (folder, redis) = (watchdog::folder("longshore-"), Redis::start());
        let blobs = folder.join("blobs");
        std::fs::create_dir(&blobs).expect("a folder");
        let pairs = [
            ("LONGSHORE_DATABASE_URL", database_url),
            ("LONGSHORE_REDIS_URL", &redis.url()),
            ("LONGSHORE_BLOB_URL", &format!("file://{}", blobs.display())),
            ("LONGSHORE_SECRET_KEY", SECRET_KEY),
        ];
        let environment = pairs.iter().chain(overrides).map(owned).collect();
        let mut running = Stack::Scaled.unstarted(folder, database_url.to_owned(), environment);
        running.redis = Some(redis);
        running
    }
}

fn memory() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.map_or(4 * GIB, |kib| kib * 1024)
}

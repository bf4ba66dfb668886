//! Another writer, with a transaction of its own open while a batch comes along.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::bench::Bench;

/// The other writer's open transaction.
pub(super) enum Outside {
    Postgres(tokio_postgres::Client),
    Sqlite(SqliteConnection),
}

impl Outside {
    /// Opens a transaction; on SQLite it keeps every other writer waiting from here on.
    pub(super) async fn begin(bench: &Bench) -> Self {
        let mut outside = bench.outside().await;
        outside
            .run(if matches!(outside, Self::Postgres(_)) {
                "begin"
            } else {
                "begin immediate"
            })
            .await;
        outside
    }

    pub(super) async fn run(&mut self, sql: &str) {
        match self {
            Self::Postgres(client) => client.batch_execute(sql).await.unwrap(),
            Self::Sqlite(connection) => connection.batch_execute(sql).unwrap(),
        }
    }

    /// Waits until a batch waits for this writer. SQLite shows nobody waiting, but nobody gets past either.
    pub(super) async fn until_a_batch_waits(&self) {
        let Self::Postgres(client) = self else { return };
        let sql = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        while client.query(sql, &[]).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

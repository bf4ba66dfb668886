//! The import's row as it lies in the database, past the product: polled every few milliseconds.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use harness::{Running, is_final};
use serde_json::json;

/// A connection of the test's own.
pub(super) enum Ledger {
    Postgres(tokio_postgres::Client),
    Sqlite(Box<SqliteConnection>),
}

/// How an import stands.
#[derive(Debug, QueryableByName)]
pub(super) struct Standing {
    #[diesel(sql_type = Text)]
    pub(super) status: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) lease: Option<String>,
    #[diesel(sql_type = Integer)]
    crash_count: i32,
}

impl Standing {
    pub(super) fn is_final(&self) -> bool {
        is_final(&json!({ "status": self.status }))
    }

    /// Whether the present holder of the lease has committed a batch.
    pub(super) fn goes_on(&self) -> bool {
        self.status == "running" && self.crash_count == 0
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

impl Ledger {
    pub(super) async fn of(running: &Running) -> Self {
        let Some(path) = running.database_url.strip_prefix("sqlite://") else {
            return Self::Postgres(running.database().await);
        };
        let mut file = SqliteConnection::establish(&format!("file:{path}?mode=rw")).unwrap();
        file.batch_execute("pragma busy_timeout = 10000; pragma query_only = on")
            .unwrap();
        Self::Sqlite(Box::new(file))
    }

    pub(super) async fn standing(&mut self, id: i64) -> Standing {
        let query = format!("select status, lease, crash_count from imports where id = {id}");
        match self {
            Self::Postgres(client) => {
                let row = client.query_one(&query, &[]).await.unwrap();
                Standing {
                    status: row.get(0),
                    lease: row.get(1),
                    crash_count: row.get(2),
                }
            }
            Self::Sqlite(file) => diesel::sql_query(query).get_result(&mut **file).unwrap(),
        }
    }

    /// The answer of a query for one number, named `n`.
    pub(super) async fn number(&mut self, query: &str) -> i64 {
        match self {
            Self::Postgres(client) => client.query_one(query, &[]).await.unwrap().get(0),
            Self::Sqlite(file) => diesel::sql_query(query).get_result::<Number>(&mut **file).unwrap().n,
        }
    }

    /// The text that a query gives, if it gives any. On PostgreSQL only.
    pub(super) async fn text(&mut self, query: &str) -> Option<String> {
        let Self::Postgres(client) = self else { return None };
        client.query_opt(query, &[]).await.unwrap().map(|row| row.get(0))
    }

    /// Waits until the import's holder has committed a batch; `None` if it came to its end.
    pub(super) async fn in_the_middle(&mut self, id: i64) -> Option<String> {
        self.until(id, |now| now.goes_on() || now.is_final()).await.lease
    }

    /// Waits until another holder than that one has committed a batch, or has ended the import; says how long it took.
    pub(super) async fn next_batch(&mut self, id: i64, old: &str, since: Instant) -> Duration {
        let is_another = |now: &Standing| now.lease.as_deref() != Some(old) && (now.goes_on() || now.is_final());
        self.until(id, is_another).await;
        since.elapsed()
    }

    async fn until(&mut self, id: i64, is_so: impl Fn(&Standing) -> bool) -> Standing {
        let began = Instant::now();
        loop {
            let now = self.standing(id).await;
            if is_so(&now) {
                return now;
            }
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "import {id} stands still: {now:?}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

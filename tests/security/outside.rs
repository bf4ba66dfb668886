//! What only somebody beside the product can do: change its database under it, run a second node.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use harness::{Client, Running, Stack, free_port};

/// Runs statements in the product's database, past the product.
pub(crate) async fn execute(running: &Running, statements: &str) {
    if running.stack == Stack::Scaled {
        running.database().await.batch_execute(statements).await.unwrap();
        return;
    }
    let path = running.data_dir().join("longshore.db");
    let mut file = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    file.batch_execute("pragma busy_timeout = 10000").unwrap();
    file.batch_execute(statements).unwrap();
}

/// A second process that answers requests, beside the first. It goes when this does.
pub(crate) struct Node {
    process: Child,
    pub(crate) client: Client,
}

impl Node {
    /// Starts it on the same data and waits until it is ready.
    pub(crate) async fn beside(running: &Running) -> Self {
        let port = free_port();
        let mut command: Command = running.command(&["api"]);
        command.arg("--listen").arg(format!("127.0.0.1:{port}"));
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let client = Client {
            base: format!("http://127.0.0.1:{port}"),
            ..running.client.clone()
        };
        let node = Self {
            process: process.unwrap(),
            client,
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        while node
            .client
            .try_get("/readyz")
            .await
            .map_or(true, |answer| answer.status != 200)
        {
            assert!(Instant::now() < deadline, "the second node does not get ready");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        node
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

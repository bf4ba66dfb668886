//! F33: another program holds the write lock for longer than anybody waits.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use harness::{People, Stack};

use crate::outcome::{QUICK, refused_for_now, table_is, whole};

/// An outside writer that begins, and writes nothing.
struct Lock(Child);

impl Lock {
    fn take(database: &Path) -> Self {
        const SCRIPT: &str = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None); \
                              c.execute('begin immediate'); print('held', flush=True); sys.stdin.readline(); c.execute('rollback')";
        let mut command = Command::new("python3");
        command.args(["-c", SCRIPT]).arg(database);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut said)
            .unwrap();
        assert_eq!(said.trim(), "held");
        Self(child)
    }

    fn release(mut self) {
        self.0.stdin.take().unwrap().write_all(b"\n").unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

#[tokio::test]
async fn a_database_that_somebody_else_has_locked_answers_within_bounds_and_loses_nothing() {
    let running = Stack::Embedded.start(QUICK).await;
    let people = People::new(20_000);
    let database = running.data_dir().join("longshore.db");
    let id = running.client.import("resource=users", people.csv()).await;
    let lock = Lock::take(&database);
    let began = Instant::now();
    let client = running.client.clone();
    let upload = tokio::spawn(async move { client.post_csv("resource=users", people.csv()).await });
    for path in ["/healthz", "/v1/imports", "/v1/users?limit=10"] {
        let asked = Instant::now();
        assert_eq!(running.client.get(path).await.status, 200, "{path}");
        assert!(
            asked.elapsed() < Duration::from_secs(3),
            "{path}: who reads waits for nobody, {:?}",
            asked.elapsed()
        );
    }
    let answer = upload.await.unwrap();
    println!("after {:?}: {} {}", began.elapsed(), answer.status, answer.text);
    refused_for_now(&answer);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    lock.release();
    whole(&running.client, id, people).await;
    // Held for a while only, it is waited for.
    let lock = Lock::take(&database);
    let client = running.client.clone();
    let upload = tokio::spawn(async move { client.import("resource=users", people.csv()).await });
    tokio::time::sleep(Duration::from_secs(5)).await;
    lock.release();
    whole(&running.client, upload.await.unwrap(), people).await;
    table_is(&running.client, people).await;
}

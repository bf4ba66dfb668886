//! Every failure point of the product with every action, on both stacks: the process is killed, fails, loses the connection,
//! sleeps beyond its lease or panics exactly there, and the end is as if nothing had happened.

mod door;
mod endings;
mod keys;
mod work;

use std::time::Duration;

use harness::{Client, People, Role, Running};
use serde_json::Value;

/// Short enough that a test need not wait for a dead worker's lease.
const QUICK: &[(&str, &str)] = &[
    ("LONGSHORE_WORKER_LEASE", "1s"),
    ("LONGSHORE_WORKER_POLL", "500ms"),
    ("LONGSHORE_WORKER_BATCH_ROWS", "100"),
];

/// What can happen at a place; the sleep is longer than the lease.
const ACTIONS: [&str; 5] = [
    "return(kill)",
    "return(error)",
    "return(drop)",
    "return(sleep:1500)",
    "panic",
];

/// Rows of each import.
const ROWS: u64 = 500;

/// Starts the role anew with the action armed at one passage of the place.
async fn arm(running: &mut Running, role: Role, place: &str, passage: u64, action: &str) {
    let before = match passage {
        1 => String::new(),
        later => format!("{}*off->", later - 1),
    };
    println!("{place}: passage {passage}, {action}");
    running.set("FAILPOINTS", &format!("{place}={before}1*{action}"));
    running.restart(role).await;
    running.set("FAILPOINTS", "");
}

/// Posts under a key again and again, as a client would, until there is a 202.
async fn upload(running: &mut Running, key: &str, csv: &str) -> i64 {
    for _ in 0..60 {
        running.revive().await;
        let request = running.client.csv_request("resource=users", csv.to_owned());
        let request = request.header("Idempotency-Key", key);
        match running.client.try_send(request).await {
            Ok(answer) if answer.status == 202 => return answer.json()["id"].as_i64().unwrap(),
            Ok(answer) => assert!(
                [409, 500, 503].contains(&answer.status),
                "{}: {}",
                answer.status,
                answer.text
            ),
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("the upload is never taken");
}

/// Starts again what has died, until the import is final.
async fn finished(running: &mut Running, id: i64) -> Value {
    for _ in 0..300 {
        running.revive().await;
        // The answer that says so is the one to keep: by the next request the process may be dead.
        if let Ok(answer) = running.client.try_get(&format!("/v1/imports/{id}")).await
            && answer.status == 200
            && let import = answer.json()
            && harness::is_final(&import)
        {
            return import;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("import {id} is never final");
}

/// Every good row was created once, every bad one is reported once.
async fn assert_exact(client: &Client, import: &Value, people: People) {
    let count = |name| harness::count(import, name);
    assert_eq!(import["status"], "partial", "{import:#}");
    assert_eq!(
        (count("created"), count("updated"), count("unchanged")),
        (people.good(), 0, 0),
        "{import:#}"
    );
    assert_eq!(
        (count("failed"), count("total")),
        (people.broken(), people.rows),
        "{import:#}"
    );
    let failed = client.failed_rows(import["id"].as_i64().unwrap()).await;
    assert_eq!(u64::try_from(failed.len()).unwrap(), people.broken());
}

/// The table holds exactly what the files said, nothing is named by nobody, and no connection is left in a transaction.
async fn assert_clean(running: &Running, imports: usize, rows: u64) {
    let users = running.client.users().await;
    assert_eq!(u64::try_from(users.len()).unwrap(), rows);
    assert_eq!(running.client.pages("/v1/imports?limit=100").await.len(), imports);
    assert_eq!(running.blobs().await.len(), imports, "one file for each import");
    if running.redis.is_some() {
        let open = "select count(*) from pg_stat_activity where datname = current_database() \
                    and state like 'idle in transaction%' and state_change < now() - interval '1 second'";
        let row = running.database().await.query_one(open, &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), 0, "a connection sits in a transaction");
    }
}

/// How often the place was suffered in all lives of the role.
fn suffered(running: &Running, role: Role, place: &str) -> usize {
    let log = running.log(role);
    let panic = format!("failpoint {place} panic");
    let is_it = |line: &&str| line.contains("failpoint.reached") || *line == panic;
    log.lines().filter(is_it).count()
}

//! The process that runs an import for a waiting caller dies: the caller gets no answer, the import gets to its end all the
//! same, and its file goes.

use std::time::{Duration, Instant};

use super::Vendors;
use harness::{Role, Running, both_stacks, count};

/// Enough for a kill to meet it running.
const PERSONS: u64 = 60_000;
const QUICK: &[(&str, &str)] = &[
    ("LONGSHORE_WORKER_LEASE", "3s"),
    ("LONGSHORE_WORKER_POLL", "1s"),
    ("LONGSHORE_WORKER_BATCH_ROWS", "1000"),
];

fn file() -> String {
    let rows: String = (0..PERSONS).map(|n| format!("p{n}@example.com,p{n}\n")).collect();
    format!("slashid:emails,slashid:usernames\n{rows}")
}

/// Until the only import has dealt with so many rows.
async fn reached(running: &Running, rows: u64) -> i64 {
    let began = Instant::now();
    loop {
        let imports = running.client.pages("/v1/imports").await;
        if let Some(import) = imports.first().filter(|import| count(import, "read") >= rows) {
            return import["id"].as_i64().unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{imports:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn check_end(running: &Running, id: i64) {
    let import = running.client.wait_final_within(id, Duration::from_secs(120)).await;
    assert_eq!(import["status"], "completed", "{import:#}");
    assert_eq!(count(&import, "created"), PERSONS, "{import:#}");
    assert_eq!(u64::try_from(running.client.users().await.len()).unwrap(), PERSONS);
    let began = Instant::now();
    while !running.blobs().await.is_empty() {
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "the file goes: {:?}",
            running.blobs().await
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

both_stacks! {
    async fn a_callers_process_that_is_killed_leaves_its_import_to_another(stack) {
        let mut running = stack.start(QUICK).await;
        let vendors = Vendors::of(&running).await;
        let call = tokio::spawn(async move { vendors.slashid(file()).await });
        let id = reached(&running, 5_000).await;
        let front = running.front();
        running.kill9(front);
        assert!(call.await.is_err(), "a call that was cut has no answer");
        running.start(front).await;
        check_end(&running, id).await;
        assert_eq!(front == Role::Api, running.log(Role::Worker).contains("import.claimed"));
    }

    async fn a_callers_process_that_is_asked_to_stop_says_who_goes_on(stack) {
        let mut running = stack.start(QUICK).await;
        let vendors = Vendors::of(&running).await;
        let call = tokio::spawn(async move { vendors.slashid(file()).await });
        let id = reached(&running, 5_000).await;
        let front = running.front();
        running.stop(front, Duration::from_secs(5));
        let answer = call.await.unwrap().expect(503);
        assert!(answer.text.contains(&format!("import {id}")), "{}", answer.text);
        running.start(front).await;
        check_end(&running, id).await;
    }
}

//! Places of cancel, delete and the removal of dead uploads: said again, each comes to its end, and nothing changes after it.

use std::time::Duration;

use harness::{People, Running, Stack, both_stacks};
use reqwest::Method;
use serde_json::Value;

use super::{ACTIONS, QUICK, ROWS, arm, finished, suffered};

/// Calls until there is an answer that is no trouble.
async fn until_answered(running: &mut Running, method: Method, path: &str) -> u16 {
    for _ in 0..60 {
        running.revive().await;
        let call = running.client.request(method.clone(), path);
        match running.client.try_send(call).await {
            Ok(answer) if ![500, 503].contains(&answer.status) => return answer.status,
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    panic!("{method} {path} is never answered");
}

/// A file that takes a while, and its import on its way.
async fn begun(running: &Running, turn: u64) -> i64 {
    let people = People {
        from: turn * 100 * ROWS,
        ..People::new(40 * ROWS)
    };
    running.client.import("resource=users", people.csv()).await
}

both_stacks! {
    async fn cancel_after_flag(stack) {
        let mut running = stack.start(QUICK).await;
        let front = running.front();
        for (turn, action) in (0..).zip(ACTIONS) {
            arm(&mut running, front, "cancel.after_flag", 1, action).await;
            let id = begun(&running, turn).await;
            let path = format!("/v1/imports/{id}/cancel");
            assert_eq!(until_answered(&mut running, Method::POST, &path).await, 200);
            let import = finished(&mut running, id).await;
            assert_eq!(import["status"], "canceled", "{import:#}");
            let users = running.client.users().await;
            tokio::time::sleep(Duration::from_millis(700)).await;
            assert_eq!(running.client.users().await, users, "nothing changes after the answer");
            assert_eq!(running.client.show(id).await["counts"], import["counts"]);
            assert_eq!(suffered(&running, front, "cancel.after_flag"), usize::try_from(turn).unwrap() + 1);
        }
        running.forgive_injected_panics();
    }

    async fn delete_after_row(stack) {
        let mut running = stack.start(QUICK).await;
        let front = running.front();
        for (turn, action) in (0..).zip(ACTIONS) {
            arm(&mut running, front, "delete.after_row", 1, action).await;
            let people = People { from: turn * ROWS, ..People::new(ROWS) };
            let id = running.client.import("resource=users", people.csv()).await;
            finished(&mut running, id).await;
            let path = format!("/v1/imports/{id}");
            let status = until_answered(&mut running, Method::DELETE, &path).await;
            assert!([204, 404].contains(&status), "{status}");
            assert_eq!(until_answered(&mut running, Method::GET, &path).await, 404);
            assert_eq!(suffered(&running, front, "delete.after_row"), usize::try_from(turn).unwrap() + 1);
        }
        assert_eq!(running.client.pages("/v1/imports?limit=100").await, Vec::<Value>::new());
        // What is left goes with a sweep, and each process begins with one.
        running.restart(front).await;
        no_blob_stays(&mut running).await;
        running.forgive_injected_panics();
    }

    async fn gc_after_object(stack) {
        let mut running = stack.start(QUICK).await;
        for (turn, action) in (0..).zip(ACTIONS) {
            // An upload that dies with its process leaves a row and a file.
            let front = running.front();
            arm(&mut running, front, "upload.after_object", 1, "return(kill)").await;
            let upload = running.client.csv_request("resource=users", People::new(ROWS).csv());
            assert!(running.client.try_send(upload).await.is_err());
            assert_eq!(running.blobs().await.len(), 1, "turn {turn}: a file that nobody will ask for");
            over(&running).await;
            let back = running.back();
            running.kill9(back);
            running.set("FAILPOINTS", &format!("gc.after_object=1*{action}"));
            running.spawn(back);
            tokio::time::sleep(Duration::from_secs(2)).await;
            running.set("FAILPOINTS", "");
            running.restart(back).await;
            running.revive().await;
            no_blob_stays(&mut running).await;
            assert_eq!(running.client.pages("/v1/imports?limit=100").await, Vec::<Value>::new());
            assert!(suffered(&running, back, "gc.after_object") > usize::try_from(turn).unwrap());
        }
        running.forgive_injected_panics();
    }
}

/// The minute is over in which a dead process's upload might still go on.
async fn over(running: &Running) {
    if running.redis.is_some() {
        let outside = running.database().await;
        let over = "update imports set lease_until = lease_until - interval '2 minutes' where status = 'receiving'";
        outside.execute(over, &[]).await.unwrap();
    }
}

async fn no_blob_stays(running: &mut Running) {
    let mut left = running.blobs().await;
    for _ in 0..50 {
        if left.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        left = running.blobs().await;
    }
    assert_eq!(
        (running.stack, left),
        (Stack::Embedded, Vec::new()),
        "a file that nobody asks for"
    );
}

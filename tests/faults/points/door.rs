//! Places of an upload: a client that repeats its call under one key ends up with one import, whatever the first call met.

use std::time::Duration;

use harness::{People, Running, Stack, both_stacks};
use serde_json::Value;

use super::{ACTIONS, QUICK, ROWS, arm, assert_clean, assert_exact, finished, suffered, upload};

async fn each_action(stack: Stack, place: &str) {
    let mut running = stack.start(QUICK).await;
    let front = running.front();
    let mut good = 0;
    for (turn, action) in ACTIONS.into_iter().enumerate() {
        arm(&mut running, front, place, 1, action).await;
        let people = People {
            from: u64::try_from(turn).unwrap() * ROWS,
            ..People::new(ROWS)
        };
        let key = format!("key {turn}");
        let first = running.client.csv_request("resource=users", people.csv());
        let first = running.client.try_send(first.header("Idempotency-Key", &key)).await;
        if first.is_err() {
            assert!(
                has_died(&mut running).await,
                "only a dead server has no answer: {first:?}"
            );
            time_passes(&mut running).await;
        }
        let id = upload(&mut running, &key, &people.csv()).await;
        if let Ok(first) = &first
            && first.status == 202
        {
            assert_eq!(
                first.json()["id"],
                Value::from(id),
                "{action} at {place}: one import for a key"
            );
        }
        let import = finished(&mut running, id).await;
        assert_exact(&running.client, &import, people).await;
        good += people.good();
        assert_eq!(
            suffered(&running, front, place),
            turn + 1,
            "{action} came to pass at {place}"
        );
    }
    assert_clean(&running, ACTIONS.len(), good).await;
    running.forgive_injected_panics();
}

/// The client knows before the process is gone.
async fn has_died(running: &mut Running) -> bool {
    for _ in 0..40 {
        if !running.is_alive(running.front()) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

/// A dead process's upload is taken away when nobody has told of it for a minute. An embedded process does so when it starts;
/// elsewhere the minute is over at once here, and any process that starts sweeps.
async fn time_passes(running: &mut Running) {
    if running.redis.is_some() {
        let outside = running.database().await;
        let over = "update imports set lease_until = lease_until - interval '2 minutes' where status = 'receiving'";
        // The statement of the dead process may still be under way.
        tokio::time::sleep(Duration::from_millis(200)).await;
        outside.execute(over, &[]).await.unwrap();
        running.restart(running.back()).await;
    }
    running.revive().await;
}

both_stacks! {
    async fn upload_after_row(stack) { each_action(stack, "upload.after_row").await }
    async fn upload_mid_stream(stack) { each_action(stack, "upload.mid_stream").await }
    async fn upload_after_object(stack) { each_action(stack, "upload.after_object").await }
    async fn upload_after_commit(stack) { each_action(stack, "upload.after_commit").await }
    async fn notify_before(stack) { each_action(stack, "notify.before").await }
    async fn upload_before_reply(stack) { each_action(stack, "upload.before_reply").await }
}

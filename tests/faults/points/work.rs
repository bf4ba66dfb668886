//! Places of the worker: between claim and end. Two imports each time, so that the second is found by the sweep that follows
//! the first.

use harness::{People, Stack, both_stacks};

use super::{ACTIONS, QUICK, ROWS, arm, assert_clean, assert_exact, finished, suffered, upload};

/// Places that each batch passes: armed at the second one, where there is something to lose.
async fn in_a_batch(stack: Stack, place: &str) {
    each_action(stack, place, 2).await;
}

/// Places that each import passes once.
async fn in_an_import(stack: Stack, place: &str) {
    each_action(stack, place, 1).await;
}

/// Places that are passed while a batch is written, if there is a next one by then: in the first of the two it is.
async fn beside_a_batch(stack: Stack, place: &str) {
    with_two_imports(stack, place, 1, [8 * ROWS, ROWS]).await;
}

/// Places that an import passes which no doorbell announces: the first of the two lasts until the second is there.
async fn in_the_sweep(stack: Stack, place: &str) {
    with_two_imports(stack, place, 1, [8 * ROWS, ROWS]).await;
}

async fn each_action(stack: Stack, place: &str, passage: u64) {
    with_two_imports(stack, place, passage, [ROWS, ROWS]).await;
}

async fn with_two_imports(stack: Stack, place: &str, passage: u64, rows: [u64; 2]) {
    let mut running = stack.start(QUICK).await;
    let back = running.back();
    let (mut imports, mut from, mut good) = (0, 0, 0);
    for (turn, action) in ACTIONS.into_iter().enumerate() {
        arm(&mut running, back, place, passage, action).await;
        let mut begun = Vec::new();
        for (half, rows) in rows.into_iter().enumerate() {
            let people = People {
                from,
                ..People::new(rows)
            };
            let id = upload(&mut running, &format!("{turn}.{half}"), &people.csv()).await;
            begun.push((id, people));
            from += rows;
        }
        // What is armed may come between the end of the first and that of the second: only then does the process stay alive.
        let mut ended = Vec::new();
        for (id, people) in begun {
            ended.push((finished(&mut running, id).await, people));
        }
        for (import, people) in ended {
            assert_exact(&running.client, &import, people).await;
            (imports, good) = (imports + 1, good + people.good());
        }
        assert_eq!(
            suffered(&running, back, place),
            turn + 1,
            "{action} came to pass at {place}"
        );
    }
    assert_clean(&running, imports, good).await;
    running.forgive_injected_panics();
}

both_stacks! {
    async fn claim_after_commit(stack) { in_an_import(stack, "claim.after_commit").await }
    async fn batch_parsed(stack) { in_a_batch(stack, "batch.parsed").await }
    async fn batch_guard_done(stack) { in_a_batch(stack, "batch.guard_done").await }
    async fn batch_before_commit(stack) { in_a_batch(stack, "batch.before_commit").await }
    async fn batch_after_commit(stack) { in_a_batch(stack, "batch.after_commit").await }
    async fn batch_ahead(stack) { beside_a_batch(stack, "batch.ahead").await }
    async fn batch_before_ack(stack) { in_a_batch(stack, "batch.before_ack").await }
    async fn lease_before_renew(stack) { in_an_import(stack, "lease.before_renew").await }
    async fn finish_before_commit(stack) { in_an_import(stack, "finish.before_commit").await }
    async fn finish_after_commit(stack) { in_an_import(stack, "finish.after_commit").await }
    async fn sweep_after_select(stack) { in_the_sweep(stack, "sweep.after_select").await }
    async fn sweep_after_push(stack) { in_the_sweep(stack, "sweep.after_push").await }
}

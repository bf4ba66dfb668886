//! Random files against the oracle: counts, final table and failed rows must be those of a program that shares no code with
//! the product and applies one row after the other. Small batches, so that duplicates meet inside and across them.

use harness::{Client, Stack, both_stacks, oracle, seed};

#[test]
fn the_oracle_passes_its_own_tests() {
    let output = oracle::own_tests();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

both_stacks! {
    async fn random_histories_end_as_the_oracle_says(stack) {
        let running = stack.start(&[("LONGSHORE_WORKER_BATCH_ROWS", "7")]).await;
        // `SEED=123 ./test random_histories` starts with a seed that was seen to fail.
        let first = seed().unwrap_or(1);
        for seed in first..first + histories(stack) {
            let client = running.admin_of(&format!("org-{seed}")).await;
            follow(&client, seed).await;
        }
    }
}

/// The scaled stack takes longer for each; what differs between them is the ledger, not the reader.
fn histories(stack: Stack) -> u64 {
    let most = if stack == Stack::Embedded { 40 } else { 25 };
    std::env::var("HISTORIES")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(most)
}

async fn follow(client: &Client, seed: u64) {
    for (number, step) in oracle::random_history(seed).into_iter().enumerate() {
        let place = format!("seed {seed}, step {number}, options {}", step.options);
        let answer = client
            .upload("/v1/imports", Some(&step.options), "file", step.file)
            .await;
        assert_eq!(answer.status, 202, "{place}: {}", answer.text);
        let id = answer.json()["id"].as_i64().unwrap();
        let import = client.wait_final(id).await;
        let (users, failed) = (client.users().await, client.failed_csv(id).await);
        if let Some(difference) = oracle::difference(&step.expected, &import, &users, &failed) {
            panic!("{place}: {difference}\n{import:#}\n{failed}");
        }
    }
}

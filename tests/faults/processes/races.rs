//! F44 to F46: a caller who cancels twice and deletes, one who deletes what is being claimed, one who sends the same call from
//! fifty places at once.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::{join, join_all};
use harness::{Client, Dice, People, both_stacks, count, long};
use serde_json::Value;

use crate::load::{QUICK, check_done, check_refusal, check_rest, reached};

both_stacks! {
    async fn two_cancels_and_a_delete_at_once_stop_for_good(stack) {
        let mut dice = Dice::seeded();
        let running = stack.start(QUICK).await;
        for turn in 0..if long() { 60 } else { 5 } {
            let client = running.admin_of(&format!("org-{turn}")).await;
            let people = People::new(10_000);
            let id = client.import("resource=users", people.csv()).await;
            let _ended = reached(&client, id, dice.below(2)).await;
            tokio::time::sleep(dice.moment(Duration::from_millis(150))).await;
            let path = format!("/v1/imports/{id}/cancel");
            let (one, two) = join(client.post(&path), client.post(&path)).await;
            let (one, two) = (one.expect(200).json(), two.expect(200).json());
            assert_eq!(one, two, "both are told the same");
            let users = client.users().await.len();
            client.delete(&format!("/v1/imports/{id}")).await.expect(204);
            assert_eq!(u64::try_from(users).unwrap(), count(&one, "created"), "{one:#}");
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert_eq!(client.users().await.len(), users, "nothing changes after the answer");
        }
        check_rest(&running, 0).await;
    }

    async fn of_a_delete_and_a_claim_exactly_one_wins(stack) {
        const ROWS: usize = 20;
        let mut dice = Dice::seeded();
        let running = stack.start(QUICK).await;
        let (mut deleted, mut ran) = (0, 0);
        for turn in 0..if long() { 2_000 } else { 50 } {
            let people = People { from: turn * 100, rows: 20, city: "Berlin" };
            let id = running.client.import("resource=users", people.csv()).await;
            tokio::time::sleep(dice.moment(Duration::from_millis(20))).await;
            let answer = running.client.delete(&format!("/v1/imports/{id}")).await;
            if answer.status == 409 {
                assert_eq!(answer.json()["code"], "import-running");
                let import = running.client.wait_final(id).await;
                assert_eq!(count(&import, "created"), people.good(), "it ran: {import:#}");
                running.client.delete(&format!("/v1/imports/{id}")).await.expect(204);
                ran += 1;
            } else {
                answer.expect(204);
                deleted += 1;
            }
        }
        // Whatever a claim has in hand after its import was deleted, it would have written by then.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let users = running.client.users().await;
        assert_eq!(users.len() % ROWS, 0, "each file is applied whole or not at all");
        assert!(users.len() / ROWS >= ran, "those that were refused to be deleted ran");
        check_rest(&running, 0).await;
        println!("{stack:?}: {deleted} deleted, {} of them after they ran; {ran} refused as running", users.len() / ROWS - ran);
    }

    async fn fifty_calls_under_one_key_make_one_import(stack) {
        let running = stack.start(QUICK).await;
        let people = People::new(2_000);
        for key in ["one", "two"] {
            let calls = (0..50).map(|_| under(&running.client, people, key));
            let ids: BTreeSet<i64> = join_all(calls).await.into_iter().flatten().collect();
            assert_eq!(ids.len(), 1, "{ids:?}");
            let id = *ids.first().unwrap();
            assert_eq!(under(&running.client, people, key).await, Some(id), "the same later");
            if key == "one" {
                check_done(&running.client, id, people).await;
            }
        }
        // Those two, and the one that `check_done` makes.
        let listed: Vec<Value> = running.client.pages("/v1/imports?limit=100").await;
        assert_eq!(listed.len(), 3);
        check_rest(&running, 3).await;
    }
}

/// The import that the call made or found; nothing where it was told that another one is on its way.
async fn under(client: &Client, people: People, key: &str) -> Option<i64> {
    let request = client.csv_request("resource=users", people.csv());
    let answer = client.send(request.header("Idempotency-Key", key)).await;
    if answer.status == 202 {
        return answer.json()["id"].as_i64();
    }
    check_refusal(&answer);
    None
}

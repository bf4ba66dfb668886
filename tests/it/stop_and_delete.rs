//! Cancel and delete in every state, at random moments: when cancel has answered, the table no longer changes; an import that
//! runs cannot be deleted, and one that is deleted leaves its records.

use std::time::Duration;

use serde_json::Value;

use harness::{Client, Dice, People, both_stacks, count, is_final};

const SMALL_BATCHES: &[(&str, &str)] = &[("LONGSHORE_WORKER_BATCH_ROWS", "500")];

both_stacks! {
    async fn when_cancel_has_answered_nothing_changes(stack) {
        let mut dice = Dice::seeded();
        let running = stack.start(SMALL_BATCHES).await;
        for turn in 0..8 {
            let client = running.admin_of(&format!("org-{turn}")).await;
            let people = People::new(20_000);
            let id = client.import("resource=users", people.csv()).await;
            if turn % 2 == 0 {
                first_rows(&client, id).await;
            }
            tokio::time::sleep(dice.moment(Duration::from_millis(400))).await;
            let answer = client.post(&format!("/v1/imports/{id}/cancel")).await;
            let (import, users) = (client.show(id).await, number_of_users(&client).await);
            assert!(is_final(&import), "{import:#}");
            eprintln!("turn {turn}: {} after {}", import["status"], count(&import, "read"));
            if import["status"] == "canceled" {
                answer.expect(200);
                assert_eq!(count(&import, "created"), users, "what was applied stays, and is counted: {import:#}");
            }
            tokio::time::sleep(Duration::from_millis(400)).await;
            assert_eq!(client.show(id).await, import);
            assert_eq!(number_of_users(&client).await, users);
            let again = client.import("resource=users", people.csv()).await;
            let again = client.wait_final(again).await;
            assert_eq!(count(&again, "unchanged"), users, "the next import finds what this one left: {again:#}");
            assert_eq!(count(&again, "created"), people.good() - users);
        }
    }

    async fn delete_is_all_or_nothing(stack) {
        let mut dice = Dice::seeded();
        let running = stack.start(SMALL_BATCHES).await;
        for turn in 0..8 {
            let client = running.admin_of(&format!("org-{turn}")).await;
            let people = People::new(5_000);
            let id = client.import("resource=users", people.csv()).await;
            if turn % 2 == 0 {
                first_rows(&client, id).await;
            }
            tokio::time::sleep(dice.moment(Duration::from_millis(150))).await;
            let answer = client.delete(&format!("/v1/imports/{id}")).await;
            eprintln!("turn {turn}: {}", answer.status);
            if answer.status == 409 {
                assert_eq!(answer.json()["code"], "import-running");
                let import = client.wait_final(id).await;
                assert_eq!(count(&import, "created"), people.good());
                client.delete(&format!("/v1/imports/{id}")).await.expect(204);
            } else {
                assert_eq!(answer.status, 204, "{}", answer.text);
            }
            check_gone(&client, id).await;
            let users = number_of_users(&client).await;
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert_eq!(number_of_users(&client).await, users, "a deleted import does not run");
            assert!(users == 0 || users == people.good(), "imported records stay, queued ones never come: {users}");
        }
        assert_eq!(running.blobs().await, Vec::<String>::new(), "the file goes with its import");
    }
}

/// Waits until the import has read something, or is final.
async fn first_rows(client: &Client, id: i64) {
    loop {
        let import = client.show(id).await;
        if is_final(&import) || count(&import, "read") > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn check_gone(client: &Client, id: i64) {
    for path in ["", "/failed.csv", "/rows?outcome=failed"] {
        client.get(&format!("/v1/imports/{id}{path}")).await.expect(404);
    }
    client.post(&format!("/v1/imports/{id}/cancel")).await.expect(404);
    client.delete(&format!("/v1/imports/{id}")).await.expect(404);
    assert_eq!(client.pages("/v1/imports?limit=100").await, Vec::<Value>::new());
}

async fn number_of_users(client: &Client) -> u64 {
    u64::try_from(client.users().await.len()).unwrap()
}

//! F24: PostgreSQL executes, and the line is cut before the answer: for batches, claims and ends, for an upload's begin and its
//! flip to `queued`, for cancel and delete.

use std::time::Duration;

use harness::{Answer, Client, Dice, Fault, LostAnswer, People, Role, count, long};

use super::{Lines, ready};
use crate::load::{a_minute_later, check_done, check_refusal, check_rest, reached};

#[tokio::test]
async fn a_worker_whose_commits_are_not_answered_counts_each_row_once() {
    let mut dice = Dice::seeded();
    let lines = Lines::start().await;
    let client = &lines.running.client;
    let mut lost = 0;
    for turn in 0..if long() { 20 } else { 2 } {
        let client = lines.running.admin_of(&format!("org-{turn}")).await;
        let every = 3 + usize::try_from(dice.below(5)).unwrap();
        lines
            .worker
            .set(Fault::LoseAnswer(LostAnswer::to("COMMIT", "COMMIT").every(every)));
        let people = People::new(20_000);
        let id = client.import("resource=users", people.csv()).await;
        check_done(&client, id, people).await;
        lost = lines.worker.troubles();
    }
    assert!(lost > 10, "{lost} answers were lost");
    lines.worker.heal();
    check_done(
        client,
        client.import("resource=users", People::new(1_000).csv()).await,
        People::new(1_000),
    )
    .await;
    println!("{lost} answers to COMMIT lost");
}

#[tokio::test]
async fn an_upload_whose_begin_or_flip_is_not_answered_is_taken_in_once_or_not_at_all() {
    let mut lines = Lines::start().await;
    let people = People::new(3_000);
    // Its begin is a transaction; its flip is one statement, whose values tell it from others.
    let holds = |bytes: &[u8], word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    let flip = LostAnswer::when(
        move |bytes| holds(bytes, b"queued") && holds(bytes, b"receiving"),
        move |bytes| holds(bytes, b"UPDATE 1"),
    );
    for (key, lost) in [("begin", LostAnswer::to("COMMIT", "COMMIT")), ("flip", flip)] {
        lines.running.client = lines.running.admin_of(key).await;
        lines.api.set(Fault::LoseAnswer(lost.times(1)));
        let call = || {
            let request = lines.running.client.csv_request("resource=users", people.csv());
            lines.running.client.send(request.header("Idempotency-Key", key))
        };
        let before = lines.api.troubles();
        let first = call().await;
        assert_eq!(lines.api.troubles(), before + 1, "{key}: the answer was lost");
        println!("{key}: answered {}", first.status);
        let again = if first.status == 202 {
            assert_eq!(key, "flip", "the row says that it is queued");
            call().await
        } else {
            check_refusal(&first);
            a_minute_later(&lines.running).await;
            let url = lines.api.url(&lines.running.database_url);
            lines.running.set("LONGSHORE_DATABASE_URL", &url);
            lines.running.restart(Role::Api).await;
            once_swept(&lines.running.client, key, people).await
        };
        let id = again.expect(202).json()["id"].as_i64().unwrap();
        let listed = lines.running.client.pages("/v1/imports?limit=100").await;
        assert_eq!(listed.len(), 1, "{key}: one import");
        check_done(&lines.running.client, id, people).await;
    }
    check_rest(&lines.running, 4).await;
}

/// Calls again until the sweep of the process's start has freed the key.
async fn once_swept(client: &Client, key: &str, people: People) -> Answer {
    for _ in 0..100 {
        let again = client.csv_request("resource=users", people.csv());
        let answer = client.send(again.header("Idempotency-Key", key)).await;
        if answer.status != 409 {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the key {key} is never free");
}

#[tokio::test]
async fn a_cancel_and_a_delete_that_are_not_answered_have_stopped_and_removed() {
    let lines = Lines::start().await;
    let client = &lines.running.client;
    let people = People::new(60_000);
    let id = client.import("resource=users", people.csv()).await;
    assert!(reached(client, id, 1).await);
    let lose = || Fault::LoseAnswer(LostAnswer::to("COMMIT", "COMMIT").times(1));
    lines.api.set(lose());
    check_refusal(&client.post(&format!("/v1/imports/{id}/cancel")).await);
    ready(&lines.running).await;
    let import = client.show(id).await;
    assert_eq!(import["status"], "canceled", "{import:#}");
    let users = client.users().await.len();
    assert_eq!(u64::try_from(users).unwrap(), count(&import, "created"), "{import:#}");
    let again = client
        .post(&format!("/v1/imports/{id}/cancel"))
        .await
        .expect(200)
        .json();
    assert_eq!(again, import, "the second word changes nothing");
    lines.api.set(lose());
    check_refusal(&client.delete(&format!("/v1/imports/{id}")).await);
    ready(&lines.running).await;
    client.get(&format!("/v1/imports/{id}")).await.expect(404);
    client.delete(&format!("/v1/imports/{id}")).await.expect(404);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(client.users().await.len(), users, "the records stay as they are");
    assert_eq!(lines.api.troubles(), 2);
}

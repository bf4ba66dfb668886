//! F35, F36, F37, F39: what a store may do while a file comes in.

use harness::{Call, People, Running, S3Fault, When};

use super::{LARGE, SMALL, fronted, people};
use crate::outcome::{nothing_is_left, refused_for_now, table_is, whole};

const SLOW_DOWN: S3Fault = S3Fault::Refuse(503, "SlowDown");
const ERROR: S3Fault = S3Fault::Refuse(500, "InternalError");
const FULL: S3Fault = S3Fault::Refuse(507, "InsufficientStorage");

#[tokio::test]
async fn a_store_that_is_busy_now_and_then_is_not_noticed() {
    let (front, running) = fronted().await;
    let small = people(SMALL, "Berlin");
    for call in [Call::Put, Call::Head, Call::Get] {
        front.heal();
        front.on(call, When::Next(2), SLOW_DOWN);
        taken(&running, small, &format!("two refusals of each {call:?}")).await;
    }
    let large = people(LARGE, "Berlin");
    for call in [Call::Begin, Call::Part, Call::Complete] {
        front.on(call, When::Next(2), SLOW_DOWN);
    }
    taken(&running, large, "two refusals of each step of an upload in parts").await;
    front.heal();
    front.on(Call::Any, When::Every(3), ERROR);
    taken(&running, large, "every third call fails").await;
    assert!(front.injected() > 12, "{}", front.injected());
    front.heal();
    table_is(&running.client, large).await;
}

#[tokio::test]
async fn a_store_that_takes_nothing_is_told_of_and_nothing_is_left() {
    let (front, running) = fronted().await;
    for (call, fault, rows) in [
        (Call::Put, FULL, SMALL),
        (Call::Put, ERROR, SMALL),
        (Call::Begin, SLOW_DOWN, LARGE),
        (Call::Part, FULL, LARGE),
        (Call::Complete, ERROR, LARGE),
        // It says 200, and the body says that it went wrong.
        (Call::Complete, S3Fault::ErrorBody, LARGE),
        // It says 200, and keeps nothing.
        (Call::Put, S3Fault::Forget, SMALL),
    ] {
        front.heal();
        front.on(call, When::Always, fault);
        let answer = running
            .client
            .post_csv("resource=users", people(rows, "Berlin").csv())
            .await;
        println!("{call:?} {fault:?}: {}", answer.status);
        refused_for_now(&answer);
        front.heal();
        if (call, rows) == (Call::Complete, LARGE) {
            // A complete that never came to the store leaves its parts until they are aborted: that is asked for at once.
            eventually_undone(&running).await;
        }
        nothing_is_left(&running).await;
    }
    // Parts that the store says it has put together are left to the bucket's lifecycle rule.
    front.on(Call::Complete, When::Always, S3Fault::Forget);
    let large = people(LARGE, "Berlin");
    let answer = running.client.post_csv("resource=users", large.csv()).await;
    refused_for_now(&answer);
    front.heal();
    taken(&running, large, "the store is well again").await;
    table_is(&running.client, large).await;
}

#[tokio::test]
async fn an_answer_that_is_lost_after_the_deed_costs_no_file_and_doubles_none() {
    let (front, running) = fronted().await;
    for (call, when, rows) in [
        (Call::Put, When::Next(1), SMALL),
        (Call::Put, When::Always, SMALL),
        (Call::Begin, When::Next(1), LARGE),
        (Call::Part, When::Next(1), LARGE),
        (Call::Complete, When::Next(1), LARGE),
        (Call::Complete, When::Always, LARGE),
        (Call::Head, When::Next(1), SMALL),
    ] {
        front.heal();
        front.on(call, when, S3Fault::LoseAnswer);
        let before = front.injected();
        let files = running.blobs().await.len();
        taken(&running, people(rows, "Berlin"), &format!("{call:?} lost, {when:?}")).await;
        assert!(front.injected() > before, "{call:?}");
        assert_eq!(running.blobs().await.len(), files + 1, "{call:?}: one file more");
    }
    front.heal();
    // No part of an upload has an answer: that one is refused.
    front.on(Call::Part, When::Always, S3Fault::LoseAnswer);
    let answer = running
        .client
        .post_csv("resource=users", people(LARGE, "Berlin").csv())
        .await;
    refused_for_now(&answer);
    front.heal();
    table_is(&running.client, people(LARGE, "Berlin")).await;
}

/// The upload is taken, and comes to its end.
async fn taken(running: &Running, people: People, what: &str) {
    println!("{what}");
    let answer = running.client.post_csv("resource=users", people.csv()).await;
    assert_eq!(answer.status, 202, "{what}: {}", answer.text);
    let id = answer.json()["id"].as_i64().unwrap();
    whole(&running.client, id, people).await;
}

async fn eventually_undone(running: &Running) {
    let bucket = running.bucket.as_ref().unwrap();
    for _ in 0..100 {
        if bucket.unfinished_uploads().await == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// The front itself: what is not asked for does not happen.
#[tokio::test]
async fn a_front_without_rules_changes_nothing() {
    let (front, running) = fronted().await;
    taken(&running, people(LARGE, "Berlin"), "no rules").await;
    assert_eq!(front.injected(), 0);
    assert!(
        front.calls(Call::Part) >= 2 && front.calls(Call::Get) >= 2,
        "it was used"
    );
}

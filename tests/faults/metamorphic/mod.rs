//! What must not matter, does not: the size of batches, the pieces of an upload, where processes die, where one file ends and the
//! next begins. No oracle is asked; the product is held against itself, through the real binary on both stacks.

mod sheet;

use std::time::Duration;

use harness::{Client, Dice, Role, Running, both_stacks, count, is_final, long, oracle};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method};
use serde_json::{Value, json};

use self::sheet::Sheet;

/// Short enough that a test need not wait for a dead worker's lease.
const QUICK: &[(&str, &str)] = &[
    ("LONGSHORE_WORKER_LEASE", "1s"),
    ("LONGSHORE_WORKER_POLL", "500ms"),
    ("LONGSHORE_WORKER_BATCH_ROWS", "1000"),
];

/// What an import has come to, without anything that may differ between two that are the same.
#[derive(Debug, PartialEq)]
struct Outcome {
    status: Value,
    counts: Value,
    users: Vec<Value>,
    failed_csv: String,
}

impl Outcome {
    fn count(&self, name: &str) -> u64 {
        self.counts[name].as_u64().unwrap()
    }

    /// Rows that were applied, or say what is there already.
    fn good(&self) -> [u64; 3] {
        ["created", "updated", "unchanged"].map(|name| self.count(name))
    }
}

both_stacks! {
    async fn the_size_of_batches_does_not_show(stack) {
        let mut dice = Dice::seeded();
        let mut running = stack.start(QUICK).await;
        let histories: Vec<u64> = (0..if long() { 12 } else { 3 }).map(|_| dice.below(1_000_000)).collect();
        let large = Sheet::random(&mut dice, 1_200, true).csv();
        let mut first = Vec::new();
        for size in ["1", "7", "1000", "50000"] {
            running.set("LONGSHORE_WORKER_BATCH_ROWS", size);
            let back = running.back();
            running.restart(back).await;
            let mut outcomes = Vec::new();
            for seed in &histories {
                let client = running.admin_of(&format!("history-{seed}-{size}")).await;
                for step in oracle::random_history(*seed) {
                    outcomes.push(upload(&client, &step.options, step.file, usize::MAX).await);
                }
            }
            let client = running.admin_of(&format!("large-{size}")).await;
            outcomes.push(import(&client, &large).await);
            outcomes.push(import(&client, &large).await);
            if first.is_empty() {
                first = outcomes;
            } else {
                assert_same(&outcomes, &first, &format!("batches of {size}, histories {histories:?}"));
            }
        }
    }

    async fn the_pieces_of_an_upload_do_not_show(stack) {
        let mut dice = Dice::seeded();
        let running = stack.start(QUICK).await;
        for turn in 0..if long() { 10 } else { 2 } {
            let seed = dice.below(1_000_000);
            let random = usize::try_from(2 + dice.below(700)).unwrap();
            let mut first = Vec::new();
            for piece in [usize::MAX, 1, 3, 4_095, 4_096, 4_097, random] {
                let client = running.admin_of(&format!("pieces-{turn}-{piece}")).await;
                let mut outcomes = Vec::new();
                for step in oracle::random_history(seed) {
                    outcomes.push(upload(&client, &step.options, step.file, piece).await);
                }
                if first.is_empty() {
                    first = outcomes;
                } else {
                    assert_same(&outcomes, &first, &format!("history {seed} in pieces of {piece}"));
                }
            }
        }
    }

    async fn a_kill_after_every_batch_does_not_show(stack) {
        let mut dice = Dice::seeded();
        let mut running = stack.start(QUICK).await;
        let (rows, batch) = (5_000, 500);
        let csv = Sheet::random(&mut dice, rows, true).csv();
        let other = running.admin_of("undisturbed").await;
        let undisturbed = import(&other, &csv).await;
        running.set("LONGSHORE_WORKER_BATCH_ROWS", &batch.to_string());
        running.set("FAILPOINTS", "batch.after_commit=1*return(kill)");
        let back = running.back();
        running.restart(back).await;
        let id = taken(&mut running, &csv).await;
        until_final(&mut running, id).await;
        let deaths = running.log(back).matches("failpoint.reached").count();
        assert_eq!(u64::try_from(deaths), Ok(rows / batch), "each life writes one batch");
        let killed = outcome(&running.client, id).await;
        assert_same(&[killed], &[undisturbed], "killed after each batch");
    }

    async fn two_halves_make_the_whole(stack) {
        let mut dice = Dice::seeded();
        let running = stack.start(QUICK).await;
        for turn in 0..turns() {
            let sheet = Sheet::random(&mut dice, 300, true);
            let (one, other) = sheet.split(dice.below(301));
            let client = running.admin_of(&format!("whole-{turn}")).await;
            let whole = import(&client, &sheet.csv()).await;
            let client = running.admin_of(&format!("halves-{turn}")).await;
            let halves = [import(&client, &one.csv()).await, import(&client, &other.csv()).await];
            assert_eq!(halves[1].users, whole.users);
            for name in ["created", "updated", "unchanged", "failed", "skipped", "total", "warnings"] {
                assert_eq!(halves[0].count(name) + halves[1].count(name), whole.count(name), "{name}");
            }
        }
    }

    async fn the_order_of_rows_with_keys_of_their_own_does_not_show(stack) {
        let mut dice = Dice::seeded();
        let running = stack.start(QUICK).await;
        for turn in 0..turns() {
            let sheet = Sheet::random(&mut dice, 300, false);
            let client = running.admin_of(&format!("ordered-{turn}")).await;
            let ordered = import(&client, &sheet.csv()).await;
            let client = running.admin_of(&format!("mixed-{turn}")).await;
            let mixed = import(&client, &sheet.shuffled(&mut dice).csv()).await;
            assert_eq!((&mixed.users, &mixed.counts), (&ordered.users, &ordered.counts));
        }
    }

    async fn bad_rows_more_change_only_what_failed(stack) {
        let mut dice = Dice::seeded();
        let running = stack.start(QUICK).await;
        for turn in 0..turns() {
            let sheet = Sheet::random(&mut dice, 300, true);
            let more = 1 + dice.below(40);
            let client = running.admin_of(&format!("few-{turn}")).await;
            let few = import(&client, &sheet.csv()).await;
            let client = running.admin_of(&format!("more-{turn}")).await;
            let many = import(&client, &sheet.with_bad_rows(&mut dice, more).csv()).await;
            assert_eq!((&many.users, many.good()), (&few.users, few.good()));
            assert_eq!(many.count("skipped"), few.count("skipped"));
            assert_eq!(many.count("failed"), few.count("failed") + more);
            assert_eq!(many.count("total"), few.count("total") + more);
        }
    }

    async fn the_same_file_again_changes_nothing(stack) {
        let mut dice = Dice::seeded();
        let running = stack.start(QUICK).await;
        for turn in 0..turns() {
            let csv = Sheet::random(&mut dice, 300, false).csv();
            let client = running.admin_of(&format!("again-{turn}")).await;
            let (first, again) = (import(&client, &csv).await, import(&client, &csv).await);
            let [created, ..] = first.good();
            assert_eq!(again.good(), [0, 0, created]);
            assert_eq!((&again.users, &again.failed_csv), (&first.users, &first.failed_csv));
        }
    }
}

fn turns() -> u64 {
    if long() { 20 } else { 2 }
}

#[track_caller]
fn assert_same(outcomes: &[Outcome], first: &[Outcome], place: &str) {
    assert_eq!(outcomes.len(), first.len());
    for (number, (one, other)) in outcomes.iter().zip(first).enumerate() {
        assert_eq!(one, other, "{place}: import {number}");
    }
}

/// Takes in a file of users and waits for its end.
async fn import(client: &Client, csv: &str) -> Outcome {
    let id = client.import("resource=users", csv.to_owned()).await;
    client.wait_final(id).await;
    outcome(client, id).await
}

/// The same with options, the file in pieces of one size.
async fn upload(client: &Client, options: &Value, file: Vec<u8>, piece: usize) -> Outcome {
    let pieces: Vec<_> = file
        .chunks(piece)
        .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
        .collect();
    let body = Body::wrap_stream(futures::stream::iter(pieces));
    let part = Part::stream(body).file_name("people.csv").mime_str("text/csv").unwrap();
    let json = Part::text(options.to_string()).mime_str("application/json").unwrap();
    let form = Form::new().part("options", json).part("file", part);
    let request = client.request(Method::POST, "/v1/imports").multipart(form);
    let id = client.send(request).await.expect(202).json()["id"].as_i64().unwrap();
    client.wait_final(id).await;
    outcome(client, id).await
}

async fn outcome(client: &Client, id: i64) -> Outcome {
    let import = client.show(id).await;
    let mut users = client.users().await;
    for user in &mut users {
        let members = user.as_object_mut().unwrap();
        members.retain(|name, _| !["id", "created_at", "updated_at"].contains(&name.as_str()));
    }
    users.sort_by_cached_key(|user| json!([user["source"], user["source_id"], user["language"]]).to_string());
    Outcome {
        status: import["status"].clone(),
        counts: import["counts"].clone(),
        users,
        failed_csv: client.failed_csv(id).await,
    }
}

/// Uploads again and again under one key, as the process may die before it has answered.
async fn taken(running: &mut Running, csv: &str) -> i64 {
    for _ in 0..60 {
        running.revive().await;
        let request = running.client.csv_request("resource=users", csv.to_owned());
        let request = request.header("Idempotency-Key", "once");
        if let Ok(answer) = running.client.try_send(request).await
            && answer.status == 202
        {
            return answer.json()["id"].as_i64().unwrap();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the upload is never taken");
}

/// Starts again whatever has died, until the import is final.
async fn until_final(running: &mut Running, id: i64) {
    let mut read = 0;
    for _ in 0..1_200 {
        running.revive().await;
        if let Ok(answer) = running.client.try_get(&format!("/v1/imports/{id}")).await
            && answer.status == 200
        {
            let import = answer.json();
            assert!(count(&import, "read") >= read, "{import:#}");
            read = count(&import, "read");
            if is_final(&import) {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("import {id} is never final: {}", running.log(Role::Worker));
}

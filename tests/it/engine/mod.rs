//! The engine alone, with a ledger in memory, against the oracle: the result depends neither on the size of batches nor on
//! where a run breaks off. What the databases add to this, the suites of the ports and the stories on both stacks show.

mod memory;

use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use worker::import::ImportId;
use worker::run::{Ran, run_import};

use harness::{oracle, seed};
use memory::{Memory, Table};

#[tokio::test(flavor = "multi_thread")]
async fn random_histories_end_as_the_oracle_says() {
    let first = seed().unwrap_or(1);
    for seed in first..first + 150 {
        let steps = oracle::random_history(seed);
        for batch_rows in [1, 7, 1000] {
            for breaks_off in [false, true] {
                follow(seed, &steps, batch_rows, breaks_off).await;
            }
        }
    }
}

/// The same attribute from a JSON cell and from a column, told by two files that differ in what loses.
#[tokio::test(flavor = "multi_thread")]
async fn an_attribute_that_is_said_twice_changes_once() {
    let mut table = Table::new();
    let mut start: Vec<Value> = Vec::new();
    for lost in ["41", "40"] {
        let file = format!("source_id,attributes,size\n1,\"{{\"\"size\"\":\"\"{lost}\"\"}}\",42\n");
        let options = json!({"resource": "users"});
        let expected = oracle::expect(file.as_bytes(), &options, &start);
        let memory = Memory::receive(file.as_bytes(), &options, table, false).unwrap();
        assert_eq!(run(&memory, 10).await, Ran::Finished);
        assert_same(&memory.outcome(), &expected, lost);
        start = expected["users"].as_array().unwrap().clone();
        table = memory.into_table();
    }
}

/// Applies a history to one table, with or without a crash after each batch.
async fn follow(seed: u64, steps: &[oracle::Step], batch_rows: usize, breaks_off: bool) {
    let mut table = Table::new();
    for (number, step) in steps.iter().enumerate() {
        let place = format!(
            "seed {seed}, step {number}, batches of {batch_rows}, crashes {breaks_off}: {}",
            step.options
        );
        let memory = Memory::receive(&step.file, &step.options, table, breaks_off);
        let memory = memory.unwrap_or_else(|refused| panic!("{place}: {refused}"));
        while run(&memory, batch_rows).await != Ran::Finished {
            assert!(breaks_off, "{place}: the run broke off by itself");
        }
        assert_same(&memory.outcome(), &step.expected, &place);
        table = memory.into_table();
    }
}

async fn run(memory: &Memory, batch_rows: usize) -> Ran {
    let settings = memory::settings(batch_rows);
    run_import(&memory.ports(), settings, ImportId(1), &CancellationToken::new())
        .await
        .unwrap()
}

/// One part after the other, so that a difference is short enough to read.
#[track_caller]
fn assert_same(outcome: &Value, expected: &Value, place: &str) {
    assert_eq!(outcome["counts"], expected["counts"], "{place}");
    assert_eq!(outcome["failed"], expected["failed"], "{place}");
    let by_key = |users: &Value| -> Map<String, Value> {
        let key = |user: &Value| json!([user["source"], user["source_id"], user["language"]]).to_string();
        users
            .as_array()
            .unwrap()
            .iter()
            .map(|user| (key(user), user.clone()))
            .collect()
    };
    let (users, wanted) = (by_key(&outcome["users"]), by_key(&expected["users"]));
    for (key, user) in &wanted {
        assert_eq!(users.get(key), Some(user), "{place}");
    }
    assert_eq!(users.len(), wanted.len(), "{place}");
}

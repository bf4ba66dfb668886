//! Edits of the very rows that an import is changing: none is lost, none waits for ever, and the import's counts stay exact.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::{Client, People, Stack, both_stacks, count};
use reqwest::Method;
use serde_json::{Value, json};

both_stacks! {
    async fn edits_of_rows_that_an_import_changes_are_kept_and_nobody_deadlocks(stack) {
        let running = stack.start(&[("LONGSHORE_WORKER_BATCH_ROWS", "500")]).await;
        let client = running.client.clone();
        let people = People::new(30_000);
        let first = client.import("resource=users", people.csv()).await;
        assert_eq!(count(&client.wait_final(first).await, "created"), people.good());
        let users: Vec<i64> = client.users().await.iter().map(|user| user["id"].as_i64().unwrap()).collect();
        let moved = People { city: "Wien", ..people };
        let over = Arc::new(AtomicBool::new(false));
        let import = client.import("resource=users", moved.csv()).await;
        // Each has rows of its own, spread over the whole file.
        let editors: Vec<_> = (0..4)
            .map(|nth| {
                let own: Vec<i64> = users.iter().skip(nth).step_by(600).copied().collect();
                tokio::spawn(edit(client.clone(), own, Arc::clone(&over)))
            })
            .collect();
        let done = client.wait_final(import).await;
        over.store(true, Ordering::SeqCst);
        let mut edits = 0;
        for editor in editors {
            edits += editor.await.unwrap();
        }
        println!("{stack:?}: {edits} edits beside the import");
        assert!(edits > 0, "nothing was edited beside the import");
        assert_eq!(count(&done, "updated"), moved.good(), "{done:#}");
        assert_eq!(count(&done, "failed"), moved.broken(), "{done:#}");
        for user in client.users().await {
            assert_eq!(user["attributes"]["work_city"], "Wien", "{user:#}");
        }
        if stack == Stack::Scaled {
            let sql = "select deadlocks from pg_stat_database where datname = current_database()";
            let row = running.database().await.query_one(sql, &[]).await.unwrap();
            assert_eq!(row.get::<_, i64>(0), 0, "deadlocks");
        }
    }
}

/// Changes a field that the file does not speak of, row after row, round after round; then finds its last word in each.
async fn edit(client: Client, users: Vec<i64>, over: Arc<AtomicBool>) -> usize {
    let mut said: Vec<(i64, Value)> = Vec::new();
    let mut edits = 0;
    while !over.load(Ordering::SeqCst) {
        said.clear();
        for id in &users {
            let change = json!({"username": format!("edited {edits}")});
            let path = format!("/v1/users/{id}");
            client.send_json(Method::PATCH, &path, &change).await.expect(200);
            said.push((*id, change["username"].clone()));
            edits += 1;
        }
    }
    for (id, username) in said {
        let user = client.get(&format!("/v1/users/{id}")).await.expect(200).json();
        assert_eq!(user["username"], username, "{user:#}");
    }
    edits
}

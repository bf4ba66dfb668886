//! F53: a process that may open nothing more says so or says nothing, goes on as soon as it may, and loses no import.

use std::process::Command;
use std::time::Duration;

use harness::{People, Running, both_stacks};

use crate::outcome::{QUICK, pid, table_is, whole};

both_stacks! {
    async fn a_process_without_descriptors_recovers_and_loses_nothing(stack) {
        let running = stack.start(QUICK).await;
        let people = People::new(20_000);
        let id = running.client.import("resource=users", people.csv()).await;
        let client = running.client.clone();
        let watcher = tokio::spawn(async move { whole(&client, id, people).await });
        let mut roles = vec![running.front(), running.back()];
        roles.dedup();
        let pids: Vec<u32> = roles.into_iter().map(|role| pid(&running, role)).collect();
        for pid in &pids {
            limit(*pid, 4);
        }
        let mut refused = 0;
        for _ in 0..5 {
            refused += u32::from(!taken(&running).await);
        }
        println!("{refused} of 5 uploads were not taken");
        assert!(refused > 0, "the fault was there");
        for pid in &pids {
            limit(*pid, 1024);
        }
        watcher.await.unwrap();
        assert!(taken(&running).await, "all is well again");
        for import in running.client.pages("/v1/imports?limit=100").await {
            let id = import["id"].as_i64().unwrap();
            let end = running.client.wait_final(id).await;
            assert_eq!(end["status"], "partial", "each that was taken comes to its end: {end:#}");
        }
        table_is(&running.client, people).await;
    }
}

/// Whether an upload of the same people is taken; no answer is as good as a refusal, and a refusal is one for now.
async fn taken(running: &Running) -> bool {
    let people = People::new(200);
    // A connection that is open already would need no further descriptor.
    let client = running.stranger().with_key(&running.client.key);
    let request = client.csv_request("resource=users", people.csv());
    // A connection that is not accepted waits in the kernel.
    let request = request.timeout(Duration::from_secs(2));
    match client.try_send(request).await {
        Ok(answer) => {
            assert!(matches!(answer.status, 202 | 503), "{} {}", answer.status, answer.text);
            answer.status == 202
        }
        Err(error) => {
            println!("{error}");
            false
        }
    }
}

fn limit(pid: u32, files: u32) {
    let set = Command::new("prlimit")
        .args(["--pid", &pid.to_string()])
        .arg(format!("--nofile={files}:1024"))
        .status();
    assert!(set.unwrap().success());
}

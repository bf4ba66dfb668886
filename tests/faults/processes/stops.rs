//! F10, F11: SIGTERM in the middle of things, twice; a new process in place of an old one while both work; a process that
//! gets the processor by fits and starts.

use std::time::Duration;

use harness::{Client, People, Role, Stack, both_stacks, long};

use crate::load::{QUICK, check_done, check_refusal, check_rest, in_pieces, reached};

both_stacks! {
    async fn a_stop_in_mid_upload_ends_it_or_refuses_it(stack) {
        let mut running = stack.start(QUICK).await;
        let people = People::new(10_000);
        let mut imports = 0;
        // The pieces of the first may end within the second that an upload is given, those of the other cannot.
        for pause in [15, 200] {
            let upload = tokio::spawn(send(running.client.clone(), people, Duration::from_millis(pause)));
            tokio::time::sleep(Duration::from_millis(250)).await;
            let took = running.stop(running.front(), Duration::from_secs(5));
            let answer = upload.await.unwrap().expect("an answer before the end");
            println!("{stack:?}: stopped in mid-upload within {took:?}, answered {}", answer.status);
            running.start(running.front()).await;
            if answer.status == 202 {
                check_done(&running.client, answer.json()["id"].as_i64().unwrap(), people).await;
                imports += 2;
            } else {
                check_refusal(&answer);
            }
        }
        check_rest(&running, imports).await;
    }

    async fn a_stop_in_mid_import_twice_in_a_row_hands_it_back_twice(stack) {
        let mut running = stack.start(QUICK).await;
        let people = People::new(60_000);
        let id = running.client.import("resource=users", people.csv()).await;
        for _ in 0..2 {
            let before = harness::count(&running.client.show(id).await, "read");
            assert!(reached(&running.client, id, before + 1).await);
            // A second word while the first is being obeyed changes nothing.
            let mut stopping = running.detach(running.back());
            stopping.signal("TERM");
            stopping.signal("TERM");
            let status = stopping.wait(Duration::from_secs(5)).expect("it ends in time");
            assert!(status.success(), "{status}");
            running.start(running.back()).await;
        }
        check_done(&running.client, id, people).await;
        assert!(!running.log(running.back()).contains("poison"));
    }

    async fn a_process_that_is_frozen_by_turns_keeps_its_imports(stack) {
        let mut running = stack.start(QUICK).await;
        let people = People::new(40_000);
        let id = running.client.import("resource=users", people.csv()).await;
        reached(&running.client, id, 1).await;
        let turns = if long() { 1_000 } else { 100 };
        for _ in 0..turns {
            running.signal(running.back(), "STOP");
            tokio::time::sleep(Duration::from_millis(50)).await;
            running.signal(running.back(), "CONT");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let claims = running.log(running.back()).matches("import.claimed").count();
        assert_eq!(claims, 1, "nobody took it for dead");
        check_done(&running.client, id, people).await;
    }
}

#[tokio::test]
async fn new_processes_take_over_before_the_old_ones_stop() {
    let mut running = Stack::Scaled.start(QUICK).await;
    let people = People::new(60_000);
    let id = running.client.import("resource=users", people.csv()).await;
    assert!(reached(&running.client, id, 1).await);
    for _ in 0..3 {
        let old_client = running.client.clone();
        let mut old = running.roll(Role::Worker).await;
        let mut old_api = running.roll(Role::Api).await;
        let upload = tokio::spawn(send(old_client, People::new(100), Duration::from_millis(3)));
        tokio::time::sleep(Duration::from_millis(100)).await;
        for process in [&mut old, &mut old_api] {
            process.signal("TERM");
            let status = process.wait(Duration::from_secs(5)).expect("it ends in time");
            assert!(status.success(), "{status}\n{}", process.log_tail());
        }
        // What it took in before, its successor shows.
        if let Some(answer) = upload.await.unwrap() {
            if answer.status == 202 {
                running.client.show(answer.json()["id"].as_i64().unwrap()).await;
            } else {
                check_refusal(&answer);
            }
        }
    }
    let import = running.client.wait_final(id).await;
    assert_eq!(harness::count(&import, "created"), people.good(), "{import:#}");
    assert_eq!(harness::count(&import, "failed"), people.broken(), "{import:#}");
}

/// An upload in twenty pieces; nothing where the connection ended without an answer.
async fn send(client: Client, people: People, pause: Duration) -> Option<harness::Answer> {
    let body = in_pieces(&people.csv(), 20, pause);
    client.try_send(client.csv_request("resource=users", body)).await.ok()
}

//! What an operator meets: health, readiness, metrics, logs, a graceful stop, the first start, wrong settings.

use std::time::{Duration, Instant};

use harness::{People, Stack, both_stacks, count};

/// Stands in cells and must not stand in a log.
const CANARY: &str = "canary-7f3a@example.com";

both_stacks! {
    async fn health_readiness_metrics_and_documents_need_no_key(stack) {
        let running = stack.start(&[]).await;
        let stranger = running.stranger();
        stranger.get("/healthz").await.expect(200);
        let ready = stranger.get("/readyz").await.expect(200).json();
        for check in ["database", "queue", "blobs", "schema"] {
            assert!(ready.to_string().contains(check), "{ready}");
        }
        let id = running.client.import("resource=users", "source_id\n1\n").await;
        running.client.wait_final(id).await;
        let metrics = stranger.get("/metrics").await.expect(200).text;
        for name in ["longshore_build_info", "http_server_request_duration_seconds_bucket"] {
            assert!(metrics.contains(name), "{metrics}");
        }
        assert!(!metrics.contains(&format!("/v1/imports/{id}\"")), "routes are patterns: {metrics}");
        let document = stranger.get("/openapi.json").await.expect(200).json();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        assert!(document["paths"]["/bulk/v1/files/{id}"]["delete"].is_object());
        stranger.get("/docs/").await.expect(200);
    }

    async fn logs_know_no_cells_and_no_keys(stack) {
        let running = stack.start(&[("LONGSHORE_LOG", "debug")]).await;
        let client = &running.client;
        let file = format!("source_id,email,password_hash\n1,{CANARY},hash-{CANARY}\n2,{CANARY}@,x\n");
        let id = client.import("resource=users", file).await;
        client.wait_final(id).await;
        client.get(&format!("/v1/users?email={CANARY}")).await.expect(200);
        let log = running.log(running.front()) + &running.log(running.back());
        assert!(log.contains("import.finished"), "there is a log: {log}");
        assert!(!log.contains(CANARY), "a cell is in the log");
        assert!(!log.contains(&client.key[20..]), "a key is in the log");
    }

    async fn a_stop_is_graceful_and_hands_imports_back(stack) {
        let mut running = stack.start(&[("LONGSHORE_WORKER_BATCH_ROWS", "200")]).await;
        let people = People::new(60_000);
        let id = running.client.import("resource=users", people.csv()).await;
        while count(&running.client.show(id).await, "read") == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let back = running.back();
        let took = running.stop(back, Duration::from_secs(10));
        assert!(took < Duration::from_secs(5), "{took:?}");
        running.start(back).await;
        let again = Instant::now();
        let import = running.client.wait_final(id).await;
        assert!(again.elapsed() < Duration::from_secs(45));
        assert_eq!((&import["status"], count(&import, "created")), (&"partial".into(), people.good()), "{import:#}");
    }
}

#[tokio::test]
async fn a_first_start_makes_a_key_and_a_second_process_is_refused() {
    let mut running = Stack::Embedded.prepare(&[]).await;
    running.start(harness::Role::Serve).await;
    let key = std::fs::read_to_string(running.folder.join("data/admin.key")).unwrap();
    let client = running.client.with_key(key.trim());
    client.get("/v1/organization").await.expect(200);
    let second = running.command(&["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("another longshore process"), "{said}");
}

#[tokio::test]
async fn wrong_settings_are_refused_by_name() {
    let running = Stack::Embedded.prepare(&[]).await;
    let refused = |name: &str, value: &str| {
        let output = running
            .command(&["serve", "--listen", "127.0.0.1:0"])
            .env(name, value)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}={value}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(refused("LONGSHORE_DATABASE_URI", "x").contains("did you mean LONGSHORE_DATABASE_URL?"));
    assert!(refused("LONGSHORE_BLOB_URL", "ftp://x").contains("blob_url"));
    assert!(refused("LONGSHORE_WORKER_LEASE", "soon").contains("worker.lease"));
}

//! F50: uploads, ends, deletions and expiry at once, and a kill in the middle of them: whatever the ledger names has its file,
//! and no file stays that it does not name.

use std::time::Duration;

use harness::{Dice, People, Role, Stack, long};

use crate::outcome::{QUICK, wide};

#[tokio::test]
async fn files_and_ledger_agree_after_kills_among_uploads_deletions_and_expiry() {
    let mut dice = Dice::seeded();
    let mut running = Stack::Embedded.start(QUICK).await;
    for round in 0..if long() { 40 } else { 4 } {
        let client = running.client.clone();
        let mut turns: Vec<_> = (0..8)
            .map(|_| (dice.below(3), dice.moment(Duration::from_millis(300))))
            .collect();
        let busy = tokio::spawn(async move {
            while let Some((what, pause)) = turns.pop() {
                let request = client.csv_request("resource=users", People::new(500).csv());
                let Ok(answer) = client.try_send(request).await else {
                    return;
                };
                if answer.status != 202 {
                    continue;
                }
                let id = answer.json()["id"].as_i64().unwrap();
                if what > 0 {
                    tokio::time::sleep(pause).await;
                    let path = format!("/v1/imports/{id}");
                    drop(client.try_send(client.request(reqwest::Method::DELETE, &path)).await);
                }
            }
        });
        tokio::time::sleep(dice.moment(Duration::from_millis(900))).await;
        running.kill9(Role::Serve);
        busy.await.unwrap();
        running.start(Role::Serve).await;
        let imports = running.client.pages("/v1/imports?limit=100").await;
        for import in &imports {
            let end = running.client.wait_final(import["id"].as_i64().unwrap()).await;
            assert_eq!(end["status"], "partial", "its file was there: {end:#}");
        }
        agrees(&running, imports.len()).await;
        println!("round {round}: {} imports", imports.len());
    }
    // All of them are past their time at the next start.
    running.set("LONGSHORE_LIMITS_RETENTION", "1s");
    running.restart(Role::Serve).await;
    let last = running.client.import("resource=users", People::new(500).csv()).await;
    running.client.wait_final(last).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    running.restart(Role::Serve).await;
    let left = running.client.pages("/v1/imports?limit=100").await;
    assert!(left.iter().all(|import| import["id"] != last), "it has expired");
    agrees(&running, left.len()).await;
    assert_eq!(
        wide(running.client.users().await.len()),
        People::new(500).good(),
        "what was imported stays"
    );
}

/// As many files as imports; a removal that is noted is made soon.
async fn agrees(running: &harness::Running, imports: usize) {
    let mut files = Vec::new();
    for _ in 0..100 {
        files = running.blobs().await;
        if files.len() == imports {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{imports} imports, and these files: {files:#?}");
}

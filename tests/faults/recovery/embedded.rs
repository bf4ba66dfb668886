//! One process on SQLite: killed, and started again by whoever looks after it. The start is part of what is measured.

use std::time::{Duration, Instant};

use harness::{Dice, Role, Stack, long};

use super::ledger::Ledger;
use super::{Files, judge};

#[tokio::test]
async fn a_killed_process_goes_on_as_soon_as_it_is_started_again() {
    let mut dice = Dice::seeded();
    let mut running = Stack::Embedded.start(&[]).await;
    let mut ledger = Ledger::of(&running).await;
    let mut files = Files::new(running.client.clone());
    let mut took = Vec::new();
    while took.len() < if long() { 100 } else { 8 } {
        let id = files.running().await;
        if ledger.in_the_middle(id).await.is_none() {
            continue;
        }
        tokio::time::sleep(dice.moment(Duration::from_millis(300))).await;
        let killed = Instant::now();
        running.kill9(Role::Serve);
        let left = ledger.standing(id).await;
        let again = running.start(Role::Serve);
        if let Some(lease) = left.lease.filter(|_| left.status == "running") {
            let (time, ()) = tokio::join!(ledger.next_batch(id, &lease, killed), again);
            took.push(time);
        } else {
            again.await;
        }
        files.client = running.client.clone();
    }
    files.check_all(&mut ledger).await;
    judge(
        "embedded, kill -9 and start",
        took,
        Duration::from_secs(2),
        Duration::from_secs(8),
    );
}

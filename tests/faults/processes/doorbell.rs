//! F12, F14: the same ring for two workers, rings twice, late, out of order and for imports that are over or never were.

use harness::{Dice, People, Role, Stack};
use longshore::queue::Queue;
use worker::import::ImportId;

use crate::load::{QUICK, check_done, reached};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_rings_for_two_workers_run_each_import_once() {
    let mut dice = Dice::seeded();
    let mut running = Stack::Scaled.start(QUICK).await;
    running.start(Role::Worker).await;
    let queue = Queue::redis(&running.redis.as_ref().unwrap().url()).unwrap();
    let early = People::new(500);
    let final_one = running.client.import("resource=users", early.csv()).await;
    running.client.wait_final(final_one).await;
    let other = running.admin_of("other").await;
    let people = People::new(60_000);
    let (one, two) = (
        other.import("resource=users", people.csv()).await,
        other.import("resource=users&dry_run=true", people.csv()).await,
    );
    // Final, running, behind another, never made, and numbers that cannot be.
    let ids = [final_one, one, two, one + 1_000_000, -1, 0, i64::MAX];
    for number in 0..1_000_u64 {
        let id = if number % 3 == 0 {
            one
        } else {
            ids[usize::try_from(dice.below(7)).unwrap()]
        };
        queue.ring(ImportId(id)).await;
        if number == 500 {
            assert!(reached(&other, one, 1).await, "rings come while it runs, too");
        }
    }
    let dry = other.wait_final(two).await;
    assert_eq!(harness::count(&dry, "unchanged"), people.good(), "{dry:#}");
    check_done(&other, one, people).await;
    for id in [final_one, one, two] {
        let claims = claims(&running.log(Role::Worker), id);
        assert_eq!(claims, 1, "import {id} is run once");
    }
    let shown = running.client.show(final_one).await;
    assert_eq!(
        harness::count(&shown, "created"),
        early.good(),
        "late rings change nothing"
    );
}

fn claims(log: &str, id: i64) -> usize {
    let field = format!("\"import_id\":{id},");
    let closed = format!("\"import_id\":{id}}}");
    log.lines()
        .filter(|line| line.contains("import.claimed") && (line.contains(&field) || line.contains(&closed)))
        .count()
}

//! F51: many small imports of other organizations beside a big one.

use std::time::{Duration, Instant};

use harness::{Client, People, both_stacks, count, is_final, long};

use crate::load::{QUICK, reached};

both_stacks! {
    async fn tiny_imports_pass_a_big_one_of_another_organization(stack) {
        let (organizations, each) = if long() { (50, 20) } else { (8, 5) };
        let running = stack.start(QUICK).await;
        let mut clients = Vec::new();
        for number in 0..organizations {
            clients.push(running.admin_of(&format!("tiny-{number}")).await);
        }
        let alone = slowest(&clients, 1).await;
        let people = People::new(if long() { 500_000 } else { 150_000 });
        let id = running.client.import("resource=users", people.csv()).await;
        assert!(reached(&running.client, id, 1).await);
        let beside = slowest(&clients, each).await;
        let big = running.client.show(id).await;
        println!("{stack:?}: the slowest of {organizations} x {each} tiny imports took {beside:?}, {alone:?} with nothing beside; \
            the big one had read {} of {}", count(&big, "read"), people.rows);
        assert!(!is_final(&big) || long(), "there was nothing big beside them");
        assert!(beside < Duration::from_secs(10).max(alone * 10), "{beside:?}, alone {alone:?}");
        let big = running.client.wait_final_within(id, Duration::from_secs(300)).await;
        assert_eq!(count(&big, "created"), people.good(), "{big:#}");
    }
}

/// Every organization imports ten rows, so many times in a row and all at once; the longest that any of them waited.
async fn slowest(clients: &[Client], times: u64) -> Duration {
    let each = clients.iter().map(|client| async move {
        let mut slowest = Duration::ZERO;
        for turn in 0..times {
            let people = People {
                from: turn * 10,
                rows: 10,
                city: "Berlin",
            };
            let began = Instant::now();
            let id = client.import("resource=users", people.csv()).await;
            client.wait_final(id).await;
            slowest = slowest.max(began.elapsed());
        }
        slowest
    });
    futures::future::join_all(each)
        .await
        .into_iter()
        .max()
        .unwrap_or_default()
}

//! F17, F19: a Redis that is slow to answer, or whose answers are lost after the deed.

use std::time::Duration;

use harness::{Fault, LostAnswer, long};

use super::Belled;

#[tokio::test]
async fn a_redis_that_pauses_or_is_slow_costs_an_upload_half_a_second_and_no_row() {
    let mut at = Belled::start().await;
    let pauses: &[u64] = if long() { &[800, 5_000, 60_000] } else { &[800, 5_000] };
    for pause in pauses {
        assert_eq!(at.tell(&format!("CLIENT PAUSE {pause} ALL")), "+OK");
        at.goes_on(&format!("paused for {pause} ms")).await;
        at.goes_on("again").await;
    }
    at.line.set(Fault::Latency(Duration::from_secs(1)));
    at.goes_on("two seconds for each command").await;
    at.line.heal();
    at.is("ready").await;
    at.goes_on("as quick as ever").await;
    at.end().await;
}

#[tokio::test]
async fn what_redis_does_without_saying_so_is_neither_lost_nor_done_twice() {
    let mut at = Belled::start().await;
    at.goes_on("well").await;
    // Every ring and every fetch is a script.
    at.line.set(Fault::LoseAnswer(LostAnswer::to("EVALSHA", "")));
    for turn in 0..if long() { 20 } else { 3 } {
        at.goes_on(&format!("no script has an answer, {turn}")).await;
    }
    assert!(at.line.troubles() > 0);
    at.line.set(Fault::Reset);
    at.goes_on("every connection is reset").await;
    at.line.heal();
    at.is("ready").await;
    at.goes_on("well again").await;
    at.end().await;
}

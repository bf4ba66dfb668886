//! F18, F20: a Redis that is not there, takes nothing, or lets nobody in.

use super::Belled;

#[tokio::test]
async fn a_stack_starts_and_works_without_its_redis_and_finds_it_when_it_comes() {
    let mut at = Belled::start_after(|running| running.redis.as_mut().unwrap().kill9()).await;
    at.is("degraded").await;
    at.goes_on("absent from the start").await;
    assert!(at.lost_rings().await >= 1);
    at.running.redis.as_mut().unwrap().restart();
    at.is("ready").await;
    let lost = at.lost_rings().await;
    at.goes_on("it has come").await;
    assert_eq!(at.lost_rings().await, lost);
    at.end().await;
}

#[tokio::test]
async fn a_redis_that_is_full_read_only_or_locked_delays_and_is_told_of() {
    let mut at = Belled::start().await;
    at.goes_on("well").await;
    for (what, commands, undo) in [
        (
            "full",
            &["CONFIG SET maxmemory-policy noeviction", "CONFIG SET maxmemory 1"][..],
            "CONFIG SET maxmemory 0",
        ),
        ("read-only", &["REPLICAOF 127.0.0.1 1"][..], "REPLICAOF NO ONE"),
        (
            "locked",
            // Whoever is in stays in, so everybody is sent away first.
            &["CONFIG SET requirepass changed"][..],
            "AUTH changed\r\nCONFIG SET requirepass \"\"",
        ),
    ] {
        let lost = at.lost_rings().await;
        for command in commands {
            assert_eq!(at.tell(command), "+OK");
        }
        at.line.cut();
        at.is("degraded").await;
        at.goes_on(what).await;
        assert!(at.lost_rings().await > lost, "{what}: the metrics tell");
        assert_eq!(at.tell(undo), "+OK");
        at.is("ready").await;
        at.goes_on(&format!("no longer {what}")).await;
    }
    at.end().await;
}

//! F21, F22: a session of PostgreSQL ended or killed, the server stopped fast and at once, under load.

use std::time::{Duration, Instant};

use harness::{Dice, People, Postgres, Role, Running, Stack, long};

use super::ready;
use crate::load::{Load, QUICK, check_refusal, check_rest};

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_dies_under_load_costs_time_and_nothing_else() {
    let mut dice = Dice::seeded();
    let mut server = Postgres::private(&[]);
    let mut running = Stack::Scaled.prepare(QUICK).await;
    running.use_database(&server.fresh_database().await);
    running.start_all().await;
    let load = Load::start(&running, 4, 4_000, &mut dice).await;
    let began = Instant::now();
    let turns = if long() { 60 } else { 6 };
    for turn in 0..turns {
        tokio::time::sleep(Duration::from_millis(500) + dice.moment(Duration::from_secs(1))).await;
        let _nobody_compares = load.trouble().await;
        match turn % 4 {
            0 => end_a_session(&running, "select pg_terminate_backend($1)").await,
            1 => kill_a_session(&running, &server).await,
            2 => restart(&mut server, &running, "INT", &mut dice).await,
            _ => restart(&mut server, &running, "QUIT", &mut dice).await,
        }
        ready(&running).await;
    }
    let imports = load.finish().await;
    running.restart(Role::Api).await;
    check_rest(&running, imports).await;
    println!(
        "{turns} deaths of sessions and servers, {imports} imports compared with the oracle, {:?}",
        began.elapsed()
    );
}

/// Down for a while, in which callers are told to come again, and not a file is taken in.
async fn restart(server: &mut Postgres, running: &Running, signal: &str, dice: &mut Dice) {
    server.stop(signal);
    let client = &running.client;
    client.get("/healthz").await.expect(200);
    check_refusal(&client.post_csv("resource=users", People::new(100).csv()).await);
    check_refusal(&client.get("/v1/imports").await);
    assert_eq!(client.get("/readyz").await.status, 503);
    tokio::time::sleep(dice.moment(Duration::from_secs(2))).await;
    server.start_again();
}

/// A session of the product that has something to do, or any.
async fn busy_session(running: &Running) -> Option<i32> {
    let sql = "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() \
               and backend_type = 'client backend' order by state = 'idle', random() limit 1";
    let rows = running.database().await.query(sql, &[]).await.unwrap();
    rows.first().map(|row| row.get(0))
}

async fn end_a_session(running: &Running, sql: &str) {
    if let Some(pid) = busy_session(running).await {
        running.database().await.execute(sql, &[&pid]).await.unwrap();
    }
}

/// The server ends every other session as well, recovers and goes on.
async fn kill_a_session(running: &Running, server: &Postgres) {
    if let Some(pid) = busy_session(running).await {
        server.signal(Some(pid), "KILL");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

//! Two workers on PostgreSQL: the one that runs the import dies or hangs, the other one takes it over.

use std::time::{Duration, Instant};

use harness::{Dice, Process, Role, Running, Stack, long};

use super::ledger::Ledger;
use super::{Files, judge};

/// Workers by the names under which they are known to the database.
struct Workers {
    running: Running,
    ledger: Ledger,
    started: u32,
    alive: Vec<(String, Process)>,
}

impl Workers {
    /// An API and two workers.
    async fn two() -> Self {
        let mut running = Stack::Scaled.prepare(&[]).await;
        running.start(Role::Api).await;
        running.client = running.admin_of("acme").await;
        let ledger = Ledger::of(&running).await;
        let mut workers = Self {
            running,
            ledger,
            started: 0,
            alive: Vec::new(),
        };
        workers.one_more().await;
        workers.one_more().await;
        workers
    }

    /// Starts a worker, and waits until it looks after the others.
    async fn one_more(&mut self) {
        self.started += 1;
        let name = format!("worker-{}", self.started);
        let url = format!("{}&application_name={name}", self.running.database_url);
        self.running.set("LONGSHORE_DATABASE_URL", &url);
        self.running.start(Role::Worker).await;
        self.alive.push((name.clone(), self.running.detach(Role::Worker)));
        let looks = format!(
            "select application_name from pg_stat_activity \
             where application_name = '{name}' and query like 'select pg_advisory_unlock%' limit 1"
        );
        let began = Instant::now();
        while self.ledger.text(&looks).await.is_none() {
            assert!(began.elapsed() < Duration::from_secs(60), "{name} does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Its first look may come at any moment, as in a worker that has been there for long.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    /// The place of the worker whose session has the lock of the import's lease, and the lease.
    async fn holder(&mut self, id: i64) -> Option<(usize, String)> {
        let lease = self.ledger.in_the_middle(id).await?;
        let query = format!(
            "select application_name from pg_stat_activity join pg_locks using (pid) where locktype = 'advisory' \
             and classid::bigint << 32 | objid::bigint = hashtextextended('{lease}', 0)"
        );
        let name = self.ledger.text(&query).await?;
        let place = self.alive.iter().position(|(worker, _)| *worker == name)?;
        Some((place, lease))
    }

    /// Whether a worker is inside a transaction.
    async fn is_writing(&mut self, name: &str) -> bool {
        let query = format!(
            "select application_name from pg_stat_activity where application_name = '{name}' \
             and xact_start is not null and backend_xid is not null limit 1"
        );
        self.ledger.text(&query).await.is_some()
    }
}

#[tokio::test]
async fn a_killed_worker_s_import_goes_on_with_another_within_two_seconds() {
    let mut dice = Dice::seeded();
    let mut workers = Workers::two().await;
    let mut files = Files::new(workers.running.client.clone());
    let mut took = Vec::new();
    while took.len() < if long() { 100 } else { 8 } {
        let id = files.running().await;
        tokio::time::sleep(dice.moment(Duration::from_millis(200))).await;
        let Some((place, lease)) = workers.holder(id).await else {
            continue;
        };
        let killed = Instant::now();
        workers.alive.remove(place).1.kill9();
        let left = workers.ledger.standing(id).await;
        if left.status == "running" && left.lease.as_ref() == Some(&lease) {
            took.push(workers.ledger.next_batch(id, &lease, killed).await);
        }
        workers.one_more().await;
    }
    files.check_all(&mut workers.ledger).await;
    judge("scaled, kill -9", took, Duration::from_secs(2), Duration::from_secs(5));
}

/// Stopped inside the transaction of a batch, which is where it has locks; continued when another has gone on.
#[tokio::test]
async fn a_hung_worker_s_import_goes_on_with_another_within_fifteen_seconds() {
    let mut dice = Dice::seeded();
    let mut workers = Workers::two().await;
    let mut files = Files::new(workers.running.client.clone());
    let mut took = Vec::new();
    while took.len() < if long() { 10 } else { 1 } {
        let id = files.running().await;
        tokio::time::sleep(dice.moment(Duration::from_millis(50))).await;
        let Some((place, lease)) = workers.holder(id).await else {
            continue;
        };
        let name = workers.alive[place].0.clone();
        let stopped = Instant::now();
        workers.alive[place].1.signal("STOP");
        if workers.is_writing(&name).await {
            took.push(workers.ledger.next_batch(id, &lease, stopped).await);
        }
        workers.alive[place].1.signal("CONT");
    }
    files.check_all(&mut workers.ledger).await;
    for (name, worker) in &mut workers.alive {
        assert!(worker.is_alive(), "{name} was fenced and goes on with other work");
    }
    let fenced = workers.running.log(Role::Worker).matches("Fenced").count();
    assert!(
        fenced >= took.len(),
        "each that hung has found its lease lost: {fenced}"
    );
    judge(
        "scaled, SIGSTOP in a batch",
        took,
        Duration::from_secs(15),
        Duration::from_secs(20),
    );
}

/// The workers live; only what shows it is taken from them, again and again.
#[tokio::test]
async fn workers_whose_sign_of_life_is_cut_lose_and_double_nothing() {
    let mut dice = Dice::seeded();
    let mut workers = Workers::two().await;
    let mut files = Files::new(workers.running.client.clone());
    let cut = "select count(pg_terminate_backend(pid)) as n from (select distinct pid from pg_locks \
               where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())) as l";
    let mut cuts = 0;
    while cuts < if long() { 200 } else { 10 } {
        let id = files.running().await;
        if workers.ledger.in_the_middle(id).await.is_some() {
            cuts += workers.ledger.number(cut).await;
        }
        tokio::time::sleep(dice.moment(Duration::from_millis(400))).await;
    }
    files.check_all(&mut workers.ledger).await;
    let id = files.running().await;
    assert!(workers.holder(id).await.is_some(), "later leases are watched");
    files.check_all(&mut workers.ledger).await;
}

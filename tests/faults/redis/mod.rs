//! F15-F20: the doorbell gone, wiped, slow, full, read-only, locked, old or lossy. Uploads are taken as fast as ever, work starts
//! by the ledger's own poll, nothing is lost or done twice, and whoever watches is told.

mod content;
mod line;
mod refusal;

use std::time::{Duration, Instant};

use harness::{People, Proxy, Role, Running, Stack};

use crate::outcome::whole;

/// How often workers ask the ledger in these tests, and what a busy machine may add.
const POLL: Duration = Duration::from_secs(2);
const MARGIN: Duration = Duration::from_secs(3);

/// A scaled stack with a line before its Redis that can be broken.
struct Belled {
    running: Running,
    line: Proxy,
    people: People,
}

impl Belled {
    /// Started with whatever `before` has done to its Redis.
    async fn start_after(before: impl FnOnce(&mut Running)) -> Self {
        let settings = [("LONGSHORE_WORKER_LEASE", "3s"), ("LONGSHORE_WORKER_POLL", "2s")];
        let mut running = Stack::Scaled.prepare(&settings).await;
        let url = running.redis.as_ref().unwrap().url();
        let line = Proxy::before(&url);
        running.set("LONGSHORE_REDIS_URL", &line.url(&url));
        before(&mut running);
        running.start(Role::Api).await;
        running.start(Role::Worker).await;
        running.client = running.admin_of("acme").await;
        let people = People::new(0);
        Self { running, line, people }
    }

    async fn start() -> Self {
        Self::start_after(|_| {}).await
    }

    /// Redis's first line of answer.
    fn tell(&self, command: &str) -> String {
        let answer = self.running.redis.as_ref().unwrap().command(command).unwrap();
        println!("{command}: {answer}");
        answer
    }

    /// 300 more people: their file is taken at once, the work on it starts by the poll, and each of them is there once.
    async fn goes_on(&mut self, what: &str) {
        let more = People {
            from: self.people.rows,
            rows: 300,
            ..self.people
        };
        let client = &self.running.client;
        let asked = Instant::now();
        let answer = client.post_csv("resource=users", more.csv()).await;
        let took = asked.elapsed();
        assert_eq!(answer.status, 202, "{what}: {}", answer.text);
        let id = answer.json()["id"].as_i64().unwrap();
        while client.show(id).await["status"] == "queued" {
            assert!(asked.elapsed() < took + POLL + MARGIN, "{what}: nobody has begun");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        println!("{what}: taken after {took:?}, begun after {:?}", asked.elapsed());
        // Half a second is what Redis may cost.
        assert!(took < Duration::from_millis(500) + MARGIN, "{what}: {took:?}");
        whole(client, id, more).await;
        self.people.rows += more.rows;
    }

    /// Polls until the readiness of the API is this.
    async fn is(&self, status: &str) {
        let mut said = String::new();
        for _ in 0..200 {
            let answer = self.running.client.get("/readyz").await.expect(200);
            if answer.json()["status"] == status {
                return;
            }
            said = answer.text;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("not {status}: {said}");
    }

    /// Rings that the metrics say nobody heard.
    async fn lost_rings(&self) -> u64 {
        let text = self.running.client.get("/metrics").await.expect(200).text;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("longshore_rings_lost_total "));
        line.map_or(0, |number| number.trim().parse().unwrap())
    }

    /// Each of the people once, as sent.
    async fn end(self) {
        crate::outcome::table_is(&self.running.client, self.people).await;
    }
}

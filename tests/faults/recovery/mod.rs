//! How long an import stands still when the process that runs it dies or hangs, under the settings that everybody has: from
//! the signal to the next committed batch, seen in the database itself. What is promised is 2 s for a death and 15 s for a
//! hang, 99 times in 100; the bounds of the short form leave room for a machine that is busy with other tests.

mod embedded;
mod ledger;
mod scaled;

use std::time::Duration;

use harness::{Client, People, count, is_final, long};

use ledger::Ledger;

/// So many rows that a run lasts for several kills.
const ROWS: u64 = 200_000;

/// Imports one after the other, none of whose rows is another's.
struct Files {
    client: Client,
    current: Option<(i64, People)>,
    rows: u64,
    good: u64,
}

impl Files {
    fn new(client: Client) -> Self {
        Self {
            client,
            current: None,
            rows: 0,
            good: 0,
        }
    }

    /// The import that runs now; another one is begun when the last one is final, and is what it must be.
    async fn running(&mut self) -> i64 {
        if let Some((id, _)) = self.current {
            if !is_final(&self.client.show(id).await) {
                return id;
            }
            self.check().await;
        }
        let people = People {
            from: self.rows,
            ..People::new(ROWS)
        };
        let id = self.client.import("resource=users", people.csv()).await;
        self.current = Some((id, people));
        id
    }

    /// Waits for the end of the current import: every good row is there once, every bad one is reported once.
    async fn check(&mut self) {
        let Some((id, people)) = self.current.take() else {
            return;
        };
        let import = self.client.wait_final_within(id, Duration::from_secs(180)).await;
        assert_eq!(import["status"], "partial", "{import:#}");
        assert_eq!(count(&import, "created"), people.good(), "{import:#}");
        assert_eq!(count(&import, "failed"), people.broken(), "{import:#}");
        assert_eq!(count(&import, "total"), people.rows, "{import:#}");
        let failed = self.client.failed_csv(id).await;
        assert_eq!(u64::try_from(failed.lines().count()).unwrap(), people.broken() + 1);
        self.rows += people.rows;
        self.good += people.good();
    }

    /// The same, and then what the tables hold of all of them.
    async fn check_all(&mut self, ledger: &mut Ledger) {
        self.check().await;
        let good = i64::try_from(self.good).unwrap();
        assert_eq!(ledger.number("select count(*) as n from users").await, good);
        let keys = "select count(*) as n from (select distinct source, source_id, language from users) as keys";
        assert_eq!(ledger.number(keys).await, good);
        let failed = i64::try_from(self.rows - self.good).unwrap();
        assert_eq!(ledger.number("select count(*) as n from import_failures").await, failed);
    }
}

/// Prints what was measured, and holds it against what is promised.
fn judge(what: &str, mut took: Vec<Duration>, promised: Duration, in_short: Duration) {
    took.sort();
    let at = |percent: usize| {
        *took
            .get((took.len() * percent).div_ceil(100).saturating_sub(1))
            .unwrap()
    };
    let (median, late, worst) = (at(50), at(99), at(100));
    eprintln!(
        "{what}, {} times: p50 {median:.2?}, p99 {late:.2?}, most {worst:.2?}",
        took.len()
    );
    let bound = if long() { promised } else { in_short };
    assert!(late <= bound, "{what}: {took:.2?}");
}

//! Callers who import one file after the other, whatever happens to the product meanwhile, and compare what each import did
//! with the oracle: counts, state, failed rows, the whole table.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::{Client, Dice, People, Running, Stack, oracle};
use reqwest::Body;
use serde_json::{Value, json};
use tokio::sync::{OwnedRwLockReadGuard, RwLock, RwLockWriteGuard};
use tokio::task::JoinHandle;

/// Short enough that a test need not wait for a dead worker's lease; small batches, so that there is always one to hit.
pub(crate) const QUICK: &[(&str, &str)] = &[
    ("LONGSHORE_WORKER_LEASE", "3s"),
    ("LONGSHORE_WORKER_POLL", "1s"),
    ("LONGSHORE_WORKER_BATCH_ROWS", "500"),
    ("LONGSHORE_WORKER_CONCURRENCY", "3"),
];

/// What each caller does in turn: an import with failed rows, a dry run of another, the first again, the other in earnest.
const TURNS: [(&str, bool); 4] = [("Berlin", false), ("Wien", true), ("Berlin", false), ("Wien", false)];
/// Longest time that an import may take, kills included.
const IMPORT: Duration = Duration::from_secs(240);

/// The callers at work, each for an organization of its own.
pub(crate) struct Load {
    calm: Arc<RwLock<()>>,
    over: Arc<AtomicBool>,
    callers: Vec<JoinHandle<usize>>,
}

impl Load {
    /// So many callers begin; files have up to `rows` rows.
    pub(crate) async fn start(running: &Running, callers: u64, rows: u64, dice: &mut Dice) -> Self {
        let (calm, over) = (Arc::new(RwLock::new(())), Arc::new(AtomicBool::new(false)));
        let mut tasks = Vec::new();
        for number in 0..callers {
            let caller = Caller {
                client: running.admin_of(&format!("load-{number}")).await,
                calm: calm.clone(),
                users: Vec::new(),
                from: dice.below(1_000),
                rows: rows / 4 + dice.below(rows - rows / 4),
                haste: number % 2 == 0,
            };
            tasks.push(tokio::spawn(caller.work(over.clone())));
        }
        Self {
            calm,
            over,
            callers: tasks,
        }
    }

    /// While this is held nobody compares, so that whatever answers may be taken away. To be dropped when it answers again.
    pub(crate) async fn trouble(&self) -> RwLockWriteGuard<'_, ()> {
        self.calm.write().await
    }

    /// Waits until each caller has ended what it began, and at least one round; says how many imports were compared.
    pub(crate) async fn finish(self) -> usize {
        self.over.store(true, Ordering::SeqCst);
        let mut imports = 0;
        for caller in self.callers {
            imports += caller.await.unwrap();
        }
        imports
    }
}

struct Caller {
    client: Client,
    calm: Arc<RwLock<()>>,
    /// The table as the oracle has it.
    users: Vec<Value>,
    from: u64,
    rows: u64,
    /// Sends each file at once; otherwise in pieces, so that kills meet uploads.
    haste: bool,
}

impl Caller {
    async fn work(mut self, over: Arc<AtomicBool>) -> usize {
        let mut done = 0;
        while done < TURNS.len() || !over.load(Ordering::SeqCst) {
            let (city, dry_run) = TURNS[done % TURNS.len()];
            self.import(city, dry_run, done).await;
            done += 1;
            // The next round meets some of the people of the last, and some new ones.
            if done % TURNS.len() == 0 {
                self.from += self.rows / 2;
            }
        }
        done
    }

    async fn import(&mut self, city: &'static str, dry_run: bool, number: usize) {
        let people = People {
            from: self.from,
            rows: self.rows,
            city,
        };
        let (file, options) = (people.csv(), json!({"resource": "users", "dry_run": dry_run}));
        let id = self.upload(&file, dry_run, &format!("key-{number}")).await;
        let import = self.client.wait_final_within(id, IMPORT).await;
        let calm = self.calm.clone().read_owned().await;
        self.compare(file, options, import, calm).await;
    }

    /// Until there is an answer: the same call again, under the same key.
    async fn upload(&self, file: &str, dry_run: bool, key: &str) -> i64 {
        let query = format!("resource=users&dry_run={dry_run}");
        for _ in 0..1_200 {
            let body = if self.haste {
                Body::from(file.to_owned())
            } else {
                in_pieces(file, 20, Duration::from_millis(30))
            };
            let request = self.client.csv_request(&query, body).header("Idempotency-Key", key);
            if let Ok(answer) = self.client.try_send(request).await {
                if answer.status == 202 {
                    return answer.json()["id"].as_i64().unwrap();
                }
                check_refusal(&answer);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no upload got through");
    }

    async fn compare(&mut self, file: String, options: Value, import: Value, calm: OwnedRwLockReadGuard<()>) {
        let users = self.client.users().await;
        let failed = self.client.failed_csv(import["id"].as_i64().unwrap()).await;
        drop(calm);
        let before = std::mem::take(&mut self.users);
        let compared = tokio::task::spawn_blocking(move || {
            let expected = oracle::expect(file.as_bytes(), &options, &before);
            let difference = oracle::difference(&expected, &import, &users, &failed);
            assert!(difference.is_none(), "{options}: {}\n{import:#}", difference.unwrap());
            expected["users"].as_array().unwrap().clone()
        });
        self.users = compared.await.unwrap();
    }
}

/// All that a caller may be told while things break: to come again, and when.
#[track_caller]
pub(crate) fn check_refusal(answer: &harness::Answer) {
    let expected = match answer.status {
        503 => !answer.header("Retry-After").is_empty(),
        409 => answer.json()["code"] == "idempotency-in-flight",
        _ => false,
    };
    assert!(expected, "{} {:?} {}", answer.status, answer.headers, answer.text);
}

/// A body that comes in so many pieces, each after a pause.
pub(crate) fn in_pieces(file: &str, pieces: usize, pause: Duration) -> Body {
    let size = file.len().div_ceil(pieces).max(1);
    let pieces: Vec<Vec<u8>> = file.as_bytes().chunks(size).map(<[u8]>::to_vec).collect();
    let stream = futures::stream::unfold(pieces.into_iter(), move |mut pieces| async move {
        let piece = pieces.next()?;
        tokio::time::sleep(pause).await;
        Some((Ok::<_, std::io::Error>(piece), pieces))
    });
    Body::wrap_stream(stream)
}

/// Makes the uploads of an API that is dead a minute older than they are; the next start removes them. An embedded one is
/// alone, and does so by itself.
pub(crate) async fn a_minute_later(running: &Running) {
    if running.stack == Stack::Scaled {
        let age = "update imports set lease_until = lease_until - interval '1 minute' where status = 'receiving'";
        running.database().await.batch_execute(age).await.unwrap();
    }
}

/// I8 and I13: every file belongs to an import, and no connection is inside a transaction.
pub(crate) async fn check_rest(running: &Running, imports: usize) {
    for _ in 0..100 {
        if running.blobs().await.len() == imports && open_transactions(running).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let blobs = running.blobs().await.len();
    panic!(
        "{blobs} files for {imports} imports, {} open transactions",
        open_transactions(running).await
    );
}

/// Sessions of the product that wait for it inside a transaction.
pub(crate) async fn open_transactions(running: &Running) -> i64 {
    if running.stack == Stack::Embedded {
        return 0;
    }
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() \
               and state like 'idle in transaction%'";
    running.database().await.query_one(sql, &[]).await.unwrap().get(0)
}

/// Every good row is there once, every bad one is reported once, and the same file again changes nothing.
pub(crate) async fn check_done(client: &Client, id: i64, people: People) {
    let import = client.wait_final_within(id, IMPORT).await;
    assert_eq!(import["status"], "partial", "{import:#}");
    for (name, expected) in [
        ("created", people.good()),
        ("failed", people.broken()),
        ("total", people.rows),
    ] {
        assert_eq!(harness::count(&import, name), expected, "{name}: {import:#}");
    }
    assert_eq!(u64::try_from(client.users().await.len()).unwrap(), people.good());
    let failed = client.failed_csv(id).await;
    assert_eq!(u64::try_from(failed.lines().count()).unwrap(), people.broken() + 1);
    let again = client.import("resource=users", people.csv()).await;
    let again = client.wait_final_within(again, IMPORT).await;
    assert_eq!(harness::count(&again, "unchanged"), people.good(), "{again:#}");
}

/// Waits until so many rows are read; `false` if the import ended before.
pub(crate) async fn reached(client: &Client, id: i64, rows: u64) -> bool {
    for _ in 0..6_000 {
        if let Ok(answer) = client.try_get(&format!("/v1/imports/{id}")).await
            && answer.status == 200
        {
            let import = answer.json();
            if harness::is_final(&import) {
                return false;
            }
            if harness::count(&import, "read") >= rows {
                return true;
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("import {id} never read {rows} rows");
}

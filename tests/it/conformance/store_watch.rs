//! Who is seen to be dead before the lease is over: the locks that a living process holds beside its leases on PostgreSQL.

use std::time::Duration;

use longshore::store::Store;
use worker::import::ImportId;
use worker::ports::{Claimed, Ending};

use super::database::{Database, LEASE, NO_TIME, both_databases, connect};

both_databases! {
    async fn what_a_living_process_runs_is_left_alone(db) {
        let org = db.org("acme").await;
        let id = db.queued(org).await;
        let run = db.store.claim(id, LEASE).await.unwrap().unwrap();
        let other = connect(&db.url).await;
        for _ in 0..20 {
            assert_eq!(other.orphaned(10).await.unwrap(), []);
            assert!(other.claim(id, LEASE).await.unwrap().is_none());
        }
        assert!(db.store.renew(run.lease, LEASE).await.unwrap());
    }

    async fn what_a_hung_process_ran_is_an_orphan_when_its_lease_is_over(db) {
        let org = db.org("acme").await;
        let (id, waiting) = (db.queued(org).await, db.queued(org).await);
        let run = db.store.claim(id, NO_TIME).await.unwrap().unwrap();
        assert_eq!(db.store.orphaned(10).await.unwrap(), [id]);
        assert_eq!(db.store.orphaned(0).await.unwrap(), []);
        db.store.finish(run.lease, Ending::Done).await.unwrap().unwrap();
        let handed_back = db.store.claim(waiting, LEASE).await.unwrap().unwrap();
        assert!(db.store.release(handed_back.lease, NO_TIME, false).await.unwrap());
        assert_eq!(db.store.orphaned(10).await.unwrap(), [], "neither a final one nor one whose pause is over");
    }
}

/// A process of its own, as far as the server can tell; its end closes every connection as a kill would.
struct Doomed(tokio::runtime::Runtime);

impl Doomed {
    fn new() -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        Self(builder.worker_threads(1).enable_all().build().unwrap())
    }

    async fn claim(&self, db: &Database, id: ImportId) -> Claimed {
        let url = db.url.clone();
        let claim = async move { connect(&url).await.claim(id, LEASE).await.unwrap().unwrap() };
        self.0.spawn(claim).await.unwrap()
    }

    fn die(self) {
        self.0.shutdown_background();
    }
}

/// Waits for as long as a worker would look.
async fn orphaned(store: &Store) -> Vec<ImportId> {
    for _ in 0..200 {
        let orphans = store.orphaned(10).await.unwrap();
        if !orphans.is_empty() {
            return orphans;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Vec::new()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_process_s_import_is_taken_over_long_before_its_lease_ends() {
    let db = Database::postgres().await;
    let org = db.org("acme").await;
    let id = db.queued(org).await;
    let doomed = Doomed::new();
    let dead = doomed.claim(&db, id).await;
    assert_eq!(db.store.orphaned(10).await.unwrap(), []);
    doomed.die();
    assert_eq!(orphaned(&db.store).await, [id]);
    let claims: Vec<_> = (0..10)
        .map(|_| {
            let store = db.store.clone();
            tokio::spawn(async move { store.claim(id, LEASE).await.unwrap() })
        })
        .collect();
    let mut winners = Vec::new();
    for claim in claims {
        winners.extend(claim.await.unwrap());
    }
    assert_eq!(winners.len(), 1, "one successor");
    assert!(!db.store.renew(dead.lease, LEASE).await.unwrap());
    assert_eq!(db.store.orphaned(10).await.unwrap(), [], "the successor lives");
    let import = db.store.import(org, id).await.unwrap().unwrap();
    assert_eq!(import.crash_count, 2, "a death is a crash");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_left_without_a_word_is_an_orphan_at_once() {
    let db = Database::postgres().await;
    let org = db.org("acme").await;
    let id = db.queued(org).await;
    let run = db.store.claim(id, LEASE).await.unwrap().unwrap();
    // What a panic does.
    drop(run);
    assert_eq!(orphaned(&db.store).await, [id]);
    let run = db.store.claim(id, LEASE).await.unwrap().unwrap();
    assert!(db.store.release(run.lease, NO_TIME, false).await.unwrap());
    drop(run);
    let next = db.store.claim(id, LEASE).await.unwrap().unwrap();
    assert!(db.store.finish(next.lease, Ending::Done).await.unwrap().is_some());
    drop(next);
    until(&db, "no lock is left behind", |locks| locks == 0).await;
}

/// Waits until the number of sessions' locks is right.
async fn until(db: &Database, what: &str, is_right: impl Fn(i64) -> bool) {
    let held = "pg_locks where locktype = 'advisory' \
                and database = (select oid from pg_database where datname = current_database())";
    for _ in 0..500 {
        if is_right(db.count(held).await) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: {} locks", db.count(held).await);
}

/// Ends the sessions that hold locks in this database.
async fn cut(db: &Database) {
    db.execute(
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' \
         and database = (select oid from pg_database where datname = current_database())",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_is_made_anew_with_the_locks_of_all_runs() {
    let db = Database::postgres().await;
    let (a, b) = (db.org("a").await, db.org("b").await);
    let ids = [db.queued(a).await, db.queued(b).await];
    let mut runs = Vec::new();
    for id in ids {
        runs.push(db.store.claim(id, LEASE).await.unwrap().unwrap());
    }
    let other = connect(&db.url).await;
    for _ in 0..3 {
        cut(&db).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        until(&db, "both locks are back", |locks| locks == 2).await;
        assert_eq!(other.orphaned(10).await.unwrap(), []);
    }
    for run in runs {
        assert!(db.store.renew(run.lease, LEASE).await.unwrap(), "nobody took it");
    }
    until(&db, "and they go with their runs", |locks| locks == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_taken_for_dead_is_fenced_and_its_later_leases_are_watched() {
    let db = Database::postgres().await;
    let org = db.org("acme").await;
    let id = db.queued(org).await;
    let taken = db.store.claim(id, LEASE).await.unwrap().unwrap();
    let other = connect(&db.url).await;
    // Somebody has the lock at the moment in which the holder wants it back.
    let thief = db.client().await;
    let lock = format!("select pg_advisory_lock(hashtextextended('{}', 0))", taken.lease.token);
    let (locked, ()) = tokio::join!(thief.batch_execute(&lock), cut_only_holder(&db));
    locked.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(thief);
    assert_eq!(orphaned(&other).await, [id]);
    let next = other.claim(id, LEASE).await.unwrap().unwrap();
    assert!(!db.store.renew(taken.lease, LEASE).await.unwrap());
    other.finish(next.lease, Ending::Done).await.unwrap().unwrap();
    let later = db.queued(org).await;
    let _run = db.store.claim(later, LEASE).await.unwrap().unwrap();
    assert!(is_watched(&db, later).await);
    assert_eq!(other.orphaned(10).await.unwrap(), []);
}

/// Ends the session that has a lock, not those that wait for it.
async fn cut_only_holder(db: &Database) {
    tokio::time::sleep(Duration::from_millis(50)).await;
    db.execute(
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted \
         and database = (select oid from pg_database where datname = current_database())",
    )
    .await;
}

async fn is_watched(db: &Database, id: ImportId) -> bool {
    let watched = format!("imports where watched_lease = lease and id = {id}");
    db.count(&watched).await == 1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_of_an_older_release_is_left_to_time() {
    let db = Database::postgres().await;
    let org = db.org("acme").await;
    let id = db.queued(org).await;
    drop(db.store.claim(id, LEASE).await.unwrap().unwrap());
    assert_eq!(orphaned(&db.store).await, [id]);
    // It knows nothing of `watched_lease`.
    db.execute("update imports set lease = 'the older release''s'").await;
    assert_eq!(db.store.orphaned(10).await.unwrap(), []);
    assert!(db.store.claim(id, LEASE).await.unwrap().is_none());
}

/// A database whose role may have two connections, which the store's queries have got: one looks up, one does the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_further_connection_is_to_be_had_leases_end_by_time_alone() {
    let db = Database::postgres().await;
    let org = db.org("acme").await;
    let (id, later) = (db.queued(org).await, db.queued(org).await);
    let role = format!(
        "limited_{}",
        db.url.rsplit_once("/test_").unwrap().1.replace(['?', '='], "_")
    );
    let may = format!(
        "create role {role} login connection limit 2; grant all on all tables in schema public to {role}; \
         grant all on all sequences in schema public to {role}"
    );
    db.execute(&may).await;
    let limited = connect(&db.url.replace("//postgres@", &format!("//{role}@"))).await;
    limited.ready().await.unwrap();
    limited.organization(org).await.unwrap();
    assert!(!limited.is_watched().await.unwrap());
    let run = limited.claim(id, LEASE).await.unwrap().expect("a lease is a lease");
    assert!(!is_watched(&db, id).await);
    let lease = run.lease;
    drop(run);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(db.store.orphaned(10).await.unwrap(), []);
    assert!(limited.renew(lease, LEASE).await.unwrap());
    limited.finish(lease, Ending::Done).await.unwrap().unwrap();
    db.execute(&format!("alter role {role} connection limit 4")).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let _run = limited.claim(later, LEASE).await.unwrap().unwrap();
    assert!(is_watched(&db, later).await, "it is tried again");
}

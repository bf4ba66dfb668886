//! Who may run an import, and when: claims, leases, turns, poison.

use std::time::Duration;

use longshore::store::Store;
use worker::import::{ImportId, OrgId, Status};
use worker::ports::{Checkpoint, Ending, Lease};

use super::database::{Database, LEASE, NO_TIME, both_databases, received};

both_databases! {
    async fn of_fifty_claims_one_wins(db) {
        let org = db.org("acme").await;
        let id = db.queued(org).await;
        let claims: Vec<_> = (0..50)
            .map(|_| {
                let store = db.store.clone();
                tokio::spawn(async move { store.claim(id, LEASE).await.unwrap() })
            })
            .collect();
        let mut winners = Vec::new();
        for claim in claims {
            winners.extend(claim.await.unwrap());
        }
        assert_eq!(winners.len(), 1);
    }

    async fn of_claims_for_two_imports_of_one_organization_the_first_wins(db) {
        let org = db.org("acme").await;
        let (first, second) = (db.queued(org).await, db.queued(org).await);
        let claims: Vec<_> = (0..20)
            .map(|n| {
                let store = db.store.clone();
                let id = if n % 2 == 0 { second } else { first };
                tokio::spawn(async move { (id, store.claim(id, LEASE).await.unwrap()) })
            })
            .collect();
        let mut winners = Vec::new();
        for claim in claims {
            let (id, claimed) = claim.await.unwrap();
            winners.extend(claimed.map(|claimed| (id, claimed)));
        }
        assert_eq!(winners.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [first]);
    }

    async fn a_claim_says_all_a_worker_needs(db) {
        let org = db.org("acme").await;
        let id = db.queued(org).await;
        let claimed = db.store.claim(id, LEASE).await.unwrap().unwrap();
        assert_eq!((claimed.org, claimed.total, claimed.delimiter), (org, 4, b';'));
        assert_eq!(claimed.blob, "imports/1.csv");
        assert_eq!(claimed.checkpoint, Checkpoint { record: 0, byte: 7, line: 2 });
        assert_eq!(claimed.columns.len(), 1);
        let import = db.store.import(org, id).await.unwrap().unwrap();
        assert_eq!((import.status, import.crash_count), (Status::Running, 1));
        assert!(import.started_at >= Some(import.created_at));
    }

    async fn imports_of_one_organization_run_in_the_order_they_came(db) {
        let org = db.org("acme").await;
        let (first, second) = (db.queued(org).await, db.queued(org).await);
        assert!(db.store.claim(second, LEASE).await.unwrap().is_none(), "an older one waits");
        let run = db.store.claim(first, LEASE).await.unwrap().unwrap();
        assert!(db.store.claim(second, LEASE).await.unwrap().is_none(), "another one runs");
        assert_eq!(db.store.runnable(10).await.unwrap(), []);
        db.store.finish(run.lease, Ending::Done).await.unwrap().unwrap();
        assert_eq!(db.store.runnable(10).await.unwrap(), [second]);
        assert!(db.store.claim(second, LEASE).await.unwrap().is_some());
    }

    async fn imports_of_two_resources_run_side_by_side(db) {
        let org = db.org("acme").await;
        let (users, clients) = (db.queued(org).await, db.queued(org).await);
        db.execute(&format!("update imports set resource = 'clients' where id = {clients}")).await;
        db.store.claim(users, LEASE).await.unwrap().unwrap();
        assert_eq!(db.store.runnable(10).await.unwrap(), [clients]);
        db.store.claim(clients, LEASE).await.unwrap().unwrap();
    }

    /// The older one was still being received when the younger one began.
    async fn an_abandoned_run_goes_before_an_older_import(db) {
        let org = db.org("acme").await;
        let (older, younger) = (db.receiving(org).await, db.queued(org).await);
        db.store.claim(younger, NO_TIME).await.unwrap().unwrap();
        db.store.queue_import(org, older, received(4)).await.unwrap().unwrap();
        assert_eq!(db.store.runnable(10).await.unwrap(), [younger]);
        assert!(db.store.claim(older, LEASE).await.unwrap().is_none());
        db.store.claim(younger, LEASE).await.unwrap().unwrap();
    }

    async fn organizations_take_turns(db) {
        let (a, b) = (db.org("a").await, db.org("b").await);
        let of_a = [db.queued(a).await, db.queued(a).await, db.queued(a).await];
        let of_b = [db.queued(b).await, db.queued(b).await];
        let mut order = Vec::new();
        while let Some(next) = db.store.runnable(1).await.unwrap().into_iter().next() {
            let run = db.store.claim(next, LEASE).await.unwrap().unwrap();
            db.store.finish(run.lease, Ending::Done).await.unwrap().unwrap();
            order.push(next);
        }
        assert_eq!(order, [of_a[0], of_b[0], of_a[1], of_b[1], of_a[2]]);
    }

    async fn a_lease_that_is_over_goes_to_the_next_with_the_checkpoint(db) {
        let org = db.org("acme").await;
        let id = db.queued(org).await;
        let dead = db.store.claim(id, NO_TIME).await.unwrap().unwrap();
        let began = db.store.import(org, id).await.unwrap().unwrap().started_at;
        db.execute("update imports set checkpoint_record = 2, checkpoint_byte = 40, checkpoint_line = 5, created = 2").await;
        assert_eq!(db.store.runnable(10).await.unwrap(), [id]);
        let next = db.store.claim(id, LEASE).await.unwrap().unwrap();
        assert_ne!(next.lease, dead.lease);
        assert_eq!(next.checkpoint, Checkpoint { record: 2, byte: 40, line: 5 });
        assert_eq!(next.counts.created, 2);
        let import = db.store.import(org, id).await.unwrap().unwrap();
        assert_eq!(import.started_at, began, "it began with the first claim");
        assert_lost(&db.store, dead.lease).await;
        assert!(db.store.renew(next.lease, LEASE).await.unwrap());
    }

    async fn a_running_import_with_a_dead_worker_keeps_its_place(db) {
        let org = db.org("acme").await;
        let (first, second) = (db.queued(org).await, db.queued(org).await);
        db.store.claim(first, NO_TIME).await.unwrap().unwrap();
        assert!(db.store.claim(second, LEASE).await.unwrap().is_none());
        assert_eq!(db.store.runnable(10).await.unwrap(), [first]);
    }

    async fn renewing_keeps_others_out(db) {
        let org = db.org("acme").await;
        let id = db.queued(org).await;
        let run = db.store.claim(id, NO_TIME).await.unwrap().unwrap();
        assert!(db.store.renew(run.lease, LEASE).await.unwrap());
        assert!(db.store.claim(id, LEASE).await.unwrap().is_none());
        assert_eq!(db.store.runnable(10).await.unwrap(), []);
        assert_eq!(db.store.free_all_leases().await.unwrap(), 1);
        assert!(db.store.claim(id, LEASE).await.unwrap().is_some(), "a restart frees it at once");
    }

    async fn the_fourth_claim_without_progress_ends_the_import(db) {
        let org = db.org("acme").await;
        let (id, next) = (db.queued(org).await, db.queued(org).await);
        for _ in 0..3 {
            db.store.claim(id, NO_TIME).await.unwrap().unwrap();
        }
        assert!(db.store.claim(id, LEASE).await.unwrap().is_none());
        let import = db.store.import(org, id).await.unwrap().unwrap();
        assert_eq!((import.status, import.crash_count), (Status::Failed, 3));
        assert_eq!(import.error.map(|error| error.code), Some("poison".to_owned()));
        assert!(import.finished_at.is_some() && import.expires_at > import.finished_at);
        assert!(db.store.claim(next, LEASE).await.unwrap().is_some(), "the others go on");
    }

    async fn handing_back_in_good_order_is_no_crash(db) {
        let org = db.org("acme").await;
        let id = db.queued(org).await;
        for _ in 0..5 {
            let run = db.store.claim(id, LEASE).await.unwrap().unwrap();
            assert!(db.store.release(run.lease, NO_TIME, false).await.unwrap());
        }
        assert_eq!(db.store.import(org, id).await.unwrap().unwrap().crash_count, 0);
        for _ in 0..3 {
            let run = db.store.claim(id, LEASE).await.unwrap().unwrap();
            assert!(db.store.release(run.lease, NO_TIME, true).await.unwrap());
        }
        assert!(db.store.claim(id, LEASE).await.unwrap().is_none(), "three caught panics are three crashes");
    }

    async fn a_paused_import_waits_and_so_do_those_behind_it(db) {
        let org = db.org("acme").await;
        let (first, second) = (db.queued(org).await, db.queued(org).await);
        let run = db.store.claim(first, LEASE).await.unwrap().unwrap();
        assert!(db.store.release(run.lease, LEASE, false).await.unwrap());
        assert!(db.store.claim(first, LEASE).await.unwrap().is_none());
        assert!(db.store.claim(second, LEASE).await.unwrap().is_none());
        assert_eq!(db.store.runnable(10).await.unwrap(), []);
        let (waiting, age) = db.store.queue_depth().await.unwrap();
        assert_eq!(waiting, 2);
        assert!(age.unwrap() < Duration::from_secs(600));
    }

    async fn what_is_not_queued_is_not_claimed(db) {
        let org = db.org("acme").await;
        let receiving = db.receiving(org).await;
        assert!(db.store.claim(receiving, LEASE).await.unwrap().is_none());
        assert!(db.store.claim(ImportId(4711), LEASE).await.unwrap().is_none());
        let id = db.queued(org).await;
        db.store.cancel_import(org, id).await.unwrap().unwrap();
        assert!(db.store.claim(id, LEASE).await.unwrap().is_none());
        assert_eq!(db.store.queue_depth().await.unwrap(), (0, None));
    }

    async fn an_import_whose_caller_waits_stands_in_no_line(db) {
        let org = db.org("acme").await;
        let first = db.queued(org).await;
        let run = db.store.claim(first, LEASE).await.unwrap().unwrap();
        let (one, other) = (db.queued_synchronous(org).await, db.queued_synchronous(org).await);
        assert_eq!(db.store.runnable(10).await.unwrap(), [one, other], "should the process that took them die");
        let now = db.store.claim(one, LEASE).await.unwrap().expect("beside a running one");
        assert!(db.store.claim(other, LEASE).await.unwrap().is_some(), "and beside one another");
        let next = db.queued(org).await;
        db.store.finish(run.lease, Ending::Done).await.unwrap().unwrap();
        assert!(db.store.claim(next, LEASE).await.unwrap().is_some(), "nobody waits for them either");
        assert!(db.store.renew(now.lease, LEASE).await.unwrap());
    }

    /// Two hundred leases whose end is less than a second away from now: the text of SQLite must compare as time does.
    async fn moments_compare_to_the_microsecond(db) {
        let org: OrgId = db.org("acme").await;
        let id = db.queued(org).await;
        for millis in (0..1000).step_by(5) {
            let run = db.store.claim(id, LEASE).await.unwrap().unwrap();
            assert!(db.store.renew(run.lease, Duration::from_millis(millis + 300_000)).await.unwrap());
            assert!(db.store.claim(id, LEASE).await.unwrap().is_none());
            assert!(db.store.renew(run.lease, NO_TIME).await.unwrap());
            assert_eq!(db.store.runnable(1).await.unwrap(), [id]);
            assert!(db.store.release(run.lease, NO_TIME, false).await.unwrap());
        }
    }
}

/// A worker that stops while it sends a COPY holds the import's row, and no time limit of the server ends such a session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_hangs_in_a_copy_does_not_keep_its_import() {
    let db = Database::postgres().await;
    let org = db.org("acme").await;
    let id = db.queued(org).await;
    let hung = db.store.claim(id, NO_TIME).await.unwrap().unwrap();
    let client = db.client().await;
    let guard = format!("begin; update imports set lease_until = now() + interval '1 hour' where id = {id}");
    client.batch_execute(&guard).await.unwrap();
    let copy: tokio_postgres::CopyInSink<bytes::Bytes> =
        client.copy_in("copy import_failures from stdin").await.unwrap();
    // The server has said that it takes the rows; a moment later it waits for them.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let asked = std::time::Instant::now();
    let run = db.store.claim(id, LEASE).await.unwrap().expect("it is taken over");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_lost(&db.store, hung.lease).await;
    assert!(db.store.renew(run.lease, LEASE).await.unwrap());
    drop(copy);
}

/// The same while it is sent an answer: the server waits for the client to take it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_hangs_while_it_is_sent_rows_does_not_keep_its_import() {
    let db = Database::postgres().await;
    let org = db.org("acme").await;
    let id = db.queued(org).await;
    let hung = db.store.claim(id, NO_TIME).await.unwrap().unwrap();
    let client = db.client().await;
    let guard = format!("begin; update imports set lease_until = now() + interval '1 hour' where id = {id}");
    client.batch_execute(&guard).await.unwrap();
    let many = "select repeat('x', 100000) from generate_series(1, 1000)";
    let never_read = client.query_raw(many, Vec::<i32>::new()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let asked = std::time::Instant::now();
    let run = db.store.claim(id, LEASE).await.unwrap().expect("it is taken over");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_lost(&db.store, hung.lease).await;
    assert!(db.store.renew(run.lease, LEASE).await.unwrap());
    drop(never_read);
}

/// Nothing that a lost lease asks for is done.
async fn assert_lost(store: &Store, lease: Lease) {
    assert!(!store.renew(lease, LEASE).await.unwrap());
    assert!(!store.release(lease, NO_TIME, false).await.unwrap());
    assert!(store.finish(lease, Ending::Done).await.unwrap().is_none());
}

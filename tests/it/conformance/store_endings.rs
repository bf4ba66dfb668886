//! How imports end: by their counts, by a fault, by cancel, delete and time, and what races do to that.

use std::time::Duration;

use longshore::store::model::Deleted;
use worker::import::{ImportId, OrgId, Status};
use worker::ports::Ending;

use super::database::{Database, LEASE, NO_TIME, both_databases, received};

/// Rows that hang on an import: one failed row, one row of a dry run.
async fn hang_rows_on(db: &Database, id: ImportId) {
    let errors = r#"[{"code":"invalid-email","field":"email","column":"E-Mail","message":"not an address"}]"#;
    let cells = r#"["ana@","Ana"]"#;
    db.execute(&format!(
        "insert into import_failures values ({id}, 3, 4, '{errors}', '{cells}')"
    ))
    .await;
    let columns = "import_id, source, source_id, language, created_at, updated_at";
    let cells = "'s', 'i', '', '2026-01-01 00:00:00', '2026-01-01 00:00:00'";
    db.execute(&format!("insert into preview_users ({columns}) values ({id}, {cells})"))
        .await;
}

async fn status(db: &Database, org: OrgId, id: ImportId) -> Status {
    db.store.import(org, id).await.unwrap().unwrap().status
}

both_databases! {
    async fn the_counts_decide_how_a_run_ended(db) {
        let org = db.org("acme").await;
        let cases = [
            ("created = 3, skipped = 1", Status::Completed),
            ("created = 3, failed = 1", Status::Partial),
            ("created = 1", Status::Partial),
            ("failed = 4", Status::Failed),
        ];
        for (counts, expected) in cases {
            let id = db.queued(org).await;
            let run = db.store.claim(id, LEASE).await.unwrap().unwrap();
            db.execute(&format!("update imports set {counts} where id = {id}")).await;
            let import = db.store.finish(run.lease, Ending::Done).await.unwrap().unwrap();
            assert_eq!(import.status, expected, "{counts}");
            assert_eq!(import.error, None);
            let kept = import.expires_at.unwrap() - import.finished_at.unwrap();
            assert!((86_399..=86_401).contains(&kept.num_seconds()), "kept for the retention from its end on");
        }
    }

    async fn a_run_that_cannot_be_done_fails_with_its_reason(db) {
        let org = db.org("acme").await;
        let id = db.queued(org).await;
        let run = db.store.claim(id, LEASE).await.unwrap().unwrap();
        hang_rows_on(&db, id).await;
        let broken = Ending::Broken { code: "source-missing", detail: "the uploaded file is gone".to_owned() };
        let import = db.store.finish(run.lease, broken).await.unwrap().unwrap();
        let error = import.error.unwrap();
        assert_eq!((import.status, error.code.as_str()), (Status::Failed, "source-missing"));
        assert_eq!(error.detail, "the uploaded file is gone");
        assert_eq!(db.count("preview_users").await, 0, "what a dry run would have written is gone");
        assert_eq!(db.store.failures(org, id, 0, 10).await.unwrap().len(), 1, "failed rows stay");
    }

    async fn canceled_is_canceled_once_and_for_good(db) {
        let org = db.org("acme").await;
        let id = db.queued(org).await;
        let run = db.store.claim(id, LEASE).await.unwrap().unwrap();
        let changed = db.store.cancel_import(org, id).await.unwrap().unwrap();
        assert!(changed.done);
        assert_eq!(changed.import.status, Status::Canceled);
        assert!(changed.import.finished_at.is_some());
        let again = db.store.cancel_import(org, id).await.unwrap().unwrap();
        assert!(!again.done);
        assert_eq!(again.import, changed.import);
        assert!(!db.store.renew(run.lease, LEASE).await.unwrap());
        assert!(db.store.finish(run.lease, Ending::Done).await.unwrap().is_none());
        assert!(!db.store.release(run.lease, NO_TIME, false).await.unwrap());
    }

    /// The batch has the row: a cancel answers when it has ended, with its counts.
    async fn a_cancel_waits_for_the_batch_in_flight(db) {
        let org = db.org("acme").await;
        let id = db.queued(org).await;
        db.store.claim(id, LEASE).await.unwrap().unwrap();
        let mut batch = db.session().await;
        batch.execute(&format!("begin; update imports set created = 2 where id = {id}")).await;
        let store = db.store.clone();
        let mut cancel = tokio::spawn(async move { store.cancel_import(org, id).await.unwrap().unwrap() });
        let early = tokio::time::timeout(Duration::from_millis(300), &mut cancel).await;
        assert!(early.is_err(), "the batch has not ended");
        batch.execute("commit").await;
        let changed = cancel.await.unwrap();
        assert!(changed.done);
        assert_eq!((changed.import.status, changed.import.counts.created), (Status::Canceled, 2));
    }

    /// A claim has the row: a delete answers when it has ended, and finds the import running.
    async fn a_delete_waits_for_the_claim_in_flight(db) {
        let org = db.org("acme").await;
        let id = db.queued(org).await;
        let mut claim = db.session().await;
        claim.execute(&format!("begin; update imports set status = 'running', lease = 'a token' where id = {id}")).await;
        let store = db.store.clone();
        let mut delete = tokio::spawn(async move { store.delete_import(org, id).await.unwrap() });
        let early = tokio::time::timeout(Duration::from_millis(300), &mut delete).await;
        assert!(early.is_err(), "the claim has not ended");
        claim.execute("commit").await;
        assert_eq!(delete.await.unwrap(), Deleted::Running);
        assert_eq!(status(&db, org, id).await, Status::Running);
    }

    /// How long the answer takes must not tell that the import is there.
    async fn another_organizations_batch_is_not_waited_for(db) {
        let (org, other) = (db.org("acme").await, db.org("umbrella").await);
        let id = db.queued(org).await;
        if db.url.starts_with("sqlite") {
            return; // every writer waits for the one writer there
        }
        let mut batch = db.session().await;
        batch.execute(&format!("begin; update imports set created = 2 where id = {id}")).await;
        assert!(db.store.cancel_import(other, id).await.unwrap().is_none());
        assert_eq!(db.store.delete_import(other, id).await.unwrap(), Deleted::Absent);
    }

    async fn a_running_import_is_not_deleted(db) {
        let org = db.org("acme").await;
        let id = db.queued(org).await;
        db.store.claim(id, LEASE).await.unwrap().unwrap();
        assert_eq!(db.store.delete_import(org, id).await.unwrap(), Deleted::Running);
        assert_eq!(status(&db, org, id).await, Status::Running);
    }

    async fn deleting_takes_the_failed_rows_along(db) {
        let org = db.org("acme").await;
        let id = db.queued(org).await;
        db.store.claim(id, LEASE).await.unwrap().unwrap();
        hang_rows_on(&db, id).await;
        db.store.cancel_import(org, id).await.unwrap().unwrap();
        assert_eq!(db.store.failures(org, id, 0, 10).await.unwrap().len(), 1);
        let gone = Deleted::Gone { blob: Some("imports/1.csv".to_owned()) };
        assert_eq!(db.store.delete_import(org, id).await.unwrap(), gone);
        assert_eq!(db.store.delete_import(org, id).await.unwrap(), Deleted::Absent);
        assert_eq!(db.store.failures(org, id, 0, 10).await.unwrap(), []);
        assert!(db.store.import(org, id).await.unwrap().is_none());
        assert!(db.queued(org).await > id, "an id is never used twice");
    }

    async fn what_hangs_on_an_import_goes_by_either_word(db) {
        let org = db.org("acme").await;
        let (canceled, deleted) = (db.queued(org).await, db.queued(org).await);
        db.execute("update imports set synchronous = true").await; // whose files go with their end
        hang_rows_on(&db, canceled).await;
        db.store.cancel_import(org, canceled).await.unwrap().unwrap();
        assert_eq!(db.count("preview_users").await, 0);
        assert_eq!(db.store.removed_blobs(10).await.unwrap(), ["imports/1.csv"]);
        db.store.forget_blob("imports/1.csv").await.unwrap();
        hang_rows_on(&db, deleted).await;
        db.store.delete_import(org, deleted).await.unwrap();
        assert_eq!(db.count("preview_users").await, 0);
        assert_eq!(db.store.removed_blobs(10).await.unwrap(), ["imports/1.csv"]);
    }

    async fn claim_cancel_and_delete_agree_on_what_happened(db) {
        let org = db.org("acme").await;
        for _ in 0..25 {
            let id = db.queued(org).await;
            let (one, two, three) = (db.store.clone(), db.store.clone(), db.store.clone());
            let claim = tokio::spawn(async move { one.claim(id, LEASE).await.unwrap() });
            let cancel = tokio::spawn(async move { two.cancel_import(org, id).await.unwrap() });
            let delete = tokio::spawn(async move { three.delete_import(org, id).await.unwrap() });
            let (claimed, canceled, deleted) = (claim.await.unwrap(), cancel.await.unwrap(), delete.await.unwrap());
            let now = db.store.import(org, id).await.unwrap();
            match deleted {
                Deleted::Gone { .. } => assert!(now.is_none()),
                Deleted::Running => assert!(claimed.is_some() && now.is_some()),
                Deleted::Absent => panic!("it was there"),
            }
            if let Some(changed) = &canceled {
                assert!(changed.done, "nothing else ends it");
            }
            if let Some(import) = now {
                assert_eq!(import.status, Status::Canceled, "a cancel that came last must have worked");
            }
            if let Some(run) = claimed {
                assert!(!db.store.renew(run.lease, LEASE).await.unwrap(), "both ways the lease is gone");
            }
        }
    }

    async fn time_ends_what_is_over(db) {
        let org = db.org("acme").await;
        let (old, new) = (db.queued(org).await, db.queued(org).await);
        db.store.cancel_import(org, old).await.unwrap().unwrap();
        db.store.cancel_import(org, new).await.unwrap().unwrap();
        assert_eq!(db.store.expired(10).await.unwrap(), []);
        db.execute(&format!("update imports set expires_at = '2026-01-01 00:00:00' where id = {old}")).await;
        assert_eq!(db.store.expired(10).await.unwrap(), [(org, old)]);
    }

    async fn an_upload_that_was_given_up_is_not_queued_any_more(db) {
        let org = db.org("acme").await;
        let id = db.receiving(org).await;
        assert!(db.store.give_up_import(org, id).await.unwrap());
        assert!(db.store.queue_import(org, id, received(4)).await.unwrap().is_none());
        assert!(db.store.import(org, id).await.unwrap().is_none());
    }

    async fn an_upload_that_never_ended_is_found(db) {
        let org = db.org("acme").await;
        let (id, _queued) = (db.receiving(org).await, db.queued(org).await);
        assert_eq!(db.store.stale_receiving(LEASE, 10).await.unwrap(), []);
        let stale = db.store.stale_receiving(NO_TIME, 10).await.unwrap();
        assert_eq!(stale, [(org, id, Some("imports/1.csv".to_owned()))]);
        db.execute(&format!("update imports set lease_until = '2026-01-01 00:00:00' where id = {id}")).await;
        assert_eq!(db.store.stale_receiving(LEASE, 10).await.unwrap(), stale, "nobody has told of it for too long");
        db.store.abandon_import(org, id).await.unwrap();
        assert_eq!(db.store.stale_receiving(NO_TIME, 10).await.unwrap(), []);
    }
}

//! Imports as callers see them: begun, queued, read, listed; and what another organization sees of them: nothing.

use longshore::store::model::{Begun, Deleted, ImportFilter, NewImport};
use worker::import::{Counts, ImportId, ImportOptions, Mode, Status};
use worker::ports::Checkpoint;
use worker::resource::Resource;
use worker::row_error::RowCode;

use super::database::{LEASE, both_databases, new_import, received};

both_databases! {
    async fn an_import_reads_back_as_it_was_written(db) {
        let org = db.org("acme").await;
        let mut options = ImportOptions::new(Resource::Users);
        options.mode = Mode::Update;
        options.mapping.insert("Straße \"x\"".to_owned(), None);
        options.max_failures = Some(u64::MAX);
        options.retry_of = Some(ImportId(7));
        let new = NewImport { options: options.clone(), file_name: None, ..new_import(org) };
        let Begun::Started(id) = db.store.begin_import(new).await.unwrap() else { panic!("no key was given") };
        assert!(db.store.import(org, id).await.unwrap().is_none(), "a receiving one is absent");
        assert!(db.store.cancel_import(org, id).await.unwrap().is_none());
        assert_eq!(db.store.delete_import(org, id).await.unwrap(), Deleted::Absent);
        let import = db.store.queue_import(org, id, received(1_000_000_007)).await.unwrap().unwrap();
        assert_eq!(Some(&import), db.store.import(org, id).await.unwrap().as_ref());
        assert_eq!((import.id, import.org, import.status), (id, org, Status::Queued));
        assert_eq!((import.options, import.retry_of), (options, Some(ImportId(7))));
        assert_eq!((import.total, import.counts), (1_000_000_007, Counts::default()));
        assert_eq!(import.checkpoint, Checkpoint { record: 0, byte: 7, line: 2 });
        assert_eq!((import.columns, import.delimiter), (received(1).columns, b';'));
        assert_eq!((import.bytes, import.sha256.as_str(), import.encoding.as_str()), (100, "9c0f", "windows-1252"));
        assert_eq!((import.file_name, import.expires_at, import.tally), (None, None, Vec::new()));
        assert_eq!(import.fingerprint.as_deref(), Some("f1"));
    }

    async fn only_a_receiving_import_is_queued(db) {
        let org = db.org("acme").await;
        let id = db.queued(org).await;
        assert!(db.store.queue_import(org, id, received(4)).await.unwrap().is_none());
        db.store.abandon_import(org, id).await.unwrap();
        assert!(db.store.import(org, id).await.unwrap().is_some(), "an accepted one is not abandoned");
        let id = db.receiving(org).await;
        db.store.abandon_import(org, id).await.unwrap();
        assert!(db.store.queue_import(org, id, received(4)).await.unwrap().is_none());
    }

    async fn an_idempotency_key_is_taken_once_in_an_organization(db) {
        let (org, other) = (db.org("acme").await, db.org("umbrella").await);
        let new = |org| NewImport { idempotency_key: Some("k1".to_owned()), ..new_import(org) };
        let begins: Vec<_> = (0..10)
            .map(|_| {
                let (store, new) = (db.store.clone(), new(org));
                tokio::spawn(async move { store.begin_import(new).await.unwrap() })
            })
            .collect();
        let (mut started, mut taken) = (Vec::new(), Vec::new());
        for begin in begins {
            match begin.await.unwrap() {
                Begun::Started(id) => started.push(id),
                Begun::Taken(import) => taken.push((import.id, import.status)),
            }
        }
        assert_eq!(started.len(), 1);
        assert_eq!(taken, vec![(started[0], Status::Receiving); 9]);
        let Begun::Started(theirs) = db.store.begin_import(new(other)).await.unwrap() else { panic!("another's key") };
        assert_ne!(theirs, started[0]);
        db.store.abandon_import(org, started[0]).await.unwrap();
        assert!(matches!(db.store.begin_import(new(org)).await.unwrap(), Begun::Started(_)), "free again");
    }

    async fn imports_are_listed_newest_first_by_page(db) {
        let org = db.org("acme").await;
        let ids = [db.queued(org).await, db.queued(org).await, db.queued(org).await, db.queued(org).await];
        db.receiving(org).await;
        db.store.cancel_import(org, ids[1]).await.unwrap();
        let list = async |filter: ImportFilter, before| {
            let page = db.store.imports(org, filter, before, 2).await.unwrap();
            page.into_iter().map(|import| import.id).collect::<Vec<_>>()
        };
        assert_eq!(list(ImportFilter::default(), None).await, [ids[3], ids[2]]);
        assert_eq!(list(ImportFilter::default(), Some(ids[2])).await, [ids[1], ids[0]]);
        let canceled = ImportFilter { status: Some(Status::Canceled), ..ImportFilter::default() };
        assert_eq!(list(canceled, None).await, [ids[1]]);
        let mine = ImportFilter { resource: Some(Resource::Users), surface: Some("native".to_owned()), status: None };
        assert_eq!(list(mine, None).await, [ids[3], ids[2]]);
        let spigit = ImportFilter { surface: Some("spigit".to_owned()), ..ImportFilter::default() };
        assert_eq!(list(spigit, None).await, []);
    }

    async fn failed_rows_come_in_file_order_by_page(db) {
        let org = db.org("acme").await;
        let id = db.queued(org).await;
        for record in [1_000_000_000_000_u64, 3, 20] {
            let error = r#"{"code":"too-long","field":"title","message":"longer than 255 bytes","value":"x"}"#;
            let cells = r#"["", "ü;\"q\"", "1e400"]"#;
            db.execute(&format!("insert into import_failures values ({id}, {record}, {record} + 1, '[{error}]', '{cells}')"))
                .await;
        }
        let page = db.store.failures(org, id, 0, 2).await.unwrap();
        assert_eq!(page.iter().map(|row| (row.record, row.line)).collect::<Vec<_>>(), [(3, 4), (20, 21)]);
        assert_eq!(page[0].cells, ["", "ü;\"q\"", "1e400"]);
        assert_eq!(page[0].errors[0].code, RowCode::TooLong);
        let rest = db.store.failures(org, id, 20, 2).await.unwrap();
        assert_eq!(rest.len(), 1);
    }

    async fn another_organizations_import_is_an_absent_one(db) {
        let (org, other) = (db.org("acme").await, db.org("umbrella").await);
        let id = db.queued(org).await;
        db.execute(&format!("insert into import_failures values ({id}, 1, 2, '[]', '[]')")).await;
        let receiving = db.receiving(org).await;
        let store = &db.store;
        assert!(store.import(other, id).await.unwrap().is_none());
        assert!(store.cancel_import(other, id).await.unwrap().is_none());
        assert_eq!(store.delete_import(other, id).await.unwrap(), Deleted::Absent);
        assert_eq!(store.imports(other, ImportFilter::default(), None, 10).await.unwrap(), []);
        assert_eq!(store.failures(other, id, 0, 10).await.unwrap(), []);
        assert!(store.queue_import(other, receiving, received(4)).await.unwrap().is_none());
        store.abandon_import(other, receiving).await.unwrap();
        assert!(store.queue_import(org, receiving, received(4)).await.unwrap().is_some(), "untouched");
        assert_eq!(store.import(org, id).await.unwrap().unwrap().status, Status::Queued);
    }

    /// A request's task that goes away in the middle of a call: the call ends, its effects are whole, the store goes on.
    async fn a_dropped_call_is_carried_out(db) {
        let org = db.org("acme").await;
        let mut in_the_middle = 0;
        for round in 0..60 {
            let id = db.queued(org).await;
            let mut call = Box::pin(db.store.cancel_import(org, id));
            let polled = futures::poll!(&mut call);
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            drop(call);
            // On a busy machine another thread may have carried one out before it is looked at.
            in_the_middle += u32::from(polled.is_pending());
        }
        assert!(in_the_middle > 30, "{in_the_middle}");
        let mut waiting = db.store.imports(org, ImportFilter::default(), None, 100).await.unwrap();
        while waiting.iter().any(|import| import.status != Status::Canceled) {
            waiting = db.store.imports(org, ImportFilter::default(), None, 100).await.unwrap();
        }
        assert_eq!(waiting.len(), 60);
        let id = db.queued(org).await;
        assert!(db.store.claim(id, LEASE).await.unwrap().is_some());
    }
}

/// An actix worker is a thread with a runtime of its own: a client that goes away drops the handler there.
#[test]
fn a_call_dropped_on_another_runtime_breaks_nothing() {
    let main = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let db = main.block_on(super::database::Database::sqlite());
    let org = main.block_on(db.org("acme"));
    let single = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    single.block_on(async {
        for _ in 0..100 {
            let _ = futures::poll!(Box::pin(db.store.begin_import(new_import(org))));
            tokio::task::yield_now().await;
        }
        assert!(db.store.begin_import(new_import(org)).await.is_ok());
    });
}

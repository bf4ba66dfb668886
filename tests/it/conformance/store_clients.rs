//! Clients and credentials, where two writers meet.

use longshore::store::model::{
    Change, ClientChange, CredentialChange, CredentialPlace, CredentialWrite, NewCredential, Unlinkable,
};
use worker::import::OrgId;

use super::database::{Database, both_databases};

/// A collective account's client with one credential.
async fn account(db: &Database, org: OrgId, name: &str) -> CredentialPlace {
    let client = ClientChange {
        name: Some(name.to_owned()),
        collective_account: Change::Set(true),
        ..ClientChange::default()
    };
    let client_id = db.store.insert_client(org, client).await.unwrap().unwrap().id;
    let new = NewCredential {
        country: "DE".to_owned(),
        pro: "p".to_owned(),
        report_type: "r".to_owned(),
        login: Some(name.to_owned()),
        seal_id: name.to_owned(),
        sealed: None,
        registration_number: None,
        notes: None,
        interval: None,
        extra_info: None,
        collective_account_id: None,
    };
    let written = db.store.insert_credentials(org, client_id, vec![new]).await.unwrap();
    let CredentialWrite::Written(made) = written else {
        panic!("{written:?}")
    };
    CredentialPlace {
        client_id,
        country: "DE".to_owned(),
        id: made[0].id,
    }
}

fn link(to: &CredentialPlace) -> CredentialChange {
    CredentialChange {
        collective_account_id: Change::Set(to.id),
        ..CredentialChange::default()
    }
}

both_databases! {
    async fn links_made_at_once_stay_one_step_long(db) {
        let org = db.org("acme").await;
        for round in 0..10 {
            let one = account(&db, org, &format!("one {round}")).await;
            let two = account(&db, org, &format!("two {round}")).await;
            let write = |from: &CredentialPlace, to: &CredentialPlace| {
                let (store, from, change) = (db.store.clone(), from.clone(), link(to));
                tokio::spawn(async move { store.update_credential(org, from, change).await.unwrap() })
            };
            let (there, back) = (write(&one, &two), write(&two, &one));
            let (there, back) = (there.await.unwrap(), back.await.unwrap());
            let refused = [Unlinkable::Linked, Unlinkable::LinkedTo].map(CredentialWrite::Unlinkable);
            let written = |write: &CredentialWrite| matches!(write, CredentialWrite::Written(_));
            assert!(
                written(&there) && refused.contains(&back) || written(&back) && refused.contains(&there),
                "{there:?} {back:?}"
            );
        }
    }

    async fn the_login_of_an_account_shows_at_once(db) {
        let org = db.org("acme").await;
        let (one, two) = (account(&db, org, "one").await, account(&db, org, "two").await);
        let linked = db.store.update_credential(org, one.clone(), link(&two)).await.unwrap();
        let CredentialWrite::Written(linked) = linked else { panic!("{linked:?}") };
        assert_eq!((linked[0].login.as_deref(), linked[0].seal_id.as_str()), (Some("two"), "one"));
        let change = CredentialChange { login: Change::Set("new".to_owned()), sealed: Change::Set("s".to_owned()), ..CredentialChange::default() };
        db.store.update_credential(org, two.clone(), change).await.unwrap();
        let shown = db.store.credentials(org, one.client_id, None).await.unwrap().unwrap().remove(0);
        let password = shown.password.unwrap();
        assert_eq!((shown.login.as_deref(), password.sealed.as_str(), password.seal_id.as_str()), (Some("new"), "s", "two"));
        let version = db.store.client(org, one.client_id).await.unwrap().unwrap().version;
        assert!(db.store.delete_client(org, two.client_id).await.unwrap());
        let client = db.store.client(org, one.client_id).await.unwrap().unwrap();
        assert_eq!(client.version, version + 1);
        let shown = db.store.credentials(org, one.client_id, None).await.unwrap().unwrap().remove(0);
        assert_eq!((shown.login.as_deref(), shown.collective_account_id), (Some("one"), None));
    }
}

/// A batch locks clients in the order of its file; a caller's request that waits for it the other way round is done again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_not_the_callers_affair() {
    let db = Database::postgres().await;
    let org = db.org("acme").await;
    let (one, two) = (account(&db, org, "one").await, account(&db, org, "two").await);
    let lock = |client: i64| format!("update clients set notes = 'batch' where id = {client}");
    let mut batch = db.session().await;
    batch
        .execute(&format!(
            "set deadlock_timeout = '1min'; begin; {}",
            lock(two.client_id)
        ))
        .await;
    let request = {
        let (store, from, change) = (db.store.clone(), one.clone(), link(&two));
        tokio::spawn(async move { store.update_credential(org, from, change).await })
    };
    let waiting = "pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    while db.count(waiting).await == 0 {
        tokio::task::yield_now().await;
    }
    batch.execute(&format!("{}; commit", lock(one.client_id))).await;
    let written = request.await.unwrap().unwrap();
    assert!(matches!(written, CredentialWrite::Written(_)), "{written:?}");
    assert_eq!(db.count("clients where notes = 'batch'").await, 2);
}

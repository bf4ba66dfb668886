//! Organizations and API keys.

use chrono::{TimeDelta, Utc};
use longshore::store::model::NewApiKey;
use worker::import::OrgId;

use super::database::both_databases;

fn new_key(org: OrgId, id: &str) -> NewApiKey {
    NewApiKey {
        id: id.to_owned(),
        org,
        name: "ops".to_owned(),
        scopes: vec!["imports:read".to_owned(), "admin".to_owned()],
        secret_mac: vec![0, 255, 128, 39],
        expires_at: None,
    }
}

both_databases! {
    async fn an_organization_is_made_once(db) {
        let makes: Vec<_> = (0..8)
            .map(|_| {
                let store = db.store.clone();
                tokio::spawn(async move { store.ensure_organization("acme").await.unwrap() })
            })
            .collect();
        let mut made = Vec::new();
        for make in makes {
            made.push(make.await.unwrap());
        }
        assert!(made.iter().all(|one| *one == made[0]));
        assert_eq!(db.store.organization(made[0].id).await.unwrap().as_ref(), Some(&made[0]));
        assert_eq!(db.store.organization(OrgId(99)).await.unwrap(), None);
        assert_ne!(db.org("umbrella").await, made[0].id);
    }

    async fn a_key_reads_back_with_its_organization(db) {
        assert!(db.store.is_empty().await.unwrap());
        let organization = db.store.ensure_organization("acme").await.unwrap();
        let made = db.store.insert_api_key(new_key(organization.id, "k1")).await.unwrap();
        assert!(!db.store.is_empty().await.unwrap());
        assert_eq!(db.store.api_key("k1").await.unwrap().as_ref(), Some(&made));
        assert_eq!((made.organization_name.as_str(), made.organization_uuid), ("acme", organization.uuid));
        assert_eq!(made.scopes, ["imports:read", "admin"]);
        assert_eq!(made.secret_mac, [0, 255, 128, 39]);
        assert!(made.valid_now);
        assert_eq!(db.store.api_key("k2").await.unwrap(), None);
    }

    async fn a_key_ends_by_time_or_by_hand(db) {
        let (org, other) = (db.org("acme").await, db.org("umbrella").await);
        let expired = NewApiKey { expires_at: Some(Utc::now() - TimeDelta::hours(1)), ..new_key(org, "old") };
        assert!(!db.store.insert_api_key(expired).await.unwrap().valid_now);
        let later = NewApiKey { expires_at: Some(Utc::now() + TimeDelta::hours(1)), ..new_key(org, "new") };
        assert!(db.store.insert_api_key(later).await.unwrap().valid_now);
        assert!(!db.store.revoke_api_key(other, "new").await.unwrap(), "another organization's");
        assert!(db.store.revoke_api_key(org, "new").await.unwrap());
        let revoked = db.store.api_key("new").await.unwrap().unwrap();
        assert!(!revoked.valid_now);
        assert!(db.store.revoke_api_key(org, "new").await.unwrap());
        assert_eq!(db.store.api_key("new").await.unwrap().unwrap(), revoked, "since the first time");
        let ids: Vec<String> = db.store.api_keys(org).await.unwrap().into_iter().map(|key| key.id).collect();
        assert_eq!(ids, ["old", "new"]);
        assert_eq!(db.store.api_keys(other).await.unwrap(), []);
    }

    async fn use_is_noted_once_a_minute(db) {
        let org = db.org("acme").await;
        db.store.insert_api_key(new_key(org, "k1")).await.unwrap();
        db.store.touch_api_key("k1").await.unwrap();
        let first = db.store.api_key("k1").await.unwrap().unwrap().last_used_at;
        assert!(first.is_some());
        db.store.touch_api_key("k1").await.unwrap();
        assert_eq!(db.store.api_key("k1").await.unwrap().unwrap().last_used_at, first);
        db.execute("update api_keys set last_used_at = '2026-01-01 00:00:00'").await;
        db.store.touch_api_key("k1").await.unwrap();
        assert!(db.store.api_key("k1").await.unwrap().unwrap().last_used_at >= first);
    }
}

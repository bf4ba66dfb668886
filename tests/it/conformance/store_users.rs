//! Users, one at a time: keys, values, versions, pages.

use longshore::store::model::{UserFilter, UserRemoval, UserWrite};
use serde_json::Map;
use worker::batch::{Key, Stored, Text};
use worker::resource::users::FIELDS;

use super::database::both_databases;

fn key(source_id: &str) -> Key {
    Key::user("hr", source_id, "")
}

/// A user with these fields.
fn stored(values: &[(&str, &str)]) -> Stored {
    let value = |name: &str| {
        values
            .iter()
            .find(|(field, _)| *field == name)
            .map(|(_, value)| Text::from(*value))
    };
    Stored {
        values: FIELDS.iter().map(|field| value(field.name)).collect(),
        attributes: Map::new(),
    }
}

both_databases! {
    async fn every_value_reads_back(db) {
        let org = db.org("acme").await;
        let mut full = stored(&[]);
        for (value, field) in full.values.iter_mut().zip(FIELDS) {
            *value = Some(format!("{} ü\"'\\", field.name).into());
        }
        full.attributes = serde_json::from_str(r#"{"big":9007199254740993,"b":1.5,"a":null,"n":{"x":[true]}}"#).unwrap();
        let made = db.store.insert_user(org, key("1"), full.clone()).await.unwrap().unwrap();
        assert_eq!((&made.key, &made.stored, made.version), (&key("1"), &full, 1));
        assert_eq!(db.store.user(org, made.id).await.unwrap().as_ref(), Some(&made));
        assert_eq!(db.store.user_by_key(org, key("1")).await.unwrap().as_ref(), Some(&made));
        assert_eq!((made.created_by_import, made.updated_by_import), (None, None));
        assert_eq!(made.created_at, made.updated_at);
    }

    async fn a_key_belongs_to_one_user_of_an_organization(db) {
        let (org, other) = (db.org("acme").await, db.org("umbrella").await);
        let made = db.store.insert_user(org, key("1"), stored(&[])).await.unwrap().unwrap();
        assert_eq!(db.store.insert_user(org, key("1"), stored(&[])).await.unwrap(), None);
        for near in [Key::user("hr", "1", "de"), key("01"), Key::user("HR", "1", "")] {
            assert!(db.store.insert_user(org, near, stored(&[])).await.unwrap().is_some());
        }
        assert!(db.store.insert_user(other, key("1"), stored(&[])).await.unwrap().is_some());
        assert_eq!(db.store.user(other, made.id).await.unwrap(), None);
        let theirs = db.store.update_user(other, made.id, None, key("9"), stored(&[])).await.unwrap();
        assert_eq!(theirs, UserWrite::Absent);
        assert_eq!(db.store.delete_user(other, made.id, None).await.unwrap(), UserRemoval::Absent);
        assert_eq!(db.store.user(org, made.id).await.unwrap(), Some(made));
    }

    async fn a_write_needs_the_version_it_has_seen(db) {
        let org = db.org("acme").await;
        let made = db.store.insert_user(org, key("1"), stored(&[("email", "a@b.example")])).await.unwrap().unwrap();
        db.execute(&format!("update users set content_hash = '0123456789abcdef' where id = {}", made.id)).await;
        let new = stored(&[("title", "Dr")]);
        let written = db.store.update_user(org, made.id, Some(1), key("2"), new.clone()).await.unwrap();
        let UserWrite::Written(user) = written else { panic!("{written:?}") };
        assert_eq!((user.version, &user.key, &user.stored), (2, &key("2"), &new));
        assert!(user.updated_at > user.created_at);
        assert_eq!(db.count("users where content_hash is not null").await, 0, "the next import looks at it again");
        let stale = db.store.update_user(org, made.id, Some(1), key("2"), stored(&[])).await.unwrap();
        assert_eq!(stale, UserWrite::Stale);
        assert_eq!(db.store.delete_user(org, made.id, Some(1)).await.unwrap(), UserRemoval::Stale);
        assert_eq!(db.store.user(org, made.id).await.unwrap(), Some(*user));
        let free = db.store.update_user(org, made.id, None, key("2"), stored(&[])).await.unwrap();
        assert!(matches!(free, UserWrite::Written(user) if user.version == 3));
        assert_eq!(db.store.delete_user(org, made.id, Some(3)).await.unwrap(), UserRemoval::Removed);
        assert_eq!(db.store.delete_user(org, made.id, None).await.unwrap(), UserRemoval::Absent);
    }

    async fn a_key_is_not_taken_from_another(db) {
        let org = db.org("acme").await;
        let one = db.store.insert_user(org, key("1"), stored(&[])).await.unwrap().unwrap();
        db.store.insert_user(org, key("2"), stored(&[])).await.unwrap().unwrap();
        let taken = db.store.update_user(org, one.id, None, key("2"), stored(&[])).await.unwrap();
        assert_eq!(taken, UserWrite::KeyTaken);
        assert_eq!(db.store.user(org, one.id).await.unwrap(), Some(one));
    }

    async fn of_writers_at_the_same_version_one_wins(db) {
        let org = db.org("acme").await;
        let made = db.store.insert_user(org, key("1"), stored(&[])).await.unwrap().unwrap();
        let writes: Vec<_> = (0..20)
            .map(|_| {
                let store = db.store.clone();
                tokio::spawn(async move { store.update_user(org, made.id, Some(1), key("1"), stored(&[])).await.unwrap() })
            })
            .collect();
        let mut written = 0;
        for write in writes {
            written += usize::from(matches!(write.await.unwrap(), UserWrite::Written(_)));
        }
        assert_eq!(written, 1);
    }

    async fn users_are_found_by_what_they_are_called(db) {
        let org = db.org("acme").await;
        let people = [
            ("1", stored(&[("email", "ana@b.example"), ("first_name", "Ana"), ("last_name", "ÅSTRÖM")])),
            ("2", stored(&[("username", "bo_1"), ("full_name", "Bo 100% Berg")])),
            ("3", stored(&[("email", "bo@b.example"), ("username", "bo-1")])),
        ];
        for (id, person) in people {
            db.store.insert_user(org, key(id), person).await.unwrap().unwrap();
        }
        let find = async |filter: UserFilter| {
            let found = db.store.users(org, filter, None, 10).await.unwrap();
            found.into_iter().map(|user| user.key.source_id().to_owned()).collect::<Vec<_>>()
        };
        let q = |part: &str| UserFilter { q: Some(part.to_owned()), ..UserFilter::default() };
        assert_eq!(find(q("åström")).await, ["1"]);
        assert_eq!(find(q("AnA")).await, ["1"]);
        assert_eq!(find(q("bo")).await, ["2", "3"]);
        assert_eq!(find(q("0%")).await, ["2"]);
        assert_eq!(find(q("bo_1")).await, ["2"], "a wildcard means itself");
        assert_eq!(find(q(r"\")).await, Vec::<String>::new());
        let email = UserFilter { email: Some("bo@b.example".to_owned()), ..UserFilter::default() };
        assert_eq!(find(email).await, ["3"]);
        let username = UserFilter { username: Some("bo_1".to_owned()), source: Some("hr".to_owned()), ..q("berg") };
        assert_eq!(find(username).await, ["2"]);
        let source = UserFilter { source: Some("crm".to_owned()), ..UserFilter::default() };
        assert_eq!(find(source).await, Vec::<String>::new());
    }

    async fn many_are_looked_up_by_key_or_number(db) {
        let (org, other) = (db.org("acme").await, db.org("umbrella").await);
        let child = db.store.insert_user(org, key("1"), stored(&[("parent", "hr/2")])).await.unwrap().unwrap();
        let german = Key::user("hr", "1", "de");
        let odd = key("a\"b',{[\\ü/%");
        for one in [&german, &odd, &key("2")] {
            db.store.insert_user(org, one.clone(), stored(&[])).await.unwrap().unwrap();
        }
        let theirs = db.store.insert_user(other, key("3"), stored(&[])).await.unwrap().unwrap();
        let mut asked: Vec<Key> = (0..5_000).map(|n| key(&format!("absent-{n}"))).collect();
        asked.extend([key("1"), odd.clone(), key("3"), key("nul\0"), Key::user("HR", "2", "")]);
        let mut found = db.store.users_by_keys(org, asked).await.unwrap();
        found.sort_by_key(|user| user.id);
        let shown: Vec<(&Key, Option<&str>)> = found.iter().map(|user| (&user.key, user.parent.as_deref())).collect();
        assert_eq!(shown, [(&key("1"), Some("hr/2")), (&odd, None)]);
        assert_eq!((found[0].id, found[0].created_by_import), (child.id, None));
        let ids = (0..5_000).map(|n| 1_000_000 + n).chain([child.id, theirs.id]).collect();
        assert_eq!(db.store.users_by_ids(org, ids).await.unwrap(), found[..1]);
        assert_eq!(db.store.users_by_keys(org, Vec::new()).await.unwrap(), []);
        assert_eq!(db.store.users_by_ids(org, Vec::new()).await.unwrap(), []);
    }

    async fn users_come_by_page_in_their_order(db) {
        let (org, other) = (db.org("acme").await, db.org("umbrella").await);
        let mut ids = Vec::new();
        for n in 0..5 {
            ids.push(db.store.insert_user(org, key(&n.to_string()), stored(&[])).await.unwrap().unwrap().id);
            db.store.insert_user(other, key(&n.to_string()), stored(&[])).await.unwrap().unwrap();
        }
        let page = async |after| {
            let page = db.store.users(org, UserFilter::default(), after, 2).await.unwrap();
            page.into_iter().map(|user| user.id).collect::<Vec<_>>()
        };
        assert_eq!(page(None).await, ids[..2]);
        assert_eq!(page(Some(ids[1])).await, ids[2..4]);
        assert_eq!(page(Some(ids[3])).await, ids[4..]);
    }
}

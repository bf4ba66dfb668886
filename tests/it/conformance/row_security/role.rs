//! Under which role the store works, what that role may do, and what there is where it cannot be had.

use std::time::Duration;

use harness::postgres;
use longshore::store::StoreError;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use worker::import::OrgId;

use super::{bind, count, two_of_each};
use crate::conformance::database::{Database, connect};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_role_of_the_store_owns_nothing_and_bypasses_nothing() {
    let (_db, _, _, outside, inside) = two_of_each().await;
    let sql = "select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolcanlogin or rolreplication, \
               (select count(*) from pg_class where relowner = r.oid) from pg_roles r where rolname = 'longshore_app'";
    let row = outside.query_one(sql, &[]).await.unwrap();
    assert_eq!((row.get::<_, bool>(0), row.get::<_, i64>(1)), (false, 0));
    let sql =
        "select bool_or(pg_has_role('longshore_app', oid, 'member')) from pg_roles where rolname <> 'longshore_app'";
    assert!(
        !outside.query_one(sql, &[]).await.unwrap().get::<_, bool>(0),
        "it is nobody else either"
    );
    for forbidden in [
        "alter table users disable row level security",
        "drop policy of_organization on users",
        "alter table users no force row level security",
        "alter table all_users disable trigger of_organization",
        "alter table users detach partition all_users",
        "truncate preview_users",
        "delete from sealing_keys",
        "insert into __diesel_schema_migrations (version) values ('9')",
        "select * from pg_authid",
    ] {
        let refused = inside.batch_execute(forbidden).await.unwrap_err();
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{forbidden}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_works_under_that_role_and_not_as_the_superuser_of_its_url() {
    let (db, ours, _, outside, _) = two_of_each().await;
    db.store.user(ours, 1).await.unwrap().unwrap();
    outside
        .batch_execute("revoke select on users from longshore_app")
        .await
        .unwrap();
    let refused = db.store.user(ours, 1).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Unavailable(_)), "{refused:?}");
    assert!(refused.to_string().contains("permission denied"), "{refused}");
}

/// The number of an organization's only user.
async fn only_user(outside: &Client, org: OrgId) -> i64 {
    let row = outside
        .query_one("select id from users where org_id = $1", &[&org.0])
        .await;
    row.unwrap().get(0)
}

/// The first wall taken away: a policy alone decides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_of_the_pool_is_bound_anew_each_time_it_is_taken() {
    let (db, ours, theirs, outside, _) = two_of_each().await;
    outside
        .batch_execute(
            "create table seen (bound text, role text, org_id bigint);
             grant insert on seen to public;
             create function see() returns trigger language plpgsql as $$ begin
                 insert into seen values (current_setting('longshore.org'), current_user, new.org_id); return new; end $$;
             create trigger see before update on users for each row execute function see()",
        )
        .await
        .unwrap();
    let users = [
        (ours, only_user(&outside, ours).await),
        (theirs, only_user(&outside, theirs).await),
    ];
    for turn in 0..20 {
        let (org, id) = users[turn % 2];
        let user = db.store.user(org, id).await.unwrap().unwrap();
        db.store
            .update_user(org, id, None, user.key.clone(), user.stored.clone())
            .await
            .unwrap();
        let (other, _) = users[(turn + 1) % 2];
        assert!(db.store.user(other, id).await.unwrap().is_none());
        db.store.runnable(5).await.unwrap();
    }
    let rows = outside
        .query("select bound, role, org_id from seen", &[])
        .await
        .unwrap();
    assert_eq!(rows.len(), 20);
    for row in rows {
        let seen: (String, String) = (row.get(0), row.get(1));
        assert_eq!(seen, (row.get::<_, i64>(2).to_string(), "longshore_app".to_owned()));
    }
}

/// A read that is bound to anybody else, or to the house, leaves a mark that no rollback takes away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_of_two_organizations_at_once_over_few_connections_are_each_bound_to_their_own() {
    let (db, ours, theirs, outside, _) = two_of_each().await;
    outside
        .batch_execute(
            "create sequence astray;
             grant usage on astray to public;
             create function own(org bigint) returns boolean language plpgsql as $$ begin
                 if current_setting('longshore.org') <> org::text then perform nextval('astray'); end if;
                 return true; end $$;
             create policy own on users as restrictive using (own(org_id))",
        )
        .await
        .unwrap();
    let users = [
        (ours, only_user(&outside, ours).await),
        (theirs, only_user(&outside, theirs).await),
    ];
    let mut readers = Vec::new();
    for reader in 0..12 {
        let store = db.store.clone();
        readers.push(tokio::spawn(async move {
            for turn in 0..100 {
                // Some come back to the same organization, and the connection goes to whoever is next.
                let (org, id) = users[(turn / (reader + 1)) % 2];
                assert!(store.user(org, id).await.unwrap().is_some());
                store.runnable(5).await.unwrap();
            }
        }));
    }
    for reader in readers {
        reader.await.unwrap();
    }
    let astray = outside.query_one("select is_called from astray", &[]).await.unwrap();
    assert!(!astray.get::<_, bool>(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_looked_up_while_every_other_connection_waits_for_a_row() {
    let (db, ours, _, outside, _) = two_of_each().await;
    let id = only_user(&outside, ours).await;
    let user = db.store.user(ours, id).await.unwrap().unwrap();
    outside
        .batch_execute("begin; select from users for update")
        .await
        .unwrap();
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let (store, user) = (db.store.clone(), user.clone());
            tokio::spawn(async move { store.update_user(ours, id, None, user.key, user.stored).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(waiting.iter().all(|update| !update.is_finished()));
    let looked_up = tokio::time::timeout(Duration::from_secs(3), db.store.api_key("nobody")).await;
    assert!(looked_up.unwrap().unwrap().is_none());
    outside.batch_execute("rollback").await.unwrap();
    for update in waiting {
        update.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_died_in_the_pool_is_replaced_and_the_caller_sees_nothing() {
    let (db, ours, _, outside, _) = two_of_each().await;
    for _ in 0..5 {
        assert!(db.store.user(ours, 1).await.unwrap().is_some());
        let others = "select pg_terminate_backend(pid) from pg_stat_activity \
                      where datname = current_database() and application_name = 'longshore' and pid <> pg_backend_pid()";
        assert!(!outside.query(others, &[]).await.unwrap().is_empty());
    }
    assert!(db.store.user(ours, 1).await.unwrap().is_some());
}

/// A database whose owner is a role with these attributes, and a migrated store on it, opened as that role.
async fn owned_by(role: &str, attributes: &str) -> (Client, String) {
    let admin = postgres().connect_to(&postgres().url("postgres")).await;
    admin
        .batch_execute(&format!("create role {role} login {attributes}"))
        .await
        .unwrap();
    admin
        .batch_execute(&format!("create database of_{role} owner {role}"))
        .await
        .unwrap();
    let url = postgres()
        .url(&format!("of_{role}"))
        .replace("postgres@", &format!("{role}@"));
    (postgres().connect_to(&url).await, url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_may_make_no_role_is_held_all_the_same() {
    let _made = Database::postgres().await;
    let (plain, url) = owned_by("plain_owner", "").await;
    let store = connect(&url).await;
    store.migrate().await.unwrap();
    store.load_keys([7; 32]).await.unwrap();
    let org = store.ensure_organization("acme").await.unwrap().id;
    assert!(store.organization(org).await.unwrap().is_some());
    assert_eq!(
        count(&plain, "organizations", "true").await,
        0,
        "even its owner sees nothing unbound"
    );
    bind(&plain, "*").await;
    assert_eq!(count(&plain, "organizations", "true").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_is_given_the_role_later_works_under_it_from_its_next_start() {
    let _made = Database::postgres().await;
    let (_, url) = owned_by("late_owner", "").await;
    connect(&url).await.migrate().await.unwrap();
    let admin = postgres().connect_to(&postgres().url("of_late_owner")).await;
    admin.batch_execute("grant longshore_app to late_owner").await.unwrap();
    let store = connect(&url).await;
    store.migrate().await.unwrap();
    let org = store.ensure_organization("acme").await.unwrap().id;
    assert!(store.organization(org).await.unwrap().is_some());
    admin
        .batch_execute("revoke select on organizations from longshore_app")
        .await
        .unwrap();
    assert!(
        store
            .organization(org)
            .await
            .unwrap_err()
            .to_string()
            .contains("permission denied")
    );
}

//! PostgreSQL's own wall between organizations: what a connection sees and may write that is bound to one of them, to none, or
//! to the house; and under which role the store works.

mod role;

use futures::SinkExt;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use worker::import::OrgId;

use super::database::Database;

/// Tables that hold nothing of an organization.
const NOBODYS: [&str; 3] = ["__diesel_schema_migrations", "removed_blobs", "sealing_keys"];
/// Where the rows of `users` lie: no policy holds it, but nothing may be done to it except to insert, under a trigger.
const BENEATH: &str = "all_users";

/// A row of `$1` in each table, the column that says whose it is first; `import` and the like stand for ids made before.
const ROWS: [(&str, &str); 12] = [
    (
        "api_keys",
        "(org_id, id, name, scopes, secret_mac, created_at) values ($org, 'key $org', '', '[]', '', now())",
    ),
    (
        "imports",
        "(org_id, resource, surface, status, options, created_at) values ($org, 'users', 'native', 'queued', '{}', now())",
    ),
    (
        "users",
        "(org_id, source, source_id, language, created_at, updated_at) values ($org, 'hr', '1', 'en', now(), now())",
    ),
    (
        "user_handles",
        "(org_id, kind, value, user_id) select org_id, 'email', 'a@b', id from users where org_id = $org",
    ),
    (
        "clients",
        "(org_id, name, created_at, updated_at) values ($org, 'client', now(), now())",
    ),
    (
        "client_aliases",
        "(org_id, client_id, country, alias) select org_id, id, '', 'alias' from clients where org_id = $org",
    ),
    (
        "credentials",
        "(org_id, client_id, country, pro, report_type, seal_id, created_at, updated_at) \
         select org_id, id, 'DE', 'pro', 'type', 'seal $org', now(), now() from clients where org_id = $org",
    ),
    (
        "report_types",
        "(org_id, country, pro, report_type, created_at, updated_at) values ($org, 'DE', 'pro', 'type', now(), now())",
    ),
    (
        "import_failures",
        "(import_id, record, line, errors, cells) select id, 1, 2, '[]', '[]' from imports where org_id = $org",
    ),
    (
        "preview_users",
        "(import_id, source, source_id, language, created_at, updated_at) \
         select id, 'hr', '1', 'en', now(), now() from imports where org_id = $org",
    ),
    (
        "preview_clients",
        "(import_id, name, created_at, updated_at) select id, 'client', now(), now() from imports where org_id = $org",
    ),
    (
        "preview_report_types",
        "(import_id, country, pro, report_type, created_at, updated_at) \
         select id, 'DE', 'pro', 'type', now(), now() from imports where org_id = $org",
    ),
];
/// The one whose rows are told apart by a user of a dry run.
const PREVIEW_HANDLE: &str = "insert into preview_user_handles (import_id, kind, value, user_id) \
    select import_id, 'email', 'a@b', id from preview_users u \
    where exists (select from imports where id = u.import_id and org_id = $org)";

async fn fill(outside: &Client, org: OrgId) {
    for (table, row) in ROWS {
        let sql = format!("insert into {table} {row}").replace("$org", &org.0.to_string());
        outside.batch_execute(&sql).await.unwrap();
    }
    let sql = PREVIEW_HANDLE.replace("$org", &org.0.to_string());
    outside.batch_execute(&sql).await.unwrap();
}

/// Every table but nobody's, from the catalogue: a new one is here by itself.
async fn tables(outside: &Client) -> Vec<String> {
    let sql = "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by 1";
    let rows = outside.query(sql, &[]).await.unwrap();
    let names = rows.iter().map(|row| row.get::<_, String>(0));
    names
        .filter(|name| !NOBODYS.contains(&name.as_str()) && name != BENEATH)
        .collect()
}

/// Whose a row of the table is, as SQL.
async fn owner(outside: &Client, table: &str) -> String {
    let sql = "select column_name::text from information_schema.columns where table_schema = 'public' and table_name = $1 \
               and column_name in ('org_id', 'import_id')";
    let column: Option<String> = outside.query_opt(sql, &[&table]).await.unwrap().map(|row| row.get(0));
    match column.as_deref() {
        Some("org_id") => "t.org_id".to_owned(),
        Some(_) => "(select org_id from imports where id = t.import_id)".to_owned(),
        None => "t.id".to_owned(),
    }
}

/// Two organizations that have a row in every table, and a connection that works as the store's do.
async fn two_of_each() -> (Database, OrgId, OrgId, Client, Client) {
    let db = Database::postgres().await;
    let (ours, theirs) = (db.org("ours").await, db.org("theirs").await);
    let (outside, inside) = (db.client().await, db.client().await);
    fill(&outside, ours).await;
    fill(&outside, theirs).await;
    inside.batch_execute("set role longshore_app").await.unwrap();
    (db, ours, theirs, outside, inside)
}

async fn bind(inside: &Client, to: &str) {
    inside
        .execute("select set_config('longshore.org', $1, false)", &[&to])
        .await
        .unwrap();
}

async fn count(client: &Client, table: &str, filter: &str) -> i64 {
    let sql = format!("select count(*) from {table} t where {filter}");
    client.query_one(&sql, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_of_an_organization_is_held_even_against_its_owner() {
    let (_db, _, _, outside, _) = two_of_each().await;
    let sql = "select relname::text from pg_class c where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') \
               and relrowsecurity and relforcerowsecurity and exists (select from pg_policy where polrelid = c.oid) order by 1";
    let held: Vec<String> = outside
        .query(sql, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(
        held,
        tables(&outside).await,
        "a new table of an organization's needs a policy, in its migration"
    );
    assert!(held.len() >= 14, "{held:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_names_nobody_sees_no_row_of_any_table() {
    let (_db, _, _, outside, inside) = two_of_each().await;
    for table in tables(&outside).await {
        assert!(
            count(&outside, &table, "true").await >= 2,
            "{table} is not filled, this test would prove nothing"
        );
        assert_eq!(count(&inside, &table, "true").await, 0, "{table}");
    }
    bind(&inside, "").await;
    for table in tables(&outside).await {
        assert_eq!(count(&inside, &table, "true").await, 0, "{table}, an empty name");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_names_an_organization_sees_all_its_rows_and_no_others() {
    let (_db, ours, theirs, outside, inside) = two_of_each().await;
    for org in [ours, theirs] {
        bind(&inside, &org.0.to_string()).await;
        for table in tables(&outside).await {
            let own = format!("{} = {}", owner(&outside, &table).await, org.0);
            assert_eq!(
                count(&inside, &table, "true").await,
                count(&outside, &table, &own).await,
                "{table}"
            );
            assert!(count(&inside, &table, &own).await > 0, "{table}");
        }
    }
    bind(&inside, "*").await;
    for table in tables(&outside).await {
        assert_eq!(
            count(&inside, &table, "true").await,
            count(&outside, &table, "true").await,
            "{table}, the house"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_can_be_written_for_another_organization() {
    let (_db, ours, theirs, outside, inside) = two_of_each().await;
    bind(&inside, &ours.0.to_string()).await;
    let their_import: i64 = outside
        .query_one("select id from imports where org_id = $1", &[&theirs.0])
        .await
        .unwrap()
        .get(0);
    for table in tables(&outside).await {
        let theirs_only = format!("{} = {}", owner(&outside, &table).await, theirs.0);
        let column = owner(&outside, &table).await;
        // An identity is never written; an organization's own row has nothing else.
        if column != "t.id" {
            let (column, value) = match column.as_str() {
                "t.org_id" => ("org_id", theirs.0),
                _ => ("import_id", their_import),
            };
            let moved = inside
                .execute(&format!("update {table} set {column} = {value}"), &[])
                .await;
            assert_eq!(
                moved.unwrap_err().code(),
                Some(&SqlState::INSUFFICIENT_PRIVILEGE),
                "{table}"
            );
        }
        let before = count(&outside, &table, &theirs_only).await;
        inside.batch_execute("begin").await.unwrap();
        inside
            .execute(&format!("delete from {table} t where {theirs_only}"), &[])
            .await
            .unwrap();
        inside.batch_execute("commit").await.unwrap();
        assert_eq!(count(&outside, &table, &theirs_only).await, before, "{table}");
    }
    for (table, row) in ROWS {
        // What is selected from another's rows is nothing; given as values it is refused.
        if row.contains(" values ") {
            let sql = format!("insert into {table} {row}").replace("$org", &theirs.0.to_string());
            let refused = inside.execute(&sql, &[]).await.unwrap_err();
            assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{table}");
        }
    }
    let failure = format!(
        "insert into import_failures (import_id, record, line, errors, cells) values ({their_import}, 9, 9, '', '')"
    );
    let refused = inside.execute(&failure, &[]).await.unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
}

/// Copies one user in where batches do, for that organization.
async fn copy(inside: &Client, org: OrgId, source_id: &str) -> Result<u64, tokio_postgres::Error> {
    let sql = format!("copy {BENEATH} (org_id, source, source_id, language, created_at, updated_at) from stdin");
    let sink = inside.copy_in(&sql).await?;
    tokio::pin!(sink);
    let line = format!("{}\thr\t{source_id}\ten\t2026-11-22\t2026-11-22\n", org.0);
    sink.feed(bytes::Bytes::from(line)).await?;
    sink.finish().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_copied_beneath_the_policies_is_held_to_the_organization_all_the_same() {
    let (_db, ours, theirs, outside, inside) = two_of_each().await;
    for (bound, org, may) in [
        ("", ours, false),
        (&*ours.0.to_string(), theirs, false),
        (&*ours.0.to_string(), ours, true),
        ("*", theirs, true),
    ] {
        bind(&inside, bound).await;
        let before = count(&outside, "users", "true").await;
        let copied = copy(&inside, org, &format!("{bound} {}", org.0)).await;
        match (may, copied) {
            (true, Ok(1)) => {}
            (false, Err(error)) => assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE)),
            (_, other) => panic!("{bound:?} {org:?}: {other:?}"),
        }
        let after = count(&outside, "users", "true").await;
        assert_eq!(after - before, i64::from(may), "{bound:?} {org:?}");
    }
    for forbidden in ["select 1 from", "update", "delete from", "truncate", "lock"] {
        let rest = if forbidden == "update" { " set email = ''" } else { "" };
        let refused = inside
            .batch_execute(&format!("begin; {forbidden} {BENEATH}{rest}"))
            .await;
        assert_eq!(
            refused.unwrap_err().code(),
            Some(&SqlState::INSUFFICIENT_PRIVILEGE),
            "{forbidden}"
        );
        inside.batch_execute("rollback").await.unwrap();
    }
}

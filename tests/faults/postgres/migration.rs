//! F49: a process killed in the middle of a migration.

use std::time::Duration;

use harness::{People, Role, Stack, postgres};

use crate::load::{QUICK, check_done};

#[tokio::test]
async fn a_migration_that_is_killed_midway_leaves_no_half_schema() {
    let mut running = Stack::Scaled.prepare(QUICK).await;
    let mut outside = postgres().connect_to(&running.database_url).await;
    // The record of what was run: its lock lets a migration do all but say that it is done.
    outside
        .batch_execute(
            "create table __diesel_schema_migrations (version varchar(50) primary key, run_on timestamp not null default now())",
        )
        .await
        .unwrap();
    for turn in 0..3 {
        let lock = outside.transaction().await.unwrap();
        lock.batch_execute("lock table __diesel_schema_migrations in share mode")
            .await
            .unwrap();
        let mut migrating = running.command(&["migrate"]).spawn().unwrap();
        let waits =
            "select count(*) from pg_locks where not granted and relation = '__diesel_schema_migrations'::regclass";
        let mut blocked = 0_i64;
        for _ in 0..200 {
            blocked = lock.query_one(waits, &[]).await.unwrap().get(0);
            if blocked > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(blocked, 1, "turn {turn}: it stands in the middle");
        migrating.kill().unwrap();
        migrating.wait().unwrap();
        lock.rollback().await.unwrap();
        let tables = "select count(*) from pg_tables where schemaname = 'public'";
        for _ in 0..100 {
            // The killed one's session may still be on its way out.
            let found: i64 = outside.query_one(tables, &[]).await.unwrap().get(0);
            if found == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let found: i64 = outside.query_one(tables, &[]).await.unwrap().get(0);
        assert_eq!(found, 1, "turn {turn}: nothing but the record of migrations");
    }
    running.start_all().await;
    let people = People::new(1_000);
    let id = running.client.import("resource=users", people.csv()).await;
    check_done(&running.client, id, people).await;
    running.stop(Role::Worker, Duration::from_secs(5));
}

//! The schema: made under a lock, undone without a trace, refused when it is not this binary's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use diesel::{QueryableByName, RunQueryDsl};
use longshore::store::{Store, StoreError, StoreOptions};
use longshore::vault::Vault;

use super::database::{Database, both_databases, connect};

fn folders(database: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
    let names = std::fs::read_dir(folder).unwrap();
    names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// The SQL of every migration in one direction, in the order in which it is to be run.
fn scripts(database: &str, file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
    let read = |name: &String| std::fs::read_to_string(root.join(name).join(file)).unwrap();
    let folders = folders(database);
    match file {
        "up.sql" => folders.iter().map(read).collect(),
        _ => folders.iter().rev().map(read).collect(),
    }
}

#[test]
fn the_folders_are_paired() {
    assert_eq!(folders("postgres"), folders("sqlite"));
    for database in ["postgres", "sqlite"] {
        for name in folders(database) {
            let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "migrations", database, &name]
                .iter()
                .collect();
            assert!(
                folder.join("up.sql").exists() && folder.join("down.sql").exists(),
                "{database}/{name}"
            );
        }
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn down_undoes_up_on_sqlite() {
    let database = Database::sqlite().await;
    let mut file = database.sqlite_file().unwrap();
    let mut dump = || {
        let query = "select type || name || coalesce(sql, '') as line from sqlite_master \
                     where name not in ('sqlite_sequence') order by type, name";
        let lines: Vec<Line> = diesel::sql_query(query).load(&mut file).unwrap();
        lines.into_iter().map(|row| row.line).collect::<Vec<_>>()
    };
    let made = dump();
    assert!(made.iter().any(|line| line.contains("tableimports")), "{made:?}");
    database.execute(&scripts("sqlite", "down.sql")).await;
    assert!(
        dump().iter().all(|line| line.contains("__diesel_schema_migrations")),
        "nothing is left"
    );
    database.execute(&scripts("sqlite", "up.sql")).await;
    assert_eq!(dump(), made);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn down_undoes_up_on_postgres() {
    let database = Database::postgres().await;
    let client = database.client().await;
    let made = postgres_dump(&client).await;
    assert!(made.contains("imports.id bigint"), "{made}");
    assert!(
        made.contains("fillfactor=50") && made.contains("INCLUDE (id, content_hash)"),
        "{made}"
    );
    client.batch_execute(&scripts("postgres", "down.sql")).await.unwrap();
    let left = postgres_dump(&client).await;
    assert!(
        left.lines().all(|line| line.starts_with("__diesel_schema_migrations")),
        "{left}"
    );
    client.batch_execute(&scripts("postgres", "up.sql")).await.unwrap();
    assert_eq!(postgres_dump(&client).await, made);
}

/// Tables with their options, columns, constraints, indexes, policies, triggers, comments and sequences, a line each.
async fn postgres_dump(client: &tokio_postgres::Client) -> String {
    let query = "
        with t as (select oid, relname, relkind, reloptions, relrowsecurity, relforcerowsecurity, relispartition from pg_class where relnamespace = 'public'::regnamespace)
        select relname || ' ' || relkind::text || ' ' || relrowsecurity || relforcerowsecurity || relispartition || coalesce(' ' || reloptions::text, '') from t
        union all select t.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
            || ' ' || a.attnotnull || ' ' || a.attidentity::text || ' ' || coalesce(l.collname, '')
            || coalesce(' ' || pg_get_expr(d.adbin, d.adrelid), '') || coalesce(' ' || col_description(t.oid, a.attnum), '')
            from t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and t.relkind in ('r', 'p')
            left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
            left join pg_collation l on l.oid = a.attcollation
        union all select t.relname || ' ' || c.conname || ' ' || pg_get_constraintdef(c.oid)
            from t join pg_constraint c on c.conrelid = t.oid
        union all select t.relname || ' ' || p.polname || coalesce(' ' || pg_get_expr(p.polqual, t.oid), '')
            from t join pg_policy p on p.polrelid = t.oid
        union all select t.relname || ' ' || pg_get_triggerdef(g.oid)
            from t join pg_trigger g on g.tgrelid = t.oid and not g.tgisinternal
        union all select proname || ' ' || prosrc from pg_proc where pronamespace = 'public'::regnamespace
        union all select tablename || ' ' || indexdef from pg_indexes where schemaname = 'public'
        union all select t.relname || ' ' || obj_description(t.oid) from t where obj_description(t.oid) is not null
        order by 1";
    let rows = client.query(query, &[]).await.unwrap();
    rows.iter().map(|row| row.get::<_, String>(0) + "\n").collect()
}

both_databases! {
    async fn both_hold_the_same_tables_and_columns(db) {
        let query = match db.sqlite_file() {
            Some(_) => "select m.name || '.' || p.name as line from sqlite_master m, pragma_table_info(m.name) p \
                        where m.type = 'table' and m.name not like 'sqlite%' and m.name not like '\\_\\_%' escape '\\' \
                        order by 1",
            None => "select table_name || '.' || column_name collate \"C\" as line from information_schema.columns \
                     where table_schema = 'public' and table_name not like '\\_\\_%' \
                     and not (select relispartition from pg_class where oid = table_name::regclass) order by line",
        };
        let lines: Vec<String> = match db.sqlite_file() {
            Some(mut file) => {
                let lines: Vec<Line> = diesel::sql_query(query).load(&mut file).unwrap();
                lines.into_iter().map(|row| row.line).collect()
            }
            None => db.client().await.query(query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect(),
        };
        let other = if db.sqlite_file().is_some() { "postgres" } else { "sqlite" };
        let theirs = columns(&scripts(other, "up.sql"));
        assert_eq!(lines, theirs);
    }

    async fn a_schema_that_is_there_is_ready_and_left_alone(db) {
        db.store.ready().await.unwrap();
        let org = db.org("acme").await;
        db.store.migrate().await.unwrap();
        assert!(db.store.organization(org).await.unwrap().is_some());
    }

    async fn a_newer_schema_is_refused_by_both_names(db) {
        let newer = "insert into __diesel_schema_migrations (version) values ('20990101000000')";
        db.execute(newer).await;
        for refused in [db.store.ready().await, db.store.migrate().await] {
            let Err(StoreError::Schema(sentence)) = refused else { panic!("{refused:?}") };
            assert!(sentence.contains("20990101000000") && sentence.contains("20261122130000"), "{sentence}");
        }
    }
}

/// `table.column` of every `create table` and `add column` of a script.
fn columns(script: &str) -> Vec<String> {
    let mut columns = Vec::new();
    let mut table = None;
    for line in script.lines() {
        if let Some(name) = line.strip_prefix("create table ") {
            table = name.split_whitespace().next();
        } else if line.starts_with(')') || line.starts_with("alter ") && !line.contains(" add column ") {
            table = None;
        } else if let Some((table, column)) = line
            .strip_prefix("alter table ")
            .and_then(|line| line.split_once(" add column "))
        {
            columns.extend(
                column
                    .split_whitespace()
                    .next()
                    .map(|column| format!("{table}.{column}")),
            );
        }
        let column = line
            .strip_prefix("    ")
            .and_then(|line| line.split_whitespace().next())
            .unwrap_or_default();
        let is_column = !["", "constraint", "primary", "check", "((status"].contains(&column);
        if let (Some(table), true) = (table, is_column) {
            columns.push(format!("{table}.{column}"));
        }
    }
    columns.sort();
    columns
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_processes_may_start_at_once_on_postgres() {
    start_four_times(Database::empty_postgres().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_processes_may_start_at_once_on_sqlite() {
    start_four_times(Database::empty_sqlite().await).await;
}

async fn start_four_times(database: Database) {
    let unready = database.store.ready().await;
    assert!(matches!(unready, Err(StoreError::Schema(_))), "{unready:?}");
    let starts: Vec<_> = (0..4)
        .map(|_| {
            let url = database.url.clone();
            tokio::spawn(async move {
                let store = connect(&url).await;
                store.migrate().await.unwrap();
                store.ready().await.unwrap();
            })
        })
        .collect();
    for start in starts {
        start.await.unwrap();
    }
    assert!(database.store.is_empty().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_typo_never_becomes_an_empty_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("typo.db");
    let options = StoreOptions {
        connections: 2,
        bulk_connections: 1,
        create: false,
    };
    let refused = Store::connect(&format!("sqlite://{}", path.display()), options, Vault::new(b"x", None)).await;
    assert!(matches!(refused, Err(StoreError::Config(sentence)) if sentence.contains("typo.db")));
    assert!(!path.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_answer_is_unavailable_and_says_why() {
    let store = connect("postgres://nobody@127.0.0.1:1/none?sslmode=disable").await;
    let refused = store.ready().await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    assert!(refused.to_string().contains("refused"), "{refused}");
}

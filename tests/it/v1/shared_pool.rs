//! Organizations that share a few connections, by turns and all at once: each sees its own rows only, and what a worker writes
//! is bound to the organization of the import's row. On PostgreSQL, under row-level security.

use std::sync::Arc;

use harness::{Client, Dice, Role, Running, Stack, both_stacks, postgres};

const ORGANIZATIONS: usize = 4;
const TASKS: usize = 8;
/// Requests of all tasks together.
const REQUESTS: usize = 10_000;
const ROWS: usize = 30;

/// An organization whose every record bears its mark.
struct Organization {
    client: Client,
    mark: String,
    import: i64,
    user: i64,
}

fn people(mark: &str) -> String {
    let rows = (0..ROWS).map(|row| format!("{mark}-{row},{mark}.{row}@example.com\n"));
    let broken = format!(",{mark}.broken@example.com\n");
    "source_id,email\n".to_owned() + &rows.collect::<String>() + &broken
}

/// All of them, their imports sent before the first has ended.
async fn organizations(running: &Running) -> Vec<Organization> {
    let mut made = Vec::new();
    for number in 0..ORGANIZATIONS {
        let mark = format!("mark{number}");
        let client = running.admin_of(&mark).await;
        let import = client.import("resource=users&source=hr", people(&mark)).await;
        made.push(Organization {
            client,
            mark,
            import,
            user: 0,
        });
    }
    for organization in &mut made {
        let import = organization.client.wait_final(organization.import).await;
        assert_eq!(
            (&import["status"], &import["counts"]["created"]),
            (&"partial".into(), &ROWS.into()),
            "{import:#}"
        );
        organization.user = organization.client.users().await[0]["id"].as_i64().unwrap();
    }
    made
}

/// One request of an organization, about its own things or another one's.
async fn ask(own: &Organization, other: &Organization, kind: usize) {
    let (path, status) = match kind {
        0 => (format!("/v1/imports/{}", own.import), 200),
        1 => ("/v1/users?limit=100".to_owned(), 200),
        2 => (format!("/v1/users/{}", own.user), 200),
        3 => (format!("/v1/imports/{}/rows?outcome=failed", own.import), 200),
        4 => ("/v1/imports?limit=10".to_owned(), 200),
        5 => (format!("/v1/users/{}", other.user), 404),
        6 => (format!("/v1/imports/{}", other.import), 404),
        _ => (format!("/v1/users/by-source/hr/{}-1", other.mark), 404),
    };
    let mut answer = own.client.get(&path).await;
    // On a machine that is busy with other tests, a connection may be given up before its request is sent.
    for _ in 0..5 {
        if answer.status == 408 {
            answer = own.client.get(&path).await;
        }
    }
    assert_eq!(answer.status, status, "{} asks {path}: {}", own.mark, answer.text);
    let text = answer.text.replace(&path, "");
    assert!(
        !text.contains(&other.mark),
        "{} asked {path} and saw {}: {text}",
        own.mark,
        other.mark
    );
    match kind {
        1 => assert_eq!(answer.json()["data"].as_array().map(Vec::len), Some(ROWS), "{text}"),
        2 | 3 => assert!(text.contains(&own.mark), "{path}: {text}"),
        _ => {}
    }
}

both_stacks! {
    async fn ten_thousand_interleaved_requests_over_three_connections_leak_nothing(stack) {
        let running = stack.start(&[("LONGSHORE_DATABASE_CONNECTIONS", "3")]).await;
        let all = Arc::new(organizations(&running).await);
        let mut dice = Dice::seeded();
        let mut tasks = Vec::new();
        for _ in 0..TASKS {
            let mut below = |end: usize| usize::try_from(dice.below(u64::try_from(end).unwrap())).unwrap();
            let plan: Vec<(usize, usize, usize)> = (0..REQUESTS / TASKS)
                .map(|_| (below(ORGANIZATIONS), below(ORGANIZATIONS - 1), below(8)))
                .collect();
            let all = all.clone();
            tasks.push(tokio::spawn(async move {
                for (own, step, kind) in plan {
                    ask(&all[own], &all[(own + 1 + step) % ORGANIZATIONS], kind).await;
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    }
}

/// A trigger looks over the worker's shoulder: it cannot be told from outside what a connection was bound to.
#[tokio::test]
async fn a_worker_is_bound_to_the_organization_of_the_imports_row() {
    let running = Stack::Scaled.start(&[]).await;
    let outside = running.database().await;
    outside
        .batch_execute(
            "create table seen (bound text, role text, org_id bigint);
             grant insert on seen to public;
             create function see() returns trigger language plpgsql as $$ begin
                 insert into seen values (current_setting('longshore.org', true), current_user, new.org_id); return new; end $$;
             create trigger see before insert on users for each row execute function see()",
        )
        .await
        .unwrap();
    organizations(&running).await;
    let rows = outside
        .query("select distinct bound, role, org_id from seen", &[])
        .await
        .unwrap();
    assert_eq!(rows.len(), ORGANIZATIONS);
    for row in rows {
        let seen: (String, String) = (row.get(0), row.get(1));
        assert_eq!(seen, (row.get::<_, i64>(2).to_string(), "longshore_app".to_owned()));
    }
}

/// A database of a user who may do what `rights` say, and a product that is started with it.
async fn owned_by(user: &str, rights: &str) -> Running {
    let admin = postgres().connect_to(&postgres().url("postgres")).await;
    let database = format!("create database of_{user} owner {user}");
    for sql in [&format!("create role {user} login"), rights, &database] {
        admin.batch_execute(sql).await.unwrap();
    }
    let url = postgres()
        .url(&format!("of_{user}"))
        .replace("postgres@", &format!("{user}@"));
    Stack::Scaled.start(&[("LONGSHORE_DATABASE_URL", &url)]).await
}

#[tokio::test]
async fn what_the_database_user_may_not_is_said_at_the_start_and_all_works() {
    // The role must be there, and somebody else's, whatever test comes first.
    drop(Stack::Scaled.start(&[]).await);
    let nothing = "row-level security can be undone by the database's user";
    let bypass = "row-level security is NOT in force";
    for (user, rights, said) in [
        ("may_nothing", "select", nothing),
        ("may_bypass", "alter role may_bypass bypassrls", bypass),
        ("may_take_it", "grant longshore_app to may_take_it", ""),
    ] {
        let running = owned_by(user, rights).await;
        organizations(&running).await;
        for role in [Role::Api, Role::Worker] {
            let log = running.log(role);
            assert_eq!(
                log.matches("row-level security").count(),
                usize::from(!said.is_empty()),
                "{user}: {log}"
            );
            assert!(log.contains(said), "{user}: {log}");
        }
    }
}

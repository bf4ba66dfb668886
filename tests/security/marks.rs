//! Marked people, keys and passwords go in through good rows, failing rows, broken requests and a database that refuses and says
//! why; then logs at their loudest, metrics, Redis, refusals and temporary files are searched for them. What surfaces answer and
//! what the database keeps is searched in `surfaces::canary` of `tests/it`.

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use harness::{Client, Role, Running, Stack, both_stacks};

use crate::outside::execute;

/// In every value, and in nothing else.
const MARK: &str = "mArKeDcElL";
/// Nothing is held back but what the product holds back itself.
const LOUDEST: (&str, &str) = ("LONGSHORE_LOG", "trace,tokio_postgres=trace,redis=trace,diesel=trace");

/// Good rows, failing rows, passwords, by file and one by one.
async fn send(client: &Client) -> Vec<String> {
    let people = format!(
        "source_id,email,first_name,password_hash,{MARK}\n{MARK}1,{MARK}@example.com,{MARK},{MARK},x\n{MARK}2,{MARK}@,{MARK},{MARK},x\n,,,,{MARK}\n"
    );
    let import = client.import("resource=users&source=hr", people).await;
    client.wait_final(import).await;
    let clients = format!(
        "name,country,report_type,pro,login,password\n{MARK},DE,WEEE,EAR,{MARK},{MARK}\n,DE,WEEE,EAR,{MARK},{MARK}\n"
    );
    let import = client.import("resource=clients", clients).await;
    client.wait_final(import).await;
    let file = format!("source_id,email\n\"{MARK},unclosed\n").into_bytes();
    client
        .upload("/v1/imports", Some(&json!({"resource": "users"})), "file", file)
        .await
        .expect(400);
    client.post_csv("resource=users", vec![0xff, 0xfe, 0x41]).await;
    let mut refusals = Vec::new();
    for (method, path, body) in [
        (
            Method::POST,
            "/v1/users",
            json!({"source": "hr", "source_id": "9", "email": format!("{MARK}@")}),
        ),
        (
            Method::POST,
            "/v1/users",
            json!({"source": "hr", "source_id": "9", "gender": MARK}),
        ),
        (
            Method::POST,
            "/users/bulk/sourceId",
            json!({"users": [{"source": "erp", "sourceId": 1, "email": format!("{MARK}@")}]}),
        ),
    ] {
        client.send_json(method, path, &body).await;
    }
    let wrong = client.with_key(&format!("lsk_{MARK}"));
    refusals.push(wrong.get("/v1/imports").await.expect(401).text);
    let request = client
        .with_key("")
        .request(Method::GET, &format!("/v2/bulk/upsert?apikey={MARK}&apisecret={MARK}"));
    refusals.push(client.send(request).await.text);
    refusals.push(
        client
            .get(&format!("/v1/users?q={MARK}&email={MARK}@example.com"))
            .await
            .expect(200)
            .status
            .to_string(),
    );
    let sent = client
        .request(Method::GET, "/v1/users")
        .header("Cookie", MARK)
        .header("User-Agent", MARK)
        .header("Referer", MARK);
    client.send(sent.header("X-Api-Key", MARK)).await;
    refusals
}

/// The database refuses rows, and PostgreSQL says in `DETAIL` what stood in them.
async fn refuse(running: &Running) -> Vec<String> {
    let client = &running.client;
    // On PostgreSQL the rows lie in the one partition, where an index need not begin with the organization.
    let table = if running.stack == Stack::Scaled {
        "all_users"
    } else {
        "users"
    };
    execute(running, &format!("CREATE UNIQUE INDEX refusing ON {table} (company)")).await;
    let user = |id: &str| json!({"source": "hr", "source_id": id, "company": MARK, "first_name": MARK});
    client
        .send_json(Method::POST, "/v1/users", &user("a"))
        .await
        .expect(201);
    let refused = client.send_json(Method::POST, "/v1/users", &user("b")).await;
    assert!(refused.status >= 400, "{}", refused.text);
    let import = client
        .import(
            "resource=users&source=hr",
            format!("source_id,company\n{MARK}c,{MARK}\n"),
        )
        .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let shown = client.show(import).await.to_string();
    execute(running, "DROP INDEX refusing").await;
    let ended = client.wait_final(import).await.to_string();
    vec![refused.text, shown, ended]
}

#[track_caller]
fn clean(place: &str, text: &str) {
    let found = text.lines().find(|line| line.contains(MARK));
    assert!(found.is_none(), "{place}: {found:?}");
}

both_stacks! {
    async fn no_marked_value_reaches_a_log_a_metric_a_queue_or_a_refusal(stack) {
        let mut running = stack.start(&[LOUDEST]).await;
        let client = running.client.clone();
        let temporary_before = marked_files(&std::env::temp_dir(), &running.folder);
        for refusal in send(&client).await.into_iter().chain(refuse(&running).await) {
            clean("a refusal", &refusal);
        }
        clean("the metrics", &running.stranger().get("/metrics").await.expect(200).text);
        let secret = client.key.split('_').nth(2).unwrap().to_owned();
        for role in [Role::Serve, Role::Api, Role::Worker] {
            let log = running.log(role);
            clean("the log", &log);
            let shown = log.lines().find(|line| line.contains(&secret));
            assert!(shown.is_none(), "the log shows a key: {shown:?}");
        }
        assert!(running.log(running.front()).contains("TRACE"), "it was loud");
        if let Some(redis) = &running.redis {
            assert!(!redis_dump(&redis.url()).await.contains(MARK));
        }
        assert_eq!(marked_files(&std::env::temp_dir(), &running.folder), temporary_before);
        running.stop(running.back(), Duration::from_secs(20));
    }

    async fn what_a_client_sends_cannot_write_lines_into_the_log(stack) {
        let running = stack.start(&[LOUDEST]).await;
        let client = &running.client;
        let evil = "x\u{85}\u{2028}\u{1b}[2J\\n{\"level\":\"INFO\",\"message\":\"forged\"}";
        let part = reqwest::multipart::Part::text("source_id\n1\n").file_name(format!("{evil}\n\r.csv")).mime_str("text/csv").unwrap();
        let form = reqwest::multipart::Form::new().part("file", part);
        client.send(client.request(Method::POST, "/v1/imports?resource=users").multipart(form)).await;
        let request = client.request(Method::GET, "/v1/imports").header("X-Request-Id", "a\u{9}{\"message\":\"forged\"}");
        client.send(request).await;
        client.get("/v1/imports/%0a%7b%22message%22%3a%22forged%22%7d%1b%5b2J").await;
        client.get("/%0d%0aforged%00").await;
        client.send_json(Method::POST, "/v1/keys", &json!({"name": format!("a\n{evil}"), "scopes": ["admin"]})).await;
        client.post_csv("resource=users&source=%0aforged", "source_id\n1\n").await;
        let guess = client.with_key("lsk_%0aforged");
        guess.send(guess.request(Method::GET, "/v1/imports").header("X-Forwarded-For", "1.1.1.1\tforged")).await;
        for role in [Role::Serve, Role::Api, Role::Worker] {
            check_lines(&running.log(role));
        }
    }
}

/// What the first start says of its key.
fn is_for_people(line: &str) -> bool {
    line.starts_with("API key of organization") || line.starts_with("the key is also in ")
}

/// Each line is one event, whole, and nothing in it moves a terminal.
fn check_lines(log: &str) {
    for line in log.lines().filter(|line| !is_for_people(line)) {
        let event: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not an event: {line}"));
        assert_ne!(event["message"], "forged");
        assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
    }
}

/// Temporary files with a mark in them, but those of the tests' own servers.
fn marked_files(folder: &Path, own: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_small_file = entry
            .metadata()
            .is_ok_and(|metadata| metadata.is_file() && metadata.len() < 1 << 20);
        if !path.starts_with(own)
            && is_small_file
            && std::fs::read(&path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(MARK))
        {
            found.push(path.display().to_string());
        }
    }
    found
}

async fn redis_dump(url: &str) -> String {
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    assert!(!keys.is_empty(), "the queue lies there");
    let mut dump = String::new();
    for key in keys {
        let bytes: Vec<u8> = redis::cmd("DUMP").arg(&key).query_async(&mut connection).await.unwrap();
        dump.push_str(&format!("{key} {}\n", String::from_utf8_lossy(&bytes)));
    }
    dump
}

//! API keys: what is refused without a look into the database, where a key may stand, when it ends, and where it is not found.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use harness::{Client, Role, Running, Stack, both_stacks};

use crate::outside::{Node, execute};

async fn new_key(admin: &Client, body: &Value) -> (String, Client) {
    let made = admin.send_json(Method::POST, "/v1/keys", body).await.expect(201).json();
    (
        made["id"].as_str().unwrap().to_owned(),
        admin.with_key(made["key"].as_str().unwrap()),
    )
}

/// A key of right form and checksum that was never made here.
fn unknown_key() -> String {
    longshore::secrets::Secrets::new(b"of nobody").mint().unwrap().text
}

/// The same with one letter other.
fn mistyped(key: &str) -> String {
    let mut letters = key.to_owned();
    letters.replace_range(30..31, if &key[30..31] == "a" { "b" } else { "a" });
    letters
}

both_stacks! {
    async fn a_wrong_checksum_is_refused_without_a_query(stack) {
        let running = stack.start(&[]).await;
        let wrong = running.client.with_key(&mistyped(&running.client.key));
        let unknown = running.client.with_key(&unknown_key());
        let unknown_told = unknown.get("/v1/imports").await.expect(401);
        // Whoever asks the database now fails.
        execute(&running, "ALTER TABLE api_keys RENAME TO hidden").await;
        let told = without_id(&wrong.get("/v1/imports").await.expect(401).text);
        assert_eq!(told, without_id(&unknown_told.text));
        wrong.get("/saas/logins/clients").await.expect(401);
        for other in [running.stranger(), running.client.with_key("lsk_x"), running.client.with_key(" ")] {
            assert_eq!(without_id(&other.get("/v1/imports").await.expect(401).text), told, "one body for every reason");
        }
        let asked = unknown.get("/v1/imports").await;
        assert!(matches!(asked.status, 500 | 503), "{}: a query was made", asked.status);
        assert!(!asked.text.contains("api_keys"), "{}", asked.text);
        execute(&running, "ALTER TABLE hidden RENAME TO api_keys").await;
        running.client.get("/v1/imports").await.expect(200);
    }

    async fn a_key_is_found_nowhere_once_it_has_been_shown(stack) {
        let running = stack.start(&[("LONGSHORE_LOG", "trace")]).await;
        let (id, made) = new_key(&running.client, &json!({"name": "ops", "scopes": ["imports:write"]})).await;
        let import = made.import("resource=users", "source_id\n1\n").await;
        running.client.wait_final(import).await;
        let listed = running.client.get("/v1/keys").await.expect(200).text;
        let mut places = vec![listed, running.dump().await, running.stranger().get("/metrics").await.text];
        places.extend([Role::Serve, Role::Api, Role::Worker].map(|role| running.log(role)));
        assert!(places[1].contains(&id), "the dump shows what is no secret");
        for secret in [secret_of(&made.key), secret_of(&running.client.key)] {
            for place in &places {
                assert!(!place.contains(&secret), "{place}");
            }
        }
    }

    async fn a_key_in_a_url_lets_nobody_in(stack) {
        let running = stack.start(&[]).await;
        let (key, stranger) = (&running.client.key, running.stranger());
        let id = key.split('_').nth(1).unwrap();
        let organization = running.client.get("/v1/organization").await.json()["id"].as_str().unwrap().to_owned();
        for path in ["/v1/imports", "/v1/users", "/bulk/v1/files/1", "/saas/logins/clients", "/persons/bulk-import"] {
            for query in [
                format!("access_token={key}"),
                format!("api_key={key}"),
                format!("apikey={id}&apisecret={key}"),
                format!("Authorization=Bearer%20{key}"),
                format!("SlashID-API-Key={key}&SlashID-OrgID={organization}"),
            ] {
                let request = stranger.request(Method::GET, &format!("{path}?{query}"));
                let answer = stranger.send(request.header("SlashID-OrgID", &organization)).await.expect(401);
                assert!(!answer.text.contains(key.as_str()), "{path}");
            }
        }
        // LoginRadius's clients send it so, by their vendor's design; there a key in a header is none.
        let profiles = json!({"Profiles": [{"UserName": "x"}]});
        running.client.send_json(Method::POST, "/v2/bulk/upsert", &profiles).await.expect(401);
        let path = format!("/v2/bulk/upsert?apikey={id}&apisecret={key}");
        stranger.send_json(Method::POST, &path, &profiles).await.expect(200);
        stranger.send_json(Method::POST, &format!("{path}&apisecret={key}"), &profiles).await.expect(401);
        let userinfo = stranger.base.replace("http://", &format!("http://{id}:{key}@"));
        let request = stranger.http.get(format!("{userinfo}/v1/imports"));
        stranger.send(request).await.expect(401);
        for role in [Role::Serve, Role::Api, Role::Worker] {
            assert!(!running.log(role).contains(&secret_of(key)));
        }
    }

    async fn of_two_headers_of_authorization_neither_counts(stack) {
        let running = stack.start(&[]).await;
        let request = running.client.request(Method::GET, "/v1/imports").header("Authorization", "Bearer other");
        running.client.send(request).await.expect(401);
        let request = running.client.request(Method::GET, "/v1/imports");
        running.client.send(request.header("Authorization", format!("Bearer {}", running.client.key))).await.expect(401);
        running.client.get("/v1/imports").await.expect(200);
    }

    async fn a_key_ends_by_itself(stack) {
        let running = stack.start(&[]).await;
        let end = chrono::Utc::now() + chrono::TimeDelta::milliseconds(2500);
        let (_, brief) = new_key(&running.client, &json!({"name": "brief", "scopes": ["admin"], "expires_at": end.to_rfc3339()})).await;
        brief.get("/v1/imports").await.expect(200);
        let deadline = Instant::now() + Duration::from_secs(20);
        while brief.get("/v1/imports").await.status == 200 {
            assert!(Instant::now() < deadline, "it does not end");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(chrono::Utc::now() >= end, "not before its time");
        let unknown = running.client.with_key(&unknown_key()).get("/v1/imports").await.expect(401);
        let ended = brief.get("/v1/imports").await.expect(401);
        assert_eq!(without_id(&ended.text), without_id(&unknown.text));
    }

    async fn a_key_that_is_replaced_goes_on_until_it_is_revoked(stack) {
        let running = stack.start(&[]).await;
        let admin = &running.client;
        let (old_id, old) = new_key(admin, &json!({"name": "old", "scopes": ["imports:read"]})).await;
        let (_, new) = new_key(admin, &json!({"name": "new", "scopes": ["imports:read"]})).await;
        for key in [&old, &new] {
            key.get("/v1/imports").await.expect(200);
        }
        admin.delete(&format!("/v1/keys/{old_id}")).await.expect(204);
        old.get("/v1/imports").await.expect(401);
        new.get("/v1/imports").await.expect(200);
        let (id, by_hand) = new_key(admin, &json!({"name": "by hand", "scopes": ["imports:read"]})).await;
        by_hand.get("/v1/imports").await.expect(200);
        let revoked = running.command(&["keys", "revoke", &id, "--organization", "acme"]).output().unwrap();
        assert!(revoked.status.success());
        by_hand.get("/v1/imports").await.expect(401);
    }

    async fn the_first_key_is_nowhere_but_with_its_owner(stack) {
        let mut running = stack.prepare(&[]).await;
        running.start(running.front()).await;
        let log = running.log(running.front());
        let line = log.lines().find(|line| line.starts_with("API key of organization default")).unwrap();
        let key = line.rsplit(' ').next().unwrap().to_owned();
        running.stranger().with_key(&key).get("/v1/keys").await.expect(200);
        assert_eq!(log.matches(&secret_of(&key)).count(), 1, "printed once, and in no event");
        assert!(!running.dump().await.contains(&secret_of(&key)));
    }
}

fn secret_of(key: &str) -> String {
    key.split('_').nth(2).unwrap().to_owned()
}

fn without_id(text: &str) -> Value {
    let mut problem: Value = serde_json::from_str(text).unwrap();
    problem["request_id"].take();
    problem
}

/// The promise is a second; the answer to the revocation is already the end.
#[tokio::test]
async fn a_revoked_key_is_refused_by_every_node_within_a_second() {
    let running: Running = Stack::Scaled.start(&[]).await;
    let node = Node::beside(&running).await;
    for (by, on) in [(&running.client, &node.client), (&node.client, &running.client)] {
        let (id, key) = new_key(by, &json!({"name": "to go", "scopes": ["imports:read"]})).await;
        let elsewhere = on.with_key(&key.key);
        for _ in 0..20 {
            elsewhere.get("/v1/imports").await.expect(200);
        }
        let asked = Instant::now();
        by.delete(&format!("/v1/keys/{id}")).await.expect(204);
        elsewhere.get("/v1/imports").await.expect(401);
        key.get("/v1/imports").await.expect(401);
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    }
}

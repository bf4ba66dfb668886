//! 88 to 90: bodies of JSON, and what headers say of a body: that it came before, and what it hashes to.

use harness::{Client, Stack, both_stacks};
use reqwest::Method;
use serde_json::{Value, json};

pub(crate) fn numbers() -> Vec<u32> {
    vec![88, 89, 90]
}

both_stacks! {
    async fn an_idempotency_key_is_bound_to_its_body_and_its_owner(stack) {
        let running = stack.start(&[]).await;
        let (client, other) = (&running.client, running.admin_of("other").await);
        let post = |client: &Client, key: &[u8], file: &'static str| {
            let value = reqwest::header::HeaderValue::from_bytes(key).unwrap();
            let (client, request) = (client.clone(), client.csv_request("resource=users", file).header("Idempotency-Key", value));
            async move { client.send(request).await }
        };
        for wrong in [&b""[..], &[b'k'; 256], "schl\u{fc}ssel".as_bytes(), b"\"open", b"a\tb"] {
            post(client, wrong, "source_id\n1\n").await.expect(400);
        }
        let first = post(client, b"feed-1", "source_id\n1\n").await.expect(202).json();
        let again = post(client, b"feed-1", "source_id\n1\n").await.expect(202);
        assert_eq!((again.header("idempotent-replayed"), &again.json()["id"]), ("true", &first["id"]), "89");
        post(client, b"feed-1", "source_id\n2\n").await.expect(422);
        let foreign = post(&other, b"feed-1", "source_id\n2\n").await.expect(202);
        assert_eq!(foreign.header("idempotent-replayed"), "", "89: other tenants have keys of their own");
        let twice = client.csv_request("resource=users", "source_id\n1\n").header("Idempotency-Key", "a").header("Idempotency-Key", "b");
        client.send(twice).await.expect(400);
        assert_eq!(client.pages("/v1/imports?limit=10").await.len(), 1);
    }

    async fn a_body_is_what_its_digest_says_or_refused(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let org = client.get("/v1/organization").await.expect(200).json()["id"].as_str().unwrap().to_owned();
        let form = |part: &str, file: &str| ("multipart/form-data; boundary=x", format!("--x\r\nContent-Disposition: form-data; name=\"{part}\"\r\n\r\n{file}\r\n--x--\r\n"));
        let mapped = format!("--x\r\nContent-Disposition: form-data; name=\"mapping\"\r\n\r\nname\r\n{}", form("csvData", "ABC").1);
        let bodies = [
            ("/v1/imports?resource=users", "text/csv", "source_id\n1\n".to_owned()),
            ("/v1/imports?resource=users", form("", "").0, form("file", "source_id\n1").1),
            ("/bulk/v1/files", form("", "").0, form("file", "USERNAME\n1").1),
            ("/persons/bulk-import", form("", "").0, form("persons", "slashid:usernames\n1").1),
            ("/saas/logins/clients/bulk-upload", form("", "").0, mapped),
            ("/saas/logins/clients", "application/json", json!({"client_name": "DEF"}).to_string()),
            ("/v1/users", "application/json", json!({"source": "a", "source_id": "9"}).to_string()),
            ("/users/bulk/sourceId", "application/json", json!({"users": [{"source": "a", "sourceId": 9}]}).to_string()),
        ];
        for (path, media, body) in bodies {
            let post = |digests: Vec<String>| {
                let request = client.request(Method::POST, path).header("Content-Type", media).header("SlashID-OrgID", &org);
                let request = digests.into_iter().fold(request, |request, digest| request.header("Content-Digest", digest));
                client.send(request.body(body.clone()))
            };
            let (right, wrong) = (digest(body.as_bytes()), digest(b"another body"));
            let refused = post(vec![wrong.clone()]).await;
            assert_eq!(refused.status, 422, "90 {path}: {}", refused.text);
            for broken in [vec!["unixsum=:AA==:".to_owned()], vec![right.clone(), wrong], vec!["sha-256=x".to_owned()]] {
                assert_eq!(post(broken.clone()).await.status, 400, "90 {path} {broken:?}");
            }
            assert!(client.users().await.iter().all(|user| user["source"] != "a"), "90 {path}: something was stored");
            let taken = post(vec![right]).await;
            assert!([200, 201, 202].contains(&taken.status), "90 {path}: {}", taken.text);
            for user in client.users().await {
                client.delete(&format!("/v1/users/{}", user["id"])).await;
            }
        }
        let imports = client.pages("/v1/imports?limit=100").await;
        assert_eq!(imports.len(), 6, "90: those with the right digest alone: {imports:#?}");
    }
}

fn digest(bytes: &[u8]) -> String {
    use base64::Engine;
    use sha2::Digest;
    let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(bytes));
    format!("sha-256=:{hash}:")
}

/// Bodies of JSON that no call takes, and what they are.
fn strange_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let deep =
        |open: &str, close: &str| format!("{{\"a\":{}{}}}", open.repeat(100_000), close.repeat(100_000)).into_bytes();
    vec![
        ("empty", Vec::new()),
        ("not JSON", b"source_id\n1\n".to_vec()),
        ("an array", b"[]".to_vec()),
        ("text", b"\"x\"".to_vec()),
        ("null", b"null".to_vec()),
        ("two values", b"{}{}".to_vec()),
        ("deep arrays", deep("[", "]")),
        ("deep objects", deep("{\"a\":", "}")),
        ("a NUL", b"{\"a\":\"\0\"}".to_vec()),
        ("not UTF-8", b"{\"a\":\"\xff\"}".to_vec()),
        ("UTF-16", "{}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("a member twice", b"{\"source\":\"a\",\"source\":\"b\"}".to_vec()),
        (
            "fields of ours",
            br#"{"tenant_id":1,"org_id":1,"state":"x","id":7,"status":"completed"}"#.to_vec(),
        ),
        (
            "wrong types",
            br#"{"source":1,"source_id":[],"users":{},"Profiles":7,"client_name":{},"name":[],"person_quota":"x"}"#
                .to_vec(),
        ),
        (
            "11 MB",
            format!("{{\"a\":\"{}\"}}", "x".repeat(11_000_000)).into_bytes(),
        ),
    ]
}

/// Every call that takes JSON; a user and a client are there.
fn calls(client: &Client, user: &Value, named: &Value) -> [(Method, String); 12] {
    let key = client.key.split('_').nth(1).unwrap();
    [
        (Method::POST, "/v1/users".to_owned()),
        (Method::PATCH, format!("/v1/users/{}", user)),
        (Method::PUT, "/v1/users/by-source/a/1".to_owned()),
        (Method::PUT, "/v1/report-types".to_owned()),
        (Method::POST, "/v1/keys".to_owned()),
        (Method::PATCH, "/v1/organization".to_owned()),
        (Method::POST, "/users/bulk/sourceId".to_owned()),
        (
            Method::POST,
            format!("/v2/bulk/upsert?apikey={key}&apisecret={}", client.key),
        ),
        (Method::POST, "/saas/logins/clients".to_owned()),
        (Method::PUT, format!("/saas/logins/clients/{}", named)),
        (Method::POST, format!("/saas/logins/clients/{}/credentials/DE", named)),
        (Method::POST, format!("/saas/logins/clients/{}/aliases", named)),
    ]
}

#[tokio::test]
async fn json_that_says_nothing_sound_changes_nothing() {
    let running = Stack::Embedded.start(&[]).await;
    let client = &running.client;
    let user = json!({"source": "a", "source_id": "1", "first_name": "Ana"});
    let made = client
        .send_json(Method::POST, "/v1/users", &user)
        .await
        .expect(201)
        .json();
    let named = client
        .send_json(Method::POST, "/saas/logins/clients", &json!({"client_name": "ABC"}))
        .await
        .expect(200)
        .json();
    let mut surprises = Vec::new();
    for (method, path) in calls(client, &made["id"], &named["id"]) {
        for (name, body) in strange_bodies() {
            let request = client
                .request(method.clone(), &path)
                .header("Content-Type", "application/json");
            let status = client
                .try_send(request.body(body))
                .await
                .map_or(413, |answer| answer.status);
            if ![400, 413, 422].contains(&status) {
                surprises.push(format!(
                    "88 {method} {} {name}: {status}",
                    path.split('?').next().unwrap()
                ));
            }
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    let after = client
        .get(&format!("/v1/users/{}", made["id"]))
        .await
        .expect(200)
        .json();
    assert_eq!(after, made, "88");
    assert_eq!(client.users().await.len(), 1, "88");
}

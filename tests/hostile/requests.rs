//! 86, 87, 91, 92, 94, 95: what a request names, claims and hides in its headers.

use harness::{Client, Stack, both_stacks};
use reqwest::Method;
use serde_json::{Value, json};

use crate::wire::{filled, raw, statuses};

pub(crate) fn numbers() -> Vec<u32> {
    vec![86, 87, 91, 92, 94, 95]
}

/// What is in a path in place of a number of ours.
fn strange_ids() -> Vec<String> {
    let words = [
        "..%2f1",
        "%00",
        "%2e%2e",
        "0",
        "-1",
        "01",
        "1e3",
        "1.0",
        "x",
        "99999999999999999999",
        "AF5FBD30-7CE7-4548-8B30-4CD59CB2ABA1",
        "1%20OR%201=1",
        "%ff",
    ];
    words
        .map(str::to_owned)
        .into_iter()
        .chain(["9".repeat(10_000)])
        .collect()
}

/// A body without what tells one request from another.
fn without_request_id(text: &str) -> Value {
    let mut body: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    if let Some(members) = body.as_object_mut() {
        members.remove("request_id");
    }
    body
}

both_stacks! {
    async fn an_id_that_is_not_yours_is_not_there(stack) {
        let running = stack.start(&[]).await;
        let (client, other) = (&running.client, running.admin_of("other").await);
        let import = other.import("resource=users", "source_id,email\n1,x\n2,b@example.com\n").await;
        other.wait_final(import).await;
        let user = other.users().await[0]["id"].clone();
        let clients = other.send_json(Method::POST, "/saas/logins/clients", &json!({"client_name": "ABC"})).await.expect(200).json();
        let places = [
            ("/v1/imports/{}", import.to_string()),
            ("/v1/imports/{}/rows", import.to_string()),
            ("/v1/imports/{}/failed.csv", import.to_string()),
            ("/v1/users/{}", user.to_string()),
            ("/bulk/v1/files/{}", import.to_string()),
            ("/saas/logins/clients/{}", clients["id"].to_string()),
        ];
        for (path, foreign) in places {
            let at = |id: &str| path.replace("{}", id);
            let absent = client.get(&at("987654321")).await;
            let expected = (absent.status, without_request_id(&absent.text));
            for id in strange_ids().into_iter().chain([foreign]) {
                let found = client.get(&at(&id)).await;
                let found = (found.status, without_request_id(&found.text));
                assert!(found == expected || [400, 404].contains(&found.0) && path.contains("/saas/"), "86 {path} {id:.60}: {found:?}, not {expected:?}");
            }
            let large = client.try_get(&at(&"1".repeat(1 << 20))).await;
            assert!(large.is_err() || large.is_ok_and(|answer| answer.status >= 400), "86 {path}: an id of 1 MB");
        }
    }

    async fn pages_are_asked_for_by_those_they_were_made_for(stack) {
        let running = stack.start(&[]).await;
        let (client, other) = (&running.client, running.admin_of("other").await);
        for tenant in [client, &other] {
            for file in ["source_id,email\n1,x\n2,y\n3,b@example.com\n", "source_id\n4\n5\n"] {
                tenant.wait_final(tenant.import("resource=users", file).await).await;
            }
        }
        let own = client.pages("/v1/imports?limit=10").await;
        let first = own.iter().map(|import| import["id"].as_i64().unwrap()).min().unwrap();
        let lists = ["/v1/imports?".to_owned(), "/v1/users?".to_owned(), format!("/v1/imports/{first}/rows?")];
        for list in lists {
            for wrong in ["limit=-1", "limit=0", "limit=1000000000", "limit=1e3", "limit=", "limit=1&limit=2", "cursor=", "cursor=x", "cursor=AAAA", "cursor=%00", "offset=1", "cursor=../1"] {
                let answer = client.get(&format!("{list}{wrong}")).await;
                assert_eq!(answer.status, 400, "87 {list}{wrong}: {}", answer.text);
            }
            let page = client.get(&format!("{list}limit=1")).await.expect(200).json();
            let cursor = page["next_cursor"].as_str().unwrap_or_else(|| panic!("87 {list}: {page:#}"));
            client.get(&format!("{list}limit=1&cursor={cursor}")).await.expect(200);
            for place in 0..cursor.len() {
                let mut forged = cursor.to_owned().into_bytes();
                forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
                let forged = String::from_utf8(forged).unwrap();
                let answer = client.get(&format!("{list}limit=1&cursor={forged}")).await;
                // The last letter may hold bits that say nothing.
                assert!(answer.status == 400 || place + 1 == cursor.len(), "87 {list}: byte {place} of the cursor");
            }
            if !list.contains("rows") {
                other.get(&format!("{list}limit=1&cursor={cursor}")).await.expect(400);
            }
            let elsewhere = if list.contains("users") { "/v1/imports?" } else { "/v1/users?" };
            client.get(&format!("{elsewhere}cursor={cursor}")).await.expect(400);
        }
        for wrong in ["limit=-1", "limit=1000000000", "offset=-1", "limit=x"] {
            client.get(&format!("/saas/logins/clients?{wrong}")).await.expect(400);
        }
    }
}

#[tokio::test]
async fn the_type_of_a_problem_leads_somewhere() {
    let running = Stack::Embedded.start(&[]).await;
    let stranger = running.stranger();
    let problem = stranger.get("/v1/imports").await.expect(401).json();
    let meaning = stranger.get(problem["type"].as_str().unwrap()).await.expect(200).json();
    assert_eq!(
        (&meaning["code"], &meaning["title"]),
        (&problem["code"], &problem["title"])
    );
    stranger.get("/problems/no-such-code").await.expect(404);
    stranger.get("/problems/..%2funauthorized").await.expect(404);
}

#[tokio::test]
async fn http_2_is_not_spoken() {
    let running = Stack::Embedded.start(&[]).await;
    let client = &running.client;
    let settings = b"\0\0\0\x04\0\0\0\0\0";
    let preface = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], settings].concat();
    let answer = raw(client, &preface).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "91: {answer:?}");
    let upgrade = "GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    let answer = raw(client, &filled(client, upgrade)).await;
    assert_eq!(statuses(&answer), [200], "91: answered as HTTP/1.1: {answer}");
}

#[tokio::test]
async fn ranges_conditions_and_heads_show_no_other_tenants_answer() {
    let running = Stack::Embedded.start(&[]).await;
    let (client, other) = (&running.client, running.admin_of("other").await);
    let id = client.import("resource=users", "source_id,email\n1,canary@\n").await;
    client.wait_final(id).await;
    let path = format!("/v1/imports/{id}/failed.csv");
    let whole = client.get(&path).await.expect(200);
    assert_eq!(whole.header("cache-control"), "no-store", "92");
    assert_eq!(
        (whole.header("accept-ranges"), whole.header("etag")),
        ("", ""),
        "92: neither is offered"
    );
    for range in [
        "bytes=0-0",
        "bytes=5-",
        "bytes=-5",
        "bytes=0-1,3-4",
        "bytes=99999999-",
        "rows=1-2",
    ] {
        let part = client
            .send(client.request(Method::GET, &path).header("Range", range))
            .await
            .expect(200);
        assert_eq!(part.text, whole.text, "92 {range}");
    }
    let shown = client.get(&format!("/v1/imports/{id}")).await.expect(200);
    let tag = shown.header("etag").to_owned();
    let known = |client: &Client| {
        client
            .request(Method::GET, &format!("/v1/imports/{id}"))
            .header("If-None-Match", &tag)
    };
    client.send(known(client)).await.expect(304);
    let stranger = other.send(known(&other)).await.expect(404);
    assert!(!stranger.text.contains("canary"));
    for path in [path.as_str(), "/v1/imports", "/healthz"] {
        let head = client.send(client.request(Method::HEAD, path)).await.expect(200);
        assert_eq!(head.text, "", "92 {path}");
    }
    other.send(other.request(Method::HEAD, &path)).await.expect(404);
}

#[tokio::test]
async fn forwarding_headers_are_not_believed() {
    let running = Stack::Embedded.start(&[]).await;
    let client = &running.client;
    let form = || {
        let part = reqwest::multipart::Part::bytes(b"USERNAME\n1\n".to_vec())
            .mime_str("text/csv")
            .unwrap();
        reqwest::multipart::Form::new().part("file", part)
    };
    let plain = client.request(Method::POST, "/bulk/v1/files").multipart(form());
    let spoofed = [
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "Forwarded",
        "X-Real-IP",
        "X-Original-URL",
        "X-Rewrite-URL",
    ]
    .into_iter()
    .fold(
        client.request(Method::POST, "/bulk/v1/files").multipart(form()),
        |request, name| request.header(name, "evil.example"),
    );
    let url = |answer: harness::Answer| {
        let url = answer.expect(202).json()["status_url"].as_str().unwrap().to_owned();
        url.rsplit_once('/').unwrap().0.to_owned()
    };
    let (plain, spoofed) = (url(client.send(plain).await), url(client.send(spoofed).await));
    assert_eq!(plain, spoofed, "94");
    assert!(
        !running.log(running.front()).contains("evil.example"),
        "94: nor do they get into the log"
    );
    let wrong = client.with_key("lsk_nobody");
    let local = wrong
        .request(Method::GET, "/v1/imports")
        .header("X-Forwarded-For", "127.0.0.1");
    wrong.send(local).await.expect(401);
}

/// 95: the product calls nobody back. Should a route ever take a URL, this fails, and the catalogue's checks are due.
#[tokio::test]
async fn no_route_takes_an_address_to_call() {
    let running = Stack::Embedded.start(&[]).await;
    let document = running.client.get("/openapi.json").await.expect(200).json();
    let words = [
        "webhook",
        "callback",
        "hook",
        "notify",
        "endpoint",
        "target_url",
        "redirect",
    ];
    let mut names = Vec::new();
    collect_names(&document, &mut names);
    assert!(names.len() > 100, "95: {}", names.len());
    // What the product answers, and a text in an address.
    let told = ["status_url", "url"];
    for name in names.iter().filter(|name| !told.contains(&name.as_str())) {
        let small = name.to_lowercase();
        assert!(
            !words.iter().any(|word| small.contains(word)) && !small.ends_with("url") && !small.ends_with("uri"),
            "95: {name}"
        );
    }
    let taken = client_with_hook(&running.client).await;
    assert_eq!(taken, 400, "95: unknown members are refused");
}

async fn client_with_hook(client: &Client) -> u16 {
    let body = json!({"source": "a", "source_id": "1", "webhook_url": "http://[::ffff:169.254.169.254]/"});
    client.send_json(Method::POST, "/v1/users", &body).await.status
}

/// Names of parameters and of members of schemas.
fn collect_names(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if let Some(properties) = members.get("properties").and_then(Value::as_object) {
                names.extend(properties.keys().cloned());
            }
            if let (Some(name), true) = (members.get("name").and_then(Value::as_str), members.contains_key("in")) {
                names.push(name.to_owned());
            }
            members.values().for_each(|value| collect_names(value, names));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_names(item, names)),
        _ => {}
    }
}

//! What every answer wears: no permission to guess, keep, embed or share, and no word of what answers. One snapshot over all
//! routes, and each kind of refusal.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;

use harness::{Answer, Client, Stack, both_stacks};

/// Differs from call to call, or says how long a body is.
const OWN: [&str; 4] = ["date", "x-request-id", "content-length", "transfer-encoding"];

/// Headers by name, without what belongs to one call.
fn worn(answer: &Answer) -> String {
    let headers = answer.headers.iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
    let mut lines: Vec<String> = headers
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    lines.join("\n  ")
}

/// The rules themselves, whatever a snapshot says.
#[track_caller]
fn check(answer: &Answer, what: &str) {
    let is = |name: &str, value: &str| assert_eq!(answer.header(name), value, "{what}");
    is("x-content-type-options", "nosniff");
    is("cache-control", "no-store");
    is("referrer-policy", "no-referrer");
    let policy = answer.header("content-security-policy");
    if what.contains("/docs") {
        assert!(
            policy.starts_with("default-src 'self';") && policy.ends_with("frame-ancestors 'none'"),
            "{policy}"
        );
    } else {
        assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'", "{what}");
    }
    for name in [
        "server",
        "x-powered-by",
        "set-cookie",
        "access-control-allow-origin",
        "x-frame-options",
    ] {
        is(name, "");
    }
    assert_eq!(answer.headers.get_all("cache-control").iter().count(), 1, "{what}");
    if answer.header("content-type").starts_with("text/csv") {
        let disposition = answer.header("content-disposition");
        let name = disposition
            .strip_prefix("attachment; filename=\"")
            .unwrap_or_else(|| panic!("{what}: {disposition}"));
        assert!(
            name.is_ascii() && name.ends_with(".csv\"") && !name.contains(['/', '\\', ';']),
            "{name}"
        );
    }
}

/// Asks without following a redirect, as a page of somebody else's would.
async fn ask(client: &Client, method: &str, path: &str) -> Answer {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let client = Client { http, ..client.clone() };
    let request = client.request(method, path);
    client
        .send(request.header("Origin", "https://evil.example").header("Cookie", "a=b"))
        .await
}

#[tokio::test]
async fn headers_of_every_route() {
    let running = Stack::Embedded.start(&[]).await;
    let mut by_headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (method, pattern) in longshore::http::route_table() {
        let path = pattern
            .replace("{_:.*}", "")
            .replace("/problems/{code}", "/problems/not-found")
            .replace("{code}", "10007")
            .replace(['{', '}'], "");
        for client in [&running.client, &running.stranger()] {
            let what = format!("{method} {pattern}");
            let answer = ask(client, method, &path).await;
            check(&answer, &what);
            let who = if client.key.is_empty() { "nobody" } else { "admin" };
            by_headers
                .entry(worn(&answer))
                .or_default()
                .push(format!("{} {who} {what}", answer.status));
        }
    }
    let shown: Vec<String> = by_headers
        .into_iter()
        .map(|(headers, mut calls)| {
            calls.sort();
            format!("{}\n  {headers}", calls.join("\n"))
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n\n"));
}

both_stacks! {
    async fn every_kind_of_answer_wears_them(stack) {
        let running = stack.start(&[("LONGSHORE_LIMITS_UPLOAD_BYTES", "1KiB"), ("LONGSHORE_LIMITS_AUTH_FAILURES", "2")]).await;
        let client = &running.client;
        let import = client.post_csv("resource=users", "source_id,email\n1,broken\n2,\n").await;
        let id = import.json()["id"].as_i64().unwrap();
        let etag = {
            client.wait_final(id).await;
            client.get(&format!("/v1/imports/{id}")).await.header("etag").to_owned()
        };
        let reader = running.key_of("acme", &["records:read"]).await;
        let unchanged = client.request(Method::GET, &format!("/v1/imports/{id}")).header("If-None-Match", etag);
        let odd = client.request(Method::POST, "/v1/users").header("content-type", "text/html").body("<p>");
        let wrong = client.with_key("lsk_wrong");
        let user = json!({"source": "hr", "source_id": "1"});
        let answers = vec![
            (202, "", import),
            (201, "", client.send_json(Method::POST, "/v1/users", &user).await),
            (409, "", client.send_json(Method::POST, "/v1/users", &user).await),
            (422, "", client.send_json(Method::POST, "/v1/users", &json!({"source": "hr", "email": "broken"})).await),
            (200, "", client.get(&format!("/v1/imports/{id}/failed.csv")).await),
            (200, "", client.get(&format!("/v1/imports/{id}/failed.csv?for=excel")).await),
            (304, "", client.send(unchanged).await),
            (308, "/docs", ask(client, "GET", "/docs").await),
            (400, "", client.get("/v1/users?nothing=1").await),
            (403, "", reader.get("/v1/keys").await),
            (404, "", client.get("/nothing").await),
            (404, "/docs", client.get("/docs/nothing.js").await),
            (405, "", client.delete("/v1/imports").await),
            (405, "", ask(client, "OPTIONS", "/v1/imports").await),
            (413, "", client.post_csv("resource=users", "x".repeat(4096)).await),
            (415, "", client.send(odd).await),
            (204, "", client.delete(&format!("/v1/imports/{id}")).await),
            (401, "", wrong.get("/v1/users").await),
            (401, "", wrong.get("/saas/logins/clients").await),
            (429, "", wrong.get("/bulk/v1/files/1").await),
        ];
        for (status, what, answer) in answers {
            assert_eq!(answer.status, status, "{}", answer.text);
            check(&answer, what);
        }
    }
}

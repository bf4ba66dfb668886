//! Another organization's ids answer exactly as absent ones do, on every route that takes one.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use harness::{Client, both_stacks};

/// Every route with an id; `{import}` and `{user}` are filled with an id of somebody else's, then with an absent one.
const ROUTES: &[(&str, &str)] = &[
    ("GET", "/v1/imports/{import}"),
    ("GET", "/v1/imports/{import}/failed.csv"),
    ("GET", "/v1/imports/{import}/rows"),
    ("POST", "/v1/imports/{import}/cancel"),
    ("DELETE", "/v1/imports/{import}"),
    ("GET", "/v1/users/{user}"),
    ("PATCH", "/v1/users/{user}"),
    ("DELETE", "/v1/users/{user}"),
    ("GET", "/v1/users/by-source/hr/secret-1"),
    ("DELETE", "/v1/keys/{key}"),
    ("GET", "/bulk/v1/files/{import}"),
    ("DELETE", "/bulk/v1/files/{import}"),
];

async fn ask(client: &Client, method: &str, path: &str) -> (u16, Value) {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let body = (method == Method::PATCH).then(|| json!({"company": "x"}));
    let mut request = client.request(method, path);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = client.send(request).await;
    let mut body = serde_json::from_str(&answer.text).unwrap_or(Value::Null);
    // The request's own id and path are all that may differ.
    if let Some(members) = body.as_object_mut() {
        members.remove("request_id");
        members.remove("instance");
    }
    (answer.status, body)
}

/// What the product's own description says takes an id; `PUT` makes a record where there is none, in the caller's organization.
/// Forsure's operations stand in `forsure::isolation`: there, what is absent has an answer of each operation's own. A page of
/// the documentation is nobody's.
fn routes_with_ids(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(path, _)| path.contains('{') && !path.starts_with("/saas/") && !is_documentation(path));
    let calls = paths.flat_map(|(path, calls)| {
        calls
            .as_object()
            .unwrap()
            .keys()
            .map(|method| (method.to_uppercase(), without_names(path)))
    });
    calls.filter(|(method, _)| method != "PUT").collect()
}

fn is_documentation(path: &str) -> bool {
    path.starts_with("/docs/") || path.starts_with("/problems/")
}

/// `/v1/imports/{id}` and `/v1/imports/{import}` are one; so are an example source and its placeholder.
fn without_names(path: &str) -> String {
    let is_value = |part: &&str| part.starts_with('{') || matches!(*part, "hr" | "secret-1");
    path.split('/')
        .map(|part| if is_value(&part) { "*" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

both_stacks! {
    async fn no_route_with_an_id_is_left_out(stack) {
        let running = stack.start(&[]).await;
        let document = running.client.get("/openapi.json").await.expect(200).json();
        let known: BTreeSet<(String, String)> =
            ROUTES.iter().map(|(method, path)| ((*method).to_owned(), without_names(path))).collect();
        assert_eq!(known, routes_with_ids(&document));
    }

    async fn somebody_elses_is_as_absent(stack) {
        let running = stack.start(&[]).await;
        let (owner, other) = (running.admin_of("owner").await, running.admin_of("other").await);
        let import = owner.import("resource=users&source=hr", "source_id,email\nsecret-1,a@x.com\n,broken\n").await;
        owner.wait_final(import).await;
        let user = owner.users().await[0]["id"].to_string();
        let key = owner.key.split('_').nth(1).unwrap().to_owned();
        for (method, route) in ROUTES {
            let of = |import: &str, user: &str, key: &str| {
                route.replace("{import}", import).replace("{user}", user).replace("{key}", key)
            };
            let foreign = ask(&other, method, &of(&import.to_string(), &user, &key)).await;
            let absent = ask(&other, method, &of("4711", "4711", "abcdefghijkl").replace("secret-1", "nobody")).await;
            assert_eq!(foreign, absent, "{method} {route}");
            assert_eq!(foreign.0, 404, "{method} {route}: {}", foreign.1);
        }
        assert_eq!(other.users().await.len() + other.pages("/v1/imports?limit=10").await.len(), 0);
        assert_eq!(owner.users().await.len(), 1);
        assert_eq!(owner.show(import).await["status"], "partial", "nothing was touched");
    }

    async fn a_cursor_is_good_for_its_organization_only(stack) {
        let running = stack.start(&[]).await;
        let (owner, other) = (running.admin_of("owner").await, running.admin_of("other").await);
        let import = owner.import("resource=users", "source_id\n1\n2\n3\n").await;
        owner.wait_final(import).await;
        let page = owner.get("/v1/users?limit=1").await.expect(200).json();
        let cursor = page["next_cursor"].as_str().unwrap();
        owner.get(&format!("/v1/users?limit=1&cursor={cursor}")).await.expect(200);
        other.get(&format!("/v1/users?limit=1&cursor={cursor}")).await.expect(400);
    }

    async fn without_a_key_nothing_is_told(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let mut bodies = Vec::new();
        let mut tampered = client.key.clone();
        tampered.replace_range(20..21, if &tampered[20..21] == "a" { "b" } else { "a" });
        for key in [String::new(), "lsk_x".to_owned(), tampered] {
            let stranger = client.with_key(&key);
            for (method, route) in ROUTES.iter().filter(|(_, route)| route.starts_with("/v1")) {
                let (status, body) = ask(&stranger, method, &route.replace(['{', '}'], "")).await;
                assert_eq!(status, 401, "{method} {route}");
                bodies.push(body);
            }
        }
        bodies.dedup();
        assert_eq!(bodies.len(), 1, "one body for every reason: {bodies:#?}");
    }
}

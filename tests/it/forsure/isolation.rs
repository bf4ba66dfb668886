//! Another organization's clients and credentials answer exactly as absent ones do, on every operation of the surface that
//! takes an id.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::{at, get, new_client, new_credential};
use harness::{Client, both_stacks};

/// Every operation with an id: method, path, a body that would be taken, status, and the whole answer for what is absent.
const OPERATIONS: &[(&str, &str, &str, u16, &str)] = &[
    ("GET", "/clients/{id}", "", 200, "{}"),
    ("PUT", "/clients/{id}", r#"{"notes":"x"}"#, 404, CLIENT),
    ("DELETE", "/clients/{id}", "", 404, CLIENT),
    ("GET", "/clients/{id}/credentials/search", "", 404, CLIENT),
    ("GET", "/clients/{id}/credentials/{country}", "", 404, CLIENT),
    ("POST", "/clients/{id}/credentials/{country}", CREDENTIAL, 404, CLIENT),
    (
        "PUT",
        "/clients/{id}/credentials/{country}/{credential_id}",
        r#"{"notes":"x"}"#,
        404,
        CLIENT,
    ),
    (
        "DELETE",
        "/clients/{id}/credentials/{country}/{credential_id}",
        "",
        404,
        CLIENT,
    ),
    ("POST", "/clients/{id}/aliases", r#"{"alias":"DE:y"}"#, 404, CLIENT),
    ("DELETE", "/clients/{id}/aliases/{alias}", "", 404, CLIENT),
    (
        "POST",
        "/clients/{id}/local-company-name/{country}",
        r#"{"local_company_name":"y"}"#,
        404,
        CLIENT,
    ),
    ("GET", "/clients/{id}/local-company-name/{country}", "", 404, CLIENT),
];
const CLIENT: &str = r#"{"detail":"Client not found"}"#;
const CREDENTIAL: &str = r#"{"report_types":["r2"],"pro":"p","login":"l","password":"p"}"#;

async fn call(client: &Client, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut request = client.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
    if !body.is_empty() {
        request = request.header("content-type", "application/json").body(body.to_owned());
    }
    let answer = client.send(request).await;
    (answer.status, answer.text)
}

fn fill(path: &str, client: &str, credential: &str) -> String {
    let path = path.replace("{id}", client).replace("{credential_id}", credential);
    at(&path.replace("{country}", "DE").replace("{alias}", "DE%3Ax"))
}

/// Everything that an organization has, as far as its keys can see.
async fn everything(client: &Client, id: i64) -> Value {
    json!([
        get(client, "/clients").await,
        get(client, &format!("/clients/{id}/credentials/DE")).await,
        get(client, "/clients/collective-accounts").await,
        get(client, "/stats").await,
    ])
}

both_stacks! {
    async fn no_operation_with_an_id_is_left_out(stack) {
        let running = stack.start(&[]).await;
        let document = running.client.get("/openapi.json").await.expect(200).json();
        let paths = document["paths"].as_object().unwrap().iter();
        let below = paths.filter_map(|(path, calls)| Some((path.strip_prefix("/saas/logins")?, calls)));
        let documented: BTreeSet<(String, String)> = below
            .filter(|(path, _)| path.contains('{'))
            .flat_map(|(path, calls)| calls.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.to_owned())))
            .collect();
        let known = OPERATIONS.iter().map(|(method, path, ..)| ((*method).to_owned(), (*path).to_owned()));
        assert_eq!(known.collect::<BTreeSet<_>>(), documented);
    }

    async fn somebody_elses_is_as_absent(stack) {
        let running = stack.start(&[]).await;
        let (owner, other) = (running.admin_of("owner").await, running.admin_of("other").await);
        let id = new_client(&owner, json!({"client_name": "ABC", "aliases": {"DE": "x"}, "collective_account": true})).await;
        let body = json!({"report_types": ["r"], "pro": "p", "login": "l", "password": "marked-secret"});
        let credential = new_credential(&owner, id, "DE", body.clone()).await["id"].to_string();
        let own = new_client(&other, json!({"client_name": "own"})).await;
        let before = everything(&owner, id).await;
        for (method, path, body, status, text) in OPERATIONS {
            let foreign = call(&other, method, &fill(path, &id.to_string(), &credential), body).await;
            assert_eq!(foreign, (*status, (*text).to_owned()), "{method} {path}");
            for absent in ["4711", "0", "x", "%20", "9223372036854775808"] {
                let absent = call(&other, method, &fill(path, absent, "4711"), body).await;
                assert_eq!(absent, foreign, "{method} {path}");
            }
        }
        for method in ["PUT", "DELETE"] {
            let through_own = at(&format!("/clients/{own}/credentials/DE/{credential}"));
            let answer = call(&other, method, &through_own, if method == "PUT" { "{}" } else { "" }).await;
            assert_eq!(answer, (404, r#"{"detail":"Credential not found"}"#.to_owned()), "{method}");
            let elsewhere = at(&format!("/clients/{id}/credentials/FR/{credential}"));
            let answer = call(&owner, method, &elsewhere, if method == "PUT" { "{}" } else { "" }).await;
            assert_eq!(answer, (404, r#"{"detail":"Credential not found"}"#.to_owned()), "{method}");
        }
        assert_eq!(everything(&owner, id).await, before, "nothing was touched");
        let theirs = everything(&other, own).await.to_string();
        assert!(!theirs.contains("ABC") && !theirs.contains("marked-secret"), "{theirs}");
    }

    async fn a_key_needs_the_scope(stack) {
        let running = stack.start(&[]).await;
        let id = new_client(&running.client, json!({"client_name": "ABC"})).await.to_string();
        let reader = running.key_of("acme", &["records:read"]).await;
        let writer = running.key_of("acme", &["records:write", "imports:read", "imports:write", "sensitive:read"]).await;
        let whole = [("GET", "/clients", ""), ("POST", "/clients", "{}"), ("GET", "/stats", ""), ("GET", "/report_types", ""), ("GET", "/clients/collective-accounts", "")];
        let with_ids = OPERATIONS.iter().map(|(method, path, body, ..)| (*method, *path, *body));
        for (method, path, body) in whole.into_iter().chain(with_ids) {
            let denied = if method == "GET" { &writer } else { &reader };
            let (status, text) = call(denied, method, &fill(path, &id, "1"), body).await;
            assert_eq!(status, 403, "{method} {path}");
            assert!(text.starts_with(r#"{"detail":"Failed to "#), "{text}");
            let (status, again) = call(&running.stranger(), method, &fill(path, &id, "1"), body).await;
            assert_eq!((status, again), (401, text), "{method} {path}: the fixed text and no more");
        }
    }
}

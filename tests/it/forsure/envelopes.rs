//! Everything that goes wrong below the surface's prefix wears its envelope, also before a handler runs.

use reqwest::Method;
use serde_json::json;

use super::{at, get, named};
use harness::{Answer, both_stacks};

#[track_caller]
fn says(answer: Answer, status: u16, detail: &str) {
    let answer = answer.expect(status);
    assert_eq!(answer.json(), json!({"detail": detail}));
    assert!(answer.header("content-type").starts_with("application/json"));
}

both_stacks! {
    async fn everything_wears_its_envelope(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = named(client, "ABC").await;
        let (clients, one) = (at("/clients"), at(&format!("/clients/{id}")));
        for path in ["/saas", "/saas/logins", "/saas/logins/", "/saas/logins/nothing", "/saas/other", "/saas/logins/clients/1/x", "/saas/logins/clients/"] {
            says(client.get(path).await, 404, "Not Found");
        }
        let (bulk, accounts) = (at("/clients/bulk-upload"), at("/clients/collective-accounts"));
        let without = [
            (Method::PATCH, &one), (Method::POST, &one), (Method::DELETE, &clients), (Method::POST, &at("/stats")),
            (Method::GET, &bulk), (Method::DELETE, &bulk), (Method::PUT, &accounts),
        ];
        for (method, path) in without {
            let answer = client.send(client.request(method, path)).await;
            assert!(!answer.header("allow").is_empty());
            says(answer, 405, "Method Not Allowed");
        }
        says(client.with_key("lsk_x").get(&clients).await, 401, "Failed to get client overview");
        assert_eq!(client.with_key("").get(&clients).await.header("www-authenticate"), "Bearer realm=\"longshore\"");
        let send = async |body: &str, kind: &str| {
            let request = client.request(Method::POST, &clients).header("content-type", kind);
            client.send(request.body(body.to_owned())).await
        };
        let malformed = send("{\"client_name\":", "application/json").await.expect(400).json();
        assert!(malformed["detail"].as_str().unwrap().starts_with("Failed to create client: The JSON is not valid: "), "{malformed}");
        says(send("[]", "application/json").await, 400, "Failed to create client: The JSON is not an object.");
        says(send("{}", "application/json").await, 400, "Failed to create client: client_name: empty, but a record needs it.");
        says(send("client_name=x", "text/plain").await, 415, "Failed to create client: The Content-Type is \"text/plain\"; expected application/json.");
        let large = format!("{{\"client_name\":\"{}\"}}", "x".repeat(1024 * 1024));
        let large = send(&large, "application/json").await.expect(413).json();
        assert!(large["detail"].as_str().unwrap().starts_with("Failed to create client: "), "{large}");
        let head = client.send(client.request(Method::HEAD, &one)).await.expect(200);
        assert_eq!(head.text, "");
    }

    async fn what_is_not_known_is_named(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = named(client, "ABC").await;
        let unknown = client.get(&at("/clients?companyNameOnyl=true")).await;
        says(unknown, 400, "Failed to get client overview: companyNameOnyl is not a parameter of this call; did you mean companyNameOnly?");
        let twice = client.get(&at("/clients?limit=1&limit=2&offset=-1")).await;
        says(twice, 400, "Failed to get client overview: limit is given twice.");
        let body = json!({"name": "x", "shared": "true"});
        let answer = client.send_json(Method::PUT, &at(&format!("/clients/{id}")), &body).await.expect(400).json();
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.starts_with("Failed to update client: name is not a member of this body"), "{detail}");
        assert!(detail.ends_with("shared: expected true or false."), "all at once: {detail}");
        assert_eq!(get(client, &format!("/clients/{id}")).await["name"], "ABC");
    }
}

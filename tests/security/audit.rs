//! What an audit asks for stands in the log, under one target and stable names, with who did it and to what, at any log level,
//! and never with a secret.

use reqwest::Method;
use serde_json::{Value, json};

use harness::{Client, Role, Running, both_stacks};

const MARK: &str = "sEcReTcElL";

/// The audit's events of a role, in order.
fn events(running: &Running, role: Role) -> Vec<Value> {
    let log = running.log(role);
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|event| event["target"] == "longshore::audit").collect()
}

/// The one event of a name; its fields must be there, of the kind that is said.
#[track_caller]
fn event<'a>(events: &'a [Value], name: &str, fields: &[&str]) -> &'a Value {
    let mut found = events.iter().filter(|event| event["message"] == name);
    let event = found.next().unwrap_or_else(|| panic!("no {name} in {events:#?}"));
    for field in fields {
        assert!(!event[*field].is_null(), "{name} without {field}: {event}");
    }
    assert!(event["timestamp"].is_string(), "{event}");
    event
}

/// One of each act.
async fn act(running: &Running) -> (Client, String) {
    let admin = &running.client;
    let body = json!({"name": "x", "scopes": ["imports:read"]});
    let made = admin
        .send_json(Method::POST, "/v1/keys", &body)
        .await
        .expect(201)
        .json();
    let (id, reader) = (
        made["id"].as_str().unwrap().to_owned(),
        admin.with_key(made["key"].as_str().unwrap()),
    );
    reader.get("/v1/users").await.expect(403);
    admin.delete(&format!("/v1/keys/{id}")).await.expect(204);
    reader.get("/v1/imports").await.expect(401);
    for _ in 0..2 {
        admin.with_key(&format!("lsk_{MARK}")).get("/v1/imports").await;
    }
    let import = admin
        .import(
            "resource=users",
            format!("source_id,email\n1,{MARK}@example.com\n,{MARK}\n"),
        )
        .await;
    admin.post(&format!("/v1/imports/{import}/cancel")).await.expect(200);
    admin.delete(&format!("/v1/imports/{import}")).await.expect(204);
    let user = admin
        .send_json(
            Method::POST,
            "/v1/users",
            &json!({"source": "hr", "source_id": "2", "company": MARK}),
        )
        .await
        .json();
    admin.delete(&format!("/v1/users/{}", user["id"])).await.expect(204);
    let client = admin
        .send_json(Method::POST, "/saas/logins/clients", &json!({"client_name": MARK}))
        .await
        .json();
    let path = format!("/saas/logins/clients/{}", client["id"]);
    let credential = json!({"report_types": ["WEEE"], "pro": "EAR", "login": "l", "password": MARK});
    let credential = admin
        .send_json(Method::POST, &format!("{path}/credentials/DE"), &credential)
        .await
        .expect(200)
        .json();
    admin
        .delete(&format!("{path}/credentials/DE/{}", credential["id"]))
        .await
        .expect(200);
    admin.delete(&path).await.expect(200);
    admin
        .send_json(Method::PATCH, "/v1/organization", &json!({"person_quota": 9}))
        .await
        .expect(200);
    (reader, id)
}

both_stacks! {
    async fn each_act_that_an_audit_asks_for_leaves_its_event(stack) {
        // As quiet as it gets: the audit speaks still.
        let running = stack.start(&[("LONGSHORE_LOG", "error"), ("LONGSHORE_LIMITS_AUTH_FAILURES", "2")]).await;
        let (reader, made) = act(&running).await;
        let events = events(&running, running.front());
        let by = running.client.key.split('_').nth(1).unwrap();
        for (name, fields) in [
            ("key.created", ["org_id", "key_id", "new_key_id"]),
            ("key.revoked", ["org_id", "key_id", "revoked_key_id"]),
            ("import.cancel_asked", ["org_id", "key_id", "import_id"]),
            ("import.deleted", ["org_id", "key_id", "import_id"]),
            ("user.deleted", ["org_id", "key_id", "user_id"]),
            ("client.deleted", ["org_id", "key_id", "client_id"]),
            ("credential.deleted", ["org_id", "key_id", "credential_id"]),
            ("organization.changed", ["org_id", "key_id", "person_quota"]),
        ] {
            // The first key of a first start has no key that made it.
            let of_mine: Vec<Value> = events.iter().filter(|event| event["key_id"] == by).cloned().collect();
            let event = event(&of_mine, name, &fields);
            let text = event.to_string();
            assert!(text.contains("\"request_id\":"), "{name} leads to its request: {text}");
        }
        assert_eq!(event(&events, "auth.denied", &["org_id"])["scope"], "records:read");
        assert_eq!(event(&events, "auth.denied", &[])["key_id"], made.as_str());
        let failed = event(&events, "auth.failed", &["reason", "from", "key_id"]);
        assert_eq!((&failed["reason"], &failed["from"], &failed["key_id"]), (&json!("expired_or_revoked"), &json!("127.0.0.1"), &json!(made)));
        assert_eq!(event(&events, "auth.limited", &["from"])["of"], "address");
        for role in [Role::Serve, Role::Api, Role::Worker] {
            let log = running.log(role);
            for secret in [MARK, reader.key.split('_').nth(2).unwrap(), running.client.key.split('_').nth(2).unwrap()] {
                assert!(!log.contains(secret), "{log}");
            }
        }
    }

    async fn the_command_line_leaves_its_events_too(stack) {
        let running = stack.start(&[]).await;
        let id = running.key_of("acme", &["imports:read"]).await.key.split('_').nth(1).unwrap().to_owned();
        for (arguments, name) in [
            (vec!["keys", "create", "--organization", "acme"], "key.created"),
            (vec!["keys", "revoke", &id, "--organization", "acme"], "key.revoked"),
            (vec!["keys", "rotate-secrets"], "secrets.rotated"),
        ] {
            let done = running.command(&arguments).output().unwrap();
            assert!(done.status.success());
            let said = String::from_utf8(done.stderr).unwrap();
            let lines: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            assert_eq!(event(&lines, name, &["by"])["target"], "longshore::audit");
            let shown = String::from_utf8(done.stdout).unwrap();
            if let Some(secret) = shown.trim().split('_').nth(2) {
                assert!(!said.contains(secret), "{said}");
            }
        }
    }
}

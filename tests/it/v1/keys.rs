//! `/v1/keys`: made, listed, narrow, revoked.

use reqwest::Method;
use serde_json::json;

use harness::both_stacks;

both_stacks! {
    async fn keys_are_made_shown_once_and_revoked(stack) {
        let running = stack.start(&[]).await;
        let admin = &running.client;
        let made = admin.send_json(Method::POST, "/v1/keys", &json!({"name": "ci", "scopes": ["imports:read"]})).await.expect(201).json();
        let reader = admin.with_key(made["key"].as_str().unwrap());
        reader.get("/v1/imports").await.expect(200);
        reader.post_csv("resource=users", "source_id\n1\n").await.expect(403);
        reader.get("/v1/users").await.expect(403);
        reader.get("/v1/keys").await.expect(403);
        let listed = admin.get("/v1/keys").await.expect(200).text;
        assert!(listed.contains("\"ci\"") && !listed.contains(&reader.key), "{listed}");
        admin.delete(&format!("/v1/keys/{}", made["id"].as_str().unwrap())).await.expect(204);
        reader.get("/v1/imports").await.expect(401);
        let unknown = json!({"name": "x", "scopes": ["imports:reed"]});
        let problem = admin.send_json(Method::POST, "/v1/keys", &unknown).await.expect(400);
        assert!(problem.text.contains("imports:read"), "{}", problem.text);
    }
}

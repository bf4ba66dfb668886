//! `/v1/users`: the imported people, read and edited under the very rules of the import.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use harness::{both_stacks, count};

both_stacks! {
    async fn a_user_is_made_read_changed_and_deleted(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let new = json!({"source": "hr", "source_id": "7", "email": "Ana@Example.COM", "attributes": {"size": 38}});
        let made = client.send_json(Method::POST, "/v1/users", &new).await.expect(201);
        let user = made.json();
        assert_eq!(user["email"], "Ana@example.com", "the same canonical form as an import's");
        let path = format!("/v1/users/{}", user["id"]);
        assert_eq!(made.header("location"), path);
        client.send_json(Method::POST, "/v1/users", &new).await.expect(409);
        let tag = client.get(&path).await.expect(200).header("etag").to_owned();
        let change = json!({"first_name": "Ana", "email": null, "attributes": {"size": null, "team": "A"}});
        let changed = client.send(client.request(Method::PATCH, &path).header("If-Match", &tag).json(&change)).await.expect(200);
        let changed = changed.json();
        assert_eq!((&changed["first_name"], changed.get("email"), &changed["attributes"]), (&json!("Ana"), None, &json!({"team": "A"})));
        client.send(client.request(Method::PATCH, &path).header("If-Match", &tag).json(&change)).await.expect(412);
        client.send(client.request(Method::DELETE, &path).header("If-Match", &tag)).await.expect(412);
        client.delete(&path).await.expect(204);
        client.get(&path).await.expect(404);
    }

    async fn wrong_values_are_named_with_their_place(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let wrong = json!({"source": "hr", "source_id": "7", "email": "ana@", "date_of_birth": "30.2.1990"});
        let problem = client.send_json(Method::POST, "/v1/users", &wrong).await.expect(422).json();
        let pointers: BTreeSet<&str> = problem["errors"].as_array().unwrap().iter().filter_map(|error| error["pointer"].as_str()).collect();
        assert_eq!(pointers, BTreeSet::from(["/email", "/date_of_birth"]), "{problem:#}");
        let unknown = json!({"source": "hr", "source_id": "7", "emial": "x"});
        let problem = client.send_json(Method::POST, "/v1/users", &unknown).await.expect(400);
        assert!(problem.text.contains("email"), "{}", problem.text);
    }

    async fn users_are_put_and_found_by_their_source(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let path = "/v1/users/by-source/hr/a%2Fb?language=en";
        client.get(path).await.expect(404);
        client.send_json(Method::PUT, path, &json!({"username": "ana"})).await.expect(201);
        client.send_json(Method::PUT, path, &json!({"company": "ACME"})).await.expect(200);
        let user = client.get(path).await.expect(200).json();
        assert_eq!((&user["source_id"], &user["language"], user.get("username")), (&json!("a/b"), &json!("en"), None));
        assert_eq!(client.pages("/v1/users?source=hr&limit=5").await.len(), 1);
        assert_eq!(client.pages("/v1/users?source=erp&limit=5").await.len(), 0);
    }

    async fn an_edit_between_two_imports_is_seen(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let file = "source_id,company\n1,ACME\n2,ACME\n";
        let first = client.import("resource=users", file).await;
        client.wait_final(first).await;
        let id = &client.users().await[0]["id"];
        client.send_json(Method::PATCH, &format!("/v1/users/{id}"), &json!({"company": "Other"})).await.expect(200);
        let again = client.import("resource=users", file).await;
        let again = client.wait_final(again).await;
        assert_eq!((count(&again, "updated"), count(&again, "unchanged")), (1, 1));
        assert_eq!(client.users().await[0]["company"], "ACME");
        assert_eq!(client.pages("/v1/users?q=acm&limit=5").await.len(), 0, "q looks at names and addresses");
    }
}

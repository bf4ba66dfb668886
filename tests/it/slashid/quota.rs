//! How many persons an organization may have.

use reqwest::Method;
use serde_json::{Value, json};

use super::{EXAMPLE_OF_AN_ERROR, Vendor, assert_like, figures};
use harness::{Client, both_stacks};

async fn set(client: &Client, quota: Value) -> Value {
    let body = json!({ "person_quota": quota });
    client
        .send_json(Method::PATCH, "/v1/organization", &body)
        .await
        .expect(200)
        .json()
}

fn file(names: &[&str]) -> String {
    format!("slashid:usernames,slashid:emails\n{}\n", names.join("\n"))
}

both_stacks! {
    async fn more_persons_than_allowed_are_refused_as_a_whole(stack) {
        let running = stack.start(&[]).await;
        let vendor = Vendor::of(&running.client).await;
        assert_eq!(vendor.client.get("/v1/organization").await.json().get("person_quota"), None, "at first there is none");
        assert_eq!(set(&vendor.client, json!(3)).await["person_quota"], 3);
        assert_eq!(figures(&vendor.import(file(&["ana,", "bob,"])).await), (2, 0));

        let refused = vendor.send(file(&["ana,ana@x.com", "cid,", "dan,"])).await.expect(402);
        assert_like(&refused.json(), EXAMPLE_OF_AN_ERROR);
        assert_eq!(refused.json()["errors"][0]["httpcode"], 402);
        assert_eq!(refused.header("longshore-import-id"), "");
        let persons = vendor.persons().await;
        assert_eq!(persons.len(), 2, "nothing is applied");
        assert_eq!(persons[0].get("email"), None);
        assert_eq!(vendor.client.pages("/v1/imports?limit=10").await.len(), 1, "and nothing is left");
        assert_eq!(running.blobs().await, Vec::<String>::new());

        // Known persons, rows that fail and rows about one new person count as what they are.
        let fits = file(&["ana,ana@x.com", "cid,", "cid,cid@x.com", "dan,broken", ",cid@x.com"]);
        assert_eq!(figures(&vendor.import(fits).await), (4, 1));
        assert_eq!(vendor.persons().await.len(), 3);
        let imports = vendor.client.pages("/v1/imports?limit=10").await;
        assert_eq!((imports.len(), &imports[0]["dry_run"], &imports[0]["counts"]["created"]), (2, &json!(false), &json!(1)));

        // Whoever is above the quota already may still change persons.
        set(&vendor.client, json!(1)).await;
        assert_eq!(figures(&vendor.import(file(&["bob,bob@x.com"])).await), (1, 0));
        vendor.send(file(&["eve,"])).await.expect(402);
        assert_eq!(set(&vendor.client, Value::Null).await.get("person_quota"), None);
        assert_eq!(figures(&vendor.import(file(&["eve,"])).await), (1, 0));
    }

    async fn a_file_is_read_the_same_way_twice(stack) {
        let running = stack.start(&[]).await;
        let vendor = Vendor::of(&running.client).await;
        set(&vendor.client, json!(10)).await;
        let utf16: Vec<u8> = "\u{feff}slashid:usernames\r\nGöran\r\n\"a\"\"b\"\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(figures(&vendor.import(utf16).await), (2, 0));
        let names: Vec<String> = vendor.persons().await.iter().map(|person| person["username"].as_str().unwrap().to_owned()).collect();
        assert_eq!(names, ["Göran", "a\"b"]);
    }

    async fn the_quota_is_the_admins_to_set(stack) {
        let running = stack.start(&[]).await;
        let body = json!({"person_quota": 1});
        let writer = running.key_of("acme", &["imports:write", "records:write"]).await;
        writer.send_json(Method::PATCH, "/v1/organization", &body).await.expect(403);
        for wrong in [json!({"person_quota": -1}), json!({"person_quota": "1"}), json!({"person_quota": 1.5}), json!({"quota": 1})] {
            running.client.send_json(Method::PATCH, "/v1/organization", &wrong).await.expect(400);
        }
        let other = running.admin_of("other").await;
        set(&other, json!(0)).await;
        assert_eq!(running.client.get("/v1/organization").await.json().get("person_quota"), None, "each has its own");
        let vendor = Vendor::of(&other).await;
        vendor.send(file(&["ana,"])).await.expect(402);
    }
}

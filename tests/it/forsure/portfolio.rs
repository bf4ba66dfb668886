//! What spans clients: figures, collective accounts, and the catalogue, on the surface and on the native API.

use reqwest::Method;
use serde_json::json;

use super::{ask, at, catalogue, cells, credential, get, named, new_client, set_catalogue};
use harness::both_stacks;

both_stacks! {
    async fn stats_count_clients_and_credentials(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let nothing = json!({"total_clients": 0, "by_country": {}, "by_report_type": {}, "by_status": {}});
        assert_eq!(get(client, "/stats").await, nothing);
        let a = named(client, "a").await;
        let b = new_client(client, json!({"client_name": "b", "status": "active"})).await;
        new_client(client, json!({"client_name": "c", "status": "archived"})).await;
        credential(client, a, "DE", "p", "WEEE").await;
        credential(client, a, "DE", "p", "Packaging").await;
        credential(client, b, "FR", "p", "WEEE").await;
        let answer = client.get(&at("/stats")).await.expect(200);
        let expected = json!({
            "total_clients": 3,
            "by_country": {"DE": 2, "FR": 1},
            "by_report_type": {"WEEE": 2, "Packaging": 1},
            "by_status": {"active": 2, "archived": 1},
        });
        assert_eq!(answer.json(), expected);
        assert!(answer.text.starts_with(r#"{"total_clients":3,"by_country":"#), "{}", answer.text);
        assert_eq!(get(&running.admin_of("other").await, "/stats").await, nothing);
    }

    async fn collective_accounts_are_what_can_be_linked_to(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let one = new_client(client, json!({"client_name": "one", "collective_account": true})).await;
        let two = new_client(client, json!({"client_name": "two", "collective_account": true})).await;
        let (nl, de) = (credential(client, one, "NL", "p", "r").await, credential(client, one, "DE", "q", "r").await);
        let linked = credential(client, two, "NL", "p", "r").await;
        let ids = async |query: &str| {
            let found = get(client, &format!("/clients/collective-accounts?{query}")).await;
            found.as_array().unwrap().iter().map(|account| account["id"].as_i64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(ids("").await, [nl, de, linked]);
        assert_eq!(ids("country=nl").await, [nl, linked]);
        assert_eq!(ids("country=NL,DE&pro=q,x").await, [de]);
        ask(client, Method::PUT, &format!("/clients/{two}/credentials/NL/{linked}"), json!({"collective_account_id": nl})).await.expect(200);
        assert_eq!(ids("").await, [nl, de]);
        ask(client, Method::PUT, &format!("/clients/{one}"), json!({"collective_account": false})).await.expect(200);
        assert_eq!(ids("").await, Vec::<i64>::new());
    }

    async fn the_catalogue_is_set_as_a_whole(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        assert_eq!(client.get("/v1/report-types").await.expect(200).json(), json!({}));
        set_catalogue(client, &catalogue()).await;
        let rows = "select cast(id as text) || report_type as cell from report_types order by id";
        let before = cells(&running, rows).await;
        let new = json!({"DE": {"Stiftung EAR": ["Batteries", "WEEE"]}, "NL": {"Stichting Open": ["Packaging"]}});
        let untidy = json!({"de": {"Stiftung EAR ": ["WEEE", "Batteries", "WEEE"]}, "NL": {"Stichting Open": ["Packaging"]}, "FR": {"x": []}});
        let set = client.send_json(Method::PUT, "/v1/report-types", &untidy).await.expect(200).json();
        assert_eq!(set, new);
        assert_eq!(client.get("/v1/report-types").await.expect(200).json(), new);
        assert_eq!(get(client, "/report_types").await, new);
        let after = cells(&running, rows).await;
        assert_eq!(after.len(), 3);
        assert_eq!(before.iter().filter(|row| after.contains(row)).count(), 2, "what stays is not touched");
        let other = running.admin_of("other").await;
        assert_eq!(get(&other, "/report_types").await, json!({}));
        set_catalogue(&other, &json!({})).await;
        assert_eq!(get(client, "/report_types").await, new);
    }

    async fn a_catalogue_that_breaks_its_rules_is_not_set(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        set_catalogue(client, &catalogue()).await;
        let put = async |body: serde_json::Value| client.send_json(Method::PUT, "/v1/report-types", &body).await;
        let broken = put(json!({"DEU": {"x": ["WEEE"]}, "FR": {"x": [""]}})).await.expect(422).json();
        assert_eq!((&broken["code"], broken["errors"].as_array().unwrap().len()), (&json!("invalid-record"), 2));
        assert_eq!(broken["errors"][1]["pointer"], "/FR/x");
        let wrong = put(json!({"DE": ["WEEE"]})).await.expect(400).json();
        assert_eq!(wrong["errors"][0]["pointer"], "/DE");
        let many: Vec<String> = (0..10_001).map(|n| n.to_string()).collect();
        put(json!({"DE": {"x": many}})).await.expect(422);
        assert_eq!(client.get("/v1/report-types").await.expect(200).json(), catalogue());
        let reader = running.key_of("acme", &["records:read"]).await;
        reader.get("/v1/report-types").await.expect(200);
        reader.send_json(Method::PUT, "/v1/report-types", &json!({})).await.expect(403);
        let most: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
        put(json!({"DE": {"x": most}})).await.expect(200);
        put(json!({})).await.expect(200);
        assert_eq!(get(client, "/report_types").await, json!({}));
    }
}

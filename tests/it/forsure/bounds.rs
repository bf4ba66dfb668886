//! Values that cannot be used, and those that just can.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ask, at, get, named, new_client, new_credential, refused};
use harness::both_stacks;

both_stacks! {
    async fn parameters_that_cannot_be_used(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        for query in ["limit=0", "limit=1001", "limit=-1", "limit=x", "limit=1.5", "offset=-1", "offset=9223372036854775808", "country=DEU", "country=DE,1", "collective_account=maybe", "companyNameOnly=2"] {
            let name = query.split('=').next().unwrap();
            refused(client.get(&at(&format!("/clients?{query}"))).await, 400, &format!("Failed to get client overview: {name}"));
        }
        let id = named(client, "ABC").await;
        refused(client.get(&at(&format!("/clients/{id}/credentials/DEU"))).await, 400, "Failed to get client credentials: country");
        refused(client.get(&at(&format!("/clients/{id}/local-company-name/D"))).await, 400, "Failed to get local company name: country");
        refused(client.get(&at(&format!("/clients/{id}/credentials/search?showMissing=x"))).await, 400, "Failed to get client credentials: showMissing");
        refused(client.get(&at("/clients/collective-accounts?country=x")).await, 400, "Failed to get collective accounts: country");
        refused(client.get(&at("/stats?x=1")).await, 400, "Failed to get client stats: x");
    }

    async fn values_that_cannot_be_used(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = named(client, "ABC").await;
        let long = |bytes: usize| Value::from("x".repeat(bytes));
        let wrong = [
            ("client_name", json!(null)), ("client_name", json!("")), ("client_name", long(256)), ("client_name", json!("a\nb")), ("client_name", json!(1)),
            ("status", long(256)), ("status", json!("a\u{1b}b")), ("shared", json!("true")), ("notes", long(4_097)), ("notes", json!("a\u{0}")),
            ("client_organization", long(256)), ("collective_account", json!(1)), ("aliases", json!(["DE"])), ("aliases", json!({"DEU": "x"})),
            ("aliases", json!({"DE": 1})), ("aliases", json!({"DE": "a\nb"})),
        ];
        for (name, value) in wrong {
            let answer = ask(client, Method::PUT, &format!("/clients/{id}"), json!({name: value})).await;
            refused(answer, 400, &format!("Failed to update client: {name}: "));
        }
        let longest = json!({"client_name": long(255), "status": long(255), "notes": long(4_096), "client_organization": long(255), "aliases": {"DE": long(255)}});
        let longest = new_client(client, longest).await;
        assert_eq!(get(client, &format!("/clients/{longest}")).await["notes"], long(4_096));
        let ear = || json!({"report_types": ["WEEE"], "pro": "p", "login": "l", "password": "pw"});
        let wrong = [
            ("report_types", json!([])), ("report_types", json!("WEEE")), ("report_types", json!([""])), ("report_types", json!([long(256)])), ("report_types", json!(null)),
            ("pro", json!("")), ("pro", json!(null)), ("pro", long(256)), ("login", json!(null)), ("login", long(256)), ("password", json!(null)), ("password", long(1025)),
            ("registration_number", json!("a\nb")), ("notes", long(4_097)), ("extra_info", long(4_097)), ("interval", long(256)), ("collective_account_id", json!("5")),
            ("collective_account_id", json!(1.5)), ("status", json!("active")),
        ];
        for (name, value) in wrong {
            let mut body = ear();
            body[name] = value;
            let answer = ask(client, Method::POST, &format!("/clients/{id}/credentials/DE"), body).await;
            refused(answer, 400, &format!("Failed to create client credentials: {name}"));
        }
        for missing in ["report_types", "pro", "login", "password"] {
            let mut body = ear();
            body.as_object_mut().unwrap().remove(missing);
            let answer = ask(client, Method::POST, &format!("/clients/{id}/credentials/DE"), body).await;
            refused(answer, 400, &format!("Failed to create client credentials: {missing}: empty"));
        }
        assert_eq!(get(client, &format!("/clients/{id}/credentials/search")).await, json!([]), "nothing was made");
        let blank = json!({"report_types": ["WEEE"], "pro": "p", "login": "", "password": "", "notes": "a\nb", "extra_info": long(4_096)});
        let made = new_credential(client, id, "DE", blank).await;
        assert_eq!((&made["login"], &made["password"], &made["notes"]), (&Value::Null, &Value::Null, &json!("a\nb")));
        for body in [json!({}), json!({"alias": ""}), json!({"alias": null}), json!({"alias": "DE:"}), json!({"alias": long(256)})] {
            refused(ask(client, Method::POST, &format!("/clients/{id}/aliases"), body).await, 400, "Failed to add client aliases: alias: ");
        }
        for body in [json!({}), json!({"local_company_name": " "}), json!({"local_company_name": long(256)})] {
            let answer = ask(client, Method::POST, &format!("/clients/{id}/local-company-name/DE"), body).await;
            refused(answer, 400, "Failed to get local company name: local_company_name: ");
        }
    }
}

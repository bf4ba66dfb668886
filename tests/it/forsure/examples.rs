//! Every example of the document: the request as it is printed, the answer member by member. Only ids are ours.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ask, at, catalogue, get, named, new_client, new_credential, set_catalogue};
use harness::both_stacks;

/// The document's client.
fn abc(id: i64) -> Value {
    json!({
        "id": id,
        "name": "ABC Corporation",
        "status": "active",
        "shared": false,
        "aliases": {"UK": "ABC Corp", "DE": "ABC GmbH"},
        "notes": "Main client for WEEE compliance",
        "client_organization": null,
        "collective_account": false
    })
}

/// The document's request that makes it.
fn abc_input() -> Value {
    json!({
        "client_name": "ABC Corporation",
        "status": "active",
        "shared": false,
        "aliases": {"UK": "ABC Corp", "DE": "ABC GmbH"},
        "notes": "Main client for WEEE compliance"
    })
}

/// The document's request that makes a credential.
fn ear_input() -> Value {
    json!({
        "report_types": ["WEEE"],
        "pro": "Stiftung EAR",
        "login": "username@example.com",
        "password": "secure_password",
        "registration_number": "DE123456"
    })
}

/// Members in the order of the answer.
fn members(text: &str) -> Vec<&str> {
    let names = text.split('"').skip(1).step_by(2);
    names.filter(|name| text.contains(&format!("\"{name}\":"))).collect()
}

both_stacks! {
    async fn create_get_and_list(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let made = ask(client, Method::POST, "/clients", abc_input()).await.expect(200);
        let id = made.json()["id"].as_i64().unwrap();
        assert_eq!(made.json(), abc(id));
        let order = ["id", "name", "status", "shared", "aliases", "DE", "UK", "notes", "client_organization", "collective_account"];
        assert_eq!(members(&made.text), order);
        assert_eq!(get(client, &format!("/clients/{id}")).await, abc(id));
        new_credential(client, id, "DE", ear_input()).await;
        named(client, "XYZ").await;
        named(client, "Abc without a credential").await;
        let list = get(client, "/clients?search=ABC&country=DE,FR&status=active&offset=0&limit=10").await;
        assert_eq!(list, json!({"clients": [abc(id)], "total": 1, "offset": 0, "limit": 10}));
        let titled = get(client, "/clients?search=ABC&country=DE,FR&status=active&offset=0&limit=10&companyNameOnly=false&collective_account=false").await;
        assert_eq!(titled, list);
    }

    async fn update_client(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let mut input = abc_input();
        input["aliases"] = json!({"UK": "ABC Corp"});
        let id = new_client(client, input).await;
        let body = json!({"status": "archived", "notes": "Client no longer active as of 2024"});
        let changed = ask(client, Method::PUT, &format!("/clients/{id}"), body).await.expect(200).json();
        let expected = json!({
            "id": id,
            "name": "ABC Corporation",
            "status": "archived",
            "shared": false,
            "aliases": {"UK": "ABC Corp"},
            "notes": "Client no longer active as of 2024",
            "client_organization": null,
            "collective_account": false
        });
        assert_eq!(changed, expected);
        assert_eq!(get(client, &format!("/clients/{id}")).await, expected);
    }

    async fn delete_client(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = new_client(client, abc_input()).await;
        let gone = client.delete(&at(&format!("/clients/{id}"))).await.expect(200).json();
        assert_eq!(gone, json!({"message": "Client deleted successfully."}));
        assert_eq!(get(client, &format!("/clients/{id}")).await, json!({}));
        let again = client.delete(&at(&format!("/clients/{id}"))).await.expect(404).json();
        assert_eq!(again, json!({"detail": "Client not found"}));
    }

    async fn create_search_and_list_credentials(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = new_client(client, abc_input()).await;
        let path = format!("/clients/{id}/credentials/DE");
        let made = ask(client, Method::POST, &path, ear_input()).await.expect(200);
        let credential = made.json()["id"].as_i64().unwrap();
        let expected = json!({
            "id": credential,
            "country": "DE",
            "report_type": "WEEE",
            "pro": "Stiftung EAR",
            "login": "username@example.com",
            "password": "secure_password",
            "registration_number": "DE123456",
            "notes": null,
            "interval": null,
            "extra_info": null,
            "collective_account": false,
            "collective_account_id": null
        });
        assert_eq!(made.json(), expected);
        let order = ["id", "country", "report_type", "pro", "login", "password", "registration_number", "notes", "interval", "extra_info", "collective_account", "collective_account_id"];
        assert_eq!(members(&made.text), order);
        let body = json!({"notes": "Main credential", "interval": "quarterly"});
        ask(client, Method::PUT, &format!("{path}/{credential}"), body).await.expect(200);
        let listed = get(client, &path).await;
        let expected = json!([{
            "id": credential,
            "country": "DE",
            "report_type": "WEEE",
            "pro": "Stiftung EAR",
            "login": "username@example.com",
            "password": "secure_password",
            "registration_number": "DE123456",
            "notes": "Main credential",
            "interval": "quarterly",
            "extra_info": null
        }]);
        assert_eq!(listed, expected);
        let found = client.get(&at(&format!("/clients/{id}/credentials/search?search=DE&showMissing=true"))).await.expect(200);
        let expected = json!([{
            "id": credential,
            "country": "DE",
            "report_type": "WEEE",
            "pro": "Stiftung EAR",
            "login": "username@example.com",
            "password": "***",
            "registration_number": "DE123456",
            "status": "active",
            "notes": "Main credential"
        }]);
        assert_eq!(found.json(), expected);
        let order = ["id", "country", "report_type", "pro", "login", "password", "registration_number", "status", "notes"];
        assert_eq!(members(&found.text), order);
    }

    async fn update_and_delete_credential(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = new_client(client, abc_input()).await;
        let credential = new_credential(client, id, "DE", ear_input()).await["id"].as_i64().unwrap();
        let path = format!("/clients/{id}/credentials/DE/{credential}");
        let body = json!({"password": "new_secure_password", "notes": "Password updated on 2024-01-15"});
        let changed = ask(client, Method::PUT, &path, body).await.expect(200);
        let expected = json!({
            "id": credential,
            "country": "DE",
            "report_type": "WEEE",
            "pro": "Stiftung EAR",
            "login": "username@example.com",
            "password": "new_secure_password",
            "registration_number": "DE123456",
            "notes": "Password updated on 2024-01-15",
            "interval": null,
            "extra_info": null
        });
        assert_eq!(changed.json(), expected);
        let gone = client.delete(&at(&path)).await.expect(200).json();
        assert_eq!(gone, json!({"message": "Credential deleted successfully."}));
        assert_eq!(get(client, &format!("/clients/{id}/credentials/DE")).await, json!([]));
        let again = client.delete(&at(&path)).await.expect(404).json();
        assert_eq!(again, json!({"detail": "Credential not found"}));
    }

    async fn aliases(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = new_client(client, json!({"client_name": "ABC Corporation", "status": "active", "aliases": {"UK": "ABC Corp"}})).await;
        let added = ask(client, Method::POST, &format!("/clients/{id}/aliases"), json!({"alias": "DE:ABC GmbH"})).await.expect(200);
        let expected = json!({
            "id": id,
            "name": "ABC Corporation",
            "status": "active",
            "aliases": {"UK": "ABC Corp", "DE": "ABC GmbH"},
            "notes": null
        });
        assert_eq!(added.json(), expected);
        assert_eq!(members(&added.text), ["id", "name", "status", "aliases", "DE", "UK", "notes"]);
        let removed = client.delete(&at(&format!("/clients/{id}/aliases/DE%3AABC%20GmbH"))).await.expect(200).json();
        assert_eq!(removed, json!({"message": "Alias removed successfully."}));
        assert_eq!(get(client, &format!("/clients/{id}")).await["aliases"], json!({"UK": "ABC Corp"}));
        let again = client.delete(&at(&format!("/clients/{id}/aliases/DE%3AABC%20GmbH"))).await.expect(404).json();
        assert_eq!(again, json!({"detail": "Alias not found"}));
    }

    async fn local_company_name(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = new_client(client, json!({"client_name": "ABC Corporation"})).await;
        let path = format!("/clients/{id}/local-company-name/DE");
        assert_eq!(get(client, &path).await, json!({"local_company_name": null}));
        let set = ask(client, Method::POST, &path, json!({"local_company_name": "ABC GmbH"})).await.expect(200);
        let expected = json!({"id": id, "name": "ABC Corporation", "aliases": {"DE": "ABC GmbH"}, "notes": null});
        assert_eq!(set.json(), expected);
        assert_eq!(members(&set.text), ["id", "name", "aliases", "DE", "notes"]);
        assert_eq!(get(client, &path).await, json!({"local_company_name": "ABC GmbH"}));
    }

    async fn report_types(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        assert_eq!(get(client, "/report_types").await, json!({}));
        set_catalogue(client, &catalogue()).await;
        assert_eq!(get(client, "/report_types").await, catalogue());
    }

    async fn collective_accounts(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let input = json!({"client_name": "Collective Account - Stichting Open", "collective_account": true});
        let id = new_client(client, input).await;
        let body = json!({"report_types": ["Packaging"], "pro": "Stichting Open", "login": "collective@example.com", "password": "pw"});
        let credential = new_credential(client, id, "NL", body.clone()).await["id"].as_i64().unwrap();
        new_credential(client, id, "DE", body.clone()).await;
        new_credential(client, named(client, "No account").await, "NL", body).await;
        let answer = client.get(&at("/clients/collective-accounts?country=NL&pro=Stichting%20Open")).await.expect(200);
        let expected = json!([{
            "id": credential,
            "client_id": id,
            "country": "NL",
            "report_type": "Packaging",
            "pro": "Stichting Open",
            "login": "collective@example.com",
            "client_name": "Collective Account - Stichting Open"
        }]);
        assert_eq!(answer.json(), expected);
        assert_eq!(members(&answer.text), ["id", "client_id", "country", "report_type", "pro", "login", "client_name"]);
    }
}

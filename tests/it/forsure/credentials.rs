//! Credentials: several at once, what is missing, collective accounts, and passwords that only their callers see.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ask, at, catalogue, cells, credential, get, named, new_client, new_credential, refused, set_catalogue};
use harness::{Client, both_stacks};

const FAILED_TO_CREATE: &str = "Failed to create client credentials: ";
const FAILED_TO_UPDATE: &str = "Failed to update client credentials: ";

fn input(report_types: Value) -> Value {
    json!({"report_types": report_types, "pro": "Stiftung EAR", "login": "a@x.org", "password": "marked-secret-1"})
}

async fn account(client: &Client, name: &str) -> (i64, i64) {
    let id = new_client(client, json!({"client_name": name, "collective_account": true})).await;
    let body =
        json!({"report_types": ["Packaging"], "pro": "Stichting Open", "login": "c@x.org", "password": "shared"});
    let made = new_credential(client, id, "NL", body).await;
    (id, made["id"].as_i64().unwrap())
}

/// `login password` of each credential of a country.
async fn shown(client: &Client, id: i64, country: &str) -> Vec<String> {
    let list = get(client, &format!("/clients/{id}/credentials/{country}")).await;
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let items = list.as_array().unwrap().iter();
    items
        .map(|item| format!("{} {}", text(&item["login"]), text(&item["password"])))
        .collect()
}

both_stacks! {
    async fn several_report_types_are_several_credentials_or_none(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = named(client, "ABC").await;
        let path = format!("/clients/{id}/credentials/de");
        let first = new_credential(client, id, "de", input(json!(["WEEE", "Batteries", "WEEE"]))).await;
        assert_eq!((&first["report_type"], &first["country"]), (&json!("WEEE"), &json!("DE")));
        let taken = ask(client, Method::POST, &path, input(json!(["Packaging", "Batteries"]))).await;
        refused(taken, 400, &format!("{FAILED_TO_CREATE}report_types: the client has another credential"));
        let list = get(client, &path).await;
        let types: Vec<&Value> = list.as_array().unwrap().iter().map(|item| &item["report_type"]).collect();
        assert_eq!(types, ["WEEE", "Batteries"], "all or none");
        let rename = json!({"report_types": ["Batteries"]});
        let renamed = ask(client, Method::PUT, &format!("{path}/{}", first["id"]), rename).await;
        refused(renamed, 400, &format!("{FAILED_TO_UPDATE}report_types: the client has another credential"));
        let several = json!({"report_types": ["A", "B"]});
        let several = ask(client, Method::PUT, &format!("{path}/{}", first["id"]), several).await;
        refused(several, 400, &format!("{FAILED_TO_UPDATE}report_types: several"));
        let moved = json!({"report_types": ["Packaging"], "pro": "Zentek", "login": null, "password": ""});
        let moved = ask(client, Method::PUT, &format!("{path}/{}", first["id"]), moved).await.expect(200).json();
        assert_eq!((&moved["report_type"], &moved["pro"]), (&json!("Packaging"), &json!("Zentek")));
        assert_eq!((&moved["login"], &moved["password"]), (&Value::Null, &Value::Null));
    }

    async fn a_search_shows_what_is_held_and_what_is_missing(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        set_catalogue(client, &catalogue()).await;
        let id = named(client, "ABC").await;
        let held = credential(client, id, "DE", "Stiftung EAR", "WEEE").await;
        credential(client, id, "AT", "ERA", "Packaging").await;
        let ids = async |query: &str| {
            let found = get(client, &format!("/clients/{id}/credentials/search?{query}")).await;
            let items = found.as_array().unwrap().iter();
            items.map(|item| format!("{}{}", item["country"].as_str().unwrap(), if item["id"].is_null() { "?" } else { "" })).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(ids("").await, "DE AT");
        assert_eq!(ids("showMissing=false&search=era").await, "AT");
        assert_eq!(ids("showMissing=True").await, "DE AT FR? NL?");
        assert_eq!(ids("showMissing=true&search=packaging").await, "AT FR? NL?");
        assert_eq!(ids("showMissing=true&search=OPEN").await, "NL?");
        assert_eq!(ids("showMissing=true&search=%25").await, "");
        let found = get(client, &format!("/clients/{id}/credentials/search?showMissing=true&search=NL")).await;
        let placeholder = json!([{
            "id": null, "country": "NL", "report_type": "Packaging", "pro": "Stichting Open", "login": null, "password": null,
            "registration_number": null, "status": "missing", "notes": null,
        }]);
        assert_eq!(found, placeholder);
        ask(client, Method::PUT, &format!("/clients/{id}/credentials/DE/{held}"), json!({"password": null})).await.expect(200);
        let found = get(client, &format!("/clients/{id}/credentials/search?search=WEEE")).await;
        assert_eq!(found[0]["password"], Value::Null, "there is none to hide");
    }

    async fn linked_credentials_show_the_account_as_it_is(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let (owner, account) = account(client, "Collective").await;
        let id = named(client, "ABC").await;
        let link = json!({"report_types": ["Packaging"], "pro": "Stichting Open", "collective_account": true, "collective_account_id": account});
        let made = new_credential(client, id, "NL", link).await;
        assert_eq!((&made["login"], &made["password"]), (&json!("c@x.org"), &json!("shared")));
        assert_eq!((&made["collective_account"], &made["collective_account_id"]), (&json!(true), &json!(account)));
        let own = json!({"report_types": ["WEEE"], "pro": "Stichting Open", "login": "own", "password": "own-pw"});
        let own = new_credential(client, id, "NL", own).await["id"].as_i64().unwrap();
        let changed = json!({"login": "c2@x.org", "password": "shared-2"});
        ask(client, Method::PUT, &format!("/clients/{owner}/credentials/NL/{account}"), changed).await.expect(200);
        assert_eq!(shown(client, id, "NL").await, ["c2@x.org shared-2", "own own-pw"]);
        let path = format!("/clients/{id}/credentials/NL/{own}");
        let linked = ask(client, Method::PUT, &path, json!({"collective_account_id": account})).await.expect(200).json();
        assert_eq!(linked["login"], "c2@x.org");
        let kept = ask(client, Method::PUT, &path, json!({"collective_account": true, "password": "own-pw-2"})).await.expect(200).json();
        assert_eq!(kept["password"], "shared-2", "its own is kept for later");
        ask(client, Method::PUT, &path, json!({"collective_account": false})).await.expect(200);
        assert_eq!(shown(client, id, "NL").await, ["c2@x.org shared-2", "own own-pw-2"]);
        let found = get(client, &format!("/clients/{id}/credentials/search")).await;
        assert_eq!((&found[0]["login"], &found[0]["password"]), (&json!("c2@x.org"), &json!("***")));
        client.delete(&at(&format!("/clients/{owner}"))).await.expect(200);
        assert_eq!(shown(client, id, "NL").await, ["- -", "own own-pw-2"]);
        let versions = cells(&running, "select cast(version as text) as cell from clients").await;
        assert_eq!(versions, ["7"], "the end of a link is a change of the client that had it");
    }

    async fn links_that_cannot_be_are_refused(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let (owner, account) = account(client, "Collective").await;
        let (second, other_account) = self::account(client, "Collective 2").await;
        let id = named(client, "ABC").await;
        let plain = credential(client, id, "DE", "p", "r").await;
        let foreign = self::account(&running.admin_of("other").await, "Collective").await.1;
        let path = format!("/clients/{id}/credentials/DE");
        let with = |id: Value| json!({"report_types": ["WEEE"], "pro": "x", "collective_account_id": id});
        for absent in [foreign, plain, 4711, 0, -1] {
            let answer = ask(client, Method::POST, &path, with(json!(absent))).await;
            refused(answer, 400, &format!("{FAILED_TO_CREATE}collective_account_id: there is no such collective account."));
            let answer = ask(client, Method::PUT, &format!("{path}/{plain}"), json!({"collective_account_id": absent})).await;
            refused(answer, 400, &format!("{FAILED_TO_UPDATE}collective_account_id: there is no such collective account."));
        }
        let without = json!({"report_types": ["WEEE"], "pro": "x", "collective_account": true});
        refused(ask(client, Method::POST, &path, without).await, 400, &format!("{FAILED_TO_CREATE}collective_account_id: empty"));
        let alone = ask(client, Method::PUT, &format!("{path}/{plain}"), json!({"collective_account": true})).await;
        refused(alone, 400, &format!("{FAILED_TO_UPDATE}collective_account_id: empty"));
        let both = json!({"collective_account": false, "collective_account_id": account});
        let both = ask(client, Method::PUT, &format!("{path}/{plain}"), both).await;
        refused(both, 400, &format!("{FAILED_TO_UPDATE}collective_account_id: contradicts"));
        ask(client, Method::PUT, &format!("{path}/{plain}"), json!({"collective_account_id": account})).await.expect(200);
        let linked_to = format!("/clients/{owner}/credentials/NL/{account}");
        for other in [other_account, account] {
            let answer = ask(client, Method::PUT, &linked_to, json!({"collective_account_id": other})).await;
            refused(answer, 400, &format!("{FAILED_TO_UPDATE}collective_account_id: other credentials are linked"));
        }
        let second = format!("/clients/{second}/credentials/NL/{other_account}");
        ask(client, Method::PUT, &second, json!({"collective_account_id": account})).await.expect(200);
        let answer = ask(client, Method::POST, &path, with(json!(other_account))).await;
        refused(answer, 400, &format!("{FAILED_TO_CREATE}collective_account_id: that credential is linked"));
    }

    async fn a_deleted_client_leaves_nothing(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = new_client(client, json!({"client_name": "ABC", "aliases": {"DE": "x", "": "y"}})).await;
        credential(client, id, "DE", "p", "r").await;
        client.delete(&at(&format!("/clients/{id}"))).await.expect(200);
        for table in ["clients", "client_aliases", "credentials"] {
            let count = cells(&running, &format!("select cast(count(*) as text) as cell from {table}")).await;
            assert_eq!(count, ["0"], "{table}");
        }
    }

    async fn passwords_lie_sealed_and_show_to_their_callers_only(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = named(client, "ABC").await;
        let path = format!("/clients/{id}/credentials/DE");
        let made = new_credential(client, id, "DE", input(json!(["WEEE", "Batteries"]))).await;
        let mut secrets = cells(&running, "select password as cell from credentials").await;
        assert!(secrets.iter().all(|sealed| sealed.starts_with("s1.") && !sealed.contains("marked-secret")));
        assert_ne!(secrets[0], secrets[1], "one password, two seals");
        let one = format!("{path}/{}", made["id"]);
        ask(client, Method::PUT, &one, json!({"password": "marked-secret-2 \u{e9}\u{1f511}"})).await.expect(200);
        let all = get(client, &path).await;
        assert_eq!(all[0]["password"], "marked-secret-2 \u{e9}\u{1f511}");
        assert_eq!(all[1]["password"], "marked-secret-1");
        secrets.extend(cells(&running, "select password as cell from credentials").await);
        for wrong in [json!({"password": ["marked-secret-3"]}), json!({"password": "***"}), json!({"password": "marked-secret-4\u{0}"})] {
            let answer = ask(client, Method::PUT, &one, wrong).await.expect(400);
            assert!(!answer.text.contains("marked-secret"), "{}", answer.text);
        }
        let reader = running.key_of("acme", &["records:read"]).await;
        assert_eq!(get(&reader, &path).await, all);
        for role in [running.front(), running.back()] {
            let log = running.log(role);
            assert!(!log.contains("marked-secret") && !secrets.iter().any(|sealed| log.contains(sealed)), "{log}");
        }
        let dump = cells(&running, "select login || coalesce(password, '') || coalesce(notes, '') as cell from credentials").await;
        assert!(!dump.concat().contains("marked-secret"));
    }
}

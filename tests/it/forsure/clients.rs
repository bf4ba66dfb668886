//! Clients: what a filter lets through, pages, names, and what a change leaves alone.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ask, at, cells, credential, get, named, new_client, refused};
use harness::{Client, both_stacks};

/// The names that a list shows.
async fn names(client: &Client, query: &str) -> Vec<String> {
    let list = get(client, &format!("/clients?limit=1000&{query}")).await;
    let clients = list["clients"].as_array().unwrap();
    assert_eq!(list["total"], clients.len(), "{query}");
    clients
        .iter()
        .map(|client| client["name"].as_str().unwrap().to_owned())
        .collect()
}

async fn change(client: &Client, id: i64, body: Value) -> Value {
    ask(client, Method::PUT, &format!("/clients/{id}"), body)
        .await
        .expect(200)
        .json()
}

both_stacks! {
    async fn filters_let_through_what_they_say(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let a = named(client, "a").await;
        let b = new_client(client, json!({"client_name": "b", "status": "archived"})).await;
        let c = new_client(client, json!({"client_name": "c", "status": "on hold", "collective_account": true})).await;
        new_client(client, json!({"client_name": "d", "status": "active", "collective_account": false})).await;
        credential(client, a, "DE", "Stiftung EAR", "WEEE").await;
        credential(client, a, "fr", "Eco, Emballages", "Packaging").await;
        credential(client, b, "DE", "Stiftung EAR", "Batteries").await;
        credential(client, c, "NL", "Stichting Open", "Packaging").await;
        for (query, expected) in [
            ("", "abcd"),
            ("status=active", "ad"),
            ("status=archived,on%20hold", "bc"),
            ("status=Active", ""),
            ("country=DE", "ab"),
            ("country=de,nl", "abc"),
            ("country=", "abcd"),
            ("report_type=Packaging", "ac"),
            ("report_type=packaging", ""),
            ("pro=Stiftung%20EAR,Stichting%20Open", "abc"),
            ("country=FR&report_type=WEEE", ""),
            ("country=DE,FR&report_type=WEEE,Batteries&pro=Stiftung%20EAR", "ab"),
            ("country=DE&status=archived", "b"),
            ("collective_account=true", "c"),
            ("collective_account=True", "c"),
            ("collective_account=false", "abd"),
            ("collective_account=False&country=DE&search=A", "a"),
        ] {
            assert_eq!(names(client, query).await.concat(), expected, "{query}");
        }
    }

    async fn a_search_takes_every_character_as_it_is(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        named(client, "ÅSTRÖM AB").await;
        new_client(client, json!({"client_name": "one", "client_organization": "Åström Group"})).await;
        new_client(client, json!({"client_name": "two", "aliases": {"SE": "åström", "": "100% Berg; Tal_1"}})).await;
        named(client, r"back\slash").await;
        for (query, expected) in [
            ("search=%C3%A5str%C3%B6m", vec!["ÅSTRÖM AB", "one", "two"]),
            ("search=%C3%A5str%C3%B6m&companyNameOnly=true", vec!["ÅSTRÖM AB"]),
            ("search=%25", vec!["two"]),
            ("search=0%25%20b", vec!["two"]),
            ("search=l_1", vec!["two"]),
            ("search=_", vec!["two"]),
            (r"search=%5C", vec![r"back\slash"]),
            ("search=%27%20or%201%3D1", vec![]),
            ("search=", vec!["ÅSTRÖM AB", "one", "two", r"back\slash"]),
        ] {
            assert_eq!(names(client, query).await, expected, "{query}");
        }
    }

    async fn pages_cover_the_list_once(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        for n in 0..25 {
            named(client, &format!("client {n:02}")).await;
        }
        let mut seen = Vec::new();
        for offset in [0, 10, 20, 30] {
            let page = get(client, &format!("/clients?search=client&offset={offset}")).await;
            assert_eq!((&page["total"], &page["offset"], &page["limit"]), (&json!(25), &json!(offset), &json!(10)));
            seen.extend(page["clients"].as_array().unwrap().iter().map(|client| client["id"].as_i64().unwrap()));
        }
        assert_eq!(seen.len(), 25);
        assert!(seen.is_sorted_by(|a, b| a < b), "by number: {seen:?}");
        let far = get(client, "/clients?offset=9223372036854775807&limit=1000").await;
        assert_eq!((&far["clients"], &far["total"]), (&json!([]), &json!(25)));
    }

    async fn a_name_is_one_clients_of_an_organization(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let one = named(client, "ABC").await;
        let taken = ask(client, Method::POST, "/clients", json!({"client_name": " ABC "})).await;
        refused(taken, 400, "Failed to create client: client_name: another client has this name.");
        let two = named(client, "abc").await;
        let renamed = ask(client, Method::PUT, &format!("/clients/{two}"), json!({"client_name": "ABC", "notes": "x"})).await;
        refused(renamed, 400, "Failed to update client: client_name: another client has this name.");
        assert_eq!(get(client, &format!("/clients/{two}")).await["notes"], Value::Null, "nothing was changed");
        assert_eq!(change(client, one, json!({"client_name": "ABC"})).await["name"], "ABC");
        let other = running.admin_of("other").await;
        named(&other, "ABC").await;
    }

    async fn a_change_touches_what_it_names(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let full = json!({
            "client_name": "ABC", "status": "paused", "shared": true, "notes": "line 1\nline 2\t", "client_organization": "Group",
            "collective_account": true, "aliases": {"de": "ABC GmbH", "UK": "ABC Ltd", "": "A; B"},
        });
        let id = new_client(client, full).await;
        let shown = get(client, &format!("/clients/{id}")).await;
        assert_eq!(shown["aliases"], json!({"DE": "ABC GmbH", "UK": "ABC Ltd", "": "A; B"}));
        assert_eq!(shown["notes"], "line 1\nline 2");
        assert_eq!(change(client, id, json!({})).await, shown);
        let merged = change(client, id, json!({"aliases": {"DE": "ABC AG", "UK": null, "FR": "ABC SA", "NL": ""}})).await;
        assert_eq!(merged["aliases"], json!({"DE": "ABC AG", "FR": "ABC SA", "": "A; B"}));
        let globals = change(client, id, json!({"aliases": {"": "C"}})).await;
        assert_eq!(globals["aliases"], json!({"DE": "ABC AG", "FR": "ABC SA", "": "C"}));
        let cleared = json!({"status": null, "shared": null, "notes": "", "client_organization": null, "collective_account": null, "aliases": null});
        let cleared = change(client, id, cleared).await;
        let expected = json!({
            "id": id, "name": "ABC", "status": "active", "shared": false, "notes": null, "client_organization": null,
            "collective_account": false, "aliases": {"DE": "ABC AG", "FR": "ABC SA", "": "C"},
        });
        assert_eq!(cleared, expected);
    }

    async fn aliases_are_added_and_removed_as_text(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = named(client, "ABC").await;
        let path = format!("/clients/{id}/aliases");
        for alias in ["dk:ABC A/S", "Bravo", "DK:ABC A/S & Søn", "Alpha", "Bravo", "ABC: the company"] {
            ask(client, Method::POST, &path, json!({"alias": alias})).await.expect(200);
        }
        let aliases = json!({"DK": "ABC A/S & Søn", "": "ABC: the company; Alpha; Bravo"});
        assert_eq!(get(client, &format!("/clients/{id}")).await["aliases"], aliases);
        for (alias, status) in [("DK%3AABC%20A%2FS", 404), ("DK%3AABC%20A%2FS%20%26%20S%C3%B8n", 200), ("Alpha", 200), ("ABC:%20the%20company", 200), ("alpha", 404)] {
            client.delete(&at(&format!("{path}/{alias}"))).await.expect(status);
        }
        ask(client, Method::POST, &path, json!({"alias": "SE:A/B AB"})).await.expect(200);
        client.delete(&at(&format!("{path}/SE:A/B%20AB"))).await.expect(200);
        assert_eq!(get(client, &format!("/clients/{id}")).await["aliases"], json!({"": "Bravo"}));
        let semicolon = ask(client, Method::POST, &path, json!({"alias": "A; B"})).await;
        refused(semicolon, 400, "Failed to add client aliases: alias: holds a semicolon");
        let local = format!("/clients/{id}/local-company-name/se");
        ask(client, Method::POST, &local, json!({"local_company_name": "A; B AB"})).await.expect(200);
        assert_eq!(get(client, &local).await, json!({"local_company_name": "A; B AB"}));
    }

    async fn an_import_beside_would_see_every_change(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = named(client, "ABC").await;
        let path = format!("/clients/{id}");
        let version = async || {
            let query = format!("select cast(version as text) as cell from clients where id = {id} and content_hash is null");
            cells(&running, &query).await.concat().parse::<i64>().unwrap()
        };
        assert_eq!(version().await, 1);
        change(client, id, json!({"notes": "x"})).await;
        ask(client, Method::POST, &format!("{path}/aliases"), json!({"alias": "DE:x"})).await.expect(200);
        ask(client, Method::POST, &format!("{path}/local-company-name/DE"), json!({"local_company_name": "y"})).await.expect(200);
        client.delete(&at(&format!("{path}/aliases/DE:y"))).await.expect(200);
        assert_eq!(version().await, 5);
        let credential = credential(client, id, "DE", "p", "r").await;
        ask(client, Method::PUT, &format!("{path}/credentials/DE/{credential}"), json!({"notes": "x"})).await.expect(200);
        client.delete(&at(&format!("{path}/credentials/DE/{credential}"))).await.expect(200);
        assert_eq!(version().await, 8);
        client.delete(&at(&format!("{path}/credentials/DE/{credential}"))).await.expect(404);
        client.delete(&at(&format!("{path}/aliases/DE:y"))).await.expect(404);
        assert_eq!(version().await, 8, "what changed nothing is no change");
    }

    async fn of_many_writers_none_is_lost(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = named(client, "ABC").await;
        let writers: Vec<_> = (0..20)
            .map(|n| {
                let client = client.clone();
                tokio::spawn(async move {
                    let body = json!({"alias": format!("alias {n:02}")});
                    ask(&client, Method::POST, &format!("/clients/{id}/aliases"), body).await.expect(200);
                    super::credential(&client, id, "DE", "p", &format!("r{n}")).await;
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let aliases = get(client, &format!("/clients/{id}")).await["aliases"][""].as_str().unwrap().to_owned();
        assert_eq!(aliases.split("; ").count(), 20, "{aliases}");
        assert_eq!(get(client, &format!("/clients/{id}/credentials/DE")).await.as_array().unwrap().len(), 20);
        let version = cells(&running, "select cast(version as text) as cell from clients").await;
        assert_eq!(version, ["41"]);
    }
}

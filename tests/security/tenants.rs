//! Another organization's ids and names where they are no part of a path: in queries, bodies, rows, cursors, idempotency keys and
//! credentials. They do what nobody's would do, and nothing of the owner's comes back.

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use harness::{Answer, Client, Role, Running, both_stacks};

/// In every text of the owner's, and in nothing that the other one sends.
const MARK: &str = "tEnAnTbMaRk";

/// What the owner has.
struct Owned {
    client: Client,
    import: i64,
    user: i64,
    saas_client: i64,
    collective: i64,
    cursor: String,
    organization: String,
}

async fn own(running: &Running) -> Owned {
    let client = running.admin_of(MARK).await;
    let rows = format!("source_id,email,username\n{MARK}1,a@{MARK}.com,{MARK}\n{MARK}2,b@{MARK}.com,\n,broken{MARK}\n");
    let import = client.import("resource=users&source=hr", rows).await;
    client.wait_final(import).await;
    let body = json!({"client_name": MARK, "collective_account": true});
    let saas_client = id(&client.send_json(Method::POST, "/saas/logins/clients", &body).await);
    let body = json!({"report_types": ["WEEE"], "pro": MARK, "login": MARK, "password": MARK});
    let path = format!("/saas/logins/clients/{saas_client}/credentials/DE");
    let collective = id(&client.send_json(Method::POST, &path, &body).await);
    let page = client.get("/v1/users?limit=1").await.expect(200).json();
    let organization = client.get("/v1/organization").await.expect(200).json();
    Owned {
        user: page["data"][0]["id"].as_i64().unwrap(),
        cursor: page["next_cursor"].as_str().unwrap().to_owned(),
        organization: organization["id"].as_str().unwrap().to_owned(),
        client,
        import,
        saas_client,
        collective,
    }
}

fn id(answer: &Answer) -> i64 {
    assert!(answer.status < 300, "{}", answer.text);
    answer.json()["id"].as_i64().unwrap()
}

/// Status and text without what the request itself brought, and never a mark.
fn seen(answer: &Answer, said: &str) -> (u16, String) {
    let headers: &HeaderMap = &answer.headers;
    assert!(!format!("{headers:?}").contains(MARK), "{headers:?}");
    let text = answer.text.replace(answer.header("x-request-id"), "…");
    let text = if said.is_empty() {
        text
    } else {
        text.replace(said, "…")
    };
    assert!(!text.contains(MARK), "{text}");
    (answer.status, text)
}

/// What the owner has is still what it was.
async fn inventory(owned: &Owned) -> Value {
    let client = &owned.client;
    let credentials = format!("/saas/logins/clients/{}/credentials/DE", owned.saas_client);
    json!([
        client.users().await,
        client.show(owned.import).await,
        client.get(&credentials).await.expect(200).json(),
        client.get("/saas/logins/clients").await.expect(200).json(),
    ])
}

both_stacks! {
    async fn somebody_elses_ids_and_names_find_nothing_anywhere(stack) {
        let running = stack.start(&[]).await;
        let owned = own(&running).await;
        let other = running.admin_of("other").await;
        let before = inventory(&owned).await;
        queries(&owned, &other).await;
        bodies(&owned, &other).await;
        rows(&owned, &other).await;
        assert_eq!(inventory(&owned).await, before, "nothing was touched");
        for role in [Role::Serve, Role::Api, Role::Worker] {
            assert!(!running.log(role).contains(MARK), "{role:?}");
        }
    }

    async fn an_idempotency_key_belongs_to_its_organization(stack) {
        let running = stack.start(&[]).await;
        let (owner, other) = (running.client.clone(), running.admin_of("other").await);
        let post = async |client: &Client, file: &str| {
            let request = client.csv_request("resource=users&source=hr", file.to_owned());
            client.send(request.header("Idempotency-Key", "the same")).await
        };
        let first = post(&owner, "source_id\n1\n").await.expect(202);
        for file in ["source_id\n1\n", "source_id\n2\n"] {
            let theirs = running.admin_of(&format!("other of {}", file.len() + usize::from(file.contains('2')))).await;
            let answer = post(&theirs, file).await.expect(202);
            assert_eq!(answer.header("idempotent-replayed"), "", "their own import");
            assert_ne!(answer.json()["id"], first.json()["id"]);
        }
        assert_eq!(post(&owner, "source_id\n1\n").await.expect(202).header("idempotent-replayed"), "true");
        post(&owner, "source_id\n2\n").await.expect(422);
        assert!(other.pages("/v1/imports?limit=10").await.is_empty());
    }

    async fn credentials_of_two_organizations_do_not_add_up(stack) {
        let running = stack.start(&[]).await;
        let owned = own(&running).await;
        let other = running.admin_of("other").await;
        let key_id = |client: &Client| client.key.split('_').nth(1).unwrap().to_owned();
        let stranger = running.stranger();
        let profiles = json!({"Profiles": [{"UserName": "x"}]});
        for (id, status) in [(key_id(&other), 200), (key_id(&owned.client), 401), ("abcdefghijkl".to_owned(), 401)] {
            let path = format!("/v2/bulk/upsert?apikey={id}&apisecret={}", other.key);
            assert_eq!(stranger.send_json(Method::POST, &path, &profiles).await.status, status, "{id}");
        }
        let theirs = other.get("/v1/organization").await.json()["id"].as_str().unwrap().to_owned();
        let nobodys = "018f4f5e-0000-7000-8000-000000000000".to_owned();
        for (organization, status) in [(theirs, 200), (owned.organization.clone(), 401), (nobodys, 401)] {
            let request = other.request(Method::GET, "/persons/bulk-import").header("SlashID-OrgID", organization);
            assert_eq!(other.send(request).await.status, status);
        }
    }
}

/// In the query of a call: a reference, a cursor, a filter.
async fn queries(owned: &Owned, other: &Client) {
    for (theirs, nobodys) in [
        (format!("retry_of={}", owned.import), "retry_of=4711"),
        (
            format!("retry_of={}&dry_run=true", owned.import),
            "retry_of=4711&dry_run=true",
        ),
    ] {
        let theirs = other
            .post_csv(&format!("resource=users&{theirs}"), "source_id\n1\n")
            .await;
        let nobodys = other
            .post_csv(&format!("resource=users&{nobodys}"), "source_id\n1\n")
            .await;
        assert_eq!(theirs.status, 400, "{}", theirs.text);
        assert_eq!(
            seen(&theirs, &format!("retry_of is {}", owned.import)),
            seen(&nobodys, "retry_of is 4711")
        );
    }
    let path = |cursor: &str| format!("/v1/users?limit=1&cursor={cursor}");
    let forged: String = owned.cursor.chars().rev().collect();
    let (theirs, forged) = (other.get(&path(&owned.cursor)).await, other.get(&path(&forged)).await);
    assert_eq!(theirs.status, 400, "{}", theirs.text);
    assert_eq!(seen(&theirs, ""), seen(&forged, ""));
    owned.client.get(&path(&owned.cursor)).await.expect(200);
    for list in ["/v1/imports", "/v1/users"] {
        let path = format!("{list}?cursor={}", owned.cursor);
        assert_eq!(other.get(&path).await.status, 400, "{path}");
    }
    for filter in [
        "source=hr",
        &format!("email=a@{MARK}.com"),
        &format!("username={MARK}"),
        &format!("q={MARK}"),
    ] {
        let page = other.get(&format!("/v1/users?{filter}")).await.expect(200);
        assert_eq!(page.json()["data"], json!([]), "{filter}");
        seen(&page, "");
    }
    for path in [
        format!("clients?search={MARK}"),
        "clients?status=active".to_owned(),
        "clients/collective-accounts".to_owned(),
        "stats".to_owned(),
        "report_types".to_owned(),
    ] {
        seen(&other.get(&format!("/saas/logins/{path}")).await.expect(200), "");
    }
}

/// In the body of a call: a parent, a link, a reference.
async fn bodies(owned: &Owned, other: &Client) {
    let propeller = async |parent: Value, said: &str| {
        let body = json!({"users": [{"source": "erp", "sourceId": 7, "parent": parent}]});
        seen(
            &other
                .send_json(Method::POST, "/users/bulk/sourceId", &body)
                .await
                .expect(200),
            said,
        )
    };
    let theirs = propeller(json!({"id": owned.user}), "").await;
    assert_eq!(theirs, propeller(json!({"id": 4711}), "").await);
    let by_source = propeller(
        json!({"source": "hr", "sourceId": format!("{MARK}1")}),
        &format!("{MARK}1"),
    )
    .await;
    assert_eq!(
        by_source,
        propeller(json!({"source": "hr", "sourceId": "nobody"}), "nobody").await
    );
    let mine = id(&other
        .send_json(Method::POST, "/saas/logins/clients", &json!({"client_name": "mine"}))
        .await);
    let path = format!("/saas/logins/clients/{mine}/credentials/DE");
    let link = |to: i64| json!({"report_types": ["WEEE"], "pro": "EAR", "collective_account_id": to});
    let theirs = other.send_json(Method::POST, &path, &link(owned.collective)).await;
    let nobodys = other.send_json(Method::POST, &path, &link(4711)).await;
    assert_eq!(theirs.status, 400, "{}", theirs.text);
    assert_eq!(seen(&theirs, ""), seen(&nobodys, ""));
    for path in [format!(
        "/saas/logins/clients/{mine}/credentials/DE/{}",
        owned.collective
    )] {
        let theirs = other.send_json(Method::PUT, &path, &json!({"notes": "x"})).await;
        assert_eq!((theirs.status, theirs.text.contains(MARK)), (404, false));
        assert_eq!(other.delete(&path).await.status, 404);
    }
}

/// In the rows of a file: a parent, the same key, the same name, the same handle.
async fn rows(owned: &Owned, other: &Client) {
    let file = format!("source_id,email\n{MARK}1,own@example.com\n");
    let import = other.import("resource=users&source=hr", file).await;
    let import = other.wait_final(import).await;
    assert_eq!(import["counts"]["created"], 1, "a record of their own: {import}");
    let file = format!("source_id,email\n{MARK}1,own@example.com\n");
    let import = other.import("resource=users&source=hr&mode=update", file).await;
    other.wait_final(import).await;
    let persons = format!("slashid:emails,slashid:usernames\na@{MARK}.com,{MARK}\n");
    let organization = other.get("/v1/organization").await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let part = reqwest::multipart::Part::text(persons)
        .file_name("p.csv")
        .mime_str("text/csv")
        .unwrap();
    let request = other
        .request(Method::POST, "/persons/bulk-import")
        .header("SlashID-OrgID", organization);
    let answer = other
        .send(request.multipart(reqwest::multipart::Form::new().part("persons", part)))
        .await;
    assert_eq!(answer.expect(200).json()["result"]["successful_imports"], 1);
    let users = other.users().await;
    assert!(
        users.iter().all(|user| user["id"].as_i64() != Some(owned.user)),
        "{users:?}"
    );
}

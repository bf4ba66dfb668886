//! The propeller surface, as its document says: users by source id, an outcome for each, and its envelope for everything else.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use harness::{Answer, Client, both_stacks};

const PATH: &str = "/users/bulk/sourceId";

/// Every field of the document: its table of fields, and its schema of the body, which it prints without values.
fn full_user() -> Value {
    json!({
        "source": "MyERP", "sourceId": 3002196, "language": "NL", "debtorId": 12345, "firstName": "Ana", "middleName": "de", "lastName": "Silva",
        "fullName": "Ana de Silva", "title": "Dr", "dateOfBirth": "31/12/1980", "gender": "F", "login": "ana", "phone": "+31 26 123456",
        "mobile": "0031612345678", "email": "ana@example.com", "company": "ACME", "taxNumber": "NL001", "cocNumber": "12345678",
        "primaryLanguage": "NL", "abbreviation": "AdS",
        "attributes": [{"class": "profile", "name": "segment", "type": "text", "value": "gold"}],
        "addresses": [{"code": "delivery", "street": "Noordpad", "number": 34, "numberExtension": "A", "postalCode": "6822 DE", "city": "Arnhem", "country": "NL"}],
    })
}

async fn post(client: &Client, body: impl Into<String>) -> Answer {
    let request = client.request(Method::POST, PATH);
    client
        .send(request.header(CONTENT_TYPE, "application/json").body(body.into()))
        .await
}

/// Users that must be taken; gives the outcomes, and checks the frame around them.
async fn upsert(client: &Client, users: Value) -> Vec<Value> {
    let count = users.as_array().unwrap().len();
    let answer = post(client, json!({"users": users}).to_string()).await.expect(200);
    let body = answer.json();
    assert_eq!(
        (&body["messages"], &body["total"]),
        (&json!(["Completed"]), &json!(count))
    );
    let data = body["data"].as_array().unwrap().clone();
    assert_eq!(data.len(), count);
    data
}

/// The action of each outcome, or why it failed.
fn told(data: &[Value]) -> Vec<String> {
    let word = |item: &Value| {
        let text = if item["success"] == true {
            &item["action"]
        } else {
            &item["message"]
        };
        text.as_str().unwrap_or("nothing").to_owned()
    };
    data.iter().map(word).collect()
}

async fn user(client: &Client, id: &str) -> Value {
    client
        .get(&format!("/v1/users/by-source/{id}"))
        .await
        .expect(200)
        .json()
}

fn plain(id: u64) -> Value {
    json!({"source": "crm", "sourceId": id})
}

/// A user with a parent.
fn child(id: u64, parent: Value) -> Value {
    json!({"source": "crm", "sourceId": id, "parent": parent})
}

both_stacks! {
    async fn the_documents_request(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let answer = post(client, json!({"users": [full_user()]}).to_string()).await.expect(200);
        let mut stored = user(client, "MyERP/3002196?language=NL").await;
        let expected = json!({
            "data": [{"action": "create", "id": stored["id"], "key": 3002196, "lookupKey": "sourceId", "success": true}],
            "messages": ["Completed"], "total": 1,
        });
        assert_eq!(answer.json(), expected);
        assert!(!answer.header("x-request-id").is_empty());
        let import = client.show(answer.header("longshore-import-id").parse().unwrap()).await;
        assert_eq!((&import["surface"], &import["status"]), (&json!("propeller"), &json!("completed")));
        ["id", "created_at", "updated_at"].iter().for_each(|name| drop(stored.as_object_mut().unwrap().remove(*name)));
        assert_eq!(stored, json!({
            "source": "MyERP", "source_id": "3002196", "language": "NL", "debtor_id": "12345", "first_name": "Ana", "middle_name": "de", "last_name": "Silva",
            "full_name": "Ana de Silva", "title": "Dr", "date_of_birth": "1980-12-31", "gender": "f", "username": "ana", "phone": "+31 26 123456",
            "mobile": "0031612345678", "email": "ana@example.com", "company": "ACME", "tax_number": "NL001", "coc_number": "12345678",
            "primary_language": "nl", "abbreviation": "AdS", "attributes": {"segment": {"class": "profile", "type": "text", "value": "gold"}},
            "addresses": [{"code": "delivery", "street": "Noordpad", "number": "34", "numberExtension": "A", "postalCode": "6822 DE", "city": "Arnhem", "country": "NL"}],
        }));
        let again = upsert(client, json!([full_user()])).await;
        assert_eq!(told(&again), ["update"]);
    }

    async fn outcomes_come_in_order_with_their_keys(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let body = r#"{"users":[
            {"source":"crm","sourceId":3002196},
            {"source":"crm","sourceId":"00\u0037","email":"ana@"},
            {"source":"crm","sourceId":"3002196","language":"nl"},
            {"source":"crm","sourceId":"x","gender":"woman","dateOfBirth":"30/02/1980","primaryLanguage":"Dutch"},
            {"source":"crm","sourceId":3002196,"firstName":"Ana"},
            {"source":" ","sourceId":5},
            {"source":"crm","sourceId":" "},
            {"source":"crm","sourceId":1.50},
            {"source":"crm","sourceId":"3002196","lastName":"Silva"}]}"#;
        let answer = post(client, body).await.expect(200);
        for key in [r#""key":3002196,"#, r#""key":"00\u0037","#, r#""key":1.50,"#] {
            assert!(answer.text.contains(key), "{key} in {}", answer.text);
        }
        let data = answer.json()["data"].as_array().unwrap().clone();
        assert_eq!(told(&data), [
            "create",
            "email: not a valid e-mail address",
            "create",
            "dateOfBirth: not a day of the calendar in the form YYYY-MM-DD; gender: not one of the accepted words; primaryLanguage: not a language code",
            "update",
            "source: empty, but the user needs one",
            "sourceId: empty, but the row needs an id",
            "create",
            "update",
        ]);
        assert_eq!(data[1], json!({"success": false, "action": null, "id": null, "key": "007", "lookupKey": "sourceId", "message": "email: not a valid e-mail address"}));
        assert_eq!((&data[0]["id"], &data[8]["key"]), (&data[4]["id"], &json!("3002196")));
        assert_ne!(data[0]["id"], data[2]["id"], "the language is part of the key");
        assert_eq!(client.users().await.len(), 3);
        let import = client.show(answer.header("longshore-import-id").parse().unwrap()).await;
        assert_eq!((&import["status"], &import["counts"]["failed"]), (&json!("partial"), &json!(4)));
        assert_eq!(upsert(client, json!([])).await.len(), 0);
    }

    async fn only_what_is_there_changes(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        upsert(client, json!([full_user()])).await;
        let key = json!({"source": "MyERP", "sourceId": "3002196", "language": "NL"});
        let with = |more: Value| {
            let mut user = key.clone();
            user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            user
        };
        let before = user(client, "MyERP/3002196?language=NL").await;
        assert_eq!(told(&upsert(client, json!([key])).await), ["update"]);
        assert_eq!(user(client, "MyERP/3002196?language=NL").await, before, "nothing said, nothing changed");
        let changes = json!([
            with(json!({"firstName": "Bea"})),
            with(json!({"company": "", "title": ""})),
            with(json!({"attributes": [{"name": "segment", "value": "silver"}, {"name": "size", "class": "c", "value": "38"}]})),
            with(json!({"attributes": [{"name": "size"}, {"name": "never"}], "addresses": []})),
            with(json!({"addresses": [{"code": "delivery", "city": "Ede", "numberExtension": ""}, {"code": "home", "city": "Velp"}, {"type": "invoice", "code": "35101"}]})),
        ]);
        assert_eq!(told(&upsert(client, changes).await), ["update"; 5]);
        let mut expected = before.clone();
        let after = user(client, "MyERP/3002196?language=NL").await;
        expected["first_name"] = json!("Bea");
        expected["attributes"] = json!({"segment": {"class": "profile", "type": "text", "value": "silver"}});
        expected["addresses"] = json!([
            {"code": "delivery", "street": "Noordpad", "number": "34", "postalCode": "6822 DE", "city": "Ede", "country": "NL"},
            {"code": "home", "city": "Velp"},
            {"code": "35101", "type": "invoice"},
        ]);
        ["company", "title"].iter().for_each(|name| drop(expected.as_object_mut().unwrap().remove(*name)));
        expected["updated_at"] = after["updated_at"].clone();
        assert_eq!(after, expected);
        let wrong = json!([
            with(json!({"firstName": "Cid", "addresses": [{"code": "office"}]})),
            with(json!({"firstName": "Cid", "addresses": [{"city": "Ede"}]})),
            with(json!({"firstName": "Cid", "attributes": [{"value": "x"}]})),
        ]);
        assert_eq!(told(&upsert(client, wrong).await), [
            "addresses/0: neither code nor type is delivery, invoice or home",
            "addresses/0: the code is missing",
            "attributes/0: the name is missing",
        ]);
        assert_eq!(user(client, "MyERP/3002196?language=NL").await, after, "a user that fails is left alone");
    }

    async fn parents_are_there_or_made_before(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let one = upsert(client, json!([plain(1)])).await[0]["id"].clone();
        let key = |id: u64| json!({"source": "crm", "sourceId": id});
        let data = upsert(client, json!([
            child(2, json!({"id": one})),
            child(3, key(2)),
            child(4, json!({"source": "crm", "sourceId": "3", "language": ""})),
            child(5, key(77)),
            child(6, json!({"id": 4711})),
            child(7, key(5)),
            child(8, key(8)),
            {"source": "crm", "sourceId": 9, "email": "ana@"},
            child(10, key(9)),
            child(11, key(12)),
            plain(12),
            child(1, key(4)),
            child(13, json!({"source": "crm"})),
            child(14, json!({"source": "crm", "sourceId": 1, "language": "nl"})),
        ])).await;
        let (unknown, cycle) = ("parent: unknown parent", "parent: a user cannot be its own parent or ancestor");
        assert_eq!(told(&data), [
            "create", "create", "create", unknown, unknown, unknown, cycle, "email: not a valid e-mail address", unknown, unknown, "create", cycle,
            "parent: neither an id, nor source and sourceId", unknown,
        ]);
        assert_eq!(user(client, "crm/2").await["parent"], "crm/1");
        assert_eq!(user(client, "crm/4").await["parent"], "crm/3");
        assert_eq!(told(&upsert(client, json!([child(1, key(4)), child(2, key(12)), child(1, key(4))])).await), [cycle, "update", "update"]);
    }

    async fn one_fault_of_the_schema_refuses_all(stack) {
        let running = stack.start(&[("LONGSHORE_PUBLIC_URL", "https://import.example.com")]).await;
        let client = &running.client;
        let faulty = json!({"users": [plain(1), {"source": "crm", "sourceId": 2, "foo": 1, "firstName": 7, "lastName": null}]});
        let answer = post(client, faulty.to_string()).await.expect(400);
        assert_eq!(answer.json(), json!({"error": {
            "code": 10007,
            "messages": [
                "#/users/1/firstName: expected type: String, found: Integer",
                "#/users/1: extraneous key [foo] is not permitted",
                "#/users/1/lastName: expected type: String, found: Null",
            ],
            "moreInfo": "https://import.example.com/docs/errors/10007", "status": 400, "type": "SchemaValidationException",
        }}));
        assert!(!answer.header("x-request-id").is_empty());
        let cases = [
            (r#"{"users":[{"source":"a","sourceId":1,"foo":1}]}"#, 10007, "SchemaValidationException", "#/users/0: extraneous key [foo] is not permitted"),
            (r#"{"users":[],"page":1}"#, 10007, "SchemaValidationException", "#: extraneous key [page] is not permitted"),
            (r#"{"users":[{"source":"a","sourceId":true}]}"#, 10007, "SchemaValidationException", "#/users/0/sourceId: expected type: String or Number, found: Boolean"),
            (r#"{"users":[{"source":"a","sourceId":1,"addresses":[{"code":"home","planet":"x"}]}]}"#, 10007, "SchemaValidationException", "#/users/0/addresses/0: extraneous key [planet] is not permitted"),
            ("{}", 10016, "LookupKeyNotFound", "#: required key [users] not found"),
            (r#"{"users":[{"sourceId":1}]}"#, 10016, "LookupKeyNotFound", "#/users/0: required key [source] not found"),
            (r#"{"users":[{"source":"a"}]}"#, 10016, "LookupKeyNotFound", "#/users/0: required key [sourceId] not found"),
        ];
        for (body, code, kind, message) in cases {
            let error = post(client, body).await.expect(400).json()["error"].clone();
            assert_eq!((&error["code"], &error["type"], &error["messages"]), (&json!(code), &json!(kind), &json!([message])), "{body}");
        }
        for body in ["", "{", r#"{"users":[]} x"#, r#"{"users":[],"users":[]}"#] {
            let error = post(client, body).await.expect(400).json()["error"].clone();
            assert_eq!((&error["code"], &error["type"]), (&json!(10005), &json!("InvalidJSONPayload")), "{body}");
        }
        assert_eq!(client.users().await.len() + client.pages("/v1/imports?limit=10").await.len(), 0, "nothing is left behind");
    }

    async fn everything_wears_its_envelope(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let users = json!({"users": [plain(1)]}).to_string();
        let reader = running.key_of("acme", &["records:write", "imports:read"]).await;
        let answers = [
            (post(&running.stranger(), users.clone()).await.expect(401), 10401),
            (post(&client.with_key("lsk_x"), users.clone()).await.expect(401), 10401),
            (post(&reader, users.clone()).await.expect(403), 10403),
            (client.get("/users/nothing").await.expect(404), 10008),
            (client.get("/users/bulk/sourceId/x").await.expect(404), 10008),
            (client.get(PATH).await.expect(405), 10405),
            (client.send(client.request(Method::POST, PATH).body(users)).await.expect(415), 10415),
            (post(client, " ".repeat(10 * 1024 * 1024 + 1)).await.expect(413), 10413),
        ];
        for (answer, code) in answers {
            let error = answer.json()["error"].clone();
            let members: Vec<&String> = error.as_object().unwrap().keys().collect();
            assert_eq!(members, ["code", "messages", "moreInfo", "status", "type"], "{error}");
            assert_eq!((&error["code"], &error["status"]), (&json!(code), &json!(answer.status)));
            assert_eq!(error["moreInfo"], client.url(&format!("/docs/errors/{code}")));
            let page = running.stranger().get(&format!("/docs/errors/{code}")).await.expect(200);
            assert!(page.text.starts_with(&format!("{code} ")), "{}", page.text);
        }
    }

    async fn another_organizations_users_are_its_own(stack) {
        let running = stack.start(&[]).await;
        let (client, other) = (&running.client, running.admin_of("other").await);
        let mine = upsert(client, json!([{"source": "crm", "sourceId": 1, "firstName": "mine"}])).await[0]["id"].clone();
        let theirs = upsert(&other, json!([
            {"source": "crm", "sourceId": 1, "firstName": "theirs"},
            child(2, json!({"id": mine})),
        ])).await;
        assert_eq!(told(&theirs), ["create", "parent: unknown parent"]);
        assert_ne!(theirs[0]["id"], mine);
        upsert(client, json!([plain(3)])).await;
        assert_eq!(told(&upsert(&other, json!([child(4, json!({"source": "crm", "sourceId": 3}))])).await), ["parent: unknown parent"]);
        assert_eq!(user(client, "crm/1").await["first_name"], "mine");
        assert_eq!((client.users().await.len(), other.users().await.len()), (2, 1));
    }

    async fn as_many_users_as_a_request_may_hold(stack) {
        let mut running = stack.start(&[]).await;
        let client = running.client.clone();
        let of = |id: u64| match id {
            ..=100 => plain(id),
            _ => json!({"source": "crm", "sourceId": id, "parent": {"source": "crm", "sourceId": id % 100 + 1}, "lastName": "Silva"}),
        };
        let users: Vec<Value> = (1..=100_000).map(of).collect();
        let data = upsert(&client, Value::from(users)).await;
        assert!(told(&data).iter().all(|word| word == "create"));
        assert_eq!(data[99_999]["key"], 100_000);
        assert_eq!(user(&client, "crm/100000").await["parent"], "crm/1");
        let front = running.front();
        let peak = running.peak_kib(front);
        println!("{stack:?}: 100,000 users, peak {peak} KiB");
        assert!(peak < 256 * 1024, "{peak} KiB");
        let more = vec!["{\"source\":\"crm\",\"sourceId\":1}"; 100_001].join(",");
        let error = post(&client, format!("{{\"users\":[{more}]}}")).await.expect(413).json()["error"].clone();
        assert_eq!(error["code"], 10413, "{error}");
    }
}

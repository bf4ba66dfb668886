//! The loginradius surface, as its document says: batches of profiles, their key and secret in the query, and its envelope for
//! everything else.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Method};
use serde_json::{Value, json};

use harness::{Answer, Client, both_stacks};

/// The document's request, whole. One of its hashes holds a space, where the page was broken most likely: it is opaque here.
const SAMPLE: &str = r#"{    "Profiles": [      {        "FirstName": "Ajay",        "LastName": "Sharma",        "Email": [          {            "Type": "Primary",            "Value": "ajaysharma@yopmail.com"          }        ],        "PasswordHash": "Rfc2898DeriveBytes$1000$VAh9OF7J0c2p2kpx4ozwDg==$6cwqAkcvs6+zadhoH9kiuWhjNuC84PhrUbMew0fBO6k=:BA4zsWmfF"      },      {        "FirstName": "Priya",        "LastName": "Patel",        "Email": [          {            "Type": "Primary",            "Value": "priya.patel@tempmail.com"          }        ],        "PasswordHash": "Rfc2898DeriveBytes$1000$XBk2PG8K1d3q3lry5paxEh==$7dxrBlcws7+zbeipiI0ljvXikOvD95QisVcNfx1gCP7l=:CB5atXngG"      },      {        "FirstName": "Rajesh",        "LastName": "Kumar",        "Email": [          {            "Type": "Primary",            "Value": "rajesh.kumar@mailbox.org"          }        ],        "PasswordHash": "Rfc2898DeriveBytes$1000$YCl3QH9L2e4r4msz6qbyFi==$8eysCmd xt8+acrjqjJ1mkwYjlPwE06RjtWdOgy2hDQ8m=:DC6buYohH"      },      {        "FirstName": "Sneha",        "LastName": "Gupta",        "Email": [          {            "Type": "Primary",            "Value": "sneha.gupta@guerrillamail.com"          }        ],        "PasswordHash": "Rfc2898DeriveBytes$1000$ZDm4RI0M3f5s5nta7rcxGj==$9fztDney5u9+bdsksKk2nlxZkmQxF17SjuXePhz3hEQ9n=:ED7cvZpiI"      }    ]  }"#;

/// The document's own bodies of refusals.
const INVALID: &str = r#"{"ErrorCode":7914,"Message":"Post body is invalid","Description":"Please use a valid post body in JSON format."}"#;
const UNAUTHORIZED: &str = r#"{"Message":"Access Unauthorized","Description":"Access Unauthorized, please use valid authorization to access this endpoint.","ErrorCode":6002}"#;

/// Largest body that is taken.
const MAX_BODY_BYTES: usize = 10_000_000;

/// `path` with the client's pair: its key's id, and the key.
fn with_pair(client: &Client, path: &str) -> String {
    let id = client.key.split('_').nth(1).unwrap_or_default();
    format!("{path}?apikey={id}&apisecret={}", client.key)
}

async fn send_to(client: &Client, path: &str, body: impl Into<Body>) -> Answer {
    let request = client.with_key("").request(Method::POST, path);
    client
        .send(request.header(CONTENT_TYPE, "application/json").body(body))
        .await
}

async fn send(client: &Client, body: impl Into<Body>) -> Answer {
    send_to(client, &with_pair(client, "/v2/bulk/upsert"), body).await
}

/// A batch that must be taken; gives what stands below `Profile`.
async fn upsert(client: &Client, body: &Value) -> Value {
    let answer = send(client, body.to_string()).await.expect(200);
    answer.json()["Profile"].clone()
}

/// A body whose length is not said.
fn in_chunks(bytes: usize) -> Body {
    let chunk = vec![b' '; 100_000];
    let chunks = (0..bytes.div_ceil(chunk.len())).map(move |_| Ok::<_, std::io::Error>(chunk.clone()));
    Body::wrap_stream(futures::stream::iter(chunks))
}

fn tally(inserted: u64, updated: u64) -> Value {
    json!({"RecordInserted": inserted, "RecordUpdated": updated, "Failed": []})
}

async fn user(client: &Client, source: &str, id: &str) -> Value {
    client
        .get(&format!("/v1/users/by-source/{source}/{id}"))
        .await
        .expect(200)
        .json()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

both_stacks! {
    async fn the_documents_request(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let answer = send(client, SAMPLE).await.expect(200);
        assert_eq!(answer.json(), json!({"Profile": tally(4, 0)}));
        assert_eq!(answer.header("content-type"), "application/json");
        let id: i64 = answer.header("longshore-import-id").parse().unwrap();
        let import = client.show(id).await;
        assert_eq!((&import["surface"], &import["status"]), (&json!("loginradius"), &json!("completed")));
        let rajesh = user(client, "loginradius", "rajesh.kumar@mailbox.org").await;
        assert_eq!((&rajesh["first_name"], &rajesh["last_name"], &rajesh["email"]), (&json!("Rajesh"), &json!("Kumar"), &json!("rajesh.kumar@mailbox.org")));
        assert!(!rajesh.to_string().contains("Rfc2898"), "a hash is never shown: {rajesh}");
        let again = send_to(client, &with_pair(client, "/bulk/upsert"), SAMPLE).await.expect(200);
        assert_eq!(again.json(), json!({"Profile": tally(0, 4)}), "unchanged ones count as updated");
        assert!(again.header("longshore-import-id").parse::<i64>().unwrap() > id);
        assert_eq!(client.users().await.len(), 4);
        assert!(running.blobs().await.is_empty(), "the rows lie nowhere else");
    }

    async fn refusals_are_the_documents(stack) {
        let running = stack.start(&[]).await;
        let (client, other) = (&running.client, running.admin_of("other").await);
        for body in ["", "{", "[]", "{}", r#"{"Profiles":{}}"#, r#"{"Profiles":[{]}"#, r#"{"Profiles":[],"DeltaMigrationModel":7}"#] {
            assert_eq!(send(client, body).await.expect(400).json(), parsed(INVALID), "{body}");
        }
        assert_eq!(send(client, vec![b'{', 0xff, b'}']).await.expect(400).json(), parsed(INVALID));
        let id = client.key.split('_').nth(1).unwrap();
        let (mine, theirs) = (&client.key, &other.key);
        for query in [
            String::new(),
            format!("?apikey={id}"),
            format!("?apisecret={mine}"),
            format!("?apikey=x&apisecret={mine}"),
            format!("?apikey={id}&apisecret=x"),
            format!("?apikey={id}&apisecret={theirs}"),
            format!("?apikey={id}&apisecret={mine}&apisecret={mine}"),
        ] {
            let answer = send_to(client, &format!("/v2/bulk/upsert{query}"), SAMPLE).await.expect(401);
            assert_eq!(answer.json(), parsed(UNAUTHORIZED), "{query}");
        }
        client.send(client.request(Method::POST, "/v2/bulk/upsert").body(SAMPLE)).await.expect(401);
        let reader = running.key_of("acme", &["records:write", "imports:read"]).await;
        let answers = [
            (send(&reader, SAMPLE).await.expect(403), 6003),
            (send_to(client, &with_pair(client, "/v2/bulk/nothing"), SAMPLE).await.expect(404), 7404),
            (send_to(client, &with_pair(client, "/bulk/upsert/x"), SAMPLE).await.expect(404), 7404),
            (client.get(&with_pair(client, "/bulk/upsert")).await.expect(405), 7405),
            (client.send(client.request(Method::POST, &with_pair(client, "/v2/bulk/upsert")).body(SAMPLE)).await.expect(415), 7415),
            (send(client, vec![b' '; MAX_BODY_BYTES + 1]).await.expect(413), 7413),
            (send(client, in_chunks(MAX_BODY_BYTES + 1)).await.expect(413), 7413),
        ];
        for (answer, code) in answers {
            let body = answer.json();
            let members: Vec<&String> = body.as_object().unwrap().keys().collect();
            assert_eq!(members, ["Description", "ErrorCode", "Message"], "{body}");
            assert_eq!(body["ErrorCode"], code, "{body}");
        }
        assert_eq!(client.users().await.len() + client.pages("/v1/imports?limit=10").await.len(), 0, "nothing is left behind");
    }

    async fn bad_profiles_are_told_and_good_ones_applied(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let body = json!({
            "PasswordEncryption": "Rfc2898DeriveBytes",
            "Profiles": [
                {"ExternalIds": [{"Source": "crm", "SourceId": 42}], "Prefix": "Dr", "FullName": "Ana Silva", "Gender": "F", "BirthDate": "12-31-1980",
                 "Company": "ACME", "PasswordHash": "hash-1", "Website": "https://x.org", "CustomFields": {"size": 38}},
                {"FirstName": "Nobody"},
                {"UserName": "bo", "Email": [{"Type": "Primary", "Value": "bo@"}], "Gender": "x", "BirthDate": "31-12-1980"},
                7,
                {"UserName": "cid", "Password": "hunter2"},
                {"PhoneId": "+49 30 123456", "FirstName": true},
                {"UserName": "dan", "LastName": "Da\u{300}n \"D\", jr.\nline"},
                {"UserName": "eve", "FirstName": "x".repeat(300_000)},
            ],
        });
        let answer = send(client, body.to_string()).await.expect(200);
        let expected = json!({"RecordInserted": 2, "RecordUpdated": 0, "Failed": [
            {"RecordNumber": 2, "Message": "nothing identifies the profile: no ExternalIds, Email, UserName or PhoneId"},
            {"RecordNumber": 3, "Message": "Email: not a valid e-mail address; Gender: not one of the accepted words; BirthDate: not a day of the calendar in the form YYYY-MM-DD"},
            {"RecordNumber": 4, "Message": "not an object with each member given once"},
            {"RecordNumber": 5, "Message": "Password: not taken; send a PasswordHash"},
            {"RecordNumber": 6, "Message": "FirstName: expected text"},
            {"RecordNumber": 8, "Message": "FirstName: too long"},
        ]});
        assert_eq!(answer.json()["Profile"], expected);
        let import = client.show(answer.header("longshore-import-id").parse().unwrap()).await;
        assert_eq!((&import["status"], &import["counts"]["failed"], &import["counts"]["total"]), (&json!("partial"), &json!(6), &json!(8)));
        let mut ana = user(client, "crm", "42").await;
        ["id", "created_at", "updated_at"].iter().for_each(|name| drop(ana.as_object_mut().unwrap().remove(*name)));
        assert_eq!(ana, json!({
            "source": "crm", "source_id": "42", "title": "Dr", "full_name": "Ana Silva", "gender": "f", "date_of_birth": "1980-12-31", "company": "ACME",
            "attributes": {"Website": "https://x.org", "CustomFields": {"size": 38}, "PasswordEncryption": "Rfc2898DeriveBytes"},
        }));
        assert_eq!(user(client, "loginradius", "dan").await["last_name"], "Da\u{300}n \"D\", jr.\nline");
        let failed = client.failed_csv(import["id"].as_i64().unwrap()).await;
        assert!(failed.contains("nothing identifies the profile") && !failed.contains("hunter2"), "{failed}");
        assert_eq!(upsert(client, &json!({"Profiles": []})).await, tally(0, 0));
    }

    async fn a_known_profile_is_changed_in_what_is_named(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let first = json!({"Profiles": [{"UserName": "ana", "FirstName": "Ana", "LastName": "Silva", "Company": "ACME", "Website": "w", "Hobby": "h"}]});
        assert_eq!(upsert(client, &first).await, tally(1, 0));
        let second = json!({"Profiles": [{"UserName": "ana", "LastName": "Souza", "Company": null, "Website": null}, {"UserName": "ana", "FirstName": ""}]});
        assert_eq!(upsert(client, &second).await, tally(0, 2));
        let ana = user(client, "loginradius", "ana").await;
        assert_eq!((&ana["last_name"], &ana["company"], &ana["first_name"]), (&json!("Souza"), &Value::Null, &Value::Null));
        assert_eq!(ana["attributes"], json!({"Hobby": "h"}));
    }

    async fn duplicates_are_left_alone_on_demand(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let batch = |overwrite: bool, names: &[&str]| {
            let profiles: Vec<Value> = names.iter().map(|name| json!({"UserName": name, "FirstName": overwrite.to_string()})).collect();
            json!({"Profiles": profiles, "DeltaMigrationModel": {"DeltaMigration": true, "OverWriteDuplicate": overwrite}})
        };
        assert_eq!(upsert(client, &batch(true, &["a", "b"])).await, tally(2, 0));
        let kept = upsert(client, &batch(false, &["b", "c", "c", "d"])).await;
        assert_eq!((&kept["RecordInserted"], &kept["RecordUpdated"]), (&json!(2), &json!(0)));
        assert_eq!(kept["Failed"], json!([
            {"RecordNumber": 1, "Message": "The profile already exists."},
            {"RecordNumber": 3, "Message": "The profile already exists."},
        ]));
        assert_eq!(user(client, "loginradius", "b").await["first_name"], "true");
        assert_eq!(user(client, "loginradius", "c").await["first_name"], "false");
    }

    async fn another_organizations_profiles_are_its_own(stack) {
        let running = stack.start(&[]).await;
        let (client, other) = (&running.client, running.admin_of("other").await);
        let batch = |name: &str| json!({"Profiles": [{"UserName": "ana", "FirstName": name}], "DeltaMigrationModel": {"OverWriteDuplicate": false}});
        assert_eq!(upsert(client, &batch("mine")).await, tally(1, 0));
        assert_eq!(upsert(&other, &batch("theirs")).await, tally(1, 0), "to the other one it does not exist");
        assert_eq!(user(client, "loginradius", "ana").await["first_name"], "mine");
        assert_eq!(client.users().await.len() + other.users().await.len(), 2);
    }

    async fn the_secret_in_the_query_is_nowhere(stack) {
        const MARKED: &str = "marked-5e3cret";
        let running = stack.start(&[("LONGSHORE_LOG", "debug")]).await;
        let client = &running.client;
        let profiles = json!({"Profiles": [{"UserName": "ana", "PasswordHash": MARKED}, {"UserName": "bo", "PasswordHash": MARKED, "Gender": "x"}, {"UserName": "cid", "Password": MARKED}]});
        let mut said = vec![send(client, profiles.to_string()).await.expect(200)];
        let reader = running.key_of("acme", &["imports:read"]).await;
        let marked = format!("?apikey={MARKED}&apisecret={MARKED}");
        for path in ["/v2/bulk/upsert", "/bulk/upsert", "/v2/bulk/nothing"] {
            said.push(send_to(client, &format!("{path}{marked}"), SAMPLE).await);
            said.push(client.get(&format!("{path}{marked}")).await);
        }
        said.push(send(client, "{").await.expect(400));
        let id = said[0].header("longshore-import-id").to_owned();
        said.push(client.get(&format!("/v1/imports/{id}")).await.expect(200));
        said.push(reader.get(&format!("/v1/imports/{id}/rows?outcome=failed")).await.expect(200));
        said.push(client.get("/v1/users").await.expect(200));
        said.push(reader.get(&format!("/v1/imports/{id}/failed.csv")).await.expect(200));
        said.push(running.stranger().get("/metrics").await.expect(200));
        let mut everything: Vec<String> = said.iter().map(|answer| format!("{:?} {}", answer.headers, answer.text)).collect();
        everything.push(running.log(running.front()));
        everything.push(running.log(running.back()));
        let secret = client.key.split('_').nth(2).unwrap();
        for text in everything {
            assert!(!text.contains(MARKED) && !text.contains(secret), "{text}");
        }
        assert!(running.log(running.front()).contains("/v2/bulk/upsert"), "there is a log");
        let document = client.get("/openapi.json").await.expect(200).json();
        for path in ["/v2/bulk/upsert", "/bulk/upsert"] {
            let parameters = document["paths"][path]["post"]["parameters"].as_array().unwrap();
            let shown: Vec<String> = parameters.iter().map(|one| format!("{} {} {}", one["name"], one["in"], one["schema"]["format"])).collect();
            assert_eq!(shown, [r#""apikey" "query" "password""#, r#""apisecret" "query" "password""#]);
        }
    }

    async fn ten_megabytes_need_little_memory(stack) {
        let mut running = stack.start(&[]).await;
        let (client, front) = (running.client.clone(), running.front());
        let before = running.peak_kib(front);
        let mut body = String::from(r#"{"Profiles":["#);
        let mut profiles = 0;
        while body.len() < MAX_BODY_BYTES - 400 {
            let comma = if profiles == 0 { "" } else { "," };
            body += &format!(r#"{comma}{{"FirstName":"Ana","LastName":"Silva {profiles}","Email":[{{"Type":"Primary","Value":"user.{profiles}@example.com"}}],"PasswordHash":"Rfc2898DeriveBytes$1000$salt$hash{profiles}","City":"Porto"}}"#);
            profiles += 1;
        }
        body += "]}";
        body += &" ".repeat(MAX_BODY_BYTES - body.len());
        let answer = send(&client, body).await.expect(200);
        assert_eq!(answer.json()["Profile"], tally(profiles, 0));
        let failing = format!("{{\"Profiles\":[{}]}}", vec!["{}"; 100_000].join(","));
        let answer = send(&client, failing).await.expect(200).json();
        assert_eq!(answer["Profile"]["Failed"].as_array().unwrap().len(), 100_000);
        assert_eq!(answer["Profile"]["Failed"][99_999]["RecordNumber"], 100_000);
        let peak = running.peak_kib(front);
        println!("{stack:?}: {profiles} profiles in {MAX_BODY_BYTES} bytes, peak {before} KiB -> {peak} KiB");
        assert!(peak < 192 * 1024, "{peak} KiB");
    }
}

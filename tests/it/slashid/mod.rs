//! The slashid surface as its document says: the template, persons by handle, the failed ones back as a file to be mended,
//! and its envelope for everything else.

mod large;
mod quota;
mod refusals;
mod rows;

use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method, RequestBuilder};
use serde_json::{Value, json};

use harness::{Answer, Client, both_stacks};

const PATH: &str = "/persons/bulk-import";
/// The columns of the document, in its order.
const TEMPLATE: &str =
    "slashid:emails,slashid:phone_numbers,slashid:usernames,slashid:region,slashid:groups,slashid:attributes\r\n";

/// A client as the vendor's are: its key and its organization in headers of their own.
struct Vendor {
    client: Client,
    org: String,
}

impl Vendor {
    async fn of(client: &Client) -> Self {
        let organization = client.get("/v1/organization").await.expect(200).json();
        Self {
            org: organization["id"].as_str().unwrap().to_owned(),
            client: client.clone(),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.with_key("").request(method, path);
        request
            .header("SlashID-API-Key", &self.client.key)
            .header("SlashID-OrgID", &self.org)
    }

    async fn send(&self, file: impl Into<Body>) -> Answer {
        let part = Part::stream(file)
            .file_name("persons.csv")
            .mime_str("text/csv")
            .unwrap();
        let form = Form::new().part("persons", part);
        self.client.send(self.request(Method::POST, PATH).multipart(form)).await
    }

    /// Sends a file that must be taken; what became of it.
    async fn import(&self, file: impl Into<Body>) -> Value {
        self.send(file).await.expect(200).json()["result"].clone()
    }

    /// The organization's users by source id.
    async fn persons(&self) -> Vec<Value> {
        let mut users = self.client.users().await;
        users.sort_by_key(|user| user["source_id"].to_string());
        users
    }
}

fn figures(result: &Value) -> (usize, usize) {
    let of = |name: &str| usize::try_from(result[name].as_u64().unwrap()).unwrap();
    (of("successful_imports"), of("failed_imports"))
}

/// The rows of the failed persons, header first.
fn table(result: &Value) -> Vec<Vec<String>> {
    let csv = result["failed_csv"].as_str().unwrap_or_default();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(csv.as_bytes());
    let rows = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect());
    rows.collect()
}

/// The document's examples (from its schemas), as printed.
const EXAMPLE: &str = r#"{
"meta": {
"pagination": {
"limit": 0,
"offset": 0,
"total_count": 0
}
},
"errors": [
{
"httpcode": 0,
"message": "string"
}
],
"result": {
"successful_imports": 0,
"failed_imports": 0,
"failed_csv": "string"
}
}"#;
const EXAMPLE_OF_AN_ERROR: &str = r#"{
"meta": {
"pagination": {
"limit": 0,
"offset": 0,
"total_count": 0
}
},
"errors": [
{
"httpcode": 0,
"message": "string"
}
]
}"#;

/// The same members with values of the same types, nothing more and nothing less. An empty list is a list of anything: the
/// example of the good answer, made from the schema, has an error in it that no good answer can have.
#[track_caller]
fn assert_like(answer: &Value, example: &str) {
    fn compare(answer: &Value, example: &Value, path: &str) {
        match (answer, example) {
            (Value::Object(answer), Value::Object(example)) => {
                let names = |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<Vec<_>>();
                let (mut found, mut wanted) = (names(answer), names(example));
                found.sort();
                wanted.sort();
                assert_eq!(found, wanted, "{path}");
                for (name, value) in example {
                    compare(&answer[name], value, &format!("{path}/{name}"));
                }
            }
            (Value::Array(answer), Value::Array(example)) => {
                answer.iter().for_each(|item| compare(item, &example[0], path));
            }
            (Value::Number(answer), Value::Number(_)) => assert!(answer.is_u64(), "{path}: {answer}"),
            (Value::String(_), Value::String(_)) => {}
            other => panic!("{path}: {other:?}"),
        }
    }
    compare(answer, &serde_json::from_str(example).unwrap(), "");
}

both_stacks! {
    async fn the_documents_template_examples_and_columns(stack) {
        let running = stack.start(&[]).await;
        let vendor = Vendor::of(&running.client).await;
        let template = vendor.client.send(vendor.request(Method::GET, PATH)).await.expect(200);
        assert_eq!(template.text, TEMPLATE);
        assert!(template.header("content-type").starts_with("text/csv"));
        assert_eq!(template.header("content-disposition"), "attachment; filename=\"persons.csv\"");

        let file = format!(
            "{TEMPLATE}\"ana@example.com,Ana.Silva@Example.com\",+4915112345678,ana,europe-belgium,\"admin,sales\",\"{{\"\"shop\"\":{{\"\"tier\"\":2}}}}\"\r\nbroken,,,,,\r\n"
        );
        let answer = vendor.send(file).await.expect(200);
        let json = answer.json();
        assert_like(&json, EXAMPLE);
        assert_eq!(json["meta"], json!({"pagination": {"limit": 2, "offset": 0, "total_count": 2}}));
        assert_eq!(json["errors"], json!([]));
        assert_eq!(figures(&json["result"]), (1, 1));
        assert_eq!(table(&json["result"]), [
            vec!["slashid:emails", "slashid:phone_numbers", "slashid:usernames", "slashid:region", "slashid:groups", "slashid:attributes", "slashid:error"],
            vec!["broken", "", "", "", "", "", "slashid:emails: not a valid e-mail address"],
        ]);
        let persons = vendor.persons().await;
        let person = &persons[0];
        let expected = json!({
            "source": "slashid", "source_id": "ana@example.com", "email": "ana@example.com", "phone": "+4915112345678",
            "username": "ana", "region": "europe-belgium", "groups": ["admin", "sales"], "attributes": {"shop": {"tier": 2}},
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&person[name], value, "{name}: {person:#}");
        }
        assert_eq!(persons.len(), 1);

        let id: i64 = answer.header("longshore-import-id").parse().unwrap();
        let import = vendor.client.show(id).await;
        assert_eq!((&import["surface"], &import["status"]), (&json!("slashid"), &json!("partial")), "{import:#}");

        // Where nothing failed there is no file.
        let fine = vendor.import("slashid:usernames\nbob\n").await;
        assert_eq!(fine, json!({"successful_imports": 1, "failed_imports": 0}));
        let header_only = vendor.import(TEMPLATE).await;
        assert_eq!(header_only, json!({"successful_imports": 0, "failed_imports": 0}));
    }

    async fn the_key_may_come_as_a_bearer(stack) {
        let running = stack.start(&[]).await;
        let vendor = Vendor::of(&running.client).await;
        let request = vendor.client.request(Method::GET, PATH).header("SlashID-OrgID", &vendor.org);
        vendor.client.send(request).await.expect(200);
    }
}

//! Calls of the matrix: the credentials of each surface, a body that would be taken, and what came back without what differs
//! from call to call.

use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use harness::{Answer, Client};

use super::{Line, MARK};

/// Somebody with a key.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) client: Client,
    /// The organization's public id.
    organization: String,
}

/// What came back.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) status: u16,
    pub(crate) headers: Vec<String>,
    pub(crate) text: String,
}

impl Outcome {
    fn of(answer: Answer) -> Self {
        let id = answer.header("x-request-id").to_owned();
        // A connection ends where a refused body was still on its way.
        let differs = ["date", "x-request-id", "connection"];
        let line = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
            format!("{name}: {}", value.to_str().unwrap())
        };
        let headers = answer
            .headers
            .iter()
            .filter(|(name, _)| !differs.contains(&name.as_str()));
        let mut headers: Vec<String> = headers.map(line).collect();
        headers.sort();
        Self {
            status: answer.status,
            headers,
            text: answer.text.replace(&id, "…"),
        }
    }

    /// Whether a text stands anywhere in it.
    pub(crate) fn shows(&self, text: &str) -> bool {
        self.text.contains(text) || self.headers.iter().any(|line| line.contains(text))
    }
}

/// Whose ids a path is filled with.
#[derive(Clone, Default)]
pub(crate) struct Ids {
    pub(crate) import: String,
    pub(crate) user: String,
    pub(crate) source_id: String,
    pub(crate) key: String,
    pub(crate) client: String,
    pub(crate) credential: String,
}

/// A name that nothing else has.
fn fresh(what: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    format!("{what}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

async fn made(answer: Answer) -> String {
    assert!(answer.status < 300, "{} {}", answer.status, answer.text);
    let value = answer.json()["id"].clone();
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Ids {
    /// What the path speaks of, new.
    pub(crate) async fn made_by(owner: &Caller, path: &str) -> Self {
        let mut ids = Self::default();
        let client = &owner.client;
        if path.starts_with("/v1/imports/{") {
            let id = client
                .import("resource=users&source=hr", format!("source_id,email\n{MARK},broken\n"))
                .await;
            client.wait_final(id).await;
            ids.import = id.to_string();
        } else if path.starts_with("/bulk/v1/files/{") {
            let file = format!("USERNAME,EMAIL\n{MARK},broken\n").into_bytes();
            let answer = client.upload("/bulk/v1/files", None, "file", file).await.expect(202);
            ids.import = answer.header("longshore-import-id").to_owned();
            client.wait_final(ids.import.parse().unwrap()).await;
        } else if path.starts_with("/v1/users/") {
            ids.source_id = fresh(MARK);
            let body = json!({"source": "hr", "source_id": ids.source_id, "company": MARK});
            ids.user = made(client.send_json(Method::POST, "/v1/users", &body).await).await;
        } else if path.starts_with("/v1/keys/{") {
            let body = json!({"name": MARK, "scopes": ["records:read"]});
            ids.key = made(client.send_json(Method::POST, "/v1/keys", &body).await).await;
        } else if path.starts_with("/saas/logins/clients/{") {
            let body = json!({"client_name": fresh(MARK), "aliases": {"DE": "x"}});
            ids.client = made(client.send_json(Method::POST, "/saas/logins/clients", &body).await).await;
            let path = format!("/saas/logins/clients/{}/credentials/DE", ids.client);
            ids.credential = made(client.send_json(Method::POST, &path, &credential(MARK)).await).await;
        }
        ids
    }

    /// Ids of the same form that are nobody's.
    pub(crate) fn absent(&self) -> Self {
        let number = || "4711000".to_owned();
        Self {
            import: number(),
            user: number(),
            source_id: "nobody".to_owned(),
            key: "abcdefghijkl".to_owned(),
            client: number(),
            credential: number(),
        }
    }

    fn fill(&self, path: &str) -> String {
        let id = match path {
            _ if path.starts_with("/v1/imports") || path.starts_with("/bulk") => &self.import,
            _ if path.starts_with("/v1/users") => &self.user,
            _ if path.starts_with("/v1/keys") => &self.key,
            _ => &self.client,
        };
        path.replace("{id}", id)
            .replace("{credential_id}", &self.credential)
            .replace("{source_id}", &self.source_id)
            .replace("{source}", "hr")
            .replace("{country}", "DE")
            .replace("{alias}", "DE%3Ax")
            .replace("/problems/{code}", "/problems/not-found")
            .replace("{code}", "10007")
            .replace("{_:.*}", "")
    }
}

/// A credential that no other one stands in the way of.
fn credential(pro: &str) -> Value {
    json!({"report_types": [fresh("WEEE")], "pro": pro, "login": pro, "password": pro})
}

impl Caller {
    pub(crate) async fn of(client: Client) -> Self {
        let organization = client.get("/v1/organization").await.expect(200).json();
        let organization = organization["id"].as_str().unwrap().to_owned();
        Self { client, organization }
    }

    pub(crate) fn stranger(client: Client) -> Self {
        Self {
            client,
            organization: String::new(),
        }
    }

    pub(crate) fn without_key(&self) -> Self {
        Self {
            client: self.client.with_key(""),
            ..self.clone()
        }
    }

    /// A new key of the same organization.
    pub(crate) async fn with_scopes(&self, scopes: &[&str]) -> Self {
        let body = json!({"name": "of the matrix", "scopes": scopes});
        let made = self
            .client
            .send_json(Method::POST, "/v1/keys", &body)
            .await
            .expect(201)
            .json();
        Self {
            client: self.client.with_key(made["key"].as_str().unwrap()),
            ..self.clone()
        }
    }

    /// The call with a body that would be taken.
    pub(crate) async fn call(&self, method: &str, path: &str, ids: &Ids) -> Outcome {
        let request = self.request(method, path, &ids.fill(path));
        Outcome::of(self.client.send(body(request, method, path)).await)
    }

    /// The call without a body.
    pub(crate) async fn bare(&self, method: &str, path: &str, ids: &Ids) -> Outcome {
        Outcome::of(self.client.send(self.request(method, path, &ids.fill(path))).await)
    }

    fn request(&self, method: &str, path: &str, filled: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let id = self.client.key.split('_').nth(1).unwrap_or_default();
        if path.ends_with("/bulk/upsert") && !id.is_empty() {
            let filled = format!("{filled}?apikey={id}&apisecret={}", self.client.key);
            return self.client.with_key("").request(method, &filled);
        }
        let query = if path == "/v1/imports" && method == Method::POST {
            "?resource=users"
        } else {
            ""
        };
        let request = self.client.request(method, &format!("{filled}{query}"));
        if path.starts_with("/persons") {
            request.header("SlashID-OrgID", &self.organization)
        } else {
            request
        }
    }
}

fn body(request: RequestBuilder, method: &str, path: &str) -> RequestBuilder {
    let file = |text: &str| {
        Part::text(text.to_owned())
            .file_name("file.csv")
            .mime_str("text/csv")
            .unwrap()
    };
    match (method, path) {
        ("GET" | "DELETE", _) | ("POST", "/v1/imports/{id}/cancel") => request,
        ("POST", "/v1/imports") => request.header("content-type", "text/csv").body("source_id\n1\n"),
        ("POST", "/bulk/v1/files") => request.multipart(Form::new().part("file", file("USERNAME\nana\n"))),
        ("POST", "/persons/bulk-import") => {
            request.multipart(Form::new().part("persons", file("slashid:emails\na@example.com\n")))
        }
        ("POST", path) if path.contains("/bulk-upload") => {
            let form = Form::new().text("fileId", "f").text("mapping", "name");
            request.multipart(form.text("csvData", fresh("Bulk")))
        }
        _ => request.json(&json_body(method, path)),
    }
}

fn json_body(method: &str, path: &str) -> Value {
    match (method, path) {
        ("POST", "/v1/users") => json!({"source": "hr", "source_id": fresh("user")}),
        ("PUT", "/v1/report-types") => json!({"DE": {"EAR": ["WEEE"]}}),
        ("POST", "/v1/keys") => json!({"name": "x", "scopes": ["records:read"]}),
        ("PATCH", "/v1/organization") => json!({"person_quota": 100_000}),
        ("POST", "/users/bulk/sourceId") => json!({"users": [{"source": "erp", "sourceId": 1}]}),
        ("POST", path) if path.ends_with("/bulk/upsert") => json!({"Profiles": [{"UserName": "ana"}]}),
        ("POST", "/saas/logins/clients") => json!({"client_name": fresh("client")}),
        ("POST", path) if path.ends_with("/aliases") => json!({"alias": format!("FR:{}", fresh("alias"))}),
        ("POST", path) if path.contains("/local-company-name/") => json!({"local_company_name": fresh("name")}),
        ("POST", path) if path.contains("/credentials/") => credential("EAR"),
        ("PUT", path) if path.starts_with("/saas") => json!({"notes": "x"}),
        _ => json!({"company": "x"}),
    }
}

/// Whether the path, filled, is also one of another line that has the method.
pub(super) fn fits_another(table: &[Line], method: &str, path: &str) -> bool {
    let parts = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let fits = |line: &Line| {
        let (pattern, mine) = (parts(line.path), parts(path));
        let alike = |(one, other): (&String, &String)| one == other || one.starts_with('{') || other.starts_with('{');
        pattern.len() == mine.len() && pattern.iter().zip(&mine).all(alike)
    };
    table
        .iter()
        .any(|line| line.method == method && line.path != path && fits(line))
}

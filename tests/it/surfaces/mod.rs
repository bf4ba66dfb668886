//! What holds across the surfaces: used all at once on one organization, and what none of them ever lets out.

mod at_once;
mod canary;
mod crash;

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use harness::{Answer, Client, Running};

/// A client for each surface, all of one organization.
#[derive(Clone)]
struct Vendors {
    client: Client,
    organization: String,
}

impl Vendors {
    async fn of(running: &Running) -> Self {
        let client = running.client.clone();
        let organization = client.get("/v1/organization").await.expect(200).json();
        let organization = organization["id"].as_str().unwrap().to_owned();
        Self { client, organization }
    }

    async fn propeller(&self, users: &[Value]) -> Answer {
        let body = json!({"users": users});
        self.client.send_json(Method::POST, "/users/bulk/sourceId", &body).await
    }

    async fn loginradius(&self, profiles: &[Value]) -> Answer {
        let id = self.client.key.split('_').nth(1).unwrap_or_default();
        let path = format!("/v2/bulk/upsert?apikey={id}&apisecret={}", self.client.key);
        let body = json!({"Profiles": profiles});
        self.client.with_key("").send_json(Method::POST, &path, &body).await
    }

    async fn slashid(&self, file: String) -> Answer {
        let part = Part::text(file).file_name("persons.csv").mime_str("text/csv").unwrap();
        let request = self.client.request(Method::POST, "/persons/bulk-import");
        let request = request.header("SlashID-OrgID", &self.organization);
        self.client
            .send(request.multipart(Form::new().part("persons", part)))
            .await
    }

    async fn spigit(&self, file: String) -> Answer {
        let part = Part::text(file).file_name("users.csv").mime_str("text/csv").unwrap();
        let request = self.client.request(Method::POST, "/bulk/v1/files");
        self.client
            .send(request.multipart(Form::new().part("file", part)))
            .await
    }

    async fn forsure(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.client
            .send_json(method, &format!("/saas/logins{path}"), body)
            .await
    }

    async fn forsure_bulk(&self, mapping: &[&str], rows: &[String]) -> Answer {
        let request = self.client.request(Method::POST, "/saas/logins/clients/bulk-upload");
        self.client.send(fields(request, mapping, rows)).await
    }
}

fn fields(request: RequestBuilder, mapping: &[&str], rows: &[String]) -> RequestBuilder {
    let mut form = Form::new().text("fileId", "file123");
    for row in rows {
        form = form.text("csvData", row.clone());
    }
    for field in mapping {
        form = form.text("mapping", (*field).to_owned());
    }
    request.multipart(form)
}

//! The forsure surface as its document says: every example, every refusal in its envelope, and what lies in the tables.

mod bounds;
mod clients;
mod credentials;
mod envelopes;
mod examples;
mod isolation;
mod portfolio;

use diesel::connection::SimpleConnection;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};
use reqwest::Method;
use serde_json::{Value, json};

use harness::{Answer, Client, Running, Stack};

/// A path below the surface's.
fn at(path: &str) -> String {
    format!("/saas/logins{path}")
}

async fn ask(client: &Client, method: Method, path: &str, body: Value) -> Answer {
    client.send_json(method, &at(path), &body).await
}

async fn get(client: &Client, path: &str) -> Value {
    client.get(&at(path)).await.expect(200).json()
}

/// The fixed text of a refusal and what follows it.
#[track_caller]
fn refused(answer: Answer, status: u16, starts_with: &str) {
    let answer = answer.expect(status);
    let body = answer.json();
    let detail = body["detail"].as_str().unwrap_or_default();
    assert!(detail.starts_with(starts_with), "{body}");
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
}

/// Makes a client; gives its number.
async fn new_client(client: &Client, body: Value) -> i64 {
    let made = ask(client, Method::POST, "/clients", body).await.expect(200).json();
    made["id"].as_i64().unwrap()
}

/// Makes a client with nothing but a name.
async fn named(client: &Client, name: &str) -> i64 {
    new_client(client, json!({"client_name": name})).await
}

/// Makes a credential; gives the answer.
async fn new_credential(client: &Client, of: i64, country: &str, body: Value) -> Value {
    let path = format!("/clients/{of}/credentials/{country}");
    ask(client, Method::POST, &path, body).await.expect(200).json()
}

/// Makes a credential with a login and a password of its own.
async fn credential(client: &Client, of: i64, country: &str, pro: &str, report_type: &str) -> i64 {
    let body = json!({"report_types": [report_type], "pro": pro, "login": "a@x.org", "password": "pw"});
    new_credential(client, of, country, body).await["id"].as_i64().unwrap()
}

/// The document's catalogue.
fn catalogue() -> Value {
    json!({
        "DE": {"Stiftung EAR": ["WEEE"]},
        "FR": {"Eco-Emballages": ["Packaging"]},
        "NL": {"Stichting Open": ["Packaging"]},
    })
}

async fn set_catalogue(client: &Client, catalogue: &Value) {
    client
        .send_json(Method::PUT, "/v1/report-types", catalogue)
        .await
        .expect(200);
}

#[derive(QueryableByName)]
struct Cell {
    #[diesel(sql_type = diesel::sql_types::Text)]
    cell: String,
}

/// The cells of a query with one column of text named `cell`, past the product.
async fn cells(running: &Running, query: &str) -> Vec<String> {
    if running.stack == Stack::Scaled {
        let rows = running.database().await.query(query, &[]).await.unwrap();
        return rows.iter().map(|row| row.get(0)).collect();
    }
    let path = running.data_dir().join("longshore.db");
    let mut file = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    file.batch_execute("pragma busy_timeout = 10000").unwrap();
    let rows: Vec<Cell> = diesel::sql_query(query).load(&mut file).unwrap();
    rows.into_iter().map(|row| row.cell).collect()
}

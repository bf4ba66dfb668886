//! A caller of the API: requests with a key, answers read whole, and the polling that checks what must hold at every poll.

use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method, RequestBuilder};
use serde_json::Value;

/// A key and the address it is for. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    /// Shared by all clones.
    pub http: reqwest::Client,
    /// `http://127.0.0.1:PORT`.
    pub base: String,
    /// The API key, empty for a stranger.
    pub key: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// Its status code.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub text: String,
}

impl Answer {
    /// Panics, with the body, on any other status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// A header's text, empty if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// A client that knows no key; TLS is set up once, though nothing here speaks it.
pub(super) fn http() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(120))
        .build()
        .expect("an HTTP client")
}

impl Client {
    pub(super) fn new(port: u16, key: String) -> Self {
        Self {
            http: http(),
            base: format!("http://127.0.0.1:{port}"),
            key,
        }
    }

    /// The same key at another port.
    pub(super) fn at(&self, port: u16) -> Self {
        Self {
            base: format!("http://127.0.0.1:{port}"),
            ..self.clone()
        }
    }

    /// Another key at the same address.
    pub fn with_key(&self, key: &str) -> Self {
        Self {
            key: key.to_owned(),
            ..self.clone()
        }
    }

    /// An absolute URL.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// `127.0.0.1:PORT`, for a test that writes its own bytes.
    pub fn address(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    /// A request with the key, to be filled and given to `send`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.url(path));
        if self.key.is_empty() {
            request
        } else {
            request.header(AUTHORIZATION, format!("Bearer {}", self.key))
        }
    }

    /// Sends and reads the whole answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.expect("an answer")
    }

    /// The same where the server may be dead.
    pub async fn try_send(&self, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer {
            status,
            headers,
            text: response.text().await?,
        })
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// GET where the server may be dead.
    pub async fn try_get(&self, path: &str) -> Result<Answer, reqwest::Error> {
        self.try_send(self.request(Method::GET, path)).await
    }

    /// POST without a body.
    pub async fn post(&self, path: &str) -> Answer {
        self.send(self.request(Method::POST, path)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Any method with a JSON body.
    pub async fn send_json(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.send(self.request(method, path).json(body)).await
    }

    /// `POST /v1/imports?QUERY` with the file as the body.
    pub async fn post_csv(&self, query: &str, file: impl Into<Body>) -> Answer {
        self.send(self.csv_request(query, file)).await
    }

    /// The request of `post_csv`, for more headers.
    pub fn csv_request(&self, query: &str, file: impl Into<Body>) -> RequestBuilder {
        let path = format!("/v1/imports?{query}");
        self.request(Method::POST, &path)
            .header(CONTENT_TYPE, "text/csv")
            .body(file)
    }

    /// A multipart POST: the part `options`, if given, then the part `part` with the file.
    pub async fn upload(&self, path: &str, options: Option<&Value>, part: &'static str, file: Vec<u8>) -> Answer {
        let mut form = Form::new();
        if let Some(options) = options {
            let json = Part::text(options.to_string())
                .mime_str("application/json")
                .expect("a media type");
            form = form.part("options", json);
        }
        let csv = Part::bytes(file)
            .file_name("people.csv")
            .mime_str("text/csv")
            .expect("a media type");
        self.send(self.request(Method::POST, path).multipart(form.part(part, csv)))
            .await
    }

    /// Uploads a file that must be taken; gives the import's id.
    pub async fn import(&self, query: &str, file: impl Into<Body>) -> i64 {
        let import = self.post_csv(query, file).await.expect(202).json();
        import["id"].as_i64().expect("an integer id")
    }

    /// The import as it stands.
    pub async fn show(&self, id: i64) -> Value {
        self.get(&format!("/v1/imports/{id}")).await.expect(200).json()
    }

    /// Polls until the import is final, for at most a minute.
    pub async fn wait_final(&self, id: i64) -> Value {
        self.wait_final_within(id, Duration::from_secs(60)).await
    }

    /// Polls until the import is final. Every answer on the way must hold the identity and never go back; a server that is dead
    /// or not ready for a while is no answer.
    pub async fn wait_final_within(&self, id: i64, up_to: Duration) -> Value {
        let deadline = Instant::now() + up_to;
        let mut before = Value::Null;
        while Instant::now() < deadline {
            if let Ok(answer) = self.try_get(&format!("/v1/imports/{id}")).await
                && answer.status != 503
            {
                let import = answer.expect(200).json();
                check_progress(&before, &import);
                if is_final(&import) {
                    return import;
                }
                before = import;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("import {id} is not final after {up_to:?}: {before:#}");
    }

    /// The failed rows as the file to mend.
    pub async fn failed_csv(&self, id: i64) -> String {
        self.get(&format!("/v1/imports/{id}/failed.csv")).await.expect(200).text
    }

    /// The failed rows as JSON, all pages.
    pub async fn failed_rows(&self, id: i64) -> Vec<Value> {
        self.pages(&format!("/v1/imports/{id}/rows?outcome=failed&limit=1000"))
            .await
    }

    /// All users of the organization, by id.
    pub async fn users(&self) -> Vec<Value> {
        self.pages("/v1/users?limit=1000").await
    }

    /// Follows `next_cursor` to the end of a listing.
    pub async fn pages(&self, path: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}{cursor}")).await.expect(200).json();
            all.extend(page["data"].as_array().expect("a page").iter().cloned());
            let Some(next) = page["next_cursor"].as_str() else {
                return all;
            };
            cursor = format!("&cursor={next}");
        }
    }
}

/// No further change will come.
pub fn is_final(import: &Value) -> bool {
    ["completed", "partial", "failed", "canceled"].contains(&import["status"].as_str().expect("a status"))
}

/// One of an import's counts.
#[track_caller]
pub fn count(import: &Value, name: &str) -> u64 {
    import["counts"][name]
        .as_u64()
        .unwrap_or_else(|| panic!("no count {name}: {import:#}"))
}

/// The identity of the counts, and that none is less than at the poll before.
#[track_caller]
fn check_progress(before: &Value, import: &Value) {
    let of = |name: &str| count(import, name);
    let sum = of("created") + of("updated") + of("unchanged") + of("failed") + of("skipped");
    assert_eq!(of("read"), sum, "read is not the sum: {import:#}");
    assert!(of("read") <= of("total"), "more read than there is: {import:#}");
    if is_final(import) {
        assert_eq!(
            of("total"),
            of("read") + of("unprocessed"),
            "rows are missing: {import:#}"
        );
    }
    if before.is_null() {
        return;
    }
    for name in [
        "created",
        "updated",
        "unchanged",
        "failed",
        "skipped",
        "read",
        "warnings",
    ] {
        assert!(
            count(before, name) <= of(name),
            "{name} went back: {before:#}\n{import:#}"
        );
    }
    assert_eq!(count(before, "total"), of("total"), "the total changed");
}

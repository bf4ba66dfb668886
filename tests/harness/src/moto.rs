//! One private S3-speaking server (moto) for the whole run, a fresh bucket for each test.

use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::client;
use super::process::Process;
use super::programs::{free_port, program};
use super::watchdog;

/// The run's server.
pub struct Moto {
    port: u16,
    _process: Process,
}

/// A bucket of the test's own.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// `s3://bucket/prefix`, as `blob_url` wants it.
    pub url: String,
    /// The server, as `s3_endpoint` wants it.
    pub endpoint: String,
    name: String,
}

/// What every test may sign with; the server takes any.
pub(crate) const S3_REGION: &str = "us-east-1";
/// See `S3_REGION`.
pub(crate) const S3_KEY: &str = "test";

/// Starts the server at the first call.
pub fn moto() -> &'static Moto {
    static MOTO: OnceLock<Moto> = OnceLock::new();
    MOTO.get_or_init(Moto::start)
}

impl Moto {
    fn start() -> Self {
        let log = watchdog::folder("moto-").join("moto.log");
        for _ in 0..5 {
            let port = free_port();
            let mut command = Command::new(program("moto_server"));
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
            let mut process = Process::spawn(&mut command, &log);
            let deadline = Instant::now() + Duration::from_secs(60);
            while Instant::now() < deadline && process.is_alive() {
                if process.log().contains(&format!("Running on http://127.0.0.1:{port}")) {
                    return Self {
                        port,
                        _process: process,
                    };
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        panic!(
            "moto_server does not start: {}",
            std::fs::read_to_string(&log).unwrap_or_default()
        );
    }

    /// Where it answers.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Makes an empty bucket.
    pub async fn fresh_bucket(&self) -> Bucket {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("bucket-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let endpoint = self.endpoint();
        let made = client::http()
            .put(format!("{endpoint}/{name}"))
            .send()
            .await
            .expect("moto answers");
        assert!(made.status().is_success(), "no bucket: {}", made.status());
        Bucket {
            url: format!("s3://{name}/uploads"),
            endpoint,
            name,
        }
    }
}

impl Bucket {
    /// The keys of all its objects.
    pub async fn keys(&self) -> Vec<String> {
        let url = format!("{}/{}?list-type=2", self.endpoint, self.name);
        let page = client::http()
            .get(url)
            .send()
            .await
            .expect("moto answers")
            .text()
            .await
            .expect("a listing");
        let keys = page.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
        keys.map(|(key, _)| key.to_owned()).collect()
    }

    /// An object as it lies there.
    pub async fn object(&self, key: &str) -> Vec<u8> {
        let request = signed(client::http().get(self.object_url(key)));
        let answer = request.send().await.expect("moto answers");
        assert!(answer.status().is_success(), "{key}: {}", answer.status());
        answer.bytes().await.expect("an object").to_vec()
    }

    /// Puts another in its place, or none.
    pub async fn replace(&self, key: &str, object: Option<Vec<u8>>) {
        let (client, url) = (client::http(), self.object_url(key));
        let request = match object {
            Some(object) => client.put(url).body(object),
            None => client.delete(url),
        };
        let answer = signed(request).send().await.expect("moto answers");
        assert!(answer.status().is_success(), "{key}: {}", answer.status());
    }

    fn object_url(&self, key: &str) -> String {
        format!("{}/{}/{key}", self.endpoint, self.name)
    }

    /// How many uploads in parts were begun and neither ended nor undone.
    pub async fn unfinished_uploads(&self) -> usize {
        let url = format!("{}/{}?uploads", self.endpoint, self.name);
        let answer = client::http().get(url).send().await.expect("moto answers");
        let page = answer.text().await.expect("a listing");
        page.matches("<Upload>").count()
    }
}

/// Objects are their owner's, and the server looks no further than whether somebody signed.
fn signed(request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
    let signature = format!(
        "AWS4-HMAC-SHA256 Credential={S3_KEY}/20260101/{S3_REGION}/s3/aws4_request, SignedHeaders=host, Signature=0"
    );
    request.header("authorization", signature)
}

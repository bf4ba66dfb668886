//! A caller on a raw connection that is kept: it costs less than a client library, and so takes less from what is measured.

use std::time::{Duration, Instant};

use harness::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::times::Times;

/// One connection.
pub(crate) struct Wire {
    stream: TcpStream,
    answer: Vec<u8>,
}

/// A request without a body.
pub(crate) fn get(client: &Client, path: &str) -> Vec<u8> {
    head(client, "GET", path, "").into_bytes()
}

/// A request with JSON.
pub(crate) fn patch(client: &Client, path: &str, body: &str) -> Vec<u8> {
    let more = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    (head(client, "PATCH", path, &more) + body).into_bytes()
}

fn head(client: &Client, method: &str, path: &str, more: &str) -> String {
    let (host, key) = (client.address(), &client.key);
    format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n{more}\r\n")
}

impl Wire {
    pub(crate) async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("the API listens");
        stream.set_nodelay(true).expect("a socket");
        Self {
            stream,
            answer: Vec::with_capacity(16 * 1024),
        }
    }

    /// Sends and reads the whole answer, which must be a 200.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Duration {
        let begun = Instant::now();
        self.stream.write_all(request).await.expect("the connection is kept");
        self.answer.clear();
        while !is_whole(&self.answer) {
            let read = self.stream.read_buf(&mut self.answer).await;
            assert!(read.expect("an answer") > 0, "closed in the middle of an answer");
        }
        let took = begun.elapsed();
        assert!(
            self.answer.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&self.answer)
        );
        took
    }
}

/// Head and as much of a body as it announces.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default()).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.and_then(|text| text.trim().parse().ok()).expect("a length");
    answer.len() >= end + 4 + length
}

/// What a crowd of callers got.
pub(crate) struct Load {
    pub(crate) per_second: f64,
    pub(crate) latencies: Times,
}

/// So many connections, each asking again as soon as it is answered, all on a thread of their own.
pub(crate) async fn load(client: &Client, path: &str, connections: u32, lasting: Duration) -> Load {
    let (address, request) = (client.address().to_owned(), get(client, path));
    let crowd = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime
            .expect("a runtime")
            .block_on(crowd(address, request, connections, lasting))
    };
    let measured = tokio::task::spawn_blocking(crowd).await;
    measured.expect("every answer is a 200")
}

async fn crowd(address: String, request: Vec<u8>, connections: u32, lasting: Duration) -> Load {
    let mut wires = Vec::new();
    for _ in 0..connections {
        let mut wire = Wire::open(&address).await;
        wire.exchange(&request).await;
        wires.push(wire);
    }
    let begun = Instant::now();
    let callers: Vec<_> = wires
        .into_iter()
        .map(|wire| tokio::spawn(call(wire, request.clone(), begun + lasting)))
        .collect();
    let mut latencies = Vec::new();
    for caller in callers {
        latencies.extend(caller.await.expect("every answer is a 200"));
    }
    let took = begun.elapsed();
    let latencies: Times = latencies.into_iter().collect();
    let answers = u32::try_from(latencies.count()).unwrap_or(u32::MAX);
    Load {
        per_second: f64::from(answers) / took.as_secs_f64(),
        latencies,
    }
}

async fn call(mut wire: Wire, request: Vec<u8>, end: Instant) -> Vec<Duration> {
    let mut latencies = Vec::new();
    while Instant::now() < end {
        latencies.push(wire.exchange(&request).await);
    }
    latencies
}

//! As much of HTTP/1.1 as object stores and their clients speak with each other here: lengths, no chunks.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request, read whole.
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// An answer to be written.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// What a HEAD says of a body that does not come.
    pub(super) length: Option<String>,
}

/// Those that belong to one connection.
const HOP: [&str; 5] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "keep-alive",
];

impl Request {
    pub(super) async fn read(stream: &mut TcpStream) -> Option<Self> {
        let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        let head_end = loop {
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
            bytes.extend_from_slice(&buffer[..read]);
        };
        let head = String::from_utf8(bytes[..head_end].to_vec()).ok()?;
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length: usize = length.map_or(Some(0), |(_, length)| length.parse().ok())?;
        let mut body = bytes.split_off(head_end + 4);
        while body.len() < length {
            let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
            body.extend_from_slice(&buffer[..read]);
        }
        Some(Self {
            method,
            target,
            headers,
            body,
        })
    }

    /// To the real store.
    pub(super) async fn pass_on(&self, client: &reqwest::Client, store: &str) -> Answer {
        let method = self.method.parse().expect("a method");
        let mut request = client.request(method, format!("{store}{}", self.target));
        for (name, value) in self.headers.iter().filter(|(name, _)| !HOP.contains(&name.as_str())) {
            request = request.header(name, value);
        }
        let response = request.body(self.body.clone()).send().await.expect("the store answers");
        let headers = response.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        let headers: Vec<(String, String)> = headers.collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length
            .filter(|_| self.method == "HEAD")
            .map(|(_, length)| length.clone());
        Answer {
            status: response.status().as_u16(),
            headers: headers
                .into_iter()
                .filter(|(name, _)| !HOP.contains(&name.as_str()))
                .collect(),
            length,
            body: response.bytes().await.expect("the store's answer").to_vec(),
        }
    }
}

impl Answer {
    pub(super) fn head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} As Said\r\nconnection: close\r\n", self.status);
        let length = self.length.clone().unwrap_or_else(|| self.body.len().to_string());
        head.push_str(&format!("content-length: {length}\r\n"));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    pub(super) async fn write(&self, stream: &mut TcpStream) {
        // A caller that is gone has its reasons.
        drop(stream.write_all(&self.head()).await);
        drop(stream.write_all(&self.body).await);
        drop(stream.shutdown().await);
    }

    /// Says that the bytes lie so much further on than they do.
    pub(super) fn claim_another_range(&mut self, further: u64) {
        let Some((_, range)) = self.headers.iter_mut().find(|(name, _)| name == "content-range") else {
            return;
        };
        let Some((span, size)) = range.trim_start_matches("bytes ").split_once('/') else {
            return;
        };
        let Some((from, to)) = span.split_once('-') else { return };
        if let (Ok(from), Ok(to)) = (from.parse::<u64>(), to.parse::<u64>()) {
            *range = format!("bytes {}-{}/{size}", from + further, to + further);
        }
    }
}

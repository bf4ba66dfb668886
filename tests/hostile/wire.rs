//! Bytes on a connection, for requests that no client library would send.

use std::time::Duration;

use harness::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An upload up to its own headers; `{host}` and `{key}` are filled in.
pub(crate) const UPLOAD: &str = "POST /v1/imports?resource=users HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nContent-Type: text/csv\r\n";

/// A listing, after which the connection stays.
pub(crate) const LIST: &str = "GET /v1/imports HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\r\n";

/// The text with the client's address and key in it.
pub(crate) fn filled(client: &Client, text: &str) -> Vec<u8> {
    text.replace("{host}", client.address())
        .replace("{key}", &client.key)
        .into_bytes()
}

/// A connection on which this has been written.
pub(crate) async fn opened(client: &Client, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(client.address()).await.unwrap();
    stream.write_all(&filled(client, text)).await.unwrap();
    stream
}

/// All that comes until the other side closes, or for so long.
pub(crate) async fn rest(stream: &mut TcpStream, up_to: Duration) -> String {
    let mut answer = Vec::new();
    let _reset = tokio::time::timeout(up_to, stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// Writes bytes as they are and reads what comes until the other side closes.
pub(crate) async fn raw(client: &Client, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(client.address()).await.unwrap();
    // The other side may refuse before it has read all of it.
    drop(stream.write_all(bytes).await);
    rest(&mut stream, Duration::from_secs(10)).await
}

/// The statuses of the answers in what came, in order.
pub(crate) fn statuses(answers: &str) -> Vec<u16> {
    let lines = answers.split("HTTP/1.1 ").skip(1);
    lines.filter_map(|line| line.get(..3)?.parse().ok()).collect()
}

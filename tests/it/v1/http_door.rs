//! The door as HTTP: media types, multipart, lengths, compression and slow bodies, numbered as in the catalogue of hostile
//! inputs. Requests are written byte by byte where no client library would send them.

use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use harness::{Client, both_stacks};

const FILE: &str = "source_id\n1\n";

/// Sends bytes as they are and reads what comes back; `{host}` and `{key}` are filled in.
async fn raw(client: &Client, request: &str) -> String {
    let mut stream = TcpStream::connect(client.address()).await.unwrap();
    let request = request
        .replace("{host}", client.address())
        .replace("{key}", &client.key);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _reset = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or(answer)
}

const HEAD: &str =
    "POST /v1/imports?resource=users HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n";

async fn post_as(client: &Client, media_type: &str, body: impl Into<Vec<u8>>) -> (u16, String) {
    let request = client
        .request(Method::POST, "/v1/imports?resource=users")
        .header("Content-Type", media_type);
    let answer = client.send(request.body(body.into())).await;
    let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
    (answer.status, code)
}

fn multipart(parts: &[&str], end: &str) -> Vec<u8> {
    let parts: Vec<String> = parts.iter().map(|part| format!("--x\r\n{part}\r\n")).collect();
    format!("{}{end}", parts.concat()).into_bytes()
}

const PART: &str =
    "Content-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\nsource_id\n1\n";

both_stacks! {
    async fn media_types_and_boundaries(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        for wrong in ["application/pdf", "text/html", "text/csv; charset=klingon"] {
            assert_eq!(post_as(client, wrong, FILE).await.0, 415, "67: {wrong}");
        }
        let bare = client.request(Method::POST, "/v1/imports?resource=users").body(FILE);
        client.send(bare).await.expect(415);
        assert_eq!(post_as(client, "text/csv; charset=windows-1252", b"source_id\n\xE9\n".as_slice()).await.0, 202);
        for wrong in ["multipart/form-data", "multipart/form-data; boundary=x; boundary=y"] {
            assert_eq!(post_as(client, wrong, multipart(&[PART], "--x--\r\n")).await.0, 400, "68, 69: {wrong}");
        }
        let long = format!("multipart/form-data; boundary={}", "b".repeat(300));
        assert_eq!(post_as(client, &long, FILE).await.0, 400, "69");
    }

    async fn parts_that_are_missing_doubled_or_cut(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let form = "multipart/form-data; boundary=x";
        let post = |body: Vec<u8>| post_as(client, form, body);
        assert_eq!(post(multipart(&[PART], "--x--\r\n")).await.0, 202);
        assert_eq!(post(multipart(&[PART, PART], "--x--\r\n")).await.0, 400, "72: two files");
        assert_eq!(post(multipart(&[PART; 5000], "--x--\r\n")).await.0, 400, "72: five thousand files");
        assert_eq!(post(multipart(&[], "--x--\r\n")).await.0, 400, "72: no file");
        assert_eq!(post(multipart(&[PART], "")).await.0, 400, "70: cut before the closing boundary");
        let unnamed = PART.replace("Content-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n", "");
        assert_eq!(post(multipart(&[&unnamed], "--x--\r\n")).await.0, 400, "75");
        let huge = PART.replacen("Content-Type", &format!("X-Big: {}\r\nContent-Type", "h".repeat(100_000)), 1);
        assert_eq!(post(multipart(&[&huge], "--x--\r\n")).await.0, 400, "73");
        let other = PART.replace("name=\"file\"", "name=\"flie\"");
        assert_eq!(post(multipart(&[&other, PART], "--x--\r\n")).await.0, 400, "72: an unknown part");
        let imports = client.pages("/v1/imports?limit=100").await;
        assert_eq!(imports.len(), 1, "only the sound one is left: {imports:#?}");
    }

    async fn file_names_are_labels(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        for name in ["../../etc/passwd", "/etc/passwd", "C:\\windows\\x.csv", "a\u{202e}b.csv", &"n".repeat(10_000)] {
            let part = Part::bytes(FILE.as_bytes().to_vec()).file_name(name.to_owned()).mime_str("text/csv").unwrap();
            let request = client.request(Method::POST, "/v1/imports?resource=users").multipart(Form::new().part("file", part));
            let import = client.send(request).await.expect(202).json();
            let label = import["file"]["name"].as_str().unwrap_or_default();
            assert!(label.len() <= 255 && !label.contains(['/', '\\', '\u{202e}']), "74: {label}");
        }
    }

    async fn compressed_bodies_have_bounds(stack) {
        use std::io::Write;
        let running = stack.start(&[]).await;
        let client = &running.client;
        let gzip = |bytes: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let send = |coding: &'static str, body: Vec<u8>| {
            client.send(client.csv_request("resource=users", body).header("Content-Encoding", coding))
        };
        let sound = gzip(b"source_id\n1\n");
        send("gzip", sound.clone()).await.expect(202);
        let bomb = gzip(format!("source_id\n{}", "\n".repeat(100 << 20)).as_bytes());
        let answer = send("gzip", bomb).await;
        assert!([400, 413].contains(&answer.status), "76: bomb: {}", answer.text);
        send("gzip", sound[..sound.len() - 4].to_vec()).await.expect(400);
        send("gzip", [&sound[..sound.len() - 8], &[0; 8]].concat()).await.expect(400);
        send("gzip", [&sound[..], b"junk"].concat()).await.expect(400);
        send("gzip", b"source_id\n1\n".to_vec()).await.expect(400);
        for coding in ["br", "deflate", "gzip, gzip"] {
            send(coding, sound.clone()).await.expect(415);
        }
        assert_eq!(client.pages("/v1/imports?limit=10").await.len(), 1);
    }

    async fn lengths_and_limits(stack) {
        let running = stack.start(&[("LONGSHORE_LIMITS_UPLOAD_BYTES", "1MiB")]).await;
        let client = &running.client;
        let file = |bytes: usize| format!("source_id\n{}", "1\n".repeat((bytes - 10) / 2));
        client.post_csv("resource=users", file(1 << 20)).await.expect(202);
        let problem = client.post_csv("resource=users", file((1 << 20) + 2)).await.expect(413).json();
        assert!(problem.to_string().contains("1"), "41: {problem}");
        let chunks = futures::stream::iter((0..40).map(|_| Ok::<_, std::io::Error>(vec![b'\n'; 64 * 1024])));
        let chunked = client.csv_request("resource=users", reqwest::Body::wrap_stream(chunks));
        if let Ok(answer) = client.try_send(chunked).await {
            assert!([400, 413].contains(&answer.status), "78: {}", answer.text);
        }
        let cut = raw(client, &format!("{HEAD}Content-Type: text/csv\r\nContent-Length: 20\r\n\r\nsource_id\n")).await;
        assert!(cut.is_empty() || ["400", "408"].contains(&status(&cut)), "71: {cut}");
        for smuggled in ["Content-Length: 3\r\nTransfer-Encoding: chunked", "Content-Length: 3\r\nContent-Length: 4", "Content-Length: -1", "Transfer-Encoding: xchunked"] {
            let answer = raw(client, &format!("{HEAD}Content-Type: text/csv\r\n{smuggled}\r\n\r\n0\r\n\r\n")).await;
            assert_eq!(status(&answer), "400", "77: {smuggled}: {answer}");
        }
        assert_eq!(client.pages("/v1/imports?limit=10").await.len(), 1);
    }

    async fn a_wrong_key_is_answered_before_the_body(stack) {
        let running = stack.start(&[]).await;
        let stranger = running.client.with_key("lsk_nobody");
        let head = format!("{HEAD}Content-Type: text/csv\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n");
        let answer = raw(&stranger, &head).await;
        assert_eq!(status(&answer), "401", "79: {answer}");
    }

    async fn slow_bodies_are_cut(stack) {
        let running = stack.start(&[("LONGSHORE_LIMITS_BODY_IDLE", "2s"), ("LONGSHORE_LIMITS_BODY_TOTAL", "4s")]).await;
        let client = &running.client;
        let head = format!("{HEAD}Content-Type: text/csv\r\nContent-Length: 1000\r\n\r\nsource_id\n");
        let begun = Instant::now();
        let silent = raw(client, &head).await;
        assert!(begun.elapsed() < Duration::from_secs(8), "81");
        assert_eq!(status(&silent), "408", "81: {silent}");
        let mut stream = TcpStream::connect(client.address()).await.unwrap();
        let head = head.replace("{host}", client.address()).replace("{key}", &client.key);
        stream.write_all(head.as_bytes()).await.unwrap();
        let begun = Instant::now();
        // One byte a second keeps the connection awake, but the whole must end in time.
        while begun.elapsed() < Duration::from_secs(8) && stream.write_all(b"1").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let mut answer = Vec::new();
        let _reset = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.is_empty() || status(&answer) == "408", "81: {answer}");
        client.get("/v1/imports").await.expect(200);
        assert_eq!(client.pages("/v1/imports?limit=10").await.len(), 0);
    }

    async fn unknown_methods_and_paths(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let wrong = client.send(client.request(Method::PUT, "/v1/imports")).await.expect(405);
        assert!(wrong.header("allow").contains("POST"), "85: {:?}", wrong.headers);
        let forged = client.request(Method::GET, "/v1/imports").header("X-HTTP-Method-Override", "DELETE");
        client.send(forged).await.expect(200);
        for id in ["..%2f1", "%00", "0", "-1", "01", "1e3", "99999999999999999999", "x"] {
            let answer = client.get(&format!("/v1/imports/{id}")).await;
            assert_eq!(answer.status, 404, "86: {id}: {}", answer.text);
        }
        client.get("/v1/nothing").await.expect(404);
    }
}

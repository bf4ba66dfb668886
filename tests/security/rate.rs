//! Failed authentications are limited by address and by key id, on every surface; a right key always passes.

use std::time::{Duration, Instant};

use reqwest::Method;

use harness::{Answer, Client, Running, both_stacks};

/// A path of each surface that wants a key, and what its refusals hold.
const SURFACES: [(&str, &str, &str); 6] = [
    ("GET", "/v1/imports", "\"code\":\"too-many-failures\""),
    ("GET", "/bulk/v1/files/1", "\"status\":\"Status: Error\""),
    (
        "GET",
        "/saas/logins/clients",
        "{\"detail\":\"Failed to get client overview",
    ),
    ("POST", "/users/bulk/sourceId", "\"code\":10429"),
    ("POST", "/v2/bulk/upsert", "\"ErrorCode\":7429"),
    ("GET", "/persons/bulk-import", "\"httpcode\":429"),
];
/// One failure passes after so long.
const EVERY: u64 = 3;

/// A key of right form that is nobody's.
fn unknown() -> String {
    longshore::secrets::Secrets::new(b"of nobody").mint().unwrap().text
}

/// A call with a wrong key, in the manner of the path's surface.
async fn guess(client: &Client, method: &str, path: &str, from: &str) -> Answer {
    let key = unknown();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let path = match path.ends_with("/upsert") {
        true => format!("{path}?apikey={}&apisecret={key}", &key[4..16]),
        false => path.to_owned(),
    };
    let request = client
        .with_key(&key)
        .request(method, &path)
        .header("X-Forwarded-For", from);
    client.send(request).await
}

#[track_caller]
fn limited(answer: &Answer) {
    assert_eq!(answer.status, 429, "{}", answer.text);
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=EVERY).contains(&seconds), "{seconds}");
}

fn metric(text: &str, line: &str) -> u64 {
    let found = text.lines().find_map(|of| of.strip_prefix(line));
    found.map_or(0, |count| count.trim().parse().unwrap())
}

async fn limits(running: &Running, of: &str) -> u64 {
    let metrics = running.stranger().get("/metrics").await.expect(200).text;
    metric(&metrics, &format!("longshore_auth_limited_total{{of=\"{of}\"}}"))
}

both_stacks! {
    async fn after_too_many_failures_every_surface_answers_429_in_its_own_words(stack) {
        let running = stack.start(&[("LONGSHORE_LIMITS_AUTH_FAILURES", "4")]).await;
        let client = &running.client;
        for _ in 0..4 {
            guess(client, "GET", "/v1/imports", "").await.expect(401);
        }
        for (method, path, holds) in SURFACES {
            let answer = guess(client, method, path, "").await;
            limited(&answer);
            assert!(answer.text.contains(holds), "{path}: {}", answer.text);
        }
        // A malformed key counts like an unknown one; none at all is no attempt.
        limited(&client.with_key("lsk_x").get("/v1/imports").await);
        running.stranger().get("/v1/imports").await.expect(401);
        for _ in 0..20 {
            client.get("/v1/imports").await.expect(200);
        }
        assert_eq!(limits(&running, "address").await, 7);
        assert!(running.log(running.front()).contains("\"auth.limited\""));
    }

    async fn failures_pass_again_after_the_time_that_is_named(stack) {
        let running = stack.start(&[("LONGSHORE_LIMITS_AUTH_FAILURES", "1")]).await;
        guess(&running.client, "GET", "/v1/imports", "").await.expect(401);
        let answer = guess(&running.client, "GET", "/v1/imports", "").await;
        limited(&answer);
        let began = Instant::now();
        tokio::time::sleep(Duration::from_secs(answer.header("retry-after").parse().unwrap())).await;
        guess(&running.client, "GET", "/v1/imports", "").await.expect(401);
        assert!(began.elapsed() < Duration::from_secs(30));
    }

    async fn a_forwarded_address_is_believed_from_a_trusted_proxy_only(stack) {
        let running = stack.start(&[("LONGSHORE_LIMITS_AUTH_FAILURES", "3")]).await;
        for number in 0..3 {
            guess(&running.client, "GET", "/v1/imports", &format!("198.51.100.{number}")).await.expect(401);
        }
        limited(&guess(&running.client, "GET", "/v1/imports", "198.51.100.9").await);
    }

    async fn behind_a_trusted_proxy_each_caller_has_its_own_failures(stack) {
        let trusted = ("LONGSHORE_TRUSTED_PROXIES", "127.0.0.0/8, 10.0.0.0/8");
        let running = stack.start(&[("LONGSHORE_LIMITS_AUTH_FAILURES", "3"), trusted]).await;
        let client = &running.client;
        for _ in 0..3 {
            guess(client, "GET", "/v1/imports", "198.51.100.1").await.expect(401);
        }
        limited(&guess(client, "GET", "/v1/imports", "198.51.100.1").await);
        for spoofed in ["203.0.113.7, 198.51.100.1", "203.0.113.8,198.51.100.1, 10.1.2.3", "198.51.100.1:4711"] {
            limited(&guess(client, "GET", "/v1/imports", spoofed).await);
        }
        guess(client, "GET", "/v1/imports", "198.51.100.2").await.expect(401);
        let request = client.request(Method::GET, "/v1/imports").header("X-Forwarded-For", "198.51.100.1");
        client.send(request).await.expect(200);
    }

    async fn guesses_at_one_key_are_limited_wherever_they_come_from(stack) {
        let trusted = ("LONGSHORE_TRUSTED_PROXIES", "127.0.0.1");
        let running = stack.start(&[("LONGSHORE_LIMITS_AUTH_FAILURES", "5"), trusted]).await;
        let client = &running.client;
        let id = client.key.split('_').nth(1).unwrap().to_owned();
        for (id, exists) in [(id.as_str(), true), ("abcdefghijkl", false)] {
            let mut statuses = Vec::new();
            for number in 0..8 {
                let guess = client.with_key(&with_id(id));
                let request = guess.request(Method::GET, "/v1/imports");
                let answer = guess.send(request.header("X-Forwarded-For", format!("192.0.2.{number}"))).await;
                statuses.push(answer.status);
            }
            assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429, 429], "the same whether it exists: {exists}");
        }
        assert_eq!(limits(&running, "key_id").await, 6);
        client.get("/v1/imports").await.expect(200);
    }

    async fn a_caller_who_asks_before_it_sends_is_counted_too(stack) {
        let running = stack.start(&[("LONGSHORE_LIMITS_AUTH_FAILURES", "2")]).await;
        for expected in [401, 401, 429] {
            let status = expect_continue(running.client.address(), &unknown()).await;
            assert!(status.starts_with(&format!("HTTP/1.1 {expected} ")), "{status}");
        }
        let status = expect_continue(running.client.address(), &running.client.key).await;
        assert!(status.starts_with("HTTP/1.1 100 "), "{status}");
    }
}

/// Right form and checksum, the id of the test's choice.
pub(crate) fn with_id(id: &str) -> String {
    loop {
        let body = format!("lsk_{id}_{}", &unknown()[17..60]);
        let mut sum = crc32fast::hash(body.as_bytes());
        let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut tail: Vec<u8> = (0..6)
            .map(|_| {
                let digit = digits[usize::try_from(sum % 62).unwrap()];
                sum /= 62;
                digit
            })
            .collect();
        tail.reverse();
        let key = format!("{body}{}", String::from_utf8(tail).unwrap());
        if longshore::secrets::Secrets::parse(&key).is_some() {
            return key;
        }
    }
}

/// The first line of the answer to a request that waits for `100 Continue`.
async fn expect_continue(address: &str, key: &str) -> String {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/imports?resource=users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: text/csv\r\n\
         Content-Length: 10\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.unwrap();
    line
}

/// Settings that cannot be are refused by name.
#[tokio::test]
async fn a_proxy_that_is_no_network_is_refused_at_start() {
    let running = harness::Stack::Embedded
        .prepare(&[("LONGSHORE_TRUSTED_PROXIES", "10.0.0.0/8,proxy")])
        .await;
    let refused = running.command(&["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("trusted_proxies is \"10.0.0.0/8,proxy\""), "{said}");
}

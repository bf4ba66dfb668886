//! 76 to 79, 83 to 85: codings, and the framing of HTTP itself.

use harness::Stack;
use reqwest::Method;

use crate::doors::gzip;
use crate::wire::{LIST, UPLOAD, filled, raw, statuses};

const FILE: &str = "source_id\n1\n";

pub(crate) fn numbers() -> Vec<u32> {
    vec![76, 77, 78, 79, 83, 84, 85]
}

#[tokio::test]
async fn compressed_bodies_have_bounds() {
    let running = Stack::Embedded.start(&[]).await;
    let client = &running.client;
    let send = |coding: &'static str, body: Vec<u8>| {
        client.send(
            client
                .csv_request("resource=users", body)
                .header("Content-Encoding", coding),
        )
    };
    let sound = gzip(FILE.as_bytes());
    send("gzip", sound.clone()).await.expect(202);
    send("gzip", [gzip(b"source_id\n"), gzip(b"2\n")].concat())
        .await
        .expect(202);
    let bomb = format!("source_id\n{}", "\n".repeat(100 << 20));
    send("gzip", gzip(bomb.as_bytes())).await.expect(413);
    send("zstd", zstd::encode_all(bomb.as_bytes(), 3).unwrap())
        .await
        .expect(413);
    let members = [sound.clone(), gzip(b"").repeat(100_000)].concat();
    assert_eq!(send("gzip", members).await.status, 400, "76: 100,000 empty members");
    send("gzip", gzip(&sound)).await.expect(400);
    send("gzip", sound[..sound.len() - 4].to_vec()).await.expect(400);
    send("gzip", [&sound[..sound.len() - 8], &[0; 8]].concat())
        .await
        .expect(400);
    send("gzip", [&sound[..], b"junk"].concat()).await.expect(400);
    send("gzip", FILE.into()).await.expect(400);
    for coding in ["br", "deflate", "gzip, gzip", "gzip, br", "compress"] {
        send(coding, sound.clone()).await.expect(415);
    }
    let imports = client.pages("/v1/imports?limit=10").await;
    assert_eq!((imports.len(), running.blobs().await.len()), (2, 2), "76: {imports:#?}");
}

/// 77: what tells two readers of one connection different things. All of it is refused, and no second answer comes.
const SMUGGLED: [(&str, &str); 18] = [
    (
        "both lengths",
        "Content-Length: 12\r\nTransfer-Encoding: chunked\r\n\r\nc\r\nsource_id\n1\n\r\n0\r\n\r\n",
    ),
    (
        "two lengths that differ",
        "Content-Length: 12\r\nContent-Length: 13\r\n\r\nsource_id\n1\n",
    ),
    ("two lengths in one", "Content-Length: 12, 13\r\n\r\nsource_id\n1\n"),
    ("a length with a sign", "Content-Length: +12\r\n\r\nsource_id\n1\n"),
    ("a negative length", "Content-Length: -1\r\n\r\nsource_id\n1\n"),
    (
        "a huge length",
        "Content-Length: 99999999999999999999999\r\n\r\nsource_id\n1\n",
    ),
    ("a length in hex", "Content-Length: 0xc\r\n\r\nsource_id\n1\n"),
    (
        "xchunked",
        "Transfer-Encoding: xchunked\r\n\r\nc\r\nsource_id\n1\n\r\n0\r\n\r\n",
    ),
    (
        "chunked, identity",
        "Transfer-Encoding: chunked, identity\r\n\r\nc\r\nsource_id\n1\n\r\n0\r\n\r\n",
    ),
    (
        "two codings",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\nc\r\nsource_id\n1\n\r\n0\r\n\r\n",
    ),
    (
        "a chunk size that is no number",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\nsource_id\n1\n\r\n0\r\n\r\n",
    ),
    (
        "a chunk size beyond 64 bits",
        "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nsource_id\n1\n\r\n0\r\n\r\n",
    ),
    (
        "a chunk longer than its size",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nsource_id\n1\n\r\n0\r\n\r\n",
    ),
    (
        "a folded header",
        "X-A: b\r\n c\r\nContent-Length: 12\r\n\r\nsource_id\n1\n",
    ),
    ("a space before the colon", "Content-Length : 12\r\n\r\nsource_id\n1\n"),
    ("a bare CR", "X-A: b\rContent-Length: 12\r\n\r\nsource_id\n1\n"),
    ("a NUL", "X-A: b\0c\r\nContent-Length: 12\r\n\r\nsource_id\n1\n"),
    ("two hosts", "Host: other\r\nContent-Length: 12\r\n\r\nsource_id\n1\n"),
];

#[tokio::test]
async fn framing_that_two_could_read_differently_is_refused() {
    let running = Stack::Embedded.start(&[]).await;
    let client = &running.client;
    let next = LIST.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let mut surprises = Vec::new();
    for (name, rest) in SMUGGLED {
        let answer = raw(client, &filled(client, &format!("{UPLOAD}{rest}{next}"))).await;
        // Where the framing breaks inside the body, the answer may be lost to the reset.
        let in_body = name.contains("chunk size") || name.contains("a chunk");
        if statuses(&answer) != [400] && !(in_body && answer.is_empty()) {
            surprises.push(format!("77 {name}: {:?} {answer:.300}", statuses(&answer)));
        }
    }
    for headless in [
        "GET /v1/imports HTTP/1.1\r\nAuthorization: Bearer {key}\r\n\r\n",
        "GET /v1/imports HTTP/1.1\nHost: {host}\nConnection: close\n\n",
    ] {
        let answer = raw(client, &filled(client, headless)).await;
        if !matches!(statuses(&answer)[..], [400] | [401]) {
            surprises.push(format!("77 {headless:?}: {answer:.300}"));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    assert_eq!(
        client.pages("/v1/imports?limit=10").await.len(),
        0,
        "77: nothing was stored"
    );
}

#[tokio::test]
async fn lengths_and_limits() {
    let running = Stack::Embedded
        .start(&[("LONGSHORE_LIMITS_UPLOAD_BYTES", "1MiB")])
        .await;
    let client = &running.client;
    let file = |bytes: usize| format!("source_id\n{}", "1\n".repeat((bytes - 10) / 2));
    client.post_csv("resource=users", file(1 << 20)).await.expect(202);
    client.post_csv("resource=users", file((1 << 20) + 2)).await.expect(413);
    let chunked = |bytes: usize| {
        let pieces: Vec<_> = file(bytes)
            .into_bytes()
            .chunks(10_000)
            .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
            .collect();
        reqwest::Body::wrap_stream(futures::stream::iter(pieces))
    };
    client.post_csv("resource=users", chunked(1 << 20)).await.expect(202);
    client
        .post_csv("resource=users", chunked((1 << 20) + 2))
        .await
        .expect(413);
    assert_eq!(client.pages("/v1/imports?limit=10").await.len(), 2, "78");
    let asked = "Content-Length: 2000000\r\nExpect: 100-continue\r\n\r\n";
    let over = raw(client, &filled(client, &format!("{UPLOAD}{asked}"))).await;
    assert_eq!(statuses(&over), [413], "79: {over}");
    let stranger = client.with_key("lsk_nobody");
    let nobody = raw(&stranger, &filled(&stranger, &format!("{UPLOAD}{asked}"))).await;
    assert_eq!(statuses(&nobody), [401], "79: {nobody}");
}

#[tokio::test]
async fn heads_have_bounds() {
    let running = Stack::Embedded.start(&[]).await;
    let client = &running.client;
    let many = "X-A: b\r\n".repeat(97);
    let large = format!("X-A: {}\r\n", "b".repeat(200_000));
    let heads = [
        format!("GET /healthz HTTP/1.1\r\nHost: {{host}}\r\n{many}\r\n"),
        format!("GET /healthz HTTP/1.1\r\nHost: {{host}}\r\n{large}\r\n"),
        format!("GET /healthz?{} HTTP/1.1\r\nHost: {{host}}\r\n\r\n", "q".repeat(70_000)),
    ];
    for head in heads {
        let answer = raw(client, &filled(client, &head)).await;
        let refused = answer.is_empty() || matches!(statuses(&answer)[..], [400 | 414 | 431]);
        assert!(refused, "83 {:.60}: {answer:.200}", head);
    }
    client.get("/healthz").await.expect(200);
}

#[tokio::test]
async fn an_early_answer_never_reads_a_body_as_the_next_request() {
    let running = Stack::Embedded
        .start(&[("LONGSHORE_LIMITS_UPLOAD_BYTES", "1KiB")])
        .await;
    let client = &running.client;
    let hidden = LIST.repeat(3);
    for length in [hidden.len() + 4_000, hidden.len() * 2] {
        let request = format!("{UPLOAD}Content-Length: {length}\r\n\r\n{hidden}");
        let answer = raw(client, &filled(client, &request)).await;
        assert!(
            statuses(&answer).len() <= 1 && !answer.contains("\"data\""),
            "84: {answer}"
        );
    }
    let refused = UPLOAD.replace("{key}", "nobody");
    let chunked = format!("{refused}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{hidden}", 100_000);
    let answer = raw(client, &filled(client, &chunked)).await;
    assert!(!answer.contains("\"data\""), "84: {answer}");
    let both = LIST.to_owned() + &LIST.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let answer = raw(client, &filled(client, &both)).await;
    assert_eq!(
        statuses(&answer),
        [200, 200],
        "84: sound pipelining is answered in order"
    );
}

#[tokio::test]
async fn unknown_methods_are_refused_and_none_is_overridden() {
    let running = Stack::Embedded.start(&[]).await;
    let client = &running.client;
    let id = client.import("resource=users", FILE).await;
    client.wait_final(id).await;
    for path in [
        "/v1/imports",
        &format!("/v1/imports/{id}"),
        "/healthz",
        "/bulk/v1/files",
        "/persons/bulk-import",
    ] {
        for method in ["TRACE", "PUT", "CONNECT", "BREW", "get"] {
            let request = client.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
            let answer = client.try_send(request).await;
            assert!(
                answer.is_err() || answer.is_ok_and(|answer| [400, 404, 405].contains(&answer.status)),
                "85 {method} {path}"
            );
        }
    }
    let allowed = client
        .send(client.request(Method::PUT, "/v1/imports"))
        .await
        .expect(405);
    assert!(allowed.header("allow").contains("POST"), "85: {:?}", allowed.headers);
    for name in ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"] {
        client
            .send(
                client
                    .request(Method::POST, &format!("/v1/imports/{id}/cancel"))
                    .header(name, "DELETE"),
            )
            .await
            .expect(200);
        client
            .send(
                client
                    .request(Method::GET, &format!("/v1/imports/{id}?_method=DELETE"))
                    .header(name, "DELETE"),
            )
            .await
            .expect(400);
    }
    client.get(&format!("/v1/imports/{id}")).await.expect(200);
}

//! Bodies as hostile clients send them.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};
use futures::stream;

use super::*;

const LIMITS: Limits = Limits {
    idle: Duration::from_secs(10),
    total: Duration::from_secs(3600),
    bytes_per_second: 10 * 1024,
};
const LIMIT: u64 = 1024 * 1024;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    headers
}

/// A payload in chunks of `size` bytes that ends well, or is cut.
fn payload(body: &[u8], size: usize, cut: bool) -> Payload {
    let mut chunks: Vec<Result<Bytes, PayloadError>> = body
        .chunks(size)
        .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
        .collect();
    if cut {
        chunks.push(Err(PayloadError::Incomplete(None)));
    }
    Payload::Stream {
        payload: Box::pin(stream::iter(chunks)),
    }
}

/// What arrives on the other side: the file, and whether its end was announced.
async fn carry(headers: &HeaderMap, payload: Payload, forms: Forms) -> Result<(Vec<u8>, bool), &'static str> {
    let upload = Upload::open(headers, payload, forms, &LIMITS, LIMIT)
        .await
        .map_err(|problem| problem.code)?;
    let (sink, mut source) = mpsc::channel(CHUNKS_IN_FLIGHT);
    let reading = async {
        let (mut file, mut ended) = (Vec::new(), false);
        while let Some(part) = source.recv().await {
            match part {
                BodyPart::Chunk(chunk) => {
                    assert!(chunk.len() <= CHUNK_BYTES);
                    file.extend_from_slice(&chunk);
                }
                BodyPart::End => ended = true,
            }
        }
        (file, ended)
    };
    let (pumped, (file, ended)) = tokio::join!(upload.pump(sink, async { Ok(()) }), reading);
    assert_eq!(pumped.is_ok(), ended);
    pumped.map(|_| (file, ended)).map_err(|problem| problem.code)
}

fn form(parts: &[(&str, &str)]) -> String {
    let parts: String = parts
        .iter()
        .map(|(head, body)| format!("--b\r\n{head}\r\n\r\n{body}\r\n"))
        .collect();
    format!("{parts}--b--\r\n")
}

const FILE: &str = "Content-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\nContent-Type: text/csv";
const OPTIONS: &str = "Content-Disposition: form-data; name=\"options\"\r\nContent-Type: application/json";
const FORM: &[(&str, &str)] = &[("content-type", "multipart/form-data; boundary=b")];

async fn form_code(body: &str) -> &'static str {
    let carried = carry(
        &headers(FORM),
        payload(body.as_bytes(), 7, false),
        Forms::RawOrMultipart,
    )
    .await;
    carried.err().unwrap_or("accepted")
}

#[tokio::test]
async fn a_raw_body_arrives_as_it_is() {
    let body = vec![b'x'; 200_000];
    let plain = headers(&[("content-type", "text/csv")]);
    let carried = carry(&plain, payload(&body, 150_000, false), Forms::RawOrMultipart).await;
    assert_eq!(carried.unwrap(), (body, true));
}

#[tokio::test]
async fn a_cut_body_never_ends() {
    let cut = |headers: HeaderMap, body: &'static [u8]| async move {
        carry(&headers, payload(body, 3, true), Forms::RawOrMultipart)
            .await
            .unwrap_err()
    };
    assert_eq!(
        cut(headers(&[("content-type", "text/csv")]), b"a,b\n1,2\n").await,
        "body-truncated"
    );
    let whole = form(&[(FILE, "a,b\r\n1,2")]).leak();
    assert_eq!(cut(headers(FORM), whole.as_bytes()).await, "body-truncated");
}

#[tokio::test]
async fn every_prefix_of_a_form_is_truncated() {
    let whole = form(&[(FILE, "a,b\r\n1,2\r\n--\r\n--cb\r\n")]);
    for end in 0..whole.len() - 2 {
        let code = form_code(&whole[..end]).await;
        assert_ne!(code, "accepted", "cut at {end}: {:?}", &whole[..end]);
    }
    assert_eq!(form_code(&whole).await, "accepted");
}

#[tokio::test]
async fn a_form_arrives_whatever_the_chunks() {
    let file = "a,b\r\n\"x\r\n--c\",2\r\n";
    let body = form(&[(OPTIONS, "{\"dry_run\":true}"), (FILE, file)]);
    for size in [1, 2, 3, 5, 64, 4096] {
        let (headers, chunks) = (headers(FORM), payload(body.as_bytes(), size, false));
        let upload = Upload::open(&headers, chunks, Forms::RawOrMultipart, &LIMITS, LIMIT)
            .await
            .unwrap();
        assert_eq!(upload.file_name.as_deref(), Some("a.csv"));
        assert_eq!(upload.options.as_ref().unwrap()["dry_run"], true);
        let carried = carry(&headers, payload(body.as_bytes(), size, false), Forms::RawOrMultipart).await;
        assert_eq!(carried, Ok((file.as_bytes().to_vec(), true)), "size {size}");
    }
}

#[tokio::test]
async fn forms_hold_one_file_and_nothing_unknown() {
    let other = "Content-Disposition: form-data; name=\"other\"";
    assert_eq!(form_code(&form(&[])).await, "file-part-missing");
    assert_eq!(form_code(&form(&[(OPTIONS, "{}")])).await, "file-part-missing");
    assert_eq!(
        form_code(&form(&[(FILE, "a"), (FILE, "b")])).await,
        "file-part-repeated"
    );
    assert_eq!(form_code(&form(&vec![(FILE, "a"); 5000])).await, "file-part-repeated");
    assert_eq!(form_code(&form(&[(other, "x"), (FILE, "a")])).await, "part-unknown");
    assert_eq!(form_code(&form(&[(FILE, "a"), (other, "x")])).await, "part-unknown");
    assert_eq!(form_code(&form(&[(FILE, "a"), (OPTIONS, "{}")])).await, "options-part");
    assert_eq!(
        form_code(&form(&[(OPTIONS, "{}"), (OPTIONS, "{}"), (FILE, "a")])).await,
        "options-part"
    );
    assert_eq!(form_code(&form(&[(OPTIONS, "{"), (FILE, "a")])).await, "invalid-json");
    assert_eq!(
        form_code(&form(&[(OPTIONS, &" ".repeat(70_000)), (FILE, "a")])).await,
        "options-part"
    );
}

#[tokio::test]
async fn parts_need_plain_headers() {
    assert_eq!(
        form_code(&form(&[("Content-Type: text/csv", "a")])).await,
        "part-headers"
    );
    assert_eq!(
        form_code(&form(&[("Content-Disposition: form-data", "a")])).await,
        "part-headers"
    );
    assert_eq!(
        form_code(&form(&[("Content-Disposition: attachment; name=file", "a")])).await,
        "part-headers"
    );
    let huge = format!("{FILE}\r\nX-Filler: {}", "x".repeat(100 * 1024));
    assert_eq!(form_code(&form(&[(&huge, "a")])).await, "part-headers");
    let image = "Content-Disposition: form-data; name=file\r\nContent-Type: image/png";
    assert_eq!(form_code(&form(&[(image, "a")])).await, "unsupported-media-type");
    let bare = "Content-Disposition: form-data; name=file";
    assert_eq!(form_code(&form(&[(bare, "a")])).await, "accepted");
}

#[tokio::test]
async fn a_surface_may_take_nothing_but_the_file() {
    let body = form(&[(OPTIONS, "{}"), (FILE, "a")]);
    let carried = carry(
        &headers(FORM),
        payload(body.as_bytes(), 9, false),
        Forms::PartOnly("file"),
    )
    .await;
    assert_eq!(carried, Err("part-unknown"));
    let raw = carry(
        &headers(&[("content-type", "text/csv")]),
        payload(b"a", 1, false),
        Forms::PartOnly("file"),
    )
    .await;
    assert_eq!(raw, Err("unsupported-media-type"));
}

#[tokio::test]
async fn sizes_are_held_before_and_while_reading() {
    let length = (LIMIT + 1).to_string();
    let said = headers(&[("content-type", "text/csv"), ("content-length", &length)]);
    assert_eq!(
        carry(&said, payload(b"", 1, false), Forms::RawOrMultipart).await,
        Err("body-too-large")
    );
    let exact = vec![b'x'; usize::try_from(LIMIT).unwrap()];
    let unsaid = headers(&[("content-type", "text/csv")]);
    assert!(
        carry(&unsaid, payload(&exact, 1000, false), Forms::RawOrMultipart)
            .await
            .is_ok()
    );
    let over = [exact, vec![b'x']].concat();
    assert_eq!(
        carry(&unsaid, payload(&over, 1000, false), Forms::RawOrMultipart).await,
        Err("body-too-large")
    );
}

#[tokio::test]
async fn a_charset_of_utf_16_must_be_borne_out() {
    let utf16 = headers(&[("content-type", "text/csv; charset=utf-16")]);
    assert_eq!(
        carry(&utf16, payload(b"a,b\n", 4, false), Forms::RawOrMultipart).await,
        Err("unsupported-media-type")
    );
    assert!(
        carry(&utf16, payload(b"\xff\xfea\0", 4, false), Forms::RawOrMultipart)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn nobody_listening_ends_the_pump_without_fault() {
    let plain = headers(&[("content-type", "text/csv")]);
    let upload = Upload::open(
        &plain,
        payload(b"a,b\n", 1, false),
        Forms::RawOrMultipart,
        &LIMITS,
        LIMIT,
    )
    .await
    .unwrap();
    let (sink, source) = mpsc::channel(1);
    drop(source);
    assert_eq!(upload.pump(sink, async { Ok(()) }).await.unwrap(), 1);
}

//! What the libraries beneath would let through if nothing stood in front of them: the same bytes, without us. Where one of
//! these fails after an update, the library has become stricter, and our own guard may be due for a second look.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The records of a file as `csv` reads it, as a program that knows no better would.
fn records(file: &[u8]) -> Vec<Result<csv::ByteRecord, csv::Error>> {
    let reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(file);
    reader.into_byte_records().collect()
}

fn cells(file: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let row = |record: Result<csv::ByteRecord, csv::Error>| record.unwrap().iter().map(<[u8]>::to_vec).collect();
    records(file).into_iter().map(row).collect()
}

#[test]
fn csv_passes_foreign_encodings_on_as_garbage() {
    let utf16: Vec<u8> = "id,name\n1,Ana\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(cells(&utf16)[0][0], b"i\0d\0", "2, 3");
    assert_eq!(cells(b"id\ncaf\xE9\n")[1][0], b"caf\xE9", "5");
    assert_eq!(cells(b"id\na\0b\n")[1][0], b"a\0b", "9");
    assert_eq!(cells(b"id,x\n1,2\n\x1a").len(), 3, "16: one record more, of one field");
    assert_eq!(cells(b"PK\x03\x04\x14\0\x06\0").len(), 1, "17");
}

#[test]
fn csv_mends_broken_quotes_without_a_word() {
    let open = cells(b"id,name\n1,Ana\n2,\"open\n3,Bo\n4,Cy\n");
    assert_eq!(
        (open.len(), open[2][1].as_slice()),
        (3, &b"open\n3,Bo\n4,Cy\n"[..]),
        "21: the rest of the file is one field"
    );
    assert_eq!(cells(b"id\n\"")[1][0], b"", "22");
    assert_eq!(cells(b"1,\"abc\"def\n")[0][1], b"abcdef", "23");
    assert_eq!(cells(b"1,ab\"c\n")[0][1], b"ab\"c", "24");
    assert_eq!(cells(b"1,\"a\\\"b\"\n")[0][1], b"a\\b\"", "25");
}

#[test]
fn csv_bounds_nothing_and_miscounts_lines() {
    let long = [&b"1,\""[..], &vec![b'x'; 3 << 20]].concat();
    assert_eq!(
        cells(&long)[0][1].len(),
        3 << 20,
        "37: an unclosed field of any size is sound"
    );
    let commas = vec![b','; 100_000];
    assert_eq!(cells(&commas)[0].len(), 100_001, "38, 39");
    let lines = |file: &[u8]| -> Vec<u64> {
        let line = |record: &Result<csv::ByteRecord, csv::Error>| record.as_ref().unwrap().position().unwrap().line();
        records(file).iter().map(line).collect()
    };
    assert_eq!(
        lines(b"a\r1\r2\r"),
        [1, 1, 1],
        "28: every record of a file with CR is on line 1"
    );
}

#[test]
fn serde_json_keeps_the_last_of_two_and_rounds() {
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap().to_string();
    assert_eq!(parsed(r#"{"a":1,"a":2}"#), r#"{"a":2}"#, "57");
    assert_eq!(parsed(r#"{"a":"\u0000"}"#), r#"{"a":"\u0000"}"#, "58");
    assert_eq!(parsed("18446744073709551616"), "1.8446744073709552e+19", "59");
}

#[test]
fn actix_passes_a_file_name_on_as_it_came() {
    use actix_web::http::header::{ContentDisposition, HeaderValue};
    let raw = HeaderValue::from_static("form-data; name=\"file\"; filename=\"../../etc/passwd\"");
    let disposition = ContentDisposition::from_raw(&raw).unwrap();
    assert_eq!(disposition.get_filename(), Some("../../etc/passwd"), "74");
}

/// actix with its limits turned on, and nothing of ours.
fn bare_actix() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        use actix_web::{App, HttpResponse, HttpServer, web};
        let app = || {
            App::new()
                .route(
                    "/",
                    web::get().to(|| async { HttpResponse::Ok().body("x".repeat(64 << 20)) }),
                )
                .route(
                    "/",
                    web::post().to(|body: web::Bytes| async move { HttpResponse::Ok().body(body) }),
                )
                .route("/small", web::get().to(HttpResponse::Ok))
        };
        let server = HttpServer::new(app)
            .workers(1)
            .client_request_timeout(Duration::from_secs(1));
        actix_web::rt::System::new()
            .block_on(server.listen(listener).unwrap().run())
            .unwrap();
    });
    address
}

/// Whether the other side closes within the time, with bytes trickling in.
async fn is_cut(stream: &mut TcpStream, within: Duration) -> bool {
    let (begun, mut buffer) = (Instant::now(), [0; 1024]);
    while begun.elapsed() < within {
        let read = tokio::time::timeout(Duration::from_millis(500), stream.read(&mut buffer)).await;
        if read.is_ok_and(|read| read.unwrap_or_default() == 0) || stream.write_all(b"a").await.is_err() {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn actix_waits_for_ever_for_later_heads_bodies_and_readers() {
    let address = bare_actix();
    let open = |text: &'static str| {
        let address = address.clone();
        async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            stream
        }
    };
    let within = Duration::from_secs(4);
    let mut first = open("GET /small HTTP/1.1\r\nHost: x\r\nX-A: ").await;
    assert!(is_cut(&mut first, within).await, "80: the first head is bounded");
    let mut second = open("GET /small HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut buffer = [0; 1024];
    assert!(second.read(&mut buffer).await.unwrap() > 0);
    second.write_all(b"GET /small HTTP/1.1\r\nX-A: ").await.unwrap();
    let mut body = open("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n").await;
    let reader = open("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let (second, body) = tokio::join!(is_cut(&mut second, within), is_cut(&mut body, within));
    assert!(!second, "80: a later head is not");
    assert!(!body, "81: nor is a body");
    // What the kernel holds is less than the answer, and the rest is still on offer.
    let mut answer = 0;
    let mut reader = reader;
    let mut piece = vec![0; 1 << 20];
    while let Ok(Ok(read @ 1..)) = tokio::time::timeout(Duration::from_secs(2), reader.read(&mut piece)).await {
        answer += read;
    }
    assert!(answer > 64 << 20, "93: nor is the time to read an answer");
}

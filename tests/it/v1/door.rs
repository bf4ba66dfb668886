//! The door: hostile files, numbered as in the catalogue that they come from. What is refused leaves nothing behind; what is
//! taken has the counts it should have.

use serde_json::Value;

use harness::{Client, both_stacks, count};

/// What a file must meet.
enum Fate {
    /// A 4xx with this code; the record is checked where it is given.
    Refused(u16, &'static str, Option<u64>),
    /// 202, then these counts: total, created, failed, skipped.
    Taken([u64; 4]),
}

use Fate::{Refused, Taken};

struct Entry {
    number: u32,
    name: &'static str,
    file: Vec<u8>,
    fate: Fate,
}

fn entry(number: u32, name: &'static str, file: impl Into<Vec<u8>>, fate: Fate) -> Entry {
    Entry {
        number,
        name,
        file: file.into(),
        fate,
    }
}

fn utf16(text: &str, bom: bool) -> Vec<u8> {
    let start: &[u8] = if bom { &[0xff, 0xfe] } else { &[] };
    start
        .iter()
        .copied()
        .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
        .collect()
}

/// A name of this many bytes in the middle of an otherwise sound file.
fn with_cell(bytes: usize, quote: &str) -> Vec<u8> {
    format!("source_id,first_name\n1,{quote}{}{quote}\n", "x".repeat(bytes)).into_bytes()
}

#[rustfmt::skip]
fn encodings() -> Vec<Entry> {
    let plain = "source_id,first_name\n1,Ana\n";
    vec![
        entry(1, "UTF-8 BOM", format!("\u{feff}{plain}"), Taken([1, 1, 0, 0])),
        entry(2, "UTF-16 with BOM", utf16(plain, true), Taken([1, 1, 0, 0])),
        entry(3, "UTF-16 without BOM", utf16(plain, false), Taken([1, 1, 0, 0])),
        entry(4, "UTF-32", [0xff, 0xfe, 0, 0, b'a', 0, 0, 0].to_vec(), Refused(415, "unsupported-encoding", None)),
        entry(5, "Latin-1 byte in a row", b"source_id,first_name\n1,caf\xE9\n".to_vec(), Taken([1, 1, 0, 0])),
        entry(7, "UTF-8, then a byte that is none", [&b"source_id,first_name\n1,\xC3\xA9\n2,\xFF\n"[..]].concat(), Refused(400, "invalid-encoding", None)),
        entry(7, "overlong UTF-8 in UTF-8", b"source_id,first_name\n1,\xC3\xA9\n2,\xC3\xBC\n3,\xC0\xAF\n".to_vec(), Refused(400, "invalid-encoding", None)),
        entry(9, "NUL in a cell", b"source_id,first_name\n1,a\0b\n".to_vec(), Refused(400, "nul-byte", None)),
        entry(10, "only NULs", vec![0; 10_000], Refused(400, "nul-byte", None)),
        entry(11, "escape sequence in a name", b"source_id,first_name\n1,\x1b[31m\n".to_vec(), Taken([1, 0, 1, 0])),
        entry(12, "right-to-left override in text", "source_id,first_name\n1,a\u{202e}b\n", Taken([1, 1, 0, 0])),
        entry(13, "NFC and NFD ids are two", "source_id\né\ne\u{301}\n", Taken([2, 2, 0, 0])),
        entry(14, "emoji", "source_id,first_name\n1,👩‍👩‍👧\n", Taken([1, 1, 0, 0])),
        entry(15, "U+2028 is no line end", "source_id,first_name\n1,a\u{2028}b\n", Taken([1, 1, 0, 0])),
        entry(17, "a ZIP named csv", b"PK\x03\x04\x14\0\0\0".to_vec(), Refused(415, "binary-file", None)),
        entry(17, "a PDF named csv", b"%PDF-1.7\n1 0 obj\n".to_vec(), Refused(415, "binary-file", None)),
    ]
}

#[rustfmt::skip]
fn structures() -> Vec<Entry> {
    vec![
        entry(18, "empty body", "", Refused(400, "empty-file", None)),
        entry(19, "only newlines", "\n\r\n\n", Refused(400, "no-header", None)),
        entry(20, "header only", "source_id", Taken([0, 0, 0, 0])),
        entry(21, "unclosed quote in row 2", "source_id,email\n1,\"open\n2,b@x.com\n", Refused(400, "unclosed-quote", Some(1))),
        entry(22, "lone quote at the end", "source_id\n1\n\"", Refused(400, "unclosed-quote", Some(2))),
        entry(23, "text after a closing quote", "source_id,first_name\n1,\"abc\"def\n2,x\n", Taken([2, 1, 1, 0])),
        entry(24, "quote inside a bare cell", "source_id,first_name\n1,ab\"c\n2,x\n", Taken([2, 1, 1, 0])),
        entry(26, "doubled quotes, delimiters and newlines inside quotes", "source_id,first_name\n1,\"a\"\"b,c\nd\"\n", Taken([1, 1, 0, 0])),
        entry(27, "mixed line ends", "source_id,first_name\r\n1,a\n2,b\r\n", Taken([2, 2, 0, 0])),
        entry(28, "CR only", "source_id,first_name\r1,a\r2,b\r", Taken([2, 2, 0, 0])),
        entry(29, "blank lines", "source_id,first_name\n1,a\n\n\n2,b\n", Taken([4, 2, 0, 2])),
        entry(30, "a line of spaces", "source_id,first_name\n1,a\n   \n", Taken([2, 1, 1, 0])),
        entry(31, "short and long rows", "source_id,first_name\n1\n2,b,c\n3,d\n", Taken([3, 1, 2, 0])),
        entry(32, "blank header", "source_id,\n1,\n", Refused(400, "blank-header", None)),
        entry(33, "headers that differ in case and space only", "source_id,Name, name\n1,a,b\n", Refused(400, "duplicate-header", None)),
        entry(34, "no column that gives an id", "company\nx\n", Refused(400, "key-missing", None)),
        entry(35, "sep=;", "sep=;\nsource_id;first_name\n1;a\n", Taken([1, 1, 0, 0])),
        entry(35, "tabs", "source_id\tfirst_name\n1\ta\n", Taken([1, 1, 0, 0])),
        entry(35, "pipes", "source_id|first_name\n1|a\n", Taken([1, 1, 0, 0])),
        entry(36, "a record of 2 MiB", with_cell(2 << 20, ""), Refused(400, "record-too-large", Some(1))),
        entry(37, "a quoted cell of 2 MiB", with_cell(2 << 20, "\""), Refused(400, "record-too-large", Some(1))),
        entry(37, "a quoted cell of 300 KiB", with_cell(300 << 10, "\""), Refused(400, "field-too-large", Some(1))),
        entry(38, "1,001 columns", format!("source_id{}\n1\n", (0..1000).map(|n| format!(",c{n}")).collect::<String>()), Refused(400, "too-many-columns", None)),
        entry(39, "a row of 100,000 commas", format!("source_id\n{}\n", ",".repeat(100_000)), Refused(400, "too-many-columns", Some(1))),
        entry(40, "rows of one comma", format!("source_id,first_name\n{}", ",\n".repeat(5_000)), Taken([5_000, 0, 0, 5_000])),
        entry(42, "a header of 2 KiB", format!("source_id,{}\n1,a\n", "h".repeat(2048)), Refused(400, "header-too-long", None)),
        entry(42, "headers that mean something elsewhere", "source_id,__proto__,\"'; DROP TABLE users--\"\n1,a,b\n", Taken([1, 1, 0, 0])),
        entry(43, "no newline at the end", "source_id\n1", Taken([1, 1, 0, 0])),
        entry(44, "everything quoted", "\"source_id\",\"first_name\"\n\"1\",\"\"\n", Taken([1, 1, 0, 0])),
        entry(45, "# is data", "source_id\n#1\n", Taken([1, 1, 0, 0])),
    ]
}

async fn meet(client: &Client, entry: Entry) {
    let place = format!("{}: {}", entry.number, entry.name);
    let answer = client.post_csv("resource=users", entry.file).await;
    match entry.fate {
        Refused(status, code, record) => {
            let problem: Value = answer.json();
            assert_eq!(
                (answer.status, problem["code"].as_str()),
                (status, Some(code)),
                "{place}: {problem:#}"
            );
            assert!(
                answer.header("content-type").starts_with("application/problem+json"),
                "{place}"
            );
            if record.is_some() {
                assert_eq!(problem["record"].as_u64(), record, "{place}: {problem:#}");
                assert!(problem["byte"].is_u64(), "{place}: {problem:#}");
            }
        }
        Taken(expected) => {
            assert_eq!(answer.status, 202, "{place}: {}", answer.text);
            let import = client.wait_final(answer.json()["id"].as_i64().unwrap()).await;
            let counts = ["total", "created", "failed", "skipped"].map(|name| count(&import, name));
            assert_eq!(counts, expected, "{place}: {import:#}");
        }
    }
}

both_stacks! {
    async fn hostile_files_meet_their_fate(stack) {
        let running = stack.start(&[]).await;
        for (place, entry) in encodings().into_iter().chain(structures()).enumerate() {
            let client = running.admin_of(&format!("org-{place}")).await;
            let refused = matches!(entry.fate, Refused(..));
            let blobs = running.blobs().await.len();
            meet(&client, entry).await;
            if refused {
                assert_eq!(running.blobs().await.len(), blobs, "a refused file leaves no bytes");
                assert_eq!(client.pages("/v1/imports?limit=10").await.len(), 0, "a refused file leaves no import");
            }
        }
    }
}

//! Each entry of the catalogue of hostile files that concerns bytes and structure, by its number there.

use super::*;
use crate::intake::DoorKind;

/// Entry of the catalogue, code, record, byte, file. Escapes as in Rust, `{text*times}` repeats.
const REFUSED: &str = r#"
4  unsupported-encoding 0 0 \xFF\xFE\0\0i\0\0\0d\0\0\0\n\0\0\0
4  unsupported-encoding 0 0 \0\0\xFE\xFF\0\0\0i\0\0\0d\0\0\0\n
4  unsupported-encoding 0 0 i\0\0\0d\0\0\0,\0\0\0x\0\0\0\n\0\0\0
4  unsupported-encoding 0 0 \0\0\0i\0\0\0d\0\0\0,\0\0\0x\0\0\0\n
4  unsupported-encoding 0 0 +/v8-id,name\n1,+AOk-\n
4  unsupported-encoding 0 0 \x89\x84\x6B\x95\x81\x94\x85\x25\xF1\x6B\xC1\x95\x81\x25\xF2\x6B\xC2\x96\x25
2  invalid-encoding     1 14 \xFF\xFEi\0d\0,\0x\0\n\01\0\x00\xD8a\0\n\0
2  invalid-encoding     1 16 \xFF\xFEi\0d\0,\0x\0\n\01\0,\0b
5  invalid-encoding     2 20 id,name\n1,Zoë\n2,caf\xE9,x\n
6  invalid-encoding     0 5  id,pr\xE9nom\n1,Zoë\n
7  invalid-encoding     1 8  id,é\n1,\xC0\xAF\n
7  invalid-encoding     1 8  id,é\n1,\xED\xA0\x80\n
7  invalid-encoding     1 8  id,é\n1,\xF4\x90\x80\x80\n
7  invalid-encoding     2 12 id,é\n1,x\n2,\xE2\x82
9  nul-byte             2 12 id,x\n1,2\n2,a\0b\n
10 nul-byte             0 4  id,a\0b\n1,2\n
10 nul-byte             0 0  {\0*3000000}
17 binary-file          0 0  PK\x03\x04\x14\0\x06\0...
17 binary-file          0 0  %PDF-1.7\n%\xE2\xE3\xCF\xD3\n
17 binary-file          0 0  \x89PNG\r\n\x1A\n\0\0\0\rIHDR
17 binary-file          0 0  \xEF\xBB\xBF\n <!DOCTYPE html><title>Sign in</title>
17 binary-file          0 0  <HTML><body>a,b\n</body></html>
17 binary-file          0 0  \xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0\0
17 binary-file          0 0  \x1F\x8B\x08\0\0\0\0\0\0\x03
17 binary-file          0 0  \x28\xB5\x2F\xFD\x04\x00
18 empty-file           0 0
19 no-header            0 0  \xEF\xBB\xBF
19 no-header            0 0  \n\r\n\r\n\n\r
19 no-header            0 0  \xEF\xBB\xBF  \n   \n\t
21 unclosed-quote       2 16 id,name\n1,Ana\n2,"Bo\n3,Cy\n
21 unclosed-quote       1 15 \xEF\xBB\xBF\n\nid,name\n1,"Ana\n
21 unclosed-quote       1 18 sep=;\r\nid;name\r\n1;"Ana\r\n
22 unclosed-quote       2 14 id,name\n1,Ana\n"
22 unclosed-quote       0 0  "id,name\n1,Ana\n
23 bad-quote            0 6  id,"na"me\n1,Ana\n
24 bad-quote            0 5  id,na"me\n1,Ana\n
32 blank-header         0 0  id,name,\n1,Ana,\n
32 blank-header         0 0  ,,\n1,Ana,x\n
33 duplicate-header     0 0  id,name,id\n1,Ana,2\n
33 duplicate-header     0 0  id,E-Mail, e-mail \n1,a,b\n
33 duplicate-header     0 3  \xEF\xBB\xBFid,name,\xEF\xBB\xBFID\n
36 record-too-large     0 0  {a*3000000}
36 record-too-large     1 8  id,name\n1,{a*3000000}
36 too-many-columns     0 0  {aaaa,bbbb,*200000}
37 record-too-large     1 8  id,name\n1,"{line\n*600000}
37 field-too-large      1 10 id,name\n1,"{a*300000}"\n
37 field-too-large      1 10 id,name\n1,{a*300000}\n
37 unclosed-quote       1 10 id,name\n1,"{a*300000}
38 too-many-columns     0 0  name{,name*99999}\n
38 too-many-columns     0 0  name{,name*1000}\n
39 too-many-columns     2 12 id,name\n1,2\n{,*10000000}
42 record-too-large     0 0  id,{n*1048576}\n1,2\n
42 field-too-large      0 3  id,{n*600000}\n1,2\n
42 header-too-long      0 0  {n*200000},{m*200000}\n1,2\n
42 header-too-long      0 0  id,{n*200000}\n1,2\n
42 header-too-long      0 0  id,{n*1025}\n1,2\n
"#;

struct Bad {
    /// The line of the table, cut.
    name: String,
    file: Vec<u8>,
    code: &'static str,
    record: u64,
    byte: u64,
}

fn refused_files() -> impl Iterator<Item = Bad> {
    REFUSED.trim().lines().map(|line| {
        let mut rest = line;
        let mut word = || {
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            rest = after.trim_start();
            word
        };
        let (_, code, record, byte) = (word(), word(), word(), word());
        Bad {
            name: line.chars().take(70).collect(),
            file: unescape(rest.as_bytes()),
            code,
            record: record.parse().unwrap(),
            byte: byte.parse().unwrap(),
        }
    })
}

fn unescape(mut text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some((first, mut rest)) = text.split_first() {
        match (first, rest.first()) {
            (b'\\', Some(b'x')) => {
                let digits = std::str::from_utf8(&rest[1..3]).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &rest[3..];
            }
            (b'\\', Some(letter)) => {
                let at = b"nrt0".iter().position(|known| known == letter).unwrap();
                bytes.push(b"\n\r\t\0"[at]);
                rest = &rest[1..];
            }
            (b'{', _) => {
                let end = memchr::memchr(b'}', rest).unwrap();
                let (piece, times) = std::str::from_utf8(&rest[..end]).unwrap().split_once('*').unwrap();
                bytes.extend(unescape(piece.as_bytes()).repeat(times.parse().unwrap()));
                rest = &rest[end + 1..];
            }
            _ => bytes.push(*first),
        }
        text = rest;
    }
    bytes
}

#[test]
fn each_hostile_file_is_refused_by_code_record_and_byte() {
    for case in refused_files() {
        let small = if case.file.len() < 10_000 { 3 } else { 9_999 };
        for chunk in [1 << 20, 65_536, small] {
            let error = admit(&PLAIN, &case.file, chunk).map(drop).expect_err(&case.name);
            let found = (error.code, error.record, error.byte);
            let expected = (case.code, Some(case.record), Some(case.byte));
            assert_eq!(found, expected, "{}: {}", case.name, error.detail);
            assert!(error.detail.len() > 40, "{}", error.detail);
        }
    }
}

#[test]
fn what_is_no_text_or_no_known_encoding_is_unsupported() {
    let foreign = |case: &Bad| matches!(case.code, "binary-file" | "unsupported-encoding");
    for case in refused_files().filter(foreign) {
        assert_eq!(refused(&case.file).kind, DoorKind::Unsupported, "{}", case.name);
    }
}

#[test]
fn odd_but_sound_files_are_let_in_unchanged() {
    let files: Vec<(u32, &str, u64, &str)> = vec![
        (1, "\u{FEFF}id,name\n1,Ana\n", 1, "id,name\n1,Ana\n"),
        (
            12,
            "id,name\n1,\u{FEFF}\u{200B}\u{202E}x\n",
            1,
            "id,name\n1,\u{FEFF}\u{200B}\u{202E}x\n",
        ),
        (14, "id,name\n1,👩‍🚀𝒜\n", 1, "id,name\n1,👩‍🚀𝒜\n"),
        (
            15,
            "id,name\n1,a\u{2028}b\u{2029}c\u{85}d\n",
            1,
            "id,name\n1,a\u{2028}b\u{2029}c\u{85}d\n",
        ),
        (16, "id,name\n1,Ana\n\u{1A}", 2, "id,name\n1,Ana\n\u{1A}"),
        (20, "id,name", 0, "id,name"),
        (20, "id,name\r\n", 0, "id,name\r\n"),
        (
            26,
            "id,name\n1,\"a\"\"b\"\n2,\"c\r\nd,e\"\n",
            2,
            "id,name\n1,\"a\"\"b\"\n2,\"c\r\nd,e\"\n",
        ),
        (27, "id,name\r\n1,a\n2,b\r3,c\r\n", 3, "id,name\r\n1,a\n2,b\r3,c\r\n"),
        (28, "id,name\r1,a\r2,b", 2, "id,name\r1,a\r2,b"),
        (29, "id,name\n\n1,a\n\n\n2,b\n\n", 6, "id,name\n\n1,a\n\n\n2,b\n\n"),
        (30, "id,name\n   \n1,a\n", 2, "id,name\n   \n1,a\n"),
        (31, "id,name\n1\n1,2,3\n", 2, "id,name\n1\n1,2,3\n"),
        (35, "sep=;\r\nid;name\r\n1;a,b\r\n", 1, "id;name\r\n1;a,b\r\n"),
        (
            42,
            "__proto__,constructor,' OR 1=1\n1,2,3\n",
            1,
            "__proto__,constructor,' OR 1=1\n1,2,3\n",
        ),
        (44, "\"id\",\"name\"\n\"1\",\"\"\n", 1, "\"id\",\"name\"\n\"1\",\"\"\n"),
        (45, "id,name\n#1,a\n", 1, "id,name\n#1,a\n"),
        (19, "\n \t\r\n\rid,name\n1,a\n", 1, "id,name\n1,a\n"),
    ];
    for (entry, file, records, plain) in files {
        let (report, text) = accepted(file.as_bytes());
        assert_eq!((report.records, text.as_str()), (records, plain), "{entry}");
        assert_eq!(report.encoding, "utf-8");
    }
}

#[test]
fn rows_with_misplaced_quotes_are_no_matter_of_the_door() {
    let file = b"id,name\n1,\"abc\"def\n2,ab\"c\n3,\"a\\\"b\"\n4,ok\n";
    assert_eq!(accepted(file).0.records, 4);
}

#[test]
fn the_limits_themselves_are_let_in() {
    let name = "n".repeat(1024);
    let header = (0..1000).map(|column| column.to_string()).collect::<Vec<_>>().join(",");
    let cell = "a".repeat(256 << 10);
    let quoted = "\"\"".repeat(256 << 10);
    let record = format!("{cell},{cell},{cell},{}", "a".repeat((256 << 10) - 3));
    assert_eq!(record.len(), 1 << 20);
    for file in [
        format!("{name}\n1\n"),
        format!("{header}\n{header}\n"),
        format!("id,name\n1,{cell}\n"),
        format!("id,name\n1,\"{quoted}\"\n"),
        format!("a,b,c,d\n{record}\r\n{record}"),
    ] {
        for chunk in [1 << 20, 999] {
            admit(&PLAIN, file.as_bytes(), chunk).unwrap();
        }
    }
    assert_eq!(
        refused(format!("id,name\n1,{cell}a\n").as_bytes()).code,
        "field-too-large"
    );
    assert_eq!(
        refused(format!("a,b,c,d\n{record}a\n").as_bytes()).code,
        "record-too-large"
    );
}

#[test]
fn a_gigabyte_of_blank_lines_costs_nothing_in_front_and_counts_behind() {
    let blank = b"\n".repeat(3 << 20);
    let (report, plain) = admit(
        &PLAIN,
        &[&blank, b"id,name\n1,a\n".as_slice(), &blank].concat(),
        1 << 16,
    )
    .unwrap();
    assert_eq!(
        (report.records, report.start.line, report.start.byte),
        (1 + (3 << 20), 2 + (3 << 20), 8)
    );
    assert_eq!(plain.len(), 12 + (3 << 20));
}

#[test]
fn a_file_may_be_as_large_as_the_limit_and_no_larger() {
    let file = b"id,name\n1,a\n";
    let upto = |max_bytes| admit(&IntakeOptions { max_bytes, ..PLAIN }, file, 5);
    assert_eq!(upto(12).unwrap().0.bytes, 12);
    let error = upto(11).unwrap_err();
    assert_eq!(
        (error.code, error.kind, error.byte),
        ("file-too-large", DoorKind::TooLarge, Some(11))
    );
}

#[test]
fn impossible_options_are_refused_before_the_first_byte() {
    let with = |encoding: Option<&str>, delimiter| {
        Intake::new(IntakeOptions {
            encoding: encoding.map(str::to_owned),
            delimiter,
            ..PLAIN
        })
        .map(drop)
    };
    for label in ["klingon", "", "utf-7", "utf-32", "cp037", "iso-2022-kr"] {
        assert_eq!(with(Some(label), None).unwrap_err().code, "unknown-encoding", "{label}");
    }
    for delimiter in ['"', '\n', '\r', '\0', 'a', '7', 'é', '；'] {
        assert_eq!(
            with(None, Some(delimiter)).unwrap_err().code,
            "bad-delimiter",
            "{delimiter}"
        );
    }
    for delimiter in [',', ';', '\t', '|', '^', '\u{1}', ':', ' '] {
        with(Some("Latin1"), Some(delimiter)).unwrap();
    }
}

#[test]
fn the_report_says_where_the_first_record_lies() {
    let (report, _) = accepted("\u{FEFF}\r\nsep=;\r\n\"id\r\nno\";E-Mail\r\n1;a\r\n".as_bytes());
    assert_eq!(report.header, ["id\r\nno", "E-Mail"]);
    assert_eq!((report.start.record, report.start.byte, report.start.line), (0, 17, 5));
    assert_eq!(report.bytes, 3 + 2 + 7 + 17 + 5);
}

#[test]
fn the_digest_is_that_of_the_file_as_sent() {
    let (report, _) = accepted(b"sep=;\nid;n\xE9\n");
    let hex: String = report.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "d04e7605863ebd561c2627d9d070bdf1368e58aa4063c595ae0aca95a6af59a5");
}

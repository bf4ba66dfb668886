//! Each entry of the catalogue of hostile files that concerns bytes and structure, by its number there.

use super::*;
use crate::intake::DoorKind;

struct Bad {
    entry: u32,
    file: Vec<u8>,
    code: &'static str,
    record: Option<u64>,
    byte: Option<u64>,
}

fn bad(entry: u32, file: impl AsRef<[u8]>, code: &'static str, record: u64, byte: u64) -> Bad {
    Bad {
        entry,
        file: file.as_ref().to_vec(),
        code,
        record: Some(record),
        byte: Some(byte),
    }
}

fn utf16le(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn utf32le(text: &str) -> Vec<u8> {
    text.chars()
        .flat_map(|letter| u32::from(letter).to_le_bytes())
        .collect()
}

fn utf32be(text: &str) -> Vec<u8> {
    text.chars()
        .flat_map(|letter| u32::from(letter).to_be_bytes())
        .collect()
}

/// `id,email` and two rows in EBCDIC (code page 037), ended by 0x25.
const EBCDIC: &[u8] =
    b"\x89\x84\x6B\x85\x94\x81\x89\x93\x25\xF1\x6B\x81\x95\x81\x7C\x81\x4B\x82\x25\xF2\x6B\x82\x96\x7C\x81\x4B\x82\x25";

fn encodings() -> Vec<Bad> {
    let lone = [utf16le("\u{FEFF}id,x\n1,"), vec![0x00, 0xD8], utf16le("a\n")].concat();
    vec![
        bad(2, lone, "invalid-encoding", 1, 16),
        bad(
            2,
            [b"\xFF\xFE".as_slice(), &utf16le("id,x\n1,a"), b"b"].concat(),
            "invalid-encoding",
            1,
            18,
        ),
        bad(
            4,
            [b"\xFF\xFE\0\0".as_slice(), &utf32le("id,x\n1,2\n")].concat(),
            "unsupported-encoding",
            0,
            0,
        ),
        bad(
            4,
            [b"\0\0\xFE\xFF".as_slice(), &utf32be("id,x\n1,2\n")].concat(),
            "unsupported-encoding",
            0,
            0,
        ),
        bad(4, utf32le("id,name\n1,Ana\n"), "unsupported-encoding", 0, 0),
        bad(4, utf32be("id,name\n1,Ana\n"), "unsupported-encoding", 0, 0),
        bad(4, b"+/v8-id,name\n1,+AOk-\n", "unsupported-encoding", 0, 0),
        bad(4, EBCDIC, "unsupported-encoding", 0, 0),
        bad(
            5,
            "id,name\n1,Zo\u{eb}\n2,caf"
                .to_owned()
                .into_bytes()
                .into_iter()
                .chain(*b"\xE9,x\n")
                .collect::<Vec<_>>(),
            "invalid-encoding",
            2,
            20,
        ),
        bad(
            6,
            [b"id,pr\xE9nom\n1,".as_slice(), "Zoë\n".as_bytes()].concat(),
            "invalid-encoding",
            0,
            5,
        ),
        bad(
            7,
            ["id,é\n1,".as_bytes(), b"\xC0\xAF\n"].concat(),
            "invalid-encoding",
            1,
            8,
        ),
        bad(
            7,
            ["id,é\n1,".as_bytes(), b"\xED\xA0\x80\n"].concat(),
            "invalid-encoding",
            1,
            8,
        ),
        bad(
            7,
            ["id,é\n1,".as_bytes(), b"\xF4\x90\x80\x80\n"].concat(),
            "invalid-encoding",
            1,
            8,
        ),
        bad(
            7,
            ["id,é\n1,x\n2,".as_bytes(), b"\xE2\x82"].concat(),
            "invalid-encoding",
            2,
            12,
        ),
        bad(9, b"id,x\n1,2\n2,a\0b\n", "nul-byte", 2, 12),
        bad(10, b"id,a\0b\n1,2\n", "nul-byte", 0, 4),
        bad(10, vec![0; 3_000_000], "nul-byte", 0, 0),
        bad(17, b"PK\x03\x04\x14\0\x06\0...", "binary-file", 0, 0),
        bad(17, b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n", "binary-file", 0, 0),
        bad(17, b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR", "binary-file", 0, 0),
        bad(
            17,
            b"\xEF\xBB\xBF\n <!DOCTYPE html><title>Sign in</title>",
            "binary-file",
            0,
            0,
        ),
        bad(17, b"<HTML><body>a,b\n</body></html>", "binary-file", 0, 0),
        bad(17, b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0\0", "binary-file", 0, 0),
        bad(17, gzip(b"id,name\n1,Ana\n"), "binary-file", 0, 0),
        bad(17, b"\x28\xB5\x2F\xFD\x04\x00", "binary-file", 0, 0),
    ]
}

fn structure() -> Vec<Bad> {
    let columns = |count: usize| {
        vec!["c"; count]
            .iter()
            .enumerate()
            .map(|(i, c)| format!("{c}{i}"))
            .collect::<Vec<_>>()
            .join(",")
    };
    vec![
        bad(18, b"", "empty-file", 0, 0),
        bad(19, "\u{FEFF}", "no-header", 0, 0),
        bad(19, b"\n\r\n\r\n\n\r", "no-header", 0, 0),
        bad(19, "\u{FEFF}  \n   ", "no-header", 0, 0),
        bad(21, b"id,name\n1,Ana\n2,\"Bo\n3,Cy\n", "unclosed-quote", 2, 16),
        bad(21, "\u{FEFF}\n\nid,name\n1,\"Ana\n", "unclosed-quote", 1, 15),
        bad(21, b"sep=;\r\nid;name\r\n1;\"Ana\r\n", "unclosed-quote", 1, 18),
        bad(22, b"id,name\n1,Ana\n\"", "unclosed-quote", 2, 14),
        bad(22, b"\"id,name\n1,Ana\n", "unclosed-quote", 0, 0),
        bad(23, b"id,\"na\"me\n1,Ana\n", "bad-quote", 0, 6),
        bad(24, b"id,na\"me\n1,Ana\n", "bad-quote", 0, 5),
        bad(32, b"id,name,\n1,Ana,\n", "blank-header", 0, 0),
        bad(32, b",,\n1,Ana,x\n", "blank-header", 0, 0),
        bad(33, b"id,name,id\n1,Ana,2\n", "duplicate-header", 0, 0),
        bad(33, b"id,E-Mail, e-mail \n1,a,b\n", "duplicate-header", 0, 0),
        bad(33, "\u{FEFF}id,name,\u{FEFF}ID\n", "duplicate-header", 0, 3),
        bad(36, vec![b'a'; 3 << 20], "record-too-large", 0, 0),
        bad(
            36,
            [b"id,name\n1,".as_slice(), &vec![b'a'; 3 << 20]].concat(),
            "record-too-large",
            1,
            8,
        ),
        bad(36, b"aaaa,bbbb,".repeat(200_000), "too-many-columns", 0, 0),
        bad(
            37,
            [b"id,name\n1,\"".as_slice(), &b"line\n".repeat(600_000)].concat(),
            "record-too-large",
            1,
            8,
        ),
        bad(
            37,
            [b"id,name\n1,\"".as_slice(), &vec![b'a'; 300 << 10], b"\"\n"].concat(),
            "field-too-large",
            1,
            10,
        ),
        bad(
            37,
            [b"id,name\n1,".as_slice(), &vec![b'a'; 300 << 10], b"\n"].concat(),
            "field-too-large",
            1,
            10,
        ),
        bad(
            37,
            [b"id,name\n1,\"".as_slice(), &vec![b'a'; 300 << 10]].concat(),
            "unclosed-quote",
            1,
            10,
        ),
        bad(38, columns(100_000), "too-many-columns", 0, 0),
        bad(38, columns(1_001), "too-many-columns", 0, 0),
        bad(
            39,
            [b"id,name\n1,2\n".as_slice(), &vec![b','; 10 << 20]].concat(),
            "too-many-columns",
            2,
            12,
        ),
        bad(
            42,
            [b"id,".as_slice(), &vec![b'n'; 1 << 20], b"\n1,2\n"].concat(),
            "record-too-large",
            0,
            0,
        ),
        bad(
            42,
            [b"id,".as_slice(), &vec![b'n'; 200_000], b"\n1,2\n"].concat(),
            "header-too-long",
            0,
            0,
        ),
        bad(
            42,
            [b"id,".as_slice(), &vec![b'n'; 1_025], b"\n1,2\n"].concat(),
            "header-too-long",
            0,
            0,
        ),
    ]
}

#[test]
fn each_hostile_file_is_refused_by_code_record_and_byte() {
    for case in encodings().into_iter().chain(structure()) {
        for chunk in [1 << 20, 4096, 13] {
            let head = case.file.get(..40).unwrap_or(&case.file).escape_ascii();
            let Err(error) = admit(&PLAIN, &case.file, chunk) else {
                panic!("{}: {head} is let in", case.entry)
            };
            let found = (error.code, error.record, error.byte);
            assert_eq!(
                found,
                (case.code, case.record, case.byte),
                "{}: {head}: {}",
                case.entry,
                error.detail
            );
            assert!(error.detail.len() > 40, "{}", error.detail);
        }
    }
}

#[test]
fn what_is_no_text_or_no_known_encoding_is_unsupported() {
    for case in encodings()
        .iter()
        .filter(|case| matches!(case.code, "binary-file" | "unsupported-encoding"))
    {
        assert_eq!(refused(&case.file).kind, DoorKind::Unsupported, "{}", case.entry);
    }
}

/// What is let in: the file, its records, its plain text.
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

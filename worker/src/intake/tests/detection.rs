//! The kinds of files that detection must get right, with the delimiter, the encoding and the number of records of each.

use encoding_rs::{EUC_KR, Encoding, GBK, ISO_8859_2, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252};

use super::*;

struct Kind {
    name: &'static str,
    file: Vec<u8>,
    /// Delimiter, encoding, records, second header.
    expected: (char, &'static str, u64, &'static str),
}

fn kind(name: &'static str, file: impl AsRef<[u8]>, expected: (char, &'static str, u64, &'static str)) -> Kind {
    Kind {
        name,
        file: file.as_ref().to_vec(),
        expected,
    }
}

fn encoded(encoding: &'static Encoding, text: &str) -> Vec<u8> {
    let (bytes, _, replaced) = encoding.encode(text);
    assert!(!replaced);
    bytes.into_owned()
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

const GERMAN: &str = "Vorname;Nachname;E-Mail\nJürgen;Groß;j@example.org\nZoë;Köhler;z@example.org\n";
const RUSSIAN: &str = "имя;фамилия;почта\nИван;Петров;ivan@example.org\nАнна;Смирнова;anna@example.org\n";
const JAPANESE: &str = "氏名,メール\n鈴木太郎,suzuki@example.org\n田中花子,tanaka@example.org\n";

/// In UTF-8: name, file, delimiter, records, second header.
const DELIMITERS: &[(&str, &str, char, u64, &str)] = &[
    (
        "failed rows whose cells look like another file",
        "_import_row,_import_codes,id,note\n2,refused,1,email;name;mail;phone\n3,refused,2,id;name;email;zip\n",
        ',',
        2,
        "_import_codes",
    ),
    (
        "failed rows that a spreadsheet has saved",
        "\"_import_row\";\"_import_codes\";\"id\"\n2;refused;\"1,email,name\"\n",
        ';',
        1,
        "_import_codes",
    ),
    ("comma", "id,email,name\n1,a@b.org,Ana\n2,b@b.org,Bo\n", ',', 2, "email"),
    (
        "decimal commas",
        "id;amount;rate\n1;1,5;2,5\n2;3,25;1,0\n",
        ';',
        2,
        "amount",
    ),
    (
        "tab",
        "id\temail\tnote\n1\ta@b.org\tx, y; z\n2\tb@b.org\tq, w\n",
        '\t',
        2,
        "email",
    ),
    (
        "pipe",
        "name|address\nAna|\"Main St 1, Town; North\"\nBo|Side St 2, Town\n",
        '|',
        2,
        "address",
    ),
    ("one column", "email\na@b.org\nc@d.org\n", ',', 2, ""),
    (
        "one column, commas inside",
        "Wer\nDoe, John\nRoe, Jane\nPoe, Ann\n",
        ';',
        3,
        "",
    ),
    ("header only", "E-Mail;First Name;Last Name", ';', 0, "First Name"),
    ("header only, unknown names", "alpha|beta|gamma\n", '|', 0, "beta"),
    (
        "ragged",
        "EMAIL;USERNAME;FIRST_NM;LAST_NM\na;b;c\nd;e\nf;g;h\n",
        ';',
        3,
        "USERNAME",
    ),
    ("sep=", "sep=|\nid|a;b;c\n1|x;y;z\n", '|', 1, "a;b;c"),
    (
        "quoted line ends",
        "id,note\n1,\"a;b\nc;d\ne;f\"\n2,\"g;h\n\"\n",
        ',',
        2,
        "note",
    ),
    (
        "title above",
        "Export of users\n\nE-Mail;First Name;City\na@b.org;Ana;Köln\n",
        ';',
        3,
        "",
    ),
    ("BOM", "\u{FEFF}name,city\nZoë,Köln\n", ',', 1, "city"),
    ("more columns than the sample sees", "email,x\n\n\n1,2\n", ',', 3, "x"),
];

fn encodings() -> Vec<Kind> {
    let chinese = "姓名,邮箱\n王小明,wang@example.org\n李国强,li@example.org\n张伟,z@example.org\n";
    let korean = "이름,메일\n김철수,kim@example.org\n박영희,park@example.org\n";
    let trademarks = "Firma;Ort\nNESTLÉ®;Genève\nCAFÉ»;Köln\n";
    let with_bom = format!("\u{FEFF}{GERMAN}");
    let german = |encoding| (';', encoding, 2, "Nachname");
    let (le, be) = (u16::to_le_bytes, u16::to_be_bytes);
    vec![
        kind("UTF-16LE with BOM", utf16(&with_bom, le), german("utf-16le")),
        kind("UTF-16BE with BOM", utf16(&with_bom, be), german("utf-16be")),
        kind("UTF-16LE", utf16(GERMAN, le), german("utf-16le")),
        kind("UTF-16BE", utf16(JAPANESE, be), (',', "utf-16be", 2, "メール")),
        kind("windows-1252", encoded(WINDOWS_1252, GERMAN), german("windows-1252")),
        kind(
            "windows-1251",
            encoded(WINDOWS_1251, RUSSIAN),
            (';', "windows-1251", 2, "фамилия"),
        ),
        kind(
            "Shift_JIS",
            encoded(SHIFT_JIS, JAPANESE),
            (',', "shift_jis", 2, "メール"),
        ),
        kind("GBK", encoded(GBK, chinese), (',', "gbk", 3, "邮箱")),
        kind("EUC-KR", encoded(EUC_KR, korean), (',', "euc-kr", 2, "메일")),
        kind(
            "trademarks",
            encoded(WINDOWS_1252, trademarks),
            (';', "windows-1252", 2, "Ort"),
        ),
    ]
}

#[test]
fn each_kind_of_file_is_read_as_meant() {
    let delimiters = DELIMITERS
        .iter()
        .map(|(name, file, delimiter, records, second)| kind(name, file, (*delimiter, "utf-8", *records, *second)));
    for case in delimiters.chain(encodings()) {
        for chunk in [1 << 20, 3] {
            let (report, _) = admit(&PLAIN, &case.file, chunk).expect(case.name);
            let second = report.header.get(1).map_or("", String::as_str);
            let found = (char::from(report.delimiter), report.encoding, report.records, second);
            assert_eq!(found, case.expected, "{}", case.name);
        }
    }
}

#[test]
fn transcoded_text_is_the_same_text() {
    for (encoding, text) in [(WINDOWS_1252, GERMAN), (WINDOWS_1251, RUSSIAN), (SHIFT_JIS, JAPANESE)] {
        assert_eq!(accepted(&encoded(encoding, text)).1, text);
    }
    assert_eq!(accepted(&utf16(RUSSIAN, u16::to_le_bytes)).1, RUSSIAN);
}

#[test]
fn the_caller_goes_before_every_sign() {
    let options = IntakeOptions {
        encoding: Some("iso-8859-2".to_owned()),
        delimiter: Some('|'),
        ..PLAIN
    };
    let file = encoded(ISO_8859_2, "sep=;\na;b|c\nŁódź|x\n");
    let (report, plain) = admit(&options, &file, 4).unwrap();
    assert_eq!(
        (report.encoding, report.delimiter, report.header.len()),
        ("iso-8859-2", b'|', 2)
    );
    assert_eq!(plain, "a;b|c\nŁódź|x\n".as_bytes());
    let utf16_of_any_order = IntakeOptions {
        encoding: Some("UTF-16".to_owned()),
        ..PLAIN
    };
    let file = utf16(&format!("\u{FEFF}{GERMAN}"), u16::to_be_bytes);
    assert_eq!(admit(&utf16_of_any_order, &file, 4).unwrap().0.encoding, "utf-16be");
}

#[test]
fn a_late_byte_that_does_not_fit_is_refused_with_a_hint() {
    let row = b"1,plain old text\n".as_slice();
    let rows = row.repeat(80_000);
    let file = [b"id,text\n".as_slice(), &rows, b"2,caf\xE9\n"].concat();
    let error = refused(&file);
    let place = u64::try_from(8 + rows.len() + 5).unwrap();
    assert_eq!(
        (error.code, error.record, error.byte),
        ("invalid-encoding", Some(80_001), Some(place))
    );
    assert!(
        error.detail.contains("encoding=windows-1252") && error.detail.contains("row 80002"),
        "{}",
        error.detail
    );
    let told = IntakeOptions {
        encoding: Some("windows-1252".to_owned()),
        ..PLAIN
    };
    assert_eq!(admit(&told, &file, 4096).unwrap().0.records, 80_001);
}

#[test]
fn a_mixture_is_refused_where_it_shows() {
    let rows = encoded(WINDOWS_1252, "1,Müller\n").repeat(200_000);
    let file = [b"id,name\n".as_slice(), &rows, "2,Größe\n".as_bytes()].concat();
    let place = u64::try_from(8 + rows.len() + 4).unwrap();
    for chunk in [1 << 16, 1 << 10, 77] {
        let error = admit(&PLAIN, &file, chunk).unwrap_err();
        assert_eq!(
            (error.code, error.record, error.byte),
            ("invalid-encoding", Some(200_001), Some(place))
        );
    }
    let unassigned = b"id,name\n1,M\xFCller\n2,a\x81b\n";
    let error = refused(unassigned);
    assert_eq!(
        (error.code, error.record, error.byte),
        ("invalid-encoding", Some(2), Some(20))
    );
}

#[test]
fn columns_are_known_before_the_file_is_complete() {
    let mut intake = Intake::new(PLAIN).unwrap();
    let mut plain = Vec::new();
    let file = [b"\xEF\xBB\xBFid,name\n".as_slice(), &b"1,Ana\n".repeat(20_000)].concat();
    let mut rest = file.as_slice();
    assert_eq!(intake.header(), None);
    intake.push(&mut rest, &mut plain).unwrap();
    assert_eq!(intake.header().unwrap(), ["id", "name"]);
}

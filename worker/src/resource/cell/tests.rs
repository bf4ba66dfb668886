//! Cells as people and machines write them.

use super::*;

fn code(kind: Kind, cell: &str) -> Option<RowCode> {
    check(kind, cell).err().map(|error| error.code)
}

fn canonical(kind: Kind, cell: &str) -> String {
    check(kind, cell)
        .map(Cow::into_owned)
        .unwrap_or_else(|error| format!("refused: {}", error.message))
}

#[test]
fn emails() {
    assert_eq!(canonical(Kind::Email, "Ana.Silva@Example.COM"), "Ana.Silva@example.com");
    assert_eq!(canonical(Kind::Email, "ana@bücher.example"), "ana@bücher.example");
    for broken in [
        "ana@",
        "@x.com",
        "ana",
        "a@b",
        "a b@x.com",
        "a@@x.com",
        "a@b@x.com",
        "\"a\"@x.com",
        "a@[127.0.0.1]",
        "a@x.com.",
        "a@-x.com",
        "Ana <a@x.com>",
        "a@x.com\r\nBcc:b@x.com",
        "a@x..com",
    ] {
        assert_eq!(code(Kind::Email, broken), Some(RowCode::InvalidEmail), "{broken}");
    }
    // In lower case it is an `i` and a dot above, which no domain may have.
    assert_eq!(code(Kind::Email, "ana@İ.example"), Some(RowCode::InvalidEmail));
    let long = format!("{}@example.com", "a".repeat(65));
    assert_eq!(code(Kind::Email, &long), Some(RowCode::InvalidEmail));
}

#[test]
fn dates_are_days_of_the_calendar() {
    assert_eq!(canonical(Kind::Date, "2024-02-29"), "2024-02-29");
    for broken in [
        "2023-02-29",
        "0000-01-01",
        "03/04/25",
        "294277-01-01",
        "infinity",
        "tomorrow",
        "2024-2-9",
        "２０２４-01-01",
    ] {
        assert_eq!(code(Kind::Date, broken), Some(RowCode::InvalidDate), "{broken}");
    }
}

#[test]
fn phones_and_what_spreadsheets_leave_of_them() {
    assert_eq!(canonical(Kind::Phone, "+49 (30) 123-456"), "+49 (30) 123-456");
    assert_eq!(code(Kind::Phone, "12"), Some(RowCode::InvalidPhone));
    assert_eq!(code(Kind::Phone, "1234567890123456"), Some(RowCode::InvalidPhone));
    assert_eq!(code(Kind::Phone, "٠١٢٣٤"), Some(RowCode::InvalidPhone));
    for broken in ["4.15556E+09", "4,15556E+09", "#N/A", "#####"] {
        assert_eq!(code(Kind::Phone, broken), Some(RowCode::SpreadsheetDamage), "{broken}");
    }
}

#[test]
fn ids_are_text() {
    for id in ["01", "1.0", "１", "' OR 1=1--", "../x", "{{7*7}}"] {
        assert_eq!(canonical(Kind::Id, id), id);
    }
    assert_eq!(code(Kind::Id, &"x".repeat(256)), Some(RowCode::TooLong));
    assert_eq!(code(Kind::Id, "a\nb"), Some(RowCode::ControlCharacter));
    assert_eq!(code(Kind::Id, "1.5E+10"), Some(RowCode::SpreadsheetDamage));
}

#[test]
fn words_languages_groups_and_json() {
    assert_eq!(canonical(Kind::Gender, "Female"), "f");
    assert_eq!(code(Kind::Gender, "x"), Some(RowCode::InvalidChoice));
    assert_eq!(canonical(Kind::LanguageTag, "zh-Hant_TW"), "zh-Hant_TW");
    assert_eq!(code(Kind::LanguageTag, "e"), Some(RowCode::InvalidLanguage));
    assert_eq!(canonical(Kind::LanguageCode, "DE"), "de");
    assert_eq!(canonical(Kind::Groups, "a, b ,,a"), r#"["a","b"]"#);
    assert_eq!(canonical(Kind::JsonArray, r#"[{"b":1,"a":2}]"#), r#"[{"a":2,"b":1}]"#);
    assert_eq!(code(Kind::JsonArray, r#"{"a":1}"#), Some(RowCode::InvalidJson));
    assert_eq!(code(Kind::JsonArray, r#"[{"a":"\u0000"}]"#), Some(RowCode::InvalidJson));
    assert_eq!(
        code(
            Kind::JsonArray,
            &format!("[{}{}]", "{\"a\":".repeat(40), "}".repeat(40))
        ),
        Some(RowCode::InvalidJson)
    );
}

#[test]
fn json_is_the_same_when_it_is_read_again() {
    let precise = r#"[{"a":0.12345678901234003}]"#;
    assert_eq!(canonical(Kind::JsonArray, precise), precise);
    let growing = format!(r#"[{{"a":[{}]}}]"#, vec!["1e15"; 13_000].join(","));
    assert_eq!(code(Kind::JsonArray, &growing), Some(RowCode::TooLong));
}

#[test]
fn secrets_are_kept_as_they_are() {
    assert_eq!(canonical(Kind::Secret, " pass,word\u{feff} "), " pass,word\u{feff} ");
    assert_eq!(trim(Kind::Secret, " x "), " x ");
    assert_eq!(trim(Kind::Email, " x "), "x");
}

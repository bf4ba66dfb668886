//! Records and what becomes of them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;
use crate::import::Unmapped;
use crate::mapping;
use crate::resource::Resource;

fn rows(header: &[&str], change: impl Fn(&mut ImportOptions)) -> Rows {
    let mut options = ImportOptions::new(Resource::Users);
    change(&mut options);
    let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    let columns = mapping::resolve(&header, &options).unwrap();
    Rows::new(&columns, &options)
}

fn row(judged: Judged) -> Row {
    match judged.fate {
        Fate::Row(row) => *row,
        other => panic!("not a row: {other:?}"),
    }
}

fn labels(judged: Judged) -> Vec<String> {
    match judged.fate {
        Fate::Failed(failure) => failure.errors.iter().map(RowError::label).collect(),
        other => panic!("not a failure: {other:?}"),
    }
}

#[test]
fn every_error_of_a_row_is_named_at_once() {
    let rows = rows(&["source_id", "email", "dob", "Phone"], |_| {});
    let judged = rows.judge(1, 2, &[" ", "ana@", "30.2.2024", "x"], false);
    assert_eq!(
        labels(judged),
        [
            "email:invalid-email",
            "date_of_birth:invalid-date",
            "phone:invalid-phone",
            "source_id:required"
        ]
    );
}

#[test]
fn what_no_eye_finds_in_a_refused_cell_is_named() {
    let rows = rows(&["source_id", "email", "password_hash", "Shoe size"], |_| {});
    let message = |cells: &[&str]| match rows.judge(1, 2, cells, false).fate {
        Fate::Failed(failure) => failure
            .errors
            .into_iter()
            .map(|error| error.message)
            .collect::<Vec<_>>(),
        other => panic!("not a failure: {other:?}"),
    };
    let [found] = message(&["1", "ana @exa\u{200b}mple.com\u{feff}\u{200b}x", "", ""])
        .try_into()
        .unwrap();
    assert!(
        found.ends_with("; the cell holds characters that cannot be seen: U+200B, U+FEFF"),
        "{found}"
    );
    let [plain] = message(&["1", "ana @example.com", "", ""]).try_into().unwrap();
    assert!(!plain.contains("U+") && found.starts_with(&plain), "{plain}");
    let [secret] = message(&["1", "", &"\u{200b}".repeat(100_000), ""]).try_into().unwrap();
    assert!(!secret.contains("U+"), "{secret}");
    let taken = row(rows.judge(1, 2, &["a\u{200b}", "", "", "4\u{a0}2"], false));
    assert_eq!(taken.key.source_id(), "a\u{200b}", "in text and ids they are data");
}

#[test]
fn keys_come_from_cells_defaults_and_the_key_option() {
    let spigit = |options: &mut ImportOptions| options.key = vec!["username".to_owned(), "email".to_owned()];
    let rows = rows(&["email", "username"], spigit);
    assert_eq!(row(rows.judge(1, 2, &["a@x.com", "ana"], false)).key.source_id(), "ana");
    let by_mail = row(rows.judge(1, 2, &["a@X.com", ""], false)).key;
    assert_eq!(
        (by_mail.source(), by_mail.source_id(), by_mail.language()),
        ("import", "a@x.com", "")
    );
    assert_eq!(labels(rows.judge(1, 2, &["", " "], false)), ["username:required"]);
    assert_eq!(labels(rows.judge(1, 2, &["a@", ""], false)), ["email:invalid-email"]);
}

#[test]
fn blank_cells_clear_or_say_nothing() {
    let header = ["source_id", "company", "Shoe size"];
    let clear = row(rows(&header, |_| {}).judge(1, 2, &["1", "", ""], false));
    assert_eq!(clear.values.iter().filter(|value| **value == Patch::Clear).count(), 1);
    assert_eq!(clear.attributes, [("Shoe size".into(), Patch::Clear)]);
    let ignore = row(rows(&header, |options| options.blank = Blank::Ignore).judge(1, 2, &["1", "", ""], false));
    assert!(ignore.values.iter().all(|value| *value == Patch::Keep));
    assert_eq!(ignore.attributes, [("Shoe size".into(), Patch::Keep)]);
}

#[test]
fn ragged_rows_fail_or_are_padded() {
    let header = ["source_id", "company"];
    assert_eq!(
        labels(rows(&header, |_| {}).judge(1, 2, &["1"], false)),
        ["column-count"]
    );
    let pad = rows(&header, |options| options.ragged = Ragged::Pad);
    assert!(pad.judge(1, 2, &["1"], false).warned);
    assert!(pad.judge(1, 2, &["1", "x", ""], false).warned);
    assert!(!pad.judge(1, 2, &["1", "x"], false).warned);
    assert_eq!(labels(pad.judge(1, 2, &["1", "x", "y"], false)), ["column-count"]);
}

#[test]
fn secrets_are_not_repeated_in_errors() {
    let rows = rows(&["source_id", "password_hash"], |_| {});
    let Fate::Failed(failure) = rows.judge(1, 2, &["1", &"s".repeat(2000)], false).fate else {
        panic!("accepted")
    };
    assert_eq!(failure.errors.first().unwrap().value, None);
}

#[test]
fn attributes_come_one_by_one_or_as_an_object() {
    let rows = rows(&["source_id", "attributes", "attributes.size"], |_| {});
    let row = row(rows.judge(1, 2, &["1", r#"{"a":1,"b":null}"#, " 38 "], false));
    let expected = [
        ("a".into(), Patch::Set(Value::from(1))),
        ("b".into(), Patch::Clear),
        ("size".into(), Patch::Set(Value::from("38"))),
    ];
    assert_eq!(row.attributes, expected);
}

#[test]
fn exactly_one_quote_comes_off_a_file_for_spreadsheets() {
    let phone = |header: &[&str], cell: &str| row(rows(header, |_| {}).judge(1, 2, &["", "1", cell], false)).values;
    let quoted = phone(&["_import_quoted", "source_id", "phone"], "'+49 30");
    assert!(quoted.contains(&Patch::Set("+49 30".into())));
    let plain = rows(&["x", "source_id", "phone"], |_| {});
    assert_eq!(
        labels(plain.judge(1, 2, &["", "1", "'+49 30"], false)),
        ["phone:invalid-phone"]
    );
}

#[test]
fn a_composed_file_says_nothing_clears_or_refuses_by_row() {
    let header = ["_import_error", "source_id", "company", "password_hash"];
    let composed = rows(&header, |options| {
        options.composed = true;
        options.blank = Blank::Ignore;
    });
    let row = row(composed.judge(1, 2, &["", "1", "", cell::ERASED], false));
    let said: Vec<&Patch<Text>> = row.values.iter().filter(|value| **value != Patch::Keep).collect();
    assert_eq!(said, [&Patch::Clear]);
    let refused = composed.judge(2, 3, &["no key", "", "x", ""], false);
    let Fate::Failed(failure) = refused.fate else {
        panic!("accepted")
    };
    let sentences: Vec<String> = failure.errors.iter().map(RowError::sentence).collect();
    assert_eq!(sentences, ["no key"], "what the key lacks is not said twice");
    let uploaded = rows(&header, |_| {});
    assert_eq!(
        labels(uploaded.judge(1, 2, &["no key", "1", cell::ERASED, ""], false)),
        ["company:control-character"],
        "in any other file the column is ignored and the character is none"
    );
}

/// The columns of a file whose rows are identified by handles.
fn people(options: &mut ImportOptions) {
    let columns = [
        ("mail", "handles.email"),
        ("tel", "handles.phone"),
        ("nick", "handles.username"),
        ("groups", "groups"),
        ("json", "attributes"),
        ("roles", "attributes.roles"),
        ("hash", "password_hash"),
    ];
    options.handles = true;
    options.aliases = false;
    options.blank = Blank::Ignore;
    options.unmapped = Unmapped::Ignore;
    options.source = "people".to_owned();
    options.mapping = columns
        .map(|(header, field)| (header.to_owned(), Some(field.to_owned())))
        .into();
    options.rules = [
        ("groups", Rule::Names { most: 2 }),
        (
            "json",
            Rule::Buckets {
                name_bytes: 5,
                value_bytes: 5,
            },
        ),
        ("roles", Rule::List),
        ("hash", Rule::PasswordHash),
    ]
    .map(|(header, rule)| (header.to_owned(), rule))
    .into();
}

#[test]
fn handles_give_a_row_its_key_and_fill_its_fields() {
    let rows = rows(&["other", "nick", "tel", "mail", "roles"], people);
    let row = row(rows.judge(
        1,
        2,
        &["x", "ana", "+491, +492", "Ana@X.com,b@x.com,ana@x.COM", "b, a"],
        false,
    ));
    let handles: Vec<&str> = row.handles.iter().map(|handle| &*handle.value).collect();
    assert_eq!(handles, ["ana", "+491", "+492", "ana@x.com", "b@x.com"]);
    assert_eq!((row.key.source(), row.key.source_id()), ("people", "ana@x.com"));
    let said = Resource::Users.fields().iter().zip(&row.values);
    let said: Vec<(&str, &Patch<Text>)> = said
        .filter(|(_, patch)| **patch != Patch::Keep)
        .map(|(field, patch)| (field.name, patch))
        .collect();
    let fill = |text: &str| Patch::Fill(Text::from(text));
    assert_eq!(
        said,
        [
            ("email", &fill("Ana@x.com")),
            ("username", &fill("ana")),
            ("phone", &fill("+491"))
        ]
    );
    let attributes: Vec<(&str, &Patch<Value>)> = row.attributes.iter().map(|(name, patch)| (&**name, patch)).collect();
    assert_eq!(attributes, [("roles", &Patch::Set(serde_json::json!(["b", "a"])))]);
    assert!(row.cells.is_some(), "the row may still be refused");
}

#[test]
fn what_is_wrong_with_a_row_of_handles() {
    let rows = rows(&["mail", "tel", "nick", "groups", "json", "hash"], people);
    let judge = |cells: &[&str]| labels(rows.judge(1, 2, cells, false));
    assert_eq!(judge(&["", " , ", "", "ab", "", ""]), ["handles:required"]);
    assert_eq!(judge(&["a@", "", "", "", "", ""]), ["handles.email:invalid-email"]);
    for phone in ["4915", "+0491", "+49 30 123", "+1234567890123456", "+4", "+49,030"] {
        assert_eq!(
            judge(&["a@x.com", phone, "", "", "", ""]),
            ["handles.phone:invalid-phone"],
            "{phone}"
        );
    }
    assert_eq!(
        judge(&["", "4.9E+10", "", "", "", ""]),
        ["handles.phone:spreadsheet-damage"]
    );
    assert_eq!(
        judge(&["", "", &"a,".repeat(101), "", "", ""]),
        ["handles.username:too-long"]
    );
    assert_eq!(
        judge(&["a@x.com", "", "", "ab,b c", r#"{"b":1}"#, "secret"]),
        [
            "groups:invalid-name",
            "invalid-json",
            "password_hash:invalid-password-hash",
        ]
    );
    assert_eq!(
        judge(&["a@x.com", "", "", "ab,bc,cd", r#"{"b":{"k":"123456"}}"#, ""]),
        ["groups:too-long", "too-long"]
    );
}

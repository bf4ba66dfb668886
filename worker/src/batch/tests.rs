//! What a patch does to a value, to an attribute and to a row's hash.

use serde_json::json;

use super::*;

type Said = Option<&'static str>;

fn key() -> Key {
    Key::user("crm", "1", "")
}

fn text(value: &str) -> Text {
    value.into()
}

/// What a patch makes of a value, and whether that is said to be a change.
fn value(stored: Said, patch: Patch<Text>) -> (Option<Text>, bool) {
    let row = Row::new(key(), vec![patch], Vec::new());
    let mut record = Stored {
        values: vec![stored.map(text)],
        ..Stored::default()
    };
    let changed = record.apply(&row);
    assert!(!record.clone().apply(&row), "the same again is no change");
    (record.values.into_iter().next().flatten(), changed)
}

fn attribute(stored: Option<Value>, patch: Patch<Value>) -> (Option<Value>, bool) {
    let row = Row::new(key(), Vec::new(), vec![(Arc::from("x"), patch)]);
    let mut record = Stored::default();
    record.attributes.extend(stored.map(|value| ("x".to_owned(), value)));
    let changed = record.apply(&row);
    assert!(!record.clone().apply(&row), "the same again is no change");
    (record.attributes.remove("x"), changed)
}

#[test]
fn each_patch_does_to_a_value_what_it_says() {
    let becomes = |value: Said, changed| (value.map(text), changed);
    assert_eq!(value(Some("a"), Patch::Keep), becomes(Some("a"), false));
    assert_eq!(value(Some("a"), Patch::Clear), becomes(None, true));
    assert_eq!(value(None, Patch::Clear), becomes(None, false));
    assert_eq!(value(Some("a"), Patch::Set(text("a"))), becomes(Some("a"), false));
    assert_eq!(value(Some("a"), Patch::Set(text("b"))), becomes(Some("b"), true));
    assert_eq!(value(None, Patch::Set(text("b"))), becomes(Some("b"), true));
    assert_eq!(value(Some("a"), Patch::Fill(text("b"))), becomes(Some("a"), false));
    assert_eq!(value(None, Patch::Fill(text("b"))), becomes(Some("b"), true));
    let list = text(r#"["b"]"#);
    assert_eq!(
        value(Some(r#"["a"]"#), Patch::Merge(list.clone())),
        becomes(Some(r#"["a","b"]"#), true)
    );
    assert_eq!(
        value(Some(r#"["b"]"#), Patch::Merge(list.clone())),
        becomes(Some(r#"["b"]"#), false)
    );
    assert_eq!(
        value(Some("no JSON"), Patch::Merge(list)),
        becomes(Some(r#"["b"]"#), true)
    );
    let member = text(r#"{"b":1,"c":null}"#);
    assert_eq!(
        value(Some(r#"{"a":1,"c":2}"#), Patch::Overlay(member.clone())),
        becomes(Some(r#"{"a":1,"b":1}"#), true)
    );
    assert_eq!(
        value(Some(r#"{"b":1}"#), Patch::Overlay(member)),
        becomes(Some(r#"{"b":1}"#), false)
    );
}

#[test]
fn each_patch_does_to_an_attribute_what_it_says() {
    let a = || Some(json!({"a": 1}));
    assert_eq!(attribute(a(), Patch::Keep), (a(), false));
    assert_eq!(attribute(a(), Patch::Clear), (None, true));
    assert_eq!(attribute(None, Patch::Clear), (None, false));
    assert_eq!(attribute(a(), Patch::Set(json!(2))), (Some(json!(2)), true));
    assert_eq!(attribute(a(), Patch::Set(json!({"a": 1}))), (a(), false));
    assert_eq!(attribute(a(), Patch::Fill(json!(2))), (a(), false));
    assert_eq!(attribute(None, Patch::Fill(json!(2))), (Some(json!(2)), true));
    assert_eq!(
        attribute(a(), Patch::Merge(json!({"b": 2}))),
        (Some(json!({"a": 1, "b": 2})), true)
    );
    assert_eq!(attribute(a(), Patch::Merge(json!({"a": 1}))), (a(), false));
    assert_eq!(attribute(a(), Patch::Merge(Value::Null)), (None, true));
    assert_eq!(attribute(None, Patch::Merge(Value::Null)), (None, false));
    assert_eq!(
        attribute(a(), Patch::Overlay(json!({"a": null, "b": 2}))),
        (Some(json!({"b": 2})), true)
    );
    assert_eq!(attribute(a(), Patch::Overlay(json!({"a": 1}))), (a(), false));
}

#[test]
fn one_change_among_many_is_a_change() {
    let row = |first: &str, second: &str| {
        let attributes = vec![
            (Arc::from("x"), Patch::Set(json!(first))),
            (Arc::from("y"), Patch::Set(json!(second))),
        ];
        Row::new(
            key(),
            vec![Patch::Set(text(first)), Patch::Set(text(second))],
            attributes,
        )
    };
    let created = Stored::create(&row("1", "2"));
    assert_eq!(created.values, [Some(text("1")), Some(text("2"))]);
    assert_eq!(Value::Object(created.attributes.clone()), json!({"x": "1", "y": "2"}));
    for changing in [row("3", "2"), row("1", "3")] {
        let mut record = created.clone();
        assert!(record.apply(&changing));
        assert_eq!(record, Stored::create(&changing));
    }
    let only = |values, attributes| Row::new(key(), values, attributes);
    assert!(
        created
            .clone()
            .apply(&only(vec![Patch::Clear, Patch::Keep], Vec::new()))
    );
    assert!(
        created
            .clone()
            .apply(&only(vec![Patch::Keep; 2], vec![(Arc::from("x"), Patch::Clear)]))
    );
}

#[test]
fn rows_that_say_different_things_have_different_hashes() {
    let patches = |value: &str| {
        let value = text(value);
        [
            Patch::Keep,
            Patch::Clear,
            Patch::Set(value.clone()),
            Patch::Merge(value.clone()),
            Patch::Overlay(value.clone()),
            Patch::Fill(value),
        ]
    };
    let of_value = |patch| Row::new(key(), vec![patch], Vec::new()).hash;
    let of_attribute = |name: &str, patch| Row::new(key(), Vec::new(), vec![(Arc::from(name), patch)]).hash;
    let json = |patch: &Patch<Text>| match patch {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(value) => Patch::Set(Value::from(value.as_str())),
        Patch::Merge(value) => Patch::Merge(Value::from(value.as_str())),
        Patch::Overlay(value) => Patch::Overlay(Value::from(value.as_str())),
        Patch::Fill(value) => Patch::Fill(Value::from(value.as_str())),
    };
    let mut hashes: Vec<ContentHash> = patches("a").into_iter().map(of_value).collect();
    hashes.extend(patches("b").into_iter().skip(2).map(of_value));
    hashes.extend(patches("a").iter().map(|patch| of_attribute("x", json(patch))));
    hashes.push(of_attribute("y", Patch::Set(json!("a"))));
    hashes.extend([json!(1), json!("1"), json!(true), json!([1])].map(|value| of_attribute("x", Patch::Set(value))));
    hashes.push(Row::new(key(), vec![Patch::Set(text("a")), Patch::Keep], Vec::new()).hash);
    // Where a length takes more than a byte, wherever one text ends and the next begins.
    for length in [253, 254, 255, 256, 511] {
        let parts = [text(&"a".repeat(length)), text(&"a".repeat(600 - length))];
        hashes.push(Row::new(key(), parts.map(Patch::Set).to_vec(), Vec::new()).hash);
    }
    let count = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
    assert_eq!(of_value(Patch::Set(text("a"))), of_value(Patch::Set(text("a"))));
}

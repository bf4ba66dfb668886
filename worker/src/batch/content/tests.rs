//! A record read from its row says, value for value, what applying the row to nothing gives.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::batch::{Key, Text};

fn patch<T: Clone + std::fmt::Debug + 'static>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Patch<T>> {
    (0..6, value).prop_map(|(kind, value)| match kind {
        0 => Patch::Keep,
        1 => Patch::Clear,
        2 => Patch::Merge(value),
        3 => Patch::Overlay(value),
        4 => Patch::Fill(value),
        _ => Patch::Set(value),
    })
}

fn row() -> impl Strategy<Value = Row> {
    let text = prop_oneof![Just("[\"a\"]"), Just("{\"b\":1}"), Just("a \"quoted\" text"), Just("")];
    let value = prop_oneof![Just(json!("x\u{1}ß")), Just(json!({"b": [null]})), Just(json!(1.0))];
    let name = prop_oneof![Just("a"), Just("b"), Just("Größe"), Just("\"")];
    let values = prop::collection::vec(patch(text.prop_map(Text::from)), 0..6);
    let attributes = prop::collection::vec((name.prop_map(Arc::from), patch(value)), 0..6);
    (values, attributes).prop_map(|(values, attributes)| Row::new(Key::user("crm", "1", ""), values, attributes))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a_record_reads_as_its_row_applied_to_nothing(row in row()) {
        let stored = Stored::create(&row);
        let content = Content::create(&row);
        prop_assert_eq!(matches!(content, Content::Row(_)), is_plain(&row));
        let values: Vec<Option<&str>> = stored.values.iter().map(Option::as_deref).collect();
        prop_assert_eq!(content.values().collect::<Vec<_>>(), values);
        prop_assert_eq!(
            serde_json::to_string(&content.attributes()).ok(),
            serde_json::to_string(&stored.attributes).ok()
        );
        prop_assert_eq!(content.to_stored().into_owned(), stored.clone());
        prop_assert_eq!(content.clone().into_stored(), stored.clone());
        let mut owned = content.clone();
        prop_assert_eq!(&*owned.to_mut(), &stored);
        prop_assert_eq!(&owned, &content);
    }
}

#[test]
fn rows_as_most_files_have_them_are_not_copied() {
    let attributes = vec![(Arc::from("a"), Patch::Set(json!("x"))), (Arc::from("b"), Patch::Clear)];
    let row = Row::new(
        Key::user("crm", "1", ""),
        vec![Patch::Set("a".into()), Patch::Keep],
        attributes,
    );
    assert!(matches!(Content::create(&row), Content::Row(_)));
}

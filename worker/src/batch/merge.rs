//! Merging JSON into what is stored: objects by member (RFC 7396, null removes), lists of objects by their `code`, lists of
//! texts as sets. Pure; merging the same again changes nothing.

use serde_json::{Map, Value};

use super::Text;

/// The member by which the objects of a list are the same.
const CODE: &str = "code";

/// What `stored` is once `patch` is merged into it; nothing if that removes it.
pub fn merged(stored: Option<&Value>, patch: &Value) -> Option<Value> {
    match (stored, patch) {
        (_, Value::Null) => None,
        (Some(Value::Object(members)), Value::Object(patch)) => Some(Value::Object(object(members.clone(), patch))),
        (_, Value::Object(patch)) => Some(Value::Object(object(Map::new(), patch))),
        (Some(Value::Array(items)), Value::Array(patch)) => Some(Value::Array(list(items.clone(), patch))),
        (_, Value::Array(patch)) => Some(Value::Array(list(Vec::new(), patch))),
        (_, patch) => Some(patch.clone()),
    }
}

/// The same for a value that is kept as JSON text; text that is no JSON counts as absent.
pub fn merged_text(stored: Option<&str>, patch: &str) -> Option<Text> {
    let stored = stored.and_then(|text| serde_json::from_str(text).ok());
    let patch = serde_json::from_str(patch).ok()?;
    merged(stored.as_ref(), &patch).map(|value| value.to_string().into())
}

/// One step of RFC 7396: what `stored` is once the members of `patch` stand in it. What is no object counts as empty.
pub fn overlaid(stored: Option<&Value>, patch: &Value) -> Value {
    let mut members = stored.and_then(Value::as_object).cloned().unwrap_or_default();
    for (name, value) in patch.as_object().into_iter().flatten() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    Value::Object(members)
}

/// The same for a value that is kept as JSON text.
pub fn overlaid_text(stored: Option<&str>, patch: &str) -> Option<Text> {
    let stored: Option<Value> = stored.and_then(|text| serde_json::from_str(text).ok());
    let patch: Value = serde_json::from_str(patch).ok()?;
    Some(overlaid(stored.as_ref(), &patch).to_string().into())
}

fn object(mut members: Map<String, Value>, patch: &Map<String, Value>) -> Map<String, Value> {
    for (name, value) in patch {
        match merged(members.get(name), value) {
            Some(value) => members.insert(name.clone(), value),
            None => members.remove(name),
        };
    }
    members
}

fn list(mut items: Vec<Value>, patch: &[Value]) -> Vec<Value> {
    for item in patch {
        // As it would be stored, without the members that null removes: so it finds itself when it comes again.
        let Some(new) = merged(None, item) else { continue };
        let code = new.get(CODE);
        let twin = items.iter_mut().find(|stored| {
            if code.is_some() {
                stored.get(CODE) == code
            } else {
                **stored == new
            }
        });
        match twin {
            Some(twin) => {
                if let Some(value) = merged(Some(twin), item) {
                    *twin = value;
                }
            }
            None => items.push(new),
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_merge_by_member_and_null_removes() {
        let stored = json!({"a": {"x": 1, "y": 2}, "b": 3});
        let patch = json!({"a": {"y": null, "z": 4}, "b": null, "c": {"d": null}});
        assert_eq!(
            merged(Some(&stored), &patch),
            Some(json!({"a": {"x": 1, "z": 4}, "c": {}}))
        );
        assert_eq!(merged(Some(&stored), &Value::Null), None);
        assert_eq!(merged(Some(&json!("text")), &json!({"a": 1})), Some(json!({"a": 1})));
    }

    #[test]
    fn lists_of_objects_merge_by_code_and_texts_as_sets() {
        let stored = json!([{"code": "home", "city": "Ulm"}, {"code": "invoice"}]);
        let patch = json!([{"code": "delivery"}, {"code": "home", "zip": "89073"}]);
        let both = json!([{"code": "home", "city": "Ulm", "zip": "89073"}, {"code": "invoice"}, {"code": "delivery"}]);
        assert_eq!(merged(Some(&stored), &patch), Some(both));
        assert_eq!(
            merged(Some(&json!(["a", "b"])), &json!(["b", "c", "c"])),
            Some(json!(["a", "b", "c"]))
        );
    }

    #[test]
    fn an_overlay_replaces_whole_members() {
        let stored = json!({"a": [1, 2], "b": {"x": 1}, "c": 1, "d": 2});
        let patch = json!({"a": [3], "b": {"y": null}, "c": null, "e": "new"});
        let once = overlaid(Some(&stored), &patch);
        assert_eq!(once, json!({"a": [3], "b": {"y": null}, "d": 2, "e": "new"}));
        assert_eq!(overlaid(Some(&once), &patch), once);
        assert_eq!(overlaid(None, &patch), json!({"a": [3], "b": {"y": null}, "e": "new"}));
    }

    #[test]
    fn merging_again_changes_nothing() {
        let patch = json!({"a": {"b": null}, "l": [{"code": "x", "n": 1}, {"code": "x", "m": 2}], "s": ["t"]});
        let once = merged(Some(&json!({"a": {"b": 1}})), &patch);
        assert_eq!(merged(once.as_ref(), &patch), once);
    }

    #[test]
    fn items_that_hold_null_are_the_same_when_they_come_again() {
        let patch = json!([{"a": null}, {"code": null, "b": 1}, {"code": {"x": null}}, [null], null]);
        let once = merged(None, &patch);
        assert_eq!(once, Some(json!([{}, {"b": 1}, {"code": {}}, []])));
        assert_eq!(merged(once.as_ref(), &patch), once);
    }
}

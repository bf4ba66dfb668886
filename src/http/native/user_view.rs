//! A user as the native API shows it: absent rather than null, without what is never shown.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use worker::resource::users::FIELDS;
use worker::resource::{Field, Kind};

use crate::store::model::User;

/// A user.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserView {
    /// Its number.
    pub id: i64,
    /// The system it comes from.
    pub source: String,
    /// Its id there.
    pub source_id: String,
    /// Where records have one for each language.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// Its fields, those that are filled.
    #[serde(flatten)]
    pub fields: UserFields,
    /// Everything that has no field of its own.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub attributes: Map<String, Value>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// The fields of a user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[expect(
    missing_docs,
    reason = "the names are the documentation; their rules stand in the engine"
)]
pub struct UserFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub middle_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `m`, `f` or `u`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gender: Option<String>,
    /// `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_of_birth: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coc_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debtor_id: Option<String>,
    /// Two letters (ISO 639-1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abbreviation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub addresses: Vec<Value>,
}

/// A user to be made or changed: any of its fields. Only in a patch null is of use: it removes.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = UserInput)]
pub struct UserInput {
    /// The system it comes from; needed to make one.
    pub source: Option<String>,
    /// Its id there; needed to make one.
    pub source_id: Option<String>,
    /// A tag such as `en` or `de-AT`.
    pub language: Option<String>,
    /// Its fields.
    #[serde(flatten)]
    pub fields: UserFields,
    /// Never shown again.
    #[schema(write_only)]
    pub password_hash: Option<String>,
    /// Everything that has no field of its own.
    #[schema(value_type = Option<Object>)]
    pub attributes: Option<Map<String, Value>>,
}

/// Shows a user.
pub fn user(user: &User) -> UserView {
    UserView {
        id: user.id,
        source: user.key.source().to_owned(),
        source_id: user.key.source_id().to_owned(),
        language: user.key.language().to_owned(),
        fields: fields(user),
        attributes: user.stored.attributes.clone(),
        created_at: user.created_at,
        updated_at: user.updated_at,
    }
}

/// The shown fields have the names of the stored ones, so that a list of either is a list of both (a test insists).
fn fields(user: &User) -> UserFields {
    let filled = FIELDS
        .iter()
        .zip(&user.stored.values)
        .filter(|(field, _)| !field.is_sensitive());
    let members = filled.filter_map(|(field, value)| Some((field.name.to_owned(), json(field, value.as_deref()?))));
    let object: Map<String, Value> = members.collect();
    serde_json::from_value(Value::Object(object)).unwrap_or_default()
}

/// Groups and addresses are stored as the JSON text of an array.
fn json(field: &Field, text: &str) -> Value {
    match field.kind {
        Kind::Groups | Kind::JsonArray => serde_json::from_str(text).unwrap_or_else(|_| Value::Array(Vec::new())),
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use worker::batch::{Key, Stored};

    use super::*;

    fn sample() -> User {
        let value = |field: &Field| match field.kind {
            Kind::Groups => r#"["a","b"]"#.to_owned(),
            Kind::JsonArray => r#"[{"code":"home"}]"#.to_owned(),
            _ => format!("a {}", field.name),
        };
        let attributes = serde_json::json!({"Kostenstelle": "4711"}).as_object().unwrap().clone();
        User {
            id: 5,
            key: Key::user("hr", "42", ""),
            stored: Stored {
                values: FIELDS.iter().map(|field| Some(value(field).into())).collect(),
                attributes,
            },
            version: 3,
            created_by_import: None,
            updated_by_import: None,
            created_at: DateTime::from_timestamp(1_795_240_800, 0).unwrap(),
            updated_at: DateTime::from_timestamp(1_795_240_800, 123_456_000).unwrap(),
        }
    }

    #[test]
    fn a_full_user_on_the_wire() {
        insta::assert_json_snapshot!(user(&sample()));
    }

    #[test]
    fn every_field_but_the_sensitive_ones_is_shown() {
        let shown = serde_json::to_value(user(&sample())).unwrap();
        for field in FIELDS {
            assert_eq!(shown.get(field.name).is_some(), !field.is_sensitive(), "{}", field.name);
        }
    }

    #[test]
    fn an_empty_user_is_short() {
        let empty = Stored {
            values: vec![None; FIELDS.len()],
            attributes: Map::new(),
        };
        let shown = serde_json::to_value(user(&User {
            stored: empty,
            ..sample()
        }))
        .unwrap();
        let names: Vec<&String> = shown.as_object().unwrap().keys().collect();
        assert_eq!(names, ["created_at", "id", "source", "source_id", "updated_at"]);
    }
}

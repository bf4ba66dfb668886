//! A row of `users` as it lies in the table. The typed values are listed here once more than in the engine, as columns
//! are types to diesel; a test holds the two lists together.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use worker::batch::{Key, Stored, Text};
use worker::import::ImportId;

use super::cell::{from_json, utc};
use super::error::StoreError;
use super::model::User;
use super::schema::users;

/// The structs over the value fields of a user, in the order of `worker::resource::users::FIELDS`.
macro_rules! values {
    ($($field:ident),+ $(,)?) => {
        #[derive(Queryable, Selectable)]
        #[diesel(table_name = users)]
        pub(super) struct ValuesRow {
            $($field: Option<String>,)+
        }

        impl ValuesRow {
            fn into_values(self) -> Vec<Option<Text>> {
                vec![$(self.$field.map(Text::from),)+]
            }
        }

        /// The values to write; an absent one is written as null.
        #[derive(Insertable, AsChangeset, Default)]
        #[diesel(table_name = users, treat_none_as_null = true, treat_none_as_default_value = false)]
        pub(super) struct NewValues<'a> {
            $($field: Option<&'a str>,)+
        }

        impl<'a> NewValues<'a> {
            /// Takes the values in their order; those missing at the end are absent.
            pub(super) fn new(values: &'a [Option<Text>]) -> Self {
                let mut values = values.iter().map(Option::as_deref);
                Self { $($field: values.next().flatten(),)+ }
            }
        }

        #[cfg(test)]
        const NAMES: &[&str] = &[$(stringify!($field),)+];
    };
}

values! {
    email, username, first_name, middle_name, last_name, full_name, title, gender, date_of_birth, phone, mobile, company,
    tax_number, coc_number, debtor_id, primary_language, abbreviation, parent, region, groups, addresses, password_hash,
}

/// A user.
#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(super) struct UserRow {
    id: i64,
    source: String,
    source_id: String,
    language: String,
    #[diesel(embed)]
    values: ValuesRow,
    attributes: String,
    version: i64,
    created_by_import: Option<i64>,
    updated_by_import: Option<i64>,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            key: Key::user(row.source, row.source_id, row.language),
            stored: Stored {
                values: row.values.into_values(),
                attributes: from_json("users.attributes", &row.attributes)?,
            },
            version: row.version,
            created_by_import: row.created_by_import.map(ImportId),
            updated_by_import: row.updated_by_import.map(ImportId),
            created_at: utc(row.created_at),
            updated_at: utc(row.updated_at),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::NAMES;

    #[test]
    fn the_columns_are_the_fields_of_the_engine() {
        let fields: Vec<&str> = worker::resource::users::FIELDS.iter().map(|field| field.name).collect();
        assert_eq!(NAMES, fields);
    }
}

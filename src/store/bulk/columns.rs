//! Which columns a batch reads and writes, from the resource's own list of fields: a new field is a migration and one line
//! in the engine. Both databases name tables and columns alike.

use worker::batch::{ContentHash, Stored};
use worker::import::{ImportId, OrgId};
use worker::resource::users::ATTRIBUTES;
use worker::resource::{KEY_FIELDS, Resource};

use crate::store::cell::{from_json, to_json};
use crate::store::error::StoreError;

/// Bookkeeping columns written with each new record, in this order, after key and values.
pub(super) const NEW_RECORD: [&str; 4] = ["content_hash", "created_by_import", "created_at", "updated_at"];

/// A table of records and the part of it that a batch may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// Its name.
    pub(super) name: String,
    /// The column that every query is narrowed by.
    pub(super) scope: &'static str,
    /// The value of that column.
    pub(super) owner: i64,
}

impl Table {
    /// The organization's own records.
    pub(super) fn real(resource: Resource, org: OrgId) -> Self {
        Self {
            name: resource.as_str().to_owned(),
            scope: "org_id",
            owner: org.0,
        }
    }

    /// What a dry run would have written so far.
    pub(super) fn preview(resource: Resource, import: ImportId) -> Self {
        Self {
            name: format!("preview_{}", resource.as_str()),
            scope: "import_id",
            owner: import.0,
        }
    }
}

/// The columns of a key, in the order of `Key`.
pub(super) fn key_columns() -> impl Iterator<Item = &'static str> {
    KEY_FIELDS.iter().map(|field| field.name)
}

/// The columns of a record's content: its fields in the order of `Stored::values`, then the attributes.
pub(super) fn value_columns(resource: Resource) -> impl Iterator<Item = &'static str> {
    resource.fields().iter().map(|field| field.name).chain([ATTRIBUTES])
}

/// Every column a new record is written with, in order.
pub(super) fn new_record_columns(resource: Resource, scope: &'static str) -> Vec<&'static str> {
    [scope]
        .into_iter()
        .chain(key_columns())
        .chain(value_columns(resource))
        .chain(NEW_RECORD)
        .collect()
}

/// Column names as a list in SQL; quoted, as `groups` is a word of SQL too.
pub(super) fn list<'a>(columns: impl IntoIterator<Item = &'a str>) -> String {
    columns
        .into_iter()
        .map(|column| format!("\"{column}\""))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The same, each as a column of `table`.
pub(super) fn list_of<'a>(table: &str, columns: impl IntoIterator<Item = &'a str>) -> String {
    columns
        .into_iter()
        .map(|column| format!("{table}.\"{column}\""))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The cells of `value_columns` but the last.
pub(super) fn values(stored: &Stored) -> impl Iterator<Item = Option<&str>> {
    stored.values.iter().map(Option::as_deref)
}

/// The last cell of `value_columns`.
pub(super) fn attributes(stored: &Stored) -> Result<String, StoreError> {
    to_json("attributes", &stored.attributes)
}

/// A record from the cells of `value_columns`.
pub(super) fn read_stored(mut cells: Vec<Option<Box<str>>>) -> Result<Stored, StoreError> {
    let attributes = cells.pop().flatten().unwrap_or_default();
    let attributes = if attributes.is_empty() {
        serde_json::Map::new()
    } else {
        from_json("attributes", &attributes)?
    };
    Ok(Stored {
        values: cells,
        attributes,
    })
}

/// The hash in a cell; one of another length is nobody's, and as good as none.
pub(super) fn read_hash(cell: Option<&[u8]>) -> Option<ContentHash> {
    cell.and_then(|bytes| ContentHash::try_from(bytes).ok())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use diesel::sqlite::Sqlite;
    use diesel::{QueryDsl, debug_query};

    use super::*;
    use crate::store::schema::{preview_users, users};

    /// Column names as diesel's own SQL spells them.
    fn columns_of(sql: &str) -> BTreeSet<String> {
        let list = sql.split(" FROM ").next().unwrap_or_default();
        list.split(',')
            .filter_map(|column| column.rsplit('`').nth(1))
            .map(str::to_owned)
            .collect()
    }

    fn written(scope: &'static str) -> BTreeSet<String> {
        let rest = ["id", "version", "updated_by_import"];
        new_record_columns(Resource::Users, scope)
            .into_iter()
            .chain(rest)
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn every_column_of_the_tables_is_written_or_known_to_start_empty() {
        let real = users::table.select(users::all_columns);
        assert_eq!(
            columns_of(&debug_query::<Sqlite, _>(&real).to_string()),
            written("org_id")
        );
        let preview = preview_users::table.select(preview_users::all_columns);
        assert_eq!(
            columns_of(&debug_query::<Sqlite, _>(&preview).to_string()),
            written("import_id")
        );
    }

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        let stored = Stored {
            values: vec![Some("a \"quoted\" \\ name".into()), None, Some("".into())],
            attributes: serde_json::from_str(r#"{"Größe":"1,80","n":1.0,"deep":{"a":[null]}}"#).unwrap_or_default(),
        };
        let cells = values(&stored).map(|cell| cell.map(Box::from));
        let cells = cells.chain([attributes(&stored).ok().map(Box::from)]).collect();
        assert_eq!(read_stored(cells).ok(), Some(stored));
    }
}

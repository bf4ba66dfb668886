//! Which columns a batch reads and writes, from the resource's own list of fields: a new field is a migration and one line
//! in the engine. Both databases name tables and columns alike.

use worker::batch::plan::Write;
use worker::batch::{Content, ContentHash, Key, Stored, Text, Touched};
use worker::import::{ImportId, OrgId};
use worker::resource::users::ATTRIBUTES;
use worker::resource::{Field, Kind, Resource};

use crate::store::cell::{from_json, to_json};
use crate::store::error::StoreError;

/// Bookkeeping columns written with each new record, in this order, after key and values.
pub(super) const NEW_RECORD: [&str; 4] = ["content_hash", "created_by_import", "created_at", "updated_at"];

/// A table of records and the part of it that a batch may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// What its rows are.
    pub(super) resource: Resource,
    /// Its name.
    pub(super) name: String,
    /// The column that every query is narrowed by.
    pub(super) scope: &'static str,
    /// The value of that column.
    pub(super) owner: i64,
    /// What hangs on its records lies in tables of its own; else it is a column.
    children_apart: bool,
}

/// Where a table keeps what hangs on its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Children {
    /// Nothing does.
    None,
    /// In tables of their own.
    Apart,
    /// In columns, credentials sealed.
    Column,
}

impl Table {
    /// The organization's own records.
    pub(super) fn real(resource: Resource, org: OrgId) -> Self {
        Self {
            resource,
            name: resource.as_str().to_owned(),
            scope: "org_id",
            owner: org.0,
            children_apart: true,
        }
    }

    /// What a dry run would have written so far.
    pub(super) fn preview(resource: Resource, import: ImportId) -> Self {
        Self {
            resource,
            name: format!("preview_{}", resource.as_str()),
            scope: "import_id",
            owner: import.0,
            children_apart: false,
        }
    }

    /// The columns of a key, in the order of `Key::parts`.
    pub(super) fn key_columns(&self) -> impl Iterator<Item = &'static str> {
        self.resource.key_fields().iter().map(|field| field.name)
    }

    /// The cells of `key_columns`.
    pub(super) fn key_cells<'a>(&self, key: &'a Key) -> impl Iterator<Item = &'a str> {
        key.parts()
            .iter()
            .take(self.resource.key_fields().len())
            .map(AsRef::as_ref)
    }

    /// The cells of keys, turned from rows into columns.
    pub(super) fn key_arrays<'a>(&self, keys: impl Iterator<Item = &'a Key>) -> Vec<Vec<&'a str>> {
        let mut columns: Vec<Vec<&str>> = self.key_columns().map(|_| Vec::new()).collect();
        for key in keys {
            let cells = columns.iter_mut().zip(self.key_cells(key));
            cells.for_each(|(column, cell)| column.push(cell));
        }
        columns
    }

    /// The columns of a record's content: its fields in the order of `Stored::values`, then the attributes.
    pub(super) fn value_columns(&self) -> impl Iterator<Item = &'static str> {
        let fields = self.resource.fields().iter().filter(|field| self.has(field));
        fields.map(|field| field.name).chain([ATTRIBUTES])
    }

    /// Which of `value_columns` any of the new records fills; the last one, the attributes, is always there.
    pub(super) fn filled(&self, inserts: &[Write<'_>]) -> Vec<bool> {
        let mut filled = vec![false; self.value_columns().count()];
        for write in inserts {
            let cells = self.values(&write.content);
            filled
                .iter_mut()
                .zip(cells)
                .for_each(|(filled, cell)| *filled |= cell.is_some());
        }
        if let Some(attributes) = filled.last_mut() {
            *attributes = true;
        }
        filled
    }

    /// Which of `value_columns` are to be written.
    pub(super) fn mask(&self, touched: &Touched) -> Vec<bool> {
        let known = self.resource.fields().iter().enumerate();
        let known = known.filter(|(_, field)| self.has(field));
        let known = known.map(|(place, _)| touched.values.get(place) == Some(&true));
        known.chain([touched.attributes]).collect()
    }

    /// The cells of `value_columns` but the last.
    pub(super) fn values<'a>(&self, content: &'a Content<'_>) -> impl Iterator<Item = Option<&'a str>> {
        let fields = self.resource.fields().iter().zip(content.values());
        fields.filter(|(field, _)| self.has(field)).map(|(_, value)| value)
    }

    /// A record from the cells of `value_columns`; what lies in tables of its own is still absent.
    pub(super) fn read_stored(&self, mut cells: Vec<Option<Text>>) -> Result<Stored, StoreError> {
        let attributes = cells.pop().flatten().unwrap_or_default();
        let attributes = if attributes.is_empty() {
            serde_json::Map::new()
        } else {
            from_json("attributes", &attributes)?
        };
        let fields = self.resource.fields();
        let values = if cells.len() == fields.len() {
            cells
        } else {
            let mut cells = cells.into_iter();
            let value = |field| if self.has(field) { cells.next().flatten() } else { None };
            fields.iter().map(value).collect()
        };
        Ok(Stored { values, attributes })
    }

    /// Every column a new record is written with, in order; of its values those that a mask keeps.
    pub(super) fn new_record_columns(&self, mask: &[bool]) -> Vec<&'static str> {
        let keys = [self.scope].into_iter().chain(self.key_columns());
        keys.chain(masked(self.value_columns(), mask))
            .chain(NEW_RECORD)
            .collect()
    }

    /// The hash to keep with a record.
    pub(super) fn hash<'a>(&self, hash: &'a ContentHash) -> Option<&'a [u8]> {
        self.resource.keeps_hash().then_some(hash.as_slice())
    }

    /// Where it keeps what hangs on its records.
    pub(super) fn children(&self) -> Children {
        if !self.resource.fields().iter().any(|field| field.kind == Kind::Children) {
            Children::None
        } else if self.children_apart {
            Children::Apart
        } else {
            Children::Column
        }
    }

    fn has(&self, field: &Field) -> bool {
        !self.children_apart || field.kind != Kind::Children
    }
}

/// Those that a mask keeps.
pub(super) fn masked<T>(all: impl IntoIterator<Item = T>, mask: &[bool]) -> impl Iterator<Item = T> {
    all.into_iter().zip(mask).filter(|(_, keep)| **keep).map(|(one, _)| one)
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

/// The last cell of `value_columns`.
pub(super) fn attributes(content: &Content<'_>) -> Result<String, StoreError> {
    to_json("attributes", &content.attributes())
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
    use crate::store::schema::{clients, preview_clients, preview_report_types, preview_users, report_types, users};

    /// Column names as diesel's own SQL spells them.
    fn columns_of(sql: &str) -> BTreeSet<String> {
        let list = sql.split(" FROM ").next().unwrap_or_default();
        list.split(',')
            .filter_map(|column| column.rsplit('`').nth(1))
            .map(str::to_owned)
            .collect()
    }

    fn written(table: &Table) -> BTreeSet<String> {
        let rest = ["id", "version", "updated_by_import"];
        let columns = table
            .new_record_columns(&vec![true; table.value_columns().count()])
            .into_iter()
            .chain(rest);
        columns.map(str::to_owned).collect()
    }

    /// The columns of diesel's description.
    macro_rules! described {
        ($table:ident) => {
            columns_of(&debug_query::<Sqlite, _>(&$table::table.select($table::all_columns)).to_string())
        };
    }

    #[test]
    fn every_column_of_the_tables_is_written_or_known_to_start_empty() {
        let real = |resource| written(&Table::real(resource, OrgId(1)));
        let preview = |resource| written(&Table::preview(resource, ImportId(1)));
        assert_eq!(described!(users), real(Resource::Users));
        assert_eq!(described!(preview_users), preview(Resource::Users));
        assert_eq!(described!(clients), real(Resource::Clients));
        assert_eq!(described!(preview_clients), preview(Resource::Clients));
        assert_eq!(described!(report_types), real(Resource::ReportTypes));
        assert_eq!(described!(preview_report_types), preview(Resource::ReportTypes));
    }

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        let attributes = serde_json::from_str(r#"{"Größe":"1,80","n":1.0,"deep":{"a":[null]}}"#).unwrap_or_default();
        let mut values: Vec<Option<Text>> = Resource::Clients.fields().iter().map(|_| None).collect();
        for (value, text) in values.iter_mut().zip(["a \"quoted\" \\ name", ""]) {
            *value = Some(text.into());
        }
        let stored = Stored { values, attributes };
        for table in [
            Table::real(Resource::Clients, OrgId(1)),
            Table::preview(Resource::Clients, ImportId(1)),
        ] {
            let content = Content::Stored(stored.clone());
            let cells = table.values(&content).map(|cell| cell.map(Text::from));
            let cells = cells
                .chain([super::attributes(&content).ok().map(Text::from)])
                .collect();
            assert_eq!(table.read_stored(cells).ok().as_ref(), Some(&stored));
        }
    }
}

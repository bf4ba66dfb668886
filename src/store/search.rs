//! Finding a part of a text in any case, the same on both databases.

use diesel::SqliteConnection;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

#[diesel::declare_sql_function]
extern "SQL" {
    /// Lower case of any script.
    fn lower(text: Nullable<Text>) -> Nullable<Text>;
}

/// SQLite's own `lower` knows ASCII alone: every connection gets one that agrees with PostgreSQL's.
pub(super) fn register_lower(connection: &mut SqliteConnection) -> QueryResult<()> {
    lower_utils::register_impl(connection, |text: Option<String>| text.map(|text| text.to_lowercase()))
}

/// A LIKE pattern for a part of a text, whose own wildcards are escaped by `\` and mean themselves.
pub(super) fn contains(part: &str) -> String {
    let part = part.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{part}%")
}

//! Finding a part of a text in any case, the same on both databases.

use diesel::SqliteConnection;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Nullable, Text};
use diesel::sqlite::Sqlite;

#[diesel::declare_sql_function]
extern "SQL" {
    /// Lower case of any script.
    fn lower(text: Nullable<Text>) -> Nullable<Text>;
}

/// SQLite's own `lower` knows ASCII alone: every connection gets one that agrees with PostgreSQL's.
pub(super) fn register_lower(connection: &mut SqliteConnection) -> QueryResult<()> {
    lower_utils::register_impl(connection, |text: Option<String>| text.map(|text| text.to_lowercase()))
}

/// The text of a key's column, to be lowered: on PostgreSQL that column's own collation, `C`, knows the case of ASCII alone.
#[derive(Clone, Copy, Debug, QueryId)]
pub(super) struct AnyScript<Column>(pub(super) Column);

impl<Column: Expression<SqlType = Text>> Expression for AnyScript<Column> {
    type SqlType = Nullable<Text>;
}

impl<Column: ValidGrouping<By>, By> ValidGrouping<By> for AnyScript<Column> {
    type IsAggregate = Column::IsAggregate;
}

impl<Column: AppearsOnTable<Table>, Table> AppearsOnTable<Table> for AnyScript<Column> where Self: Expression {}
impl<Column: SelectableExpression<Table>, Table> SelectableExpression<Table> for AnyScript<Column> where
    Self: AppearsOnTable<Table>
{
}

impl<Column: QueryFragment<Pg>> QueryFragment<Pg> for AnyScript<Column> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(r#" collate "default")"#);
        Ok(())
    }
}

impl<Column: QueryFragment<Sqlite>> QueryFragment<Sqlite> for AnyScript<Column> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }
}

/// A LIKE pattern for a part of a text, whose own wildcards are escaped by `\` and mean themselves.
pub(super) fn contains(part: &str) -> String {
    let part = part.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{part}%")
}

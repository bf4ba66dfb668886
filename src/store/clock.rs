//! The database's clock as an expression: `now()` and moments around it. PostgreSQL reads its own clock when it runs the
//! statement, after any wait for a lock. SQLite runs in this process, on this clock: the moment is bound, so that every
//! time in the file is spelled by diesel alone and compares as text.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta, Utc};
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Timestamp};
use diesel::sqlite::Sqlite;

/// The present, or a moment at a distance from it.
#[derive(Clone, Copy, Debug, QueryId)]
pub(super) struct Moment {
    offset_micros: i64,
    here: NaiveDateTime,
}

/// The present.
pub(super) fn now() -> Moment {
    Moment::at(0)
}

/// So much later than now.
pub(super) fn after(distance: Duration) -> Moment {
    Moment::at(micros(distance))
}

/// So much earlier than now.
pub(super) fn before(distance: Duration) -> Moment {
    Moment::at(-micros(distance))
}

/// A hundred years: farther than any limit, and safe to add to any date.
const FARTHEST: i64 = 100 * 365 * 86_400 * 1_000_000;

fn micros(distance: Duration) -> i64 {
    i64::try_from(distance.as_micros()).map_or(FARTHEST, |micros| micros.min(FARTHEST))
}

impl Moment {
    fn at(offset_micros: i64) -> Self {
        let now = Utc::now();
        let now = chrono::DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now);
        let here = now.naive_utc() + TimeDelta::microseconds(offset_micros);
        Self { offset_micros, here }
    }
}

impl Expression for Moment {
    type SqlType = Timestamp;
}

impl<GroupBy> ValidGrouping<GroupBy> for Moment {
    type IsAggregate = is_aggregate::Never;
}

impl<Table> AppearsOnTable<Table> for Moment {}
impl<Table> SelectableExpression<Table> for Moment {}

impl QueryFragment<Pg> for Moment {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(clock_timestamp() at time zone 'utc' + ");
        out.push_bind_param::<BigInt, _>(&self.offset_micros)?;
        out.push_sql(" * interval '1 microsecond')");
        Ok(())
    }
}

impl QueryFragment<Sqlite> for Moment {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_bind_param::<Timestamp, _>(&self.here)
    }
}

//! SQL stands only here: one `Store` over PostgreSQL and SQLite.

pub mod model;
#[expect(unreachable_pub, reason = "diesel's table! makes everything public")]
mod schema;

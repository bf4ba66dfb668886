//! `Store::commit_batch`: what a batch does to the tables, on both databases.

mod bench;
mod dry_run;
mod lost;
mod model;
mod outside;
mod races;
mod rows;
mod story;

/// One story, told on both databases: `name::postgres` and `name::sqlite`.
macro_rules! both_databases {
    ($($(#[$attribute:meta])* async fn $name:ident($bench:ident) $body:block)+) => {$(
        $(#[$attribute])*
        mod $name {
            use super::*;

            async fn story($bench: Bench) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                story(Bench::new(Database::Postgres).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                story(Bench::new(Database::Sqlite).await).await;
            }
        }
    )+};
}

use both_databases;

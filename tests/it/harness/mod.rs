//! Private servers and the real binary. Each server is started by the first test that asks for it, on a free port and in a
//! temporary folder, and is gone when the test binary ends, however it ends (`watchdog`). Nothing here knows a rule of the
//! product: what is right stands in the tests and in the oracle.
//!
//! - `postgres().fresh_database().await`, `Redis::start()`, `moto().fresh_bucket().await`: servers for a port's own tests
//! - `Stack::Embedded.start(&[]).await`: the binary, ready, with a client that holds an admin key
//! - `both_stacks! { async fn story(stack) { … } }`: one test for each stack

mod client;
mod dice;
mod moto;
pub(crate) mod oracle;
mod people;
mod postgres;
mod process;
mod programs;
mod redis;
mod running;
mod watchdog;

pub(crate) use client::{Answer, Client, count, is_final};
pub(crate) use dice::{Dice, seed};
pub(crate) use moto::{Bucket, moto};
pub(crate) use people::People;
pub(crate) use postgres::postgres;
pub(crate) use programs::free_port;
pub(crate) use redis::Redis;
pub(crate) use running::{Role, Running, Stack};

/// One story, told on both stacks: `name::embedded` and `name::scaled`. The argument is the `Stack` to start.
macro_rules! both_stacks {
    ($($(#[$attribute:meta])* async fn $name:ident($stack:ident) $body:block)+) => {$(
        $(#[$attribute])*
        async fn $name($stack: $crate::harness::Stack) $body

        // A function and a module may share a name.
        mod $name {
            #[tokio::test]
            async fn embedded() {
                super::$name($crate::harness::Stack::Embedded).await;
            }

            #[tokio::test]
            async fn scaled() {
                super::$name($crate::harness::Stack::Scaled).await;
            }
        }
    )+};
}

pub(crate) use both_stacks;

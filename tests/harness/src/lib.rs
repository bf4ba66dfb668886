//! Private servers and the real binary. Each server is started by the first test that asks for it, on a free port and in a
//! temporary folder, and is gone when the test binary ends, however it ends (`watchdog`). Nothing here knows a rule of the
//! product: what is right stands in the tests and in the oracle.
//!
//! - `postgres().fresh_database().await`, `Redis::start()`, `moto().fresh_bucket().await`: servers for a port's own tests
//! - `Stack::Embedded.start(&[]).await`: the binary, ready, with a client that holds an admin key
//! - `Proxy::before(&url)`: a line to any of them that does what bad lines do
//! - `both_stacks! { async fn story(stack) { … } }`: one test for each stack

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test that cannot go on panics; what it prints is shown when it fails"
)]

mod binary;
mod client;
mod dice;
mod looks;
mod moto;
pub mod oracle;
mod people;
mod plain;
mod postgres;
mod process;
mod programs;
mod proxy;
mod redis;
mod replace;
mod running;
mod s3_front;
mod watchdog;

pub use binary::use_binary;
pub use client::{Answer, Client, count, is_final};
pub use dice::{Dice, seed};
pub use moto::{Bucket, moto};
pub use people::People;
pub use postgres::{Postgres, postgres};
pub use process::Process;
pub use programs::{free_port, program};
pub use proxy::{Fault, LostAnswer, Proxy, Way};
pub use redis::Redis;
pub use running::{Role, Running, Stack};
pub use s3_front::{Call, S3Fault, S3Front, When};
pub use watchdog::folder;

/// Whether the caller of the tests asks for their long form: `LONG=1`.
pub fn long() -> bool {
    std::env::var_os("LONG").is_some_and(|value| value == "1")
}

/// One story, told on both stacks: `name::embedded` and `name::scaled`. The argument is the `Stack` to start.
#[macro_export]
macro_rules! both_stacks {
    ($($(#[$attribute:meta])* async fn $name:ident($stack:ident) $body:block)+) => {$(
        $(#[$attribute])*
        async fn $name($stack: $crate::Stack) $body

        // A function and a module may share a name.
        mod $name {
            #[tokio::test]
            async fn embedded() {
                super::$name($crate::Stack::Embedded).await;
            }

            #[tokio::test]
            async fn scaled() {
                super::$name($crate::Stack::Scaled).await;
            }
        }
    )+};
}

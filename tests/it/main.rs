//! Everything that is tested from outside a room: one binary, so that the servers it needs are started once.
//! `harness` starts them and the real `longshore`; the other files mirror the URL tree, the ports and the promises.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on panics"
)]

mod conformance;
mod crash;
mod engine;
mod harness;
mod house;
mod mend;
mod million;
mod operations;
mod oracle;
mod servers;
mod spigit;
mod stop_and_delete;
mod v1;

//! Everything that is tested from outside a room: one binary, so that the servers it needs are started once.
//! The crate `harness` starts them and the real `longshore`; the files here mirror the URL tree, the ports and the promises.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test that cannot go on panics; what it prints is shown when it fails"
)]

mod clients_import;
mod conformance;
mod crash;
mod engine;
mod forsure;
mod forsure_bulk;
mod house;
mod loginradius;
mod mend;
mod million;
mod operations;
mod oracle;
mod propeller;
mod readme;
mod secrets;
mod servers;
mod slashid;
mod spigit;
mod stop_and_delete;
mod surfaces;
mod tenancy;
mod v1;

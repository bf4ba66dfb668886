//! Promises of SECURITY.md: who may do what to whose, what a wrong key meets, what every answer wears, and where no secret stands.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test that cannot go on panics; what it prints is shown when it fails"
)]

mod audit;
mod document;
mod headers;
mod keys;
mod marks;
mod matrix;
mod outside;
mod process;
mod rate;
mod tenants;
mod timing;

//! What a machine may do to the product: processes killed and frozen, servers that vanish, disks that fill, answers that are lost.
//! After each fault the table, the counts and the failed rows are what the oracle says. `SEED=…` repeats a run.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test that cannot go on panics; what it prints is shown when it fails"
)]

mod descriptors;
mod disk;
mod load;
mod metamorphic;
mod outcome;
mod points;
mod postgres;
mod processes;
mod proxy;
mod recovery;
mod redis;
mod removal;
mod s3;
mod sqlite;

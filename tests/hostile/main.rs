//! The hostile-input catalogue, entry by entry: what is sent, and the answer that it must get.
//!
//! The entries are numbered 1 to 95 as in the catalogue that the product was asked to withstand. `encoding`, `structure` and
//! `values` are tables of files and cells, each of them met at every door that takes such; `rows` and `bodies` are about what
//! stands together, `forms`, `framing` and `requests` about what travels on the wire, `slow`, `crowded`, `large` and `download`
//! take time or room, and `library_alone` shows what the libraries beneath would have let through.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on panics; what it prints is shown when it fails"
)]

mod bodies;
mod catalogue;
mod complete;
mod crowded;
mod doors;
mod download;
mod encoding;
mod forms;
mod framing;
mod large;
mod library_alone;
mod members;
mod requests;
mod rows;
mod slow;
mod structure;
mod values;
mod wire;

//! What the fuzzers run, as plain functions: bytes in, a panic where a promise is broken. Each target has an oracle of its
//! own beyond "does not crash"; where chance is wanted, it is drawn from the bytes, so that an input is all there is to keep.
//!
//! | target | promise |
//! |---|---|
//! | `scanner` | a table that any sound writer wrote comes back as it was, and as the `csv` crate reads it |
//! | `door` | no verdict depends on how the bytes arrive; what is let in is sound, and has the records that were counted |
//! | `decoder` | a declared encoding decodes as `encoding_rs` decodes the whole, or is refused at the first wrong byte |
//! | `resume` | reading on from any checkpoint gives the records of an unbroken run |
//! | `cells` | a cell that is accepted is accepted again, as the same text; dates, words and addresses are what they should be |
//! | `rows` | a record is judged the same each time, and a row that is applied twice changes nothing the second time |
//! | `multipart` | no verdict on a form depends on how its bytes arrive; a well-formed one gives exactly its file |
//! | `formula` | no cell of a file for spreadsheets is a formula, and sent again it says what the first one said |
//! | `cursor` | a cursor opens where it was made, and nothing else opens |
//! | `key` | a key is known by its form and checksum alone, and by nothing less |

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken promise panics: that is what a fuzzer looks for"
)]

mod cells;
mod cuts;
mod decoder;
mod door;
mod plain;
mod resume;
mod rows;
mod scanner;
mod table;

#[cfg(feature = "app")]
mod cursor;
#[cfg(feature = "app")]
mod formula;
#[cfg(feature = "app")]
mod key;
#[cfg(feature = "app")]
mod multipart;

pub use cells::cells;
pub use decoder::decoder;
pub use door::door;
pub use resume::resume;
pub use rows::rows;
pub use scanner::scanner;

#[cfg(feature = "app")]
pub use {cursor::cursor, formula::formula, key::key, multipart::multipart};

/// A target: what a fuzzer calls with each input.
pub type Target = fn(&[u8]);

/// Every target by the name of its file and its corpus.
#[cfg(feature = "app")]
pub const ALL: &[(&str, Target)] = &[
    ("cells", cells),
    ("cursor", cursor),
    ("decoder", decoder),
    ("door", door),
    ("formula", formula),
    ("key", key),
    ("multipart", multipart),
    ("resume", resume),
    ("rows", rows),
    ("scanner", scanner),
];

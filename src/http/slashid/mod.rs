//! The surface of the seed's slashid document: persons by handle, from a file, at once. Its path, words and envelope; what it
//! does differently from others is a value in `ImportOptions`.

pub mod answer;
pub mod error;
mod options;
pub mod persons;

/// The surface's name in the record of an import, and the source of its persons.
const SURFACE: &str = "slashid";

//! The surface of the seed's SlashID document: persons by handle, from a file. Its paths, words and envelope; what it does
//! differently from others is a value in `ImportOptions`.

pub mod error;

/// Everything below is this surface's.
pub const PREFIXES: [&str; 1] = ["/persons"];

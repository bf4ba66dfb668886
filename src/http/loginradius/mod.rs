//! The surface of the seed's LoginRadius document: profiles, many at once. Its paths, words and envelope; what it does
//! differently from others is a value in `ImportOptions`.

pub mod error;

/// Everything below is this surface's.
pub const PREFIXES: [&str; 2] = ["/v2/bulk", "/bulk/upsert"];

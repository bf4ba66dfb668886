//! The surface of the seed's propeller document: users by source id, many at once, each with an outcome. Its paths, words and
//! envelope; what it does differently from others is a value in `ImportOptions`.

pub mod error;

/// Everything below is this surface's.
pub const PREFIXES: [&str; 1] = ["/users"];

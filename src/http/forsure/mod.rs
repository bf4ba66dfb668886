//! The surface of the seed's forsure document: clients, their aliases and credentials. Its paths and envelope; nothing of what
//! the records mean.

pub mod bulk;
pub mod error;

/// The surface's name in the record of an import.
const SURFACE: &str = "forsure";

/// Everything below is this surface's.
pub const PREFIXES: [&str; 1] = ["/saas"];

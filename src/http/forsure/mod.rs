//! The surface of the seed's forsure document: clients, their aliases and credentials. Its paths and envelope; nothing of what
//! the records mean.

pub mod error;

/// Everything below is this surface's.
pub const PREFIXES: [&str; 1] = ["/saas"];

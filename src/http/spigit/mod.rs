//! The surface of the seed's spigit document: upload a file of users, poll it, delete it. Its paths, status words and envelope;
//! what it does differently from others is a value in `ImportOptions`.

pub mod error;
pub mod files;

/// As the seed writes it.
const JSON: &str = "application/json;charset=UTF-8";

//! The surface of the seed's propeller document: users by source id, many at once, each with an outcome. Its paths, words and
//! envelope; what it does differently from others is a value in `ImportOptions`.

mod batch;
pub mod error;
pub mod explained;
mod schema;
mod user;
pub mod users;
pub mod wire;

/// The surface's name in the record of an import.
const SURFACE: &str = "propeller";

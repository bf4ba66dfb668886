//! The surface of the seed's propeller document: create and update users by source id. Its names, codes and envelope; what it
//! does differently from others is a value in `ImportOptions`.

mod batch;
pub mod error;
mod schema;
mod user;

/// The surface's name in the record of an import.
const SURFACE: &str = "propeller";

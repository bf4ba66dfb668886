//! The surface of the seed's LoginRadius document: profiles, many at once. Its paths, words and envelope; what it does
//! differently from others is a value in `ImportOptions`.

mod batch;
pub mod error;
mod profile;
pub mod profiles;

/// The surface's name in the record of an import, and the source of profiles that name none.
const SURFACE: &str = "loginradius";

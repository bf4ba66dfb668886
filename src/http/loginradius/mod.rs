//! The surface of the seed's loginradius document: upsert a batch of profiles. Its names, codes and envelope; what it does
//! differently from others is a value in `ImportOptions`.

mod batch;
pub mod error;
mod profile;

/// The surface's name in the record of an import, and the source of profiles that name none.
const SURFACE: &str = "loginradius";

//! The surface of the seed's forsure document: clients, their aliases and credentials. Its paths, bodies and envelope; nothing of
//! what the records mean.
//!
//! Strict as the native API is (chosen): a parameter or member that no operation knows is refused with its nearest known
//! name, and so is one that is given twice. A member that is null is cleared, one that is missing stays.

pub mod aliases;
pub mod bulk;
pub mod client_view;
pub mod clients;
pub mod credential_view;
pub mod credentials;
pub mod error;
mod members;
mod parameters;
pub mod portfolio;

/// The surface's name in the record of an import.
const SURFACE: &str = "forsure";

/// Below it lie the operations.
const PREFIX: &str = "/saas/logins";
/// What a body may come as.
const JSON: &[&str] = &["application/json"];

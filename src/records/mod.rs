//! Use cases on the records themselves, beside the imports that bring them in bulk. The rules of a field are the engine's
//! (`worker::resource::cell`), so that a record cannot be valid here and broken there. No HTTP, no SQL.

pub mod catalogue;
pub mod clients;
mod credential_draft;
pub mod credentials;
mod draft;
pub mod parents;
mod password;
pub mod reseal;
mod rules;
pub mod users;

pub use draft::{Draft, Fault, FaultKind};
pub use password::{HIDDEN, Password};
pub use rules::country;

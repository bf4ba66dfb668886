//! Use cases on the records themselves, beside the imports that bring them in bulk. The rules of a field are the engine's
//! (`worker::resource::cell`), so that a record cannot be valid here and broken there. No HTTP, no SQL.

mod draft;
pub mod parents;
pub mod reseal;
pub mod users;

pub use draft::{Draft, Fault, FaultKind};

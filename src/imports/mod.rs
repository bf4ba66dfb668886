//! What can be done with an import, one file a verb. The only place where store, blobs and queue meet; knows no HTTP and no
//! SQL. Ids of another organization are absent here.

mod abandon;
pub mod cancel;
pub mod composed;
pub mod delete;
pub mod failed_rows;
mod ledger;
pub mod outcomes;
pub mod quota;
pub mod read;
pub mod returned_rows;
pub mod run_now;
pub mod submit;
pub mod sweep;

pub use ledger::engine_parts;

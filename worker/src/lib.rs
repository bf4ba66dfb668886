//! The import engine: bytes to rows to batches, without HTTP, SQL, Redis, S3 or the environment.
//!
//! 1. `intake` is the door: it inflates, decodes to UTF-8, finds the delimiter, scans the structure and counts the records
//!    while an upload streams in; a structural fault is refused there and changes nothing.
//! 2. `mapping` decides, once per file, which column fills which field of a `resource`.
//! 3. A doorbell (`job`) tells an `engine` to look at an import; it may ring twice, late or never.
//! 4. `run` claims the import from the ledger, which gives it a lease and the checkpoint to go on from.
//! 5. `parse` reads on a thread of its own: `reader` cuts the plain file into records,
//! 6. `rows` maps and checks each of them and names everything that is wrong with it at once,
//! 7. and batches go to the ledger, which commits rows, failures, counts and checkpoint together or not at all.
//! 8. `batch::plan` is what the ledger asks what a batch does, as if row by row; it is the same for every database and a dry run.
//! 9. The guard of that commit is the lease and the checkpoint: a late, doubled or stopped worker writes nothing.
//! 10. So the result depends neither on batch size, nor on crashes, nor on how many workers there are.
//!
//! `ports` is all that the engine asks of the world; `import` and `row_error` are the words that everybody speaks.

pub mod batch;
pub mod engine;
pub mod failpoint;
pub mod import;
pub mod intake;
pub mod job;
pub mod mapping;
mod parse;
pub mod ports;
pub mod reader;
pub mod resource;
pub mod row_error;
pub mod rows;
pub mod run;

//! Longshore: a file in, a status to poll, every good row exactly once, the bad rows back.
//!
//! | room | what it is for |
//! |---|---|
//! | `cli` | the command line; starts what was asked for |
//! | `config` | the only reader of the environment |
//! | `process` | what each mode starts, and how it stops |
//! | `app` | every room, built once from the settings; what the use cases are given |
//! | `http` | actix only here: one folder per surface, each a translation |
//! | `imports` | use cases on imports, one file a verb; where store, blobs and queue meet |
//! | `records` | use cases on the records themselves |
//! | `store` | SQL only here, one body for both databases |
//! | `blobs` | the uploaded files |
//! | `queue` | the doorbell |
//! | `secrets` | API keys and cursors |
//! | `vault` | cells that the database must not show |
//! | `telemetry` | logs and metrics |
//! | `dumps` | the process's memory stays off the disk |
//!
//! Dependencies point one way: `cli → process → http → imports, records → app → {store, blobs, queue, secrets, telemetry, config}
//! → vault, worker`. `store`, `blobs` and `queue` do not know each other; surfaces never import each other; `worker` is the engine and
//! knows none of them.

pub mod app;
pub mod blobs;
pub mod cli;
pub mod config;
pub mod dumps;
pub mod http;
pub mod imports;
pub mod process;
pub mod queue;
pub mod records;
pub mod secrets;
pub mod store;
pub mod telemetry;
pub mod vault;

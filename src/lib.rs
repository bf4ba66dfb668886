//! Longshore: a file in, a status to poll, every good row exactly once, the bad rows back.

pub mod blobs;
pub mod config;
pub mod queue;
pub mod secrets;
pub mod store;
pub mod telemetry;

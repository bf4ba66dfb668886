//! The import engine.

pub mod batch;
pub mod import;
pub mod intake;
pub mod job;
pub mod mapping;
pub mod ports;
pub mod reader;
pub mod resource;
pub mod row_error;
pub mod rows;

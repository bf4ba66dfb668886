//! One suite per port, run against every backend: a behaviour exists when it is exercised here.

mod blobs;
mod queue;
mod servers;

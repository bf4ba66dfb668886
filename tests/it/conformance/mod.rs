//! One suite per port, run against every backend: a behaviour exists when it is exercised here.

mod blobs;
mod bulk;
mod database;
mod proxy;
mod queue;
mod row_security;
mod store_claims;
mod store_clients;
mod store_endings;
mod store_imports;
mod store_keys;
mod store_migrations;
mod store_users;
mod store_watch;

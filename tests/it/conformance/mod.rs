//! What a port promises, told once and run against every backend.

mod database;
mod store_claims;
mod store_endings;
mod store_imports;
mod store_keys;
mod store_migrations;
mod store_users;

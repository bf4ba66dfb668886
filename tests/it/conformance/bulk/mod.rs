//! `Store::commit_batch`: what a batch does to the tables, on both databases.

mod ahead;
mod bench;
mod clients;
mod clients_model;
mod dry_run;
mod handles;
mod lost;
mod model;
mod outside;
mod races;
mod rows;
mod sheet;
mod story;

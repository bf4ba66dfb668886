//! `Store::commit_batch`: what a batch does to the tables, on both databases.

mod bench;
mod dry_run;
mod handles;
mod lost;
mod model;
mod outside;
mod races;
mod rows;
mod story;

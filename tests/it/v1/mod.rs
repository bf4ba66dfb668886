//! The native API, told as stories; the files mirror the URLs.

mod failed_rows;
mod imports;
mod keys;
mod same_rows;
mod shared_pool;
mod users;

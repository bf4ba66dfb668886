//! The native API, told as stories; the files mirror the URLs.

mod failed_rows;
mod imports;
mod isolation;
mod keys;
mod shared_pool;
mod users;

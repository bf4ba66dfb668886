//! The native API, told as stories; the files mirror the URLs.

mod door;
mod failed_rows;
mod http_door;
mod imports;
mod isolation;
mod keys;
mod shared_pool;
mod users;

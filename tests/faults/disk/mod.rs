//! Disks that are full, read-only or failing under the data directory or the file store: what cannot be kept is refused in words,
//! nothing of it is left, what was taken waits, and all goes on when the disk is well.

mod embedded;
mod files;
mod sync;
mod volume;

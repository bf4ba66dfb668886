//! Faults of the product's own processes: killed, asked to stop, frozen by turns, replaced while they work, left by their
//! clients, told the same twice.

mod clients;
pub(crate) mod clock;
mod doorbell;
mod keys;
mod kills;
mod races;
mod stops;
mod tiny;
mod uploads;

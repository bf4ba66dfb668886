//! Random moments that can be had again: a seed is printed with the failure, and `SEED=…` repeats it.

use std::time::{Duration, SystemTime};

/// A small generator (splitmix64); a test needs chance, not secrets.
pub struct Dice(u64);

impl Dice {
    /// From `SEED`, else from the clock. The seed goes to the test's output, which is shown when it fails.
    pub fn seeded() -> Self {
        let clock = || {
            SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default()
                .subsec_nanos()
        };
        let seed = seed().unwrap_or_else(|| u64::from(clock()));
        eprintln!("SEED={seed}");
        Self(seed)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }

    /// A time shorter than `end`, in steps of a millisecond.
    pub fn moment(&mut self, end: Duration) -> Duration {
        Duration::from_millis(self.below(u64::try_from(end.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// Dice whose seed is drawn by others: for a task of its own.
impl From<u64> for Dice {
    fn from(seed: u64) -> Self {
        Self(seed)
    }
}

/// The seed that the caller of the tests asks for.
pub fn seed() -> Option<u64> {
    std::env::var("SEED").ok()?.parse().ok()
}

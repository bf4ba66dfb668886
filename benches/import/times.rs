//! What becomes of many measurements: a median, a range, a percentile.

use std::fmt;
use std::time::Duration;

/// Measurements of one thing.
#[derive(Clone, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
        self.0.sort();
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn median(&self) -> Duration {
        self.percentile(50)
    }

    /// The least that so many of a hundred do not pass (nearest rank).
    pub(crate) fn percentile(&self, of_a_hundred: usize) -> Duration {
        let rank = (self.0.len() * of_a_hundred).div_ceil(100);
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    pub(crate) fn worst(&self) -> Duration {
        self.percentile(100)
    }

    /// How many times as long the others took.
    pub(crate) fn against(&self, others: &Self) -> f64 {
        ratio(others.median().as_secs_f64(), self.median().as_secs_f64())
    }
}

impl FromIterator<Duration> for Times {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        let mut times: Vec<Duration> = times.into_iter().collect();
        times.sort();
        Self(times)
    }
}

/// The median and, of several, the range.
impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |time: Duration| time.as_secs_f64();
        write!(f, "{:.2} s", seconds(self.median()))?;
        match (self.0.first(), self.0.last()) {
            (Some(least), Some(most)) if self.0.len() > 1 => {
                write!(f, " ({:.2} to {:.2})", seconds(*least), seconds(*most))
            }
            _ => Ok(()),
        }
    }
}

/// Milliseconds for a cell.
pub(crate) fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// Zero where there is nothing to divide by.
pub(crate) fn ratio(above: f64, below: f64) -> f64 {
    if below > 0.0 { above / below } else { 0.0 }
}

/// A count to reckon with.
#[expect(
    clippy::as_conversions,
    reason = "exact below 2^53, and nothing here is counted as far"
)]
pub(crate) fn real(count: u64) -> f64 {
    count as f64
}

//! How slowly a body may come in: silence, rate and whole time. Pure bookkeeping; the clock is handed in.

use std::time::Duration;

use crate::http::problem::{Kind, Problem};

/// Slow starts (a cold link, a proxy that fills its buffer) are forgiven this long.
const GRACE: Duration = Duration::from_secs(30);

/// What a body must keep to.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Longest silence.
    pub idle: Duration,
    /// Longest whole time.
    pub total: Duration,
    /// Least bytes per second once the grace is over.
    pub bytes_per_second: u64,
}

/// How a body has come in so far. Time that we spend on storing does not count as the client's.
#[derive(Clone, Debug)]
pub struct Pace {
    limits: Limits,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// A body that has not begun.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// How long the next read may take.
    pub fn patience(&self) -> Duration {
        self.limits.idle.min(self.limits.total.saturating_sub(self.waited))
    }

    /// A read took `waited`, and `bytes` have come in altogether.
    pub fn record(&mut self, waited: Duration, bytes: u64) -> Result<(), Problem> {
        self.waited += waited;
        self.bytes = bytes;
        if self.waited >= self.limits.total {
            return Err(self.too_slow(format!("it took longer than {} s", self.limits.total.as_secs())));
        }
        let due = self.limits.bytes_per_second.saturating_mul(self.waited.as_secs());
        if self.waited > GRACE && self.bytes < due {
            let rate = self.limits.bytes_per_second;
            return Err(self.too_slow(format!("it came with less than {rate} bytes per second")));
        }
        Ok(())
    }

    /// A read took all the patience there was.
    pub fn silent(&self) -> Problem {
        self.too_slow(format!("nothing came for {} s", self.patience().as_secs()))
    }

    fn too_slow(&self, why: String) -> Problem {
        Problem::with(
            Kind::BodyTimeout,
            format!("The body was given up after {} bytes: {why}.", self.bytes),
        )
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pace() -> Pace {
        Pace::new(Limits {
            idle: 10 * SECOND,
            total: 3600 * SECOND,
            bytes_per_second: 10 * 1024,
        })
    }

    #[test]
    fn a_byte_a_second_is_given_up_after_the_grace() {
        let mut pace = pace();
        let refused = (1..).find_map(|second| pace.record(SECOND, second).err().map(|problem| (second, problem)));
        let (second, problem) = refused.unwrap();
        assert_eq!((second, problem.status.as_u16()), (31, 408));
    }

    #[test]
    fn a_body_at_the_rate_goes_on_until_its_whole_time_is_over() {
        let mut pace = pace();
        for second in 1..3600 {
            pace.record(SECOND, second * 10 * 1024).unwrap();
        }
        assert_eq!(pace.patience(), SECOND);
        assert_eq!(pace.record(SECOND, 3600 * 10 * 1024).unwrap_err().code, "body-timeout");
    }

    #[test]
    fn silence_has_its_own_limit() {
        assert_eq!(pace().patience(), 10 * SECOND);
        assert!(pace().silent().detail.contains("nothing came for 10 s"));
    }
}

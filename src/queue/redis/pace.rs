//! When to ask Redis again: for the next ring, and after a failure. No connection in here.

use std::task::{Context, Poll};
use std::time::Duration;

use apalis::prelude::{PollSnapshot, PollStrategy};
use tokio::time::{Interval, MissedTickBehavior};

/// Pauses between workers that fail: the first, and the longest.
const BACKOFF_FIRST: Duration = Duration::from_millis(200);
const BACKOFF_MOST: Duration = Duration::from_secs(3);

/// Wakes an idle worker at a steady pace.
///
/// apalis' own interval replaces a timer that went off by one that nobody polls; when that coincides with the answer to a
/// fetch, nothing wakes the worker before its next heartbeat. This one is always polled once more after it went off.
pub(super) struct Pace(Interval);

impl Pace {
    pub(super) fn new(period: Duration) -> Self {
        let mut interval = tokio::time::interval(period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(interval)
    }
}

impl PollStrategy for Pace {
    fn poll_drive(&mut self, cx: &mut Context<'_>, _: &PollSnapshot) -> Poll<Option<()>> {
        let mut due = false;
        while self.0.poll_tick(cx).is_ready() {
            due = true;
        }
        if due { Poll::Ready(Some(())) } else { Poll::Pending }
    }
}

/// How long to wait after the n-th failure in a row: doubling, and spread so that workers do not come back all at once.
pub(super) fn backoff(failures: u32) -> Duration {
    let doubled = BACKOFF_FIRST
        .saturating_mul(1 << failures.saturating_sub(1).min(8))
        .min(BACKOFF_MOST);
    spread(doubled)
}

/// Between a half and the whole of `time`.
pub(super) fn spread(time: Duration) -> Duration {
    let [random, ..] = uuid::Uuid::new_v4().into_bytes();
    time.mul_f64(0.5 + f64::from(random) / 510.0)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// As when the timer goes off in the very poll that brings an answer: nobody asks it again of his own accord.
    #[tokio::test]
    async fn a_timer_that_went_off_wakes_again() {
        let (mut pace, mut wakes) = (Pace::new(Duration::from_millis(5)), 0);
        let five_wakes = std::future::poll_fn(|cx| {
            let _ = pace.poll_drive(cx, &PollSnapshot::default());
            wakes += 1;
            if wakes > 5 { Poll::Ready(()) } else { Poll::Pending }
        });
        tokio::time::timeout(Duration::from_secs(5), five_wakes).await.unwrap();
    }

    #[test]
    fn pauses_grow_to_a_limit() {
        for failures in 0..100 {
            let pause = backoff(failures);
            assert!(
                pause >= BACKOFF_FIRST / 2 && pause <= BACKOFF_MOST,
                "{failures}: {pause:?}"
            );
        }
        assert!(backoff(100) >= BACKOFF_MOST / 2);
    }
}

//! How many requests are in hand, so that a stop need not wait longer than they take.

use tokio::sync::watch;

/// Counts requests; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct InFlight(watch::Sender<usize>);

/// One request, until it is dropped.
#[derive(Debug)]
pub(super) struct Entered(watch::Sender<usize>);

impl Default for InFlight {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl InFlight {
    /// A request begins.
    pub(super) fn enter(&self) -> Entered {
        self.0.send_modify(|count| *count += 1);
        Entered(self.0.clone())
    }

    /// Waits until none is left.
    pub(super) async fn none(&self) {
        // The sender lives in `self`, so the wait cannot end early.
        self.0.subscribe().wait_for(|count| *count == 0).await.ok();
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn none_is_left_when_all_are_gone() {
        let in_flight = InFlight::default();
        let (one, other) = (in_flight.enter(), in_flight.enter());
        assert!(in_flight.none().now_or_never().is_none());
        drop(one);
        assert!(in_flight.none().now_or_never().is_none());
        drop(other);
        assert!(in_flight.none().now_or_never().is_some());
    }
}

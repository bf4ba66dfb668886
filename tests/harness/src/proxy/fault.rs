//! What a line may do to the bytes on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A direction on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the product to its server.
    Requests,
    /// From the server to the product.
    Answers,
    /// Either.
    Both,
}

impl Way {
    pub(super) fn covers(self, way: Self) -> bool {
        self == Self::Both || self == way
    }
}

/// What the line does.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Passes everything on.
    None,
    /// Holds each piece back so long.
    Latency(Duration),
    /// Lets so many bytes a second through, each way.
    Bandwidth(u64),
    /// Takes connections, and lets nothing through that way until it is healed: no byte, no FIN, no RST.
    BlackHole(Way),
    /// Ends each connection with RST, new ones at once.
    Reset,
    /// Closes a connection that has carried so many bytes that way, after exactly these.
    CutAfter(Way, u64),
    /// Passes on a byte at a time.
    Slicer,
    /// Lets a request through, keeps its answer and ends the connection.
    LoseAnswer(LostAnswer),
}

type Predicate = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// Execute, then cut before the answer: which requests, and by what their answer is known. Both are asked about the last few
/// hundred bytes, so that a word may stand across two pieces.
#[derive(Clone)]
pub struct LostAnswer {
    pub(super) request: Predicate,
    pub(super) answer: Predicate,
    skip: usize,
    every: usize,
    times: usize,
    seen: Arc<AtomicUsize>,
}

impl std::fmt::Debug for LostAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LostAnswer").finish_non_exhaustive()
    }
}

impl LostAnswer {
    /// Whenever a request holds `request` and something comes back that holds `answer`.
    pub fn to(request: &'static str, answer: &'static str) -> Self {
        Self::when(
            move |bytes| contains(bytes, request.as_bytes()),
            move |bytes| contains(bytes, answer.as_bytes()),
        )
    }

    /// The same with the test's own eyes.
    pub fn when(
        request: impl Fn(&[u8]) -> bool + Send + Sync + 'static,
        answer: impl Fn(&[u8]) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            request: Arc::new(request),
            answer: Arc::new(answer),
            skip: 0,
            every: 1,
            times: usize::MAX,
            seen: Arc::default(),
        }
    }

    /// Leaves the first so many of such requests alone.
    pub fn after(self, skip: usize) -> Self {
        Self { skip, ..self }
    }

    /// Only one in so many.
    pub fn every(self, every: usize) -> Self {
        Self { every, ..self }
    }

    /// Only so often.
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// One more request was seen: is it one to be lost?
    pub(super) fn strikes(&self) -> bool {
        let seen = self.seen.fetch_add(1, Ordering::SeqCst);
        seen.checked_sub(self.skip)
            .is_some_and(|turn| turn % self.every == 0 && turn / self.every < self.times)
    }
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || hay.windows(needle.len()).any(|window| window == needle)
}

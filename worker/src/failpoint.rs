//! Places where tests break the machine, by name. Without the feature `failpoints` there is nothing here, and a release build
//! with it does not compile.
//!
//! `FAILPOINTS='batch.before_commit=2*off->1*return(kill)'` in the environment of the binary arms a place; the grammar is that
//! of the crate `fail`. What `return(…)` may name: `kill` (SIGKILL to ourselves), `error`, `drop` (the connection of the place
//! is cut without a word), `sleep:MILLISECONDS`. `panic` is the crate's own.

#[cfg(all(feature = "failpoints", not(debug_assertions)))]
compile_error!("the feature `failpoints` is for tests: build without --release, or without the feature");

/// What a place has been told to do to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Injected {
    /// Fail, as if the machine had.
    #[error("failure point: an error")]
    Error,
    /// Lose the connection that is in use here.
    #[error("failure point: the connection is cut")]
    Drop,
}

/// Passes a place; fails, dies or waits there if a test says so.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub async fn reach(_place: &'static str) -> Result<(), Injected> {
    Ok(())
}

/// The same on a thread that may block.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn reach_blocking(_place: &'static str) -> Result<(), Injected> {
    Ok(())
}

#[cfg(feature = "failpoints")]
pub use armed::{arm, reach, reach_blocking};

#[cfg(feature = "failpoints")]
mod armed {
    use std::process::{Command, id};
    use std::time::Duration;

    use super::Injected;

    /// Arms the places that `FAILPOINTS` names, for as long as the value lives.
    #[must_use]
    pub fn arm() -> fail::FailScenario<'static> {
        fail::FailScenario::setup()
    }

    /// Passes a place; fails, dies or waits there if a test says so.
    pub async fn reach(place: &'static str) -> Result<(), Injected> {
        if let Some(pause) = action(place) {
            tokio::time::sleep(pause?).await;
        }
        Ok(())
    }

    /// The same on a thread that may block.
    pub fn reach_blocking(place: &'static str) -> Result<(), Injected> {
        if let Some(pause) = action(place) {
            std::thread::sleep(pause?);
        }
        Ok(())
    }

    /// How long to wait at an armed place, or what to suffer there.
    fn action(place: &str) -> Option<Result<Duration, Injected>> {
        let action = configured(place)?;
        tracing::warn!(place, action, "failpoint.reached");
        Some(match action.split_once(':') {
            Some((_, milliseconds)) => Ok(Duration::from_millis(milliseconds.parse().unwrap_or(0))),
            None if action == "kill" => die(),
            None if action == "drop" => Err(Injected::Drop),
            None => Err(Injected::Error),
        })
    }

    fn configured(place: &str) -> Option<String> {
        fail::fail_point!(place, |action| action);
        None
    }

    /// As a power cut would, and not a line of code more on this thread.
    fn die() -> ! {
        let _gone = Command::new("kill").args(["-9", &id().to_string()]).status();
        loop {
            std::thread::park();
        }
    }
}

//! Which `longshore` is run. Cargo tells its tests at run time where it has put the program; it tells benchmarks only while
//! they are compiled, so these say it themselves.

use std::path::PathBuf;
use std::sync::OnceLock;

static SAID: OnceLock<PathBuf> = OnceLock::new();

/// Names the program for the rest of the run; only the first word counts.
pub fn use_binary(path: PathBuf) {
    drop(SAID.set(path));
}

pub(super) fn binary() -> PathBuf {
    let named = || std::env::var_os("CARGO_BIN_EXE_longshore").map(PathBuf::from);
    SAID.get()
        .cloned()
        .or_else(named)
        .expect("the tests are run by cargo test")
}

//! The database file of the embedded stack: killed at any moment, copied in the middle of a write, locked by somebody else.

mod kill;
mod lock;

use std::path::Path;
use std::process::Command;

/// Another program than ours opens the file, with the log beside it, and finds nothing wrong.
pub(crate) fn is_sound(database: &Path) {
    assert_eq!(ask(database, "pragma integrity_check"), "ok");
}

/// The first column of the first row of a query, by Python's SQLite.
fn ask(database: &Path, query: &str) -> String {
    const SCRIPT: &str = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])";
    let output = Command::new("python3")
        .args(["-c", SCRIPT])
        .arg(database)
        .arg(query)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

//! The oracle of `tests/oracle`: what an import must do, worked out by a program that shares no code with the product.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::programs::program;
use super::watchdog;

/// What `FILE` must do to the users of `START`: `{"counts", "status", "failed", "users"}`. Users of an earlier expectation may
/// stand in `start`; they know secrets that the API does not show.
pub fn expect(file: &[u8], options: &Value, start: &[Value]) -> Value {
    let folder = watchdog::folder("oracle-");
    let paths = [
        write(&folder, "file", file),
        write(&folder, "options", options.to_string().as_bytes()),
        write(&folder, "start", json_lines(start).as_bytes()),
    ];
    let output = run("oracle.py", "expect", &paths);
    drop(std::fs::remove_dir_all(folder));
    serde_json::from_slice(&output.stdout).expect("the oracle speaks JSON")
}

/// The first difference between an expectation and what the API shows, if there is one.
pub fn difference(expected: &Value, import: &Value, users: &[Value], failed_csv: &str) -> Option<String> {
    let folder = watchdog::folder("oracle-");
    let paths = [
        write(&folder, "expected", expected.to_string().as_bytes()),
        write(&folder, "import", import.to_string().as_bytes()),
        write(&folder, "users", json_lines(users).as_bytes()),
        write(&folder, "failed", failed_csv.as_bytes()),
    ];
    let output = run("oracle.py", "compare", &paths);
    drop(std::fs::remove_dir_all(folder));
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// One import of a random history.
pub struct Step {
    /// What goes into the part `options`.
    pub options: Value,
    /// The uploaded bytes.
    pub file: Vec<u8>,
    /// What it must do, as `expect` says it.
    pub expected: Value,
}

/// The same random history of imports for the same seed, each with what it must do after those before it.
pub fn random_history(seed: u64) -> Vec<Step> {
    let output = run("random_files.py", &seed.to_string(), &[]);
    let steps: Vec<Value> = serde_json::from_slice(&output.stdout).expect("the generator speaks JSON");
    let read = |step: &Value| Step {
        options: step["options"].clone(),
        file: bytes(&step["file"]),
        expected: step["expected"].clone(),
    };
    steps.iter().map(read).collect()
}

/// The oracle's own tests.
pub fn own_tests() -> Output {
    let mut command = Command::new(program("python3"));
    command
        .args(["-m", "unittest", "discover", "-s", "."])
        .current_dir(home())
        .output()
        .expect("python3 runs")
}

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../oracle")
}

/// Exit codes above 1 are the oracle's own faults.
fn run(script: &str, verb: &str, paths: &[PathBuf]) -> Output {
    let mut command = Command::new(program("python3"));
    command.arg("-B").arg(home().join(script)).arg(verb).args(paths);
    let output = command.output().expect("python3 runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty(), "{script}: {errors}");
    output
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("a file in the temporary folder");
    path
}

fn json_lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().expect("hex digits").as_bytes();
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
            .expect("a hex digit")
    };
    hex.chunks(2).map(|pair| digit(pair[0]) * 16 + digit(pair[1])).collect()
}

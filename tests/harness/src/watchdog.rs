//! Nothing outlives the test binary: a shell in its own process group reads the pids of all servers from a pipe. When the
//! pipe closes, because the binary ended, panicked or was killed, it ends what is left of them and removes their folder.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock};

/// PostgreSQL gets QUIT, its "immediate shutdown", and takes its own children along.
const SCRIPT: &str = r#"
folder=$1 keep=$2 quit="" kill=""
without() { for pid in $1; do [ "$pid" = "$2" ] || printf ' %s' "$pid"; done; }
while read -r verb pid; do
  case $verb in
    quit) quit="$quit $pid" ;;
    kill) kill="$kill $pid" ;;
    gone) quit=$(without "$quit" "$pid"); kill=$(without "$kill" "$pid") ;;
  esac
done
for pid in $kill; do kill -KILL "$pid" 2>/dev/null; done
for pid in $quit; do kill -QUIT "$pid" 2>/dev/null; done
for pid in $quit; do
  turns=0
  while kill -0 "$pid" 2>/dev/null && [ $turns -lt 50 ]; do sleep 0.1; turns=$((turns + 1)); done
  kill -KILL "$pid" 2>/dev/null
done
[ -n "$keep" ] || rm -rf "$folder"
"#;

struct Watchdog {
    /// It outlives this process, so nobody waits for it.
    _shell: Child,
    folder: PathBuf,
    pipe: Mutex<ChildStdin>,
}

fn watchdog() -> &'static Watchdog {
    static WATCHDOG: OnceLock<Watchdog> = OnceLock::new();
    WATCHDOG.get_or_init(|| {
        // A server that may not run as root needs to enter the folder, hence not the usual 0700.
        let folder = tempfile::Builder::new()
            .prefix("longshore-it-")
            .tempdir()
            .expect("a temporary folder")
            .keep();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&folder, open).expect("the temporary folder's mode");
        let keep = std::env::var("KEEP_TEST_FOLDER").unwrap_or_default();
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "watchdog"])
            .arg(&folder)
            .arg(keep)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("a shell");
        let pipe = Mutex::new(shell.stdin.take().expect("the shell's pipe"));
        Watchdog {
            _shell: shell,
            folder,
            pipe,
        }
    })
}

/// A new folder below the run's own; it goes when the test binary ends, unless `KEEP_TEST_FOLDER` is set.
pub fn folder(prefix: &str) -> PathBuf {
    let folder = tempfile::Builder::new()
        .prefix(prefix)
        .tempdir_in(root())
        .expect("a temporary folder")
        .keep();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&folder, open).expect("the temporary folder's mode");
    folder
}

fn root() -> &'static Path {
    &watchdog().folder
}

/// This process is to be killed at the end.
pub(super) fn will_kill(pid: u32) {
    say("kill", pid);
}

/// This process is to be asked by QUIT at the end, and killed if it does not listen.
pub(super) fn will_quit(pid: u32) {
    say("quit", pid);
}

/// This process is reaped; its number may soon be somebody else's.
pub(super) fn gone(pid: u32) {
    say("gone", pid);
}

fn say(verb: &str, pid: u32) {
    let mut pipe = watchdog()
        .pipe
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    writeln!(pipe, "{verb} {pid}").expect("the watchdog listens");
}

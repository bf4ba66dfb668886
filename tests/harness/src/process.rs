//! One child process: its output in a file, its pid with the watchdog, signals by pid.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::watchdog;

/// A running child. Dropping it kills it.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; both its outputs are added to the file `log`.
    pub(super) fn spawn(command: &mut Command, log: &Path) -> Self {
        let process = Self::spawn_unwatched(command, log);
        watchdog::will_kill(process.pid());
        process
    }

    /// The same for a server that ends cleanly on QUIT only.
    pub(super) fn spawn_to_quit(command: &mut Command, log: &Path) -> Self {
        let process = Self::spawn_unwatched(command, log);
        watchdog::will_quit(process.pid());
        process
    }

    fn spawn_unwatched(command: &mut Command, log: &Path) -> Self {
        let output: File = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .expect("the log file");
        let errors = output.try_clone().expect("the log file, twice");
        // Its own group: an interrupt at the terminal ends the tests, and the watchdog ends the rest.
        let group = std::os::unix::process::CommandExt::process_group(command, 0);
        let child = group.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        Self {
            child,
            log: log.to_owned(),
        }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it and its predecessors on the same file have written.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The last lines of the log that are not daily business, for a person.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log
            .lines()
            .filter(|line| !line.contains("\"level\":\"INFO\""))
            .collect();
        let tail = lines.get(lines.len().saturating_sub(40)..).unwrap_or_default();
        format!("--- {}\n{}\n", self.log.display(), tail.join("\n"))
    }

    /// Whether it runs still.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("the child's state").is_none()
    }

    /// Sends a signal by name: `STOP`, `CONT`, `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .args(["-c", "kill -\"$1\" \"$2\"", "sh", name])
            .arg(self.pid().to_string())
            .status();
        assert!(sent.expect("a shell").success(), "no signal {name} to {}", self.pid());
    }

    /// Kills it without a warning, as a power cut would, and waits until it is gone.
    pub fn kill9(&mut self) {
        if self.is_alive() {
            self.child.kill().expect("a signal");
        }
        self.child.wait().expect("the child's end");
        watchdog::gone(self.pid());
    }

    /// Waits for it to end by itself.
    pub fn wait(&mut self, up_to: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + up_to;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("the child's state") {
                watchdog::gone(self.pid());
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// The most memory it ever held, in KiB.
    pub fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the child's status");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .expect("VmHWM");
        line.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            drop(self.child.kill());
            drop(self.child.wait());
            watchdog::gone(self.pid());
        }
    }
}

//! A private Redis for each test that wants one: it starts in milliseconds, and a test may do anything to it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::process::Process;
use super::programs::{free_port, program};
use super::watchdog;

/// A server without persistence: what it forgets, the product must not need.
pub struct Redis {
    port: u16,
    folder: PathBuf,
    process: Process,
}

impl Redis {
    /// Starts one, ready to answer.
    pub fn start() -> Self {
        let folder = watchdog::folder("redis-");
        for _ in 0..5 {
            let port = free_port();
            let mut redis = Self {
                port,
                process: spawn(port, &folder),
                folder: folder.clone(),
            };
            if redis.is_ready() {
                return redis;
            }
        }
        panic!(
            "Redis does not start: {}",
            std::fs::read_to_string(folder.join("redis.log")).unwrap_or_default()
        );
    }

    /// Its connection string.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Kills it; the port stays free for `restart`.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Starts an empty one on the same port, after `kill9`.
    pub fn restart(&mut self) {
        self.process = spawn(self.port, &self.folder);
        assert!(
            self.is_ready(),
            "Redis does not start again: {}",
            self.process.log_tail()
        );
    }

    /// Stops it in its tracks: connections stay open, nothing answers.
    pub fn pause(&self) {
        self.process.signal("STOP");
    }

    /// Goes on after `pause`.
    pub fn resume(&self) {
        self.process.signal("CONT");
    }

    /// Forgets everything.
    pub fn flush_all(&self) {
        assert_eq!(self.command("FLUSHALL").expect("Redis answers"), "+OK");
    }

    /// Sends one command line; gives the first line of the answer.
    pub fn command(&self, line: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(format!("{line}\r\n").as_bytes())?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        Ok(answer.trim_end().to_owned())
    }

    fn is_ready(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline && self.process.is_alive() {
            if self.command("PING").is_ok_and(|answer| answer == "+PONG") {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

fn spawn(port: u16, folder: &std::path::Path) -> Process {
    let mut command = Command::new(program("redis-server"));
    command
        .current_dir(folder)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
    command.args([
        "--save",
        "",
        "--appendonly",
        "no",
        "--databases",
        "16",
        "--loglevel",
        "warning",
    ]);
    Process::spawn(&mut command, &folder.join("redis.log"))
}

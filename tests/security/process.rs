//! The process and its files: no core dump, no debugger, and nothing that others of the same machine can read.

use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use harness::{Running, Stack};

/// Who has no rights of its own.
const NOBODY: u32 = 65534;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A file of `/proc` for the process of the running role.
fn proc(running: &mut Running, file: &str) -> String {
    let role = running.front();
    let process = running.detach(role);
    let text = std::fs::read_to_string(format!("/proc/{}/{file}", process.pid())).unwrap();
    drop(process);
    text
}

#[tokio::test]
async fn no_core_is_dumped() {
    let mut running = Stack::Embedded.start(&[]).await;
    let limits = proc(&mut running, "limits");
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(&words[4..6], ["0", "0"], "{line}");
}

/// The memory of a process that is not dumpable belongs to root in `/proc`, whoever runs it: nobody of the same user may attach.
#[tokio::test]
async fn no_debugger_of_the_same_user_is_let_in() {
    let running = Stack::Embedded.prepare(&[]).await;
    std::fs::set_permissions(&running.folder, Permissions::from_mode(0o777)).unwrap();
    let mut command = running.command(&["serve", "--listen", "127.0.0.1:0"]);
    if std::fs::metadata("/proc/self/status").unwrap().uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
    let listens = log.any(|line| line.unwrap().contains("http.listening"));
    let memory = std::fs::metadata(format!("/proc/{}/mem", process.id())).map(|memory| memory.uid());
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(listens);
    assert_eq!(memory.unwrap(), 0);
}

#[tokio::test]
async fn what_lies_in_the_data_directory_is_its_owners_alone() {
    let running = Stack::Embedded.start(&[]).await;
    let import = running.client.import("resource=users", "source_id\n1\n").await;
    running.client.wait_final(import).await;
    let data = running.data_dir();
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("secret.key")), 0o600);
    assert_eq!(mode(&data.join("admin.key")), 0o600);
    assert!(!running.log(running.front()).contains("secret_key.readable_by_others"));
}

#[tokio::test]
async fn a_secret_that_others_can_read_is_told() {
    let mut running = Stack::Embedded.start(&[]).await;
    let file = running.data_dir().join("secret.key");
    std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    running.restart(running.front()).await;
    let log = running.log(running.front());
    let line = log
        .lines()
        .find(|line| line.contains("secret_key.readable_by_others"))
        .expect("a warning");
    assert!(line.contains("secret.key\"") && line.contains("\"WARN\""), "{line}");
    let secret = std::fs::read_to_string(&file).unwrap();
    assert!(!log.contains(secret.trim()));
}

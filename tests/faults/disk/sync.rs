//! F32, F33: that a promise is on the disk before it is given, and that none is given when the disk says it is not.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::{People, Role, Running, Stack};

use crate::outcome::{QUICK, pid, refused_for_now, table_is, whole};
use crate::sqlite::is_sound;

/// What strace is told to look at.
const CALLS: &str = "trace=fsync,fdatasync,write,writev,sendto,sendmsg,rename,renameat,renameat2,link,linkat";

/// A tracer of a running process.
struct Tracer {
    child: Child,
    report: PathBuf,
}

impl Tracer {
    /// `None`, in words, where nothing may be traced.
    fn attach(running: &Running, more: &[&str]) -> Option<Self> {
        let report = running.folder.join("strace.txt");
        let mut command = Command::new("strace");
        command
            .args(["-f", "-y", "-s", "64", "-e", CALLS])
            .args(more)
            .arg("-p")
            .arg(pid(running, Role::Serve).to_string())
            .arg("-o")
            .arg(&report);
        let said = running.folder.join("strace.log");
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&said).unwrap())
            .spawn();
        let Ok(mut child) = child else {
            println!("SKIPPED: strace is not installed");
            return None;
        };
        for _ in 0..100 {
            let text = std::fs::read_to_string(&said).unwrap();
            if text.contains("attached") {
                return Some(Self { child, report });
            }
            if child.try_wait().unwrap().is_some() {
                println!("SKIPPED: nothing may be traced here: {text}");
                return None;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("strace does not attach");
    }

    /// Lets go, and gives what was seen.
    fn detach(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        self.child.wait().unwrap();
        std::fs::read_to_string(&self.report).unwrap()
    }
}

/// One call that has come back: its name, the file it was about, and the whole line.
struct Done {
    call: String,
    file: String,
    line: String,
}

/// The calls in the order in which they came back. One that was interrupted in the report stands on two lines.
fn done(report: &str) -> Vec<Done> {
    let mut begun: Vec<(String, String)> = Vec::new();
    let mut calls = Vec::new();
    for line in report.lines() {
        let Some((thread, rest)) = line.split_once(' ') else {
            continue;
        };
        let rest = rest.trim_start();
        let whole = if let Some(begin) = rest.strip_suffix("<unfinished ...>") {
            begun.push((thread.to_owned(), begin.to_owned()));
            // An answer is out as soon as it is on its way.
            if begin.contains("HTTP/1.1 202") {
                begin.to_owned()
            } else {
                continue;
            }
        } else if rest.starts_with("<...") {
            let place = begun.iter().position(|(of, _)| of == thread);
            let Some((_, begin)) = place.map(|place| begun.remove(place)) else {
                continue;
            };
            format!("{begin}{rest}")
        } else {
            rest.to_owned()
        };
        let call = whole.split('(').next().unwrap_or_default().to_owned();
        let file = whole.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        calls.push(Done {
            call,
            file: file.map(|(file, _)| file.to_owned()).unwrap_or_default(),
            line: whole,
        });
    }
    calls
}

#[tokio::test]
async fn file_folder_and_log_are_on_the_disk_before_a_202_is_on_the_wire() {
    let running = Stack::Embedded.start(QUICK).await;
    let Some(tracer) = Tracer::attach(&running, &[]) else {
        return;
    };
    let people = People::new(3_000);
    let id = running.client.import("resource=users", people.csv()).await;
    whole(&running.client, id, people).await;
    let calls = done(&tracer.detach());
    let answered = calls.iter().position(|call| call.line.contains("HTTP/1.1 202"));
    let before = &calls[..answered.expect("the answer")];
    let synced = |what: &dyn Fn(&str) -> bool| {
        before
            .iter()
            .rposition(|call| call.call.ends_with("sync") && call.line.contains("= 0") && what(&call.file))
    };
    let file = synced(&|file| file.contains("/blobs/imports/")).expect("the file is synced");
    let folder = synced(&|file| file.ends_with("/blobs/imports")).expect("its folder is synced");
    let log = synced(&|file| file.ends_with("longshore.db-wal")).expect("the database's log is synced");
    println!("file {file}, folder {folder}, log {log}, answer {}", before.len());
    assert!(
        file < folder && folder < log,
        "the file, then its name, then the promise"
    );
    let last_write = before
        .iter()
        .rposition(|call| call.call.contains("write") && call.file.ends_with("longshore.db-wal"));
    assert!(
        last_write.is_none_or(|write| write < log),
        "nothing is written to the log after it was synced"
    );
}

#[tokio::test]
async fn a_disk_that_cannot_sync_gets_no_promise_and_costs_none() {
    let mut running = Stack::Embedded.start(QUICK).await;
    let people = People::new(3_000);
    let id = running.client.import("resource=users", people.csv()).await;
    whole(&running.client, id, people).await;
    let inject = ["-e", "inject=fsync,fdatasync:error=EIO"];
    let Some(tracer) = Tracer::attach(&running, &inject) else {
        return;
    };
    for _ in 0..3 {
        let answer = running.client.post_csv("resource=users", people.csv()).await;
        println!("EIO: {} {}", answer.status, answer.text);
        refused_for_now(&answer);
    }
    assert!(tracer.detach().contains("EIO"), "the fault was there");
    // The process goes on: SQLite writes anew what it could not sync, and does not sync the same pages again.
    let more = People { rows: 6_000, ..people };
    let id = running.client.import("resource=users", more.csv()).await;
    running.restart(Role::Serve).await;
    whole(&running.client, id, more).await;
    table_is(&running.client, more).await;
    running.kill9(Role::Serve);
    is_sound(&running.data_dir().join("longshore.db"));
}

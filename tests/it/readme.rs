//! The README's own commands, as they stand there: post the file, poll it, get the failed rows.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Role, Stack, count};

#[tokio::test]
async fn the_readmes_commands_do_what_it_says() {
    let mut running = Stack::Embedded.prepare(&[]).await;
    running.start(Role::Serve).await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let here = |line: &str| {
        line.replace("http://127.0.0.1:8080", &running.client.url(""))
            .replace("longshore-data", &running.data_dir().display().to_string())
    };
    let commands: Vec<String> = readme
        .lines()
        .filter(|line| line.starts_with("curl "))
        .map(here)
        .collect();
    let [post, poll, failed] = commands.as_slice() else {
        panic!("three commands: {commands:#?}")
    };
    let run = |command: &str| {
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(root)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{command}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let import: Value = serde_json::from_str(&run(post)).unwrap();
    assert_eq!(import["id"], 1, "the README polls import 1: {import:#}");
    let import: Value = serde_json::from_str(&run(poll)).unwrap();
    assert_eq!(
        (&import["status"], &import["file"]["encoding"]),
        (&"partial".into(), &"windows-1252".into())
    );
    let failed = run(failed);
    let rows = csv::Reader::from_reader(failed.as_bytes()).into_records().count();
    assert_eq!(u64::try_from(rows).unwrap(), count(&import, "failed"), "{failed}");
}

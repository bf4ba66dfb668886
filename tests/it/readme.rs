//! The README's own commands, as they stand there: each of its lines with a curl in it is run, in its order.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use harness::{Role, Running, Stack, count};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The README's commands, made to mean this product.
fn commands(running: &Running) -> Vec<String> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let data = running.data_dir().display().to_string();
    let keys = format!("{} keys create --data-dir {data}", env!("CARGO_BIN_EXE_longshore"));
    let here = |line: &str| {
        line.replace("http://127.0.0.1:8080", &running.client.url(""))
            .replace("target/release/longshore keys create", &keys)
            .replace("longshore-data", &data)
    };
    let is_command = |line: &&str| line.starts_with("curl ") || line.contains(" | curl ");
    readme.lines().filter(is_command).map(here).collect()
}

fn run(command: &str) -> String {
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", command]).current_dir(root()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn answer(command: &str) -> Value {
    let text = run(command);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{command}: {error}: {text}"))
}

#[tokio::test]
async fn the_readmes_commands_do_what_it_says() {
    let mut running = Stack::Embedded.prepare(&[]).await;
    running.start(Role::Serve).await;
    let commands = commands(&running);
    let [post, poll, failed, spigit, forsure, propeller, loginradius, slashid] = commands.as_slice() else {
        panic!("eight commands: {commands:#?}")
    };
    let import = answer(post);
    assert_eq!(import["id"], 1, "the README polls import 1: {import:#}");
    let import = answer(poll);
    let found = (&import["status"], &import["file"]["encoding"]);
    assert_eq!(found, (&"partial".into(), &"windows-1252".into()));
    let failed = run(failed);
    let rows = csv::Reader::from_reader(failed.as_bytes()).into_records().count();
    assert_eq!(u64::try_from(rows).unwrap(), count(&import, "failed"), "{failed}");

    assert_eq!(answer(spigit)["status"], "Status: Success");
    assert_eq!(answer(forsure)["aliases"]["DE"], "ABC GmbH");
    let users = answer(propeller);
    let user = &users["data"][0];
    assert_eq!(
        (&user["action"], &user["key"]),
        (&"create".into(), &3_002_196.into()),
        "{users}"
    );
    assert_eq!(answer(loginradius)["Profile"]["RecordInserted"], 1);
    let persons = answer(slashid);
    assert_eq!(persons["result"]["successful_imports"], 2, "{persons}");
    let failed = persons["result"]["failed_csv"].as_str().unwrap_or_default();
    assert!(failed.contains("carl@"), "{persons}");
}

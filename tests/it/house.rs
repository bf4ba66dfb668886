//! Rules of the house that a machine can check: where each thing may stand, how big a file may get, and that what is
//! documented is what is there. A rule that breaks names the file and the line.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Longest file, in lines; a good one has 150.
const FILE_LINES: usize = 400;

/// (word in code, where it may stand). Only `src` and `worker/src` are looked at.
const ROOMS: &[(&str, &[&str])] = &[
    ("actix", &["src/http", "src/main.rs", "src/app"]),
    ("diesel", &["src/store"]),
    ("tokio_postgres", &["src/store"]),
    ("libsqlite3_sys", &["src/store"]),
    ("object_store", &["src/blobs"]),
    ("apalis", &["src/queue", "worker/src/job.rs"]),
    ("redis::", &["src/queue"]),
    ("env::var", &["src/config"]),
    ("chacha20poly1305", &["src/vault.rs"]),
    ("rustix", &["src/dumps.rs"]),
    ("utoipa", &["src/http", "src/cli", "src/main.rs"]),
];

/// What the engine must not know at all, beyond what `ROOMS` says.
const NOT_IN_THE_ENGINE: &[&str] = &["reqwest", "rustls", "hyper", "std::fs", "std::net", "println!"];

/// Names that say nothing.
const EMPTY_NAMES: &[&str] = &[
    "util", "utils", "common", "helpers", "helper", "manager", "service", "services", "misc",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every .rs file below `folder`, as (path from the root, text).
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    collect(&root().join(folder), &mut files);
    files.sort();
    let named = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path.strip_prefix(root()).unwrap().display().to_string(), text)
    };
    files.into_iter().map(named).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn every_source() -> Vec<(String, String)> {
    ["src", "worker/src", "tests", "benches"]
        .into_iter()
        .flat_map(sources)
        .collect()
}

/// (line number, line) of everything but comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// A log filter may name a library.
fn without_strings(line: &str) -> String {
    line.split('"').step_by(2).collect()
}

#[track_caller]
fn assert_none(broken: &[String], rule: &str) {
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

/// Does `word` stand in `line` as a whole name or as the beginning of one, and not within another?
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(place, _)| {
        let before = line.get(..place).and_then(|start| start.chars().next_back());
        !before.is_some_and(|before| before.is_alphanumeric() || before == '_')
    })
}

#[test]
fn each_file_says_what_it_is_for() {
    let broken: Vec<String> = every_source()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| path)
        .collect();
    assert_none(
        &broken,
        "the first line of a file is a //! sentence: what it is for, what must not enter",
    );
}

#[test]
fn no_file_is_too_long() {
    let long = |(path, text): (String, String)| {
        let lines = text.lines().count();
        (lines > FILE_LINES).then(|| format!("{path}: {lines} lines"))
    };
    assert_none(
        &every_source().into_iter().filter_map(long).collect::<Vec<_>>(),
        "at most 400 lines in a file",
    );
}

#[test]
fn names_say_something() {
    let empty = |path: &String| {
        path.trim_end_matches(".rs")
            .split('/')
            .any(|part| EMPTY_NAMES.contains(&part))
    };
    let broken: Vec<String> = every_source().into_iter().map(|(path, _)| path).filter(empty).collect();
    assert_none(&broken, "a module is named after what it holds");
}

#[test]
fn nothing_is_left_for_later() {
    let mut broken = Vec::new();
    for (path, text) in every_source()
        .into_iter()
        .filter(|(path, _)| !path.ends_with("house.rs"))
    {
        for (number, line) in text.lines().enumerate() {
            if ["TODO", "FIXME", "XXX"].iter().any(|mark| names(line, mark)) {
                broken.push(format!("{path}:{}", number + 1));
            }
        }
    }
    assert_none(&broken, "what is to be done is done, or is an issue");
}

#[test]
fn each_library_stays_in_its_room() {
    let mut broken = Vec::new();
    for (path, text) in sources("src").into_iter().chain(sources("worker/src")) {
        for (number, line) in code(&text) {
            let line = without_strings(line);
            for (word, rooms) in ROOMS {
                if names(&line, word) && !rooms.iter().any(|room| path.starts_with(room)) {
                    broken.push(format!("{path}:{number}: {word} belongs to {}", rooms.join(", ")));
                }
            }
        }
    }
    assert_none(&broken, "a library is used in one room only");
}

#[test]
fn the_engine_knows_nothing_of_the_world() {
    let mut broken = Vec::new();
    for (path, text) in sources("worker/src") {
        for (number, line) in code(&text) {
            broken.extend(
                NOT_IN_THE_ENGINE
                    .iter()
                    .filter(|word| names(line, word))
                    .map(|word| format!("{path}:{number}: {word}")),
            );
        }
    }
    assert_none(&broken, "the engine reads and writes through its ports");
}

#[test]
fn inner_rooms_do_not_know_http() {
    let mut broken = Vec::new();
    for room in ["src/imports", "src/records", "src/store", "src/blobs", "src/queue"] {
        for (path, text) in sources(room) {
            let calls = code(&text).filter(|(_, line)| names(line, "crate::http"));
            broken.extend(calls.map(|(number, _)| format!("{path}:{number}")));
        }
    }
    assert_none(&broken, "dependencies point inwards");
}

#[test]
fn the_three_outer_ports_do_not_know_one_another() {
    let mut broken = Vec::new();
    let rooms = ["store", "blobs", "queue"];
    for room in rooms {
        for (path, text) in sources(&format!("src/{room}")) {
            for (number, line) in code(&text) {
                let other = rooms
                    .iter()
                    .find(|other| **other != room && names(line, &format!("crate::{other}")));
                broken.extend(other.map(|other| format!("{path}:{number}: {other}")));
            }
        }
    }
    assert_none(&broken, "store, blobs and queue meet in imports");
}

#[test]
fn surfaces_do_not_know_one_another() {
    let surfaces = ["native", "spigit", "forsure", "propeller", "loginradius", "slashid"];
    let mut broken = Vec::new();
    for surface in surfaces {
        for (path, text) in sources(&format!("src/http/{surface}")) {
            for (number, line) in code(&text) {
                let other = surfaces
                    .iter()
                    .find(|other| **other != surface && names(line, &format!("{other}::")));
                broken.extend(other.map(|other| format!("{path}:{number}: {other}")));
            }
        }
    }
    assert_none(
        &broken,
        "a surface translates, and shares nothing with another but the engine",
    );
}

#[test]
fn migrations_come_in_pairs() {
    let folders = |database: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(root().join("migrations").join(database)).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect()
    };
    let (postgres, sqlite) = (folders("postgres"), folders("sqlite"));
    assert!(!postgres.is_empty());
    assert_eq!(
        postgres, sqlite,
        "each migration stands in both folders under the same name"
    );
    for (database, name) in postgres.iter().flat_map(|name| [("postgres", name), ("sqlite", name)]) {
        for file in ["up.sql", "down.sql"] {
            let path = root().join("migrations").join(database).join(name).join(file);
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(!text.trim().is_empty(), "{} is missing or empty", path.display());
        }
    }
}

#[test]
fn the_readme_names_every_setting() {
    let mut table = String::from("| key | default | meaning |\n|---|---|---|\n");
    for key in longshore::config::KEYS {
        let default = if key.default.is_empty() {
            String::new()
        } else {
            format!("`{}`", key.default)
        };
        writeln!(
            table,
            "| `{}` | {default} | {} |",
            key.name,
            key.meaning.replace('|', "\\|")
        )
        .unwrap();
    }
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap_or_default();
    assert!(
        readme.contains(&table),
        "README.md must hold this table, as it stands:\n\n{table}"
    );
}

#[test]
fn both_packages_obey_the_same_lints() {
    for manifest in ["Cargo.toml", "worker/Cargo.toml"] {
        let text = std::fs::read_to_string(root().join(manifest)).unwrap();
        assert!(
            text.contains("[lints]\nworkspace = true"),
            "{manifest} takes the workspace's lints"
        );
    }
}

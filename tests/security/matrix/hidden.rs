//! No route hides from the table: actix is known in `src/http` alone (`house`), there it is told of routes in one file, and that
//! file's list is the table's.

use std::path::{Path, PathBuf};

/// How actix is told of a route.
const REGISTERS: [&str; 8] = [
    ".service(",
    ".route(",
    ".resource(",
    ".configure(",
    ".default_service(",
    ".scope(",
    "web::scope",
    "web::resource",
];

/// Lines outside the two lists of `routes.rs` that may speak of routes, each by its whole text.
const KNOWN: [(&str, &str); 4] = [
    ("src/http/mod.rs", ".configure(routes::documented);"),
    ("src/http/mod.rs", ".configure(routes::documents)"),
    ("src/http/mod.rs", ".default_service(web::to(routes::unrouted))"),
    (
        "src/http/openapi.rs",
        "let (_, document) = app.configure(routes::documented).split_for_parts();",
    ),
];

/// Lines that tell actix of a route outside the lists.
fn hidden(path: &str, text: &str) -> Vec<String> {
    let product = without_tests(text);
    let speaks = |line: &&str| REGISTERS.iter().any(|word| line.contains(word)) && !line.starts_with("//");
    let is_known = |line: &&str| KNOWN.contains(&(path, *line));
    let in_a_list = |line: &&str| path == "src/http/routes.rs" && line.starts_with(".service(");
    product
        .lines()
        .map(str::trim)
        .filter(speaks)
        .filter(|line| !is_known(line) && !in_a_list(line))
        .map(|line| format!("{path}: {line}"))
        .collect()
}

/// Entries of the two lists of `routes.rs`: those that the OpenAPI document shows, and the document itself with its page.
fn listed(text: &str) -> (usize, usize) {
    let (documented, documents) = without_tests(text).split_once("pub(super) fn documents(").unwrap();
    (
        documented.matches(".service(").count(),
        documents.matches(".service(").count(),
    )
}

fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn text(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn no_route_is_made_outside_the_lists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    sources(&root.join("src/http"), &mut found);
    let mut all = Vec::new();
    for path in &found {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        all.extend(hidden(name, &text(name)));
    }
    assert!(
        all.is_empty(),
        "routes belong into the lists of src/http/routes.rs:\n{}",
        all.join("\n")
    );
    assert!(found.len() > 60, "{}", found.len());
}

#[test]
fn the_lists_are_the_table() {
    let (documented, documents) = listed(&text("src/http/routes.rs"));
    let routes = longshore::http::route_table();
    let methods = routes.iter().filter(|(method, _)| *method != "HEAD").count();
    assert_eq!(methods, documented + documents);
}

#[test]
fn a_route_beside_the_lists_would_be_found() {
    let with = |path: &str, before: &str, line: &str| {
        let text = text(path);
        assert!(text.contains(before), "{path} has {before}");
        hidden(path, &text.replacen(before, &format!("{line}\n{before}"), 1)).len()
    };
    let before = ".configure(routes::documents)";
    assert_eq!(
        with("src/http/mod.rs", before, ".route(\"/hidden\", web::get().to(x))"),
        1
    );
    assert_eq!(with("src/http/mod.rs", before, ".service(native::keys::hidden)"), 1);
    assert_eq!(with("src/http/mod.rs", before, ".configure(more)"), 1);
    let list = text("src/http/routes.rs");
    let more = list.replacen(".service(openapi::page())", ".service(openapi::page())\n.service(x)", 1);
    assert_ne!(
        listed(&more),
        listed(&list),
        "an entry more in the second list is not in the table"
    );
}

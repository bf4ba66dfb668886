//! SECURITY.md names the test that holds each promise: every test that it names is there.

use std::path::Path;

/// Names of tests in a text, as `path.rs::name` between backticks.
fn named(text: &str) -> Vec<(String, String)> {
    let words = text.split('`').skip(1).step_by(2);
    words
        .filter_map(|word| word.split_once(".rs::"))
        .map(|(path, name)| (format!("{path}.rs"), name.to_owned()))
        .collect()
}

/// Why a name leads nowhere.
fn missing(path: &str, name: &str) -> Option<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let Ok(text) = std::fs::read_to_string(&file) else {
        return Some(format!("{path} is not there"));
    };
    let defined = text.contains(&format!("fn {name}("))
        && (text.contains("#[test]") || text.contains("tokio::test") || text.contains("both_stacks!"));
    (!defined).then(|| format!("{path} has no test {name}"))
}

#[test]
fn every_test_that_security_md_names_is_there() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("SECURITY.md")).unwrap();
    let named = named(&text);
    let missing: Vec<String> = named.iter().filter_map(|(path, name)| missing(path, name)).collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(named.len() > 60, "{}", named.len());
}

#[test]
fn every_row_of_the_asvs_table_says_who_holds_it() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("SECURITY.md")).unwrap();
    let is_row = |line: &&str| {
        let id = line
            .strip_prefix("| ")
            .and_then(|rest| rest.split(' ').next())
            .unwrap_or_default();
        id.split('.').count() == 3 && id.starts_with(|c: char| c.is_ascii_digit())
    };
    let rows: Vec<&str> = text.lines().filter(is_row).collect();
    for row in &rows {
        let held = row.contains(".rs::")
            || row.contains("operator's")
            || row.contains("not done")
            || row.contains("by design");
        assert!(held, "{row}");
    }
    assert!(rows.len() > 70, "{}", rows.len());
}

#[test]
fn a_test_that_is_not_there_would_be_found() {
    let text = "| 1.2.3 | `tests/security/document.rs::nobody` and `no/such.rs::test` |";
    let missing: Vec<String> = named(text)
        .iter()
        .filter_map(|(path, name)| missing(path, name))
        .collect();
    assert_eq!(missing.len(), 2, "{missing:?}");
}

//! Every query on an organization's rows names it: the first wall, and on SQLite the only one. What is not about one
//! organization, or narrows by something that only its own query gave, is listed here by name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Functions that ask for the house. What they answer is no caller's to see but by way of queries of its own organization.
const HOUSE: &[&str] = &[
    "add_key",              // keys of the vault are nobody's
    "api_key",              // comes before the organization is known
    "check",                // of the role itself
    "ensure_organization",  // the command line, by name
    "expired",              // ids for the sweep
    "finish",               // by the lease's token
    "forget_blob",          // a file that nothing names any more
    "free_all_leases",      // of a process that is alone
    "has_older_seals",      // a yes or no about a rotation
    "is_empty",             // a first start
    "organization_by_name", // the command line
    "orphaned",             // ids for the claim
    "queue_depth",          // a number
    "ready",                // the schema's version
    "release",              // by the lease's token
    "removed_blobs",        // the same
    "renew",                // by the lease's token
    "reseal_credentials",   // a rotation, each row sealed for its own organization
    "reseal_failures",      // the same
    "rewrap_keys",          // keys of the vault
    "runnable",             // ids for the claim
    "stale_receiving",      // ids for the sweep
    "take",                 // the claim: the import's row says whose it is
    "touch_api_key",        // of a key that has just been proven
    "wrapped_keys",         // keys of the vault
];

/// (file, item, why its queries need no organization of their own).
const NARROWED: [(&str, &str, &str); 18] = [
    ("bulk/postgres/children.rs", "update_credentials", BY_IDS),
    ("bulk/postgres/children.rs", "write_aliases", BY_IDS),
    ("bulk/postgres/mod.rs", "advance", PROVEN),
    ("bulk/postgres/mod.rs", "look_up", PROVEN),
    ("bulk/postgres/write.rs", "keep_failures", PROVEN),
    ("bulk/postgres/write.rs", "update_sql", BY_IDS),
    (
        "bulk/sqlite/children.rs",
        "insert_credentials",
        "its columns begin with the organization",
    ),
    ("bulk/sqlite/children.rs", "update_credentials", BY_IDS),
    ("bulk/sqlite/children.rs", "write_aliases", BY_IDS),
    ("bulk/sqlite/mod.rs", "advance", PROVEN),
    (
        "bulk/sqlite/mod.rs",
        "insert_statement",
        "its columns begin with the organization, or the import",
    ),
    ("bulk/sqlite/mod.rs", "keep_failures", PROVEN),
    ("bulk/sqlite/mod.rs", "update", BY_IDS),
    (
        "api_keys.rs",
        "joined",
        "of api_key, which is the house's, and of queries that narrow it",
    ),
    ("db.rs", "EVICT_HUNG", "of claim, which is the house's"),
    (
        "endings.rs",
        "clear_preview",
        "of an import that is locked, or held by a lease",
    ),
    (
        "endings.rs",
        "delete_import",
        "failed rows of an import that is locked by its organization",
    ),
    ("lease.rs", "held", "the lease's token"),
];
const BY_IDS: &str = "ids that a query of the organization gave";
const PROVEN: &str = "the import's number, which the guard has proven to be the organization's";

/// Tables of organizations, from the newest word on it.
fn tables() -> Vec<String> {
    let path = root().join("migrations/postgres/2026-11-22-110000_row_security/up.sql");
    let sql = std::fs::read_to_string(path).unwrap();
    let list = sql.split("array array[").nth(1).unwrap().split(']').next().unwrap();
    list.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A function, macro, constant or type of `src/store`, without comments.
struct Item {
    file: String,
    name: String,
    text: String,
}

fn items() -> Vec<Item> {
    let mut items = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join("src/store")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("schema.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let file = path.strip_prefix(root()).unwrap().display().to_string();
                items.extend(items_of(&file, text.split("#[cfg(test)]").next().unwrap()));
            }
        }
    }
    items
}

fn items_of(file: &str, text: &str) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        if let Some(name) = begins(line) {
            let (file, text) = (file.to_owned(), String::new());
            items.push(Item { file, name, text });
        }
        if let Some(item) = items.last_mut() {
            item.text.push_str(line);
            item.text.push('\n');
        }
    }
    items
}

/// The name of the item that a line begins.
fn begins(line: &str) -> Option<String> {
    let is_outer = line.len() - line.trim_start().len() <= 4;
    let words: Vec<&str> = line
        .split([' ', '(', '<', ':', '{', '\''])
        .filter(|word| !word.is_empty())
        .collect();
    let place = words
        .iter()
        .position(|word| ["fn", "macro_rules!", "const", "struct", "impl"].contains(word))?;
    let before = ["pub", "super)", "in", "crate", "store)", "async"];
    let is_item = is_outer && words[..place].iter().all(|word| before.contains(word));
    is_item.then(|| words.get(place + 1).copied().unwrap_or_default().to_owned())
}

/// The tables that a statement reads or writes, in diesel's language or in SQL. A table that is filled in is one of records.
fn touched<'a>(statement: &str, tables: &'a [String]) -> Vec<&'a str> {
    let in_sql = |name: &str| {
        ["from", "join", "update", "into"]
            .iter()
            .any(|word| names(statement, &format!("{word} {name}")))
    };
    let named = |table: &&String| names(statement, &format!("{table}::table")) || in_sql(table);
    let mut touched: Vec<&str> = tables.iter().filter(named).map(String::as_str).collect();
    let filled_in = ["{}", "{name}", "$table::table"];
    if filled_in
        .iter()
        .any(|name| in_sql(name) || (name.starts_with('$') && statement.contains(name)))
    {
        touched.push("a table of records");
    }
    touched
}

/// Does `word` stand in `text` as whole names?
fn names(text: &str, word: &str) -> bool {
    let is_name = |char: Option<char>| char.is_some_and(|char| char.is_alphanumeric() || char == '_');
    text.match_indices(word).any(|(place, _)| {
        !is_name(text[..place].chars().next_back()) && !is_name(text[place + word.len()..].chars().next())
    })
}

/// Whether a statement says whose rows it is about.
fn names_organization(statement: &str, item: &Item, table: &str) -> bool {
    // A row that is inserted is put together before.
    let inserted = statement.contains("insert_into(") && item.text.contains("::org_id.eq(");
    let by_number = table == "organizations" && statement.contains("find(org.0)");
    let own_imports = statement.contains("own.select(imports::id)");
    inserted || by_number || own_imports || ["org_id", "scope"].iter().any(|word| statement.contains(word))
}

#[test]
fn every_query_on_rows_of_an_organization_names_it() {
    let tables = tables();
    assert!(tables.len() >= 14, "{tables:?}");
    let (mut broken, mut seen, mut excused) = (Vec::new(), 0, BTreeSet::new());
    for item in items() {
        for statement in item.text.split(';') {
            for table in touched(statement, &tables) {
                seen += 1;
                if names_organization(statement, &item, table) || item.text.contains("Scope::House") {
                    continue;
                }
                match NARROWED
                    .iter()
                    .find(|(file, name, _)| item.file.ends_with(file) && item.name == *name)
                {
                    Some((file, name, _)) => _ = excused.insert((*file, *name)),
                    None => broken.push(format!("{}: {}: {table}", item.file, item.name)),
                }
            }
        }
    }
    assert!(broken.is_empty(), "these name no organization:\n{}", broken.join("\n"));
    assert!(
        seen > 80,
        "only {seen} queries were found, this test would prove nothing"
    );
    let named: BTreeSet<(&str, &str)> = NARROWED.iter().map(|(file, name, _)| (*file, *name)).collect();
    assert_eq!(excused, named, "an excuse that nobody needs");
}

#[test]
fn what_the_house_asks_is_named_one_by_one() {
    let asks: BTreeSet<String> = items()
        .into_iter()
        .filter(|item| item.text.contains("Scope::House"))
        .map(|item| item.name)
        .collect();
    let named = HOUSE.iter().map(|name| (*name).to_owned());
    assert_eq!(asks, named.collect());
}

#[test]
fn this_test_sees_a_query_that_names_nobody() {
    let tables = tables();
    let item = |text: &str| items_of("x.rs", text).pop().unwrap();
    for (text, table) in [
        (
            "    pub async fn user(&self, id: i64) {\n        users::table.find(id)\n    }",
            "users",
        ),
        (
            "    async fn all(&self) {\n        let sql = \"select * from clients where id = $1\";\n    }",
            "clients",
        ),
        (
            "fn sql(table: &Table) -> String {\n    format!(\"update {} set x = 1\", table.name)\n}",
            "a table of records",
        ),
    ] {
        let item = item(text);
        assert_eq!(touched(&item.text, &tables), [table], "{text}");
        assert!(!names_organization(&item.text, &item, table), "{text}");
    }
}

//! Headers as people and vendors write them.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::resource::Resource;

fn header(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn options() -> ImportOptions {
    ImportOptions::new(Resource::Users)
}

fn targets(names: &[&str], options: &ImportOptions) -> Vec<String> {
    let columns = resolve(&header(names), options).unwrap();
    columns
        .iter()
        .map(|column| column.target.describe().unwrap_or_else(|| "-".to_owned()))
        .collect()
}

fn code(names: &[&str], options: &ImportOptions) -> &'static str {
    resolve(&header(names), options).unwrap_err().code
}

#[test]
fn aliases_names_and_attributes() {
    let names = [
        "E-Mail",
        "Vorname",
        "name.familyName",
        "userName",
        "Kostenstelle",
        "emails[type eq \"work\"].value",
    ];
    let options = ImportOptions {
        mapping: [(names[5].to_owned(), None)].into(),
        ..options()
    };
    let expected = [
        "email",
        "first_name",
        "last_name",
        "username",
        "attributes.Kostenstelle",
        "-",
    ];
    assert_eq!(targets(&names, &options), expected);
}

#[test]
fn our_own_columns_are_never_mapped() {
    let names = ["_import_row", "_import_codes", "_import_error", "email"];
    assert_eq!(targets(&names, &options()), ["-", "-", "-", "email"]);
}

#[test]
fn an_alias_gives_way_to_the_name() {
    assert_eq!(
        targets(&["id", "source_id"], &options()),
        ["attributes.id", "source_id"]
    );
    assert_eq!(code(&["Mail", "Courriel"], &options()), "field-mapped-twice");
}

#[test]
fn the_key_is_source_id_else_username_else_email() {
    let key = |names: &[&str], wanted: &[&str]| {
        let options = ImportOptions {
            key: header(wanted),
            ..options()
        };
        let columns = resolve(&header(names), &options).map_err(|error| error.code)?;
        super::key(&columns, &options)
            .map(|key| key.join(","))
            .map_err(|error| error.code)
    };
    assert_eq!(key(&["email", "username", "source_id"], &[]).unwrap(), "source_id");
    assert_eq!(key(&["email", "username"], &[]).unwrap(), "username");
    assert_eq!(key(&["email", "username"], &["email"]).unwrap(), "email");
    assert_eq!(key(&["company"], &[]), Err("key-missing"));
    assert_eq!(key(&["username"], &["email"]), Err("key-missing"));
    assert_eq!(key(&["username"], &["company"]), Err("unknown-key"));
}

#[test]
fn slips_are_named() {
    let with = |column: &str, field: &str| ImportOptions {
        mapping: [(column.to_owned(), Some(field.to_owned()))].into(),
        ..options()
    };
    let unknown = resolve(&header(&["a", "email"]), &with("a", "emial")).unwrap_err();
    assert!(unknown.detail.contains("did you mean email?"), "{}", unknown.detail);
    assert_eq!(code(&["a", "email"], &with("b", "company")), "unknown-column");
    assert_eq!(code(&["_import_row"], &options()), "nothing-mapped");
}

#[test]
fn a_surface_with_its_own_vocabulary_uses_no_alias() {
    let mut options = ImportOptions {
        aliases: false,
        key: header(&["username", "email"]),
        ..options()
    };
    for (column, field) in [("EMAIL", "email"), ("USERNAME", "username")] {
        options.mapping.insert(column.to_owned(), Some(field.to_owned()));
    }
    assert_eq!(
        targets(&["USERNAME", "phone"], &options),
        ["username", "attributes.phone"]
    );
    assert_eq!(code(&["phone"], &options), "key-missing");
}

#[test]
fn a_file_quoted_against_formulas_is_unquoted() {
    assert_eq!(
        targets(&["_import_quoted", "'email", "'=size", "''x"], &options()),
        ["-", "email", "attributes.=size", "attributes.'x"]
    );
    assert_eq!(
        targets(&["email", "'=size"], &options()),
        ["email", "attributes.'=size"]
    );
}

#[test]
fn rows_of_handles_need_a_column_of_them() {
    let mut options = ImportOptions::new(Resource::Users);
    options.mapping = [("Mail".to_owned(), Some("handles.email".to_owned()))].into();
    let code = |names: &[&str], options: &ImportOptions| resolve(&header(names), options).map_err(|error| error.code);
    assert_eq!(
        code(&["Mail"], &options).err(),
        Some("unknown-field"),
        "only where rows are identified so"
    );
    options.handles = true;
    options.aliases = false;
    assert!(code(&["Mail", "region"], &options).is_ok());
    assert_eq!(code(&["region"], &options).err(), Some("key-missing"));
    options.mode = Mode::Create;
    assert_eq!(code(&["Mail"], &options).err(), Some("conflicting-option"));
}

//! Rows of clients: what their cells say of aliases and credentials.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use serde_json::json;

use super::*;
use crate::batch::{Fate, Row, Stored};
use crate::import::ImportOptions;
use crate::mapping;
use crate::resource::Resource;

fn rows(header: &[&str], blank: Blank) -> Rows {
    let options = ImportOptions {
        blank,
        ..ImportOptions::new(Resource::Clients)
    };
    let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    Rows::new(&mapping::resolve(&header, &options).unwrap(), &options)
}

fn judge(rows: &Rows, cells: &[&str]) -> Result<Row, Vec<String>> {
    match rows.judge(1, 2, cells, false).fate {
        Fate::Row(row) => Ok(*row),
        Fate::Failed(failure) => Err(failure.errors.iter().map(RowError::label).collect()),
        Fate::Blank => panic!("blank"),
    }
}

/// The record after these rows: aliases and credentials.
fn after(rows: &Rows, records: &[&[&str]]) -> (Value, Value) {
    let mut stored: Option<Stored> = None;
    for cells in records {
        let row = judge(rows, cells).unwrap();
        match &mut stored {
            Some(stored) => drop(stored.apply(&row)),
            None => stored = Some(Stored::create(&row)),
        }
    }
    let values = stored.unwrap().values;
    let child = |name: &str| {
        let place = Resource::Clients
            .fields()
            .iter()
            .position(|field| field.name == name)
            .unwrap();
        let text = values.get(place).unwrap().as_deref().unwrap_or("{}");
        serde_json::from_str(text).unwrap()
    };
    (child(ALIASES), child(CREDENTIALS))
}

#[test]
fn aliases_are_added_and_those_of_a_country_replaced() {
    let rows = rows(&["name", "alias", "alias:DE"], Blank::Ignore);
    let said = after(
        &rows,
        &[
            &["A", "A Corp; A Inc;", "A AG"],
            &["A", "", "A GmbH"],
            &["A", "A Inc;A Ltd", ""],
        ],
    );
    assert_eq!(said.0, json!({"": ["A Corp", "A Inc", "A Ltd"], "DE": "A GmbH"}));
}

#[test]
fn blank_aliases_are_removed_where_blank_cells_clear() {
    let rows = rows(&["name", "alias", "alias:DE"], Blank::Clear);
    let said = after(&rows, &[&["A", "A Corp", "A AG"], &["A", ";", "A AG"]]);
    assert_eq!(said.0, json!({"DE": "A AG"}));
}

const CREDENTIAL: [&str; 6] = ["name", "country", "pro", "report_type", "login", "password"];

#[test]
fn rows_of_one_client_add_credentials_and_change_them() {
    let rows = rows(&CREDENTIAL, Blank::Ignore);
    let records: [&[&str]; 4] = [
        &["A", "de", "EAR", "WEEE", "a", " secret "],
        &["A", "FR", "Eco", "Packaging", "b", ""],
        &["A", "DE", "EAR", "WEEE", "c", ""],
        &["A", "", "", "", "", ""],
    ];
    let expected = json!({
        credential_key("DE", "EAR", "WEEE"): {"login": "c", "password": " secret "},
        credential_key("FR", "Eco", "Packaging"): {"login": "b"},
    });
    assert_eq!(after(&rows, &records).1, expected);
}

#[test]
fn blank_cells_of_a_credential_clear_that_credential_alone() {
    let rows = rows(&CREDENTIAL, Blank::Clear);
    let records: [&[&str]; 3] = [
        &["A", "DE", "EAR", "WEEE", "a", "s"],
        &["A", "DE", "EAR", "Batteries", "a", "s"],
        &["A", "DE", "EAR", "WEEE", "a", ""],
    ];
    let expected = json!({
        credential_key("DE", "EAR", "WEEE"): {"login": "a"},
        credential_key("DE", "EAR", "Batteries"): {"login": "a", "password": "s"},
    });
    assert_eq!(after(&rows, &records).1, expected);
}

#[test]
fn a_credential_must_be_named_in_full() {
    let rows = rows(&CREDENTIAL, Blank::Clear);
    let required = |cells: &[&str]| judge(&rows, cells).unwrap_err();
    assert_eq!(
        required(&["A", "DE", "", "", "", ""]),
        ["pro:required", "report_type:required"]
    );
    assert_eq!(required(&["A", "", "", "", "", "s"]).len(), 3);
    assert_eq!(
        required(&["A", "DEU", "EAR", "WEEE", "", ""]),
        ["country:invalid-choice"]
    );
    assert_eq!(required(&["", "DE", "EAR", "WEEE", "", ""]), ["name:required"]);
}

#[test]
fn a_password_is_not_repeated_in_errors() {
    let rows = rows(&CREDENTIAL, Blank::Clear);
    let long = "s".repeat(2000);
    let Fate::Failed(failure) = rows.judge(1, 2, &["A", "DE", "EAR", "WEEE", "", &long], false).fate else {
        panic!("accepted")
    };
    assert_eq!(failure.errors.first().unwrap().value, None);
    let shown = judge(&rows, &["A", "DE", "EAR", "WEEE", "", "***"]).unwrap_err();
    assert_eq!(shown, ["password:invalid-choice"], "a list was copied");
}

#[test]
fn columns_are_known_by_other_names_and_the_rest_are_attributes() {
    let options = ImportOptions::new(Resource::Clients);
    let header = ["Client_Name", "Alias: de", "Username", "Sammelkonto", "VAT"].map(str::to_owned);
    let columns = mapping::resolve(&header, &options).unwrap();
    let targets: Vec<_> = columns.iter().filter_map(|column| column.target.describe()).collect();
    assert_eq!(
        targets,
        ["name", "alias:DE", "login", "collective_account", "attributes.VAT"]
    );
    let missing = mapping::resolve(&["status".to_owned()], &options).unwrap_err();
    assert_eq!(missing.code, "key-missing");
}

#[test]
fn report_types_are_their_key() {
    let options = ImportOptions::new(Resource::ReportTypes);
    let header = ["country", "pro", "report_type"].map(str::to_owned);
    let rows = Rows::new(&mapping::resolve(&header, &options).unwrap(), &options);
    let row = judge(&rows, &["de", "EAR", "WEEE"]).unwrap();
    assert_eq!(row.key.text(Resource::ReportTypes), "DE EAR WEEE");
    assert!(row.values.is_empty());
    assert_eq!(judge(&rows, &["DE", "", "WEEE"]).unwrap_err(), ["pro:required"]);
    assert!(mapping::resolve(&header[..2], &options).is_err());
}

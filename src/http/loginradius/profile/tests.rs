//! Profiles and the rows they become.
#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;
use worker::resource::cell::ERASED;

use super::*;

/// The filled cells of a profile's row: `Column=text`, a refusal as `!=reason`.
fn cells_with(profile: Value, encryption: Option<Value>) -> Vec<String> {
    let raw = RawValue::from_string(profile.to_string()).unwrap();
    let cells = row(&raw, encryption.as_ref()).into_cells();
    let names = std::iter::once("!").chain(COLUMNS.iter().map(|(name, _)| *name));
    names
        .zip(cells)
        .filter(|(_, cell)| !cell.is_empty())
        .map(|(name, cell)| format!("{name}={}", cell.replace(ERASED, "erased")))
        .collect()
}

fn cells(profile: Value) -> Vec<String> {
    cells_with(profile, None)
}

fn key(profile: Value) -> String {
    let all = cells(profile);
    let of = |name: &str| {
        all.iter()
            .find_map(|cell| cell.strip_prefix(name))
            .unwrap_or("-")
            .to_owned()
    };
    format!("{}/{}", of("Source="), of("SourceId="))
}

#[test]
fn the_seeds_profile() {
    let profile = json!({
        "FirstName": "Ajay", "LastName": "Sharma", "Email": [{"Type": "Primary", "Value": "ajaysharma@yopmail.com"}],
        "PasswordHash": "Rfc2898DeriveBytes$1000$a b==$c:d",
    });
    let expected = [
        "Source=loginradius",
        "SourceId=ajaysharma@yopmail.com",
        "Email=ajaysharma@yopmail.com",
        "FirstName=Ajay",
        "LastName=Sharma",
        "PasswordHash=Rfc2898DeriveBytes$1000$a b==$c:d",
        r#"attributes={"Email":null,"PasswordEncryption":"PBKDF2"}"#,
    ];
    assert_eq!(cells_with(profile, Some(json!("PBKDF2"))), expected);
}

#[test]
fn every_member_goes_where_it_belongs() {
    insta::assert_snapshot!(
        cells(json!({
            "ExternalIds": [{"Source": "crm", "SourceId": 42}, {"Source": "erp", "SourceId": "x"}],
            "Email": [{"Type": "Work", "Value": "w@x.org"}, {"Type": "primary", "Value": " P@x.org "}],
            "UserName": "ajay", "FirstName": "A", "MiddleName": null, "LastName": "", "FullName": "A B", "Prefix": "Dr",
            "Gender": "M", "BirthDate": "12-31-1980", "PhoneId": 49301234, "Company": "ACME",
            "Addresses": [{"Type": "Home", "City": "Pune"}], "PasswordEncryption": "own", "PasswordHash": "h",
            "Website": "https://x.org", "CustomFields": {"size": 3}, "Interests": ["a"], "Gone": null,
        }))
        .join("\n")
    );
}

#[test]
fn a_profile_is_identified_by_the_first_of_four() {
    let email = json!([{"Type": "Secondary", "Value": "Ana@X.org"}]);
    assert_eq!(
        key(json!({"ExternalIds": [{"Source": "crm", "SourceId": "7"}], "Email": email})),
        "crm/7"
    );
    assert_eq!(key(json!({"ExternalIds": [{"SourceId": "7"}]})), "loginradius/7");
    assert_eq!(
        key(json!({"ExternalIds": [{"Source": "crm"}], "Email": email})),
        "loginradius/ana@x.org"
    );
    assert_eq!(key(json!({"Email": email, "UserName": "ana"})), "loginradius/ana@x.org");
    assert_eq!(
        key(json!({"Email": [], "UserName": " ana ", "PhoneId": "1"})),
        "loginradius/ana"
    );
    assert_eq!(
        key(json!({"Email": null, "UserName": " ", "PhoneId": "+123"})),
        "loginradius/+123"
    );
    assert_eq!(
        cells(json!({"FirstName": "Ana"})),
        [
            "!=nothing identifies the profile: no ExternalIds, Email, UserName or PhoneId",
            "FirstName=Ana"
        ]
    );
}

#[test]
fn a_password_gets_nowhere_in_any_spelling() {
    for name in ["Password", "password", "PASSWORD"] {
        let cells = cells(json!({name: "hunter2", "UserName": "ana"}));
        assert_eq!(
            cells,
            [
                "!=Password: not taken; send a PasswordHash",
                "Source=loginradius",
                "SourceId=ana",
                "UserName=ana"
            ]
        );
    }
    assert!(cells(json!({"passwordhash": "h", "UserName": "ana"})).contains(&"PasswordHash=h".to_owned()));
}

#[test]
fn wrong_types_are_named() {
    let wrong = json!({"UserName": "a", "FirstName": true, "BirthDate": {}, "Email": "a@x.org", "ExternalIds": 7});
    insta::assert_snapshot!(cells(wrong).join("\n"));
    assert_eq!(cells(json!(7)), ["!=not an object with each member given once"]);
}

#[test]
fn days_are_iso_or_american() {
    let day = |text: &str| cells(json!({"UserName": "a", "BirthDate": text})).pop().unwrap();
    assert_eq!(day("02-29-1980"), "BirthDate=1980-02-29");
    assert_eq!(day("1980-02-29"), "BirthDate=1980-02-29");
    assert_eq!(day("29.02.1980"), "BirthDate=29.02.1980");
}

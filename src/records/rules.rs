//! Rules for the texts of clients, credentials and report types. They are the engine's, field by field, so that what an import
//! takes can be sent here as it is shown; beyond them, only notes may have several lines.

use std::borrow::Cow;

use worker::resource::cell::{self, CellError};
use worker::resource::clients::{ALIAS, DETAILS, FIELDS, KEY_FIELDS};
use worker::resource::{Kind, report_types};
use worker::row_error::RowCode;

use super::draft::{Fault, FaultKind};
use super::password::{HIDDEN, Password};
use crate::store::model::Change;

/// A country's alias under another name.
const LOCAL_NAME: &str = "local_company_name";

/// The rule of a field, by the name that it has here.
fn rule(name: &str) -> Kind {
    if name == LOCAL_NAME || name == "aliases" {
        return ALIAS.kind;
    }
    let name = if name == "report_types" { "report_type" } else { name };
    let mut fields = KEY_FIELDS
        .iter()
        .chain(FIELDS)
        .chain(DETAILS)
        .chain(report_types::KEY_FIELDS)
        .chain([&ALIAS]);
    fields
        .find(|field| field.name == name)
        .map_or(Kind::Id, |field| field.kind)
}

/// A country as it is stored: two capital letters.
pub fn country(name: &str, text: &str) -> Result<String, Fault> {
    let checked = cell::check(Kind::Country, cell::trim(Kind::Country, text));
    let wrong = |error: CellError| broken(name, error.code, "not a country; expected two letters such as DE");
    checked.map(Cow::into_owned).map_err(wrong)
}

/// A text of one line; `None` if it is blank.
pub(super) fn line(name: &str, text: &str) -> Result<Option<String>, Fault> {
    let text = lines(name, text)?;
    if text.as_ref().is_some_and(|text| text.contains(char::is_control)) {
        let message = "holds a control character; expected text on one line";
        return Err(broken(name, RowCode::ControlCharacter, message));
    }
    Ok(text)
}

/// A text of one line that must be there.
pub(super) fn required_line(name: &str, text: &str) -> Result<String, Fault> {
    line(name, text)?.ok_or_else(|| required(name))
}

/// A text that may have several lines; `None` if it is blank.
pub(super) fn lines(name: &str, text: &str) -> Result<Option<String>, Fault> {
    let kind = rule(name);
    let text = cell::trim(kind, text);
    if text.is_empty() {
        return Ok(None);
    }
    let checked = cell::check(kind, text).map_err(|error| refused(name, &error))?;
    Ok(Some(checked.into_owned()))
}

/// A password, byte by byte as it was given; `None` if it is empty.
pub(super) fn password(name: &str, password: &Password) -> Result<Option<Password>, Fault> {
    let text = password.reveal();
    if text.is_empty() {
        return Ok(None);
    }
    if text == HIDDEN {
        let message = "what a list shows in place of a password; expected the password itself";
        return Err(broken(name, RowCode::InvalidChoice, message));
    }
    cell::check(Kind::Secret, text).map_err(|error| refused(name, &error))?;
    Ok(Some(password.clone()))
}

/// Applies a rule to what a change sets; a blank value clears.
pub(super) fn changed<T>(
    change: Change<T>,
    rule: impl FnOnce(&T) -> Result<Option<T>, Fault>,
) -> Result<Change<T>, Fault> {
    match change {
        Change::Set(value) => Ok(rule(&value)?.map_or(Change::Clear, Change::Set)),
        other => Ok(other),
    }
}

/// What a change sets, where there can be no nothing.
pub(super) fn named<T>(name: &str, change: Change<T>) -> Result<Option<T>, Fault> {
    match change {
        Change::Keep => Ok(None),
        Change::Clear => Err(required(name)),
        Change::Set(value) => Ok(Some(value)),
    }
}

/// A value that must be there.
pub(super) fn required(name: &str) -> Fault {
    broken(name, RowCode::Required, "empty, but a record needs it")
}

/// A value that breaks a rule.
pub(super) fn broken(name: &str, code: RowCode, message: &str) -> Fault {
    Fault {
        path: vec![name.to_owned()],
        kind: FaultKind::Cell(code),
        message: message.to_owned(),
    }
}

fn refused(name: &str, error: &CellError) -> Fault {
    broken(
        name,
        error.code,
        &format!("{}; expected {}", error.message, error.expected),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_two_letters() {
        assert_eq!(country("country", " de").ok().as_deref(), Some("DE"));
        for broken in ["", "D", "DEU", "D1", "Ä", "ÄÖ", "--"] {
            assert!(country("country", broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn texts_keep_to_their_rules() {
        assert_eq!(line("pro", " Stiftung EAR\t"), Ok(Some("Stiftung EAR".to_owned())));
        assert_eq!(line("pro", "  "), Ok(None));
        assert!(line("pro", "a\nb").is_err() && lines("notes", "a\r\n\tb").is_ok());
        assert!(lines("notes", "a\0").is_err() && lines("notes", "a\u{85}").is_err());
        let fits = |name: &str, bytes: usize| lines(name, &"x".repeat(bytes)).is_ok();
        for (name, most) in [
            ("pro", 255),
            ("status", 255),
            ("login", 255),
            ("notes", 4_096),
            ("local_company_name", 255),
        ] {
            assert!(fits(name, most) && !fits(name, most + 1), "{name}");
        }
    }

    #[test]
    fn passwords_are_taken_as_they_are() {
        let given = |text: &str| password("password", &Password::new(text.to_owned()));
        assert_eq!(given(" a\tb "), Ok(Some(Password::new(" a\tb ".to_owned()))));
        assert_eq!(given(""), Ok(None));
        assert!(given("***").is_err() && given("a\0").is_err() && given(&"x".repeat(1025)).is_err());
    }
}

//! The rule for one cell: kind and text in, canonical text or what is wrong out. The import, the REST API and a dry run all
//! come here, so that a record cannot be valid in one place and broken in another.

use std::borrow::Cow;

use chrono::NaiveDate;
use serde_json::{Map, Value};

use super::{Kind, json};
use crate::row_error::RowCode;

/// Longest identifier in bytes.
pub const MAX_ID_BYTES: usize = 255;
/// Longest attribute in bytes.
pub const MAX_ATTRIBUTE_BYTES: usize = 64 * 1024;
/// Longest secret in bytes; the longest password hash in use (scrypt, PHC) is far below.
const MAX_SECRET_BYTES: usize = 1024;
/// Longest path of an address (RFC 5321 section 4.5.3.1.3, without the angle brackets).
const MAX_EMAIL_BYTES: usize = 254;
/// Longest local part (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL_BYTES: usize = 64;
/// Longest name of a group in bytes.
const MAX_GROUP_BYTES: usize = 100;

/// What a failed-rows file shows in place of a secret; never taken as one.
pub const REDACTED: &str = "[redacted]";

/// What a composed file holds where a value is to be removed (CANCEL). No value of any field is a control character.
pub const ERASED: &str = "\u{18}";

/// What is wrong with a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellError {
    /// Its kind.
    pub code: RowCode,
    /// A sentence without the value.
    pub message: &'static str,
    /// What would have been right.
    pub expected: String,
}

/// A cell as it is compared and stored: outer spaces and tabs go, except for secrets.
pub fn trim(kind: Kind, cell: &str) -> &str {
    let is_outer = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    // Most cells have nothing to trim, and two bytes tell.
    if kind == Kind::Secret || !is_outer(cell.as_bytes().first()) && !is_outer(cell.as_bytes().last()) {
        cell
    } else {
        cell.trim_matches([' ', '\t'])
    }
}

/// Checks one trimmed, non-empty cell and gives its canonical form.
pub fn check(kind: Kind, cell: &str) -> Result<Cow<'_, str>, CellError> {
    match kind {
        Kind::Id => id(cell),
        Kind::Text(max) => text(cell, max),
        Kind::Line(max) => line(cell, max),
        Kind::Email => email(cell),
        Kind::Phone => phone(cell),
        Kind::Gender => gender(cell),
        Kind::Date => date(cell),
        Kind::LanguageTag => language_tag(cell),
        Kind::LanguageCode => language_code(cell),
        Kind::Groups => groups(cell),
        Kind::JsonArray => json_array(cell),
        Kind::Bool => boolean(cell),
        Kind::Country => country(cell),
        Kind::Children => check_json_object(cell).map(|members| Cow::Owned(Value::Object(members).to_string())),
        Kind::Secret => secret(cell),
    }
}

/// Checks an attribute: any text without control characters, up to `MAX_ATTRIBUTE_BYTES`.
pub fn check_attribute(cell: &str) -> Result<Cow<'_, str>, CellError> {
    text(cell, MAX_ATTRIBUTE_BYTES)
}

pub(crate) fn fail<T>(code: RowCode, message: &'static str, expected: impl Into<String>) -> Result<T, CellError> {
    Err(CellError {
        code,
        message,
        expected: expected.into(),
    })
}

fn too_long<T>(max: usize) -> Result<T, CellError> {
    fail(RowCode::TooLong, "too long", format!("at most {max} bytes"))
}

fn damaged<T>() -> Result<T, CellError> {
    let message = "a spreadsheet has replaced this value; format the column as text and fill it in again";
    fail(RowCode::SpreadsheetDamage, message, "the original value")
}

/// `4.15556E+09`, `#N/A`, `#####`: what spreadsheets leave where a long number or a lookup was.
fn is_spreadsheet_damage(cell: &str) -> bool {
    match cell.as_bytes().first() {
        Some(b'0'..=b'9') => {}
        Some(b'#') => {
            let words = ["#N/A", "#REF!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!", "#DIV/0!"];
            return words.contains(&cell) || cell.len() >= 3 && cell.bytes().all(|byte| byte == b'#');
        }
        _ => return false,
    }
    let Some((mantissa, exponent)) = cell
        .split_once('E')
        .and_then(|(one, rest)| Some((one, rest.strip_prefix('+')?)))
    else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    digits(whole) && digits(fraction) && digits(exponent)
}

fn id(cell: &str) -> Result<Cow<'_, str>, CellError> {
    if cell.len() > MAX_ID_BYTES {
        return too_long(MAX_ID_BYTES);
    }
    if !is_printable_ascii(cell) && cell.chars().any(char::is_control) {
        return fail(
            RowCode::ControlCharacter,
            "holds a control character",
            "an identifier on one line",
        );
    }
    if is_spreadsheet_damage(cell) {
        return damaged();
    }
    Ok(Cow::Borrowed(cell))
}

fn text(cell: &str, max: usize) -> Result<Cow<'_, str>, CellError> {
    if cell.len() > max {
        return too_long(max);
    }
    let allowed = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
    if !is_printable_ascii(cell) && !cell.chars().all(allowed) {
        return fail(RowCode::ControlCharacter, "holds a control character", "text");
    }
    Ok(Cow::Borrowed(cell))
}

/// As most cells are: then nothing need be looked at letter by letter. Without a branch, many bytes at once.
fn is_printable_ascii(cell: &str) -> bool {
    cell.bytes()
        .fold(true, |so_far, byte| so_far & matches!(byte, b' '..=b'~'))
}

fn line(cell: &str, max: usize) -> Result<Cow<'_, str>, CellError> {
    match text(cell, max) {
        // No other control character passes for text.
        Ok(text) if text.bytes().any(|byte| matches!(byte, b'\t' | b'\n' | b'\r')) => fail(
            RowCode::ControlCharacter,
            "holds a control character",
            "text on one line",
        ),
        checked => checked,
    }
}

fn email(cell: &str) -> Result<Cow<'_, str>, CellError> {
    let canonical = match cell.rsplit_once('@') {
        Some((local, domain)) if domain.contains(|c: char| !c.is_ascii_lowercase() && c.is_uppercase()) => {
            Cow::Owned(format!("{local}@{}", domain.to_lowercase()))
        }
        _ => Cow::Borrowed(cell),
    };
    // What is stored is what is checked: a letter may become two, or longer, in lower case.
    if is_email(&canonical) {
        return Ok(canonical);
    }
    fail(RowCode::InvalidEmail, "not a valid e-mail address", "name@example.com")
}

fn is_email(text: &str) -> bool {
    let options = email_address::Options::default()
        .with_required_tld()
        .without_domain_literal()
        .without_display_text();
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let plain = !text.contains(|c: char| c == '"' || c.is_whitespace() || c.is_control());
    let labels = domain.split('.').all(|label| {
        !label.is_empty()
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    });
    plain
        && labels
        && local.len() <= MAX_LOCAL_BYTES
        && text.len() <= MAX_EMAIL_BYTES
        && email_address::EmailAddress::parse_with_options(text, options).is_ok()
}

fn phone(cell: &str) -> Result<Cow<'_, str>, CellError> {
    if is_spreadsheet_damage(cell) {
        return damaged();
    }
    let rest = cell.strip_prefix('+').unwrap_or(cell);
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    let shape = rest
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b" -.()/".contains(&byte));
    if !shape || !(3..=15).contains(&digits) {
        return fail(
            RowCode::InvalidPhone,
            "not a telephone number",
            "3 to 15 digits, such as +49 30 123456",
        );
    }
    Ok(Cow::Borrowed(cell))
}

fn gender(cell: &str) -> Result<Cow<'_, str>, CellError> {
    let letter = match cell.to_ascii_lowercase().as_str() {
        "m" | "male" => "m",
        "f" | "female" => "f",
        "u" | "unknown" => "u",
        _ => return fail(RowCode::InvalidChoice, "not one of the accepted words", "m, f or u"),
    };
    Ok(Cow::Borrowed(letter))
}

fn boolean(cell: &str) -> Result<Cow<'_, str>, CellError> {
    let word = match cell.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => "true",
        "false" | "no" | "0" => "false",
        _ => return fail(RowCode::InvalidChoice, "not one of the accepted words", "true or false"),
    };
    Ok(Cow::Borrowed(word))
}

fn country(cell: &str) -> Result<Cow<'_, str>, CellError> {
    if cell.len() != 2 || !cell.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        let expected = "two letters such as DE (ISO 3166-1)";
        return fail(RowCode::InvalidChoice, "not a country code", expected);
    }
    Ok(Cow::Owned(cell.to_ascii_uppercase()))
}

fn date(cell: &str) -> Result<Cow<'_, str>, CellError> {
    if is_spreadsheet_damage(cell) {
        return damaged();
    }
    let digits = |range: std::ops::Range<usize>| {
        let part = cell.get(range)?;
        part.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| part.parse::<u32>().ok())
            .flatten()
    };
    let dashes = cell.len() == 10 && cell.get(4..5) == Some("-") && cell.get(7..8) == Some("-");
    let day = match (dashes, digits(0..4), digits(5..7), digits(8..10)) {
        (true, Some(year), Some(month), Some(day)) if year > 0 => i32::try_from(year)
            .ok()
            .and_then(|year| NaiveDate::from_ymd_opt(year, month, day)),
        _ => None,
    };
    match day {
        Some(_) => Ok(Cow::Borrowed(cell)),
        None => fail(
            RowCode::InvalidDate,
            "not a day of the calendar in the form YYYY-MM-DD",
            "YYYY-MM-DD",
        ),
    }
}

fn language_tag(cell: &str) -> Result<Cow<'_, str>, CellError> {
    let alphanumeric =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let mut parts = cell.split(['-', '_']);
    let first = parts.next().unwrap_or_default();
    let first_ok = (2..=8).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_alphabetic());
    if cell.len() > 35 || !first_ok || !parts.all(alphanumeric) {
        return fail(
            RowCode::InvalidLanguage,
            "not a language tag",
            "a tag such as en or de-AT",
        );
    }
    Ok(Cow::Borrowed(cell))
}

fn language_code(cell: &str) -> Result<Cow<'_, str>, CellError> {
    if cell.len() != 2 || !cell.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return fail(
            RowCode::InvalidLanguage,
            "not a language code",
            "two letters such as en (ISO 639-1)",
        );
    }
    Ok(Cow::Owned(cell.to_ascii_lowercase()))
}

fn groups(cell: &str) -> Result<Cow<'_, str>, CellError> {
    let mut names: Vec<&str> = Vec::new();
    for name in cell
        .split(',')
        .map(|name| name.trim_matches([' ', '\t']))
        .filter(|name| !name.is_empty())
    {
        if name.len() > MAX_GROUP_BYTES {
            return too_long(MAX_GROUP_BYTES);
        }
        text(name, MAX_GROUP_BYTES)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() > 1000 {
        return fail(
            RowCode::TooLong,
            "too many names",
            "at most 1000 names separated by commas",
        );
    }
    Ok(Cow::Owned(Value::from(names).to_string()))
}

fn json_array(cell: &str) -> Result<Cow<'_, str>, CellError> {
    let wrong = || {
        fail(
            RowCode::InvalidJson,
            "not a JSON array of objects",
            r#"[{"code":"home","city":"Berlin"}]"#,
        )
    };
    if cell.len() > MAX_ATTRIBUTE_BYTES {
        return too_long(MAX_ATTRIBUTE_BYTES);
    }
    let Ok(value) = json::parse(cell.as_bytes()) else {
        return wrong();
    };
    let Value::Array(items) = &value else { return wrong() };
    if !items.iter().all(Value::is_object) || !json_is_storable(&value, 1) {
        return wrong();
    }
    // Written out, `1e15` is four times as long; what is stored keeps the bound too.
    let text = value.to_string();
    if text.len() > MAX_ATTRIBUTE_BYTES {
        return too_long(MAX_ATTRIBUTE_BYTES);
    }
    Ok(Cow::Owned(text))
}

/// Checks a cell that holds attributes as one JSON object.
pub fn check_json_object(cell: &str) -> Result<Map<String, Value>, CellError> {
    if cell.len() > MAX_ATTRIBUTE_BYTES {
        return too_long(MAX_ATTRIBUTE_BYTES);
    }
    json_object(cell)
}

/// The same without a bound of its own: the door's bound on a field is one.
pub(crate) fn json_object(cell: &str) -> Result<Map<String, Value>, CellError> {
    let wrong = || fail(RowCode::InvalidJson, "not a JSON object", r#"{"department":"R&D"}"#);
    match json::parse(cell.as_bytes()) {
        Ok(value) if !json_is_storable(&value, 1) => wrong(),
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) | Err(_) => wrong(),
    }
}

/// Not too deep, and without U+0000, which no text column of PostgreSQL takes.
fn json_is_storable(value: &Value, depth: usize) -> bool {
    depth <= json::MAX_DEPTH
        && match value {
            Value::String(text) => !text.contains('\0'),
            Value::Array(items) => items.iter().all(|item| json_is_storable(item, depth + 1)),
            Value::Object(map) => map
                .iter()
                .all(|(name, item)| !name.contains('\0') && json_is_storable(item, depth + 1)),
            Value::Null | Value::Bool(_) | Value::Number(_) => true,
        }
}

fn secret(cell: &str) -> Result<Cow<'_, str>, CellError> {
    if cell.len() > MAX_SECRET_BYTES {
        return too_long(MAX_SECRET_BYTES);
    }
    if cell.contains('\0') {
        return fail(RowCode::ControlCharacter, "holds a NUL character", "text");
    }
    if cell == REDACTED {
        return fail(
            RowCode::InvalidChoice,
            "hidden in the failed-rows file; fill it in again",
            "the value itself",
        );
    }
    Ok(Cow::Borrowed(cell))
}

#[cfg(test)]
mod tests;

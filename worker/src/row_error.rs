//! What can be wrong with one row: a code, the place, a sentence. Row errors are data that is counted, stored and shown;
//! `Err` is kept for a machine that failed.

use serde::{Deserialize, Serialize};

/// The stable, bounded set of row error codes: metric label, translation key and part of `_import_codes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowCode {
    /// A cell that must hold something is empty.
    Required,
    /// Not an e-mail address.
    InvalidEmail,
    /// Not a telephone number.
    InvalidPhone,
    /// Not a calendar date in the expected form.
    InvalidDate,
    /// Not one of the accepted words.
    InvalidChoice,
    /// Not a language tag or code.
    InvalidLanguage,
    /// Not the JSON that the column wants.
    InvalidJson,
    /// More characters or bytes than the column holds.
    TooLong,
    /// NUL or another control character.
    ControlCharacter,
    /// A number that a spreadsheet has rewritten (`4.15556E+09`, `#N/A`, `#####`).
    SpreadsheetDamage,
    /// Too few or too many cells.
    ColumnCount,
    /// A quote inside an unquoted cell, or text after a closing quote.
    BadQuote,
    /// Whoever composed the file could not make a row of the record.
    Refused,
    /// Not a name of the accepted shape.
    InvalidName,
    /// Not a password hash of a known form.
    InvalidPasswordHash,
    /// The row's handles belong to more than one person.
    HandleConflict,
    /// `mode=create`, and the key is known.
    AlreadyExists,
    /// `mode=update`, and the key is not known.
    NotFound,
}

impl RowCode {
    /// The word in answers, files and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::InvalidEmail => "invalid-email",
            Self::InvalidPhone => "invalid-phone",
            Self::InvalidDate => "invalid-date",
            Self::InvalidChoice => "invalid-choice",
            Self::InvalidLanguage => "invalid-language",
            Self::InvalidJson => "invalid-json",
            Self::TooLong => "too-long",
            Self::ControlCharacter => "control-character",
            Self::SpreadsheetDamage => "spreadsheet-damage",
            Self::ColumnCount => "column-count",
            Self::BadQuote => "bad-quote",
            Self::Refused => "refused",
            Self::InvalidName => "invalid-name",
            Self::InvalidPasswordHash => "invalid-password-hash",
            Self::HandleConflict => "handle-conflict",
            Self::AlreadyExists => "already-exists",
            Self::NotFound => "not-found",
        }
    }
}

/// How much of a wrong value an error repeats, in characters.
const SHOWN_CHARS: usize = 200;

/// As much of a wrong value as an error repeats.
pub fn shown(value: &str) -> String {
    value.chars().take(SHOWN_CHARS).collect()
}

/// How many kinds of unseen characters an error names.
const NAMED: usize = 5;

/// The characters of a value that show as nothing or as a plain space, by code point: `U+200B, U+FEFF`. Zero-width and directional
/// ones (Unicode's Default_Ignorable_Code_Point, as far as texts hold them by accident or by malice) and hard spaces.
pub fn unseen(value: &str) -> Option<String> {
    let mut found: Vec<String> = Vec::new();
    for character in value.chars().filter(|character| is_unseen(*character)) {
        let name = format!("U+{:04X}", u32::from(character));
        if !found.contains(&name) {
            found.push(name);
        }
        if found.len() == NAMED {
            break;
        }
    }
    (!found.is_empty()).then(|| found.join(", "))
}

fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{a0}' | '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
            | '\u{2060}'..='\u{206f}' | '\u{3000}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// One thing wrong with one row. `field` is our name for it, `column` the file's own header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowError {
    /// What kind.
    pub code: RowCode,
    /// Our field, where the error belongs to one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub field: Option<String>,
    /// The file's header of that cell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub column: Option<String>,
    /// What is wrong, without the value: "not a valid e-mail address".
    pub message: String,
    /// What would have been right.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expected: Option<String>,
    /// What was found, cut to 200 characters; absent for sensitive fields.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<String>,
}

impl RowError {
    /// `field:code`, or the code alone: one entry of `_import_codes`.
    pub fn label(&self) -> String {
        match &self.field {
            Some(field) => format!("{field}:{}", self.code.as_str()),
            None => self.code.as_str().to_owned(),
        }
    }

    /// `Header: message`: one sentence of `_import_error`.
    pub fn sentence(&self) -> String {
        match &self.column {
            Some(column) => format!("{column}: {}", self.message),
            None => self.message.clone(),
        }
    }
}

/// A row that was refused, as it is stored and given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The record's number in the file: 1 = first after the header, blank lines counted.
    pub record: u64,
    /// The physical line it starts on, 1 = first line of the file.
    pub line: u64,
    /// Every error of the row, never empty.
    pub errors: Vec<RowError>,
    /// The row's cells as the file has them, decoded.
    pub cells: Vec<String>,
}

/// The row number a spreadsheet shows for a record (the header is row 1).
pub fn spreadsheet_row(record: u64) -> u64 {
    record + 1
}

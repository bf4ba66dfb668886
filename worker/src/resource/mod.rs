//! What can be imported: each resource is a list of fields, as data. One file each; the rules for a cell are in `cell`.

pub mod cell;
pub mod rule;
pub mod users;

use serde::{Deserialize, Serialize};

/// A kind of record that a file can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// People by (source, source id, language).
    Users,
}

impl Resource {
    /// Every resource, in the order of the documentation.
    pub const ALL: &'static [Self] = &[Self::Users];

    /// The word in URLs, JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
        }
    }

    /// Reads the word back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|resource| resource.as_str() == word)
    }

    /// The value fields of a record, in the order of `batch::Row::values`. The key fields are `KEY_FIELDS`.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::Users => users::FIELDS,
        }
    }
}

/// The three fields that make a key, in order; `language` may be empty.
pub const KEY_FIELDS: [Field; 3] = [
    Field {
        name: "source",
        kind: Kind::Id,
    },
    Field {
        name: "source_id",
        kind: Kind::Id,
    },
    Field {
        name: "language",
        kind: Kind::LanguageTag,
    },
];

/// One field: its name in JSON, CSV and tables, and what its cells must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Also the column's name in both databases.
    pub name: &'static str,
    /// The rule.
    pub kind: Kind,
}

impl Field {
    /// Never shown: not in answers, errors, logs or, without the scope, in failed rows.
    pub fn is_sensitive(&self) -> bool {
        self.kind == Kind::Secret
    }
}

/// The rule for the cells of a field; `cell::check` applies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An identifier, compared byte by byte: 1 to 255 bytes, no control characters.
    Id,
    /// Text of at most this many bytes.
    Text(usize),
    /// An e-mail address with a dotted domain, at most 254 bytes; the domain is stored in lower case.
    Email,
    /// 3 to 15 digits with an optional `+` and the usual separators; kept as written.
    Phone,
    /// `m`, `f` or `u`, or the English words, any case; stored as the letter.
    Gender,
    /// `YYYY-MM-DD`, a day of the calendar.
    Date,
    /// A language tag in the shape of BCP 47, at most 35 bytes.
    LanguageTag,
    /// Two letters (ISO 639-1), stored in lower case.
    LanguageCode,
    /// Names separated by commas; stored as a JSON array without repeats.
    Groups,
    /// A JSON array of objects.
    JsonArray,
    /// Opaque, at most 1,024 bytes, never trimmed or shown.
    Secret,
}

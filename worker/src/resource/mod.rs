//! What can be imported: each resource is a list of fields, as data. One file each; the rules for a cell are in `cell`.

pub mod cell;
pub mod clients;
pub mod json;
pub mod report_types;
pub mod rule;
pub mod users;

use serde::{Deserialize, Serialize};

use self::clients::Part;

/// A kind of record that a file can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// People by (source, source id, language).
    Users,
    /// Companies by name, with aliases and credentials.
    Clients,
    /// Reports to file by (country, PRO, report type).
    ReportTypes,
}

impl Resource {
    /// Every resource, in the order of the documentation.
    pub const ALL: &'static [Self] = &[Self::Users, Self::Clients, Self::ReportTypes];

    /// The word in URLs, JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Clients => "clients",
            Self::ReportTypes => "report_types",
        }
    }

    /// Reads the word back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|resource| resource.as_str() == word)
    }

    /// The fields of a record's key, in the order of `batch::Key::parts`.
    pub fn key_fields(self) -> &'static [Field] {
        match self {
            Self::Users => users::KEY_FIELDS,
            Self::Clients => clients::KEY_FIELDS,
            Self::ReportTypes => report_types::KEY_FIELDS,
        }
    }

    /// The value fields of a record, in the order of `batch::Row::values`.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::Users => users::FIELDS,
            Self::Clients => clients::FIELDS,
            Self::ReportTypes => &[],
        }
    }

    /// Whether the hash of the last imported row is kept with a record. Not where a row may hold a password: a hash over it
    /// would let whoever has a dump of the database try passwords.
    pub fn keeps_hash(self) -> bool {
        !self.fields().iter().any(|field| field.kind == Kind::Children)
    }

    /// The names of the fields that a column of a file can fill; an alias of one country (`clients::ALIAS_PREFIX`) is not
    /// listed.
    pub fn column_names(self) -> impl Iterator<Item = &'static str> {
        let parts: [&[Field]; 3] = match self {
            Self::Clients => [&[clients::ALIAS], clients::CREDENTIAL_KEY, clients::DETAILS],
            Self::Users | Self::ReportTypes => [&[], &[], &[]],
        };
        let own = self.key_fields().iter().chain(self.fields());
        own.filter(|field| field.kind != Kind::Children)
            .chain(parts.into_iter().flatten())
            .map(|field| field.name)
    }

    /// Whether a column of a file can fill the field of this name.
    pub fn has_column(self, name: &str) -> bool {
        self.column_names().any(|known| known == name) || self.part(name).is_some()
    }

    /// What a column fills, where it is not a field but a part of one.
    pub fn part(self, name: &str) -> Option<Part> {
        match self {
            Self::Clients => Part::parse(name),
            Self::Users | Self::ReportTypes => None,
        }
    }

    /// Whether what a column of this name holds is never shown.
    pub fn is_sensitive(self, column: &str) -> bool {
        let field = self.fields().iter().find(|field| field.name == column);
        field.is_some_and(Field::is_sensitive) || self.part(column).is_some_and(|part| part.kind() == Kind::Secret)
    }
}

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
    /// Text of at most this many bytes on one line.
    Line(usize),
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
    /// `true` or `false`, or the like (`yes`, `no`, `1`, `0`), any case; stored as the word.
    Bool,
    /// Two letters (ISO 3166-1), stored in upper case.
    Country,
    /// A JSON object of what hangs on a record; no single column fills it.
    Children,
    /// Opaque, at most 1,024 bytes, never trimmed or shown.
    Secret,
}

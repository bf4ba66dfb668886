//! The clients resource: companies by name, with what hangs on them, their aliases and credentials. Those are *children*: in
//! a record they are one JSON value each, in a file they are the cells of `PARTS`, and each row adds to them.
//!
//! - aliases: `{"DE": "ABC GmbH", "": ["ABC Corp"]}`, one for each country, any number under the empty one;
//! - credentials: by `credential_key`, each an object of `DETAILS`, such as `{"login": "a", "password": "b"}`.

use super::{Field, Kind};

/// The name, unique in its organization.
pub const KEY_FIELDS: &[Field] = &[Field {
    name: "name",
    kind: Kind::Id,
}];

/// Longest text of several lines in bytes.
const LINES_BYTES: usize = 4096;

/// What the surfaces show in place of a password; never taken as one.
pub const HIDDEN: &str = "***";

/// The field that holds the aliases.
pub const ALIASES: &str = "aliases";
/// The field that holds the credentials.
pub const CREDENTIALS: &str = "credentials";

/// The value fields, in the order in which rows and tables hold them.
pub const FIELDS: &[Field] = &[
    Field {
        name: "status",
        kind: Kind::Line(255),
    },
    Field {
        name: "shared",
        kind: Kind::Bool,
    },
    Field {
        name: "notes",
        kind: Kind::Text(LINES_BYTES),
    },
    Field {
        name: "client_organization",
        kind: Kind::Line(255),
    },
    Field {
        name: "collective_account",
        kind: Kind::Bool,
    },
    Field {
        name: ALIASES,
        kind: Kind::Children,
    },
    Field {
        name: CREDENTIALS,
        kind: Kind::Children,
    },
];

/// A column for an alias that is known everywhere; several stand in a cell with `;` between them.
pub const ALIAS: Field = Field {
    name: "alias",
    kind: Kind::Id,
};

/// What a column for the alias of one country begins with, before two capital letters.
pub const ALIAS_PREFIX: &str = "alias:";

/// The columns that say which credential a row is about. A row with any cell of a credential needs all three.
pub const CREDENTIAL_KEY: &[Field] = super::report_types::KEY_FIELDS;

/// The columns of a credential, and its members.
pub const DETAILS: &[Field] = &[
    Field {
        name: "login",
        kind: Kind::Line(255),
    },
    Field {
        name: "password",
        kind: Kind::Secret,
    },
    Field {
        name: "registration_number",
        kind: Kind::Line(255),
    },
    Field {
        name: "interval",
        kind: Kind::Line(255),
    },
    Field {
        name: "extra_info",
        kind: Kind::Text(LINES_BYTES),
    },
];

/// Between the parts of a credential's key. No part holds a control character.
const SEPARATOR: char = '\u{1f}';

/// The member of `CREDENTIALS` for one credential.
pub fn credential_key(country: &str, pro: &str, report_type: &str) -> String {
    format!("{country}{SEPARATOR}{pro}{SEPARATOR}{report_type}")
}

/// Country, PRO and report type of a `credential_key`.
pub fn split_credential_key(key: &str) -> Option<[&str; 3]> {
    let mut parts = key.splitn(3, SEPARATOR);
    Some([parts.next()?, parts.next()?, parts.next()?])
}

/// A column that fills a part of a child; its own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// `alias`.
    Alias,
    /// `alias:DE`, with the country.
    CountryAlias(String),
    /// One of `CREDENTIAL_KEY`, by place.
    CredentialKey(usize),
    /// One of `DETAILS`, by place.
    Detail(usize),
}

impl Part {
    /// The part that a field's name stands for.
    pub fn parse(name: &str) -> Option<Self> {
        if name == ALIAS.name {
            return Some(Self::Alias);
        }
        if let Some(country) = name.strip_prefix(ALIAS_PREFIX) {
            let capitals = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
            return capitals.then(|| Self::CountryAlias(country.to_owned()));
        }
        let place = |fields: &[Field]| fields.iter().position(|field| field.name == name);
        place(CREDENTIAL_KEY)
            .map(Self::CredentialKey)
            .or_else(|| place(DETAILS).map(Self::Detail))
    }

    /// The rule for its cells.
    pub fn kind(&self) -> Kind {
        let of = |fields: &[Field], place: usize| fields.get(place).map_or(Kind::Id, |field| field.kind);
        match self {
            Self::Alias | Self::CountryAlias(_) => ALIAS.kind,
            Self::CredentialKey(place) => of(CREDENTIAL_KEY, *place),
            Self::Detail(place) => of(DETAILS, *place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_children() {
        assert_eq!(Part::parse("alias"), Some(Part::Alias));
        assert_eq!(Part::parse("alias:DE"), Some(Part::CountryAlias("DE".to_owned())));
        assert_eq!(Part::parse("alias:de"), None);
        assert_eq!(Part::parse("alias:DEU"), None);
        assert_eq!(Part::parse("pro"), Some(Part::CredentialKey(1)));
        assert_eq!(Part::parse("password").map(|part| part.kind()), Some(Kind::Secret));
        assert_eq!(Part::parse("credentials"), None);
    }

    #[test]
    fn credential_keys_come_apart_again() {
        let key = credential_key("DE", "Stiftung EAR", "WEEE");
        assert_eq!(split_credential_key(&key), Some(["DE", "Stiftung EAR", "WEEE"]));
        assert_eq!(split_credential_key("DE"), None);
    }
}

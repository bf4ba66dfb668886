//! The users resource: its value fields. Whatever a file has beyond them becomes an attribute under the file's own header.

use super::{Field, Kind};

/// The name of the JSON object that holds everything else.
pub const ATTRIBUTES: &str = "attributes";

/// The system a user comes from, its id there, and its language, which may be empty.
pub const KEY_FIELDS: &[Field] = &[
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

/// The typed value columns of `users`, in the order in which rows, tables and hashes hold them.
pub const FIELDS: &[Field] = &[
    Field {
        name: "email",
        kind: Kind::Email,
    },
    Field {
        name: "username",
        kind: Kind::Id,
    },
    Field {
        name: "first_name",
        kind: Kind::Text(255),
    },
    Field {
        name: "middle_name",
        kind: Kind::Text(255),
    },
    Field {
        name: "last_name",
        kind: Kind::Text(255),
    },
    Field {
        name: "full_name",
        kind: Kind::Text(512),
    },
    Field {
        name: "title",
        kind: Kind::Text(255),
    },
    Field {
        name: "gender",
        kind: Kind::Gender,
    },
    Field {
        name: "date_of_birth",
        kind: Kind::Date,
    },
    Field {
        name: "phone",
        kind: Kind::Phone,
    },
    Field {
        name: "mobile",
        kind: Kind::Phone,
    },
    Field {
        name: "company",
        kind: Kind::Text(255),
    },
    Field {
        name: "tax_number",
        kind: Kind::Text(64),
    },
    Field {
        name: "coc_number",
        kind: Kind::Text(64),
    },
    Field {
        name: "debtor_id",
        kind: Kind::Text(64),
    },
    Field {
        name: "primary_language",
        kind: Kind::LanguageCode,
    },
    Field {
        name: "abbreviation",
        kind: Kind::Text(64),
    },
    Field {
        name: "parent",
        kind: Kind::Text(255),
    },
    Field {
        name: "region",
        kind: Kind::Text(64),
    },
    Field {
        name: "groups",
        kind: Kind::Groups,
    },
    Field {
        name: "addresses",
        kind: Kind::JsonArray,
    },
    Field {
        name: "password_hash",
        kind: Kind::Secret,
    },
];

//! What this surface's files mean: its columns and their rules, as values that any import could have.

use worker::import::{Blank, ImportOptions, Ragged, Unmapped};
use worker::resource::Resource;
use worker::resource::rule::Rule;

use super::SURFACE;

/// The template's columns, in its order; then those that are understood besides. Every other is ignored.
const COLUMNS: [(&str, &str); 8] = [
    ("slashid:emails", "handles.email"),
    ("slashid:phone_numbers", "handles.phone"),
    ("slashid:usernames", "handles.username"),
    ("slashid:region", "region"),
    ("slashid:groups", "groups"),
    ("slashid:attributes", "attributes"),
    ("slashid:roles", "attributes.slashid:roles"),
    ("slashid:password", "password_hash"),
];
const IN_TEMPLATE: usize = 6;
const REGIONS: [&str; 5] = [
    "us-iowa",
    "europe-belgium",
    "asia-japan",
    "europe-england",
    "australia-sydney",
];
const MOST_GROUPS: usize = 100;
const BUCKET_NAME_BYTES: usize = 70;
const BUCKET_VALUE_BYTES: usize = 64 * 1024;

/// The header row that clients fill rows under.
pub(super) fn template() -> String {
    let header: Vec<&str> = COLUMNS.iter().take(IN_TEMPLATE).map(|(header, _)| *header).collect();
    format!("{}\r\n", header.join(","))
}

/// A file of persons. Blank cells leave things alone, attributes merge, all else that is said overwrites. A row that is too
/// short is filled up: its error column, the last, is what people delete.
pub(super) fn options() -> ImportOptions {
    let rules = [
        ("slashid:region", Rule::OneOf(REGIONS.map(str::to_owned).to_vec())),
        ("slashid:groups", Rule::Names { most: MOST_GROUPS }),
        (
            "slashid:attributes",
            Rule::Buckets {
                name_bytes: BUCKET_NAME_BYTES,
                value_bytes: BUCKET_VALUE_BYTES,
            },
        ),
        ("slashid:roles", Rule::List),
        ("slashid:password", Rule::PasswordHash),
    ];
    ImportOptions {
        mapping: COLUMNS
            .iter()
            .map(|(header, field)| ((*header).to_owned(), Some((*field).to_owned())))
            .collect(),
        aliases: false,
        unmapped: Unmapped::Ignore,
        source: SURFACE.to_owned(),
        blank: Blank::Ignore,
        ragged: Ragged::Pad,
        handles: true,
        merge: true,
        rules: rules.map(|(header, rule)| (header.to_owned(), rule)).into(),
        delimiter: Some(','),
        ..ImportOptions::new(Resource::Users)
    }
}

//! The report types resource: which reports an organization files, by country and producer responsibility organization
//! (PRO). A record is its key; columns beyond it become attributes.

use super::{Field, Kind};

/// Everything there is to say of a report type.
pub const KEY_FIELDS: &[Field] = &[
    Field {
        name: "country",
        kind: Kind::Country,
    },
    Field {
        name: "pro",
        kind: Kind::Id,
    },
    Field {
        name: "report_type",
        kind: Kind::Id,
    },
];

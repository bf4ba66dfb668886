//! Header → field.

use serde::{Deserialize, Serialize};

/// A column of the file and what it fills.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The file's own header, as written.
    pub header: String,
    /// What it fills.
    pub target: Target,
}

/// What a column fills.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A field of the resource, by name.
    Field(String),
    /// An attribute of this name.
    Attribute(String),
    /// Nothing: the caller said so, or the column is one of ours (`_import_*`).
    Ignored,
}

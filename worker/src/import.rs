//! What an import is: its id, states and their only table of transitions, counts and their identity, options.
//! Nothing here reads a byte or knows a table; a surface that differs from another differs by a value in `ImportOptions`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::resource::Resource;
use crate::resource::rule::Rule;

/// The number a client sees in `/v1/imports/{id}`; positive, small, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImportId(pub i64);

impl fmt::Display for ImportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The tenant every row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrgId(pub i64);

impl fmt::Display for OrgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where an import stands. Who sets it, and what a power cut leaves:
///
/// | state | set by | a crash here leaves |
/// |---|---|---|
/// | receiving | the upload, before its first byte | a row and part of a blob; the sweep removes both, no 202 was given |
/// | queued | the upload, when the blob is durable; a worker that hands back | nothing: every worker polls the ledger |
/// | running | `claim` | a lease that ends; the next claim goes on at the checkpoint |
/// | completed, partial, failed | `finish`, from the counts | nothing |
/// | canceled | a caller | nothing: the guard of every later batch misses |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The upload is still coming in; not listed.
    Receiving,
    /// Waiting for a worker.
    Queued,
    /// A worker holds the lease.
    Running,
    /// Every row is applied or blank.
    Completed,
    /// Some rows are applied, some failed or were not reached.
    Partial,
    /// No row is applied, or the run itself could not be done.
    Failed,
    /// Stopped by a caller; what was applied stays.
    Canceled,
}

impl Status {
    /// The word used in URLs, JSON, tables and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Reads the word back; `None` for any other.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Receiving,
            Self::Queued,
            Self::Running,
            Self::Completed,
            Self::Partial,
            Self::Failed,
            Self::Canceled,
        ]
        .into_iter()
        .find(|status| status.as_str() == word)
    }

    /// No further change will come.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Partial | Self::Failed | Self::Canceled)
    }

    /// The only table of legal transitions.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Receiving => next == Self::Queued,
            Self::Queued => matches!(next, Self::Running | Self::Canceled | Self::Failed),
            Self::Running => next.is_final() || next == Self::Queued,
            Self::Completed | Self::Partial | Self::Failed | Self::Canceled => false,
        }
    }
}

/// How many rows met which fate. `read` is their sum by construction, so the identity cannot be broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows whose key was absent.
    pub created: u64,
    /// Rows that changed a stored record.
    pub updated: u64,
    /// Rows that say what the record already says.
    pub unchanged: u64,
    /// Rows refused, each kept with its reasons.
    pub failed: u64,
    /// Blank lines and rows of empty cells only.
    pub skipped: u64,
    /// Rows applied with a remark (padded, say); not part of the identity.
    pub warnings: u64,
}

impl Counts {
    /// Rows dealt with so far.
    pub fn read(&self) -> u64 {
        self.ok() + self.failed + self.skipped
    }

    /// Rows that are now in the database as the file says.
    pub fn ok(&self) -> u64 {
        self.created + self.updated + self.unchanged
    }

    /// Adds what one batch did.
    pub fn add(&mut self, other: &Self) {
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.warnings += other.warnings;
    }

    /// The final state that these counts mean for a file of `total` rows.
    pub fn verdict(&self, total: u64) -> Status {
        let not_ok = self.failed + total.saturating_sub(self.read());
        match (self.ok(), not_ok) {
            (_, 0) => Status::Completed,
            (0, _) => Status::Failed,
            _ => Status::Partial,
        }
    }
}

/// How far an import has come: everything before `byte` of the plain blob is dealt with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Records dealt with, blank ones included.
    pub record: u64,
    /// Offset of the next record in the plain blob.
    pub byte: u64,
    /// Physical line on which the next record starts, 1 = first.
    pub line: u64,
}

/// What to do with a row by whether its key exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Create or change.
    #[default]
    Upsert,
    /// Create only; a known key is a row failure.
    Create,
    /// Change only; an unknown key is a row failure.
    Update,
}

/// What an empty cell does to a stored value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blank {
    /// It removes the value.
    #[default]
    Clear,
    /// It leaves the value alone.
    Ignore,
}

/// What to do with a row that has too few or too many cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ragged {
    /// It fails.
    #[default]
    Reject,
    /// Missing cells count as empty and empty extra ones are dropped, with a warning; a filled extra cell still fails.
    Pad,
}

/// What becomes of a column that nothing maps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unmapped {
    /// An attribute under its own header.
    #[default]
    Attribute,
    /// Nothing.
    Ignore,
}

impl Unmapped {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Everything that may differ between two imports of the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportOptions {
    /// What the rows are.
    pub resource: Resource,
    /// Create, change or both.
    pub mode: Mode,
    /// Work out every outcome, commit no record.
    pub dry_run: bool,
    /// Header → field name, or nothing for a column to ignore; goes before the alias table.
    pub mapping: BTreeMap<String, Option<String>>,
    /// Whether headers that `mapping` does not name are looked up in the alias table.
    pub aliases: bool,
    /// The source of rows without a source cell.
    pub source: String,
    /// Fields that give the source id, tried in order for each row; empty = decide from the header.
    pub key: Vec<String>,
    /// What empty cells do.
    pub blank: Blank,
    /// JSON in cells is merged into what is stored, as `batch::merge` says, instead of replacing it.
    #[serde(default)]
    pub merge: bool,
    /// What short and long rows do.
    pub ragged: Ragged,
    /// Rows are identified by handles (columns mapped to `handles.email`, `handles.phone`, `handles.username`), not by ids.
    #[serde(default)]
    pub handles: bool,
    /// Header → what its cells must be beyond the rule of the field they fill.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<String, Rule>,
    /// What becomes of columns that nothing maps.
    #[serde(default, skip_serializing_if = "Unmapped::is_default")]
    pub unmapped: Unmapped,
    /// Stop once more rows than this have failed.
    pub max_failures: Option<u64>,
    /// The delimiter, where the caller knows it.
    pub delimiter: Option<char>,
    /// The encoding's label (WHATWG), where the caller knows it.
    pub encoding: Option<String>,
    /// The import whose failed rows this one mends.
    pub retry_of: Option<ImportId>,
    /// The file was composed from records that do not all name the same fields: a cell that is `cell::ERASED` removes the
    /// value, whatever `blank` says of empty ones, and what stands in the column `mapping::REFUSED_COLUMN` refuses its row.
    #[serde(default)]
    pub composed: bool,
}

impl ImportOptions {
    /// The defaults of `POST /v1/imports` for one resource.
    pub fn new(resource: Resource) -> Self {
        Self {
            resource,
            mode: Mode::default(),
            dry_run: false,
            mapping: BTreeMap::new(),
            aliases: true,
            source: String::from("import"),
            key: Vec::new(),
            blank: Blank::default(),
            merge: false,
            ragged: Ragged::default(),
            handles: false,
            rules: BTreeMap::new(),
            unmapped: Unmapped::default(),
            max_failures: None,
            delimiter: None,
            encoding: None,
            retry_of: None,
            composed: false,
        }
    }
}

#[cfg(test)]
mod tests;

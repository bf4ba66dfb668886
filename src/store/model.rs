//! What the store takes and gives: plain values, named as the rest of the house names them. No diesel type enters.

mod clients;
mod credentials;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use worker::batch::{Key, Stored};
use worker::import::{Counts, ImportId, ImportOptions, OrgId, Status};
use worker::mapping::{Column, Sensitive};
use worker::ports::Checkpoint;
use worker::resource::Resource;

pub use clients::{
    Alias, AliasChange, AliasRemoval, Change, Client, ClientChange, ClientFilter, ClientPage, ClientStats, ClientWrite,
    CredentialFilter,
};
pub use credentials::{
    CollectiveAccount, Credential, CredentialChange, CredentialPlace, CredentialRemoval, CredentialWrite,
    NewCredential, ReportType, SealedPassword, Unlinkable,
};

/// The caller of a synchronous dry run has read its file by then.
const REREAD_WITHIN: Duration = Duration::from_secs(3600);

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// What rows refer to.
    pub id: OrgId,
    /// What callers see.
    pub uuid: Uuid,
    /// Unique.
    pub name: String,
    /// Most users that an import by handle may lead to; nothing for no limit.
    pub person_quota: Option<u64>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// An API key to be kept.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// The public half of the key.
    pub id: String,
    /// Whose it is.
    pub org: OrgId,
    /// For people.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// HMAC of the secret half.
    pub secret_mac: Vec<u8>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// An API key as it is kept, with its organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The public half of the key.
    pub id: String,
    /// Whose it is.
    pub org: OrgId,
    /// The organization's name.
    pub organization_name: String,
    /// The organization's public id.
    pub organization_uuid: Uuid,
    /// For people.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// HMAC of the secret half.
    pub secret_mac: Vec<u8>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Neither revoked nor expired, by the database's clock at the time of the query.
    pub valid_now: bool,
}

/// An import whose upload is about to start.
#[derive(Clone, Debug)]
pub struct NewImport {
    /// Whose it is.
    pub org: OrgId,
    /// The API it came by.
    pub surface: String,
    /// How to run it.
    pub options: ImportOptions,
    /// The file's name at the caller's.
    pub file_name: Option<String>,
    /// Where its bytes will lie.
    pub blob: String,
    /// The caller's key for safe retries.
    pub idempotency_key: Option<String>,
    /// Its caller waits for the rows: it need not wait for other imports of its kind.
    pub synchronous: bool,
}

/// What became of `begin_import`.
#[derive(Clone, Debug)]
pub enum Begun {
    /// A `receiving` row stands under this id.
    Started(ImportId),
    /// The idempotency key belongs to this import, which may still be receiving.
    Taken(Box<Import>),
}

/// What the door learned of a file that is now durable.
#[derive(Clone, Debug)]
pub struct Received {
    /// The file's columns with what each fills.
    pub columns: Vec<Column>,
    /// Records, blank ones included.
    pub total: u64,
    /// The first record after the header.
    pub start: Checkpoint,
    /// The delimiter of the plain blob, an ASCII byte.
    pub delimiter: u8,
    /// Bytes as they were sent.
    pub bytes: u64,
    /// Of those bytes, in hex.
    pub sha256: String,
    /// The encoding that was found or given.
    pub encoding: String,
    /// Of options and body, for safe retries.
    pub fingerprint: String,
    /// How long the import is kept once it is final.
    pub retention: Duration,
}

/// An import as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// Its number.
    pub id: ImportId,
    /// Whose it is.
    pub org: OrgId,
    /// What its rows are.
    pub resource: Resource,
    /// The API it came by.
    pub surface: String,
    /// Where it stands.
    pub status: Status,
    /// How it is run.
    pub options: ImportOptions,
    /// The file's columns with what each fills.
    pub columns: Vec<Column>,
    /// Where the plain file lies.
    pub blob: Option<String>,
    /// The file's name at the caller's.
    pub file_name: Option<String>,
    /// Bytes as they were sent.
    pub bytes: u64,
    /// Of those bytes, in hex.
    pub sha256: String,
    /// The file's encoding.
    pub encoding: String,
    /// The plain blob's delimiter.
    pub delimiter: u8,
    /// Records, blank ones included.
    pub total: u64,
    /// What became of those that were read.
    pub counts: Counts,
    /// Where to go on.
    pub checkpoint: Checkpoint,
    /// Claims since the last committed batch.
    pub crash_count: i32,
    /// The caller's key for safe retries.
    pub idempotency_key: Option<String>,
    /// Of options and body; absent while receiving.
    pub fingerprint: Option<String>,
    /// Why the run could not be done.
    pub error: Option<ImportError>,
    /// Row errors by kind, most frequent kinds are for the reader to pick.
    pub tally: Vec<TopError>,
    /// When the upload began.
    pub created_at: DateTime<Utc>,
    /// When a worker first took it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it became final.
    pub finished_at: Option<DateTime<Utc>>,
    /// When it will be swept away; known once it is final.
    pub expires_at: Option<DateTime<Utc>>,
    /// The import whose failed rows it mends.
    pub retry_of: Option<ImportId>,
    /// Its caller waits, or waited, for its rows.
    pub synchronous: bool,
}

impl Import {
    /// How long after its end its file is to stay, if it is not kept as long as the record: a file with secrets in it, or one
    /// that came with a call that waited, goes at once. The caller of a synchronous dry run reads it again first.
    pub fn file_goes_after(&self) -> Option<Duration> {
        match (self.synchronous, self.options.dry_run) {
            (true, true) => Some(REREAD_WITHIN),
            (true, false) => Some(Duration::ZERO),
            (false, _) => Sensitive::new(&self.columns, self.resource)
                .any()
                .then_some(Duration::ZERO),
        }
    }
}

/// Why a run could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportError {
    /// Stable code, such as `poison`.
    pub code: String,
    /// What happened and what to do.
    pub detail: String,
}

/// One kind of row error: how often, and where first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopError {
    /// The row error's code.
    pub code: String,
    /// Our field, where the error belongs to one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub field: Option<String>,
    /// The file's header of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub column: Option<String>,
    /// What is wrong.
    pub message: String,
    /// How many rows have it.
    pub count: u64,
    /// The first three of them, as a spreadsheet numbers rows.
    pub rows: Vec<u64>,
}

/// Which imports to list.
#[derive(Clone, Debug, Default)]
pub struct ImportFilter {
    /// In this state.
    pub status: Option<Status>,
    /// Of this resource.
    pub resource: Option<Resource>,
    /// That came by this API.
    pub surface: Option<String>,
}

/// What became of `cancel_import`.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The import as it stands now.
    pub import: Import,
    /// False where it was final before.
    pub done: bool,
}

/// What became of `delete_import`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// Row and failed rows are gone; its blob is left to be removed.
    Gone {
        /// The blob's key.
        blob: Option<String>,
    },
    /// A worker has it; nothing was done.
    Running,
    /// There is none of this id.
    Absent,
}

/// A user as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Its number.
    pub id: i64,
    /// Its identity at the source.
    pub key: Key,
    /// Its values.
    pub stored: Stored,
    /// One more with each write.
    pub version: i64,
    /// The import that made it.
    pub created_by_import: Option<ImportId>,
    /// The import that last changed it.
    pub updated_by_import: Option<ImportId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// What is looked up of many users at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownUser {
    /// Its number.
    pub id: i64,
    /// Its identity at the source.
    pub key: Key,
    /// Whose child it is, as it is stored.
    pub parent: Option<String>,
    /// The import that made it.
    pub created_by_import: Option<ImportId>,
}

/// Which users to list.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// From this system.
    pub source: Option<String>,
    /// With exactly this address.
    pub email: Option<String>,
    /// With exactly this name.
    pub username: Option<String>,
    /// With this in e-mail, username or a name, any case.
    pub q: Option<String>,
}

/// What became of `update_user`.
#[derive(Clone, Debug, PartialEq)]
pub enum UserWrite {
    /// It now stands so.
    Written(Box<User>),
    /// Its version is not the expected one.
    Stale,
    /// There is none of this id.
    Absent,
    /// Another user has the new key.
    KeyTaken,
}

/// What became of `delete_user`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserRemoval {
    /// It is gone.
    Removed,
    /// Its version is not the expected one.
    Stale,
    /// There was none of this id.
    Absent,
}

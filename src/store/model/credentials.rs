//! Credentials and the catalogue of report types, as the store takes and gives them. A password is sealed in here, always.

use std::fmt;

use super::Change;

/// A password as it lies in the table.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedPassword {
    /// Names its row to the seal.
    pub seal_id: String,
    /// What only the vault can open.
    pub sealed: String,
}

impl fmt::Debug for SealedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedPassword(..)")
    }
}

/// A login of a client at an organization that it reports to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Its number.
    pub id: i64,
    /// Whose it is.
    pub client_id: i64,
    /// Two capital letters.
    pub country: String,
    /// The organization that takes the reports.
    pub pro: String,
    /// What is reported.
    pub report_type: String,
    /// Of the collective account, where it is linked to one.
    pub login: Option<String>,
    /// Of the collective account, where it is linked to one.
    pub password: Option<SealedPassword>,
    /// Names its own row to the seal.
    pub seal_id: String,
    /// Under which the client is known there.
    pub registration_number: Option<String>,
    /// For people.
    pub notes: Option<String>,
    /// How often is reported.
    pub interval: Option<String>,
    /// For people.
    pub extra_info: Option<String>,
    /// The credential whose login and password it shows.
    pub collective_account_id: Option<i64>,
    /// `active`, or what an import said.
    pub status: String,
}

/// A credential to be made.
#[derive(Clone, Debug)]
pub struct NewCredential {
    /// Two capital letters.
    pub country: String,
    /// The organization that takes the reports.
    pub pro: String,
    /// What is reported.
    pub report_type: String,
    /// Its own.
    pub login: Option<String>,
    /// Names its row to the seal.
    pub seal_id: String,
    /// Its own, sealed under `seal_id`.
    pub sealed: Option<String>,
    /// Under which the client is known there.
    pub registration_number: Option<String>,
    /// For people.
    pub notes: Option<String>,
    /// How often is reported.
    pub interval: Option<String>,
    /// For people.
    pub extra_info: Option<String>,
    /// The credential whose login and password it shows.
    pub collective_account_id: Option<i64>,
}

/// What is to change of a credential.
#[derive(Clone, Debug, Default)]
pub struct CredentialChange {
    /// The organization that takes the reports.
    pub pro: Option<String>,
    /// What is reported.
    pub report_type: Option<String>,
    /// Its own.
    pub login: Change<String>,
    /// Its own, sealed under its `seal_id`.
    pub sealed: Change<String>,
    /// Under which the client is known there.
    pub registration_number: Change<String>,
    /// For people.
    pub notes: Change<String>,
    /// How often is reported.
    pub interval: Change<String>,
    /// For people.
    pub extra_info: Change<String>,
    /// The credential whose login and password it shows.
    pub collective_account_id: Change<i64>,
}

/// Which of a client's credentials is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialPlace {
    /// Whose it is.
    pub client_id: i64,
    /// Two capital letters.
    pub country: String,
    /// Its number.
    pub id: i64,
}

/// What became of `insert_credentials` and `update_credential`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialWrite {
    /// They now stand so, in the order they were given.
    Written(Vec<Credential>),
    /// There is no such client.
    ClientAbsent,
    /// The client has no such credential.
    Absent,
    /// The client has another one for this country, organization and report type.
    Taken,
    /// It cannot be linked to that credential.
    Unlinkable(Unlinkable),
}

/// Why a credential cannot be linked to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlinkable {
    /// It is no credential of a collective account of the organization.
    NoCollectiveAccount,
    /// It is linked to another one itself: links are one step long.
    Linked,
    /// Others link to the one that is to be linked.
    LinkedTo,
}

/// What became of `delete_credential`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialRemoval {
    /// It is gone.
    Removed,
    /// There is no such client.
    ClientAbsent,
    /// The client has no such credential.
    Absent,
}

/// A credential that others may link to, without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectiveAccount {
    /// The credential's number.
    pub id: i64,
    /// Whose it is.
    pub client_id: i64,
    /// Two capital letters.
    pub country: String,
    /// What is reported.
    pub report_type: String,
    /// The organization that takes the reports.
    pub pro: String,
    /// Its login.
    pub login: Option<String>,
    /// The client's name.
    pub client_name: String,
}

/// An entry of an organization's catalogue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReportType {
    /// Two capital letters.
    pub country: String,
    /// The organization that takes the reports.
    pub pro: String,
    /// What is reported.
    pub report_type: String,
}

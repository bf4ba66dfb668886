//! Credentials on the wire: three answers of different length. The types that hold a password cannot be printed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::members::Members;
use crate::http::problem::Problem;
use crate::records::HIDDEN;
use crate::records::Password;
use crate::records::credentials::{CredentialDraft, Listed, OpenCredential};
use crate::store::model::Change;

/// A credential with its password in clear.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = ForsureCredential)]
pub struct CredentialView {
    /// Its number.
    pub id: i64,
    /// Two capital letters.
    pub country: String,
    /// What is reported.
    pub report_type: String,
    /// The organization that takes the reports.
    pub pro: String,
    /// Of the collective account, where it is linked to one.
    pub login: Option<String>,
    /// In clear. Of the collective account, where it is linked to one.
    pub password: Option<String>,
    /// Under which the client is known there.
    pub registration_number: Option<String>,
    /// For people.
    pub notes: Option<String>,
    /// How often is reported.
    pub interval: Option<String>,
    /// For people.
    pub extra_info: Option<String>,
}

/// A credential that was just made.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = ForsureNewCredential)]
pub struct NewCredentialView {
    /// As it will be shown.
    #[serde(flatten)]
    pub credential: CredentialView,
    /// Whether it is linked to a collective account.
    pub collective_account: bool,
    /// To which.
    pub collective_account_id: Option<i64>,
}

/// A credential in a list that shows no passwords, or the place of one that is missing.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ForsureListedCredential)]
pub struct ListedView {
    /// Its number; null where it is missing.
    pub id: Option<i64>,
    /// Two capital letters.
    pub country: String,
    /// What is reported.
    pub report_type: String,
    /// The organization that takes the reports.
    pub pro: String,
    /// Of the collective account, where it is linked to one.
    pub login: Option<String>,
    /// `***` where there is one.
    pub password: Option<&'static str>,
    /// Under which the client is known there.
    pub registration_number: Option<String>,
    /// `active`, `missing`, or what an import said.
    pub status: String,
    /// For people.
    pub notes: Option<String>,
}

/// A credential to be made or changed. Null clears; what is missing stays.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[schema(as = ForsureCredentialInput)]
pub struct CredentialInput {
    /// One credential is made for each; a change names one at most.
    pub report_types: Option<Vec<String>>,
    /// The organization that takes the reports; needed to make one.
    pub pro: Option<String>,
    /// Needed to make one that is not linked. A linked one keeps it, but shows its collective account's.
    pub login: Option<String>,
    /// Needed to make one that is not linked. A linked one keeps it, but shows its collective account's.
    pub password: Option<String>,
    /// Under which the client is known there.
    pub registration_number: Option<String>,
    /// Whether it is linked to a collective account; false ends that.
    pub collective_account: Option<bool>,
    /// To which.
    pub collective_account_id: Option<i64>,
    /// For people.
    pub notes: Option<String>,
    /// How often is reported.
    pub interval: Option<String>,
    /// For people.
    pub extra_info: Option<String>,
}

const MEMBERS: &[&str] = &[
    "report_types",
    "pro",
    "login",
    "password",
    "registration_number",
    "collective_account",
    "collective_account_id",
    "notes",
    "interval",
    "extra_info",
];

/// Reads a body.
pub(super) fn draft(object: &Map<String, Value>) -> Result<CredentialDraft, Problem> {
    let mut members = Members::of(object, MEMBERS);
    let draft = CredentialDraft {
        report_types: members.texts("report_types"),
        pro: members.text("pro"),
        login: members.text("login"),
        password: match members.text("password") {
            Change::Keep => Change::Keep,
            Change::Clear => Change::Clear,
            Change::Set(text) => Change::Set(Password::new(text)),
        },
        registration_number: members.text("registration_number"),
        notes: members.text("notes"),
        interval: members.text("interval"),
        extra_info: members.text("extra_info"),
        collective_account: members.flag("collective_account"),
        collective_account_id: members.id("collective_account_id"),
    };
    members.finish(draft)
}

/// Shows a credential with its password.
pub(super) fn open(open: OpenCredential) -> CredentialView {
    let credential = open.credential;
    CredentialView {
        id: credential.id,
        country: credential.country,
        report_type: credential.report_type,
        pro: credential.pro,
        login: credential.login,
        password: open.password.map(|password| password.reveal().to_owned()),
        registration_number: credential.registration_number,
        notes: credential.notes,
        interval: credential.interval,
        extra_info: credential.extra_info,
    }
}

/// Shows a credential that was just made.
pub(super) fn new(made: OpenCredential) -> NewCredentialView {
    let collective_account_id = made.credential.collective_account_id;
    NewCredentialView {
        credential: open(made),
        collective_account: collective_account_id.is_some(),
        collective_account_id,
    }
}

/// Shows a credential without its password, or what is missing.
pub(super) fn listed(listed: Listed) -> ListedView {
    match listed {
        Listed::Held(held) => ListedView {
            id: Some(held.id),
            country: held.country,
            report_type: held.report_type,
            pro: held.pro,
            login: held.login,
            password: held.password.map(|_| HIDDEN),
            registration_number: held.registration_number,
            status: held.status,
            notes: held.notes,
        },
        Listed::Missing(place) => ListedView {
            id: None,
            country: place.country,
            report_type: place.report_type,
            pro: place.pro,
            login: None,
            password: None,
            registration_number: None,
            status: "missing".to_owned(),
            notes: None,
        },
    }
}

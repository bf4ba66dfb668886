//! A row of `credentials` as it lies in the table, and what is shown in place of its login and password where it is linked.

use diesel::prelude::*;

use super::client_row::text;
use super::model::{Change, Credential, CredentialChange, NewCredential, SealedPassword};
use super::schema::credentials;

/// A credential.
#[derive(Queryable, Selectable)]
#[diesel(table_name = credentials)]
pub(super) struct CredentialRow {
    pub(super) id: i64,
    client_id: i64,
    country: String,
    pro: String,
    report_type: String,
    login: Option<String>,
    password: Option<String>,
    seal_id: String,
    registration_number: Option<String>,
    notes: Option<String>,
    interval: Option<String>,
    extra_info: Option<String>,
    collective_account_id: Option<i64>,
    status: String,
}

/// Login, password and seal of the credential that another is linked to.
pub(super) type AccountRow = (Option<String>, Option<String>, String);

impl CredentialRow {
    /// As it is shown: with the login and password of the account that it is linked to.
    pub(super) fn shown(self, account: Option<AccountRow>) -> Credential {
        let own = (self.login, self.password, self.seal_id.clone());
        let (login, sealed, seal_id) = account.unwrap_or(own);
        Credential {
            id: self.id,
            client_id: self.client_id,
            country: self.country,
            pro: self.pro,
            report_type: self.report_type,
            login,
            password: sealed.map(|sealed| SealedPassword { seal_id, sealed }),
            seal_id: self.seal_id,
            registration_number: self.registration_number,
            notes: self.notes,
            interval: self.interval,
            extra_info: self.extra_info,
            collective_account_id: self.collective_account_id,
            status: self.status,
        }
    }
}

/// A row to be made.
#[derive(Insertable)]
#[diesel(table_name = credentials)]
pub(super) struct NewCredentialRow<'a> {
    country: &'a str,
    pro: &'a str,
    report_type: &'a str,
    login: Option<&'a str>,
    password: Option<&'a str>,
    seal_id: &'a str,
    registration_number: Option<&'a str>,
    notes: Option<&'a str>,
    interval: Option<&'a str>,
    extra_info: Option<&'a str>,
    collective_account_id: Option<i64>,
}

impl<'a> NewCredentialRow<'a> {
    pub(super) fn new(new: &'a NewCredential) -> Self {
        Self {
            country: &new.country,
            pro: &new.pro,
            report_type: &new.report_type,
            login: new.login.as_deref(),
            password: new.sealed.as_deref(),
            seal_id: &new.seal_id,
            registration_number: new.registration_number.as_deref(),
            notes: new.notes.as_deref(),
            interval: new.interval.as_deref(),
            extra_info: new.extra_info.as_deref(),
            collective_account_id: new.collective_account_id,
        }
    }
}

/// The values to write; those not named stay.
#[derive(AsChangeset)]
#[diesel(table_name = credentials)]
pub(super) struct CredentialValues<'a> {
    pro: Option<&'a str>,
    report_type: Option<&'a str>,
    login: Option<Option<&'a str>>,
    password: Option<Option<&'a str>>,
    registration_number: Option<Option<&'a str>>,
    notes: Option<Option<&'a str>>,
    interval: Option<Option<&'a str>>,
    extra_info: Option<Option<&'a str>>,
    collective_account_id: Option<Option<i64>>,
}

impl<'a> CredentialValues<'a> {
    pub(super) fn new(change: &'a CredentialChange) -> Self {
        Self {
            pro: change.pro.as_deref(),
            report_type: change.report_type.as_deref(),
            login: text(&change.login),
            password: text(&change.sealed),
            registration_number: text(&change.registration_number),
            notes: text(&change.notes),
            interval: text(&change.interval),
            extra_info: text(&change.extra_info),
            collective_account_id: match change.collective_account_id {
                Change::Keep => None,
                Change::Clear => Some(None),
                Change::Set(id) => Some(Some(id)),
            },
        }
    }
}

//! A row of `clients` as it lies in the table: yes and no are words there, as imports write them.

use diesel::prelude::*;

use super::model::{Alias, Change, Client, ClientChange};
use super::schema::clients;

/// Of a client whose status nobody has said.
pub(super) const DEFAULT_STATUS: &str = "active";
/// As imports write it.
pub(super) const YES: &str = "true";
const NO: &str = "false";

/// A client without its aliases.
#[derive(Queryable, Selectable)]
#[diesel(table_name = clients)]
pub(super) struct ClientRow {
    pub(super) id: i64,
    name: String,
    status: Option<String>,
    shared: Option<String>,
    notes: Option<String>,
    client_organization: Option<String>,
    collective_account: Option<String>,
    version: i64,
}

impl ClientRow {
    /// With its aliases, in any order.
    pub(super) fn with(self, mut aliases: Vec<Alias>) -> Client {
        aliases.sort();
        Client {
            id: self.id,
            name: self.name,
            status: self.status.unwrap_or_else(|| DEFAULT_STATUS.to_owned()),
            shared: self.shared.as_deref() == Some(YES),
            notes: self.notes,
            client_organization: self.client_organization,
            collective_account: self.collective_account.as_deref() == Some(YES),
            aliases,
            version: self.version,
        }
    }
}

/// A row of `client_aliases`.
#[derive(Queryable)]
pub(super) struct AliasRow {
    pub(super) client_id: i64,
    pub(super) country: String,
    pub(super) alias: String,
}

/// The values to write: those not named stay, or are null in a new row.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = clients)]
pub(super) struct ClientValues<'a> {
    name: Option<&'a str>,
    status: Option<Option<&'a str>>,
    shared: Option<Option<&'a str>>,
    notes: Option<Option<&'a str>>,
    client_organization: Option<Option<&'a str>>,
    collective_account: Option<Option<&'a str>>,
}

impl<'a> ClientValues<'a> {
    pub(super) fn new(change: &'a ClientChange) -> Self {
        Self {
            name: change.name.as_deref(),
            status: text(&change.status),
            shared: flag(&change.shared),
            notes: text(&change.notes),
            client_organization: text(&change.client_organization),
            collective_account: flag(&change.collective_account),
        }
    }
}

/// As diesel has it: the outer `None` leaves a column alone, the inner one is null.
pub(super) fn text(change: &Change<String>) -> Option<Option<&str>> {
    match change {
        Change::Keep => None,
        Change::Clear => Some(None),
        Change::Set(text) => Some(Some(text)),
    }
}

fn flag(change: &Change<bool>) -> Option<Option<&'static str>> {
    match change {
        Change::Keep => None,
        Change::Clear => Some(None),
        Change::Set(true) => Some(Some(YES)),
        Change::Set(false) => Some(Some(NO)),
    }
}

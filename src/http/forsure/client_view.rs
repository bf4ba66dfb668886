//! Clients on the wire: requests say `client_name`, answers `name`, and some answers are shorter than others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::members::Members;
use crate::http::problem::Problem;
use crate::records::clients::{ALIAS_SEPARATOR, ClientDraft};
use crate::store::model::{Alias, Client};

/// A client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ForsureClient)]
pub struct ClientView {
    /// Its number.
    pub id: i64,
    /// Unique in the organization.
    pub name: String,
    /// A word of the caller's; `active` where none was given.
    pub status: String,
    /// Whether it is shared across organizations.
    pub shared: bool,
    /// Its other names by country; those that hold everywhere stand under the empty country, with `; ` between them.
    pub aliases: BTreeMap<String, String>,
    /// For people.
    pub notes: Option<String>,
    /// The company it belongs to.
    pub client_organization: Option<String>,
    /// Whether its credentials are there for others to link to.
    pub collective_account: bool,
}

/// A client as the answer to a new alias shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ForsureAliasedClient)]
pub struct AliasedView {
    /// Its number.
    pub id: i64,
    /// Unique in the organization.
    pub name: String,
    /// A word of the caller's.
    pub status: String,
    /// Its other names by country.
    pub aliases: BTreeMap<String, String>,
    /// For people.
    pub notes: Option<String>,
}

/// A client as the answer to a new local name shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ForsureNamedClient)]
pub struct NamedView {
    /// Its number.
    pub id: i64,
    /// Unique in the organization.
    pub name: String,
    /// Its other names by country.
    pub aliases: BTreeMap<String, String>,
    /// For people.
    pub notes: Option<String>,
}

/// A page of clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ForsureClients)]
pub struct ClientsView {
    /// By number.
    pub clients: Vec<ClientView>,
    /// How many the filters let through.
    pub total: i64,
    /// As asked for.
    pub offset: i64,
    /// As asked for.
    pub limit: i64,
}

/// A client to be made or changed. Null clears; what is missing stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[schema(as = ForsureClientInput)]
pub struct ClientInput {
    /// Its name, unique in the organization; needed to make one.
    pub client_name: Option<String>,
    /// A word of the caller's.
    pub status: Option<String>,
    /// Whether it is shared across organizations.
    pub shared: Option<bool>,
    /// Its other names by country (two letters), merged into those it has; null or an empty text removes one.
    pub aliases: Option<BTreeMap<String, Option<String>>>,
    /// For people.
    pub notes: Option<String>,
    /// The company it belongs to.
    pub client_organization: Option<String>,
    /// Whether its credentials are there for others to link to.
    pub collective_account: Option<bool>,
}

const MEMBERS: &[&str] = &[
    "client_name",
    "status",
    "shared",
    "aliases",
    "notes",
    "client_organization",
    "collective_account",
];

/// Reads a body.
pub(super) fn draft(object: &Map<String, Value>) -> Result<ClientDraft, Problem> {
    let mut members = Members::of(object, MEMBERS);
    let draft = ClientDraft {
        name: members.text("client_name"),
        status: members.text("status"),
        shared: members.flag("shared"),
        notes: members.text("notes"),
        client_organization: members.text("client_organization"),
        collective_account: members.flag("collective_account"),
        // There is nothing to merge in null.
        aliases: members.dictionary("aliases").set().unwrap_or_default(),
    };
    members.finish(draft)
}

/// Shows a client.
pub(super) fn client(client: Client) -> ClientView {
    ClientView {
        id: client.id,
        name: client.name,
        status: client.status,
        shared: client.shared,
        aliases: aliases(client.aliases),
        notes: client.notes,
        client_organization: client.client_organization,
        collective_account: client.collective_account,
    }
}

/// Shows a client that has a new alias.
pub(super) fn aliased(client: Client) -> AliasedView {
    AliasedView {
        id: client.id,
        name: client.name,
        status: client.status,
        aliases: aliases(client.aliases),
        notes: client.notes,
    }
}

/// Shows a client that has a new local name.
pub(super) fn named(client: Client) -> NamedView {
    NamedView {
        id: client.id,
        name: client.name,
        aliases: aliases(client.aliases),
        notes: client.notes,
    }
}

fn aliases(aliases: Vec<Alias>) -> BTreeMap<String, String> {
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    for alias in aliases {
        let text = shown.entry(alias.country).or_default();
        if !text.is_empty() {
            text.push_str(ALIAS_SEPARATOR);
        }
        text.push_str(&alias.text);
    }
    shown
}

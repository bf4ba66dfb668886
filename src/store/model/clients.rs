//! Clients and their aliases, as the store takes and gives them.

/// What a change does to one value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays.
    #[default]
    Keep,
    /// It goes.
    Clear,
    /// It becomes this.
    Set(T),
}

impl<T> Change<T> {
    /// The value that it sets, if it sets one.
    pub fn set(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// As a change of another kind of value.
    pub fn try_map<U, E>(self, map: impl FnOnce(T) -> Result<U, E>) -> Result<Change<U>, E> {
        Ok(match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(map(value)?),
        })
    }
}

/// A client as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its number.
    pub id: i64,
    /// Unique in its organization.
    pub name: String,
    /// A word of the caller's, `active` where none was given.
    pub status: String,
    /// Whether other organizations work for it too.
    pub shared: bool,
    /// For people.
    pub notes: Option<String>,
    /// The company it belongs to.
    pub client_organization: Option<String>,
    /// Its credentials are there for others to link to.
    pub collective_account: bool,
    /// By country, then by text.
    pub aliases: Vec<Alias>,
    /// One more with each write, also of its aliases and credentials.
    pub version: i64,
}

/// Another name of a client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alias {
    /// Two capital letters: its only alias there. Empty: one of those it has everywhere.
    pub country: String,
    /// The name.
    pub text: String,
}

/// What is to change of a client; also what a new one is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientChange {
    /// Its name.
    pub name: Option<String>,
    /// Cleared, it is `active`.
    pub status: Change<String>,
    /// Cleared, it is not shared.
    pub shared: Change<bool>,
    /// For people.
    pub notes: Change<String>,
    /// The company it belongs to.
    pub client_organization: Change<String>,
    /// Cleared, it is none.
    pub collective_account: Change<bool>,
    /// In this order.
    pub aliases: Vec<AliasChange>,
}

/// One step of a change of aliases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AliasChange {
    /// The alias of a country is now this, or none.
    Country {
        /// Two capital letters.
        country: String,
        /// Replaces what was there.
        alias: Option<String>,
    },
    /// One more alias everywhere.
    Add(String),
    /// The aliases everywhere are now these.
    Everywhere(Vec<String>),
}

/// Which clients to list; an empty list excludes nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientFilter {
    /// With this in a name, any case.
    pub search: Option<String>,
    /// Only the client's own name is searched, not its aliases and organization.
    pub name_only: bool,
    /// In one of these states.
    pub statuses: Vec<String>,
    /// Whether others link to their credentials.
    pub collective_account: Option<bool>,
    /// With such a credential.
    pub credential: CredentialFilter,
}

/// Which credentials are meant: those that fit each list; an empty list excludes none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialFilter {
    /// Two capital letters each.
    pub countries: Vec<String>,
    /// Exactly these.
    pub report_types: Vec<String>,
    /// Exactly these.
    pub pros: Vec<String>,
}

impl CredentialFilter {
    /// Nothing is excluded.
    pub fn is_empty(&self) -> bool {
        self.countries.is_empty() && self.report_types.is_empty() && self.pros.is_empty()
    }
}

/// A part of a list of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientPage {
    /// By number.
    pub clients: Vec<Client>,
    /// How many the whole list has.
    pub total: i64,
}

/// What became of `update_client`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientWrite {
    /// It now stands so.
    Written(Box<Client>),
    /// There is none of this number.
    Absent,
    /// Another client has the name.
    NameTaken,
}

/// What became of `remove_alias`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AliasRemoval {
    /// It is gone.
    Removed,
    /// There is no such client.
    ClientAbsent,
    /// The client has no such alias.
    AliasAbsent,
}

/// An organization's clients in numbers: `(value, how many)`, in no order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientStats {
    /// Clients by status.
    pub by_status: Vec<(String, i64)>,
    /// Credentials by country.
    pub by_country: Vec<(String, i64)>,
    /// Credentials by report type.
    pub by_report_type: Vec<(String, i64)>,
}

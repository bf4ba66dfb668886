//! Use cases on clients, one by one, and on their other names.

use worker::import::OrgId;
use worker::row_error::RowCode;

use super::draft::Fault;
use super::rules::{broken, changed, country, line, lines, named, required, required_line};
use crate::app::App;
use crate::store::StoreError;
use crate::store::model::{
    Alias, AliasChange, AliasRemoval, Change, Client, ClientChange, ClientFilter, ClientPage, ClientStats, ClientWrite,
};

/// Parts the aliases that hold everywhere where they are one text.
pub const ALIAS_SEPARATOR: &str = "; ";

/// Why a call on a client could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is none.
    #[error("there is no such client")]
    Absent,
    /// The client is not known by this alias.
    #[error("the client has no such alias")]
    AliasAbsent,
    /// Another client has the name.
    #[error("another client has this name")]
    NameTaken,
    /// A value breaks its rule.
    #[error("the client breaks the rules of its fields")]
    Invalid(Fault),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Fault> for ClientError {
    fn from(fault: Fault) -> Self {
        Self::Invalid(fault)
    }
}

/// What a caller says of a client, unchecked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientDraft {
    /// Unique in the organization.
    pub name: Change<String>,
    /// A word of the caller's.
    pub status: Change<String>,
    /// Whether other organizations work for it too.
    pub shared: Change<bool>,
    /// For people.
    pub notes: Change<String>,
    /// The company it belongs to.
    pub client_organization: Change<String>,
    /// Its credentials are there for others to link to.
    pub collective_account: Change<bool>,
    /// By country; no country: those that hold everywhere, as one text. `None` or blank removes.
    pub aliases: Vec<(String, Option<String>)>,
}

impl ClientDraft {
    fn checked(self) -> Result<ClientChange, Fault> {
        let name = named("name", self.name)?;
        let aliases = self.aliases.into_iter();
        Ok(ClientChange {
            name: name.map(|name| required_line("name", &name)).transpose()?,
            status: changed(self.status, |text| line("status", text))?,
            shared: self.shared,
            notes: changed(self.notes, |text| lines("notes", text))?,
            client_organization: changed(self.client_organization, |text| line("client_organization", text))?,
            collective_account: self.collective_account,
            aliases: aliases
                .map(|(country, alias)| alias_change(&country, alias.as_deref().unwrap_or_default()))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// Clients by number, and how many there are.
pub async fn list(
    app: &App,
    org: OrgId,
    filter: ClientFilter,
    offset: i64,
    limit: i64,
) -> Result<ClientPage, StoreError> {
    app.store.clients(org, filter, offset, limit).await
}

/// A client by number.
pub async fn get(app: &App, org: OrgId, id: i64) -> Result<Client, ClientError> {
    app.store.client(org, id).await?.ok_or(ClientError::Absent)
}

/// Makes a client.
pub async fn create(app: &App, org: OrgId, draft: ClientDraft) -> Result<Client, ClientError> {
    let new = draft.checked()?;
    if new.name.is_none() {
        return Err(required("name").into());
    }
    let made = app.store.insert_client(org, new).await?;
    made.ok_or(ClientError::NameTaken)
}

/// Changes what the draft names.
pub async fn update(app: &App, org: OrgId, id: i64, draft: ClientDraft) -> Result<Client, ClientError> {
    write(app, org, id, draft.checked()?).await
}

/// Removes a client with its credentials.
pub async fn remove(app: &App, org: OrgId, id: i64) -> Result<(), ClientError> {
    if app.store.delete_client(org, id).await? {
        return Ok(());
    }
    Err(ClientError::Absent)
}

/// Makes a client known by another name; `DE:ABC GmbH` replaces the one it has in that country.
pub async fn add_alias(app: &App, org: OrgId, id: i64, text: &str) -> Result<Client, ClientError> {
    let Alias { country, text } = alias(text)?;
    let step = if country.is_empty() {
        AliasChange::Add(text)
    } else {
        AliasChange::Country {
            country,
            alias: Some(text),
        }
    };
    change_aliases(app, org, id, step).await
}

/// Removes another name of a client, given as it was added.
pub async fn remove_alias(app: &App, org: OrgId, id: i64, text: &str) -> Result<(), ClientError> {
    match app.store.remove_alias(org, id, alias(text)?).await? {
        AliasRemoval::Removed => Ok(()),
        AliasRemoval::ClientAbsent => Err(ClientError::Absent),
        AliasRemoval::AliasAbsent => Err(ClientError::AliasAbsent),
    }
}

/// Makes a client known by this name in a country.
pub async fn set_local_name(
    app: &App,
    org: OrgId,
    id: i64,
    country: String,
    name: &str,
) -> Result<Client, ClientError> {
    let alias = Some(required_line("local_company_name", name)?);
    change_aliases(app, org, id, AliasChange::Country { country, alias }).await
}

/// The name of a client in a country, if it has one of its own there.
pub async fn local_name(app: &App, org: OrgId, id: i64, country: &str) -> Result<Option<String>, ClientError> {
    let client = get(app, org, id).await?;
    let mut aliases = client.aliases.into_iter();
    Ok(aliases.find(|alias| alias.country == country).map(|alias| alias.text))
}

/// The organization's clients in numbers.
pub async fn stats(app: &App, org: OrgId) -> Result<ClientStats, StoreError> {
    app.store.client_stats(org).await
}

async fn change_aliases(app: &App, org: OrgId, id: i64, step: AliasChange) -> Result<Client, ClientError> {
    let change = ClientChange {
        aliases: vec![step],
        ..ClientChange::default()
    };
    write(app, org, id, change).await
}

async fn write(app: &App, org: OrgId, id: i64, change: ClientChange) -> Result<Client, ClientError> {
    match app.store.update_client(org, id, change).await? {
        ClientWrite::Written(client) => Ok(*client),
        ClientWrite::Absent => Err(ClientError::Absent),
        ClientWrite::NameTaken => Err(ClientError::NameTaken),
    }
}

/// `DE:ABC GmbH` is an alias in a country, a text without two letters and a colon before it one everywhere.
fn alias(text: &str) -> Result<Alias, Fault> {
    let of_country = text
        .split_once(':')
        .and_then(|(before, after)| Some((country("alias", before).ok()?, after)));
    match of_country {
        Some((country, after)) => Ok(Alias {
            country,
            text: required_line("alias", after)?,
        }),
        None => Ok(Alias {
            country: String::new(),
            text: everywhere("alias", text)?.ok_or_else(|| required("alias"))?,
        }),
    }
}

/// A semicolon would make one alias two where several are shown as one text.
fn everywhere(name: &str, text: &str) -> Result<Option<String>, Fault> {
    let text = line(name, text)?;
    if text.as_ref().is_some_and(|text| text.contains(';')) {
        let message = "holds a semicolon, which parts aliases; expected one alias";
        return Err(broken(name, RowCode::InvalidChoice, message));
    }
    Ok(text)
}

fn alias_change(key: &str, text: &str) -> Result<AliasChange, Fault> {
    if key.is_empty() {
        let parts = text.split(ALIAS_SEPARATOR.trim());
        let aliases = parts.filter_map(|part| everywhere("aliases", part).transpose());
        return Ok(AliasChange::Everywhere(aliases.collect::<Result<_, _>>()?));
    }
    Ok(AliasChange::Country {
        country: country("aliases", key)?,
        alias: line("aliases", text)?,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_alias_is_a_countrys_or_holds_everywhere() {
        let read = |text: &str| alias(text).map(|alias| (alias.country, alias.text)).ok();
        let pair = |country: &str, text: &str| Some((country.to_owned(), text.to_owned()));
        assert_eq!(read("DE:ABC GmbH"), pair("DE", "ABC GmbH"));
        assert_eq!(read("de: ABC: Süd; Nord "), pair("DE", "ABC: Süd; Nord"));
        assert_eq!(read("ABC Corp"), pair("", "ABC Corp"));
        assert_eq!(read("ABC: the company"), pair("", "ABC: the company"));
        assert_eq!(read("A1:x"), pair("", "A1:x"));
        for broken in ["", "  ", "DE:", "DE: ", "A; B", "a\nb"] {
            assert_eq!(read(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn aliases_of_a_draft_replace_and_remove() {
        assert_eq!(
            alias_change("", "A;B; ;C").unwrap(),
            AliasChange::Everywhere(vec!["A".to_owned(), "B".to_owned(), "C".to_owned()])
        );
        assert_eq!(alias_change("", "").unwrap(), AliasChange::Everywhere(Vec::new()));
        let country = |alias: Option<&str>| AliasChange::Country {
            country: "UK".to_owned(),
            alias: alias.map(str::to_owned),
        };
        assert_eq!(alias_change("uk", "ABC Corp").unwrap(), country(Some("ABC Corp")));
        assert_eq!(alias_change("UK", " ").unwrap(), country(None));
        assert!(alias_change("United Kingdom", "x").is_err());
    }

    #[test]
    fn a_name_cannot_be_nothing() {
        for name in [Change::Clear, Change::Set(" ".to_owned())] {
            let draft = ClientDraft {
                name,
                ..ClientDraft::default()
            };
            assert_eq!(draft.checked().unwrap_err(), required("name"));
        }
        let draft = ClientDraft {
            notes: Change::Set(String::new()),
            ..ClientDraft::default()
        };
        let change = draft.checked().unwrap();
        assert_eq!((change.name, change.notes), (None, Change::Clear));
    }
}

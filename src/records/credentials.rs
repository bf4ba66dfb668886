//! Use cases on the credentials of clients. A password is sealed before it goes to the store and opened only for the answers that
//! show it; everything in between carries it as `Password`, which no log can show.

use std::collections::BTreeSet;

use uuid::Uuid;
use worker::import::OrgId;
use worker::row_error::RowCode;

use super::credential_draft::Link;
use super::draft::Fault;
use super::password::Password;
use super::rules::{broken, required};
use crate::app::App;
use crate::store::StoreError;
use crate::store::model::{
    Change, CollectiveAccount, Credential, CredentialChange, CredentialFilter, CredentialPlace, CredentialRemoval,
    CredentialWrite, NewCredential, ReportType, Unlinkable,
};
use crate::vault::{Place, VaultError};

pub use super::credential_draft::CredentialDraft;

/// Binds a sealed password to its column.
const COLUMN: &str = "credentials.password";

/// Why a call on a credential could not be done.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// There is no such client.
    #[error("there is no such client")]
    ClientAbsent,
    /// The client has none of this number in this country.
    #[error("the client has no such credential")]
    Absent,
    /// The client has one for this country, organization and report type.
    #[error("the client has another credential for this country, organization and report type")]
    Taken,
    /// It cannot be linked to that one.
    #[error("the collective account cannot be linked to")]
    Unlinkable(Unlinkable),
    /// A value breaks its rule.
    #[error("the credential breaks the rules of its fields")]
    Invalid(Fault),
    /// The database did not answer, or a password does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<VaultError> for CredentialError {
    fn from(error: VaultError) -> Self {
        Self::Store(error.into())
    }
}

impl From<Fault> for CredentialError {
    fn from(fault: Fault) -> Self {
        Self::Invalid(fault)
    }
}

/// A credential with its password in clear.
#[derive(Clone, Debug)]
pub struct OpenCredential {
    /// What the store has.
    pub credential: Credential,
    /// In clear.
    pub password: Option<Password>,
}

/// A credential in a list that shows no password, or the place of one that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// It is there.
    Held(Box<Credential>),
    /// The catalogue has it, the client has not.
    Missing(ReportType),
}

/// A client's credentials of a country, with their passwords in clear.
pub async fn of_country(
    app: &App,
    org: OrgId,
    client: i64,
    country: String,
) -> Result<Vec<OpenCredential>, CredentialError> {
    let found = app.store.credentials(org, client, Some(country)).await?;
    open_all(app, org, found.ok_or(CredentialError::ClientAbsent)?).await
}

/// A client's credentials by number, and then, if asked for, the places of those that the catalogue has and the client has not.
/// `search` is looked for in country, report type and organization, any case.
pub async fn search(
    app: &App,
    org: OrgId,
    client: i64,
    search: Option<&str>,
    show_missing: bool,
) -> Result<Vec<Listed>, CredentialError> {
    let held = app.store.credentials(org, client, None).await?;
    let held = held.ok_or(CredentialError::ClientAbsent)?;
    let mut missing: BTreeSet<ReportType> = BTreeSet::new();
    if show_missing {
        let places: BTreeSet<ReportType> = held.iter().map(place).collect();
        missing.extend(app.store.report_types(org).await?);
        missing.retain(|entry| !places.contains(entry));
    }
    let wanted = search.unwrap_or_default().to_lowercase();
    let is_wanted = |entry: &ReportType| {
        let texts = [&entry.country, &entry.report_type, &entry.pro];
        texts.iter().any(|text| text.to_lowercase().contains(&wanted))
    };
    let held = held.into_iter().filter(|credential| is_wanted(&place(credential)));
    let missing = missing.into_iter().filter(|entry| is_wanted(entry));
    Ok(held
        .map(|held| Listed::Held(Box::new(held)))
        .chain(missing.map(Listed::Missing))
        .collect())
}

/// Makes a credential for each report type of the draft, all or none; gives them in that order.
pub async fn create(
    app: &App,
    org: OrgId,
    client: i64,
    country: &str,
    draft: &CredentialDraft,
) -> Result<Vec<OpenCredential>, CredentialError> {
    let new = draft.checked()?;
    let account = match new.link {
        Link::To(id) => Some(id),
        Link::Existing => return Err(required("collective_account_id").into()),
        Link::None | Link::Unsaid => None,
    };
    if account.is_none() {
        draft.must_hold_login_and_password()?;
    }
    let pro = new.pro.ok_or_else(|| required("pro"))?;
    let report_types = new.report_types.ok_or_else(|| required("report_types"))?;
    let (login, password) = (new.login.set(), new.password.set());
    let (registration_number, notes) = (new.registration_number.set(), new.notes.set());
    let (interval, extra_info) = (new.interval.set(), new.extra_info.set());
    let row = |report_type: String| {
        let seal_id = Uuid::new_v4().to_string();
        let sealed = password.as_ref().map(|password| seal(app, org, &seal_id, password));
        Ok(NewCredential {
            country: country.to_owned(),
            pro: pro.clone(),
            report_type,
            login: login.clone(),
            sealed: sealed.transpose()?,
            seal_id,
            registration_number: registration_number.clone(),
            notes: notes.clone(),
            interval: interval.clone(),
            extra_info: extra_info.clone(),
            collective_account_id: account,
        })
    };
    let rows = report_types
        .into_iter()
        .map(row)
        .collect::<Result<Vec<_>, VaultError>>()?;
    written(app, org, app.store.insert_credentials(org, client, rows).await?).await
}

/// Changes what the draft names. A linked credential keeps a login and password of its own that it is given, but shows those of
/// its collective account for as long as it is linked.
pub async fn update(
    app: &App,
    org: OrgId,
    place: CredentialPlace,
    draft: &CredentialDraft,
) -> Result<OpenCredential, CredentialError> {
    let change = draft.checked()?;
    let report_type = match change.report_types.as_deref() {
        None => None,
        Some([one]) => Some(one.clone()),
        Some(_) => {
            let message = "several, but a credential is for one report type";
            return Err(broken("report_types", RowCode::InvalidChoice, message).into());
        }
    };
    let old = find(app, org, &place).await?;
    let collective_account_id = match change.link {
        Link::To(id) => Change::Set(id),
        Link::None => Change::Clear,
        Link::Existing if old.collective_account_id.is_none() => return Err(required("collective_account_id").into()),
        Link::Existing | Link::Unsaid => Change::Keep,
    };
    let change = CredentialChange {
        pro: change.pro,
        report_type,
        login: change.login,
        sealed: change
            .password
            .try_map(|password| seal(app, org, &old.seal_id, &password))?,
        registration_number: change.registration_number,
        notes: change.notes,
        interval: change.interval,
        extra_info: change.extra_info,
        collective_account_id,
    };
    let shown = written(app, org, app.store.update_credential(org, place, change).await?).await?;
    shown.into_iter().next().ok_or(CredentialError::Absent)
}

/// Removes a credential.
pub async fn remove(app: &App, org: OrgId, place: CredentialPlace) -> Result<(), CredentialError> {
    match app.store.delete_credential(org, place).await? {
        CredentialRemoval::Removed => Ok(()),
        CredentialRemoval::ClientAbsent => Err(CredentialError::ClientAbsent),
        CredentialRemoval::Absent => Err(CredentialError::Absent),
    }
}

/// The credentials that others may be linked to.
pub async fn collective_accounts(
    app: &App,
    org: OrgId,
    filter: CredentialFilter,
) -> Result<Vec<CollectiveAccount>, StoreError> {
    app.store.collective_accounts(org, filter).await
}

async fn find(app: &App, org: OrgId, place: &CredentialPlace) -> Result<Credential, CredentialError> {
    let country = Some(place.country.clone());
    let found = app.store.credentials(org, place.client_id, country).await?;
    let mut found = found.ok_or(CredentialError::ClientAbsent)?.into_iter();
    found
        .find(|credential| credential.id == place.id)
        .ok_or(CredentialError::Absent)
}

fn place(credential: &Credential) -> ReportType {
    ReportType {
        country: credential.country.clone(),
        pro: credential.pro.clone(),
        report_type: credential.report_type.clone(),
    }
}

async fn written(app: &App, org: OrgId, write: CredentialWrite) -> Result<Vec<OpenCredential>, CredentialError> {
    let shown = match write {
        CredentialWrite::Written(shown) => shown,
        CredentialWrite::ClientAbsent => return Err(CredentialError::ClientAbsent),
        CredentialWrite::Absent => return Err(CredentialError::Absent),
        CredentialWrite::Taken => return Err(CredentialError::Taken),
        CredentialWrite::Unlinkable(reason) => return Err(CredentialError::Unlinkable(reason)),
    };
    open_all(app, org, shown).await
}

fn seal(app: &App, org: OrgId, row: &str, password: &Password) -> Result<String, VaultError> {
    let column = COLUMN;
    app.vault.seal(&Place { org, row, column }, password.reveal())
}

async fn open_all(app: &App, org: OrgId, credentials: Vec<Credential>) -> Result<Vec<OpenCredential>, CredentialError> {
    let mut opened = Vec::with_capacity(credentials.len());
    for credential in credentials {
        let password = match &credential.password {
            None => None,
            Some(kept) => {
                let (row, column) = (kept.seal_id.as_str(), COLUMN);
                let place = Place { org, row, column };
                Some(Password::new(app.store.open_cell(&place, &kept.sealed).await?))
            }
        };
        opened.push(OpenCredential { credential, password });
    }
    Ok(opened)
}

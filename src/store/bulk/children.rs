//! What hangs on clients, between the two forms it has: to the engine one JSON value for aliases and one for credentials
//! (`worker::resource::clients`), in the database rows of `client_aliases` and `credentials`, in a dry run's table two
//! columns. Passwords are opened and sealed here: in clear they are only in memory. No SQL.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};
use uuid::Uuid;
use worker::batch::plan::{Plan, Planner, Write};
use worker::batch::{Key, Stored, Text};
use worker::import::OrgId;
use worker::resource::Field;
use worker::resource::clients::{ALIASES, CREDENTIALS, DETAILS, FIELDS, credential_key, split_credential_key};

use super::classify::Loaded;
use super::columns::Children;
use super::job::Job;
use crate::store::cell::{corrupt, from_json, to_json};
use crate::store::error::StoreError;
use crate::vault::{Place, VaultError};

/// A row of `client_aliases`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Alias {
    pub(super) client: i64,
    /// Empty: known so everywhere.
    pub(super) country: String,
    pub(super) alias: String,
}

/// A row of `credentials`, as far as a batch reads and writes it.
#[derive(Clone, Debug)]
pub(super) struct Credential {
    /// None of a new one.
    pub(super) id: Option<i64>,
    pub(super) client: i64,
    /// Country, PRO, report type.
    pub(super) key: [String; 3],
    pub(super) seal_id: String,
    /// In the order of `DETAILS`; the password is sealed.
    pub(super) details: Vec<Option<String>>,
}

/// A credential that was read.
#[derive(Debug)]
struct Known {
    id: i64,
    seal_id: String,
    /// In clear.
    details: Map<String, Value>,
}

/// What hangs on the clients that were read, by their row.
#[derive(Debug, Default)]
pub(super) struct Kept {
    aliases: BTreeSet<Alias>,
    credentials: HashMap<i64, HashMap<String, Known>>,
}

/// What a batch does to what hangs on clients.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) forget: Vec<Alias>,
    pub(super) add: Vec<Alias>,
    pub(super) update: Vec<Credential>,
    pub(super) insert: Vec<Credential>,
}

/// The clients among the records whose children lie in tables of their own.
pub(super) fn clients_of(loaded: &[Loaded]) -> Vec<i64> {
    loaded
        .iter()
        .filter(|record| record.children == Children::Apart)
        .map(|record| record.id)
        .collect()
}

impl Kept {
    /// Takes what the tables hold of the loaded clients, and fills it into their records.
    pub(super) fn read(
        job: &Job<'_>,
        aliases: Vec<Alias>,
        credentials: Vec<Credential>,
        loaded: &mut [Loaded],
    ) -> Result<Self, StoreError> {
        let mut kept = Self {
            aliases: aliases.into_iter().collect(),
            credentials: HashMap::new(),
        };
        for credential in credentials {
            let (key, known) = known(job, &credential)?;
            kept.credentials
                .entry(credential.client)
                .or_default()
                .insert(key, known);
        }
        let mut aliases: HashMap<i64, Map<String, Value>> = HashMap::new();
        for alias in &kept.aliases {
            put_alias(aliases.entry(alias.client).or_default(), alias);
        }
        for record in loaded.iter_mut().filter(|record| record.children == Children::Apart) {
            let credentials = kept.credentials.get(&record.id).into_iter().flatten();
            let credentials: Map<String, Value> = credentials
                .map(|(key, known)| (key.clone(), Value::Object(known.details.clone())))
                .collect();
            set(
                &mut record.stored,
                ALIASES,
                &aliases.remove(&record.id).unwrap_or_default(),
            )?;
            set(&mut record.stored, CREDENTIALS, &credentials)?;
        }
        Ok(kept)
    }

    /// What turns what is kept of the written clients, each with its row, into what is planned.
    pub(super) fn changes<'a>(
        &self,
        job: &Job<'_>,
        writes: impl Iterator<Item = (i64, &'a Write<'a>)>,
    ) -> Result<Changes, StoreError> {
        let mut changes = Changes::default();
        for (client, write) in writes {
            let stored = write.content.to_stored();
            self.change_aliases(client, &get(&stored, ALIASES)?, &mut changes);
            self.change_credentials(job, client, &stored, &mut changes)?;
        }
        Ok(changes)
    }

    fn change_aliases(&self, client: i64, wanted: &Map<String, Value>, changes: &mut Changes) {
        let wanted: BTreeSet<Alias> = wanted
            .iter()
            .flat_map(|(country, names)| aliases(client, country, names))
            .collect();
        let least = |client| Alias {
            client,
            country: String::new(),
            alias: String::new(),
        };
        let kept = self.aliases.range(least(client)..least(client.saturating_add(1)));
        changes
            .forget
            .extend(kept.filter(|alias| !wanted.contains(alias)).cloned());
        let new = wanted.into_iter().filter(|alias| !self.aliases.contains(alias));
        changes.add.extend(new);
    }

    /// Credentials are added and changed. No row of a file removes one.
    fn change_credentials(
        &self,
        job: &Job<'_>,
        client: i64,
        stored: &Stored,
        changes: &mut Changes,
    ) -> Result<(), StoreError> {
        let kept = self.credentials.get(&client);
        for (key, details) in get(stored, CREDENTIALS)? {
            let Value::Object(details) = details else { continue };
            let known = kept.and_then(|kept| kept.get(&key));
            if known.is_some_and(|known| known.details == details) {
                continue;
            }
            let parts = split_credential_key(&key).ok_or_else(|| corrupt("credentials", "a key in another form"))?;
            let seal_id = known.map_or_else(|| Uuid::new_v4().to_string(), |known| known.seal_id.clone());
            let credential = Credential {
                id: known.map(|known| known.id),
                client,
                key: parts.map(str::to_owned),
                details: seal_details(job, &seal_id, &details)?,
                seal_id,
            };
            match credential.id {
                Some(_) => changes.update.push(credential),
                None => changes.insert.push(credential),
            }
        }
        Ok(())
    }
}

/// Whether anything hangs on a new record.
pub(super) fn has_children(write: &Write<'_>) -> bool {
    let is_filled = |name| place(name).and_then(|place| write.content.values().nth(place)?);
    is_filled(ALIASES).or_else(|| is_filled(CREDENTIALS)).is_some()
}

/// Seals the credentials of a dry run, which lie in one cell of each record: its table must show no password either.
pub(super) fn seal_preview(job: &Job<'_>, plan: &mut Plan<'_>) -> Result<(), StoreError> {
    if job.written().children() != Children::Column {
        return Ok(());
    }
    let updates = plan.updates.iter_mut().map(|(_, write)| write);
    for write in plan.inserts.iter_mut().chain(updates) {
        let Some(cell) = credentials_mut(write.content.to_mut()) else {
            continue;
        };
        let (row, vault) = (preview_row(job, write.key), job.vault);
        let sealed = vault.seal(&preview_place(job.run.org, &row), cell);
        *cell = sealed.map_err(vault_error)?.into();
    }
    Ok(())
}

/// The other way round, for records that were read from there.
pub(super) fn open_previews(job: &Job<'_>, planner: &Planner<'_>, loaded: &mut [Loaded]) -> Result<(), StoreError> {
    for record in loaded.iter_mut().filter(|record| record.children == Children::Column) {
        let Some(key) = planner.keys().get(record.slot) else {
            continue;
        };
        let Some(cell) = credentials_mut(&mut record.stored) else {
            continue;
        };
        let opened = job
            .vault
            .open(&preview_place(job.run.org, &preview_row(job, key)), cell);
        *cell = opened.map_err(vault_error)?.into();
    }
    Ok(())
}

fn credentials_mut(stored: &mut Stored) -> Option<&mut Text> {
    stored.values.get_mut(place(CREDENTIALS)?)?.as_mut()
}

fn preview_row(job: &Job<'_>, key: &Key) -> String {
    let [name, ..] = key.parts();
    format!("{} {name}", job.run.lease.import)
}

fn preview_place(org: OrgId, row: &str) -> Place<'_> {
    Place {
        org,
        row,
        column: "preview_clients.credentials",
    }
}

fn place_of(org: OrgId, seal_id: &str) -> Place<'_> {
    Place {
        org,
        row: seal_id,
        column: "credentials.password",
    }
}

/// A key that this process does not know yet is being fetched: worth trying again.
fn vault_error(error: VaultError) -> StoreError {
    match error {
        VaultError::Damaged => corrupt("credentials.password", error),
        other => StoreError::unavailable(other),
    }
}

fn known(job: &Job<'_>, credential: &Credential) -> Result<(String, Known), StoreError> {
    let [country, pro, report_type] = &credential.key;
    let mut details = Map::new();
    for (field, value) in DETAILS.iter().zip(&credential.details) {
        let Some(value) = value else { continue };
        let clear = if field.is_sensitive() {
            let place = place_of(job.run.org, &credential.seal_id);
            job.vault.open(&place, value).map_err(vault_error)?
        } else {
            value.clone()
        };
        details.insert(field.name.to_owned(), Value::String(clear));
    }
    let known = Known {
        id: credential.id.unwrap_or_default(),
        seal_id: credential.seal_id.clone(),
        details,
    };
    Ok((credential_key(country, pro, report_type), known))
}

fn seal_details(job: &Job<'_>, seal_id: &str, details: &Map<String, Value>) -> Result<Vec<Option<String>>, StoreError> {
    let cell = |field: &Field| {
        let Some(Value::String(text)) = details.get(field.name) else {
            return Ok(None);
        };
        if !field.is_sensitive() {
            return Ok(Some(text.clone()));
        }
        let sealed = job.vault.seal(&place_of(job.run.org, seal_id), text);
        sealed.map(Some).map_err(vault_error)
    };
    DETAILS.iter().map(cell).collect()
}

fn put_alias(aliases: &mut Map<String, Value>, alias: &Alias) {
    let name = Value::String(alias.alias.clone());
    if !alias.country.is_empty() {
        aliases.insert(alias.country.clone(), name);
    } else if let Some(Value::Array(names)) = aliases.get_mut("") {
        names.push(name);
    } else {
        aliases.insert(String::new(), Value::Array(vec![name]));
    }
}

fn aliases(client: i64, country: &str, names: &Value) -> Vec<Alias> {
    let names = match names {
        Value::Array(names) => names.as_slice(),
        name => std::slice::from_ref(name),
    };
    let names = names.iter().filter_map(Value::as_str);
    names
        .map(|alias| Alias {
            client,
            country: country.to_owned(),
            alias: alias.to_owned(),
        })
        .collect()
}

fn place(name: &str) -> Option<usize> {
    FIELDS.iter().position(|field| field.name == name)
}

fn get(stored: &Stored, name: &str) -> Result<Map<String, Value>, StoreError> {
    let text = place(name).and_then(|place| stored.values.get(place)?.as_deref());
    text.map_or_else(|| Ok(Map::new()), |text| from_json(FIELDS_COLUMN, text))
}

const FIELDS_COLUMN: &str = "clients";

fn set(stored: &mut Stored, name: &str, value: &Map<String, Value>) -> Result<(), StoreError> {
    let text = to_json(FIELDS_COLUMN, value)?;
    if let Some(cell) = place(name).and_then(|place| stored.values.get_mut(place)) {
        *cell = Some(text.into());
    }
    Ok(())
}

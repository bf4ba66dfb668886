//! The keys that seal cells and the pepper of API keys, wrapped under `secret_key`. A key that does not open means that
//! `secret_key` is not the one this database was made with: nothing may start then.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Store;
use super::clock::now;
use super::db::{reading, writing};
use super::error::StoreError;
use super::schema::sealing_keys;
use super::scope::Scope;
use crate::secrets::Tag;
use crate::vault::{Place, VaultError, new_key};

const SEAL: &str = "seal";
const PEPPER: &str = "pepper";

impl Store {
    /// Fills the vault from the table and gives the pepper; a new database gets its keys, and `pepper` as it is.
    pub async fn load_keys(&self, pepper: Tag) -> Result<Tag, StoreError> {
        let mut rows = self.wrapped_keys().await?;
        for (purpose, key) in [(PEPPER, pepper), (SEAL, new_key()?)] {
            if !rows.iter().any(|(_, of, _)| of == purpose) {
                self.add_key(purpose, &key).await?;
                rows = self.wrapped_keys().await?;
            }
        }
        let kept = self.learn(&rows)?;
        Ok(kept.unwrap_or(pepper))
    }

    /// Looks for keys that another process has made.
    pub async fn learn_keys(&self) -> Result<(), StoreError> {
        self.learn(&self.wrapped_keys().await?).map(|_| ())
    }

    /// Opens a sealed cell, under a key that another process has made just now too.
    pub async fn open_cell(&self, place: &Place<'_>, sealed: &str) -> Result<String, StoreError> {
        match self.vault.open(place, sealed) {
            Err(VaultError::UnknownKey(_)) => {
                self.learn_keys().await?;
                Ok(self.vault.open(place, sealed)?)
            }
            opened => Ok(opened?),
        }
    }

    /// Fills the vault; gives the pepper.
    fn learn(&self, rows: &[(i64, String, String)]) -> Result<Option<Tag>, StoreError> {
        let mut pepper = None;
        for (id, purpose, wrapped) in rows {
            let opened = self.vault.unwrap(purpose, wrapped).ok_or(StoreError::WrongSecret)?;
            match purpose.as_str() {
                SEAL => self.vault.learn(*id, opened.key),
                _ => pepper = Some(opened.key),
            }
        }
        Ok(pepper)
    }

    /// Makes a new key for seals; this process uses it at once, the others when they next look.
    pub async fn add_sealing_key(&self) -> Result<i64, StoreError> {
        let key = new_key()?;
        let id = self.add_key(SEAL, &key).await?;
        self.vault.learn(id, key);
        Ok(id)
    }

    /// Wraps every key under the present `secret_key`; says how many were under the previous one.
    pub async fn rewrap_keys(&self) -> Result<usize, StoreError> {
        let mut done = 0;
        for (id, purpose, wrapped) in self.wrapped_keys().await? {
            let opened = self.vault.unwrap(&purpose, &wrapped).ok_or(StoreError::WrongSecret)?;
            if opened.is_current {
                continue;
            }
            let anew = self.vault.wrap(&purpose, &opened.key)?;
            self.run(move |db| async move {
                let row = sealing_keys::table.find(id).filter(sealing_keys::wrapped.eq(wrapped));
                let update = diesel::update(row).set(sealing_keys::wrapped.eq(anew));
                Ok(writing!(&db, Scope::House, |c| update.execute(c).await?))
            })
            .await?;
            done += 1;
        }
        Ok(done)
    }

    async fn wrapped_keys(&self) -> Result<Vec<(i64, String, String)>, StoreError> {
        self.run(|db| async move {
            let columns = (sealing_keys::id, sealing_keys::purpose, sealing_keys::wrapped);
            let query = sealing_keys::table.order(sealing_keys::id).select(columns);
            Ok(reading!(&db, Scope::House, |c| query.load(c).await?))
        })
        .await
    }

    async fn add_key(&self, purpose: &'static str, key: &Tag) -> Result<i64, StoreError> {
        let wrapped = self.vault.wrap(purpose, key)?;
        self.run(move |db| async move {
            let new = (
                sealing_keys::purpose.eq(purpose),
                sealing_keys::wrapped.eq(wrapped),
                sealing_keys::created_at.eq(now()),
            );
            let insert = diesel::insert_into(sealing_keys::table).values(new);
            Ok(writing!(&db, Scope::House, |c| insert
                .returning(sealing_keys::id)
                .get_result(c)
                .await?))
        })
        .await
    }
}

impl From<VaultError> for StoreError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::UnknownKey(key) => Self::UnknownKey(key),
            VaultError::NoRandomness => Self::unavailable(error),
            VaultError::NoKey | VaultError::Damaged => Self::Corrupt(error.to_string()),
        }
    }
}

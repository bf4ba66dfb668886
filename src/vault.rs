//! Cells that the database must not show: sealed with XChaCha20-Poly1305 under keys that the database keeps wrapped under
//! `secret_key`. A seal is bound to the place of its cell, so that one copied elsewhere does not open. No SQL; nothing in
//! here is ever logged.
//!
//! A sealed cell reads `s1.<key>.<nonce and ciphertext, base64url>`; a wrapped key `w1.<the same>`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use tokio::sync::Notify;
use worker::import::OrgId;

use crate::secrets::{Tag, derive};

/// XChaCha20's, long enough to be drawn at random.
const NONCE_LEN: usize = 24;

/// Where a sealed cell lies; it opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Whose it is.
    pub org: OrgId,
    /// Its row, by a name that the row keeps for good.
    pub row: &'a str,
    /// `table.column`.
    pub column: &'static str,
}

impl Place<'_> {
    /// No two places give the same text.
    fn aad(&self) -> String {
        format!("{} {} {} {}", self.org.0, self.column, self.row.len(), self.row)
    }
}

/// Why a cell could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// No key is loaded.
    #[error("no sealing key is loaded")]
    NoKey,
    /// Another process has made a key that this one does not know yet; it is being fetched.
    #[error("the sealing key {0} is not known yet")]
    UnknownKey(i64),
    /// Not a sealed cell, or not of this place.
    #[error("a sealed cell does not open")]
    Damaged,
    /// The system's random source did not answer.
    #[error("the system gave no random bytes")]
    NoRandomness,
}

/// The keys in use. Cheap to clone; all clones know the same keys.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    current: Tag,
    previous: Option<Tag>,
    ring: RwLock<BTreeMap<i64, Tag>>,
    missing: Notify,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

/// A wrapped key, opened.
pub struct Unwrapped {
    /// The key.
    pub key: Tag,
    /// It was wrapped under the present `secret_key`, not the previous one.
    pub is_current: bool,
}

impl Vault {
    /// An empty ring below `secret_key`; keys wrapped under the previous one can be opened too.
    pub fn new(secret_key: &[u8], previous: Option<&[u8]>) -> Self {
        let wrapping = |secret: &[u8]| derive(secret, "longshore wrapping 1");
        Self(Arc::new(Inner {
            current: wrapping(secret_key),
            previous: previous.map(wrapping),
            ring: RwLock::default(),
            missing: Notify::new(),
        }))
    }

    /// Seals a text for its place, under the newest key.
    pub fn seal(&self, place: &Place<'_>, text: &str) -> Result<String, VaultError> {
        let (id, key) = self.newest().ok_or(VaultError::NoKey)?;
        Ok(format!(
            "s1.{id}.{}",
            encrypt(&key, place.aad().as_bytes(), text.as_bytes())?
        ))
    }

    /// Opens what was sealed for this place.
    pub fn open(&self, place: &Place<'_>, sealed: &str) -> Result<String, VaultError> {
        let id = Self::key_of(sealed).ok_or(VaultError::Damaged)?;
        let key = self.ring().get(&id).copied();
        let Some(key) = key else {
            self.0.missing.notify_one();
            return Err(VaultError::UnknownKey(id));
        };
        let bytes = sealed
            .rsplit_once('.')
            .and_then(|(_, bytes)| decrypt(&key, place.aad().as_bytes(), bytes));
        bytes
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or(VaultError::Damaged)
    }

    /// The cell under the newest key; nothing if it does not open.
    pub fn reseal(&self, place: &Place<'_>, sealed: &str) -> Result<Option<String>, VaultError> {
        match self.open(place, sealed) {
            Ok(text) => self.seal(place, &text).map(Some),
            Err(VaultError::Damaged) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The key that a cell is sealed with; nothing if it is no sealed cell.
    pub fn key_of(sealed: &str) -> Option<i64> {
        let (id, _) = sealed.strip_prefix("s1.")?.split_once('.')?;
        id.parse().ok()
    }

    /// The newest key, by number.
    pub fn newest_id(&self) -> Option<i64> {
        self.newest().map(|(id, _)| id)
    }

    /// Adds a key to the ring.
    pub fn learn(&self, id: i64, key: Tag) {
        self.0
            .ring
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, key);
    }

    /// Waits until a cell was met whose key is not known.
    pub async fn misses_a_key(&self) {
        self.0.missing.notified().await;
    }

    /// Wraps a key for the table of keys. The purpose must be the same when it is unwrapped.
    pub fn wrap(&self, purpose: &str, key: &Tag) -> Result<String, VaultError> {
        Ok(format!("w1.{}", encrypt(&self.0.current, purpose.as_bytes(), key)?))
    }

    /// Opens a wrapped key; nothing when `secret_key` is another than the one it was wrapped under.
    pub fn unwrap(&self, purpose: &str, wrapped: &str) -> Option<Unwrapped> {
        let bytes = wrapped.strip_prefix("w1.")?;
        let open = |under: &Tag| Tag::try_from(decrypt(under, purpose.as_bytes(), bytes)?).ok();
        if let Some(key) = open(&self.0.current) {
            return Some(Unwrapped { key, is_current: true });
        }
        let key = open(self.0.previous.as_ref()?)?;
        Some(Unwrapped { key, is_current: false })
    }

    fn newest(&self) -> Option<(i64, Tag)> {
        self.ring().last_key_value().map(|(id, key)| (*id, *key))
    }

    fn ring(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<i64, Tag>> {
        self.0.ring.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A fresh key.
pub fn new_key() -> Result<Tag, VaultError> {
    let mut key = Tag::default();
    getrandom::fill(&mut key).map_err(|_| VaultError::NoRandomness)?;
    Ok(key)
}

fn encrypt(key: &Tag, aad: &[u8], msg: &[u8]) -> Result<String, VaultError> {
    let mut nonce = [0_u8; NONCE_LEN];
    getrandom::fill(&mut nonce).map_err(|_| VaultError::NoRandomness)?;
    let cipher = XChaCha20Poly1305::new(key.into());
    let sealed = cipher.encrypt(XNonce::from_slice(&nonce), Payload { msg, aad });
    let sealed = sealed.map_err(|_| VaultError::Damaged)?;
    Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
}

fn decrypt(key: &Tag, aad: &[u8], text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (nonce, msg) = bytes.split_at_checked(NONCE_LEN)?;
    let cipher = XChaCha20Poly1305::new(key.into());
    cipher.decrypt(XNonce::from_slice(nonce), Payload { msg, aad }).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const PLACE: Place<'_> = Place {
        org: OrgId(1),
        row: "r",
        column: "t.c",
    };

    fn vault() -> Vault {
        let vault = Vault::new(&[7; 32], None);
        vault.learn(1, [1; 32]);
        vault
    }

    #[test]
    fn a_cell_opens_in_its_place_only() {
        let sealed = vault().seal(&PLACE, "Größe\u{0}").unwrap();
        assert!(sealed.starts_with("s1.1."), "{sealed}");
        assert_eq!(vault().open(&PLACE, &sealed).as_deref(), Ok("Größe\u{0}"));
        for elsewhere in [
            Place { org: OrgId(2), ..PLACE },
            Place { row: "s", ..PLACE },
            Place { column: "t.d", ..PLACE },
        ] {
            assert_eq!(vault().open(&elsewhere, &sealed), Err(VaultError::Damaged));
        }
        assert_ne!(
            sealed,
            vault().seal(&PLACE, "Größe\u{0}").unwrap(),
            "no two seals are alike"
        );
    }

    #[test]
    fn whatever_was_tampered_with_does_not_open() {
        let sealed = vault().seal(&PLACE, "x").unwrap();
        for at in 5..sealed.len() {
            let mut other = sealed.clone().into_bytes();
            let byte = other.get_mut(at).unwrap();
            *byte = if *byte == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            assert_eq!(vault().open(&PLACE, &other), Err(VaultError::Damaged), "{other}");
        }
        for other in ["", "x", "s1.", "s1.1", "s1.1.", "s1.x.AAAA"] {
            assert_eq!(vault().open(&PLACE, other), Err(VaultError::Damaged), "{other}");
        }
    }

    #[test]
    fn the_newest_key_seals_and_the_others_open() {
        let vault = vault();
        let old = vault.seal(&PLACE, "x").unwrap();
        vault.learn(2, [2; 32]);
        let new = vault.seal(&PLACE, "x").unwrap();
        assert_eq!((Vault::key_of(&old), Vault::key_of(&new)), (Some(1), Some(2)));
        assert_eq!(vault.open(&PLACE, &old).as_deref(), Ok("x"));
        assert_eq!(super::tests::vault().open(&PLACE, &new), Err(VaultError::UnknownKey(2)));
    }

    #[test]
    fn a_wrapped_key_opens_under_its_secret_or_as_the_previous_one() {
        let wrapped = vault().wrap("seal", &[9; 32]).unwrap();
        let opened = vault().unwrap("seal", &wrapped).unwrap();
        assert_eq!((opened.key, opened.is_current), ([9; 32], true));
        assert!(vault().unwrap("pepper", &wrapped).is_none());
        assert!(Vault::new(&[8; 32], None).unwrap("seal", &wrapped).is_none());
        let after = Vault::new(&[8; 32], Some(&[7; 32])).unwrap("seal", &wrapped).unwrap();
        assert_eq!((after.key, after.is_current), ([9; 32], false));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", vault()), "Vault(..)");
    }
}

//! Everything that is kept from sight: the format of API keys and the HMACs over keys and cursors. No SQL, no HTTP; nothing in
//! here is ever logged, and `Debug` shows no secret.
//!
//! A key reads `lsk_<id>_<secret><checksum>`: 12 lower-case letters and digits to look it up by, 256 random bits as 43 digits
//! of base 62, and the CRC-32 of all before it as 6 digits of base 62, so that a typo is refused without a query.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use worker::import::OrgId;

const PREFIX: &str = "lsk_";
const ID_LEN: usize = 12;
const SECRET_LEN: usize = 43;
const CHECKSUM_LEN: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 64 bits of the HMAC would do against guessing over HTTP; 128 cost nothing.
const CURSOR_MAC_LEN: usize = 16;

/// 256 bits of key or HMAC.
pub type Tag = [u8; 32];

/// Stands for the HMAC of a key that is not stored.
pub const NOBODY: Tag = [0; 32];

/// The system's random source did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the system gave no random bytes: {0}")]
pub struct NoRandomness(getrandom::Error);

/// The installation's secrets, derived from `secret_key` once; cheap to clone.
#[derive(Clone)]
pub struct Secrets {
    pepper: Tag,
    cursor_key: Tag,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}

/// A new key: `text` is shown once, `id` and `mac` are stored.
pub struct MintedKey {
    /// Finds the key.
    pub id: String,
    /// The whole key.
    pub text: String,
    /// HMAC-SHA-256 of its secret.
    pub mac: Vec<u8>,
}

impl fmt::Debug for MintedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MintedKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A key that somebody presented and that has the right form; nothing more is known of it.
#[derive(Clone, PartialEq, Eq)]
pub struct PresentedKey {
    /// Finds the key.
    pub id: String,
    secret: String,
}

impl fmt::Debug for PresentedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Secrets {
    /// Derives one key for each purpose from `secret_key`, of any length.
    pub fn new(secret_key: &[u8]) -> Self {
        Self {
            pepper: derive(secret_key, "longshore api key 1"),
            cursor_key: derive(secret_key, "longshore cursor 1"),
        }
    }

    /// The same with the pepper that the database keeps: keys outlive a change of `secret_key`.
    pub fn with_pepper(self, pepper: Tag) -> Self {
        Self { pepper, ..self }
    }

    /// What a new database keeps as its pepper.
    pub fn pepper(&self) -> Tag {
        self.pepper
    }

    /// Makes a key from fresh random bytes.
    pub fn mint(&self) -> Result<MintedKey, NoRandomness> {
        let mut bits = [0_u8; 32];
        getrandom::fill(&mut bits).map_err(NoRandomness)?;
        let id = random_id()?;
        let secret = base62(&bits, SECRET_LEN);
        let body = format!("{PREFIX}{id}_{secret}");
        let text = format!("{body}{}", checksum(&body));
        let mac = self.mac(&PresentedKey { id: id.clone(), secret }).to_vec();
        Ok(MintedKey { id, text, mac })
    }

    /// Takes a key apart; `None` when its form or checksum is wrong.
    pub fn parse(text: &str) -> Option<PresentedKey> {
        let body_len = PREFIX.len() + ID_LEN + 1 + SECRET_LEN;
        if text.len() != body_len + CHECKSUM_LEN || !text.is_ascii() {
            return None;
        }
        let (body, sum) = text.split_at_checked(body_len)?;
        let (id, secret) = body.strip_prefix(PREFIX)?.split_once('_')?;
        let id_ok = id.len() == ID_LEN
            && id
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let secret_ok = secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (id_ok && secret_ok && checksum(body) == sum).then(|| PresentedKey {
            id: id.to_owned(),
            secret: secret.to_owned(),
        })
    }

    /// What the table holds of a key's secret.
    pub fn mac(&self, key: &PresentedKey) -> [u8; 32] {
        hmac(&self.pepper, &[key.secret.as_bytes()])
    }

    /// Whether a presented key is the one whose HMAC is stored, in constant time. A key that nobody has is compared with
    /// [`NOBODY`], so that it costs the same.
    pub fn matches(&self, key: &PresentedKey, stored: &[u8]) -> bool {
        self.mac(key).as_slice().ct_eq(stored).into()
    }

    /// A page's position as opaque text, good for this organization and this list (name and filter) only.
    pub fn sign_cursor(&self, org: OrgId, list: &str, position: i64) -> String {
        let mut bytes = position.to_be_bytes().to_vec();
        bytes.extend(self.cursor_mac(org, list, position).into_iter().take(CURSOR_MAC_LEN));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor back; `None` when it was made up, or made for another organization or list.
    pub fn open_cursor(&self, org: OrgId, list: &str, cursor: &str) -> Option<i64> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (position, mac) = bytes.split_first_chunk::<8>()?;
        let position = i64::from_be_bytes(*position);
        let wanted = self.cursor_mac(org, list, position);
        let genuine: bool = wanted.get(..CURSOR_MAC_LEN)?.ct_eq(mac).into();
        genuine.then_some(position)
    }

    fn cursor_mac(&self, org: OrgId, list: &str, position: i64) -> Tag {
        hmac(
            &self.cursor_key,
            &[&org.0.to_be_bytes(), &position.to_be_bytes(), list.as_bytes()],
        )
    }
}

/// A key for one purpose from `secret_key`, of any length.
pub fn derive(secret_key: &[u8], purpose: &str) -> Tag {
    let root: Tag = Sha256::digest(secret_key).into();
    hmac(&root, &[purpose.as_bytes()])
}

fn hmac(key: &Tag, parts: &[&[u8]]) -> Tag {
    // RFC 2104 pads a short key with zeros to the hash's block; done here, no length can be refused.
    let mut block = [0_u8; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// Ids are drawn from 36 characters; a byte beyond the last full range is drawn again, so that all are equally likely.
fn random_id() -> Result<String, NoRandomness> {
    const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut id = String::with_capacity(ID_LEN);
    while id.len() < ID_LEN {
        let mut byte = [0_u8; 1];
        getrandom::fill(&mut byte).map_err(NoRandomness)?;
        let [byte] = byte;
        if byte < 252
            && let Some(letter) = ALPHABET.get(usize::from(byte) % ALPHABET.len())
        {
            id.push(char::from(*letter));
        }
    }
    Ok(id)
}

fn checksum(body: &str) -> String {
    base62(&crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECKSUM_LEN)
}

/// A big-endian number in base 62, padded with zeros to `digits`.
fn base62(number: &[u8], digits: usize) -> String {
    let mut number = number.to_vec();
    let mut text: Vec<char> = (0..digits).map(|_| char::from(last_digit(&mut number))).collect();
    text.reverse();
    text.into_iter().collect()
}

/// Divides the number by 62 in place and gives the remainder's digit.
fn last_digit(number: &mut [u8]) -> u8 {
    let mut rest = 0_u16;
    for byte in number.iter_mut() {
        let part = rest * 256 + u16::from(*byte);
        *byte = u8::try_from(part / 62).unwrap_or(u8::MAX);
        rest = part % 62;
    }
    BASE62.get(usize::from(rest)).copied().unwrap_or(b'0')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn secrets() -> Secrets {
        Secrets::new(&[7; 32])
    }

    #[test]
    fn a_minted_key_reads_back() {
        let minted = secrets().mint().unwrap();
        assert_eq!(minted.text.len(), 66);
        let key = Secrets::parse(&minted.text).unwrap();
        assert_eq!(key.id, minted.id);
        assert_eq!(secrets().mac(&key).to_vec(), minted.mac);
        assert!(secrets().matches(&key, &minted.mac));
        assert!(!secrets().matches(&key, &NOBODY));
        assert!(!secrets().matches(&key, &[7; 32]));
        assert!(!secrets().matches(&key, &[]));
        assert!(!Secrets::new(&[8; 32]).matches(&key, &minted.mac));
    }

    #[test]
    fn the_checksum_refuses_every_single_typo() {
        let text = secrets().mint().unwrap().text;
        for at in 0..text.len() {
            let mut typo = text.clone().into_bytes();
            let byte = typo.get_mut(at).unwrap();
            *byte = if *byte == b'x' { b'y' } else { b'x' };
            assert_eq!(Secrets::parse(&String::from_utf8(typo).unwrap()), None, "at {at}");
        }
        for other in [
            "",
            "lsk_",
            "$2a$10$./KN8pb6Yp8w9ijv",
            "lsk_é",
            &text[1..],
            &format!("{text}x"),
        ] {
            assert_eq!(Secrets::parse(other), None, "{other}");
        }
    }

    #[test]
    fn base62_is_the_number() {
        assert_eq!(base62(&[0], 3), "000");
        assert_eq!(base62(&[61], 2), "0z");
        assert_eq!(base62(&[62], 2), "10");
        assert_eq!(base62(&[0xff; 4], 6), "4gfFC3");
        assert_eq!(
            base62(&[0xff; 32], SECRET_LEN).trim_start_matches('0').len(),
            SECRET_LEN
        );
    }

    #[test]
    fn a_cursor_opens_only_where_it_was_made() {
        let cursor = secrets().sign_cursor(OrgId(1), "imports status=failed", 42);
        assert_eq!(
            secrets().open_cursor(OrgId(1), "imports status=failed", &cursor),
            Some(42)
        );
        assert_eq!(secrets().open_cursor(OrgId(2), "imports status=failed", &cursor), None);
        assert_eq!(secrets().open_cursor(OrgId(1), "imports", &cursor), None);
        assert_eq!(
            Secrets::new(&[8; 32]).open_cursor(OrgId(1), "imports status=failed", &cursor),
            None
        );
        let forged = URL_SAFE_NO_PAD.encode([0; 24]);
        for broken in ["", "x", "AAAA", &forged, &cursor[1..], &format!("{cursor}A")] {
            assert_eq!(
                secrets().open_cursor(OrgId(1), "imports status=failed", broken),
                None,
                "{broken}"
            );
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let minted = secrets().mint().unwrap();
        let key = Secrets::parse(&minted.text).unwrap();
        let shown = format!("{minted:?} {key:?} {:?}", secrets());
        assert!(!shown.contains(&key.secret), "{shown}");
    }
}

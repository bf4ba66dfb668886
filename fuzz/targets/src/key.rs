//! API keys: their form and checksum, worked out here a second time and in another way.

use longshore::secrets::{NOBODY, Secrets};

use crate::cuts::Cuts;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// The bytes are what somebody presents, and what a key is made of.
pub fn key(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let presented = Secrets::parse(&text);
    assert_eq!(presented.is_some(), is_key(&text), "{text:?}");

    let (made, id) = make(data);
    let parsed = Secrets::parse(&made).expect("a sound key");
    assert_eq!(parsed.id, id);
    assert!(!format!("{parsed:?}").contains(&made[17..60]));
    let secrets = Secrets::new(data);
    let mac = secrets.mac(&parsed);
    assert!(secrets.matches(&parsed, &mac) && !secrets.matches(&parsed, &NOBODY));
    assert!(presented.is_none_or(|other| other == parsed || !secrets.matches(&other, &mac)));

    let mut cuts = Cuts::of(data);
    let mut typo = made.clone().into_bytes();
    let place = cuts.below(typo.len());
    typo[place] = b' ' + u8::try_from(cuts.below(95)).unwrap();
    let typo = String::from_utf8(typo).unwrap();
    assert_eq!(Secrets::parse(&typo).is_some(), typo == made, "{typo:?} for {made:?}");
    let cut = cuts.below(made.len());
    assert!(Secrets::parse(&made[..cut]).is_none() && Secrets::parse(&format!("{made}{}", &made[cut..=cut])).is_none());
}

/// A key of these bytes, and its id.
fn make(data: &[u8]) -> (String, String) {
    let bytes = data.iter().copied().chain(0..);
    let letter = |alphabet: &'static [u8]| move |byte: u8| char::from(alphabet[usize::from(byte) % alphabet.len()]);
    let id: String = bytes.clone().take(12).map(letter(ID)).collect();
    let secret: String = bytes.skip(12).take(43).map(letter(DIGITS)).collect();
    let body = format!("lsk_{id}_{secret}");
    (format!("{body}{}", checksum(&body)), id)
}

fn is_key(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 66
        && bytes.iter().enumerate().all(|(place, byte)| match place {
            0..4 => *byte == b"lsk_"[place],
            4..16 => ID.contains(byte),
            16 => *byte == b'_',
            _ => DIGITS.contains(byte),
        })
        && text[60..] == checksum(&text[..60])
}

/// CRC-32 (ISO 3309), bit by bit, as six digits of base 62.
fn checksum(body: &str) -> String {
    let crc = body.bytes().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 }
        })
    });
    let number = u64::from(!crc);
    let digit = |place: u32| DIGITS[usize::try_from(number / 62_u64.pow(place) % 62).unwrap()];
    (0..6).rev().map(|place| char::from(digit(place))).collect()
}

//! 1 to 17: encodings and bytes. What the catalogue would refuse as an unsupported encoding is detected and transcoded where
//! that is safe (decided); what is no text, or two encodings at once, is refused.

use harness::both_stacks;

use crate::catalogue::Fate::{Refused, Taken};
use crate::catalogue::{File, file};
use crate::doors::{Door, meet_all};

/// Text in UTF-16, little endian if `low` comes first.
fn utf16(text: &str, low: bool, bom: bool) -> Vec<u8> {
    let mark = bom.then_some('\u{feff}');
    let text: String = mark.into_iter().chain(text.chars()).collect();
    let bytes = |unit: u16| if low { unit.to_le_bytes() } else { unit.to_be_bytes() };
    text.encode_utf16().flat_map(bytes).collect()
}

fn utf32(text: &str, low: bool, bom: bool) -> Vec<u8> {
    let mark = bom.then_some('\u{feff}');
    let bytes = |c: char| {
        if low {
            u32::from(c).to_le_bytes()
        } else {
            u32::from(c).to_be_bytes()
        }
    };
    mark.into_iter().chain(text.chars()).flat_map(bytes).collect()
}

/// EBCDIC's letters for `id,name` and two rows.
const EBCDIC: &[u8] = b"\x89\x84\x6B\x95\x81\x94\x85\x25\xF1\x6B\xC1\x95\x81\x25\xF2\x6B\xC2\x96\x25";

#[rustfmt::skip]
fn encodings(door: Door) -> Vec<File> {
    let (id, name) = door.columns();
    let plain = format!("{id},{name}\n1,Ana\n");
    let bytes = |rows: &[u8]| [format!("{id},{name}\n").as_bytes(), rows].concat();
    vec![
        file(1, "UTF-8 BOM", format!("\u{feff}{plain}"), Taken([1, 1, 0, 0])),
        file(2, "UTF-16 LE with BOM: transcoded", utf16(&plain, true, true), Taken([1, 1, 0, 0])),
        file(2, "UTF-16 BE with BOM: transcoded", utf16(&plain, false, true), Taken([1, 1, 0, 0])),
        file(2, "UTF-16 with a lone surrogate", [utf16(&plain, true, true), vec![b'2', 0, b',', 0, 0, 0xd8, b'a', 0, b'\n', 0]].concat(), Refused(400, "invalid-encoding", Some(2))),
        file(3, "UTF-16 LE without BOM: known by its NULs", utf16(&plain, true, false), Taken([1, 1, 0, 0])),
        file(3, "UTF-16 BE without BOM: known by its NULs", utf16(&plain, false, false), Taken([1, 1, 0, 0])),
        file(4, "UTF-32 LE with BOM", utf32(&plain, true, true), Refused(415, "unsupported-encoding", None)),
        file(4, "UTF-32 BE with BOM", utf32(&plain, false, true), Refused(415, "unsupported-encoding", None)),
        file(4, "UTF-32 LE without BOM", utf32(&plain, true, false), Refused(415, "unsupported-encoding", None)),
        file(4, "UTF-7", format!("+/v8-{plain}"), Refused(415, "unsupported-encoding", None)),
        file(4, "EBCDIC", EBCDIC, Refused(415, "unsupported-encoding", None)),
        file(5, "a Latin-1 byte in a row: windows-1252 is detected", bytes(b"1,caf\xE9\n"), Taken([1, 1, 0, 0])),
        file(5, "a Latin-1 byte after valid UTF-8: a mixture", bytes(b"1,Zo\xC3\xAB\n2,caf\xE9,x\n"), Refused(400, "invalid-encoding", Some(2))),
        file(6, "a Latin-1 byte in the header: detected", [format!("{id},pr").as_bytes(), b"\xE9nom\n1,Ana\n"].concat(), Taken([1, 1, 0, 0])),
        file(7, "overlong UTF-8", bytes(b"1,\xC3\xA9\n2,\xC0\xAF\n"), Refused(400, "invalid-encoding", Some(2))),
        file(7, "CESU surrogates", bytes(b"1,\xC3\xA9\n2,\xED\xA0\x80\n"), Refused(400, "invalid-encoding", Some(2))),
        file(7, "beyond U+10FFFF", bytes(b"1,\xC3\xA9\n2,\xF4\x90\x80\x80\n"), Refused(400, "invalid-encoding", Some(2))),
        file(7, "a character cut off by the end of the file", bytes(b"1,\xC3\xA9\n2,\xE2\x82"), Refused(400, "invalid-encoding", Some(2))),
        file(8, "characters of two to four bytes over every edge of a chunk", bytes(many_bytes().as_bytes()), Taken([6_000, 6_000, 0, 0])),
        file(9, "NUL in a cell", bytes(b"1,a\0b\n"), Refused(400, "nul-byte", Some(1))),
        file(10, "NUL in the header", format!("{id},a\0b\n1,2\n"), Refused(400, "nul-byte", Some(0))),
        file(10, "only NULs", vec![0; 3_000_000], Refused(400, "nul-byte", Some(0))),
        file(11, "an escape sequence in an id", bytes(b"1\x1b[31m,a\n"), Taken([1, 0, 1, 0])),
        file(11, "a C1 control in an id", bytes("1\u{9b}31m,a\n".as_bytes()), Taken([1, 0, 1, 0])),
        file(12, "zero width, BOM and right-to-left override inside text", bytes("1,a\u{200b}\u{feff}\u{202e}b\n".as_bytes()), Taken([1, 1, 0, 0])),
        file(12, "ids that look alike are two", bytes("pap,a\n\u{440}\u{430}\u{440},b\n".as_bytes()), Taken([2, 2, 0, 0])),
        file(13, "NFC and NFD ids are two", bytes("\u{e9},a\ne\u{301},b\n".as_bytes()), Taken([2, 2, 0, 0])),
        file(14, "emoji and astral letters", bytes("1,👩‍🚀𝒜\n".as_bytes()), Taken([1, 1, 0, 0])),
        file(15, "U+2028, U+2029 and NEL are no line ends", bytes("1,a\u{2028}b\u{2029}c\n".as_bytes()), Taken([1, 1, 0, 0])),
        file(16, "Ctrl-Z at the end", bytes(b"1,a\n\x1a"), Taken([2, 1, 1, 0])),
        file(17, "a ZIP, as XLSX is", b"PK\x03\x04\x14\0\x06\0\x08\0\0\0".as_slice(), Refused(415, "binary-file", None)),
        file(17, "a PDF", b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n".as_slice(), Refused(415, "binary-file", None)),
        file(17, "a PNG", b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR".as_slice(), Refused(415, "binary-file", None)),
        file(17, "an old XLS", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0\0".as_slice(), Refused(415, "binary-file", None)),
        file(17, "a page of HTML", "\n<!DOCTYPE html><title>Sign in</title>", Refused(415, "binary-file", None)),
    ]
}

/// Rows whose lengths drift, so that each edge of a chunk or a batch falls somewhere else in a character.
fn many_bytes() -> String {
    let row = |i: usize| format!("{i},{}\n", ["é", "€", "𝒜"][i % 3].repeat(i % 40 + 1));
    (0..6_000).map(row).collect()
}

pub(crate) fn numbers() -> Vec<u32> {
    encodings(Door::Raw).iter().map(|entry| entry.number).collect()
}

both_stacks! {
    async fn bytes_and_encodings_meet_their_fate(stack) {
        let running = stack.start(&[]).await;
        assert!(meet_all(&running, encodings).await > 60);
        let combining = format!("source_id,remark\n14,e{}\n", "\u{301}".repeat(10_000));
        let client = &running.client;
        client.wait_final(client.import("resource=users", combining).await).await;
        let users = client.users().await;
        assert_eq!(users[0]["attributes"]["remark"].as_str().unwrap().chars().count(), 10_001, "14: all marks are kept");
    }
}

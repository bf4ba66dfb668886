//! Any bytes at all, in an encoding that the caller names, against `encoding_rs` on the whole.

use encoding_rs::{CoderResult, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use worker::intake::DoorError;

use crate::cuts::Cuts;
use crate::plain::{admit, options};

const LABELS: [&str; 39] = [
    "utf-8",
    "utf-16le",
    "utf-16be",
    "ibm866",
    "iso-8859-2",
    "iso-8859-3",
    "iso-8859-4",
    "iso-8859-5",
    "iso-8859-6",
    "iso-8859-7",
    "iso-8859-8",
    "iso-8859-8-i",
    "iso-8859-10",
    "iso-8859-13",
    "iso-8859-14",
    "iso-8859-15",
    "iso-8859-16",
    "koi8-r",
    "koi8-u",
    "macintosh",
    "windows-874",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "windows-1257",
    "windows-1258",
    "x-mac-cyrillic",
    "gbk",
    "gb18030",
    "big5",
    "euc-jp",
    "iso-2022-jp",
    "shift_jis",
    "euc-kr",
    "x-user-defined",
];

/// What the whole of a file must come to.
enum Verdict {
    Text(String),
    Nul,
    Wrong,
}

/// The first byte chooses the encoding, the rest follows a header in it.
pub fn decoder(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else {
        return;
    };
    let label = LABELS[usize::from(*choice) % LABELS.len()];
    let encoding = Encoding::for_label(label.as_bytes()).unwrap();
    let file = [header(encoding), data].concat();
    let options = options(Some(label), Some(','));
    let whole = admit(&options, &[&file]);
    for way in Cuts::of(data).ways(&file) {
        assert_eq!(
            admit(&options, &way),
            whole,
            "{label}: the verdict depends on how the bytes arrive"
        );
    }
    match (whole, expected(encoding, &file)) {
        (Ok((report, plain)), Verdict::Text(text)) => {
            assert!(report.encoding.eq_ignore_ascii_case(encoding.name()));
            assert_eq!(String::from_utf8(plain).unwrap(), text, "{label}");
        }
        (Err(refusal), verdict) => judge(&refusal, &verdict, encoding, &file),
        (Ok(_), _) => panic!("{label}: let in, though it is not text in this encoding"),
    }
}

fn judge(refusal: &DoorError, verdict: &Verdict, encoding: &'static Encoding, file: &[u8]) {
    match (refusal.code, verdict) {
        ("nul-byte", Verdict::Nul) => {}
        ("invalid-encoding", Verdict::Wrong) => {
            let place = usize::try_from(refusal.byte.expect("a place")).unwrap();
            if encoding == UTF_8 {
                assert_eq!(place, std::str::from_utf8(file).unwrap_err().valid_up_to());
            }
            assert!(place < file.len());
            assert!(
                !is_malformed(encoding, &file[..place]),
                "the bytes before {place} are wrong already"
            );
        }
        // Faults of structure may lie before anything that a decoder minds.
        ("too-many-columns", _) | ("unclosed-quote", Verdict::Text(_)) => {}
        (code, _) => panic!("{}: refused as {code}: {}", encoding.name(), refusal.detail),
    }
}

fn header(encoding: &'static Encoding) -> &'static [u8] {
    match encoding {
        _ if encoding == UTF_16LE => b"h\0\n\0",
        _ if encoding == UTF_16BE => b"\0h\0\n",
        _ => b"h\n",
    }
}

/// By one decoder that sees all of it at once: whatever goes wrong first.
fn expected(encoding: &'static Encoding, file: &[u8]) -> Verdict {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let room = decoder.max_utf8_buffer_length_without_replacement(file.len()).unwrap();
    let mut text = String::with_capacity(room);
    let (result, _) = decoder.decode_to_string_without_replacement(file, &mut text, true);
    let unassigned =
        |letter: &char| encoding.name().starts_with("windows-125") && ('\u{80}'..'\u{A0}').contains(letter);
    match text.chars().find(|letter| *letter == '\0' || unassigned(letter)) {
        Some('\0') => Verdict::Nul,
        Some(_) => Verdict::Wrong,
        None if result == DecoderResult::InputEmpty => Verdict::Text(text),
        None => Verdict::Wrong,
    }
}

/// Whether these bytes are wrong whatever follows them.
fn is_malformed(encoding: &'static Encoding, bytes: &[u8]) -> bool {
    let mut text = String::with_capacity(bytes.len() * 3 + 16);
    let (result, _, replaced) = encoding
        .new_decoder_without_bom_handling()
        .decode_to_string(bytes, &mut text, false);
    assert_eq!(result, CoderResult::InputEmpty);
    replaced
}

//! Which encoding a file is in, by its BOM, by what the caller said, or by its first MiB. Decoding is in `decode`; a wrong
//! guess is worse than a refusal, so what looks like a mixture of encodings counts as UTF-8 and is refused where it fails.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::error::DoorError;
use super::scan::offset;

/// How the encoding is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// From a BOM or the caller: what decodes is right.
    Told,
    /// From the bytes: what follows must go on to look like it.
    Guessed,
}

/// An encoding and how it came to be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) encoding: &'static Encoding,
    pub(super) known: Known,
}

/// The encoding of a caller's label.
pub(super) fn from_label(label: &str) -> Result<&'static Encoding, DoorError> {
    let known = Encoding::for_label_no_replacement(label.as_bytes());
    known.ok_or_else(|| {
        let shown: String = label.chars().take(40).collect();
        let detail = format!(
            "`encoding` is {shown:?}, which is no encoding this service knows. Expected a WHATWG label such as utf-8, \
             utf-16le, windows-1252, iso-8859-2, windows-1251 or shift_jis. Convert other files to UTF-8."
        );
        DoorError::bad("unknown-encoding", detail)
    })
}

/// The name in answers: the WHATWG name in lower case.
pub(super) fn name(encoding: &'static Encoding) -> &'static str {
    const LOWER: &[&str] = &[
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
        "gbk",
        "big5",
        "euc-jp",
        "iso-2022-jp",
        "shift_jis",
        "euc-kr",
    ];
    let own = encoding.name();
    LOWER
        .iter()
        .find(|lower| lower.eq_ignore_ascii_case(own))
        .copied()
        .unwrap_or(own)
}

/// What the first bytes say: a BOM decides, and encodings that are not taken are refused by theirs.
pub(super) fn from_bom(head: &[u8]) -> Result<Option<Choice>, DoorError> {
    let told = |encoding| {
        Ok(Some(Choice {
            encoding,
            known: Known::Told,
        }))
    };
    match head {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => Err(unsupported("UTF-32")),
        [b'+', b'/', b'v', b'8' | b'9' | b'+' | b'/', ..] => Err(unsupported("UTF-7")),
        [0xEF, 0xBB, 0xBF, ..] => told(UTF_8),
        [0xFF, 0xFE, ..] => told(UTF_16LE),
        [0xFE, 0xFF, ..] => told(UTF_16BE),
        _ => Ok(None),
    }
}

/// The encoding of a file without a BOM by its head; `complete` = that is the whole file.
pub(super) fn from_bytes(head: &[u8], complete: bool) -> Result<Choice, DoorError> {
    let guessed = |encoding| {
        Ok(Choice {
            encoding,
            known: Known::Guessed,
        })
    };
    if let Some(encoding) = by_zeros(head)? {
        return guessed(encoding);
    }
    match std::str::from_utf8(head) {
        Ok(_) => return guessed(UTF_8),
        Err(cut) if cut.error_len().is_none() && !complete => return guessed(UTF_8),
        Err(_) if is_ebcdic(head) => return Err(unsupported("EBCDIC")),
        Err(_) => {}
    }
    let mut runs = Runs::default();
    runs.feed(head, 0);
    runs.end();
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(head, complete);
    let encoding = detector.guess(None, Utf8Detection::Deny);
    // Pairs of bytes of an East Asian encoding are valid UTF-8 now and then, letters of a single-byte one are not.
    let tolerated = if encoding.is_single_byte() { 0 } else { runs.other / 4 };
    guessed(if runs.utf8 > tolerated { UTF_8 } else { encoding })
}

/// UTF-16 and UTF-32 show by their NULs: letters, digits, delimiters and line ends have one in two places, or three in four.
fn by_zeros(head: &[u8]) -> Result<Option<&'static Encoding>, DoorError> {
    let zeros_at = |place: usize| head.chunks_exact(4).filter(|quad| quad.get(place) == Some(&0)).count();
    let quads = head.len() / 4;
    let nearly_all = |place: usize| quads > 1 && zeros_at(place) * 10 > quads * 9;
    if nearly_all(2) && nearly_all(3) && !nearly_all(0) || nearly_all(0) && nearly_all(1) && !nearly_all(3) {
        return Err(unsupported("UTF-32"));
    }
    let (first, second) = (
        Units::count(head, |pair| (pair[0], pair[1])),
        Units::count(head, |pair| (pair[1], pair[0])),
    );
    Ok(match () {
        () if second.show_text(&first) => Some(UTF_16LE),
        () if first.show_text(&second) => Some(UTF_16BE),
        () => None,
    })
}

/// Pairs of bytes with a NUL in one place.
struct Units {
    all: usize,
    zeros: usize,
    /// The other byte is LF or CR.
    line_ends: usize,
    /// The other byte is LF or CR, whatever stands in that place.
    like_line_ends: usize,
}

impl Units {
    fn count(head: &[u8], order: impl Fn(&[u8; 2]) -> (u8, u8)) -> Self {
        let mut units = Self {
            all: 0,
            zeros: 0,
            line_ends: 0,
            like_line_ends: 0,
        };
        for pair in head.as_chunks::<2>().0 {
            let (zero, other) = order(pair);
            let line_end = matches!(other, b'\n' | b'\r');
            units.all += 1;
            units.zeros += usize::from(zero == 0);
            units.line_ends += usize::from(zero == 0 && line_end);
            units.like_line_ends += usize::from(line_end);
        }
        units
    }

    /// These NULs are halves of characters: there are enough, the other place has hardly any, and line ends have theirs. A
    /// stray NUL in a file of single bytes has none of that.
    fn show_text(&self, others: &Self) -> bool {
        let line_ends = self.line_ends > 0 && self.line_ends * 2 >= self.like_line_ends;
        let enough = if line_ends {
            self.zeros * 10 >= self.all
        } else {
            self.zeros * 3 >= self.all && self.like_line_ends == 0
        };
        self.zeros > 0 && enough && others.zeros * 16 <= self.zeros
    }
}

/// EBCDIC has its letters and digits above 0x80, its space and comma below, and no LF or CR.
fn is_ebcdic(head: &[u8]) -> bool {
    let is_word = |byte: &&u8| {
        let low = **byte & 0x0F;
        match **byte >> 4 {
            0x8 | 0x9 | 0xC | 0xD => (1..=9).contains(&low),
            0xA | 0xE => (2..=9).contains(&low),
            0xF => low <= 9,
            _ => false,
        }
    };
    let is_ascii_word = |byte: &&u8| byte.is_ascii_alphanumeric();
    let words = head.iter().filter(is_word).count();
    let has = |wanted: &[u8]| head.iter().any(|byte| wanted.contains(byte));
    words * 2 > head.len()
        && head.iter().filter(is_ascii_word).count() < words
        && has(b"\x25\x15\x40\x6B")
        && !has(b"\r\n")
}

fn unsupported(name: &str) -> DoorError {
    let detail = format!("The file is in {name}, which is not read. Save it as UTF-8 and send it again.");
    DoorError::unsupported("unsupported-encoding", detail).at(0, Some(0))
}

/// Runs of bytes beyond ASCII: whether they are UTF-8 or something else.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    /// Runs that hardly are anything but UTF-8.
    pub(super) utf8: u64,
    /// Runs that are not UTF-8.
    pub(super) other: u64,
    /// Where the first UTF-8 one starts.
    pub(super) first_utf8: Option<u64>,
    start: Option<u64>,
    lead: u8,
    missing: u8,
    sequences: u32,
    broken: bool,
}

impl Runs {
    /// Goes on over bytes that start at offset `at`.
    pub(super) fn feed(&mut self, bytes: &[u8], at: u64) {
        for (index, byte) in bytes.iter().enumerate() {
            if !byte.is_ascii() {
                self.start.get_or_insert(at + offset(index));
                self.high(*byte);
            } else if self.start.is_some() {
                self.end();
            }
        }
    }

    fn high(&mut self, byte: u8) {
        match (self.missing, byte) {
            (1.., 0x80..=0xBF) => self.missing -= 1,
            (0, 0xC2..=0xF4) => {
                self.missing = if byte < 0xE0 {
                    1
                } else if byte < 0xF0 {
                    2
                } else {
                    3
                };
                self.sequences += 1;
                self.lead = byte;
            }
            _ => self.broken = true,
        }
    }

    /// Ends the current run. One pair alone tells only if it is a Latin letter: `É®` in windows-1252 is a valid pair too.
    pub(super) fn end(&mut self) {
        let telling = self.sequences > 1 || self.lead >= 0xE0 || self.lead <= 0xC5;
        if let Some(start) = self.start.take() {
            if self.broken || self.missing > 0 {
                self.other += 1;
            } else if telling {
                self.utf8 += 1;
                self.first_utf8.get_or_insert(start);
            }
        }
        (self.missing, self.sequences, self.broken, self.lead) = (0, 0, false, 0);
    }
}

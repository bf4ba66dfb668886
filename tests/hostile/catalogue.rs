//! What an entry of the catalogue is, and what may become of a file.

/// One line of the catalogue.
#[derive(Clone)]
pub(crate) struct Entry<I, E> {
    /// As in the catalogue.
    pub(crate) number: u32,
    /// What it is, in words.
    pub(crate) name: &'static str,
    /// What is sent.
    pub(crate) input: I,
    /// What must come of it.
    pub(crate) expected: E,
}

/// What a file must meet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// Refused with this status and code, at this record where it has one; nothing is stored.
    Refused(u16, &'static str, Option<u64>),
    /// Taken in; then these counts: total, applied, failed, skipped.
    Taken([u64; 4]),
}

/// A file and its fate.
pub(crate) type File = Entry<Vec<u8>, Fate>;

pub(crate) fn file(number: u32, name: &'static str, input: impl Into<Vec<u8>>, expected: Fate) -> File {
    Entry {
        number,
        name,
        input: input.into(),
        expected,
    }
}

/// What each code of the door says in words: the surfaces have no codes in their envelopes.
const WORDS: &[(&str, &str)] = &[
    ("bad-quote", "quote"),
    ("binary-file", "not CSV text"),
    ("blank-header", "has no name"),
    ("compression-ratio", "times"),
    ("duplicate-header", "same name"),
    ("empty-file", "empty"),
    ("field-too-large", "field"),
    ("header-too-long", "Column"),
    ("invalid-encoding", "encoding"),
    ("key-missing", "no column"),
    ("no-header", "header"),
    ("nothing-mapped", "no column"),
    ("nul-byte", "NUL"),
    ("record-too-large", "longer than"),
    ("too-many-columns", "columns"),
    ("unclosed-quote", "never closed"),
    ("unsupported-encoding", "Save"),
];

/// A part of the sentence that goes with a code.
pub(crate) fn words(code: &str) -> &'static str {
    let found = WORDS.iter().find(|(known, _)| *known == code);
    found.unwrap_or_else(|| panic!("{code} has no words yet")).1
}

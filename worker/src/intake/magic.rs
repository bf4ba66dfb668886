//! Knows a file that is no text by its first bytes, and says what to do instead. Only signatures that no CSV file begins with.

use super::error::DoorError;

struct Kind {
    magic: &'static [u8],
    name: &'static str,
    advice: &'static str,
}

const EXPORT: &str = "Open it in the program it comes from and export it as CSV (UTF-8).";
const UNPACK: &str = "Unpack it and send the CSV file that is inside.";

const KINDS: &[Kind] = &[
    Kind {
        magic: b"PK\x03\x04",
        name: "a ZIP archive or an Excel workbook (.xlsx)",
        advice: EXPORT,
    },
    Kind {
        magic: b"PK\x05\x06",
        name: "an empty ZIP archive",
        advice: EXPORT,
    },
    Kind {
        magic: b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
        name: "an old Excel workbook (.xls)",
        advice: EXPORT,
    },
    Kind {
        magic: b"%PDF-",
        name: "a PDF document",
        advice: EXPORT,
    },
    Kind {
        magic: b"\x89PNG\r\n\x1A\n",
        name: "a PNG image",
        advice: EXPORT,
    },
    Kind {
        magic: b"\xFF\xD8\xFF",
        name: "a JPEG image",
        advice: EXPORT,
    },
    Kind {
        magic: b"GIF87a",
        name: "a GIF image",
        advice: EXPORT,
    },
    Kind {
        magic: b"GIF89a",
        name: "a GIF image",
        advice: EXPORT,
    },
    Kind {
        magic: b"SQLite format 3\0",
        name: "an SQLite database",
        advice: EXPORT,
    },
    Kind {
        magic: b"\x7FELF",
        name: "a program",
        advice: EXPORT,
    },
    Kind {
        magic: b"7z\xBC\xAF\x27\x1C",
        name: "a 7z archive",
        advice: UNPACK,
    },
    Kind {
        magic: b"Rar!\x1A\x07",
        name: "a RAR archive",
        advice: UNPACK,
    },
    Kind {
        magic: b"\xFD7zXZ\0",
        name: "an xz file",
        advice: UNPACK,
    },
    Kind {
        magic: b"BZh91AY&SY",
        name: "a bzip2 file",
        advice: UNPACK,
    },
];

/// Refuses the head of a file that is known not to be text. `inflated` = a `Content-Encoding` was undone already.
pub(super) fn refuse_binary(head: &[u8], inflated: bool) -> Result<(), DoorError> {
    let compressed = match head {
        [0x1F, 0x8B, ..] => Some("gzip"),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Some("zstd"),
        _ => None,
    };
    if let Some(name) = compressed {
        return Err(refuse_compressed(name, inflated));
    }
    if let Some(kind) = KINDS.iter().find(|kind| head.starts_with(kind.magic)) {
        return Err(binary(kind.name, kind.advice));
    }
    if is_html(head) {
        return Err(binary(
            "an HTML or XML page, perhaps a sign-in page that was saved in place of the file",
            EXPORT,
        ));
    }
    Ok(())
}

fn binary(name: &str, advice: &str) -> DoorError {
    let detail = format!("The file is {name}, not CSV text. {advice}");
    DoorError::unsupported("binary-file", detail).at(0, Some(0))
}

fn refuse_compressed(name: &str, inflated: bool) -> DoorError {
    if inflated {
        let detail = format!("The body is compressed twice: inside is {name} again. Compress the CSV file once only.");
        return DoorError::bad("nested-compression", detail);
    }
    let detail = format!("The file is compressed with {name}. Send it with `Content-Encoding: {name}`, or unpacked.");
    DoorError::unsupported("binary-file", detail).at(0, Some(0))
}

fn is_html(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    [b"<!doctype html".as_slice(), b"<html", b"<head>", b"<?xml "]
        .iter()
        .any(|tag| {
            text.get(..tag.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(tag))
        })
}

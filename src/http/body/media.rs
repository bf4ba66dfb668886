//! What a body says it is: media type, charset, boundary, content coding and file name, read from headers. No byte of the body.

use actix_web::http::header::{
    ACCEPT_ENCODING, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, ContentDisposition, HeaderMap, HeaderName,
    HeaderValue,
};
use worker::intake::Inflate;

use crate::http::problem::{Kind, Problem};

/// Longest boundary (RFC 2046 section 5.1.1).
const MAX_BOUNDARY: usize = 70;
/// Longest label of a file in bytes.
const MAX_FILE_NAME: usize = 255;
/// What browsers and scripts call a CSV file in a part.
const PART_TYPES: [&str; 6] = [
    "text/csv",
    "text/plain",
    "application/csv",
    "application/octet-stream",
    "application/vnd.ms-excel",
    "text/tab-separated-values",
];

/// The form of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// The body is the file.
    Csv {
        /// What the charset says about its encoding.
        charset: Option<Charset>,
    },
    /// `multipart/form-data`.
    Multipart,
}

/// A charset parameter that names an encoding we know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    /// Decode as this (a WHATWG name).
    Named(&'static str),
    /// UTF-16 of either order; the bytes must bear it out.
    Utf16,
}

/// Reads `Content-Type`.
pub(super) fn media(headers: &HeaderMap) -> Result<Media, Problem> {
    let given = single(headers, CONTENT_TYPE)?.unwrap_or_default();
    let (essence, parameters) = parse_type(given).ok_or_else(|| unsupported(given))?;
    match essence.as_str() {
        "text/csv" => Ok(Media::Csv {
            charset: charset(&parameters, given)?,
        }),
        "multipart/form-data" => check_boundary(&parameters).map(|()| Media::Multipart),
        _ => Err(unsupported(given)),
    }
}

/// Reads the `Content-Type` of a file part, which may be missing.
pub(super) fn part_charset(headers: &HeaderMap) -> Result<Option<Charset>, Problem> {
    let Some(given) = single(headers, CONTENT_TYPE)? else {
        return Ok(None);
    };
    let (essence, parameters) = parse_type(given).ok_or_else(|| unsupported(given))?;
    if !PART_TYPES.contains(&essence.as_str()) {
        return Err(unsupported(given));
    }
    charset(&parameters, given)
}

/// Reads `Content-Encoding`.
pub(super) fn coding(headers: &HeaderMap) -> Result<Option<Inflate>, Problem> {
    let accepted = (ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd"));
    let given = single(headers, CONTENT_ENCODING)?
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match given.as_str() {
        "" | "identity" => Ok(None),
        "gzip" | "x-gzip" => Ok(Some(Inflate::Gzip)),
        "zstd" => Ok(Some(Inflate::Zstd)),
        _ => {
            let detail = format!("The Content-Encoding is {given:?}; expected gzip or zstd, once.");
            Err(Problem::with(Kind::UnsupportedCoding, detail).header(accepted.0, accepted.1))
        }
    }
}

/// The file's label from `Content-Disposition`.
pub fn file_name(headers: &HeaderMap) -> Option<String> {
    let disposition = ContentDisposition::from_raw(headers.get(CONTENT_DISPOSITION)?).ok()?;
    disposition_file_name(&disposition)
}

/// The file's label from a parsed disposition; `filename*` goes first.
pub fn disposition_file_name(disposition: &ContentDisposition) -> Option<String> {
    let extended = disposition
        .get_filename_ext()
        .map(|name| String::from_utf8_lossy(&name.value).into_owned());
    label(&extended.or_else(|| disposition.get_filename().map(str::to_owned))?)
}

/// A name as a label and nothing more: no folders, no control or direction characters, at most 255 bytes.
pub fn label(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown: String = last.chars().filter(|c| !c.is_control() && !is_direction(*c)).collect();
    let shown = shown.trim();
    let mut end = shown.len().min(MAX_FILE_NAME);
    while !shown.is_char_boundary(end) {
        end -= 1;
    }
    let label = shown.get(..end)?.trim_end();
    (!matches!(label, "" | "." | "..")).then(|| label.to_owned())
}

fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn single(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(&name);
    let first = values.next();
    if values.next().is_some() {
        return Err(Problem::with(Kind::InvalidHeader, format!("{name} is given twice.")));
    }
    match first.map(HeaderValue::to_str) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(_)) => Err(Problem::with(
            Kind::InvalidHeader,
            format!("{name} is not plain ASCII."),
        )),
    }
}

/// `type/subtype` in lower case, and the parameters with names in lower case and quotes taken off.
fn parse_type(text: &str) -> Option<(String, Vec<(String, String)>)> {
    let mut pieces = split_outside_quotes(text).into_iter();
    let essence = pieces.next()?.trim().to_ascii_lowercase();
    let mut parameters = Vec::new();
    for piece in pieces
        .map(|piece| piece.trim().to_owned())
        .filter(|piece| !piece.is_empty())
    {
        let (name, value) = piece.split_once('=')?;
        let value = value.trim();
        let bare = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'))
            .unwrap_or(value);
        parameters.push((name.trim().to_ascii_lowercase(), bare.replace('\\', "")));
    }
    Some((essence, parameters))
}

fn split_outside_quotes(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        quoted ^= c == '"';
        if c == ';' && !quoted {
            pieces.push(String::new());
        } else if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces
}

fn check_boundary(parameters: &[(String, String)]) -> Result<(), Problem> {
    let mut boundaries = parameters.iter().filter(|(name, _)| name == "boundary");
    let refuse = |why: &str| {
        Err(Problem::with(
            Kind::MultipartBoundary,
            format!("The multipart boundary {why}."),
        ))
    };
    let Some((_, boundary)) = boundaries.next() else {
        return refuse("is missing");
    };
    if boundaries.next().is_some() {
        return refuse("is given twice");
    }
    // The characters of RFC 2046 but for the space, which some readers take off.
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    match boundary.len() {
        0 => refuse("is empty"),
        length if length > MAX_BOUNDARY => refuse("is longer than 70 characters"),
        _ if !boundary.bytes().all(allowed) => refuse("holds a character that RFC 2046 does not allow"),
        _ => Ok(()),
    }
}

fn charset(parameters: &[(String, String)], given: &str) -> Result<Option<Charset>, Problem> {
    if parameters
        .iter()
        .any(|(name, value)| name == "header" && value.eq_ignore_ascii_case("absent"))
    {
        let detail = "The file must have a header row; header=absent is not supported.";
        return Err(Problem::with(Kind::UnsupportedMediaType, detail));
    }
    let Some((_, label)) = parameters.iter().find(|(name, _)| name == "charset") else {
        return Ok(None);
    };
    if label.eq_ignore_ascii_case("utf-16") {
        return Ok(Some(Charset::Utf16));
    }
    match encoding_rs::Encoding::for_label_no_replacement(label.as_bytes()) {
        Some(encoding) => Ok(Some(Charset::Named(encoding.name()))),
        None => {
            let detail = format!("The Content-Type is {given:?}, and no encoding has the name {label:?}.");
            Err(Problem::with(Kind::UnsupportedMediaType, detail))
        }
    }
}

fn unsupported(given: &str) -> Problem {
    let given: String = given.chars().take(200).collect();
    let detail = format!(
        "The Content-Type is {given:?}; expected text/csv with the file as the body, or multipart/form-data with a part named file."
    );
    Problem::with(Kind::UnsupportedMediaType, detail)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn code(content_type: &str) -> &'static str {
        media(&headers(&[("content-type", content_type)]))
            .err()
            .map_or("-", |problem| problem.code)
    }

    #[test]
    fn csv_with_or_without_a_charset() {
        let charset = |content_type| match media(&headers(&[("content-type", content_type)])).unwrap() {
            Media::Csv { charset } => charset,
            Media::Multipart => None,
        };
        assert_eq!(charset("text/csv"), None);
        assert_eq!(
            charset("Text/CSV; charset=UTF-8; header=present"),
            Some(Charset::Named("UTF-8"))
        );
        assert_eq!(
            charset("text/csv;charset=\"windows-1252\""),
            Some(Charset::Named("windows-1252"))
        );
        assert_eq!(charset("text/csv; charset=utf-16"), Some(Charset::Utf16));
    }

    #[test]
    fn other_types_are_refused() {
        for other in [
            "",
            "text/html",
            "application/json",
            "text/csv; charset=klingon",
            "text/csv; header=absent",
            "text/csv; x",
        ] {
            assert_eq!(code(other), "unsupported-media-type", "{other}");
        }
        assert_eq!(media(&HeaderMap::new()).unwrap_err().status.as_u16(), 415);
        let twice = headers(&[("content-type", "text/csv"), ("content-type", "text/html")]);
        assert_eq!(media(&twice).unwrap_err().code, "invalid-header");
    }

    #[test]
    fn a_boundary_is_one_to_seventy_safe_characters() {
        assert_eq!(
            code("multipart/form-data; boundary=6o2knFse3p53ty9dmcQvWAIx1zInP11uCfbm"),
            "-"
        );
        assert_eq!(code(&format!("multipart/form-data; boundary={}", "x".repeat(70))), "-");
        let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
        for broken in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=a; boundary=b",
            "multipart/form-data; boundary=\"a b\"",
            long.as_str(),
        ] {
            assert_eq!(code(broken), "multipart-boundary", "{broken}");
        }
    }

    #[test]
    fn codings() {
        let coding = |value| coding(&headers(&[("content-encoding", value)]));
        assert_eq!(coding("GZIP").unwrap(), Some(Inflate::Gzip));
        assert_eq!(coding("zstd").unwrap(), Some(Inflate::Zstd));
        assert_eq!(coding("identity").unwrap(), None);
        for other in ["br", "deflate", "gzip, gzip", "compress"] {
            let problem = coding(other).unwrap_err();
            assert_eq!((problem.status.as_u16(), problem.headers.len()), (415, 1), "{other}");
        }
    }

    #[test]
    fn file_names_are_labels() {
        assert_eq!(label("../../etc/passwd").as_deref(), Some("passwd"));
        assert_eq!(label(r"C:\people\a.csv").as_deref(), Some("a.csv"));
        assert_eq!(label("a\0b\u{202e}vsc.csv\r\n").as_deref(), Some("abvsc.csv"));
        assert_eq!(label("..").as_deref(), None);
        assert_eq!(label("/").as_deref(), None);
        assert_eq!(label(&"é".repeat(5000)).map(|name| name.len()), Some(254));
        let named = headers(&[(
            "content-disposition",
            "attachment; filename=\"x.csv\"; filename*=UTF-8''%e2%82%ac.csv",
        )]);
        assert_eq!(file_name(&named).as_deref(), Some("€.csv"));
    }
}

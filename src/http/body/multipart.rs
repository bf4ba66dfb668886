//! Multipart bodies: an optional part `options` (JSON), then exactly one part with the file, then nothing but the end. The parser is
//! `actix_multipart`; what it would let pass (parts in thousands, bytes after the end) is refused here.

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::error::PayloadError;
use actix_web::http::header::HeaderMap;
use bytes::Bytes;
use futures::StreamExt;
use serde_json::{Map, Value};
use worker::intake::Inflate;

use super::media::{self, Charset};
use super::{CHUNK_BYTES, Forms, Incoming};
use crate::http::problem::{Kind, Problem};
use crate::http::strict;

/// Largest options part; a mapping of 1,000 columns fits.
const MAX_OPTIONS_BYTES: usize = 64 * 1024;
const OPTIONS: &str = "options";

/// A multipart body, read up to where its file begins.
pub(super) struct Opened {
    pub(super) options: Option<Map<String, Value>>,
    pub(super) file_name: Option<String>,
    pub(super) charset: Option<Charset>,
    pub(super) coding: Option<Inflate>,
    pub(super) part: FilePart,
}

/// The file's bytes, and what must not come after them.
pub(super) struct FilePart {
    incoming: Incoming,
    parts: Multipart,
    field: Option<Field>,
    forms: Forms,
    rest: Bytes,
}

/// Reads parts until the file begins.
pub(super) async fn open(headers: &HeaderMap, mut incoming: Incoming, forms: Forms) -> Result<Opened, Problem> {
    let mut parts = Multipart::new(headers, incoming.tap.clone());
    let mut options = None;
    loop {
        let Some(mut field) = next_field(&mut incoming, &mut parts).await? else {
            let detail = format!("The part named {} is missing.", forms.part());
            return Err(Problem::with(Kind::FilePartMissing, detail));
        };
        match field.name() {
            Some(name) if name == forms.part() => return opened(options, (incoming, parts, field), forms),
            Some(OPTIONS) if forms == Forms::RawOrMultipart && options.is_none() => {
                options = Some(read_options(&mut incoming, &mut field).await?);
            }
            Some(OPTIONS) if forms == Forms::RawOrMultipart => return Err(Problem::new(Kind::OptionsPart)),
            other => return Err(unknown(other, forms)),
        }
    }
}

fn opened(
    options: Option<Map<String, Value>>,
    (incoming, parts, field): (Incoming, Multipart, Field),
    forms: Forms,
) -> Result<Opened, Problem> {
    Ok(Opened {
        options,
        file_name: field.content_disposition().and_then(media::disposition_file_name),
        charset: media::part_charset(field.headers())?,
        coding: media::coding(field.headers())?,
        part: FilePart {
            incoming,
            parts,
            field: Some(field),
            forms,
            rest: Bytes::new(),
        },
    })
}

impl FilePart {
    /// The file's next bytes, at most 64 KiB; nothing once the whole body has been read and found in order.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        while self.rest.is_empty() {
            let Some(field) = &mut self.field else { return Ok(None) };
            match self.incoming.timed(field.next()).await? {
                Some(bytes) => self.rest = bytes.map_err(|error| problem(&error))?,
                None => self.finish().await?,
            }
        }
        let length = self.rest.len().min(CHUNK_BYTES);
        Ok(Some(self.rest.split_to(length)))
    }

    /// No further part may follow, and the body must end where its headers say.
    async fn finish(&mut self) -> Result<(), Problem> {
        self.field = None;
        if let Some(field) = next_field(&mut self.incoming, &mut self.parts).await? {
            let part = self.forms.part();
            return Err(match field.name() {
                Some(name) if name == part => {
                    let detail = format!("There is more than one part named {part}.");
                    Problem::with(Kind::FilePartRepeated, detail)
                }
                Some(OPTIONS) if self.forms == Forms::RawOrMultipart => Problem::new(Kind::OptionsPart),
                other => unknown(other, self.forms),
            });
        }
        end(&mut self.incoming).await
    }

    pub(super) fn received(&self) -> u64 {
        self.incoming.received()
    }
}

/// Reads what comes after the last boundary: the body ends where its headers say, or was cut. RFC 2046 allows an epilogue;
/// nobody needs more of it than this.
pub(super) async fn end(incoming: &mut Incoming) -> Result<(), Problem> {
    let mut epilogue = 0;
    while let Some(bytes) = incoming.next().await? {
        epilogue += bytes.len();
        if epilogue > CHUNK_BYTES {
            return Err(Problem::with(
                Kind::MultipartMalformed,
                "There is more than 64 KiB after the last boundary.",
            ));
        }
    }
    Ok(())
}

pub(super) async fn next_field(incoming: &mut Incoming, parts: &mut Multipart) -> Result<Option<Field>, Problem> {
    let next = incoming.timed(parts.next()).await?;
    next.transpose().map_err(|error| match &error {
        // The parser's buffer of 64 KiB is full before the part's headers end.
        MultipartError::Payload(PayloadError::Overflow) => Problem::new(Kind::PartHeaders),
        other => problem(other),
    })
}

async fn read_options(incoming: &mut Incoming, field: &mut Field) -> Result<Map<String, Value>, Problem> {
    let mut text = Vec::new();
    while let Some(bytes) = incoming.timed(field.next()).await? {
        text.extend_from_slice(&bytes.map_err(|error| problem(&error))?);
        if text.len() > MAX_OPTIONS_BYTES {
            return Err(Problem::new(Kind::OptionsPart));
        }
    }
    strict::parse_object(&text)
}

fn unknown(name: Option<&str>, forms: Forms) -> Problem {
    let name: String = name.unwrap_or_default().chars().take(100).collect();
    let expected = match forms {
        Forms::RawOrMultipart => "options, then file",
        Forms::PartOnly(name) => name,
    };
    Problem::with(
        Kind::PartUnknown,
        format!("There is a part named {name:?}; expected {expected}."),
    )
}

pub(super) fn problem(error: &MultipartError) -> Problem {
    let kind = match error {
        MultipartError::Incomplete | MultipartError::Payload(PayloadError::Incomplete(_)) => Kind::BodyTruncated,
        MultipartError::ContentDispositionMissing | MultipartError::ContentDispositionNameMissing => Kind::PartHeaders,
        MultipartError::Parse(_) => Kind::PartHeaders,
        _ => Kind::MultipartMalformed,
    };
    Problem::new(kind)
}

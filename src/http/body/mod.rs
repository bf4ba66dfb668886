//! The upload bridge: what comes in over HTTP, raw or as multipart, goes as chunks of at most 64 KiB into a bounded channel.
//! Slow, cut and oversized bodies end here; what the bytes mean is the door's business (`worker::intake`).

mod digest;
pub mod fields;
mod media;
mod multipart;
pub mod pace;

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use worker::intake::Inflate;

use self::digest::Said;
use self::media::{Charset, Media};
use self::pace::{Limits, Pace};
use super::problem::{Kind, Problem};
use crate::imports::submit::BodyPart;

pub use self::media::{disposition_file_name, file_name, label};

/// Largest chunk that is handed on.
const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks that wait for the door: with the one in hand and the multipart reader's buffer, under 512 KiB for an upload.
pub const CHUNKS_IN_FLIGHT: usize = 4;
/// What boundaries, part headers and the options part may add to the file.
pub const MULTIPART_OVERHEAD: u64 = 256 * 1024;

/// An upload whose headers are read and whose file is about to begin.
pub struct Upload {
    /// Label of the file, if it has one.
    pub file_name: Option<String>,
    /// Encoding that the charset names.
    pub encoding: Option<&'static str>,
    /// How the file is compressed.
    pub coding: Option<Inflate>,
    /// The options part of a multipart body.
    pub options: Option<Map<String, Value>>,
    file: File,
    limit: u64,
}

enum File {
    Raw { incoming: Incoming, must_be_utf16: bool },
    Part(Box<multipart::FilePart>),
}

/// Which forms of upload a surface takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forms {
    /// The file as the body, or multipart with an options part.
    RawOrMultipart,
    /// Multipart with one part alone, the file, of this name.
    PartOnly(&'static str),
}

impl Forms {
    /// The name of the part that holds the file.
    fn part(self) -> &'static str {
        match self {
            Self::RawOrMultipart => "file",
            Self::PartOnly(name) => name,
        }
    }
}

impl Upload {
    /// Reads headers, and the body up to where the file begins. `limit` bounds the file in bytes.
    pub async fn open(
        headers: &HeaderMap,
        payload: Payload,
        forms: Forms,
        limits: &Limits,
        limit: u64,
    ) -> Result<Self, Problem> {
        let media = media::media(headers)?;
        let coding = media::coding(headers)?;
        check_length(headers, &media, limit)?;
        let incoming = Incoming::open(headers, payload, limits.clone())?;
        match media {
            Media::Multipart => {
                let opened = multipart::open(headers, incoming, forms).await?;
                Self::from_part(opened, coding, limit)
            }
            Media::Csv { .. } if forms != Forms::RawOrMultipart => Err(Problem::with(
                Kind::UnsupportedMediaType,
                format!("Expected multipart/form-data with a part named {}.", forms.part()),
            )),
            Media::Csv { charset } => {
                let must_be_utf16 = charset == Some(Charset::Utf16) && coding.is_none();
                Ok(Self {
                    file_name: file_name(headers),
                    encoding: named(charset),
                    coding,
                    options: None,
                    file: File::Raw {
                        incoming,
                        must_be_utf16,
                    },
                    limit,
                })
            }
        }
    }

    fn from_part(opened: multipart::Opened, coding: Option<Inflate>, limit: u64) -> Result<Self, Problem> {
        if coding.is_some() && opened.coding.is_some() && coding != opened.coding {
            let detail = "The body and its file part name different content encodings.";
            return Err(Problem::with(Kind::UnsupportedCoding, detail));
        }
        Ok(Self {
            file_name: opened.file_name,
            encoding: named(opened.charset),
            coding: coding.or(opened.coding),
            options: opened.options,
            file: File::Part(Box::new(opened.part)),
            limit: limit.saturating_add(MULTIPART_OVERHEAD),
        })
    }

    /// Sends the file into the channel, to its end, if `at_end` has nothing against it. Returns early without fault when nobody
    /// listens any more: the listener has an answer already. On a fault the channel closes without `End`, and the listener
    /// undoes everything.
    pub async fn pump(
        mut self,
        sink: mpsc::Sender<BodyPart>,
        at_end: impl Future<Output = Result<(), Problem>>,
    ) -> Result<u64, Problem> {
        while let Some(chunk) = self.next().await? {
            if self.received() > self.limit {
                return Err(too_large(self.limit));
            }
            if sink.send(BodyPart::Chunk(chunk)).await.is_err() {
                return Ok(self.received());
            }
        }
        let received = self.received();
        at_end.await?;
        // A closed channel means an answer is there.
        sink.send(BodyPart::End).await.ok();
        Ok(received)
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        match &mut self.file {
            File::Part(part) => part.next().await,
            File::Raw {
                incoming,
                must_be_utf16,
            } => {
                let chunk = incoming.next().await?;
                if std::mem::take(must_be_utf16)
                    && let Some(chunk) = &chunk
                {
                    check_utf16(chunk)?;
                }
                Ok(chunk)
            }
        }
    }

    fn received(&self) -> u64 {
        match &self.file {
            File::Raw { incoming, .. } => incoming.received(),
            File::Part(part) => part.received(),
        }
    }
}

fn named(charset: Option<Charset>) -> Option<&'static str> {
    match charset {
        Some(Charset::Named(name)) => Some(name),
        Some(Charset::Utf16) | None => None,
    }
}

/// A byte order mark, or one character below U+0100: no other encoding begins a table so.
fn check_utf16(chunk: &[u8]) -> Result<(), Problem> {
    match chunk {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] => Ok(()),
        _ => Err(Problem::with(
            Kind::UnsupportedMediaType,
            "The charset is utf-16, but the file is not UTF-16.",
        )),
    }
}

fn check_length(headers: &HeaderMap, media: &Media, limit: u64) -> Result<(), Problem> {
    let overhead = if *media == Media::Multipart {
        MULTIPART_OVERHEAD
    } else {
        0
    };
    match content_length(headers) {
        Some(length) if length > limit.saturating_add(overhead) => Err(too_large(limit)),
        _ => Ok(()),
    }
}

/// What the client says the body's length is.
pub fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// 413 with the limit in it.
pub fn too_large(limit: u64) -> Problem {
    Problem::with(Kind::BodyTooLarge, format!("The body is larger than {limit} bytes."))
}

/// A body as it comes in: paced, and counted.
pub struct Incoming {
    tap: Tap,
    pace: Pace,
    rest: Bytes,
}

impl Incoming {
    /// Takes the payload of a request, and what its headers say that it hashes to.
    pub fn open(headers: &HeaderMap, payload: Payload, limits: Limits) -> Result<Self, Problem> {
        let tapped = Tapped {
            payload,
            bytes: 0,
            said: Said::read(headers)?,
        };
        Ok(Self {
            tap: Tap(Rc::new(RefCell::new(tapped))),
            pace: Pace::new(limits),
            rest: Bytes::new(),
        })
    }

    /// The next bytes, at most 64 KiB; nothing at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        while self.rest.is_empty() {
            let mut tap = self.tap.clone();
            match self.timed(tap.next()).await? {
                None => {
                    self.tap.check()?;
                    return Ok(None);
                }
                Some(Ok(bytes)) => self.rest = bytes,
                Some(Err(error)) => return Err(broken(&error)),
            }
        }
        let length = self.rest.len().min(CHUNK_BYTES);
        Ok(Some(self.rest.split_to(length)))
    }

    /// Waits for something that reads the body, no longer than the pace allows.
    async fn timed<T>(&mut self, reading: impl Future<Output = T>) -> Result<T, Problem> {
        let asked = Instant::now();
        let read = tokio::time::timeout(self.pace.patience(), reading)
            .await
            .map_err(|_| self.pace.silent())?;
        self.pace.record(asked.elapsed(), self.tap.received())?;
        Ok(read)
    }

    /// Bytes that have come in, as sent.
    pub fn received(&self) -> u64 {
        self.tap.received()
    }
}

/// Why a payload broke off, in words for the client (who may still be there if only its sending half is closed).
fn broken(error: &PayloadError) -> Problem {
    match error {
        PayloadError::Incomplete(_) => Problem::new(Kind::BodyTruncated),
        _ => Problem::new(Kind::BodyMalformed),
    }
}

/// A payload that two readers share one after the other, and that counts.
#[derive(Clone)]
struct Tap(Rc<RefCell<Tapped>>);

struct Tapped {
    payload: Payload,
    bytes: u64,
    said: Option<Said>,
}

impl Tap {
    fn received(&self) -> u64 {
        self.0.borrow().bytes
    }

    /// At the end: whether the body is what its sender says.
    fn check(&self) -> Result<(), Problem> {
        self.0.borrow_mut().said.take().map_or(Ok(()), Said::check)
    }
}

impl Stream for Tap {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut tapped = self.0.borrow_mut();
        let polled = Pin::new(&mut tapped.payload).poll_next(cx);
        if let Poll::Ready(Some(Ok(bytes))) = &polled {
            if let Some(said) = &mut tapped.said {
                said.update(bytes);
            }
            tapped.bytes = tapped
                .bytes
                .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        }
        polled
    }
}

#[cfg(test)]
mod tests;

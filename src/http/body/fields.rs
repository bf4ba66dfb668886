//! A form of text fields, read one by one; what bounds them is the caller's to say. Nothing is kept here.

use actix_multipart::Multipart;
use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;

use super::media::{self, Media};
use super::multipart::{end, next_field, problem};
use super::pace::Limits;
use super::{Incoming, check_length, too_large};
use crate::http::problem::{Kind, Problem};

/// How much of a form is read.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most bytes of text in all fields together.
    pub text: u64,
    /// Most fields.
    pub fields: u64,
    /// Most bytes of body: what stands around the text counts here.
    pub body: u64,
}

/// A form on its way in.
pub struct Fields {
    incoming: Incoming,
    parts: Multipart,
    left: Bounds,
    bounds: Bounds,
}

impl Fields {
    /// Reads the headers.
    pub fn open(headers: &HeaderMap, payload: Payload, limits: &Limits, bounds: Bounds) -> Result<Self, Problem> {
        let media = media::media(headers)?;
        if media != Media::Multipart || media::coding(headers)?.is_some() {
            return Err(Problem::with(
                Kind::UnsupportedMediaType,
                "Expected multipart/form-data without a content encoding.",
            ));
        }
        check_length(headers, &media, bounds.body)?;
        let incoming = Incoming::open(headers, payload, limits.clone())?;
        Ok(Self {
            parts: Multipart::new(headers, incoming.tap.clone()),
            incoming,
            left: bounds,
            bounds,
        })
    }

    /// The next field's name and text; nothing at the end.
    pub async fn next(&mut self) -> Result<Option<(String, String)>, Problem> {
        let Some(mut field) = next_field(&mut self.incoming, &mut self.parts).await? else {
            end(&mut self.incoming).await?;
            return Ok(None);
        };
        let name = field.name().unwrap_or_default().to_owned();
        let fields = self.left.fields.checked_sub(1);
        self.left.fields = fields.ok_or_else(|| too_many("fields", self.bounds.fields))?;
        let mut text = Vec::new();
        while let Some(bytes) = self.incoming.timed(futures::StreamExt::next(&mut field)).await? {
            let bytes = bytes.map_err(|error| problem(&error))?;
            let left = self
                .left
                .text
                .checked_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            self.left.text = left.ok_or_else(|| too_many("bytes of text", self.bounds.text))?;
            if self.incoming.received() > self.bounds.body {
                return Err(too_large(self.bounds.body));
            }
            text.extend_from_slice(&bytes);
        }
        text.shrink_to_fit();
        let text = String::from_utf8(text).map_err(|_| {
            let shown: String = name.chars().take(100).collect();
            Problem::with(Kind::BodyMalformed, format!("A field named {shown:?} is not UTF-8."))
        })?;
        Ok(Some((name, text)))
    }
}

fn too_many(what: &str, limit: u64) -> Problem {
    Problem::with(Kind::BodyTooLarge, format!("The form has more than {limit} {what}."))
}

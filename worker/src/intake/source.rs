//! Holds the head of a file until its encoding is settled, then passes everything to the decoder.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::decode::Decoder;
use super::encoding::{self, Choice, Known};
use super::error::DoorError;
use super::limits::{HEAD_BYTES, MAGIC_BYTES, PIECE_BYTES};
use super::magic;
use super::plain::Plain;

pub(super) struct Source {
    told: Option<&'static Encoding>,
    /// The label names UTF-16 without a byte order: a BOM may still give it.
    any_order: bool,
    inflated: bool,
    head: Vec<u8>,
    known_text: bool,
    decoder: Option<Decoder>,
}

impl Source {
    pub(super) fn new(label: Option<&str>, inflated: bool) -> Result<Self, DoorError> {
        Ok(Self {
            told: label.map(encoding::from_label).transpose()?,
            any_order: label.is_some_and(|label| label.trim().eq_ignore_ascii_case("utf-16")),
            inflated,
            head: Vec::new(),
            known_text: false,
            decoder: None,
        })
    }

    pub(super) fn push(&mut self, bytes: &[u8], to: &mut Plain, out: &mut Vec<u8>) -> Result<(), DoorError> {
        if let Some(decoder) = &mut self.decoder {
            return decoder.push(bytes, false, to, out);
        }
        self.head.reserve_exact(HEAD_BYTES.saturating_sub(self.head.len()));
        let room = HEAD_BYTES.saturating_sub(self.head.len());
        let (held, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.head.extend_from_slice(held);
        if self.head.len() >= MAGIC_BYTES && !self.known_text {
            self.settle_by_start(to)?;
        }
        if self.decoder.is_none() && self.head.len() == HEAD_BYTES {
            self.settle(encoding::from_bytes(&self.head, false)?, to);
        }
        self.release(to, out)?;
        match &mut self.decoder {
            Some(decoder) if !rest.is_empty() => decoder.push(rest, false, to, out),
            _ => Ok(()),
        }
    }

    /// Tells the name of the encoding.
    pub(super) fn finish(&mut self, to: &mut Plain, out: &mut Vec<u8>) -> Result<&'static str, DoorError> {
        if !self.known_text {
            self.settle_by_start(to)?;
        }
        if self.decoder.is_none() {
            self.settle(encoding::from_bytes(&self.head, true)?, to);
        }
        self.release(to, out)?;
        let Some(decoder) = &mut self.decoder else {
            return Ok(encoding::name(UTF_8));
        };
        decoder.push(&[], true, to, out)?;
        Ok(encoding::name(decoder.encoding()))
    }

    /// By the first bytes alone: refuses what is no text, and takes the caller's word or a BOM for the encoding.
    fn settle_by_start(&mut self, to: &mut Plain) -> Result<(), DoorError> {
        self.known_text = true;
        let start = self.head.get(..MAGIC_BYTES).unwrap_or(&self.head);
        magic::refuse_binary(start, self.inflated)?;
        let told = self.told.map(|encoding| match start {
            [0xFE, 0xFF, ..] if self.any_order => UTF_16BE,
            [0xFF, 0xFE, ..] if self.any_order => UTF_16LE,
            _ => encoding,
        });
        let choice = match told {
            Some(encoding) => Some(Choice {
                encoding,
                known: Known::Told,
            }),
            None => encoding::from_bom(start)?,
        };
        if let Some(choice) = choice {
            self.settle(choice, to);
        }
        Ok(())
    }

    fn settle(&mut self, choice: Choice, to: &mut Plain) {
        if choice.encoding != UTF_8 {
            to.transcoded();
        }
        self.decoder = Some(Decoder::new(choice));
    }

    /// Passes the head on, once the encoding is settled.
    fn release(&mut self, to: &mut Plain, out: &mut Vec<u8>) -> Result<(), DoorError> {
        let Some(decoder) = &mut self.decoder else {
            return Ok(());
        };
        let head = std::mem::take(&mut self.head);
        head.chunks(PIECE_BYTES)
            .try_for_each(|piece| decoder.push(piece, false, to, out))
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.head.capacity() + self.decoder.as_ref().map_or(0, Decoder::held)
    }
}

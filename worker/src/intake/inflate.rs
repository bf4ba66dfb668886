//! Undoes `Content-Encoding: gzip | zstd` in steps of bounded size. A bomb, a cut stream, a wrong checksum and anything after
//! the end are refused here. Nothing about CSV.

use std::io::{self, Write};

use flate2::write::GzDecoder;
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::error::DoorError;
use super::limits::{GZIP_MEMBERS, PIECE_BYTES, RATIO, RATIO_FROM_BYTES, ZSTD_WINDOW_LOG};
use super::scan::offset;

/// How the body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inflate {
    /// RFC 1952, one member or several.
    Gzip,
    /// RFC 8878, one frame or several, windows up to 8 MiB.
    Zstd,
}

impl Inflate {
    /// The word in `Content-Encoding`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Whether a body that is compressed so may begin like this.
    fn begins(self, body: &[u8]) -> bool {
        match self {
            Self::Gzip => body.starts_with(&Gzip::MAGIC),
            Self::Zstd => matches!(body, [0x28, 0xB5, 0x2F, 0xFD, ..] | [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..]),
        }
    }
}

pub(super) struct Inflater {
    kind: Inflate,
    codec: Codec,
    taken: u64,
    given: u64,
}

enum Codec {
    Gzip(Gzip),
    Zstd {
        decoder: Decoder<'static>,
        buffer: Vec<u8>,
        within_frame: bool,
    },
}

impl Inflater {
    pub(super) fn new(kind: Inflate) -> Result<Self, DoorError> {
        let codec = match kind {
            Inflate::Gzip => Codec::Gzip(Gzip {
                member: GzDecoder::new(Vec::new()),
                members: 1,
                magic_seen: 0,
            }),
            Inflate::Zstd => Codec::Zstd {
                decoder: zstd_decoder().map_err(|cause| corrupt(kind, None, &cause))?,
                buffer: vec![0; PIECE_BYTES],
                within_frame: false,
            },
        };
        Ok(Self {
            kind,
            codec,
            taken: 0,
            given: 0,
        })
    }

    /// Takes some of `input`, which is moved on, and replaces `out` by what came of it: at most one piece, perhaps nothing.
    pub(super) fn step(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<(), DoorError> {
        out.clear();
        let result = match &mut self.codec {
            Codec::Gzip(gzip) => gzip.step(self.given, input, out),
            Codec::Zstd {
                decoder,
                buffer,
                within_frame,
            } => zstd_step(decoder, buffer, within_frame, input, out),
        };
        let begun = self.taken > 0 || self.kind.begins(input);
        let used = result.map_err(|cause| corrupt(self.kind, begun.then_some(self.taken), &cause))?;
        *input = input.get(used..).unwrap_or_default();
        self.taken += offset(used);
        self.given += offset(out.len());
        self.check_ratio()
    }

    /// After the last input: what is still inside, a piece at a time; `false` once there is no more.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<bool, DoorError> {
        out.clear();
        let complete = match &mut self.codec {
            _ if self.taken == 0 => true,
            Codec::Gzip(gzip) => {
                gzip.member
                    .try_finish()
                    .map_err(|cause| ended(self.kind, self.taken, &cause))?;
                out.append(gzip.member.get_mut());
                true
            }
            Codec::Zstd {
                decoder,
                buffer,
                within_frame,
            } => {
                zstd_step(decoder, buffer, within_frame, &[], out)
                    .map_err(|cause| corrupt(self.kind, Some(self.taken), &cause))?;
                !*within_frame
            }
        };
        self.given += offset(out.len());
        self.check_ratio()?;
        if out.is_empty() && !complete {
            return Err(ended(
                self.kind,
                self.taken,
                &io::Error::from(io::ErrorKind::UnexpectedEof),
            ));
        }
        Ok(!out.is_empty())
    }

    fn check_ratio(&self) -> Result<(), DoorError> {
        if self.given > RATIO_FROM_BYTES && self.given / RATIO > self.taken {
            let detail = format!(
                "The {} body inflates to more than {RATIO} times its size; that is refused as a bomb. \
                 Send the file with less compression, or plain.",
                self.kind.as_str()
            );
            return Err(DoorError::too_large("compression-ratio", detail));
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        match &self.codec {
            Codec::Gzip(gzip) => gzip.member.get_ref().capacity() + 80 * 1024,
            Codec::Zstd { buffer, .. } => buffer.capacity(),
        }
    }
}

fn zstd_decoder() -> io::Result<Decoder<'static>> {
    let mut decoder = Decoder::new()?;
    decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))?;
    Ok(decoder)
}

struct Gzip {
    member: GzDecoder<Vec<u8>>,
    members: u64,
    /// How much of the member's magic number was seen: the decoder looks at it only once the whole header is there.
    magic_seen: usize,
}

impl Gzip {
    const MAGIC: [u8; 2] = [0x1F, 0x8B];

    /// One write makes at most 32 KiB of output; a write of nothing means that the member is at its end.
    fn step(&mut self, given: u64, input: &[u8], out: &mut Vec<u8>) -> io::Result<usize> {
        let expected = Self::MAGIC.iter().skip(self.magic_seen);
        if expected.zip(input).any(|(expected, found)| expected != found) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "no gzip header where one must stand",
            ));
        }
        let used = self.member.write(input)?;
        self.magic_seen = Self::MAGIC.len().min(self.magic_seen + used);
        if used == 0 && !input.is_empty() {
            self.next_member(given, out)?;
        } else {
            out.append(self.member.get_mut());
        }
        Ok(used)
    }

    fn next_member(&mut self, given: u64, out: &mut Vec<u8>) -> io::Result<()> {
        self.member.try_finish()?;
        out.append(self.member.get_mut());
        self.members += 1;
        if self.members > GZIP_MEMBERS + given / 1024 {
            return Err(io::Error::other("too many gzip members with hardly anything in them"));
        }
        self.member = GzDecoder::new(Vec::new());
        self.magic_seen = 0;
        Ok(())
    }
}

fn zstd_step(
    decoder: &mut Decoder<'static>,
    buffer: &mut [u8],
    within_frame: &mut bool,
    input: &[u8],
    out: &mut Vec<u8>,
) -> io::Result<usize> {
    let mut from = InBuffer::around(input);
    let mut to = OutBuffer::around(buffer);
    let hint = decoder.run(&mut from, &mut to)?;
    out.extend_from_slice(to.as_slice());
    if from.pos() > 0 || !to.as_slice().is_empty() {
        *within_frame = hint != 0;
    }
    Ok(from.pos())
}

/// `behind` = how far it was sound; nothing where it never began.
fn corrupt(kind: Inflate, behind: Option<u64>, cause: &io::Error) -> DoorError {
    let name = kind.as_str();
    let detail = match behind {
        None => {
            format!("The body is announced as {name} but does not begin as such ({cause}). Send it as it is announced.")
        }
        Some(place) => format!(
            "The {name} body cannot be inflated: {cause}, somewhere behind byte {place} of the compressed body. It may be \
             damaged, or something follows its end. Compress the file again."
        ),
    };
    DoorError::bad("corrupt-compression", detail)
}

fn ended(kind: Inflate, taken: u64, cause: &io::Error) -> DoorError {
    if cause.kind() != io::ErrorKind::UnexpectedEof {
        return corrupt(kind, Some(taken), cause);
    }
    let name = kind.as_str();
    let detail =
        format!("The {name} body ends in the middle, after {taken} compressed bytes. Send the whole file again.");
    DoorError::bad("truncated-compression", detail)
}

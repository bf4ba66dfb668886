//! Every limit of the door, with its reason. Together they bound what one upload holds: about 1.5 MiB, and the window of a
//! zstd frame on top.

/// The longest record, without its line end. A reader holds one record, so this is what bounds it.
pub const RECORD_BYTES: u64 = 1024 * 1024;
/// The longest cell, unquoted. No field of any resource takes a tenth of it.
pub const FIELD_BYTES: u64 = 256 * 1024;
/// The most cells in one record.
pub const COLUMNS: usize = 1_000;
/// The longest name of a column.
pub const HEADER_NAME_BYTES: usize = 1024;
/// The longest header record that is kept for its names.
pub const HEADER_BYTES: usize = 256 * 1024;
/// How much is held to decide on the encoding, where neither a BOM nor the caller says it.
pub const HEAD_BYTES: usize = 1024 * 1024;
/// How much is needed to know a file by its magic number or its BOM.
pub const MAGIC_BYTES: usize = 1024;
/// How much text is held to decide on the delimiter.
pub const SAMPLE_BYTES: usize = 64 * 1024;
/// How much is taken through all stages at a time: it stays in the processor's cache from the digest to the copy.
pub const PIECE_BYTES: usize = 64 * 1024;
/// A push returns, with input left, once it has put out this much: so a bomb cannot fill the caller's buffer.
pub const PUSH_BYTES: usize = 256 * 1024;
/// How many times as large a file may become by inflating.
pub const RATIO: u64 = 100;
/// Below this many inflated bytes the ratio is not looked at: a small file of equal lines is harmless.
pub const RATIO_FROM_BYTES: u64 = 1024 * 1024;
/// log2 of the largest zstd window: the 8 MiB that RFC 9659 asks every decoder of `Content-Encoding: zstd` to take.
pub const ZSTD_WINDOW_LOG: u32 = 23;
/// gzip members that are always allowed; beyond them each must bring a KiB on average, for an empty one costs time only.
pub const GZIP_MEMBERS: u64 = 1_024;

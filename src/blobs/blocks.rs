//! How a blob lies in its store: blocks of 64 KiB, each behind a digest of which blob it belongs to, which block it is, whether
//! it is the last, and its bytes. A flipped bit, a wrong range, a cut or a foreign file is found before one byte of the block is
//! used, and on a read that goes on somewhere in the middle too, where a digest of the whole could say nothing.

use bytes::{Buf, Bytes, BytesMut};
use sha2::{Digest, Sha256};

/// Plain bytes of a block; only the last may have fewer.
const PLAIN: usize = 64 * 1024;
const DIGEST: usize = 32;
/// What the store keeps of a whole block.
const STORED: usize = DIGEST + PLAIN;

fn wide(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

/// Cuts a blob on its way in.
#[derive(Debug)]
pub(super) struct Sealer {
    key: String,
    number: u64,
    /// Space for the digest, then the block as far as it is filled.
    open: BytesMut,
}

impl Sealer {
    pub(super) fn new(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            number: 0,
            open: BytesMut::zeroed(DIGEST),
        }
    }

    /// Takes from `bytes`, which is moved on; gives a block when one is full and not the last.
    pub(super) fn take(&mut self, bytes: &mut Bytes) -> Option<Bytes> {
        let full = (self.open.len() == STORED && !bytes.is_empty()).then(|| self.seal(false));
        let room = STORED.saturating_sub(self.open.len());
        self.open.extend_from_slice(&bytes.split_to(bytes.len().min(room)));
        full
    }

    /// The last block, which even an empty blob has.
    pub(super) fn last(&mut self) -> Bytes {
        self.seal(true)
    }

    fn seal(&mut self, last: bool) -> Bytes {
        let mut block = std::mem::replace(&mut self.open, BytesMut::zeroed(DIGEST));
        let (place, plain) = block.split_at_mut(DIGEST);
        place.copy_from_slice(&digest(&self.key, self.number, last, plain));
        self.number += 1;
        block.freeze()
    }
}

fn digest(key: &str, number: u64, last: bool, plain: &[u8]) -> [u8; DIGEST] {
    let mut hasher = Sha256::new();
    hasher.update(wide(key.len()).to_be_bytes());
    hasher.update(key);
    hasher.update(number.to_be_bytes());
    hasher.update([u8::from(last)]);
    hasher.update(plain);
    hasher.finalize().into()
}

/// A blob as it lies there, by its size alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    stored: u64,
}

impl Layout {
    /// `None` when no blob of ours has this size.
    pub(super) fn new(stored: u64) -> Option<Self> {
        let rest = stored % wide(STORED);
        (stored > 0 && (rest == 0 || rest >= wide(DIGEST))).then_some(Self { stored })
    }

    fn blocks(self) -> u64 {
        self.stored.div_ceil(wide(STORED))
    }

    /// Bytes of the blob itself.
    pub(super) fn plain(self) -> u64 {
        self.stored - self.blocks() * wide(DIGEST)
    }

    /// The block that holds a byte, and how many bytes of it come before. The end belongs to the last block, so that it is
    /// looked at even when nothing more of it is wanted: a file cut between two blocks must not pass for a whole one.
    pub(super) fn find(self, byte: u64) -> (u64, u64) {
        let number = (byte / wide(PLAIN)).min(self.blocks().saturating_sub(1));
        (number, byte.saturating_sub(number * wide(PLAIN)))
    }

    /// The bytes of the store that hold so many blocks from one on; `None` beyond the end.
    pub(super) fn range(self, number: u64, count: u64) -> Option<(u64, u64)> {
        let (from, to) = (number * wide(STORED), (number + count) * wide(STORED));
        (from < self.stored).then_some((from, to.min(self.stored)))
    }

    /// Checks the blocks from `number` on and takes their digests off; `Err` with the first plain byte that is not to be
    /// trusted.
    pub(super) fn open(self, key: &str, mut number: u64, mut stored: Bytes) -> Result<Vec<Bytes>, u64> {
        let mut plain = Vec::new();
        while !stored.is_empty() {
            let mut block = stored.split_to(stored.len().min(STORED));
            let said = block.split_to(block.len().min(DIGEST));
            let last = number + 1 == self.blocks();
            if digest(key, number, last, &block) != said.chunk() {
                return Err(number * wide(PLAIN));
            }
            plain.push(block);
            number += 1;
        }
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    fn sealed(key: &str, plain: &[u8]) -> Vec<u8> {
        let (mut sealer, mut bytes, mut stored) = (Sealer::new(key), Bytes::copy_from_slice(plain), Vec::new());
        while !bytes.is_empty() {
            stored.extend(sealer.take(&mut bytes).unwrap_or_default());
        }
        stored.extend(sealer.last());
        stored
    }

    fn opened(key: &str, stored: &[u8]) -> Option<Vec<u8>> {
        let layout = Layout::new(wide(stored.len()))?;
        let blocks = layout.open(key, 0, Bytes::copy_from_slice(stored)).ok()?;
        Some(blocks.concat())
    }

    #[test]
    fn any_size_comes_back_and_is_known_from_what_is_stored() {
        for size in [0, 1, PLAIN - 1, PLAIN, PLAIN + 1, 3 * PLAIN, 3 * PLAIN + 7] {
            let plain: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let stored = sealed("a", &plain);
            assert_eq!(Layout::new(wide(stored.len())).unwrap().plain(), wide(size), "{size}");
            assert!(opened("a", &stored).unwrap() == plain, "{size}");
        }
    }

    #[test]
    fn what_was_changed_cut_moved_or_taken_from_another_blob_is_found() {
        let plain = vec![b'x'; 2 * PLAIN + 10];
        let stored = sealed("a", &plain);
        for bit in [0, DIGEST * 8, STORED * 8 + 3, stored.len() * 8 - 1] {
            let mut flipped = stored.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opened("a", &flipped), None, "bit {bit}");
        }
        for size in [0, 1, DIGEST, STORED, STORED + 1, 2 * STORED, stored.len() - 1] {
            assert_eq!(opened("a", &stored[..size]), None, "cut at {size}");
        }
        let moved = [&stored[STORED..2 * STORED], &stored[..STORED], &stored[2 * STORED..]].concat();
        assert_eq!(opened("a", &moved), None, "two blocks changed places");
        assert_eq!(
            opened("a", &[&stored[..], b"x"].concat()),
            None,
            "something came after it"
        );
        assert_eq!(opened("b", &stored), None, "another blob");
    }

    #[test]
    fn the_end_belongs_to_the_last_block() {
        let stored = wide(sealed("a", &vec![b'x'; 2 * PLAIN]).len());
        let layout = Layout::new(stored).unwrap();
        assert_eq!(layout.find(wide(2 * PLAIN)), (1, wide(PLAIN)));
        assert_eq!(layout.find(wide(PLAIN)), (1, 0));
        assert_eq!(layout.range(1, 4), Some((wide(STORED), stored)));
        assert_eq!(layout.range(2, 4), None);
    }
}

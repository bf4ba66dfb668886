//! Chance that an input brings along: a small generator seeded with the input's own bytes.

/// A splitmix64 over the FNV-1a hash of an input.
pub(crate) struct Cuts(u64);

impl Cuts {
    pub(crate) fn of(data: &[u8]) -> Self {
        let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        Self(data.iter().fold(0xCBF2_9CE4_8422_2325, hash))
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let end = u64::try_from(end).unwrap().max(1);
        usize::try_from((mixed ^ (mixed >> 31)) % end).unwrap()
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    /// `bytes` in pieces of at most `longest`, none of them empty.
    pub(crate) fn pieces<'b>(&mut self, bytes: &'b [u8], longest: usize) -> Vec<&'b [u8]> {
        let (mut rest, mut pieces) = (bytes, Vec::new());
        while !rest.is_empty() {
            let length = (self.below(longest) + 1).min(rest.len());
            let (piece, after) = rest.split_at(length);
            pieces.push(piece);
            rest = after;
        }
        pieces
    }

    /// Ways in which the same bytes may arrive: one by one, in small pieces, in large ones.
    pub(crate) fn ways<'b>(&mut self, bytes: &'b [u8]) -> Vec<Vec<&'b [u8]>> {
        vec![
            bytes.chunks(1).collect(),
            self.pieces(bytes, 7),
            self.pieces(bytes, 1500),
        ]
    }
}

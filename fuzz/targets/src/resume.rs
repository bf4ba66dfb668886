//! A run that is cut anywhere goes on where its checkpoint says, and nobody can tell.

use worker::ports::Checkpoint;
use worker::reader::Reader;

use crate::cuts::Cuts;
use crate::plain::{Owned, admit, feed, last, options, read, rest};

/// Checkpoints that are tried.
const CHECKPOINTS: usize = 12;

/// The bytes are the file.
pub fn resume(data: &[u8]) {
    let Ok((report, plain)) = admit(&options(None, None), &[data]) else {
        return;
    };
    let (delimiter, start) = (report.delimiter, report.start);
    let whole = read(delimiter, start, &[rest(&plain, start)]);
    let mut cuts = Cuts::of(data);

    for _ in 0..CHECKPOINTS.min(whole.len()) {
        let done = cuts.below(whole.len());
        let from = whole[done].after;
        let pieces = cuts.pieces(rest(&plain, from), 40);
        assert_eq!(read(delimiter, from, &pieces), whole[done + 1..], "from {from:?}");
    }
    let cut = cuts.below(plain.len() - usize::try_from(start.byte).unwrap() + 1);
    assert_eq!(
        killed_at(cut, delimiter, start, &plain, &mut cuts),
        whole,
        "cut at {cut}"
    );
}

/// A reader that sees so many bytes and dies, and another that goes on at the last checkpoint.
fn killed_at(cut: usize, delimiter: u8, start: Checkpoint, plain: &[u8], cuts: &mut Cuts) -> Vec<Owned> {
    let seen = &rest(plain, start)[..cut];
    let mut found = feed(&mut Reader::new(delimiter, start), &cuts.pieces(seen, 40));
    let from = found.last().map_or(start, |record| record.after);
    let mut second = Reader::new(delimiter, from);
    let others = feed(&mut second, &cuts.pieces(rest(plain, from), 40));
    found.extend(others);
    found.extend(last(&mut second));
    found
}

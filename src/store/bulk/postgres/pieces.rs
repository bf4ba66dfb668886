//! Statements over many records, a few hundred at a time.

use futures::future::join_all;

use super::trouble::Trouble;

/// Records that go in one statement.
const PIECE: usize = 500;

/// Sends a statement for each piece, all before the first is answered: the server works on one while the next is put together, and
/// takes locks in the order in which they are sent. Of several errors the first is given: those behind it say only that the
/// transaction has failed.
pub(super) async fn in_pieces<'a, T, A, F>(all: &'a [T], send: impl Fn(&'a [T]) -> F) -> Result<Vec<A>, Trouble>
where
    F: Future<Output = Result<A, Trouble>>,
{
    join_all(all.chunks(PIECE).map(send)).await.into_iter().collect()
}

//! Where batches are cut: by rows, by bytes, whichever comes first, and nowhere else.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use futures::stream;

use super::*;
use crate::import::{Counts, ImportId, ImportOptions, OrgId};
use crate::mapping;
use crate::ports::Lease;
use crate::resource::Resource;

const FILE: &[u8] = b"1,aa\n2,bb\n3,cc\n4,dd\n5,ee\n6,ff\n7,gg\n";

fn claimed() -> Claimed {
    let options = ImportOptions::new(Resource::Users);
    let header = ["source_id".to_owned(), "first_name".to_owned()];
    Claimed {
        lease: Lease {
            import: ImportId(1),
            token: uuid::Uuid::new_v4(),
        },
        sign_of_life: None,
        org: OrgId(1),
        columns: mapping::resolve(&header, &options).unwrap(),
        options,
        delimiter: b',',
        blob: String::new(),
        total: 7,
        checkpoint: Checkpoint {
            record: 0,
            byte: 0,
            line: 2,
        },
        counts: Counts::default(),
    }
}

fn settings(batch: BatchLimits) -> RunSettings {
    RunSettings {
        batch,
        lease: Duration::from_secs(1),
        parsing: Parsing::Task,
    }
}

/// How many records each batch has, and where the last one ends.
async fn sizes(file: &[u8], rows: usize, bytes: u64) -> (Vec<usize>, u64) {
    let settings = settings(BatchLimits { rows, bytes });
    let pieces = file.chunks(4).map(|piece| Ok(Bytes::copy_from_slice(piece)));
    let mut parsed = start(&claimed(), settings, stream::iter(pieces.collect::<Vec<_>>()).boxed());
    let (mut sizes, mut at) = (Vec::new(), 0);
    loop {
        match parsed.recv().await {
            Some(Parsed::Batch(batch)) => {
                assert_eq!(batch.from.record, at);
                at = batch.entries.last().unwrap().after.record;
                sizes.push(batch.entries.len());
            }
            Some(Parsed::End) => return (sizes, at),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_batch_is_full_by_rows_or_by_bytes_whichever_comes_first() {
    for (rows, bytes, expected) in [
        (3, u64::MAX, vec![3, 3, 1]),
        (7, u64::MAX, vec![7]),
        (1, u64::MAX, vec![1; 7]),
        (1_000, 10, vec![2, 2, 2, 1]),
        (1_000, 11, vec![3, 3, 1]),
        (2, 15, vec![2, 2, 2, 1]),
        (1_000, u64::MAX, vec![7]),
    ] {
        assert_eq!(
            sizes(FILE, rows, bytes).await,
            (expected, 7),
            "{rows} rows, {bytes} bytes"
        );
    }
}

#[tokio::test]
async fn the_last_record_needs_no_line_end() {
    let file = FILE.strip_suffix(b"\n").unwrap();
    assert_eq!(sizes(file, 4, u64::MAX).await, (vec![4, 3], 7));
}

#[tokio::test]
async fn a_file_that_nobody_wants_is_not_read_on() {
    let held = Arc::new(());
    let reading = Arc::clone(&held);
    let endless = std::iter::repeat_with(move || {
        let _still_here = &reading;
        Ok(Bytes::from_static(FILE))
    });
    let limits = BatchLimits {
        rows: 10,
        bytes: u64::MAX,
    };
    drop(start(&claimed(), settings(limits), stream::iter(endless).boxed()));
    for _ in 0..1_000 {
        if Arc::strong_count(&held) == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the file is still open");
}

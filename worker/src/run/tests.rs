//! Runs against a ledger in memory: whatever the batch size and wherever a crash falls, the table and the counts are the same.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::batch::plan::{Found, Planner, Policy};
use crate::batch::{Batch, BatchLimits, Key, Stored};
use crate::import::{Counts, ImportOptions, OrgId};
use crate::mapping;
use crate::ports::{Checkpoint, Lease};
use crate::resource::Resource;

type Table = BTreeMap<Key, Stored>;

/// What a database would hold.
struct World {
    table: Table,
    counts: Counts,
    failed: Vec<u64>,
    checkpoint: Checkpoint,
    lease: Option<Uuid>,
    ended: Option<Ending>,
    /// Commits that the ledger still survives; after them it does not answer, as if the worker had died there.
    commits_left: usize,
    claimed: Claimed,
}

struct Memory(Mutex<World>);

#[async_trait]
impl Ledger for Memory {
    async fn claim(&self, _: ImportId) -> Result<Option<Claimed>, LedgerError> {
        let mut world = self.0.lock().unwrap();
        if world.ended.is_some() {
            return Ok(None);
        }
        let lease = Lease {
            import: ImportId(1),
            token: Uuid::new_v4(),
        };
        world.lease = Some(lease.token);
        Ok(Some(Claimed {
            sign_of_life: None,
            lease,
            checkpoint: world.checkpoint,
            counts: world.counts,
            ..world.claimed.clone()
        }))
    }

    async fn commit_batch(&self, run: &Arc<Claimed>, batch: Arc<Batch>) -> Result<Commit, LedgerError> {
        let mut world = self.0.lock().unwrap();
        if world.lease != Some(run.lease.token) || world.checkpoint != batch.from {
            return Ok(Commit::Fenced);
        }
        if world.commits_left == 0 {
            return Err(LedgerError("gone".into()));
        }
        world.commits_left -= 1;
        let planner = Planner::new(&batch, run.options.mode);
        let found = planner.keys().iter().map(|key| match world.table.get(key) {
            Some(stored) => Found::Known {
                id: Some(1),
                hash: None,
                stored: Some(stored.clone()),
            },
            None => Found::Absent,
        });
        let found = found.collect();
        let failures_left = run
            .options
            .max_failures
            .map(|max| max.saturating_sub(world.counts.failed));
        let plan = planner.plan(
            found,
            Policy {
                resource: run.options.resource,
                mode: run.options.mode,
                failures_left,
            },
        );
        for write in plan.inserts.iter().chain(plan.updates.iter().map(|(_, write)| write)) {
            world.table.insert(write.key.clone(), write.stored.clone());
        }
        world.failed.extend(plan.failures.iter().map(|failure| failure.record));
        world.counts.add(&plan.counts);
        world.checkpoint = plan.after;
        assert!(world.counts.read() <= run.total);
        Ok(Commit::Done {
            counts: world.counts,
            stop: plan.stop,
        })
    }

    async fn renew(&self, lease: Lease) -> Result<bool, LedgerError> {
        Ok(self.0.lock().unwrap().lease == Some(lease.token))
    }

    async fn finish(&self, _: Lease, ending: Ending) -> Result<bool, LedgerError> {
        self.0.lock().unwrap().ended = Some(ending);
        Ok(true)
    }

    async fn release(&self, _: Lease, _: Duration, _: bool) -> Result<bool, LedgerError> {
        self.0.lock().unwrap().lease = None;
        Ok(true)
    }
}

/// A blob handed out in chunks of one size.
struct Blob {
    bytes: Vec<u8>,
    chunk: usize,
}

#[async_trait]
impl Source for Blob {
    async fn open(&self, _: &str, from: u64) -> Result<BoxStream<'static, Result<Bytes, SourceError>>, SourceError> {
        let rest = &self.bytes[usize::try_from(from).unwrap()..];
        let chunks: Vec<_> = rest
            .chunks(self.chunk)
            .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
            .collect();
        Ok(stream::iter(chunks).boxed())
    }
}

fn world(csv: &str, total: u64, options: ImportOptions) -> World {
    let header_end = csv.find('\n').unwrap() + 1;
    let header: Vec<String> = csv[..header_end].trim_end().split(',').map(str::to_owned).collect();
    let checkpoint = Checkpoint {
        record: 0,
        byte: u64::try_from(header_end).unwrap(),
        line: 2,
    };
    let claimed = Claimed {
        sign_of_life: None,
        lease: Lease {
            import: ImportId(1),
            token: Uuid::nil(),
        },
        org: OrgId(1),
        columns: mapping::resolve(&header, &options).unwrap(),
        options,
        delimiter: b',',
        blob: String::new(),
        total,
        checkpoint,
        counts: Counts::default(),
    };
    let (table, counts, failed) = (Table::new(), Counts::default(), Vec::new());
    World {
        table,
        counts,
        failed,
        checkpoint,
        lease: None,
        ended: None,
        commits_left: usize::MAX,
        claimed,
    }
}

/// Runs until the import is final, dying after every `crash_every` commits.
async fn settle(
    world: World,
    csv: &str,
    batch_rows: usize,
    crash_every: usize,
    chunk: usize,
) -> (Table, Counts, Vec<u64>) {
    let memory = Arc::new(Memory(Mutex::new(world)));
    let source = Arc::new(Blob {
        bytes: csv.as_bytes().to_vec(),
        chunk,
    });
    let ledger: Arc<dyn Ledger> = Arc::<Memory>::clone(&memory);
    let ports = Ports { ledger, source };
    let settings = RunSettings {
        batch: BatchLimits {
            rows: batch_rows,
            bytes: u64::MAX,
        },
        lease: Duration::from_secs(15),
    };
    loop {
        memory.0.lock().unwrap().commits_left = crash_every;
        let ran = run_import(&ports, settings, ImportId(1), &CancellationToken::new())
            .await
            .unwrap();
        if ran == Ran::Finished {
            let world = memory.0.lock().unwrap();
            return (world.table.clone(), world.counts, world.failed.clone());
        }
        assert_eq!(ran, Ran::HandedBack);
    }
}

fn settle_now(
    csv: &str,
    total: u64,
    options: &ImportOptions,
    shape: (usize, usize, usize),
) -> (Table, Counts, Vec<u64>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(settle(
        world(csv, total, options.clone()),
        csv,
        shape.0,
        shape.1,
        shape.2,
    ))
}

/// Few keys, so that they repeat; some rows are blank, some broken.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (0..6_u8, "[abc]{0,2}", 0..3_u8).prop_map(|(id, name, size)| format!("{id},{name},m{size}@x.com\n")),
        1 => Just("\n".to_owned()),
        1 => Just(",,\n".to_owned()),
        1 => (0..6_u8).prop_map(|id| format!("{id},x,broken@\n")),
        1 => Just("7,too,many,cells\n".to_owned()),
        1 => Just("8,\"quoted\nname\",q@x.com\n".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn batches_chunks_and_crashes_do_not_show(
        lines in prop::collection::vec(line(), 0..40),
        batch in 1..9_usize,
        crash in 1..4_usize,
        chunk in 1..50_usize,
        max_failures in prop::option::of(0..4_u64),
    ) {
        let csv = format!("source_id,first_name,email\n{}", lines.concat());
        let total = u64::try_from(lines.len()).unwrap();
        let options = ImportOptions { max_failures, ..ImportOptions::new(Resource::Users) };
        let whole = settle_now(&csv, total, &options, (usize::MAX, usize::MAX, usize::MAX));
        prop_assert_eq!(&settle_now(&csv, total, &options, (batch, crash, chunk)), &whole);
        if max_failures.is_none() {
            prop_assert_eq!(whole.1.read(), total);
        }
    }
}

#[tokio::test]
async fn a_stop_hands_the_import_back() {
    let csv = "source_id\n1\n2\n";
    let memory = Arc::new(Memory(Mutex::new(world(csv, 2, ImportOptions::new(Resource::Users)))));
    let source = Arc::new(Blob {
        bytes: csv.as_bytes().to_vec(),
        chunk: 10,
    });
    let ledger: Arc<dyn Ledger> = Arc::<Memory>::clone(&memory);
    let ports = Ports { ledger, source };
    let settings = RunSettings {
        batch: BatchLimits { rows: 1, bytes: 1 },
        lease: Duration::from_secs(15),
    };
    let stop = CancellationToken::new();
    stop.cancel();
    assert_eq!(
        run_import(&ports, settings, ImportId(1), &stop).await.unwrap(),
        Ran::HandedBack
    );
    assert_eq!(memory.0.lock().unwrap().lease, None);
}

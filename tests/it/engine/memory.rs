//! A ledger and a file store in memory: a table in a map, a lease that any claim replaces, the guard of `commit_batch`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::{Map, Value, json};
use uuid::Uuid;
use worker::batch::plan::{Found, Plan, Planner, Policy};
use worker::batch::{Batch, BatchLimits, ContentHash, Key, Stored};
use worker::import::{Counts, ImportId, ImportOptions, OrgId};
use worker::intake::{Intake, IntakeOptions};
use worker::mapping;
use worker::ports::{Ahead, Claimed, Commit, Ending, Lease, Ledger, LedgerError, Source, SourceError};
use worker::resource::Resource;
use worker::row_error::{Failure, RowError};
use worker::run::{Parsing, Ports, RunSettings};

/// Records by key, each with a number, the hash of the last row and its values.
pub(super) type Table = BTreeMap<Key, (i64, ContentHash, Stored)>;

/// One import and the table it goes to.
pub(super) struct Memory {
    state: Arc<Mutex<State>>,
    plain: Bytes,
}

struct State {
    import: Claimed,
    table: Table,
    /// What a dry run writes to; it begins as a copy.
    preview: Table,
    failures: Vec<Failure>,
    breaks_off: bool,
}

pub(super) fn settings(batch_rows: usize) -> RunSettings {
    RunSettings {
        batch: BatchLimits {
            rows: batch_rows,
            bytes: 1 << 20,
        },
        lease: Duration::from_secs(60),
        parsing: Parsing::Thread,
    }
}

impl Memory {
    /// Lets a file through the door, or says why not.
    pub(super) fn receive(file: &[u8], options: &Value, table: Table, breaks_off: bool) -> Result<Self, String> {
        let options = read_options(options);
        let intake = IntakeOptions {
            inflate: None,
            encoding: options.encoding.clone(),
            delimiter: options.delimiter,
            max_bytes: 1 << 30,
        };
        let mut plain = Vec::new();
        let report = Intake::new(intake)
            .and_then(|mut intake| {
                let mut rest = file;
                while !rest.is_empty() {
                    intake.push(&mut rest, &mut plain)?;
                }
                intake.finish(&mut plain)
            })
            .map_err(|error| format!("{error:?}"))?;
        let columns = mapping::resolve(&report.header, &options).map_err(|error| error.to_string())?;
        let import = Claimed {
            sign_of_life: None,
            lease: Lease {
                import: ImportId(1),
                token: Uuid::nil(),
            },
            org: OrgId(1),
            options,
            columns,
            delimiter: report.delimiter,
            blob: String::from("plain"),
            total: report.records,
            checkpoint: report.start,
            counts: Counts::default(),
        };
        let state = State {
            import,
            preview: table.clone(),
            table,
            failures: Vec::new(),
            breaks_off,
        };
        Ok(Self {
            state: Arc::new(Mutex::new(state)),
            plain: plain.into(),
        })
    }

    pub(super) fn ports(&self) -> Ports {
        let (ledger, source) = (InMemory(self.state.clone()), Plain(self.plain.clone()));
        Ports {
            ledger: Arc::new(ledger),
            source: Arc::new(source),
        }
    }

    /// In the words of the oracle.
    pub(super) fn outcome(&self) -> Value {
        let state = self.state.lock().unwrap();
        let counts = state.import.counts;
        let mut json = serde_json::to_value(counts).unwrap();
        json["total"] = state.import.total.into();
        json["read"] = counts.read().into();
        json["unprocessed"] = (state.import.total - counts.read()).into();
        let users: Vec<Value> = state
            .table
            .iter()
            .map(|(key, (_, _, stored))| user(key, stored))
            .collect();
        let failed: Vec<Value> = state.failures.iter().map(failure).collect();
        json!({"counts": json, "failed": failed, "users": users})
    }

    pub(super) fn into_table(self) -> Table {
        std::mem::take(&mut self.state.lock().unwrap().table)
    }
}

fn read_options(given: &Value) -> ImportOptions {
    let mut all = serde_json::to_value(ImportOptions::new(Resource::Users)).unwrap();
    for (name, value) in given.as_object().unwrap() {
        all[name] = value.clone();
    }
    serde_json::from_value(all).unwrap()
}

fn failure(failure: &Failure) -> Value {
    let mut codes: Vec<String> = failure.errors.iter().map(RowError::label).collect();
    codes.sort();
    json!({"record": failure.record, "codes": codes, "cells": failure.cells})
}

fn user(key: &Key, stored: &Stored) -> Value {
    let mut user = Map::new();
    user.insert("source".into(), key.source().into());
    user.insert("source_id".into(), key.source_id().into());
    user.insert("language".into(), key.language().into());
    for (field, value) in Resource::Users.fields().iter().zip(&stored.values) {
        let Some(text) = value else { continue };
        let is_json = ["groups", "addresses"].contains(&field.name);
        let value = if is_json {
            serde_json::from_str(text).unwrap()
        } else {
            Value::from(&**text)
        };
        user.insert(field.name.into(), value);
    }
    user.insert("attributes".into(), Value::Object(stored.attributes.clone()));
    Value::Object(user)
}

struct InMemory(Arc<Mutex<State>>);

impl State {
    fn target(&mut self) -> &mut Table {
        if self.import.options.dry_run {
            &mut self.preview
        } else {
            &mut self.table
        }
    }

    /// What the table holds of a batch's keys.
    fn look(&mut self, planner: &Planner<'_>) -> Vec<Found> {
        let keys: Vec<Key> = planner.keys().iter().copied().cloned().collect();
        let table = self.target();
        let look = |(slot, key)| match table.get(key) {
            None => Found::Absent,
            Some((id, hash, stored)) => {
                let stored = planner.wants(slot, Some(hash)).then(|| stored.clone());
                Found::Known {
                    id: Some(*id),
                    hash: Some(*hash),
                    stored,
                }
            }
        };
        keys.iter().enumerate().map(look).collect()
    }

    fn commit(&mut self, batch: &Batch, ahead: Option<Vec<Found>>) -> Commit {
        let planner = Planner::new(batch, self.import.options.mode);
        let found = ahead.unwrap_or_else(|| self.look(&planner));
        let left = |most: u64| most.saturating_sub(self.import.counts.failed);
        let policy = Policy {
            resource: self.import.options.resource,
            mode: self.import.options.mode,
            failures_left: self.import.options.max_failures.map(left),
        };
        self.take(planner.plan(found, policy))
    }

    fn take(&mut self, plan: Plan<'_>) -> Commit {
        let table = self.target();
        for write in plan.inserts {
            let id = i64::try_from(table.len()).unwrap();
            let before = table.insert(write.key.clone(), (id, write.hash, write.content.into_stored()));
            assert!(before.is_none(), "an insert meets no record: {:?}", write.key);
        }
        for (id, write) in plan.updates {
            let before = table.insert(write.key.clone(), (id, write.hash, write.content.into_stored()));
            assert_eq!(
                before.map(|(id, _, _)| id),
                Some(id),
                "an update meets its record: {:?}",
                write.key
            );
        }
        self.import.counts.add(&plan.counts);
        self.import.checkpoint = plan.after;
        self.failures.extend(plan.failures);
        Commit::Done {
            counts: self.import.counts,
            stop: plan.stop,
        }
    }
}

#[async_trait]
impl Ledger for InMemory {
    async fn claim(&self, _: ImportId) -> Result<Option<Claimed>, LedgerError> {
        let mut state = self.0.lock().unwrap();
        state.import.lease.token = Uuid::new_v4();
        Ok(Some(state.import.clone()))
    }

    async fn look_ahead(&self, run: &Arc<Claimed>, next: &Arc<Batch>) -> Option<Ahead> {
        let planner = Planner::new(next, run.options.mode);
        Some(Ahead::new(self.0.lock().unwrap().look(&planner)))
    }

    /// Takes its time, so that the next batch is looked up before this one is written.
    async fn commit_batch(
        &self,
        run: &Arc<Claimed>,
        batch: Arc<Batch>,
        ahead: Option<Ahead>,
    ) -> Result<Commit, LedgerError> {
        tokio::time::sleep(Duration::from_micros(200)).await;
        let ahead = ahead.and_then(Ahead::into_inner);
        let mut state = self.0.lock().unwrap();
        let (lease, from) = (state.import.lease, state.import.checkpoint);
        if run.lease != lease || batch.from != from {
            return Ok(Commit::Fenced);
        }
        let done = state.commit(&batch, ahead);
        // A crash after the commit and before its answer: the next claim goes on at the checkpoint.
        let stopped = matches!(done, Commit::Done { stop: true, .. });
        Ok(if state.breaks_off && !stopped {
            Commit::Fenced
        } else {
            done
        })
    }

    async fn renew(&self, _: Lease) -> Result<bool, LedgerError> {
        Ok(true)
    }

    async fn finish(&self, lease: Lease, ending: Ending) -> Result<bool, LedgerError> {
        assert_eq!(ending, Ending::Done);
        Ok(lease == self.0.lock().unwrap().import.lease)
    }

    async fn release(&self, _: Lease, _: Duration, _: bool) -> Result<bool, LedgerError> {
        Ok(true)
    }
}

struct Plain(Bytes);

#[async_trait]
impl Source for Plain {
    async fn open(&self, _: &str, from: u64) -> Result<BoxStream<'static, Result<Bytes, SourceError>>, SourceError> {
        let rest = self.0.slice(usize::try_from(from).unwrap()..);
        // Odd pieces, so that records lie across them.
        let pieces: Vec<_> = rest.chunks(97).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        Ok(futures::stream::iter(pieces).boxed())
    }
}

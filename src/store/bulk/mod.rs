//! `commit_batch`: guard, rows, failures, counts and checkpoint in one transaction, hence exactly once. The engine plans
//! what a batch does (`worker::batch::plan`); this room asks the database what it holds of the batch's keys and writes the
//! plan down. One of the few rooms with a body per database, as each has its own fast way in; what needs no SQL is shared
//! here. No rule about rows may enter: it would hold on one database only.
//!
//! What a crash leaves: nothing before COMMIT, everything after it. A COMMIT that was not answered is looked up.

mod children;
mod classify;
mod columns;
mod handles;
mod job;
pub(super) mod postgres;
mod sqlite;
mod tally;
mod walk;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use diesel_async::pooled_connection::deadpool::Object;
use worker::batch::Batch;
use worker::ports::{Ahead, Claimed, Commit};

use self::job::Job;
use super::Store;
use super::db::Db;
use super::error::StoreError;

impl Store {
    /// Reads what a batch will need, beside the one that is being written before it. On SQLite each batch reads for itself:
    /// records have no place there that would show whether somebody was faster.
    pub async fn look_ahead(&self, run: &Arc<Claimed>, next: &Arc<Batch>) -> Option<Ahead> {
        let (vault, run, batch) = (self.vault.clone(), Arc::clone(run), Arc::clone(next));
        let read = self.run(move |db| async move {
            let Db::Postgres(postgres) = db else { return Ok(None) };
            let job = Job {
                run: &run,
                batch: &batch,
                vault: &vault,
                lease: Duration::ZERO,
            };
            postgres::look_ahead(&postgres.bulk, &job).await.map(Some)
        });
        match read.await {
            Ok(read) => read.map(Ahead::new),
            Err(error) => {
                tracing::debug!(%error, "nothing was read ahead");
                None
            }
        }
    }

    /// Writes a batch, all or nothing: its rows and failures, the import's counts, tally and checkpoint. The lease is good
    /// for `lease` from then on. `Fenced`: the right to write is lost, and nothing was written.
    pub async fn commit_batch(
        &self,
        run: Arc<Claimed>,
        batch: Arc<Batch>,
        ahead: Option<Ahead>,
        lease: Duration,
    ) -> Result<Commit, StoreError> {
        let vault = self.vault.clone();
        self.run(move |db| async move {
            match db {
                Db::Postgres(postgres) => {
                    postgres::commit_batch(
                        &postgres.bulk,
                        &Job {
                            run: &run,
                            batch: &batch,
                            vault: &vault,
                            lease,
                        },
                        ahead.and_then(Ahead::into_inner),
                    )
                    .await
                }
                Db::Sqlite(sqlite) => {
                    let mut writer = sqlite.writer().await?;
                    let work = move |connection: &mut _| {
                        let job = Job {
                            run: &run,
                            batch: &batch,
                            vault: &vault,
                            lease,
                        };
                        Ok(catch_unwind(AssertUnwindSafe(|| {
                            sqlite::commit_batch(connection, &job)
                        })))
                    };
                    match writer.spawn_blocking(work).await? {
                        Ok(commit) => commit,
                        // The connection is still in its transaction: it is closed, which rolls back.
                        Err(_) => {
                            drop(Object::take(writer));
                            Err(StoreError::unavailable("writing the batch crashed"))
                        }
                    }
                }
            }
        })
        .await
    }
}

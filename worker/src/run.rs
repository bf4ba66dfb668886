//! Runs one import from its checkpoint to its end: claim, read, judge, commit batch after batch. Knows no queue, no SQL and
//! no HTTP; every promise rests on the ledger's guard, so running an import twice, or half, is harmless.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::batch::{Batch, BatchLimits};
use crate::failpoint::reach;
use crate::import::ImportId;
use crate::parse::{self, Parsed};
use crate::ports::{Ahead, Claimed, Commit, Ending, Ledger, LedgerError, Source, SourceError};

use self::batches::{Batches, Word};

mod batches;

/// Pause before an import is tried again after a store did not answer.
const PAUSE_AFTER_TROUBLE: Duration = Duration::from_secs(2);
/// How long a run that could not go on tries to hand its import back before it leaves that to the lease.
const HAND_BACK_FOR: Duration = Duration::from_secs(600);

/// How large batches are and how long a lease lasts.
#[derive(Clone, Copy, Debug)]
pub struct RunSettings {
    /// When a batch is full.
    pub batch: BatchLimits,
    /// Length of a lease; it is renewed at a third of it.
    pub lease: Duration,
    /// Where files are parsed.
    pub parsing: Parsing,
}

/// Where files are parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsing {
    /// On a thread of its own, which holds up nothing else.
    Thread,
    /// Among the runtime's tasks: on one thread a run then goes the same way each time. For simulations.
    Task,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// Not this worker's turn: taken, final, or behind another import.
    NotNow,
    /// The import is final.
    Finished,
    /// Queued again, at its checkpoint.
    HandedBack,
    /// Somebody else holds it, or a caller canceled it.
    Fenced,
}

/// The world of a run.
#[derive(Clone)]
pub struct Ports {
    /// Where imports and records are kept.
    pub ledger: Arc<dyn Ledger>,
    /// Where the plain files lie.
    pub source: Arc<dyn Source>,
}

/// Claims and runs one import. `stop` asks for a hand-back at the next batch edge.
pub async fn run_import(
    ports: &Ports,
    settings: RunSettings,
    import: ImportId,
    stop: &CancellationToken,
) -> Result<Ran, LedgerError> {
    let Some(claimed) = ports.ledger.claim(import).await? else {
        return Ok(Ran::NotNow);
    };
    tracing::info!(
        import_id = import.0,
        from_record = claimed.checkpoint.record,
        total = claimed.total,
        "import.claimed"
    );
    let ran = match drive(ports, settings, &claimed, stop).await {
        Next::Finish(ending) => finish(ports, &claimed, ending).await,
        Next::Fenced => Ran::Fenced,
        Next::HandBack { pause, crashed } => hand_back(ports, &claimed, pause, crashed).await,
    };
    tracing::info!(import_id = import.0, ran = ?ran, "import.left");
    Ok(ran)
}

/// What is to be done with the import once no further batch comes.
enum Next {
    Finish(Ending),
    Fenced,
    HandBack { pause: Duration, crashed: bool },
}

impl Next {
    fn after_trouble(error: &dyn std::error::Error, import: ImportId) -> Self {
        tracing::warn!(import_id = import.0, %error, "import.interrupted");
        Self::HandBack {
            pause: PAUSE_AFTER_TROUBLE,
            crashed: false,
        }
    }
}

async fn drive(ports: &Ports, settings: RunSettings, claimed: &Claimed, stop: &CancellationToken) -> Next {
    let import = claimed.lease.import;
    // A run before this one got so far, and did not get round to its end.
    if claimed.is_stopped() {
        return Next::Finish(Ending::Done);
    }
    let mut renewal = tokio::time::interval(settings.lease / 3);
    renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut opening = ports.source.open(&claimed.blob, claimed.checkpoint.byte);
    // A store that is slow to open a file must not cost the lease: three leases lost at one checkpoint are poison.
    let bytes = loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Next::HandBack { pause: Duration::ZERO, crashed: false },
            _ = renewal.tick() => if let Some(next) = renew(ports, claimed).await {
                return next;
            },
            opened = &mut opening => match opened {
                Ok(bytes) => break bytes,
                Err(error) => return after_source(&error, import),
            },
        }
    };
    let claimed = Arc::new(claimed.clone());
    let parsed = parse::start(&claimed, settings, bytes);
    let mut batches = Batches::new(&ports.ledger, &claimed, parsed, settings.lease / 3);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Next::HandBack { pause: Duration::ZERO, crashed: false },
            _ = renewal.tick() => if let Some(next) = renew(ports, &claimed).await {
                return next;
            },
            word = batches.next() => if let Some(next) = step(settings.parsing, &mut batches, word, import).await {
                return next;
            },
        }
    }
}

/// Prolongs the lease; `Some` when it cannot be held.
async fn renew(ports: &Ports, claimed: &Claimed) -> Option<Next> {
    match prolong(ports, claimed).await {
        Ok(true) => None,
        Ok(false) => Some(Next::Fenced),
        Err(error) => Some(Next::after_trouble(&error, claimed.lease.import)),
    }
}

async fn prolong(ports: &Ports, claimed: &Claimed) -> Result<bool, LedgerError> {
    reach("lease.before_renew").await?;
    ports.ledger.renew(claimed.lease).await
}

async fn commit(
    parsing: Parsing,
    batches: &mut Batches,
    batch: Arc<Batch>,
    ahead: Option<Ahead>,
) -> Result<Commit, LedgerError> {
    reach("batch.parsed").await?;
    let commit = batches.commit(&batch, ahead).await?;
    // Thousands of rows take milliseconds to free, in which the ledger would wait for the next.
    if parsing == Parsing::Thread {
        drop(tokio::task::spawn_blocking(move || drop(batch)));
    }
    reach("batch.before_ack").await?;
    Ok(commit)
}

/// One message of the parser; `Some` when it was the last.
async fn step(parsing: Parsing, batches: &mut Batches, Word { parsed, ahead }: Word, import: ImportId) -> Option<Next> {
    match parsed {
        Some(Parsed::Batch(batch)) => match commit(parsing, batches, batch, ahead).await {
            Ok(Commit::Done { stop, .. }) => stop.then_some(Next::Finish(Ending::Done)),
            Ok(Commit::Fenced) => Some(Next::Fenced),
            Err(error) => Some(Next::after_trouble(&error, import)),
        },
        Some(Parsed::End) => Some(Next::Finish(Ending::Done)),
        Some(Parsed::Broken(error)) => Some(after_source(&error, import)),
        Some(Parsed::Damaged(error)) => Some(damaged(&error)),
        // The parser ended without a word: it panicked. Three times at one checkpoint is poison.
        None => {
            tracing::error!(import_id = import.0, "import.parser_crashed");
            Some(Next::HandBack {
                pause: PAUSE_AFTER_TROUBLE,
                crashed: true,
            })
        }
    }
}

fn damaged(error: &dyn std::error::Error) -> Next {
    Next::Finish(Ending::Broken {
        code: "source-corrupt",
        detail: format!("the uploaded file is damaged in the file store; upload it again ({error})"),
    })
}

fn after_source(error: &SourceError, import: ImportId) -> Next {
    match error {
        SourceError::Missing => Next::Finish(Ending::Broken {
            code: "source-missing",
            detail: "the uploaded file is no longer in the file store; upload it again".to_owned(),
        }),
        SourceError::Damaged(error) => damaged(&**error),
        SourceError::Unavailable(_) => Next::after_trouble(error, import),
    }
}

async fn finish(ports: &Ports, claimed: &Claimed, ending: Ending) -> Ran {
    match ports.ledger.finish(claimed.lease, ending).await {
        Ok(true) => Ran::Finished,
        Ok(false) => Ran::Fenced,
        Err(error) => {
            tracing::warn!(
                import_id = claimed.lease.import.0,
                error = %error,
                "import.not_finished"
            );
            hand_back(ports, claimed, PAUSE_AFTER_TROUBLE, false).await
        }
    }
}

/// Tries until the ledger answers; a lease that ends meanwhile makes the attempt harmless.
async fn hand_back(ports: &Ports, claimed: &Claimed, pause: Duration, crashed: bool) -> Ran {
    let give_up = tokio::time::Instant::now() + HAND_BACK_FOR;
    let mut wait = Duration::from_millis(200);
    loop {
        match ports.ledger.release(claimed.lease, pause, crashed).await {
            Ok(true) => return Ran::HandedBack,
            Ok(false) => return Ran::Fenced,
            Err(error) => {
                tracing::warn!(
                    import_id = claimed.lease.import.0,
                    error = %error,
                    "import.not_released"
                );
            }
        }
        if tokio::time::Instant::now() >= give_up {
            return Ran::Fenced;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(5));
    }
}

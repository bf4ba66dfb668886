//! What became of each row of a finished import, for surfaces that answer row by row: read back in two passes, the failures by
//! record and the users by key.

use std::collections::{HashMap, HashSet};

use worker::batch::Key;
use worker::row_error::{Failure, RowError};

use super::failed_rows;
use crate::app::App;
use crate::store::StoreError;
use crate::store::model::{Import, KnownUser};

/// Failures read at once.
const PAGE: i64 = 1_000;

/// What became of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The record says what the row says.
    Applied {
        /// Its number; absent where somebody has removed it since.
        id: Option<i64>,
        /// The row made it.
        created: bool,
    },
    /// Refused; every reason in a sentence.
    Failed(String),
}

/// The outcomes of an import's rows; `keys` has the key of each, none for a row that cannot have one.
pub async fn outcomes(app: &App, import: &Import, keys: &[Option<Key>]) -> Result<Vec<Outcome>, StoreError> {
    let mut failures = failures(app, import).await?;
    let wanted: HashSet<&Key> = keys.iter().flatten().collect();
    let wanted = wanted.into_iter().cloned().collect();
    let users = app.store.users_by_keys(import.org, wanted).await?;
    let users: HashMap<&Key, &KnownUser> = users.iter().map(|user| (&user.key, user)).collect();
    let mut seen = HashSet::new();
    let mut all = Vec::with_capacity(keys.len());
    for (record, key) in (1..).zip(keys) {
        if let Some(reasons) = failures.remove(&record) {
            all.push(Outcome::Failed(reasons));
            continue;
        }
        let user = key.as_ref().and_then(|key| users.get(key));
        let first = key.as_ref().is_some_and(|key| seen.insert(key));
        all.push(Outcome::Applied {
            id: user.map(|user| user.id),
            created: first && user.is_some_and(|user| user.created_by_import == Some(import.id)),
        });
    }
    Ok(all)
}

async fn failures(app: &App, import: &Import) -> Result<HashMap<u64, String>, StoreError> {
    let (mut all, mut after) = (HashMap::new(), 0);
    loop {
        let page = failed_rows::page(app, import.org, import.id, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = last.record;
        all.extend(page.iter().map(|failure| (failure.record, reasons(failure))));
    }
}

/// Every reason of a failure: `email: not a valid e-mail address; gender: …`.
pub fn reasons(failure: &Failure) -> String {
    let sentences: Vec<String> = failure.errors.iter().map(RowError::sentence).collect();
    sentences.join("; ")
}

//! Changing the keys that seal cells, beside a running service: a new key, then everything that older keys sealed goes under
//! it, page by page. Stopped half-way and called again, it goes on under the key it had made.

use worker::failpoint::reach;

use crate::store::{Resealed, Store, StoreError};

/// What a rotation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Keys that were still wrapped under the previous `secret_key`.
    pub rewrapped: usize,
    /// The key that seals from now on.
    pub key: i64,
    /// An earlier rotation was not through: this one has ended it.
    pub resumed: bool,
    /// Rows that were sealed anew.
    pub resealed: Resealed,
}

/// Wraps the keys under the present `secret_key`, makes a new one and seals everything under it.
pub async fn rotate(store: &Store) -> Result<Rotated, StoreError> {
    let rewrapped = store.rewrap_keys().await?;
    let newest = store.vault().newest_id();
    let resumed = match newest {
        Some(newest) => store.has_older_seals(newest).await?,
        None => false,
    };
    let key = match newest {
        Some(newest) if resumed => newest,
        _ => store.add_sealing_key().await?,
    };
    let mut rotated = Rotated {
        rewrapped,
        key,
        resumed,
        resealed: Resealed::default(),
    };
    let mut at = Some(0);
    while let Some(after) = at {
        let (done, next) = store.reseal_credentials(after, key).await?;
        rotated.resealed.add(done);
        at = next;
        reach("rotate.mid").await?;
    }
    let mut at = Some((0, 0));
    while let Some(after) = at {
        let (done, next) = store.reseal_failures(after).await?;
        rotated.resealed.add(done);
        at = next;
        reach("rotate.mid").await?;
    }
    Ok(rotated)
}

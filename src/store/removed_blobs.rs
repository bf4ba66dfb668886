//! Files that are to go: noted in the transaction that ends their import, forgotten when they are gone. The store of files is
//! not asked here.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Store;
use super::clock::now;
use super::db::{reading, writing};
use super::error::StoreError;
use super::schema::removed_blobs;
use super::scope::Scope;

/// Notes that a file is to go, at the earliest after `$wait`.
macro_rules! remove_blob {
    ($c:expr, $blob:expr, $wait:expr) => {{
        use $crate::store::clock::after;
        use $crate::store::schema::removed_blobs;
        let row = (removed_blobs::blob.eq($blob), removed_blobs::due.eq(after($wait)));
        diesel::insert_into(removed_blobs::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute($c)
            .await?;
    }};
}

/// The same for an import that has just become final, if its file is not to be kept as long as its record.
macro_rules! remove_file_at_end {
    ($c:expr, $import:expr) => {
        if let (Some(blob), Some(wait)) = (&$import.blob, $import.file_goes_after()) {
            $crate::store::removed_blobs::remove_blob!($c, blob, wait);
        }
    };
}

pub(super) use {remove_blob, remove_file_at_end};

impl Store {
    /// Files that are due to go, whoever was to remove them.
    pub async fn removed_blobs(&self, limit: i64) -> Result<Vec<String>, StoreError> {
        self.run(|db| async move {
            let due = removed_blobs::table.filter(removed_blobs::due.le(now()));
            let blobs = due.order(removed_blobs::due).limit(limit).select(removed_blobs::blob);
            Ok(reading!(&db, Scope::House, |c| blobs.load(c).await?))
        })
        .await
    }

    /// Forgets a file that is gone.
    pub async fn forget_blob(&self, blob: &str) -> Result<(), StoreError> {
        let blob = blob.to_owned();
        self.run(|db| async move {
            let gone = removed_blobs::table.find(blob);
            writing!(&db, Scope::House, |c| diesel::delete(gone).execute(c).await?);
            Ok(())
        })
        .await
    }
}

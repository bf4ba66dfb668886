//! Refused rows, read by page in file order. They are written in the transaction of their batch.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use worker::import::{ImportId, OrgId};
use worker::mapping::Sensitive;
use worker::row_error::Failure;

use super::Store;
use super::cell::{from_json, signed, to_json, unsigned};
use super::db::reading;
use super::error::StoreError;
use super::schema::{import_failures, imports};
use crate::vault::{Place, Vault};

/// What seals know this column as.
const COLUMN: &str = "import_failures.cells";

/// A page of failures takes no further row once it holds so many bytes of cells and reasons: a row may be as large as a record,
/// and a page is held until its reader has taken it.
const PAGE_BYTES: i64 = 256 * 1024;

diesel::define_sql_function! {
    /// Bytes of a text.
    fn octet_length(text: diesel::sql_types::Text) -> diesel::sql_types::Integer;
}

type FailureRow = (i64, i64, String, String);

/// A cell as it lies in the JSON array: sensitive ones are sealed.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Cell {
    Plain(String),
    Sealed { sealed: String },
}

/// A refused row of an import, which its seals are bound to.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) org: OrgId,
    pub(super) import: i64,
    pub(super) record: i64,
}

impl Row {
    fn place<T>(self, cell: usize, with: impl FnOnce(&Place<'_>) -> T) -> T {
        let row = format!("{} {} {cell}", self.import, self.record);
        with(&Place {
            org: self.org,
            row: &row,
            column: COLUMN,
        })
    }

    /// The cells as they are kept; those that `sensitive` marks are sealed.
    pub(super) fn seal(self, vault: &Vault, cells: &[String], sensitive: &Sensitive) -> Result<String, StoreError> {
        let seal = |(nth, cell): (usize, &String)| {
            if cell.is_empty() || !sensitive.hides(nth, cells.len()) {
                return Ok(Cell::Plain(cell.clone()));
            }
            let sealed = self.place(nth, |place| vault.seal(place, cell))?;
            Ok(Cell::Sealed { sealed })
        };
        let cells: Result<Vec<Cell>, StoreError> = cells.iter().enumerate().map(seal).collect();
        to_json("cells", &cells?)
    }

    fn open(self, vault: &Vault, cells: &str) -> Result<Vec<String>, StoreError> {
        let cells: Vec<Cell> = from_json(COLUMN, cells)?;
        let open = |(nth, cell)| match cell {
            Cell::Plain(text) => Ok(text),
            Cell::Sealed { sealed } => Ok(self.place(nth, |place| vault.open(place, &sealed))?),
        };
        cells.into_iter().enumerate().map(open).collect()
    }

    /// The cells with every seal under the newest key; nothing if one does not open.
    pub(super) fn reseal(self, vault: &Vault, cells: &str) -> Result<Option<String>, StoreError> {
        let mut cells: Vec<Cell> = from_json(COLUMN, cells)?;
        for (nth, cell) in cells.iter_mut().enumerate() {
            let Cell::Sealed { sealed } = cell else { continue };
            if Vault::key_of(sealed) == vault.newest_id() {
                continue;
            }
            match self.place(nth, |place| vault.reseal(place, sealed))? {
                Some(anew) => *sealed = anew,
                None => return Ok(None),
            }
        }
        to_json(COLUMN, &cells).map(Some)
    }
}

fn failure_from(
    vault: &Vault,
    org: OrgId,
    import: ImportId,
    (record, line, errors, cells): &FailureRow,
) -> Result<Failure, StoreError> {
    let row = Row {
        org,
        import: import.0,
        record: *record,
    };
    Ok(Failure {
        record: unsigned("import_failures.record", *record)?,
        line: unsigned("import_failures.line", *line)?,
        errors: from_json("import_failures.errors", errors)?,
        cells: row.open(vault, cells)?,
    })
}

/// How many of the rows fit on a page: one at least.
fn fitting(sizes: &[(i32, i32)]) -> i64 {
    let mut left = PAGE_BYTES;
    let fits = |(cells, errors): &&(i32, i32)| {
        let fits = left > 0;
        left -= i64::from(*cells) + i64::from(*errors);
        fits
    };
    i64::try_from(sizes.iter().take_while(fits).count()).unwrap_or(i64::MAX)
}

impl Store {
    /// Failed rows after a record, by record; none for an import of another organization. At most `limit`, and fewer where
    /// they are large: only an empty page is the last.
    pub async fn failures(
        &self,
        org: OrgId,
        id: ImportId,
        after_record: u64,
        limit: i64,
    ) -> Result<Vec<Failure>, StoreError> {
        let rows = self.failure_rows(org, id, after_record, limit).await?;
        let open = |rows: &[FailureRow]| rows.iter().map(|row| failure_from(&self.vault, org, id, row)).collect();
        match open(&rows) {
            Err(StoreError::UnknownKey(_)) => {
                self.learn_keys().await?;
                open(&rows)
            }
            opened => opened,
        }
    }

    async fn failure_rows(
        &self,
        org: OrgId,
        id: ImportId,
        after_record: u64,
        limit: i64,
    ) -> Result<Vec<FailureRow>, StoreError> {
        self.run(move |db| async move {
            let after_record = signed("record", after_record)?;
            let own = imports::table
                .filter(imports::org_id.eq(org.0))
                .filter(imports::id.eq(id.0));
            let rows = import_failures::table
                .filter(import_failures::import_id.eq_any(own.select(imports::id)))
                .filter(import_failures::record.gt(after_record))
                .order(import_failures::record);
            let sizes = rows
                .select((
                    octet_length(import_failures::cells),
                    octet_length(import_failures::errors),
                ))
                .limit(limit);
            let sizes: Vec<(i32, i32)> = reading!(&db, org, |c| sizes.load(c).await?);
            let query = rows.limit(fitting(&sizes)).select((
                import_failures::record,
                import_failures::line,
                import_failures::errors,
                import_failures::cells,
            ));
            Ok(reading!(&db, org, |c| query.load(c).await?))
        })
        .await
    }
}

//! Refused rows, read by page in file order. They are written in the transaction of their batch.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use worker::import::{ImportId, OrgId};
use worker::row_error::Failure;

use super::Store;
use super::cell::{from_json, signed, unsigned};
use super::db::reading;
use super::error::StoreError;
use super::schema::{import_failures, imports};

type FailureRow = (i64, i64, String, String);

fn failure_from((record, line, errors, cells): FailureRow) -> Result<Failure, StoreError> {
    Ok(Failure {
        record: unsigned("import_failures.record", record)?,
        line: unsigned("import_failures.line", line)?,
        errors: from_json("import_failures.errors", &errors)?,
        cells: from_json("import_failures.cells", &cells)?,
    })
}

impl Store {
    /// Failed rows after a record, by record; none for an import of another organization.
    pub async fn failures(
        &self,
        org: OrgId,
        id: ImportId,
        after_record: u64,
        limit: i64,
    ) -> Result<Vec<Failure>, StoreError> {
        self.run(|db| async move {
            let after_record = signed("record", after_record)?;
            let own = imports::table
                .filter(imports::org_id.eq(org.0))
                .filter(imports::id.eq(id.0));
            let query = import_failures::table
                .filter(import_failures::import_id.eq_any(own.select(imports::id)))
                .filter(import_failures::record.gt(after_record))
                .order(import_failures::record)
                .limit(limit)
                .select((
                    import_failures::record,
                    import_failures::line,
                    import_failures::errors,
                    import_failures::cells,
                ));
            let rows: Vec<FailureRow> = reading!(&db, |c| query.load(c).await?);
            rows.into_iter().map(failure_from).collect()
        })
        .await
    }
}

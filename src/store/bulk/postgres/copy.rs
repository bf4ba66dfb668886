//! New records by COPY in its binary format (PostgreSQL manual, SQL reference, COPY, "Binary Format"): the least work for the
//! server, and it writes while the rest is still being put together. Only for a table that no policy holds: migration
//! `users_by_copy` tells how that one is held instead.

use bytes::{BufMut, BytesMut};
use chrono::{NaiveDate, NaiveDateTime};
use futures::SinkExt;
use worker::batch::plan::Write;

use super::insert::New;
use super::pool::Session;
use super::trouble::Trouble;
use crate::store::bulk::columns::{Table, list, masked};
use crate::store::cell::write_json;
use crate::store::error::StoreError;

/// Where the rows of a table lie, if they may come by COPY.
pub(super) fn place(table: &Table) -> Option<&'static str> {
    (table.name == "users").then_some("all_users")
}

/// Sent as one message; the server reads one while the next is filled.
const MESSAGE: usize = 64 * 1024;

const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// In place of a row's number of columns.
const END: i16 = -1;
/// In place of a cell's length.
const NULL: i32 = -1;

/// Writes new records to where the table's rows lie.
pub(super) async fn copy(
    session: &mut Session<'_>,
    new: &New,
    place: &str,
    writes: &[Write<'_>],
) -> Result<(), Trouble> {
    let statement = session.prepare(&copy_sql(new, place)).await?;
    let sink = session.copy_in(&statement).await?;
    tokio::pin!(sink);
    let rows = Rows::of(new)?;
    let mut message = BytesMut::with_capacity(MESSAGE + MESSAGE / 4);
    message.put_slice(HEADER);
    for write in writes {
        rows.put(&mut message, write)?;
        if message.len() >= MESSAGE {
            sink.feed(message.split().freeze()).await?;
        }
    }
    message.put_i16(END);
    sink.feed(message.split().freeze()).await?;
    sink.finish().await?;
    Ok(())
}

fn copy_sql(new: &New, place: &str) -> String {
    let columns = new.table.new_record_columns(&new.filled);
    format!("copy {place} ({}) from stdin (format binary)", list(columns))
}

/// What the rows of a batch have in common, as it is sent.
struct Rows<'a> {
    new: &'a New,
    columns: i16,
    /// Microseconds since 2000.
    now: i64,
}

impl<'a> Rows<'a> {
    fn of(new: &'a New) -> Result<Self, StoreError> {
        let columns = new.table.new_record_columns(&new.filled).len();
        Ok(Self {
            new,
            columns: i16::try_from(columns).map_err(too_large)?,
            now: since_2000(new.now),
        })
    }

    /// One row, in the order of `copy_sql`.
    fn put(&self, to: &mut BytesMut, write: &Write<'_>) -> Result<(), StoreError> {
        let New {
            table, filled, import, ..
        } = self.new;
        to.put_i16(self.columns);
        put_number(to, table.owner);
        for cell in table.key_cells(write.key) {
            put(to, Some(cell.as_bytes()))?;
        }
        for cell in masked(table.values(&write.content), filled) {
            put(to, cell.map(str::as_bytes))?;
        }
        put_attributes(to, write)?;
        put(to, table.hash(&write.hash))?;
        put_number(to, *import);
        put_number(to, self.now);
        put_number(to, self.now);
        Ok(())
    }
}

fn since_2000(time: NaiveDateTime) -> i64 {
    let epoch = NaiveDate::from_ymd_opt(2000, 1, 1)
        .unwrap_or_default()
        .and_time(chrono::NaiveTime::MIN);
    (time - epoch).num_microseconds().unwrap_or(i64::MAX)
}

fn put(to: &mut BytesMut, cell: Option<&[u8]>) -> Result<(), StoreError> {
    match cell {
        Some(bytes) => {
            to.put_i32(i32::try_from(bytes.len()).map_err(too_large)?);
            to.put_slice(bytes);
        }
        None => to.put_i32(NULL),
    }
    Ok(())
}

fn put_number(to: &mut BytesMut, number: i64) {
    to.put_i32(8);
    to.put_i64(number);
}

/// Written in place, its length once it is known.
fn put_attributes(to: &mut BytesMut, write: &Write<'_>) -> Result<(), StoreError> {
    let at = to.len();
    to.put_i32(0);
    write_json("attributes", &write.content.attributes(), (&mut *to).writer())?;
    let length = i32::try_from(to.len() - at - 4).map_err(too_large)?;
    if let Some(slot) = to.get_mut(at..at + 4) {
        slot.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

fn too_large(error: std::num::TryFromIntError) -> StoreError {
    StoreError::Config(format!("a record is too large for COPY: {error}"))
}

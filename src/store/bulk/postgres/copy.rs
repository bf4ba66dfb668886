//! PostgreSQL's binary COPY format (documentation of COPY, "Binary Format"), written by hand: most of a first import's time
//! in this process would go into a general encoder.

use std::pin::Pin;

use bytes::{BufMut, Bytes, BytesMut};
use chrono::{DateTime, NaiveDateTime};
use futures::SinkExt;
use tokio_postgres::{CopyInSink, Error};

use crate::store::error::StoreError;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Sent when this much is written, so that encoding and the server's work overlap, and memory stays small.
const CHUNK_BYTES: usize = 64 * 1024;
/// 2000-01-01 in microseconds since 1970: where PostgreSQL counts from.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Rows in the binary format.
#[derive(Debug)]
pub(super) struct Encoder {
    buffer: BytesMut,
}

impl Encoder {
    fn new() -> Self {
        let mut buffer = BytesMut::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 4);
        buffer.put_slice(SIGNATURE);
        buffer.put_i32(0); // no flags
        buffer.put_i32(0); // no header extension
        Self { buffer }
    }

    /// Starts a row of so many columns.
    pub(super) fn row(&mut self, columns: usize) -> Result<(), StoreError> {
        let columns = i16::try_from(columns).map_err(|_| StoreError::Corrupt(format!("{columns} columns")))?;
        self.buffer.put_i16(columns);
        Ok(())
    }

    /// A `text` or `bytea`, or null.
    pub(super) fn bytes(&mut self, cell: Option<&[u8]>) -> Result<(), StoreError> {
        let Some(cell) = cell else {
            self.buffer.put_i32(-1);
            return Ok(());
        };
        let length =
            i32::try_from(cell.len()).map_err(|_| StoreError::Corrupt(format!("a cell of {} bytes", cell.len())))?;
        self.buffer.put_i32(length);
        self.buffer.put_slice(cell);
        Ok(())
    }

    /// A `text`, or null.
    pub(super) fn text(&mut self, cell: Option<&str>) -> Result<(), StoreError> {
        self.bytes(cell.map(str::as_bytes))
    }

    /// A `bigint`.
    pub(super) fn bigint(&mut self, cell: i64) {
        self.buffer.put_i32(8);
        self.buffer.put_i64(cell);
    }

    /// A `timestamp` without time zone.
    pub(super) fn timestamp(&mut self, cell: NaiveDateTime) {
        self.bigint(
            cell.and_utc()
                .signed_duration_since(DateTime::UNIX_EPOCH)
                .num_microseconds()
                .unwrap_or(i64::MAX)
                .saturating_sub(EPOCH_MICROS),
        );
    }
}

/// A running `COPY … FROM STDIN`; dropped before `finish`, it is called off.
pub(super) struct CopyIn {
    sink: Pin<Box<CopyInSink<Bytes>>>,
    encoder: Encoder,
}

impl CopyIn {
    pub(super) fn new(sink: CopyInSink<Bytes>) -> Self {
        Self {
            sink: Box::pin(sink),
            encoder: Encoder::new(),
        }
    }

    /// Where the next row is written.
    pub(super) fn encoder(&mut self) -> &mut Encoder {
        &mut self.encoder
    }

    /// Sends what is written if it is worth it.
    pub(super) async fn send_full(&mut self) -> Result<(), Error> {
        if self.encoder.buffer.len() < CHUNK_BYTES {
            return Ok(());
        }
        self.sink.send(self.encoder.buffer.split().freeze()).await
    }

    /// Ends the COPY; how many rows the table took.
    pub(super) async fn finish(mut self) -> Result<u64, Error> {
        self.encoder.buffer.put_i16(-1);
        self.sink.send(self.encoder.buffer.split().freeze()).await?;
        self.sink.as_mut().finish().await
    }
}

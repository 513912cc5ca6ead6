//! PostgreSQL's binary COPY (manual, "COPY", Binary Format) in and out, and the months that samples belong to.

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use jiff::civil::Date;
use penstock_model::{Sample, Timestamp};
use sqlx::postgres::PgConnection;

use crate::sql::{from_epoch, nearest_micros};
use crate::{Error, Result};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// Writes rows as one whole COPY into a buffer that is used again.
pub(crate) struct Encoder<'a>(&'a mut Vec<u8>);

impl<'a> Encoder<'a> {
    pub(crate) fn new(buffer: &'a mut Vec<u8>) -> Self {
        buffer.clear();
        buffer.extend(SIGNATURE);
        // No flags, no header extension.
        buffer.extend([0; 8]);
        Self(buffer)
    }

    /// Begins a row of so many fields.
    pub(crate) fn row(&mut self, fields: i16) {
        self.0.extend(fields.to_be_bytes());
    }

    pub(crate) fn field<const N: usize>(&mut self, bytes: [u8; N]) {
        // The longest is eight bytes.
        self.0.extend((N as i32).to_be_bytes());
        self.0.extend(bytes);
    }

    pub(crate) fn time(&mut self, at: Timestamp) {
        self.field(nearest_micros(at).to_be_bytes());
    }

    pub(crate) fn optional<const N: usize>(&mut self, bytes: Option<[u8; N]>) {
        match bytes {
            Some(bytes) => self.field(bytes),
            None => self.0.extend((-1_i32).to_be_bytes()),
        }
    }

    pub(crate) fn finish(self) {
        self.0.extend((-1_i16).to_be_bytes());
    }
}

/// Writes `samples` into `buffer` as one whole COPY of `point_no, source_time, received_time, value, quality`.
pub(crate) fn encode(buffer: &mut Vec<u8>, samples: &[Sample]) {
    buffer.reserve(samples.len() * 52 + 32);
    let mut encoder = Encoder::new(buffer);
    for sample in samples {
        encoder.row(5);
        encoder.field(sample.point.0.to_be_bytes());
        encoder.time(sample.source_time);
        encoder.time(sample.received_time);
        encoder.optional(sample.value.map(f64::to_be_bytes));
        encoder.field(i16::from(sample.quality.code()).to_be_bytes());
    }
    encoder.finish();
}

/// Sends an encoded COPY of samples to `table`, a name of ours, and says how many rows went in.
pub(crate) async fn send(connection: &mut PgConnection, table: &str, encoded: &[u8]) -> Result<u64> {
    send_to(connection, &format!("{table} (point_no, source_time, received_time, value, quality)"), encoded).await
}

/// Sends an encoded COPY to a table with its columns, names of ours, and says how many rows went in.
pub(crate) async fn send_to(connection: &mut PgConnection, table: &str, encoded: &[u8]) -> Result<u64> {
    let mut copy = connection.copy_in_raw(&format!("copy {table} from stdin (format binary)")).await?;
    copy.send(encoded).await?;
    Ok(copy.finish().await?)
}

/// The rows of a query as they come, a row at a time.
pub(crate) struct Rows<'c> {
    stream: BoxStream<'c, sqlx::Result<Bytes>>,
    buffer: BytesMut,
    has_begun: bool,
}

/// The fields of one row, read in order.
pub(crate) struct Row(Bytes);

impl<'c> Rows<'c> {
    /// Runs `query`, text of ours without parameters.
    pub(crate) async fn of(connection: &'c mut PgConnection, query: &str) -> Result<Self> {
        let stream = connection.copy_out_raw(&format!("copy ({query}) to stdout (format binary)")).await?;
        Ok(Self { stream, buffer: BytesMut::new(), has_begun: false })
    }

    /// The next row; none after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Row>> {
        loop {
            if let Some(row) = self.take()? {
                return Ok(Some(row));
            }
            match self.stream.next().await {
                Some(chunk) => self.buffer.extend_from_slice(&chunk?),
                None => return Ok(None),
            }
        }
    }

    /// A row that has come in whole.
    fn take(&mut self) -> Result<Option<Row>> {
        if !self.has_begun {
            let header = SIGNATURE.len() + 8;
            if self.buffer.len() < header {
                return Ok(None);
            }
            self.buffer.advance(header);
            self.has_begun = true;
        }
        let Some(fields) = self.buffer.get(..2).and_then(|bytes| Some(i16::from_be_bytes(bytes.try_into().ok()?)))
        else {
            return Ok(None);
        };
        let mut end = 2;
        for _ in 0..fields.max(0) {
            let Some(length) = self.buffer.get(end..end + 4).and_then(|bytes| bytes.try_into().ok()) else {
                return Ok(None);
            };
            end += 4 + usize::try_from(i32::from_be_bytes(length)).unwrap_or(0);
        }
        if self.buffer.len() < end || fields < 0 {
            return Ok(None);
        }
        let mut row = self.buffer.split_to(end).freeze();
        row.advance(2);
        Ok(Some(Row(row)))
    }
}

impl Row {
    fn bytes<const N: usize>(&mut self) -> Result<Option<[u8; N]>> {
        let short = || Error::unreadable("row")(&format!("a field of {N} bytes was expected"));
        let length = self.0.try_get_i32().map_err(|_short| short())?;
        if length < 0 {
            return Ok(None);
        }
        if usize::try_from(length) != Ok(N) || self.0.len() < N {
            return Err(short());
        }
        Ok(self.0.split_to(N).as_ref().try_into().ok())
    }

    pub(crate) fn int(&mut self) -> Result<Option<i32>> {
        Ok(self.bytes()?.map(i32::from_be_bytes))
    }

    pub(crate) fn long(&mut self) -> Result<Option<i64>> {
        Ok(self.bytes()?.map(i64::from_be_bytes))
    }

    pub(crate) fn small(&mut self) -> Result<Option<i16>> {
        Ok(self.bytes()?.map(i16::from_be_bytes))
    }

    pub(crate) fn real(&mut self) -> Result<Option<f32>> {
        Ok(self.bytes()?.map(f32::from_be_bytes))
    }

    pub(crate) fn double(&mut self) -> Result<Option<f64>> {
        Ok(self.bytes()?.map(f64::from_be_bytes))
    }

    pub(crate) fn time(&mut self) -> Result<Option<Timestamp>> {
        Ok(self.bytes()?.map(|bytes| from_epoch(i64::from_be_bytes(bytes))))
    }
}

/// A calendar month, UTC, in microseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Month {
    /// Its first moment; all times before 2000 count as one, and all after 2099.
    pub(crate) first: i64,
    next: i64,
    next_year: i64,
}

impl Month {
    pub(crate) fn of(at: Timestamp) -> Self {
        let start = |year, month| Date::new(year, month, 1).ok().and_then(micros);
        let (before, after) = (start(2000, 1).unwrap_or(i64::MIN), start(2100, 1).unwrap_or(i64::MAX));
        let at = at.as_micros();
        if at < before {
            return Self { first: before - 1, next: before, next_year: before };
        }
        let month = jiff::Timestamp::from_microsecond(at).ok().filter(|_| at < after).and_then(|at| {
            let date = jiff::tz::Offset::UTC.to_datetime(at).date();
            let next =
                if date.month() == 12 { start(date.year() + 1, 1) } else { start(date.year(), date.month() + 1) };
            let (first, next_year) = (start(date.year(), date.month())?, start(date.year() + 1, 1)?);
            Some(Self { first, next: next?, next_year })
        });
        month.unwrap_or(Self { first: after, next: i64::MAX, next_year: i64::MAX })
    }

    /// When it is over.
    pub(crate) const fn end(self) -> Timestamp {
        Timestamp::from_micros(self.next)
    }

    /// When its year is over.
    pub(crate) const fn end_of_year(self) -> Timestamp {
        Timestamp::from_micros(self.next_year)
    }

    pub(crate) const fn contains(self, at: Timestamp) -> bool {
        self.first <= at.as_micros() && at.as_micros() < self.next
    }
}

fn micros(date: Date) -> Option<i64> {
    let at = jiff::tz::Offset::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).ok()?;
    Some(at.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_end_where_the_next_begins() {
        let at = |text: &str| Timestamp::parse(text).expect(text);
        let december = Month::of(at("2026-12-31T23:59:59.999999Z"));
        assert!(december.contains(at("2026-12-01T00:00:00Z")));
        assert!(!december.contains(at("2026-11-30T23:59:59.999999Z")));
        assert_eq!(Month::of(at("2027-01-01T00:00:00Z")).first, december.next);
        assert_eq!(Month::of(at("2026-01-01T00:00:00Z")).end_of_year(), december.end());
        assert_eq!(Month::of(at("1970-01-01T00:00:00Z")), Month::of(at("1999-12-31T00:00:00Z")));
        assert_eq!(Month::of(Timestamp::MAX), Month::of(at("2100-01-01T00:00:00Z")));
    }
}

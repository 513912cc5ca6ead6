//! Samples as PostgreSQL's binary COPY (manual, "COPY", Binary Format), and the months they belong to.

use jiff::civil::Date;
use penstock_model::{Sample, Timestamp};
use sqlx::postgres::PgConnection;

use crate::Result;
use crate::sql::nearest_micros;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// Writes `samples` into `buffer` as one whole COPY of `point_no, source_time, received_time, value, quality`.
pub(super) fn encode(buffer: &mut Vec<u8>, samples: &[Sample]) {
    buffer.clear();
    buffer.reserve(samples.len() * 52 + 32);
    buffer.extend(SIGNATURE);
    // No flags, no header extension.
    buffer.extend([0; 8]);
    for sample in samples {
        buffer.extend(5_i16.to_be_bytes());
        field(buffer, sample.point.0.to_be_bytes());
        field(buffer, nearest_micros(sample.source_time).to_be_bytes());
        field(buffer, nearest_micros(sample.received_time).to_be_bytes());
        match sample.value {
            Some(value) => field(buffer, value.to_be_bytes()),
            None => buffer.extend((-1_i32).to_be_bytes()),
        }
        field(buffer, i16::from(sample.quality.code()).to_be_bytes());
    }
    buffer.extend((-1_i16).to_be_bytes());
}

fn field<const N: usize>(buffer: &mut Vec<u8>, bytes: [u8; N]) {
    // The longest is eight bytes.
    buffer.extend((N as i32).to_be_bytes());
    buffer.extend(bytes);
}

/// Sends an encoded COPY to `table`, a name of ours, and says how many rows went in.
pub(super) async fn send(connection: &mut PgConnection, table: &str, encoded: &[u8]) -> Result<u64> {
    let statement =
        format!("copy {table} (point_no, source_time, received_time, value, quality) from stdin (format binary)");
    let mut copy = connection.copy_in_raw(&statement).await?;
    copy.send(encoded).await?;
    Ok(copy.finish().await?)
}

/// A calendar month, UTC, in microseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Month {
    /// Its first moment; all times before 2000 count as one, and all after 2099.
    pub(super) first: i64,
    next: i64,
}

impl Month {
    pub(super) fn of(at: Timestamp) -> Self {
        let start = |year, month| Date::new(year, month, 1).ok().and_then(micros);
        let (before, after) = (start(2000, 1).unwrap_or(i64::MIN), start(2100, 1).unwrap_or(i64::MAX));
        let at = at.as_micros();
        if at < before {
            return Self { first: before - 1, next: before };
        }
        let month = jiff::Timestamp::from_microsecond(at).ok().filter(|_| at < after).and_then(|at| {
            let date = jiff::tz::Offset::UTC.to_datetime(at).date();
            let next =
                if date.month() == 12 { start(date.year() + 1, 1) } else { start(date.year(), date.month() + 1) };
            Some(Self { first: start(date.year(), date.month())?, next: next? })
        });
        month.unwrap_or(Self { first: after, next: i64::MAX })
    }

    pub(super) const fn contains(self, at: Timestamp) -> bool {
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
        assert_eq!(Month::of(at("1970-01-01T00:00:00Z")), Month::of(at("1999-12-31T00:00:00Z")));
        assert_eq!(Month::of(Timestamp::MAX), Month::of(at("2100-01-01T00:00:00Z")));
    }
}

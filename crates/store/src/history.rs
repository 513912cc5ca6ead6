//! Stored samples for reading: the newest, a trend of bounded size, raw pages, figures over a range.
//! Must not know how a trend is drawn.

use std::time::Duration;

use penstock_model::{PointNo, Quality, Sample, TenantId, Timestamp};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::postgres::types::PgInterval;

use crate::sql::{At, quality};
use crate::{Result, Store};

/// Fewer than this is no trend: two buckets of four marks.
const FEWEST_POINTS: u32 = 8;
/// What a bucket holds at most: first, least, greatest, last.
const MARKS: u32 = 4;

/// Year 1 and year 10,000: what lies outside is no plant's, and the widths of buckets stay within PostgreSQL's.
const FIRST: Timestamp = Timestamp::from_secs(-62_135_596_800);
const END: Timestamp = Timestamp::from_secs(253_402_300_800);

/// The samples of a range, thinned where there are too many.
#[derive(Debug, Clone, PartialEq)]
pub enum Series {
    /// Every sample, in time order.
    Raw(Vec<Sample>),
    /// Buckets of even width, in time order; one that nothing was measured in is left out.
    Reduced {
        /// The width of a bucket.
        width: Duration,
        /// The buckets.
        buckets: Vec<Bucket>,
    },
}

/// What was measured in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Its first moment, a whole multiple of the width.
    pub start: Timestamp,
    /// How many samples it stands for, usable or not.
    pub count: u64,
    /// The worst quality among them.
    pub worst: Quality,
    /// What of it is drawn; none where no sample was usable: a gap.
    pub marks: Option<Marks>,
}

/// The samples of a bucket that a line through all of them touches. Usable are those that have a value and are not bad.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Marks {
    /// The first usable one.
    pub first: Mark,
    /// The first of the least.
    pub low: Mark,
    /// The first of the greatest.
    pub high: Mark,
    /// The last usable one.
    pub last: Mark,
}

/// A value at its time, in SI.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// When it was measured.
    pub at: Timestamp,
    /// The value.
    pub value: f64,
}

/// Figures over the good values of a range, in SI.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// How many good values.
    pub count: u64,
    /// The least.
    pub min: f64,
    /// The mean, each value weighted by the time it stood.
    pub mean: f64,
    /// The greatest.
    pub max: f64,
}

impl Series {
    /// What is drawn, in time order: time, value and quality. Where nothing was usable there is a value of none, so that
    /// the line breaks.
    pub fn drawn(&self) -> Vec<(Timestamp, Option<f64>, Quality)> {
        match self {
            Self::Raw(samples) => {
                samples.iter().map(|sample| (sample.source_time, sample.value, sample.quality)).collect()
            }
            Self::Reduced { buckets, .. } => buckets.iter().flat_map(Bucket::drawn).collect(),
        }
    }
}

impl Bucket {
    fn drawn(&self) -> Vec<(Timestamp, Option<f64>, Quality)> {
        let Some(marks) = self.marks else { return vec![(self.start, None, self.worst)] };
        let mut drawn: Vec<_> =
            [marks.first, marks.low, marks.high, marks.last].map(|mark| (mark.at, Some(mark.value), self.worst)).into();
        drawn.sort_by_key(|(at, ..)| *at);
        drawn.dedup_by_key(|(at, ..)| *at);
        drawn
    }
}

impl Store {
    /// The newest sample of every point of the tenant that has one, by point.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn latest(&self, tenant: TenantId) -> Result<Vec<Sample>> {
        let rows = sqlx::query(include_str!("../queries/latest.sql")).bind(tenant.0).fetch_all(&self.pool).await?;
        rows.iter().map(sample_from).collect()
    }

    /// The samples of `point` with a source time from `from` up to, but not including, `to`: all of them, or where they
    /// are more than `max_points`, buckets that keep every extreme and make at most `max_points` marks. A `max_points`
    /// below 8 counts as 8.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn history(&self, point: PointNo, from: Timestamp, to: Timestamp, max_points: u32) -> Result<Series> {
        let max_points = max_points.max(FEWEST_POINTS);
        let (from, to) = (from.clamp(FIRST, END), to.clamp(FIRST, END));
        let raw = self.raw(point, from, to, max_points.saturating_add(1)).await?;
        if raw.len() as u64 <= u64::from(max_points) {
            return Ok(Series::Raw(raw));
        }
        // Buckets begin at multiples of their width, so the range may touch one more than it has widths.
        let buckets = i64::from(max_points / MARKS - 1);
        let span = to.micros_since(from).max(1);
        let micros = span / buckets + i64::from(span % buckets != 0);
        let rows = sqlx::query(include_str!("../queries/buckets.sql"))
            .bind(point.0)
            .bind(At(from))
            .bind(At(to))
            .bind(PgInterval { months: 0, days: 0, microseconds: micros })
            .fetch_all(&self.pool)
            .await?;
        let buckets = rows.iter().map(bucket_from).collect::<Result<_>>()?;
        Ok(Series::Reduced { width: Duration::from_micros(micros.unsigned_abs()), buckets })
    }

    /// Samples of `point` with a source time from `from` up to, but not including, `to`, in time order, at most `limit`.
    /// The next page begins a microsecond after the last one's source time.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn raw(&self, point: PointNo, from: Timestamp, to: Timestamp, limit: u32) -> Result<Vec<Sample>> {
        let rows = sqlx::query(
            "select point_no, source_time, received_time, value, quality from samples \
             where point_no = $1 and source_time >= $2 and source_time < $3 order by source_time limit $4",
        )
        .bind(point.0)
        .bind(At(from))
        .bind(At(to))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(sample_from).collect()
    }

    /// Figures over the good values of `point` in a range; none where there is no such value. A value stands until the
    /// next sample, and at most for `hold`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn statistics(
        &self,
        point: PointNo,
        from: Timestamp,
        to: Timestamp,
        hold: Duration,
    ) -> Result<Option<Statistics>> {
        let hold = i64::try_from(hold.as_micros()).unwrap_or(i64::MAX).min(LONGEST_HOLD_MICROS);
        let row = sqlx::query(include_str!("../queries/statistics.sql"))
            .bind(point.0)
            .bind(At(from))
            .bind(At(to))
            .bind(PgInterval { months: 0, days: 0, microseconds: hold })
            .fetch_one(&self.pool)
            .await?;
        let count: i64 = row.try_get("count")?;
        Ok(match (row.try_get("min")?, row.try_get("mean")?, row.try_get("max")?) {
            (Some(min), Some(mean), Some(max)) => Some(Statistics { count: count.unsigned_abs(), min, mean, max }),
            _ => None,
        })
    }
}

/// A century: longer makes no difference, and adding it to a time stays within PostgreSQL's.
const LONGEST_HOLD_MICROS: i64 = 100 * 366 * 24 * 3_600 * 1_000_000;

fn sample_from(row: &PgRow) -> Result<Sample> {
    Ok(Sample {
        point: PointNo(row.try_get("point_no")?),
        source_time: row.try_get::<At, _>("source_time")?.0,
        received_time: row.try_get::<At, _>("received_time")?.0,
        value: row.try_get("value")?,
        quality: quality(row.try_get("quality")?),
    })
}

fn bucket_from(row: &PgRow) -> Result<Bucket> {
    let mark = |value: &str, at: &str| -> Result<Option<Mark>> {
        Ok(match (row.try_get(value)?, row.try_get::<Option<At>, _>(at)?) {
            (Some(value), Some(At(at))) => Some(Mark { at, value }),
            _ => None,
        })
    };
    let marks = match (
        mark("first", "first_at")?,
        mark("low", "low_at")?,
        mark("high", "high_at")?,
        mark("last", "last_at")?,
    ) {
        (Some(first), Some(low), Some(high), Some(last)) => Some(Marks { first, low, high, last }),
        _ => None,
    };
    Ok(Bucket {
        start: row.try_get::<At, _>("start")?.0,
        count: row.try_get::<i64, _>("count")?.unsigned_abs(),
        worst: quality(row.try_get("worst")?),
        marks,
    })
}

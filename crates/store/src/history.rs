//! Stored samples for reading: a trend of bounded size, raw pages, figures over a range, a value at a time.
//! Long stretches come from the roll-ups, what is not rolled up yet from the samples. Must not know how a trend is drawn.

mod cover;
mod filed;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use penstock_model::{PointNo, Quality, Sample, Timestamp};
use sqlx::postgres::types::PgInterval;
use sqlx::postgres::{PgExecutor, PgRow};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Row as _};

use crate::rollups::{Good, Level, stands_for};
use crate::sql::{At, quality};
use crate::{Result, Store};
use cover::{Known, Piece, cover};

pub(crate) use filed::{Entry, Filed, Rescaled};

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
    /// How long a good value stood.
    pub good_for: Duration,
}

/// What a point measured at a time between two samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interpolated {
    /// The value, in SI; none where the sample in force has none.
    pub value: Option<f64>,
    /// The quality of the sample in force, or the worse one where the next is used too.
    pub quality: Quality,
    /// When the sample in force was measured.
    pub since: Timestamp,
}

/// How a value comes about between two samples (OPC UA Part 13, 5.4.3.4: sloped or stepped).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// On the straight line between the two.
    Sloped,
    /// The earlier one stands until the next.
    Stepped,
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
    /// Takes in another that stands for other samples.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        if other.worst.code() > self.worst.code() {
            self.worst = other.worst;
        }
        let Some(other) = other.marks else { return };
        match &mut self.marks {
            Some(marks) => marks.merge(&other),
            none => *none = Some(other),
        }
    }

    /// Takes in a usable sample.
    pub(crate) fn mark(&mut self, mark: Mark) {
        let alone = Marks { first: mark, low: mark, high: mark, last: mark };
        match &mut self.marks {
            Some(marks) => marks.merge(&alone),
            none => *none = Some(alone),
        }
    }

    fn drawn(&self) -> Vec<(Timestamp, Option<f64>, Quality)> {
        let Some(marks) = self.marks else { return vec![(self.start, None, self.worst)] };
        let mut drawn: Vec<_> =
            [marks.first, marks.low, marks.high, marks.last].map(|mark| (mark.at, Some(mark.value), self.worst)).into();
        drawn.sort_by_key(|(at, ..)| *at);
        drawn.dedup_by_key(|(at, ..)| *at);
        drawn
    }
}

impl Marks {
    fn merge(&mut self, other: &Self) {
        if other.first.at < self.first.at {
            self.first = other.first;
        }
        if other.last.at > self.last.at {
            self.last = other.last;
        }
        if other.low.value < self.low.value || (other.low.value == self.low.value && other.low.at < self.low.at) {
            self.low = other.low;
        }
        if other.high.value > self.high.value || (other.high.value == self.high.value && other.high.at < self.high.at) {
            self.high = other.high;
        }
    }
}

impl Store {
    /// The samples of `point` with a source time from `from` up to, but not including, `to`: all of them, or where they
    /// are more than `max_points`, buckets that keep every extreme and make at most `max_points` marks. A `max_points`
    /// below 8 counts as 8.
    ///
    /// Buckets of a minute and wider come from the roll-ups; so do those of months whose samples are gone. What comes late
    /// for such a month is in them when it is rolled up.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn history(&self, point: PointNo, from: Timestamp, to: Timestamp, max_points: u32) -> Result<Series> {
        let max_points = max_points.max(FEWEST_POINTS);
        let (from, to) = within(from, to);
        let known = self.known(point, from, to).await?;
        // Buckets begin at multiples of their width, so the range may touch one more than it has widths.
        let buckets = i64::from(max_points / MARKS - 1);
        let span = to.micros_since(from).max(1);
        let mut width = span / buckets + i64::from(span % buckets != 0);
        let has_gone = known.has_gone(from, to);
        if has_gone && width < Level::Minute.micros() && self.has_archived(&known) {
            // Roll-ups cannot tell this. The range is short: files are opened once, for all there is.
            let raw = self.raw_beside(&known.gone, point, from, to, u32::MAX).await?;
            let is_short = raw.len() as u64 <= u64::from(max_points);
            return Ok(if is_short { Series::Raw(raw) } else { reduced(&raw, width) });
        }
        if has_gone {
            width = width.max(Level::Minute.micros());
        } else {
            let raw = self.raw_beside(&known.gone, point, from, to, max_points.saturating_add(1)).await?;
            if raw.len() as u64 <= u64::from(max_points) {
                return Ok(Series::Raw(raw));
            }
        }
        let level = Level::ALL.into_iter().rev().find(|level| level.micros() <= width);
        if let Some(level) = level {
            width = (width + level.micros() - 1) / level.micros() * level.micros();
        }
        let mut buckets: BTreeMap<i64, Bucket> = BTreeMap::new();
        let mut take = |bucket: Bucket| {
            buckets.entry(bucket.start.as_micros()).and_modify(|known| known.merge(&bucket)).or_insert(bucket);
        };
        for piece in cover(from, to, level, &known) {
            self.buckets(point, piece, width).await?.into_iter().for_each(&mut take);
        }
        let buckets = buckets.into_values().collect();
        Ok(Series::Reduced { width: Duration::from_micros(width.unsigned_abs()), buckets })
    }

    /// Whether every month of `known` whose samples are gone can be read from the archive, whole.
    fn has_archived(&self, known: &Known) -> bool {
        self.archive.get().is_some() && known.gone.iter().all(|month| !month.lost)
    }

    /// The buckets of a piece of a range, `width` microseconds each.
    async fn buckets(&self, point: PointNo, piece: Piece, width: i64) -> Result<Vec<Bucket>> {
        let query = match piece.level {
            None => include_str!("../queries/buckets.sql").to_owned(),
            Some(level) => include_str!("../queries/rollup_buckets.sql").replace("{table}", level.table()),
        };
        let rows = sqlx::query(AssertSqlSafe(query))
            .bind(point.0)
            .bind(At(piece.from))
            .bind(At(piece.to))
            .bind(PgInterval { months: 0, days: 0, microseconds: width })
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(bucket_from).collect()
    }

    /// Which hours of a range are not rolled up as they stand, and which months have no samples any more.
    async fn known(&self, point: PointNo, from: Timestamp, to: Timestamp) -> Result<Known> {
        let mut known = Known::default();
        let due: Vec<At> = sqlx::query_scalar(
            "select distinct hour from rollups_due where point_no = $1 and hour > $2 - interval '1 hour' and hour < $3",
        )
        .bind(point.0)
        .bind(At(from))
        .bind(At(to))
        .fetch_all(&self.pool)
        .await?;
        known.gone = self.gone(point, from, to).await?;
        // Of a month that is gone the samples tell but what came late.
        let is_gone = |hour: &Timestamp| known.gone.iter().any(|month| month.first <= *hour && *hour < month.next);
        let due = due.into_iter().map(|At(hour)| hour).filter(|hour| !is_gone(hour));
        known.due = due.map(Timestamp::as_micros).collect();
        Ok(known)
    }

    /// Months of a range whose samples retention has taken away, in time order.
    pub(crate) async fn gone(&self, point: PointNo, from: Timestamp, to: Timestamp) -> Result<Vec<Gone>> {
        type Row = (At, At, Option<Json<Vec<Entry>>>, bool);
        let rows: Vec<Row> = sqlx::query_as(include_str!("../queries/months_gone.sql"))
            .bind(point.0)
            .bind(At(from))
            .bind(At(to))
            .fetch_all(&self.pool)
            .await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let rescaled = rescaled(&self.pool, Some(point)).await?;
        let month = |(At(first), At(next), entries, lost): Row| {
            let entries = entries.map(|Json(entries)| entries).unwrap_or_default();
            let files = entries.into_iter().map(|entry| Filed::new(entry, &rescaled)).collect();
            Gone { first, next, files, lost }
        };
        Ok(rows.into_iter().map(month).collect())
    }

    /// Samples of `point` with a source time from `from` up to, but not including, `to`, in time order, at most `limit`.
    /// The next page begins a microsecond after the last one's source time.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn raw(&self, point: PointNo, from: Timestamp, to: Timestamp, limit: u32) -> Result<Vec<Sample>> {
        let gone = self.gone(point, from, to).await?;
        self.raw_beside(&gone, point, from, to, limit).await
    }

    /// The same where the months that are `gone` are known.
    async fn raw_beside(
        &self,
        gone: &[Gone],
        point: PointNo,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<Sample>> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut samples = self.archived(gone, point, from, to).await?;
        samples.truncate(most);
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
        for row in &rows {
            samples.push(sample_from(row)?);
        }
        // What came late lies between what is archived, and may have been there before.
        if !gone.is_empty() {
            samples.sort_by_key(|sample| sample.source_time);
            samples.dedup_by(|later, first| is_same(later, first));
            samples.truncate(most);
        }
        Ok(samples)
    }

    /// Figures over the good values of `point` in a range; none where there is no such value. A value stands until the
    /// next sample, and at most for as long as the point may be silent (`stale_after`; zero for a point that sends
    /// changes alone) and for a day.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn statistics(
        &self,
        point: PointNo,
        from: Timestamp,
        to: Timestamp,
        stale_after: Duration,
    ) -> Result<Option<Statistics>> {
        let (from, to) = within(from, to);
        let hold = i64::try_from(stands_for(stale_after).as_micros()).unwrap_or(i64::MAX);
        let known = self.known(point, from, to).await?;
        let mut good = Good::default();
        for piece in cover(from, to, Some(Level::Day), &known.without_minutes()) {
            if let Some(level) = piece.level {
                for roll_up in self.roll_ups(level, point, piece.from, piece.to).await? {
                    good.merge(&roll_up.good);
                }
                continue;
            }
            let row = sqlx::query(include_str!("../queries/statistics.sql"))
                .bind(point.0)
                .bind(At(piece.from))
                .bind(At(piece.to))
                .bind(PgInterval { months: 0, days: 0, microseconds: hold })
                .fetch_one(&self.pool)
                .await?;
            good.merge(&Good {
                count: row.try_get::<i64, _>("count")?.unsigned_abs(),
                min: row.try_get::<Option<f64>, _>("min")?.unwrap_or(0.0),
                max: row.try_get::<Option<f64>, _>("max")?.unwrap_or(0.0),
                sum: row.try_get::<Option<f64>, _>("sum")?.unwrap_or(0.0),
                secs: row.try_get::<Option<f64>, _>("secs")?.unwrap_or(0.0),
                integral: row.try_get::<Option<f64>, _>("integral")?.unwrap_or(0.0),
            });
        }
        if good.count == 0 {
            return Ok(None);
        }
        let mean = good.weighted_mean().unwrap_or(good.sum / good.count as f64);
        let good_for = Duration::try_from_secs_f64(good.secs).unwrap_or_default();
        Ok(Some(Statistics { count: good.count, min: good.min, mean, max: good.max, good_for }))
    }

    /// What `point` measured at `at`, by the samples around it; none before the first, and where the last one before has
    /// stood for longer than the point may be silent.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn value_at(
        &self,
        point: PointNo,
        at: Timestamp,
        by: Interpolation,
        stale_after: Duration,
    ) -> Result<Option<Interpolated>> {
        let at = at.clamp(FIRST, END);
        let hold = stands_for(stale_after);
        // In the order of time; the newest at or before counts, and the first after.
        let gone = self.gone(point, at - hold, at + hold).await?;
        let around = if gone.is_empty() {
            let rows = sqlx::query(include_str!("../queries/around.sql")).bind(point.0).bind(At(at));
            rows.fetch_all(&self.pool).await?.iter().map(sample_from).collect::<Result<Vec<_>>>()?
        } else {
            self.raw_beside(&gone, point, at - hold, at + hold, u32::MAX).await?
        };
        Ok(interpolated(&around, at, by, hold))
    }

    /// What each of `points`, given with how long it may be silent, measured at `at`, in the order given: the same as
    /// [`Self::value_at`] says of each, from one statement for all whose samples around are not gone.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn values_at(
        &self,
        points: &[(PointNo, Duration)],
        at: Timestamp,
        by: Interpolation,
    ) -> Result<Vec<Option<Interpolated>>> {
        let at = at.clamp(FIRST, END);
        let numbers: Vec<i32> = points.iter().map(|(point, _)| point.0).collect();
        let holds: Vec<Duration> = points.iter().map(|(_, stale_after)| stands_for(*stale_after)).collect();
        let firsts: Vec<At> = holds.iter().map(|hold| At(at - *hold)).collect();
        let gone: Vec<i64> = sqlx::query_scalar(include_str!("../queries/any_gone.sql"))
            .bind(&numbers)
            .bind(&firsts)
            .bind(holds.iter().map(|hold| At(at + *hold)).collect::<Vec<_>>())
            .fetch_all(&self.pool)
            .await?;
        let gone: BTreeSet<i64> = gone.into_iter().collect();
        let rows = sqlx::query(include_str!("../queries/around_each.sql"))
            .bind(&numbers)
            .bind(&firsts)
            .bind(At(at))
            .fetch_all(&self.pool)
            .await?;
        let mut around: BTreeMap<i64, Vec<Sample>> = BTreeMap::new();
        for row in &rows {
            around.entry(row.try_get("place")?).or_default().push(sample_from(row)?);
        }
        let mut values = Vec::with_capacity(points.len());
        // PostgreSQL counts places from one.
        for (place, ((point, stale_after), hold)) in (1_i64..).zip(points.iter().zip(&holds)) {
            values.push(match around.get(&place) {
                _ if gone.contains(&place) => self.value_at(*point, at, by, *stale_after).await?,
                Some(around) => interpolated(around, at, by, *hold),
                None => None,
            });
        }
        Ok(values)
    }
}

/// The value at a time by the samples around it, in time order; none where the one before has stood for longer than
/// `hold`.
fn interpolated(around: &[Sample], at: Timestamp, by: Interpolation, hold: Duration) -> Option<Interpolated> {
    let before = around.iter().rfind(|sample| sample.source_time <= at)?;
    if at.since(before.source_time) > hold {
        return None;
    }
    let stepped = Interpolated { value: before.value, quality: before.quality, since: before.source_time };
    let after = around.iter().find(|sample| sample.source_time > at && !sample.quality.is_bad());
    let (Interpolation::Sloped, Some(after)) = (by, after) else { return Some(stepped) };
    let (Some(from), Some(to), false) = (before.value, after.value, before.quality.is_bad()) else {
        return Some(stepped);
    };
    let whole = after.source_time.micros_since(before.source_time) as f64;
    let share = at.micros_since(before.source_time) as f64 / whole;
    let quality = if after.quality.code() > before.quality.code() { after.quality } else { before.quality };
    Some(Interpolated { value: Some((to - from).mul_add(share, from)), quality, ..stepped })
}

/// A month whose samples retention has taken away.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gone {
    pub(crate) first: Timestamp,
    pub(crate) next: Timestamp,
    /// The files of the archive that hold them.
    pub(crate) files: Vec<Filed>,
    /// Whether some of them went without being archived.
    pub(crate) lost: bool,
}

/// Changes of the unit of a point, or of every point, in the order they came.
pub(crate) async fn rescaled(executor: impl PgExecutor<'_>, point: Option<PointNo>) -> Result<Vec<Rescaled>> {
    let rows: Vec<(i64, i32, f64, f64, At)> = sqlx::query_as(
        "select no, point_no, factor, shift, received_before from rescalings \
         where point_no = $1 or $1 is null order by no",
    )
    .bind(point.map(|point| point.0))
    .fetch_all(executor)
    .await?;
    let change = |(no, point, factor, offset, At(received_before))| Rescaled {
        no,
        point: PointNo(point),
        factor,
        offset,
        received_before,
    };
    Ok(rows.into_iter().map(change).collect())
}

/// A range of times that PostgreSQL can be asked for.
pub(crate) fn within(from: Timestamp, to: Timestamp) -> (Timestamp, Timestamp) {
    (from.clamp(FIRST, END), to.clamp(FIRST, END))
}

/// Whether two samples of a point are one: the same value at the same time.
pub(crate) fn is_same(one: &Sample, other: &Sample) -> bool {
    one.source_time == other.source_time && one.value == other.value
}

/// Samples in buckets of `width` microseconds.
fn reduced(samples: &[Sample], width: i64) -> Series {
    let mut buckets: BTreeMap<i64, Bucket> = BTreeMap::new();
    for sample in samples {
        let bucket = bucket_of(sample, width);
        buckets.entry(bucket.start.as_micros()).and_modify(|known| known.merge(&bucket)).or_insert(bucket);
    }
    Series::Reduced { width: Duration::from_micros(width.unsigned_abs()), buckets: buckets.into_values().collect() }
}

/// The bucket that holds one sample alone, `width` microseconds long.
fn bucket_of(sample: &Sample, width: i64) -> Bucket {
    let start = Timestamp::from_micros(sample.source_time.as_micros().div_euclid(width) * width);
    let mut bucket = Bucket { start, count: 1, worst: sample.quality, marks: None };
    if let Some(value) = sample.value.filter(|_| !sample.quality.is_bad()) {
        bucket.mark(Mark { at: sample.source_time, value });
    }
    bucket
}

pub(crate) fn sample_from(row: &PgRow) -> Result<Sample> {
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

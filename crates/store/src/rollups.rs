//! Roll-ups: what was measured in each minute, hour and day, kept in step with the samples.
//!
//! The writer notes, in the transaction that writes samples, which hours of which points they touch. When an hour is
//! over, it is rolled up anew from all of its samples; so late ones correct it, and a crash between any two steps leaves
//! a note, never a wrong figure. Readers take what is noted from the samples themselves. Must not know who asks.
//!
//! Hours of months whose samples retention has taken away cannot be rolled up anew. What comes late for them is kept like
//! any other sample and is added to the roll-up that stands: count, extremes and sum, and time only where no value stood
//! before. Its key is noted with it (`samples_added`), so that the same sample coming again counts once. A sample that
//! had been there before its month was taken away and comes again is known by the archive's file (`rollups/late.rs`);
//! without an archive nobody can tell, and it counts again.
//!
//! **Units.** A pass and a change of a point's unit exclude each other by a lock on `rescalings`, which both take before
//! anything else that they wait for. While a change of unit is under way (see [`crate::switches`]) the point's hours
//! stay noted: what came since is in another unit than the roll-ups that it would be added to.

mod late;
mod roller;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use penstock_model::{PointNo, Timestamp};
use sqlx::postgres::PgConnection;
use sqlx::{Acquire as _, AssertSqlSafe, Executor as _};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::copy::{Encoder, Row, Rows, send_to};
use crate::history::{Bucket, Mark, Marks};
use crate::register::Rescale;
use crate::sql::{At, quality};
use crate::{Error, Result, Store};
use roller::{Reading, Roller};

/// Hours that are rolled up in one transaction at most.
const HOURS_AT_ONCE: i64 = 500;
/// How long after an hour's end its samples are waited for, so that most hours are rolled up once.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest that a value stands without a new one, also where its point may be silent for longer.
pub(crate) const LONGEST_STAND: Duration = Duration::from_secs(24 * 3_600);

const SECOND: i64 = 1_000_000;

/// How long a value of a point stands that may be silent for `stale_after`; zero is for points that send changes alone.
pub(crate) fn stands_for(stale_after: Duration) -> Duration {
    if stale_after.is_zero() { LONGEST_STAND } else { stale_after.min(LONGEST_STAND) }
}

/// The lengths of time that are rolled up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Minute,
    Hour,
    Day,
}

impl Level {
    pub(crate) const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    pub(crate) const fn micros(self) -> i64 {
        match self {
            Self::Minute => 60 * SECOND,
            Self::Hour => 3_600 * SECOND,
            Self::Day => 24 * 3_600 * SECOND,
        }
    }

    pub(crate) const fn table(self) -> &'static str {
        match self {
            Self::Minute => "rollups_minute",
            Self::Hour => "rollups_hour",
            Self::Day => "rollups_day",
        }
    }

    /// How much time a partition holds.
    pub(crate) const fn step(self) -> &'static str {
        match self {
            Self::Minute => "month",
            Self::Hour | Self::Day => "year",
        }
    }

    /// The beginning of the stretch that holds `at`.
    pub(crate) const fn floor(self, at: Timestamp) -> Timestamp {
        Timestamp::from_micros(at.as_micros().div_euclid(self.micros()) * self.micros())
    }

    /// The beginning of the first stretch that does not begin before `at`.
    pub(crate) const fn ceil(self, at: Timestamp) -> Timestamp {
        self.floor(Timestamp::from_micros(at.as_micros() + self.micros() - 1))
    }

    pub(crate) fn length(self) -> Duration {
        Duration::from_micros(self.micros().unsigned_abs())
    }
}

/// What was measured in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RollUp {
    /// What trends draw of it: samples that have a value and are not bad.
    pub(crate) bucket: Bucket,
    /// The good samples.
    pub(crate) good: Good,
}

/// Figures over good values.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Good {
    pub(crate) count: u64,
    /// Least, greatest and sum; of no meaning where there is none.
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) sum: f64,
    /// How long a good value stood, in seconds, and the integral of the value over that time.
    pub(crate) secs: f64,
    pub(crate) integral: f64,
}

impl Good {
    pub(crate) fn add(&mut self, value: f64) {
        self.merge(&Self { count: 1, min: value, max: value, sum: value, ..Self::default() });
    }

    pub(crate) fn stand(&mut self, value: f64, secs: f64) {
        self.secs += secs;
        self.integral += value * secs;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if other.count > 0 {
            let had = self.count > 0;
            self.min = if had { self.min.min(other.min) } else { other.min };
            self.max = if had { self.max.max(other.max) } else { other.max };
            self.count += other.count;
            self.sum += other.sum;
        }
        self.secs += other.secs;
        self.integral += other.integral;
    }

    fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    pub(crate) fn weighted_mean(&self) -> Option<f64> {
        (self.secs > 0.0).then(|| self.integral / self.secs)
    }
}

impl RollUp {
    pub(crate) const fn empty(start: Timestamp) -> Self {
        let bucket = Bucket { start, count: 0, worst: penstock_model::Quality::Good, marks: None };
        let good = Good { count: 0, min: 0.0, max: 0.0, sum: 0.0, secs: 0.0, integral: 0.0 };
        Self { bucket, good }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.bucket.merge(&other.bucket);
        self.good.merge(&other.good);
    }

    /// Takes in what came after this was made of samples that are there no more, over a stretch of `length`. Time that a
    /// value stood for already is not given to another.
    fn add_late(&mut self, late: &Self, length: Duration) {
        let free = (length.as_secs_f64() - self.good.secs).max(0.0);
        let share = if late.good.secs > free { free / late.good.secs } else { 1.0 };
        let good = Good { secs: late.good.secs * share, integral: late.good.integral * share, ..late.good };
        self.merge(&Self { good, ..*late });
    }

    const fn is_empty(&self) -> bool {
        self.bucket.count == 0 && self.good.secs <= 0.0
    }

    /// A row of `COLUMNS`; a sparse one leaves out what equals the first value and its time.
    fn encode(&self, encoder: &mut Encoder<'_>, point: PointNo, is_sparse: bool) {
        let marks = self.bucket.marks;
        let first = marks.map(|marks| marks.first.value);
        let first_at = marks.map(|marks| self.offset(marks.first));
        let value = |value: Option<f64>| value.filter(|_| !is_sparse || value != first).map(f64::to_be_bytes);
        let mark = |of: fn(&Marks) -> Mark| value(marks.as_ref().map(|marks| of(marks).value));
        let offset = |of: fn(&Marks) -> Mark| {
            let offset = marks.as_ref().map(|marks| self.offset(of(marks)));
            offset.filter(|_| !is_sparse || offset != first_at).map(i64::to_be_bytes)
        };
        let good = |figure: f64| value((self.good.count > 0).then_some(figure));
        encoder.row(18);
        encoder.time(self.bucket.start);
        encoder.optional(first.map(f64::to_be_bytes));
        encoder.optional(mark(|marks| marks.last));
        encoder.optional(mark(|marks| marks.low));
        encoder.optional(mark(|marks| marks.high));
        encoder.optional(good(self.good.min));
        encoder.optional(good(self.good.max));
        encoder.optional(value(self.good.mean()));
        encoder.optional(value(self.good.weighted_mean()));
        encoder.field(point.0.to_be_bytes());
        encoder.field(i32::try_from(self.bucket.count).unwrap_or(i32::MAX).to_be_bytes());
        encoder.field(i32::try_from(self.good.count).unwrap_or(i32::MAX).to_be_bytes());
        encoder.optional(first_at.map(i64::to_be_bytes));
        encoder.optional(offset(|marks| marks.last));
        encoder.optional(offset(|marks| marks.low));
        encoder.optional(offset(|marks| marks.high));
        encoder.field((self.good.secs as f32).to_be_bytes());
        encoder.field(i16::from(self.bucket.worst.code()).to_be_bytes());
    }

    /// Microseconds from the start.
    const fn offset(&self, mark: Mark) -> i64 {
        mark.at.micros_since(self.bucket.start)
    }

    /// From a row of `COLUMNS`.
    fn decode(row: &mut Row) -> Result<(PointNo, Self)> {
        let missing = || Error::unreadable("roll-up")(&"a column that is never null is");
        let start = row.time()?.ok_or_else(missing)?;
        let first = row.double()?;
        let [last, low, high, min, max, mean, weighted] = {
            let mut read = || Ok::<_, Error>(row.double()?.or(first));
            [read()?, read()?, read()?, read()?, read()?, read()?, read()?]
        };
        let point = PointNo(row.int()?.ok_or_else(missing)?);
        let mut count = || Ok::<_, Error>(u64::from(row.int()?.ok_or_else(missing)?.unsigned_abs()));
        let (count, good) = (count()?, count()?);
        let first_at = row.long()?;
        let [last_at, low_at, high_at] = {
            let mut read = || Ok::<_, Error>(row.long()?.or(first_at));
            [read()?, read()?, read()?]
        };
        let secs = f64::from(row.real()?.ok_or_else(missing)?);
        let worst = quality(row.small()?.ok_or_else(missing)?);
        let mark = |value: Option<f64>, offset: Option<i64>| {
            Some(Mark { at: start + Duration::from_micros(offset?.unsigned_abs()), value: value? })
        };
        let marks = (|| {
            Some(Marks {
                first: mark(first, first_at)?,
                low: mark(low, low_at)?,
                high: mark(high, high_at)?,
                last: mark(last, last_at)?,
            })
        })();
        let (min, max, mean) = (min.unwrap_or(0.0), max.unwrap_or(0.0), mean.unwrap_or(0.0));
        let integral = weighted.unwrap_or(0.0) * secs;
        let good = Good { count: good, min, max, sum: mean * good as f64, secs, integral };
        Ok((point, Self { bucket: Bucket { start, count, worst, marks }, good }))
    }
}

/// The columns of the three tables, in the order of their rows in COPY.
const COLUMNS: &str = "start, first, last, min, max, good_min, good_max, mean, weighted_mean, point_no, count, good, \
                       first_at, last_at, min_at, max_at, good_secs, worst";

/// Hours that are noted already, so that each is noted once and not with every batch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Due(Arc<Mutex<Noted>>);

/// What the one writer has to know of what others did.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    /// Points whose notes for an hour are in the database, by the hour's beginning in microseconds.
    hours: BTreeMap<i64, HashSet<i32>>,
    /// How often partitions were dropped: one that was known to exist may be gone.
    pub(crate) drops: u64,
}

impl Due {
    /// Held by the writer from before it looks until after it has committed, so that whoever clears notes knows that
    /// every batch which relied on them is in the database.
    pub(crate) async fn hold(&self) -> OwnedMutexGuard<Noted> {
        Arc::clone(&self.0).lock_owned().await
    }
}

impl Noted {
    /// The hours of samples, named in the order of their keys, that are not noted yet.
    pub(crate) fn missing(&self, samples: impl Iterator<Item = (PointNo, Timestamp)>) -> Vec<(i32, Timestamp)> {
        let mut missing = Vec::new();
        let mut last = None;
        for (point, at) in samples {
            // No plant has times outside; their samples are read as they are.
            if !is_rolled(at) {
                continue;
            }
            let key = (point.0, Level::Hour.floor(at));
            if last == Some(key) {
                continue;
            }
            last = Some(key);
            if !self.hours.get(&key.1.as_micros()).is_some_and(|points| points.contains(&key.0)) {
                missing.push(key);
            }
        }
        missing
    }

    /// Forgets what is noted of hours before `end`.
    fn forget(&mut self, end: Timestamp) {
        self.hours = self.hours.split_off(&end.as_micros());
    }

    pub(crate) fn add(&mut self, noted: Vec<(i32, Timestamp)>) {
        for (point, hour) in noted {
            self.hours.entry(hour.as_micros()).or_default().insert(point);
        }
    }
}

/// Years 2000 and 2100: the partitions of samples outside are no plant's.
const FIRST_ROLLED: i64 = 946_684_800 * SECOND;
const END_ROLLED: i64 = 4_102_444_800 * SECOND;

/// Whether samples of this time are rolled up, and ever taken away.
pub(crate) fn is_rolled(at: Timestamp) -> bool {
    (FIRST_ROLLED..END_ROLLED).contains(&at.as_micros())
}

/// Where samples of a point lie that were written since its hours are not rolled up: in the hours that are noted, and
/// outside the years of which any is noted. In time order; what follows each other is one.
pub(crate) async fn noted_ranges(connection: &mut PgConnection, point: i32) -> Result<Vec<(Timestamp, Timestamp)>> {
    let hours: Vec<At> = sqlx::query_scalar("select distinct hour from rollups_due where point_no = $1 order by hour")
        .bind(point)
        .fetch_all(connection)
        .await?;
    let (first, end) = (Timestamp::from_micros(FIRST_ROLLED), Timestamp::from_micros(END_ROLLED));
    let mut ranges = vec![(Timestamp::MIN, first)];
    for At(hour) in hours {
        match ranges.last_mut() {
            Some((_, to)) if *to == hour => *to = hour + Level::Hour.length(),
            _ => ranges.push((hour, hour + Level::Hour.length())),
        }
    }
    ranges.push((end, Timestamp::MAX));
    Ok(ranges)
}

/// Notes hours to roll up: each of these, and those into which its last value stands.
pub(crate) async fn note(connection: &mut PgConnection, hours: &[(i32, Timestamp)]) -> Result<()> {
    if hours.is_empty() {
        return Ok(());
    }
    sqlx::query(include_str!("../queries/note_due.sql"))
        .bind(hours.iter().map(|(point, _)| *point).collect::<Vec<_>>())
        .bind(hours.iter().map(|(_, hour)| At(*hour)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

/// What a pass of [`Store::roll_up`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RolledUp {
    /// Hours of points that were rolled up.
    pub hours: u64,
    /// Samples that were read for that.
    pub samples: u64,
}

/// Hours of one point that follow each other.
#[derive(Debug, Clone, Copy)]
struct Range {
    point: PointNo,
    from: Timestamp,
    to: Timestamp,
    hold: Duration,
    /// Retention has taken the samples away: what is there now came late, and adds to the roll-up once.
    adds: bool,
}

impl Store {
    /// Rolls up the hours that are over at `now` and whose samples have changed since they were last rolled up. One call
    /// at a time.
    ///
    /// # Errors
    /// Those of the database; [`Error::Archive`] once all but what waits for the archive is rolled up. What was not
    /// rolled up is by the next call.
    pub async fn roll_up(&self, now: Timestamp) -> Result<RolledUp> {
        let end = Level::Hour.floor(now - PATIENCE);
        let mut done = RolledUp::default();
        // What came late for months that are gone is held against the archive; nothing else waits where that is away.
        let mut is_away = None;
        loop {
            let mut connection = self.pool.acquire().await?;
            let some = match roll_up_some(self, &mut connection, end, is_away.is_none()).await {
                Err(error @ Error::Archive(_)) if is_away.is_none() => {
                    is_away = Some(error);
                    continue;
                }
                outcome => outcome?,
            };
            if some.hours == 0 {
                return is_away.map_or(Ok(done), Err);
            }
            done.hours += some.hours;
            done.samples += some.samples;
        }
    }

    /// Roll-ups of a point that begin from `from` up to, but not including, `to`, in time order.
    pub(crate) async fn roll_ups(
        &self,
        level: Level,
        point: PointNo,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<RollUp>> {
        let mut connection = self.pool.acquire().await?;
        let range = [Range { point, from, to, hold: Duration::ZERO, adds: false }];
        let mut found = read(&mut connection, level, &range).await?;
        found.sort_by_key(|(_, roll_up)| roll_up.bucket.start);
        Ok(found.into_iter().map(|(_, roll_up)| roll_up).collect())
    }
}

/// Rolls up hours that are over at `end`; those of months whose samples are gone only `with_gone`.
async fn roll_up_some(
    store: &Store,
    connection: &mut PgConnection,
    end: Timestamp,
    with_gone: bool,
) -> Result<RolledUp> {
    let mut transaction = connection.begin().await?;
    transaction.execute("set transaction isolation level repeatable read").await?;
    // A change of unit is over before the moment below, or begins after this transaction. Before the writer is held off:
    // it must not wait for a change that may take minutes.
    transaction.execute("lock table rescalings in share mode").await?;
    let mut noted = store.due.hold().await;
    // One moment for all, in which no batch is half way: a note that is seen here belongs to samples that are seen here,
    // and whatever comes later is noted anew.
    transaction.execute("select 1").await?;
    noted.forget(end);
    drop(noted);
    let rows: Vec<(i32, At, i64, bool)> = sqlx::query_as(include_str!("../queries/due_hours.sql"))
        .bind(At(end))
        .bind(HOURS_AT_ONCE)
        .bind(with_gone)
        .fetch_all(&mut *transaction)
        .await?;
    if rows.is_empty() {
        return Ok(RolledUp::default());
    }
    let ranges = ranges(&rows);
    let adding: Vec<Range> = ranges.iter().filter(|range| range.adds).copied().collect();
    if !adding.is_empty() {
        late::note_archived(store, &mut transaction, &adding).await?;
    }
    let (mut minutes, mut hours, samples) = compute(&mut transaction, &ranges).await?;
    if !adding.is_empty() {
        add(Level::Minute, &mut minutes, read(&mut transaction, Level::Minute, &adding).await?);
        add(Level::Hour, &mut hours, read(&mut transaction, Level::Hour, &adding).await?);
        note_added(&mut transaction, &adding).await?;
    }
    replace(&mut transaction, Level::Minute, &ranges, &minutes).await?;
    replace(&mut transaction, Level::Hour, &ranges, &hours).await?;
    let days = days(&ranges);
    let mut of_day: Vec<(PointNo, RollUp)> = Vec::new();
    for (point, hour) in read(&mut transaction, Level::Hour, &days).await? {
        let start = Level::Day.floor(hour.bucket.start);
        match of_day.last_mut() {
            Some((of, day)) if *of == point && day.bucket.start == start => day.merge(&hour),
            _ => {
                let mut day = RollUp::empty(start);
                day.merge(&hour);
                of_day.push((point, day));
            }
        }
    }
    replace(&mut transaction, Level::Day, &days, &of_day).await?;
    sqlx::query(
        "delete from rollups_due using unnest($1::int[], $2::timestamptz[]) as done (point_no, hour) \
         where rollups_due.point_no = done.point_no and rollups_due.hour = done.hour",
    )
    .bind(rows.iter().map(|(point, ..)| *point).collect::<Vec<_>>())
    .bind(rows.iter().map(|(_, hour, ..)| *hour).collect::<Vec<_>>())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(RolledUp { hours: rows.len() as u64, samples })
}

/// Hours in the order of points, joined where they follow each other, a day's at most.
fn ranges(rows: &[(i32, At, i64, bool)]) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for &(point, At(hour), stale_after_us, adds) in rows {
        let to = hour + Level::Hour.length();
        match ranges.last_mut() {
            Some(range)
                if range.point.0 == point
                    && range.to == hour
                    && range.adds == adds
                    && to.since(range.from) <= Level::Day.length() =>
            {
                range.to = to;
            }
            _ => {
                let hold = stands_for(Duration::from_micros(u64::try_from(stale_after_us).unwrap_or(0)));
                ranges.push(Range { point: PointNo(point), from: hour, to, hold, adds });
            }
        }
    }
    ranges
}

type OfPoints = Vec<(PointNo, RollUp)>;

/// The minutes and hours of `ranges` from their samples, and how many samples those are.
async fn compute(connection: &mut PgConnection, ranges: &[Range]) -> Result<(OfPoints, OfPoints, u64)> {
    let values: Vec<String> = ranges
        .iter()
        .enumerate()
        .map(|(number, range)| {
            let Range { point, from, to, hold, adds } = range;
            let (point, hold) = (point.0, hold.as_micros());
            format!(
                "({number}, {point}, timestamptz '{from}', timestamptz '{to}', interval '{hold} microseconds', {adds})"
            )
        })
        .collect();
    let query = include_str!("../queries/samples_to_roll_up.sql").replace("{ranges}", &values.join(", "));
    let (mut minutes, mut hours, mut samples) = (Vec::new(), Vec::new(), 0);
    let mut finish = |range: &Range, roller: Roller| {
        let (of_minutes, of_hours) = roller.finish();
        minutes.extend(of_minutes.into_iter().map(|roll_up| (range.point, roll_up)));
        hours.extend(of_hours.into_iter().map(|roll_up| (range.point, roll_up)));
    };
    let mut rows = Rows::of(connection, &query).await?;
    let mut open: Option<(usize, Roller)> = None;
    let missing = || Error::unreadable("sample")(&"a column that is never null is");
    while let Some(mut row) = rows.next().await? {
        let number = row.int()?.and_then(|number| usize::try_from(number).ok()).ok_or_else(missing)?;
        let reading = Reading {
            at: row.time()?.ok_or_else(missing)?,
            value: row.double()?,
            quality: quality(row.small()?.ok_or_else(missing)?),
        };
        samples += 1;
        let range = ranges.get(number).ok_or_else(missing)?;
        match &mut open {
            Some((of, roller)) if *of == number => roller.push(reading),
            _ => {
                if let Some((of, roller)) = open.take() {
                    finish(ranges.get(of).ok_or_else(missing)?, roller);
                }
                let mut roller = Roller::new(range.from, range.to, range.hold);
                roller.push(reading);
                open = Some((number, roller));
            }
        }
    }
    if let Some((of, roller)) = open {
        finish(ranges.get(of).ok_or_else(missing)?, roller);
    }
    Ok((minutes, hours, samples))
}

/// Adds what came late to what is there, by point and start.
fn add(level: Level, fresh: &mut OfPoints, stored: OfPoints) {
    let mut all: BTreeMap<(i32, i64), (PointNo, RollUp)> = BTreeMap::new();
    for (point, roll_up) in stored.into_iter().chain(std::mem::take(fresh)) {
        all.entry((point.0, roll_up.bucket.start.as_micros()))
            .and_modify(|(_, stored)| stored.add_late(&roll_up, level.length()))
            .or_insert((point, roll_up));
    }
    fresh.extend(all.into_values());
}

/// Notes that what is stored in ranges is in their roll-ups.
async fn note_added(connection: &mut PgConnection, ranges: &[Range]) -> Result<()> {
    sqlx::query(include_str!("../queries/note_added.sql"))
        .bind(ranges.iter().map(|range| range.point.0).collect::<Vec<_>>())
        .bind(ranges.iter().map(|range| At(range.from)).collect::<Vec<_>>())
        .bind(ranges.iter().map(|range| At(range.to)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

/// The whole days that ranges touch.
fn days(ranges: &[Range]) -> Vec<Range> {
    let touched: BTreeSet<(i32, i64)> = ranges
        .iter()
        .flat_map(|range| [range.from, Timestamp::from_micros(range.to.as_micros() - 1)].map(|at| (range.point.0, at)))
        .map(|(point, at)| (point, Level::Day.floor(at).as_micros()))
        .collect();
    let day = |(point, from)| {
        let from = Timestamp::from_micros(from);
        Range { point: PointNo(point), from, to: from + Level::Day.length(), hold: Duration::ZERO, adds: false }
    };
    touched.into_iter().map(day).collect()
}

/// Stored roll-ups of ranges, by point and start within each range.
async fn read(connection: &mut PgConnection, level: Level, ranges: &[Range]) -> Result<OfPoints> {
    let values: Vec<String> = ranges
        .iter()
        .enumerate()
        .map(|(number, Range { point, from, to, .. })| {
            format!("({number}, {}, timestamptz '{from}', timestamptz '{to}')", point.0)
        })
        .collect();
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let query = format!(
        "select {COLUMNS} from (values {}) as asked (number, point, range_from, range_to) cross join lateral (\
         select * from {} where point_no = point and start >= range_from and start < range_to order by start) stored",
        values.join(", "),
        level.table()
    );
    let mut rows = Rows::of(connection, &query).await?;
    let mut found = Vec::new();
    while let Some(mut row) = rows.next().await? {
        found.push(RollUp::decode(&mut row)?);
    }
    Ok(found)
}

/// Puts roll-ups in the place of all that are stored of `ranges`.
async fn replace(
    connection: &mut PgConnection,
    level: Level,
    ranges: &[Range],
    roll_ups: &[(PointNo, RollUp)],
) -> Result<()> {
    delete(connection, level, ranges).await?;
    if roll_ups.is_empty() {
        return Ok(());
    }
    let days: BTreeSet<i64> =
        roll_ups.iter().map(|(_, roll_up)| Level::Day.floor(roll_up.bucket.start).as_micros()).collect();
    sqlx::query("select time_partition($1, $2, day) from unnest($3::timestamptz[]) as day")
        .bind(level.table())
        .bind(level.step())
        .bind(days.into_iter().map(|day| At(Timestamp::from_micros(day))).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    let mut buffer = Vec::with_capacity(roll_ups.len() * 160 + 32);
    let mut encoder = Encoder::new(&mut buffer);
    for (point, roll_up) in roll_ups {
        roll_up.encode(&mut encoder, *point, level == Level::Minute);
    }
    encoder.finish();
    send_to(connection, &format!("{} ({COLUMNS})", level.table()), &buffer).await?;
    Ok(())
}

/// Deletes the roll-ups of ranges.
async fn delete(connection: &mut PgConnection, level: Level, ranges: &[Range]) -> Result<()> {
    let delete = format!(
        "delete from {} using unnest($1::int[], $2::timestamptz[], $3::timestamptz[]) as done (point, range_from, range_to) \
         where point_no = point and start >= range_from and start < range_to",
        level.table()
    );
    sqlx::query(AssertSqlSafe(delete))
        .bind(ranges.iter().map(|range| range.point.0).collect::<Vec<_>>())
        .bind(ranges.iter().map(|range| At(range.from)).collect::<Vec<_>>())
        .bind(ranges.iter().map(|range| At(range.to)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

/// Follows a change of unit of what was received before it: roll-ups are converted like the samples that they stand for.
/// What came since was in the new unit already: only the hours that hold any of it are rolled up anew.
pub(crate) async fn rescale(connection: &mut PgConnection, point: PointNo, rescale: &Rescale) -> Result<()> {
    for level in Level::ALL {
        let columns = ["first", "last", "min", "max", "good_min", "good_max", "mean", "weighted_mean"];
        let sets = columns.map(|column| format!("{column} = {column} * $2 + $3")).join(", ");
        let update = format!("update {} set {sets} where point_no = $1", level.table());
        sqlx::query(AssertSqlSafe(update))
            .bind(point.0)
            .bind(rescale.factor)
            .bind(rescale.offset)
            .execute(&mut *connection)
            .await?;
    }
    let since: Vec<At> = sqlx::query_scalar(
        "select distinct date_trunc('hour', source_time, 'UTC') from samples \
         where point_no = $1 and received_time >= $2 and source_time >= $3 and source_time < $4",
    )
    .bind(point.0)
    .bind(At(rescale.received_before))
    .bind(At(Timestamp::from_micros(FIRST_ROLLED)))
    .bind(At(Timestamp::from_micros(END_ROLLED)))
    .fetch_all(&mut *connection)
    .await?;
    let hours: Vec<(i32, Timestamp)> = since.into_iter().map(|At(hour)| (point.0, hour)).collect();
    note(connection, &hours).await
}

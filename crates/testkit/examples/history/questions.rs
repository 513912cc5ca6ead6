//! What is asked: each question by the product's own call, under row-level security as screens ask it, and beside it as the plain SQL that a careful person would
//! write on the samples. The answers are compared, so that no time is of another answer.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use penstock_model::{Clock, Place, PlaceKind, PointNo, Position, Quality, Sample, Timestamp};
use penstock_store::{Reader, Series, Store};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::postgres::types::PgInterval;
use tokio::task::JoinSet;

use crate::fill::{Chance, Filled, PENS, points_in_order, tenant};
use crate::report::{Asked, Line, millis};

const REPETITIONS: usize = 15;
/// Repetitions end early after this: some plain queries take seconds.
const PATIENCE: Duration = Duration::from_secs(20);
const PIXELS: u32 = 2_000;
const DAY: Duration = Duration::from_secs(24 * 3_600);
const MONTH: Duration = Duration::from_secs(30 * 24 * 3_600);
const EIGHT: usize = 8;
const NEAREST: u32 = 10;
const MOST_WITHIN: u32 = 10_000;
/// The radius of the polygons, in degrees: 4 km.
const RADIUS: f64 = 0.036;

/// The lines in the order of the table; one run after the other adds its figures.
pub(crate) struct Questions<'a> {
    filled: &'a Filled,
    points: Vec<PointNo>,
    latest: [Line; 2],
    one_pen: [Line; 2],
    eight_pens: [Line; 2],
    raw_day: [Line; 2],
    near: Line,
    within: Line,
}

/// A question's first answer, that of its repetition, and the plain one's.
#[derive(Default)]
struct Took {
    first: Vec<Duration>,
    again: Vec<Duration>,
    plain: Vec<Duration>,
}

impl<'a> Questions<'a> {
    pub(crate) async fn new(store: &Store, filled: &'a Filled) -> Result<Self> {
        let line = |what: &str, asked: f64, peer| Line::new(what.to_owned(), "ms", Asked::AtMost(asked), peer);
        let both = |what: &str, asked: f64, peer| {
            [line(&format!("{what}, first"), asked, peer), line(&format!("{what}, again"), asked, peer)]
        };
        Ok(Self {
            filled,
            points: points_in_order(store).await?,
            latest: both("latest value of 10,000 points", 50.0, "distinct on"),
            one_pen: both("one pen, 30 days at 2,000 px", 50.0, "date_bin"),
            eight_pens: both("eight pens, 30 days at 2,000 px", 200.0, "date_bin, eight at once"),
            raw_day: both("one pen's raw day", 100.0, "select"),
            near: line("10 nearest of 10,000 assets", 10.0, "ST_DWithin"),
            within: line("within a polygon of 10,000 assets", 10.0, "ST_Contains"),
        })
    }

    pub(crate) fn into_lines(self) -> Vec<Line> {
        let pairs = [self.latest, self.one_pen, self.eight_pens, self.raw_day];
        pairs.into_iter().flatten().chain([self.near, self.within]).collect()
    }

    /// One run, on a database that was just started.
    pub(crate) async fn run(&mut self, store: &Store) -> Result<()> {
        // A station has its connections open; the last pen is not asked again.
        let screens = store.for_screens(tenant()).await?;
        self.open_connections(&screens).await?;
        self.ask_latest(store).await?;
        self.ask_one_pen(store, &screens).await?;
        self.ask_eight_pens(store, &screens).await?;
        self.ask_raw_day(store, &screens).await?;
        self.ask_near(store, &screens).await?;
        self.ask_within(store, &screens).await?;
        screens.close().await;
        Ok(())
    }

    fn pen(&self, number: usize) -> PointNo {
        self.points.get(number).copied().unwrap_or(PointNo(0))
    }

    fn month(&self) -> (Timestamp, Timestamp) {
        (self.filled.end - MONTH, self.filled.end)
    }

    async fn open_connections(&self, screens: &Reader) -> Result<()> {
        let pens = vec![self.pen(PENS - 1); EIGHT];
        let (from, to) = self.month();
        trends(screens, &pens, from, to).await?;
        Ok(())
    }

    async fn ask_latest(&mut self, store: &Store) -> Result<()> {
        let mut took = Took::default();
        let (answer, first) = timed(store.latest(tenant(), Clock::System.now())).await?;
        took.first.push(first);
        for _ in 0..REPETITIONS {
            took.again.push(timed(store.latest(tenant(), Clock::System.now())).await?.1);
        }
        let begun = Instant::now();
        while took.plain.len() < REPETITIONS && begun.elapsed() < PATIENCE {
            let (plain, plain_took) = timed(plain_latest(store)).await?;
            took.plain.push(plain_took);
            compare(&mut self.latest, &answer, &plain, "the points");
        }
        add(&mut self.latest, &took);
        Ok(())
    }

    async fn ask_one_pen(&mut self, store: &Store, screens: &Reader) -> Result<()> {
        let (from, to) = self.month();
        let mut took = Took::default();
        for number in 0..REPETITIONS {
            let pen = self.pen(number);
            let (answer, first) = timed(trend(screens, pen, from, to)).await?;
            let (_, again) = timed(trend(screens, pen, from, to)).await?;
            let (plain, plain_took) = timed(plain_trend(store, pen, from, to, answer.0)).await?;
            took.first.push(first);
            took.again.push(again);
            took.plain.push(plain_took);
            compare(&mut self.one_pen, &answer.1, &plain, &format!("pen {number}"));
        }
        add(&mut self.one_pen, &took);
        Ok(())
    }

    async fn ask_eight_pens(&mut self, store: &Store, screens: &Reader) -> Result<()> {
        let (from, to) = self.month();
        let mut took = Took::default();
        let groups = (REPETITIONS..PENS - 1).collect::<Vec<_>>();
        for group in groups.chunks_exact(EIGHT) {
            let pens: Vec<PointNo> = group.iter().map(|number| self.pen(*number)).collect();
            let (answer, first) = timed(trends(screens, &pens, from, to)).await?;
            took.first.push(first);
            for _ in 0..REPETITIONS.div_ceil(groups.len() / EIGHT) {
                took.again.push(timed(trends(screens, &pens, from, to)).await?.1);
            }
            let widths: Vec<Duration> = answer.iter().map(|(width, _)| *width).collect();
            let (plain, plain_took) = timed(plain_trends(store, &pens, from, to, &widths)).await?;
            took.plain.push(plain_took);
            let answer: Vec<&Vec<Drawn>> = answer.iter().map(|(_, drawn)| drawn).collect();
            compare(&mut self.eight_pens, &answer, &plain.iter().collect(), "eight pens");
        }
        add(&mut self.eight_pens, &took);
        Ok(())
    }

    async fn ask_raw_day(&mut self, store: &Store, screens: &Reader) -> Result<()> {
        let mut took = Took::default();
        for number in 0..REPETITIONS {
            let pen = self.pen(number);
            let from = self.filled.end - DAY * (3 + u32::try_from(number)?);
            let to = from + DAY;
            let (answer, first) = timed(whole(screens, pen, from, to)).await?;
            let (_, again) = timed(whole(screens, pen, from, to)).await?;
            let (plain, plain_took) = timed(plain_raw(store, pen, from, to)).await?;
            took.first.push(first);
            took.again.push(again);
            took.plain.push(plain_took);
            ensure!(!answer.is_empty(), "the day of pen {number} is empty");
            compare(&mut self.raw_day, &answer, &plain, &format!("the day of pen {number}"));
        }
        add(&mut self.raw_day, &took);
        Ok(())
    }

    async fn ask_near(&mut self, store: &Store, screens: &Reader) -> Result<()> {
        let (mut asked, mut plain) = (Vec::new(), Vec::new());
        let mut chance = Chance(3);
        for _ in 0..REPETITIONS {
            let here = chance.position()?;
            let (answer, took) = timed(nearest(screens, here)).await?;
            let (other, plain_took) = timed(plain_near(store, here)).await?;
            asked.push(took);
            plain.push(plain_took);
            compare(std::slice::from_mut(&mut self.near), &answer, &other, &format!("near {here:?}"));
        }
        self.near.runs.push(millis(&asked));
        self.near.beside.push(millis(&plain));
        Ok(())
    }

    async fn ask_within(&mut self, store: &Store, screens: &Reader) -> Result<()> {
        let (mut asked, mut plain) = (Vec::new(), Vec::new());
        let mut chance = Chance(4);
        for _ in 0..REPETITIONS {
            let ring = ring(chance.position()?, &mut chance)?;
            let (answer, took) = timed(inside(screens, &ring)).await?;
            let (other, plain_took) = timed(plain_within(store, &ring)).await?;
            asked.push(took);
            plain.push(plain_took);
            compare(std::slice::from_mut(&mut self.within), &answer, &other, "within a polygon");
        }
        self.within.runs.push(millis(&asked));
        self.within.beside.push(millis(&plain));
        Ok(())
    }
}

async fn timed<T>(question: impl Future<Output = Result<T, impl Into<anyhow::Error>>>) -> Result<(T, Duration)> {
    let begun = Instant::now();
    let answer = question.await.map_err(Into::into)?;
    Ok((answer, begun.elapsed()))
}

fn add([first, again]: &mut [Line; 2], took: &Took) {
    first.runs.push(millis(&took.first));
    again.runs.push(millis(&took.again));
    for line in [first, again] {
        line.beside.push(millis(&took.plain));
    }
}

fn compare<T: PartialEq + std::fmt::Debug>(lines: &mut [Line], answer: &Vec<T>, plain: &Vec<T>, of: &str) {
    if answer == plain {
        return;
    }
    let at = answer.iter().zip(plain).position(|(one, other)| one != other);
    let (one, other) = (at.and_then(|at| answer.get(at)), at.and_then(|at| plain.get(at)));
    let how = format!("{of}: {} and {} rows, at {at:?} {one:?} and {other:?}", answer.len(), plain.len());
    for line in lines {
        line.differs.get_or_insert_with(|| how.clone());
    }
}

/// What a plain query can say of a bucket: its start, count, worst quality, least and greatest value.
type Drawn = (i64, u64, u8, Option<f64>, Option<f64>);

/// The width of the buckets, and what they say.
async fn trend(screens: &Reader, pen: PointNo, from: Timestamp, to: Timestamp) -> Result<(Duration, Vec<Drawn>)> {
    let Series::Reduced { width, buckets } = screens.history(pen, from, to, PIXELS).await? else {
        anyhow::bail!("the samples of {pen:?} are too few for a trend: name more samples");
    };
    let drawn = buckets.iter().map(|bucket| {
        let (low, high) = (bucket.marks.map(|marks| marks.low.value), bucket.marks.map(|marks| marks.high.value));
        (bucket.start.as_micros(), bucket.count, bucket.worst.code(), low, high)
    });
    Ok((width, drawn.collect()))
}

/// Each pen by a task of its own, in the order of `pens`.
async fn trends(
    screens: &Reader,
    pens: &[PointNo],
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(Duration, Vec<Drawn>)>> {
    let mut tasks = JoinSet::new();
    for (place, pen) in pens.iter().copied().enumerate() {
        let screens = screens.clone();
        tasks.spawn(async move { trend(&screens, pen, from, to).await.map(|answer| (place, answer)) });
    }
    in_order(tasks).await
}

async fn plain_trends(
    store: &Store,
    pens: &[PointNo],
    from: Timestamp,
    to: Timestamp,
    widths: &[Duration],
) -> Result<Vec<Vec<Drawn>>> {
    let mut tasks = JoinSet::new();
    for (place, (pen, width)) in pens.iter().copied().zip(widths.iter().copied()).enumerate() {
        let store = store.clone();
        tasks.spawn(async move { plain_trend(&store, pen, from, to, width).await.map(|answer| (place, answer)) });
    }
    in_order(tasks).await
}

async fn in_order<T: 'static>(mut tasks: JoinSet<Result<(usize, T)>>) -> Result<Vec<T>> {
    let mut answers = Vec::new();
    while let Some(answer) = tasks.join_next().await {
        answers.push(answer??);
    }
    answers.sort_by_key(|(place, _)| *place);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

async fn plain_trend(
    store: &Store,
    pen: PointNo,
    from: Timestamp,
    to: Timestamp,
    width: Duration,
) -> Result<Vec<Drawn>> {
    let rows = sqlx::query(
        "select (extract(epoch from date_bin($4, source_time, 'epoch')) * 1000000)::bigint as start, \
         count(*), max(quality), min(value) filter (where quality < 128), max(value) filter (where quality < 128) \
         from samples where point_no = $1 and source_time >= to_timestamp($2) and source_time < to_timestamp($3) \
         group by 1 order by 1",
    )
    .bind(pen.0)
    .bind(from.as_secs_f64())
    .bind(to.as_secs_f64())
    .bind(PgInterval { months: 0, days: 0, microseconds: i64::try_from(width.as_micros())? })
    .fetch_all(store.pool())
    .await?;
    let drawn = |row: &PgRow| -> Result<Drawn> {
        let (count, worst) = (row.try_get::<i64, _>(1)?, row.try_get::<i16, _>(2)?);
        Ok((row.try_get(0)?, count.unsigned_abs(), u8::try_from(worst)?, row.try_get(3)?, row.try_get(4)?))
    };
    rows.iter().map(drawn).collect()
}

async fn plain_latest(store: &Store) -> Result<Vec<Sample>> {
    let rows = sqlx::query(concat!(
        "select distinct on (point_no) point_no, (extract(epoch from source_time) * 1000000)::bigint, ",
        "(extract(epoch from received_time) * 1000000)::bigint, value, quality from samples ",
        "where source_time <= now() + interval '2 minutes' order by point_no, source_time desc"
    ))
    .fetch_all(store.pool())
    .await?;
    rows.iter().map(sample_from).collect()
}

async fn whole(screens: &Reader, pen: PointNo, from: Timestamp, to: Timestamp) -> Result<Vec<Sample>> {
    let Series::Raw(samples) = screens.history(pen, from, to, u32::MAX).await? else {
        anyhow::bail!("the day of {pen:?} is too much to be told whole");
    };
    Ok(samples)
}

async fn plain_raw(store: &Store, pen: PointNo, from: Timestamp, to: Timestamp) -> Result<Vec<Sample>> {
    let rows = sqlx::query(
        "select point_no, (extract(epoch from source_time) * 1000000)::bigint, \
         (extract(epoch from received_time) * 1000000)::bigint, value, quality from samples \
         where point_no = $1 and source_time >= to_timestamp($2) and source_time < to_timestamp($3) \
         order by source_time",
    )
    .bind(pen.0)
    .bind(from.as_secs_f64())
    .bind(to.as_secs_f64())
    .fetch_all(store.pool())
    .await?;
    rows.iter().map(sample_from).collect()
}

fn sample_from(row: &PgRow) -> Result<Sample> {
    Ok(Sample {
        point: PointNo(row.try_get(0)?),
        source_time: Timestamp::from_micros(row.try_get(1)?),
        received_time: Timestamp::from_micros(row.try_get(2)?),
        value: row.try_get(3)?,
        quality: Quality::from_code(u8::try_from(row.try_get::<i16, _>(4)?)?),
    })
}

/// Eight corners around a middle, at uneven distances.
fn ring(middle: Position, chance: &mut Chance) -> Result<Vec<Position>> {
    (0..8_u32)
        .map(|corner| {
            let angle = f64::from(corner) / 8.0 * std::f64::consts::TAU;
            let radius = RADIUS * (1.0 + chance.share()) / 2.0;
            Ok(Position::new(radius.mul_add(angle.sin(), middle.lat()), radius.mul_add(angle.cos(), middle.lon()))?)
        })
        .collect()
}

/// A place's name, and how far it is in whole millimetres.
type Named = (String, i64);

fn named(places: &[Place]) -> Vec<Named> {
    let millimetres = |place: &Place| (place.distance_m.unwrap_or_default() * 1e3).round() as i64;
    places.iter().map(|place| (place.name.clone(), millimetres(place))).collect()
}

async fn nearest(screens: &Reader, here: Position) -> Result<Vec<Named>> {
    Ok(named(&screens.places_near(&[PlaceKind::Asset], here, NEAREST).await?))
}

async fn inside(screens: &Reader, ring: &[Position]) -> Result<Vec<Named>> {
    let found = screens.places_within(&[PlaceKind::Asset], ring, MOST_WITHIN).await?;
    Ok(named(&found.places))
}

/// In 5 km around any place of the district there are more than ten.
async fn plain_near(store: &Store, here: Position) -> Result<Vec<Named>> {
    let rows: Vec<(String, f64)> = sqlx::query_as(
        "select name, ST_Distance(position::geography, ST_SetSRID(ST_MakePoint($2, $3), 4326)::geography) as distance \
         from assets where tenant = $1 \
         and ST_DWithin(position::geography, ST_SetSRID(ST_MakePoint($2, $3), 4326)::geography, 5000) \
         order by distance, name limit $4",
    )
    .bind(tenant().0)
    .bind(here.lon())
    .bind(here.lat())
    .bind(i64::from(NEAREST))
    .fetch_all(store.pool())
    .await?;
    Ok(rows.into_iter().map(|(name, distance_m)| (name, (distance_m * 1e3).round() as i64)).collect())
}

async fn plain_within(store: &Store, ring: &[Position]) -> Result<Vec<Named>> {
    let corners = ring.iter().chain(ring.first()).map(|corner| format!("{} {}", corner.lon(), corner.lat()));
    let polygon = format!("POLYGON(({}))", corners.collect::<Vec<_>>().join(", "));
    let rows: Vec<String> = sqlx::query_scalar(
        "select name from assets where tenant = $1 and ST_Contains(ST_GeomFromText($2, 4326), position) order by name",
    )
    .bind(tenant().0)
    .bind(polygon)
    .fetch_all(store.pool())
    .await?;
    Ok(rows.into_iter().map(|name| (name, 0)).collect())
}

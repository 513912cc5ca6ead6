//! Roll-ups on a real PostgreSQL, against a plain computation over the samples that are stored.

use std::collections::BTreeMap;
use std::time::Duration;

use penstock_model::{Doubt, Fault, PointNo, Quality, Sample, TenantId, Timestamp};
use penstock_store::{Batch, Bucket, Mark, Marks, Series, Store, Writer};
use penstock_testkit::database::{ScratchDatabase, scratch_database};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use crate::fixtures::fresh;

/// 2026-11-30T20:00:00Z: four hours before a month ends.
const START: i64 = 1_796_068_800;
const HOURS: i64 = 30;
/// How long a value of a point that no register knows stands.
const HOLD: i64 = 24 * 3_600;

fn secs(secs: i64) -> Timestamp {
    Timestamp::from_secs(START + secs)
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let sample = (0..2_i32, 0..HOURS * 3_600 * 4, -3_i8..4, 0..9_u8).prop_map(|(point, quarters, value, kind)| {
        let at = Timestamp::from_millis((START * 4 + quarters) * 250);
        Sample {
            point: PointNo(point),
            source_time: at,
            received_time: at,
            value: (kind != 0).then_some(f64::from(value)),
            quality: match kind {
                1 => Quality::Bad(Fault::Device),
                2 => Quality::Uncertain(Doubt::Device),
                _ => Quality::Good,
            },
        }
    });
    prop::collection::vec(sample, 1..250)
}

/// What is asked after each batch: whether to roll up, and at which hour of the range.
type Step = (Vec<Sample>, bool, i64);

#[test]
fn random_late_samples_and_passes_leave_what_the_samples_say() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let database = runtime.block_on(scratch_database()).expect("database");
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let steps = prop::collection::vec((samples(), prop::bool::ANY, 0..HOURS + 2), 1..5);
    runner
        .run(&steps, |steps| {
            runtime.block_on(run(&database, &steps)).expect("as the samples say");
            Ok(())
        })
        .expect("roll-ups as the samples say");
}

async fn run(database: &ScratchDatabase, steps: &[Step]) -> anyhow::Result<()> {
    let store = database.store().await?;
    for table in ["samples", "rollups_minute", "rollups_hour", "rollups_day", "rollups_due"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("truncate {table}"))).execute(store.pool()).await?;
    }
    sqlx::query("update spool_watermark set seq = 0").execute(store.pool()).await?;
    let mut writer = Writer::open(&store).await?;
    for (number, (samples, rolls_up, hour)) in steps.iter().enumerate() {
        let batch = Batch { samples: samples.clone(), ..Batch::new(TenantId(Uuid::nil())) };
        writer.apply(&batch, number as u64 + 1).await?;
        if *rolls_up {
            store.roll_up(secs(hour * 3_600 + 60)).await?;
        }
        check(&store).await?;
    }
    let last = store.roll_up(secs(HOURS * 3_600 * 4)).await?;
    let again = store.roll_up(secs(HOURS * 3_600 * 4)).await?;
    anyhow::ensure!(again.hours == 0, "rolled up twice: {last:?}, {again:?}");
    check(&store).await?;
    store.close().await;
    Ok(())
}

/// Trends and figures of every point and several ranges are what its samples say, whatever is rolled up.
async fn check(store: &Store) -> anyhow::Result<()> {
    for point in [PointNo(0), PointNo(1)] {
        let samples = store.raw(point, Timestamp::MIN, Timestamp::MAX, 100_000).await?;
        for (from, to) in [(0, HOURS * 3_600), (1_234, 90_061), (3_600, 2 * 86_400), (4 * 3_600, 28 * 3_600)] {
            let (from, to) = (secs(from), secs(to));
            for max_points in [8, 60, 200] {
                let Series::Reduced { width, buckets } = store.history(point, from, to, max_points).await? else {
                    continue;
                };
                let expected = buckets_of(&samples, from, to, width);
                anyhow::ensure!(buckets == expected, "{point:?} {from} {to} {width:?}\n{buckets:?}\n{expected:?}");
            }
            let figures = store.statistics(point, from, to, Duration::from_secs(HOLD.unsigned_abs())).await?;
            let expected = figures_of(&samples, from, to);
            let made = figures.map(|of| (of.count, of.min, of.max, of.mean));
            let is_near = |(count, min, max, mean): (u64, f64, f64, f64), (c, lo, hi, m): (u64, f64, f64, f64)| {
                (count, min, max) == (c, lo, hi) && (mean - m).abs() < 1e-6
            };
            anyhow::ensure!(
                made.zip(expected).map_or(made.is_none() && expected.is_none(), |(a, b)| is_near(a, b)),
                "{point:?} {from} {to}: {made:?} for {expected:?}"
            );
        }
    }
    Ok(())
}

fn buckets_of(samples: &[Sample], from: Timestamp, to: Timestamp, width: Duration) -> Vec<Bucket> {
    let width = i64::try_from(width.as_micros()).expect("short");
    let mut buckets: BTreeMap<i64, Bucket> = BTreeMap::new();
    for sample in samples.iter().filter(|sample| (from..to).contains(&sample.source_time)) {
        let start = sample.source_time.as_micros() / width * width;
        let empty = Bucket { start: Timestamp::from_micros(start), count: 0, worst: Quality::Good, marks: None };
        let bucket = buckets.entry(start).or_insert(empty);
        bucket.count += 1;
        if sample.quality.code() > bucket.worst.code() {
            bucket.worst = sample.quality;
        }
        let Some(value) = sample.value.filter(|_| !sample.quality.is_bad()) else { continue };
        let mark = Mark { at: sample.source_time, value };
        let marks = bucket.marks.get_or_insert(Marks { first: mark, low: mark, high: mark, last: mark });
        marks.last = mark;
        if value < marks.low.value {
            marks.low = mark;
        }
        if value > marks.high.value {
            marks.high = mark;
        }
    }
    buckets.into_values().collect()
}

fn figures_of(samples: &[Sample], from: Timestamp, to: Timestamp) -> Option<(u64, f64, f64, f64)> {
    let good = |sample: &Sample| sample.value.filter(|_| sample.quality.is_good());
    let inside: Vec<f64> =
        samples.iter().filter(|sample| (from..to).contains(&sample.source_time)).filter_map(good).collect();
    let (mut secs, mut integral) = (0.0, 0.0);
    for (index, sample) in samples.iter().enumerate() {
        let Some(value) = good(sample) else { continue };
        let next = samples.get(index + 1).map_or(Timestamp::MAX, |next| next.source_time);
        let until = next.min(sample.source_time + Duration::from_secs(HOLD.unsigned_abs())).min(to);
        let stood = until.since(sample.source_time.max(from)).as_secs_f64();
        secs += stood;
        integral += value * stood;
    }
    let min = inside.iter().copied().reduce(f64::min)?;
    let max = inside.iter().copied().reduce(f64::max)?;
    Some((inside.len() as u64, min, max, integral / secs))
}

#[tokio::test]
async fn a_pass_while_a_batch_is_written_loses_nothing() {
    let (_database, store) = fresh().await;
    let writing = {
        let store = store.clone();
        tokio::spawn(async move {
            let mut writer = Writer::open(&store).await.expect("writer");
            for number in 0..150_i64 {
                let sample = |point| Sample {
                    point: PointNo(point),
                    source_time: secs(number * 37 % 7_200) + Duration::from_micros(number.unsigned_abs()),
                    received_time: secs(number),
                    value: Some(1.0),
                    quality: Quality::Good,
                };
                let samples = (0..20).map(sample).collect();
                let batch = Batch { samples, ..Batch::new(TenantId(Uuid::nil())) };
                writer.apply(&batch, number.unsigned_abs() + 1).await.expect("applied");
            }
        })
    };
    while !writing.is_finished() {
        store.roll_up(secs(86_400)).await.expect("rolled up");
    }
    writing.await.expect("written");
    store.roll_up(secs(86_400)).await.expect("rolled up");
    let rows: Vec<(i64, i64)> = sqlx::query_as("select count(*), sum(count)::bigint from rollups_hour where count > 0")
        .fetch_all(store.pool())
        .await
        .expect("roll-ups");
    assert_eq!(rows, [(40, 20 * 150)]);
}

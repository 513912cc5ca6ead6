//! Trends and figures against a plain computation over the same samples.

use std::time::Duration;

use penstock_model::{Address, Fault, Point, PointNo, Quality, Quantity, Sample, TenantId, Timestamp};
use penstock_store::{Batch, Bucket, Interpolation, Mark, Series, Store, Writer};
use penstock_testkit::database::ScratchDatabase;
use uuid::Uuid;

use crate::fixtures::{at, fresh};

const POINT: PointNo = PointNo(7);

/// Two days around the turn of a month at uneven steps, with plateaus, bad and missing values and a gap of six hours.
fn uneven_samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut time = at("2026-10-31T00:00:00.000123Z");
    let mut state = 12_345_u64;
    while time < at("2026-11-02T00:00:00Z") {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = state >> 33;
        let is_gap = time > at("2026-10-31T20:00:00Z") && time < at("2026-11-01T02:00:00Z");
        if !is_gap {
            let (value, quality) = match random % 50 {
                0 => (None, Quality::Bad(Fault::Disconnected)),
                1 => (Some(1e6), Quality::Bad(Fault::Device)),
                _ => (Some((random % 17) as f64), Quality::Good),
            };
            samples.push(Sample { point: POINT, source_time: time, received_time: time, value, quality });
        }
        time = time + Duration::from_micros(1_000_000 + random % 20_000_000);
    }
    samples
}

async fn filled(samples: &[Sample]) -> (ScratchDatabase, Store) {
    let (database, store) = fresh().await;
    let mut writer = Writer::open(&store).await.expect("writer");
    let batch = Batch { samples: samples.to_vec(), ..Batch::new(TenantId(Uuid::nil())) };
    writer.apply(&batch, 1).await.expect("applied");
    (database, store)
}

/// The bucket of `samples`, by looking at each.
fn bucket_of(start: Timestamp, samples: &[Sample]) -> Bucket {
    let usable: Vec<Mark> = samples
        .iter()
        .filter(|sample| !sample.quality.is_bad())
        .filter_map(|sample| Some(Mark { at: sample.source_time, value: sample.value? }))
        .collect();
    let first_with = |value: f64| *usable.iter().find(|mark| mark.value == value).expect("there");
    let low = usable.iter().map(|mark| mark.value).reduce(f64::min);
    let high = usable.iter().map(|mark| mark.value).reduce(f64::max);
    Bucket {
        start,
        count: samples.len() as u64,
        worst: samples.iter().map(|sample| sample.quality).max_by_key(|quality| quality.code()).expect("not empty"),
        marks: low.zip(high).map(|(low, high)| penstock_store::Marks {
            first: *usable.first().expect("there"),
            low: first_with(low),
            high: first_with(high),
            last: *usable.last().expect("there"),
        }),
    }
}

#[tokio::test]
async fn a_reduced_trend_keeps_every_extreme_and_every_gap() {
    let samples = uneven_samples();
    let (_database, store) = filled(&samples).await;
    let (from, to) = (at("2026-10-31T03:00:00Z"), at("2026-11-01T21:00:00Z"));
    let inside: Vec<Sample> =
        samples.iter().filter(|sample| sample.source_time >= from && sample.source_time < to).copied().collect();
    for max_points in [8, 50, 400, 1_999] {
        let Series::Reduced { width, buckets } = store.history(POINT, from, to, max_points).await.expect("history")
        else {
            panic!("{} samples do not fit {max_points}", inside.len());
        };
        let width = i64::try_from(width.as_micros()).expect("short");
        let expected: Vec<Bucket> = inside
            .chunk_by(|a, b| a.source_time.as_micros() / width == b.source_time.as_micros() / width)
            .map(|chunk| {
                let first = chunk.first().expect("not empty").source_time.as_micros();
                bucket_of(Timestamp::from_micros(first - first % width), chunk)
            })
            .collect();
        assert_eq!(buckets, expected, "{max_points} points");
        let drawn = Series::Reduced { width: Duration::ZERO, buckets }.drawn();
        assert!(drawn.len() <= max_points as usize, "{} marks of {max_points}", drawn.len());
        assert!(drawn.is_sorted_by_key(|(at, ..)| *at));
    }
    assert_eq!(store.history(POINT, from, to, 20_000).await.expect("history"), Series::Raw(inside));
    let nothing =
        store.history(POINT, at("2025-01-01T00:00:00Z"), at("2025-02-01T00:00:00Z"), 100).await.expect("history");
    assert_eq!(nothing, Series::Raw(Vec::new()));
}

#[tokio::test]
async fn raw_pages_follow_each_other_without_loss() {
    let samples = uneven_samples();
    let (_database, store) = filled(&samples).await;
    let mut read = Vec::new();
    let mut from = Timestamp::MIN;
    loop {
        let page = store.raw(POINT, from, Timestamp::MAX, 1_000).await.expect("page");
        let Some(last) = page.last() else { break };
        from = last.source_time + Duration::from_micros(1);
        read.extend(page);
    }
    assert_eq!(read, samples);
}

#[tokio::test]
async fn the_mean_is_weighted_by_the_time_that_a_value_stood() {
    let sample = |time: &str, value: Option<f64>, quality: Quality| Sample {
        point: POINT,
        source_time: at(time),
        received_time: at(time),
        value,
        quality,
    };
    let good = |time: &str, value: f64| sample(time, Some(value), Quality::Good);
    let samples = [
        good("2026-11-01T11:00:00Z", 100.0),
        good("2026-11-01T12:10:00Z", 10.0),
        good("2026-11-01T12:20:00Z", 40.0),
        sample("2026-11-01T12:30:00Z", None, Quality::Bad(Fault::Disconnected)),
        good("2026-11-01T12:40:00Z", 20.0),
        good("2026-11-01T13:00:00Z", 1_000.0),
    ];
    let (_database, store) = filled(&samples).await;
    let (from, to) = (at("2026-11-01T12:00:00Z"), at("2026-11-01T13:00:00Z"));
    // 100 stands into the range for 10 min, 10 and 40 for 10 min, nothing for 10 min, 20 for 20 min.
    let hold = Duration::from_secs(6 * 3_600);
    let figures = store.statistics(POINT, from, to, hold).await.expect("figures").expect("some");
    assert_eq!((figures.count, figures.min, figures.max), (3, 10.0, 40.0));
    assert!((figures.mean - (1_000.0 + 100.0 + 400.0 + 400.0) / 50.0).abs() < 1e-9, "{figures:?}");
    // Held for 5 min at most, the value of 11:00 does not reach the range.
    let figures = store.statistics(POINT, from, to, Duration::from_secs(300)).await.expect("figures").expect("some");
    assert!((figures.mean - 70.0 / 3.0).abs() < 1e-9, "{figures:?}");
    let empty =
        store.statistics(POINT, at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z"), hold).await.expect("figures");
    assert_eq!(empty, None);
}

#[tokio::test]
async fn many_values_at_a_time_are_what_each_is_alone() {
    let (_database, store) = fresh().await;
    let tenant = TenantId(Uuid::from_u128(9));
    store.ensure_tenant(tenant, "Nandipur", "Asia/Kolkata").await.expect("tenant");
    let numbers = [3, 7, 9, 12];
    let discovered: Vec<Point> = numbers
        .iter()
        .map(|no| {
            let address = Address { source: "local".into(), path: format!("p{no}") };
            Point::discovered(tenant, PointNo(*no), address, Quantity::Plain.display_unit())
        })
        .collect();
    // A point that sends, one whose samples are bad now and then, one that has one sample, and one that has none.
    let mut samples = Vec::new();
    for sample in uneven_samples() {
        let good = Sample { point: PointNo(3), value: sample.value.or(Some(5.0)), quality: Quality::Good, ..sample };
        samples.extend([good, sample]);
    }
    samples.push(Sample { point: PointNo(9), ..samples[0] });
    let mut writer = Writer::open(&store).await.expect("writer");
    writer.apply(&Batch { samples, discovered, ..Batch::new(tenant) }, 1).await.expect("applied");
    let screens = store.for_screens(tenant).await.expect("screens");
    let short = Duration::from_secs(60);
    let asked = [
        (PointNo(7), short),
        (PointNo(12), short),
        (PointNo(3), Duration::from_secs(7 * 3_600)),
        (PointNo(9), Duration::ZERO),
        (PointNo(404), Duration::ZERO),
        (PointNo(7), Duration::from_secs(7 * 3_600)),
    ];
    let (mut with, mut without) = (0, 0);
    for time in [
        "2026-10-30T23:59:59Z",
        "2026-10-31T00:00:00.000123Z",
        "2026-10-31T00:10:00Z",
        "2026-10-31T20:00:30Z",
        "2026-10-31T23:00:00Z",
        "2026-11-01T00:00:00Z",
        "2026-11-01T12:34:56.789Z",
        "2026-11-03T00:00:00Z",
    ] {
        for by in [Interpolation::Sloped, Interpolation::Stepped] {
            let mut alone = Vec::new();
            for (point, stale_after) in asked {
                alone.push(store.value_at(point, at(time), by, stale_after).await.expect("value"));
            }
            assert_eq!(store.values_at(&asked, at(time), by).await.expect("values"), alone, "{time} {by:?}");
            assert_eq!(screens.values_at(&asked, at(time), by).await.expect("values"), alone, "{time} {by:?}");
            with += alone.iter().flatten().count();
            without += alone.iter().filter(|value| value.is_none()).count();
        }
    }
    assert!(with > 30 && without > 30, "{with} {without}");
    assert_eq!(store.values_at(&[], at("2026-11-01T00:00:00Z"), Interpolation::Stepped).await.expect("none"), []);

    // Where the samples of one point are gone, the others are still asked for together.
    store.roll_up(at("2026-12-01T00:00:00Z")).await.expect("rolled up");
    sqlx::query("delete from samples where point_no = 7 and source_time < '2026-11-01'")
        .execute(store.pool())
        .await
        .expect("deleted");
    sqlx::query(
        "insert into samples_gone (first, next, dropped_at, points) values ('2026-10-01', '2026-11-01', now(), '{7}')",
    )
    .execute(store.pool())
    .await
    .expect("gone");
    let time = at("2026-11-01T02:00:10Z");
    let together = screens.values_at(&asked, time, Interpolation::Sloped).await.expect("values");
    for ((point, stale_after), value) in asked.into_iter().zip(together) {
        let alone = store.value_at(point, time, Interpolation::Sloped, stale_after).await.expect("value");
        assert_eq!(value, alone, "{point:?}");
    }
}

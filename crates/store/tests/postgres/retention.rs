//! What retention takes away, and what stays readable.

use std::collections::BTreeMap;
use std::time::Duration;

use penstock_archive::{Archive, ArchiveSettings};
use penstock_model::{Address, Point, PointNo, Quality, Quantity, Sample, TenantId, Timestamp};
use penstock_store::{Batch, Chunks, Expired, Retention, Series, Store, Writer};
use penstock_testkit::database::{ScratchDatabase, scratch_database};
use uuid::Uuid;

const DAY: Duration = Duration::from_secs(86_400);

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect(text)
}

fn tenant() -> TenantId {
    TenantId(Uuid::from_u128(9))
}

fn point(no: i32, quantity: Quantity) -> Point {
    let address = Address { source: "local".into(), path: format!("p{no}") };
    Point::discovered(tenant(), PointNo(no), address, quantity.display_unit())
}

/// A pressure and a flow, a sample every ten minutes from June to the end of August.
async fn filled() -> (ScratchDatabase, Store, Writer) {
    let database = scratch_database().await.expect("database");
    let store = database.store().await.expect("store");
    store.ensure_tenant(tenant(), "Nandipur", "Asia/Kolkata").await.expect("tenant");
    let mut writer = Writer::open(&store).await.expect("writer");
    let points = [point(1, Quantity::Pressure), point(2, Quantity::Flow)];
    let start = at("2026-06-01T00:00:00Z");
    let sample = |no: i32, step: u64| Sample {
        point: PointNo(no),
        source_time: start + Duration::from_secs(600 * step),
        received_time: start + Duration::from_secs(600 * step),
        value: Some((step % 144) as f64),
        quality: Quality::Good,
    };
    let samples = (0..92 * 144).flat_map(|step| [sample(1, step), sample(2, step)]).collect();
    let batch = Batch { samples, discovered: points.to_vec(), ..Batch::new(tenant()) };
    writer.apply(&batch, 1).await.expect("applied");
    (database, store, writer)
}

fn retention(samples_days: u32, of: &[(Quantity, u32)]) -> Retention {
    Retention {
        samples: DAY * samples_days,
        samples_of: of.iter().map(|(quantity, days)| (*quantity, DAY * *days)).collect::<BTreeMap<_, _>>(),
        roll_ups: DAY * 3_650,
    }
}

async fn count(store: &Store, no: i32, from: &str, to: &str) -> usize {
    store.raw(PointNo(no), at(from), at(to), 1_000_000).await.expect("raw").len()
}

#[tokio::test]
async fn samples_go_by_the_month_once_they_are_rolled_up_and_trends_stay() {
    let (_database, store, mut writer) = filled().await;
    let now = at("2026-09-10T00:00:00Z");
    let before = store.history(PointNo(1), at("2026-06-05T00:00:00Z"), at("2026-06-20T00:00:00Z"), 400).await;
    let early = store.expire(now, &retention(60, &[]), false).await.expect("expired");
    assert_eq!(early, Expired { dropped: 0, thinned: 0, waiting: 1 }, "nothing goes that is not rolled up");
    store.roll_up(now).await.expect("rolled up");
    let expired = store.expire(now, &retention(60, &[]), false).await.expect("expired");
    assert_eq!(expired, Expired { dropped: 1, thinned: 0, waiting: 0 });
    assert_eq!(store.expire(now, &retention(60, &[]), false).await.expect("expired"), Expired::default());
    assert_eq!(count(&store, 1, "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z").await, 0);
    assert_eq!(count(&store, 1, "2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z").await, 31 * 144);

    let after = store.history(PointNo(1), at("2026-06-05T00:00:00Z"), at("2026-06-20T00:00:00Z"), 400).await;
    assert_eq!(before.expect("history"), after.expect("history"));
    // An hour with six samples, of which nothing but the minutes is left.
    let (from, to) = (at("2026-06-10T10:00:00Z"), at("2026-06-10T11:00:00Z"));
    let Series::Reduced { buckets, .. } = store.history(PointNo(1), from, to, 1_000).await.expect("history") else {
        panic!("the samples are gone");
    };
    assert_eq!(buckets.len(), 6);
    let figures = store.statistics(PointNo(1), from, to, Duration::from_secs(900)).await.expect("figures");
    assert_eq!(figures.map(|of| (of.count, of.min, of.max, of.mean)), Some((6, 60.0, 65.0, 62.5)));

    // What comes late for a month that is gone counts once, and does not stay.
    let late = Sample {
        point: PointNo(1),
        source_time: at("2026-06-10T10:05:00Z"),
        received_time: now,
        value: Some(1_000.0),
        quality: Quality::Good,
    };
    for seq in 2..4 {
        let moved = Sample { source_time: late.source_time + Duration::from_secs(seq), ..late };
        writer.apply(&Batch { samples: vec![moved], ..Batch::new(tenant()) }, seq).await.expect("applied");
        store.roll_up(now).await.expect("rolled up");
    }
    let figures = store.statistics(PointNo(1), from, to, Duration::from_secs(900)).await.expect("figures");
    assert_eq!(figures.map(|of| (of.count, of.min, of.max)), Some((8, 60.0, 1_000.0)));
}

#[tokio::test]
async fn points_may_keep_their_samples_for_longer_or_shorter() {
    let (_database, store, mut writer) = filled().await;
    let now = at("2026-09-10T00:00:00Z");
    store.roll_up(now).await.expect("rolled up");
    let keeping = retention(60, &[(Quantity::Pressure, 365), (Quantity::Flow, 30)]);
    let expired = store.expire(now, &keeping, false).await.expect("expired");
    assert_eq!(expired, Expired { dropped: 0, thinned: 2, waiting: 0 });
    assert_eq!(store.expire(now, &keeping, false).await.expect("expired"), Expired::default());
    assert_eq!(count(&store, 1, "2026-06-01T00:00:00Z", "2026-09-01T00:00:00Z").await, 92 * 144);
    assert_eq!(count(&store, 2, "2026-06-01T00:00:00Z", "2026-08-01T00:00:00Z").await, 0);
    assert_eq!(count(&store, 2, "2026-08-01T00:00:00Z", "2026-09-01T00:00:00Z").await, 31 * 144);
    // The partition that took the other's place is written to as before, and by a writer that knew the old one.
    let late = Sample {
        point: PointNo(1),
        source_time: at("2026-06-10T10:05:00Z"),
        received_time: now,
        value: Some(1.0),
        quality: Quality::Good,
    };
    writer.apply(&Batch { samples: vec![late], ..Batch::new(tenant()) }, 2).await.expect("applied");
    assert_eq!(count(&store, 1, "2026-06-01T00:00:00Z", "2026-09-01T00:00:00Z").await, 92 * 144 + 1);
    let Series::Reduced { .. } = store
        .history(PointNo(2), at("2026-06-10T10:00:00Z"), at("2026-06-10T11:00:00Z"), 1_000)
        .await
        .expect("history")
    else {
        panic!("the flow's samples are gone");
    };
}

#[tokio::test]
async fn roll_ups_go_when_their_time_is_over_and_partitions_are_made_ahead() {
    let (_database, store, _writer) = filled().await;
    let now = at("2026-09-10T00:00:00Z");
    store.roll_up(now).await.expect("rolled up");
    let keeping = Retention { roll_ups: DAY * 60, ..retention(60, &[]) };
    store.expire(now, &keeping, false).await.expect("expired");
    let months: Vec<String> = sqlx::query_scalar("select partition from time_partitions('rollups_minute')")
        .fetch_all(store.pool())
        .await
        .expect("partitions");
    assert_eq!(months, ["rollups_minute_2026_07", "rollups_minute_2026_08"]);
    store.prepare_partitions(at("2026-12-15T00:00:00Z"), 1).await.expect("prepared");
    let all: Vec<String> = sqlx::query_scalar(
        "select p.partition from unnest(array['samples', 'rollups_minute', 'rollups_hour', 'rollups_day']) parent, \
         time_partitions(parent) p where p.next > '2026-12-15' order by 1",
    )
    .fetch_all(store.pool())
    .await
    .expect("partitions");
    let expected = [
        "rollups_day_2026",
        "rollups_day_2027",
        "rollups_hour_2026",
        "rollups_hour_2027",
        "rollups_minute_2026_12",
        "rollups_minute_2027_01",
        "samples_2026_12",
        "samples_2027_01",
    ];
    assert_eq!(all, expected);
}

#[tokio::test]
async fn what_was_archived_is_read_back_by_the_same_calls() {
    let (_database, store, mut writer) = filled().await;
    let folder = tempfile::tempdir().expect("folder");
    let place = folder.path().display().to_string();
    let archive = Archive::open(&ArchiveSettings { place, ..ArchiveSettings::default() }).await.expect("archive");
    store.use_archive(archive.clone());
    let screens = store.for_screens(tenant()).await.expect("screens");
    let now = at("2026-09-10T00:00:00Z");
    let (june, july) = (at("2026-06-01T00:00:00Z"), at("2026-07-01T00:00:00Z"));
    let august = at("2026-08-01T00:00:00Z");
    let points = |numbers: &[i32]| numbers.iter().map(|no| PointNo(*no)).collect::<Vec<_>>();
    let raw = store.raw(PointNo(1), june, july + DAY, 1_000_000).await.expect("raw");
    let hour = (at("2026-06-10T10:00:00Z"), at("2026-06-10T11:00:00Z"));
    let trend = store.history(PointNo(1), hour.0, hour.1, 1_000).await.expect("history");
    let all = scanned(store.scan(points(&[2, 1]), june, august)).await;

    store.roll_up(now).await.expect("rolled up");
    // First the flow alone, then the rest of the month: two files.
    let keeping = retention(365, &[(Quantity::Flow, 60)]);
    assert_eq!(store.expire(now, &keeping, false).await.expect("expired").thinned, 1);
    let expired = store.expire(now, &retention(60, &[]), false).await.expect("expired");
    assert_eq!(expired, Expired { dropped: 1, thinned: 0, waiting: 0 });
    assert_eq!(archive.list().await.expect("list").len(), 2);

    assert_eq!(store.raw(PointNo(1), june, july + DAY, 1_000_000).await.expect("raw"), raw);
    assert_eq!(store.raw(PointNo(1), june, july, 10).await.expect("raw"), raw[..10]);
    assert_eq!(store.history(PointNo(1), hour.0, hour.1, 1_000).await.expect("history"), trend);
    assert_eq!(screens.history(PointNo(1), hour.0, hour.1, 1_000).await.expect("history"), trend);
    assert_eq!(scanned(store.scan(points(&[2, 1]), june, august)).await, all);
    assert_eq!(scanned(screens.scan(points(&[2, 1]), june, august)).await, all);
    // Nothing is written twice, and what was let go does not come back.
    assert_eq!(store.expire(now, &retention(60, &[]), false).await.expect("expired"), Expired::default());
    writer.apply(&Batch::new(tenant()), 9).await.expect("applied");
}

async fn scanned(mut chunks: Chunks) -> Vec<Sample> {
    let mut samples = Vec::new();
    while let Some(chunk) = chunks.recv().await {
        samples.extend(chunk.expect("chunk"));
    }
    samples
}

#[tokio::test]
async fn a_clock_that_leaps_takes_nothing_along() {
    let (_database, store, _writer) = filled().await;
    let now = at("2026-09-10T00:00:00Z");
    store.roll_up(now).await.expect("rolled up");
    store.expire(now, &retention(365, &[]), false).await.expect("expired");
    let leapt = at("2037-09-10T00:00:00Z");
    let held = store.expire(leapt, &retention(365, &[]), false).await.expect("expired");
    assert_eq!(held, Expired { waiting: 1, ..Expired::default() });
    assert_eq!(count(&store, 1, "2026-06-01T00:00:00Z", "2026-09-01T00:00:00Z").await, 92 * 144);
    let confirmed = store.expire(leapt, &retention(365, &[]), true).await.expect("expired");
    assert!(confirmed.dropped > 3, "{confirmed:?}");
}

//! Samples in the order they were received, against what a plain query says.

use std::time::Duration;

use penstock_model::{Address, Point, PointNo, Quality, Quantity, Sample, TenantId, Timestamp};
use penstock_store::{Batch, Chunks, Store, Writer};
use uuid::Uuid;

use crate::fixtures::{OTHER, fresh};

const ONE: TenantId = TenantId(Uuid::from_u128(1));
const HOUR: u64 = 3_600;

fn start() -> Timestamp {
    Timestamp::parse("2026-10-31T20:00:00Z").expect("time")
}

fn sample(point: i32, source: Timestamp, received: Timestamp) -> Sample {
    let value = Some((source.as_micros() % 977) as f64);
    Sample { point: PointNo(point), source_time: source, received_time: received, value, quality: Quality::Good }
}

/// Eight hours over the end of a month, a sample a second and point. The first point's device was cut off for half an
/// hour and sent what it had kept later; the second's clock is 40 minutes ahead for an hour; of the third, one sample
/// in a thousand comes two days late.
fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    for second in 0..8 * HOUR {
        let at = start() + Duration::from_secs(second);
        let soon = at + Duration::from_millis(300);
        let was_cut_off = (2 * HOUR..2 * HOUR + 1_800).contains(&second);
        samples.push(sample(1, at, if was_cut_off { start() + Duration::from_secs(3 * HOUR) } else { soon }));
        let is_ahead = (4 * HOUR..5 * HOUR).contains(&second);
        samples.push(sample(2, at, if is_ahead { at - Duration::from_secs(2_400) } else { soon }));
        samples.push(sample(3, at, if second % 1_000 == 7 { at + Duration::from_secs(48 * HOUR) } else { soon }));
    }
    samples.sort_by_key(|sample| sample.received_time);
    samples
}

async fn write(store: &Store, tenant: TenantId, samples: &[Sample], seq: u64) {
    let mut writer = Writer::open(store).await.expect("writer");
    let batch = Batch { samples: samples.to_vec(), ..Batch::new(tenant) };
    let applied = writer.apply(&batch, seq).await.expect("applied");
    assert_eq!(applied.stored, samples.len() as u64);
}

async fn all(mut chunks: Chunks) -> Vec<(i32, i64, i64, Option<f64>)> {
    let mut rows = Vec::new();
    while let Some(chunk) = chunks.recv().await {
        rows.extend(chunk.expect("chunk").iter().map(|sample| {
            let (source, received) = (sample.source_time.as_micros(), sample.received_time.as_micros());
            (sample.point.0, source, received, sample.value)
        }));
    }
    rows
}

/// What a replay must give, as the database sorts it.
async fn expected(store: &Store, points: &[i32], from: Timestamp, to: Timestamp) -> Vec<(i32, i64, i64, Option<f64>)> {
    sqlx::query_as(
        "select point_no, (extract(epoch from source_time) * 1000000)::bigint, \
         (extract(epoch from received_time) * 1000000)::bigint, value \
         from samples where point_no = any($1) and source_time >= $2::timestamptz and source_time < $3::timestamptz \
         order by received_time, point_no, source_time",
    )
    .bind(points)
    .bind(from.to_string())
    .bind(to.to_string())
    .fetch_all(store.pool())
    .await
    .expect("samples")
}

#[tokio::test]
async fn samples_come_in_the_order_they_were_received_also_late_ones() {
    let (_database, store) = fresh().await;
    write(&store, ONE, &samples(), 1).await;
    let at = |hours: u64| start() + Duration::from_secs(hours * HOUR);
    let days = |days: u64| Duration::from_secs(days * 24 * HOUR);
    for (points, from, to) in [
        (vec![1, 2, 3], start() - days(30), start() + days(30)),
        (vec![3, 1], at(1), at(5)),
        (vec![2], at(0), at(8)),
        (vec![2, 2, 7], at(4), at(5)),
        (vec![1], at(2) + Duration::from_secs(1), at(2) + Duration::from_secs(2)),
        (vec![1], at(9), at(10)),
        (vec![1], at(5), at(1)),
        (vec![], at(0), at(8)),
    ] {
        let replayed = all(store.replay(points.iter().map(|no| PointNo(*no)).collect(), from, to)).await;
        let expected = expected(&store, &points, from, to).await;
        let differs = replayed.iter().zip(&expected).position(|(given, expected)| given != expected);
        assert_eq!((differs, replayed.len()), (None, expected.len()), "{points:?} {from} {to}");
    }
    let late = expected(&store, &[1, 2, 3], start(), at(8)).await;
    assert!(!late.is_sorted_by_key(|row| row.1), "nothing of it is late");

    // Whoever takes no more leaves nothing behind.
    for _ in 0..20 {
        let mut chunks = store.replay(vec![PointNo(1), PointNo(2)], at(0), at(8));
        assert!(chunks.recv().await.is_some_and(|chunk| chunk.is_ok()));
    }
    assert_eq!(store.raw(PointNo(1), at(0), at(8), 10).await.expect("raw").len(), 10);
}

#[tokio::test]
async fn what_was_received_since_a_moment_comes_in_its_order() {
    let (_database, store) = fresh().await;
    write(&store, ONE, &samples(), 1).await;
    let at = |hours: u64| start() + Duration::from_secs(hours * HOUR);
    for (points, from, after) in [
        (vec![1, 2, 3], at(0), start()),
        (vec![3, 1], at(2), at(3)),
        (vec![2], at(3), at(4)),
        (vec![1, 7], at(0), at(100)),
        (vec![], at(0), at(0)),
    ] {
        let numbers: Vec<PointNo> = points.iter().map(|no| PointNo(*no)).collect();
        let received = all(store.received_since(&numbers, from, after)).await;
        let mut expected = expected(&store, &points, from, at(100)).await;
        expected.retain(|(_, _, received, _)| *received > after.as_micros());
        let differs = received.iter().zip(&expected).position(|(given, expected)| given != expected);
        assert_eq!((differs, received.len()), (None, expected.len()), "{points:?} {from} {after}");
    }
}

#[tokio::test]
async fn screens_replay_their_own_points_alone() {
    let (_database, store) = fresh().await;
    for (tenant, no) in [(ONE, 1), (OTHER, 2)] {
        store.ensure_tenant(tenant, "Nandipur", "Asia/Kolkata").await.expect("tenant");
        let address = Address { source: "local".into(), path: format!("p{no}") };
        let point = Point::discovered(tenant, PointNo(no), address, Quantity::Plain.display_unit());
        store.discover(tenant, &[point]).await.expect("discovered");
    }
    let both: Vec<Sample> = (0..100)
        .flat_map(|second| [1, 2].map(|no| (no, start() + Duration::from_secs(second))))
        .map(|(no, at)| sample(no, at, at))
        .collect();
    write(&store, ONE, &both, 1).await;
    let screens = store.for_screens(ONE).await.expect("screens");
    let end = start() + Duration::from_secs(HOUR);
    let replayed = all(screens.replay(vec![PointNo(2), PointNo(1)], start(), end)).await;
    assert_eq!(replayed, expected(&store, &[1], start(), end).await);
    assert_eq!(replayed.len(), 100);
}

#[tokio::test]
async fn a_dense_second_after_an_empty_month_is_read_in_parts() {
    const COUNT: i64 = 1_200_000;
    let (_database, store) = fresh().await;
    store.prepare_partitions(start(), 1).await.expect("partitions");
    let inserted = sqlx::query(
        "insert into samples (point_no, source_time, received_time, value, quality) \
         select 1, $1::timestamptz + n * interval '1 microsecond', \
         $1::timestamptz + n * interval '1 microsecond' + (n * 7919 % 1000) * interval '1 millisecond', n, 0 \
         from generate_series(1, $2) as n",
    )
    .bind(start().to_string())
    .bind(COUNT)
    .execute(store.pool())
    .await
    .expect("inserted");
    assert_eq!(inserted.rows_affected(), COUNT as u64);
    let from = start() - Duration::from_secs(30 * 24 * HOUR);
    let replayed = all(store.replay(vec![PointNo(1)], from, start() + Duration::from_secs(HOUR))).await;
    assert_eq!(replayed.len() as i64, COUNT);
    assert!(replayed.is_sorted_by_key(|row| (row.2, row.1)));
}

//! What the writer leaves out on a real PostgreSQL: the error is bound, over batches, failures and restarts.

use std::collections::BTreeMap;
use std::time::Duration;

use penstock_model::{PointNo, Quality, Recording, Sample, TenantId, Timestamp};
use penstock_store::{Batch, Store, Writer};
use uuid::Uuid;

use crate::fixtures::fresh;

const DOOR: PointNo = PointNo(1);
const DEADBAND: PointNo = PointNo(2);
const BOTH: PointNo = PointNo(3);
const WHOLE: PointNo = PointNo(4);
/// Seconds of a signal; it goes over the end of a month.
const SECS: usize = 1_200;

fn settings() -> BTreeMap<PointNo, Recording> {
    let every = Duration::from_secs(300);
    let recording =
        |deadband, deviation| Recording::new(deadband, deviation, every).expect("a deadband or a deviation above 0");
    BTreeMap::from([
        (DOOR, recording(None, Some(0.2))),
        (DEADBAND, recording(Some(0.2), None)),
        (BOTH, recording(Some(0.1), Some(0.2))),
    ])
}

/// A slow wave with a ripple, a step, a spike and a while of doubt.
fn signal(point: PointNo) -> Vec<Sample> {
    let start = Timestamp::parse("2026-11-30T23:50:00Z").expect("a time");
    let sample = |second: usize| {
        let at = start + Duration::from_secs(second as u64);
        let wave = 5.0 * (second as f64 / 150.0).sin() + 0.01 * ((second * 7919) % 13) as f64;
        let step = if second > 700 { 8.0 } else { 0.0 };
        let spike = if second == 450 { 20.0 } else { 0.0 };
        let is_doubtful = (900..950).contains(&second);
        Sample {
            point,
            source_time: at,
            received_time: at + Duration::from_millis(30),
            value: Some(wave + step + spike),
            quality: if is_doubtful { Quality::from_code(64) } else { Quality::Good },
        }
    };
    (0..SECS).map(sample).collect()
}

/// One second of all points after another, in batches of uneven size.
fn batches() -> Vec<Batch> {
    let signals = [DOOR, DEADBAND, BOTH, WHOLE].map(signal);
    let mut samples = (0..SECS).flat_map(|second| signals.iter().filter_map(move |signal| signal.get(second).copied()));
    let mut batches = Vec::new();
    for size in [1, 7, 40, 3, 230, 1, 1, 90].into_iter().cycle() {
        let some: Vec<Sample> = samples.by_ref().take(size).collect();
        if some.is_empty() {
            break;
        }
        batches.push(Batch { samples: some, ..Batch::new(TenantId(Uuid::nil())) });
    }
    batches
}

async fn stored(store: &Store, point: PointNo) -> Vec<(i64, f64, i16)> {
    sqlx::query_as(
        "select (extract(epoch from source_time) * 1000000)::bigint, value, quality \
         from samples where point_no = $1 order by source_time",
    )
    .bind(point.0)
    .fetch_all(store.pool())
    .await
    .expect("samples")
}

/// Checks that the stored samples stand for all that were given, within `bound`, and gives their number.
async fn check(store: &Store, point: PointNo, bound: f64) -> usize {
    let rows = stored(store, point).await;
    let given = signal(point);
    for sample in &given {
        let at = sample.source_time.as_micros();
        let value = sample.value.expect("every sample has one");
        let quality = i16::from(sample.quality.code());
        let behind = rows.partition_point(|(time, ..)| *time < at);
        if rows.get(behind).is_some_and(|(time, ..)| *time == at) {
            assert_eq!(rows[behind], (at, value, quality));
            continue;
        }
        assert!(behind > 0 && behind < rows.len(), "{point:?} has nothing on one side of {}", sample.source_time);
        let (before, after) = (rows[behind - 1], rows[behind]);
        assert_eq!((before.2, after.2), (quality, quality), "{point:?} at {}", sample.source_time);
        assert!(after.0 - before.0 <= 300_000_000, "{point:?} at {}", sample.source_time);
        let line = before.1 + (after.1 - before.1) * (at - before.0) as f64 / (after.0 - before.0) as f64;
        assert!((line - value).abs() <= bound + 1e-9, "{point:?}: {line} for {value} at {}", sample.source_time);
    }
    let (first, last) = (given.first().expect("first"), given.last().expect("last"));
    assert_eq!(rows.first().map(|row| row.0), Some(first.source_time.as_micros()));
    assert_eq!(rows.last().map(|row| row.0), Some(last.source_time.as_micros()));
    rows.len()
}

async fn open(store: &Store) -> Writer {
    let mut writer = Writer::open(store).await.expect("writer");
    writer.set_recording(settings());
    writer
}

#[tokio::test]
async fn what_is_stored_stands_for_what_was_left_out() {
    let (_database, store) = fresh().await;
    let mut writer = open(&store).await;
    let (mut written, mut left_out, mut seq) = (0, 0, 0);
    for batch in batches() {
        seq += 1;
        let applied = writer.apply(&batch, seq).await.expect("applied");
        assert_eq!((applied.duplicates, applied.conflicts, applied.refused), (0, 0, 0));
        written += applied.stored;
        left_out += applied.left_out;
        // The newest of every point is there after each batch.
        let newest = batch.samples.last().expect("a batch has samples");
        let rows = stored(&store, newest.point).await;
        assert_eq!(rows.last().map(|row| row.0), Some(newest.source_time.as_micros()));
    }
    let door = check(&store, DOOR, 0.2).await;
    let deadband = check(&store, DEADBAND, 0.4).await;
    let both = check(&store, BOTH, 0.4).await;
    let whole = check(&store, WHOLE, 0.0).await;
    assert_eq!(whole, SECS);
    for kept in [door, deadband, both] {
        assert!(kept < SECS / 2, "{kept} of {SECS}");
    }
    // Those that were written first and removed later are counted on both sides.
    let held = (door + deadband + both + whole) as u64;
    assert!(written >= held && written + left_out >= 4 * SECS as u64, "{written} written, {left_out} left out");
    assert_eq!(left_out, 4 * SECS as u64 - held);
}

#[tokio::test]
async fn a_writer_that_knows_nothing_keeps_the_bound() {
    let (_database, store) = fresh().await;
    let mut writer = open(&store).await;
    for (number, batch) in batches().into_iter().enumerate() {
        let seq = number as u64 + 1;
        match number % 5 {
            // Killed between two batches; the last batch comes again and changes nothing.
            1 => {
                writer.apply(&batch, seq).await.expect("applied");
                drop(writer);
                writer = open(&store).await;
                assert!(writer.apply(&batch, seq).await.expect("applied").is_replay);
            }
            // Dropped half way: what the server did of it is not known, and the batch comes again.
            3 => {
                let cut = tokio::time::timeout(Duration::from_millis(1), writer.apply(&batch, seq)).await;
                drop(cut);
                writer.apply(&batch, seq).await.expect("applied");
            }
            _ => {
                writer.apply(&batch, seq).await.expect("applied");
            }
        }
    }
    check(&store, DOOR, 0.2).await;
    check(&store, DEADBAND, 0.4).await;
    check(&store, BOTH, 0.4).await;
    assert_eq!(check(&store, WHOLE, 0.0).await, SECS);
}

#[tokio::test]
async fn without_settings_every_sample_is_stored() {
    let (_database, store) = fresh().await;
    let mut writer = open(&store).await;
    writer.set_recording(BTreeMap::new());
    for (number, batch) in batches().iter().enumerate() {
        let applied = writer.apply(batch, number as u64 + 1).await.expect("applied");
        assert_eq!((applied.stored, applied.left_out), (batch.samples.len() as u64, 0));
    }
    for point in [DOOR, DEADBAND, BOTH, WHOLE] {
        assert_eq!(stored(&store, point).await.len(), SECS);
    }
}

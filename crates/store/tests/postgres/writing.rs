//! The writer on a real PostgreSQL: identity of samples, replays, months.

use std::time::Duration;

use penstock_model::{Address, Doubt, Fault, Point, PointNo, Quality, Quantity, Sample, TenantId, Timestamp};
use penstock_store::{Applied, Batch, Error, Store, Writer};
use sqlx::Executor as _;
use uuid::Uuid;

use crate::fixtures::{at, fresh};

const TENANT: TenantId = TenantId(Uuid::from_u128(1));

fn sample(point: i32, at: Timestamp, value: f64) -> Sample {
    Sample { point: PointNo(point), source_time: at, received_time: at, value: Some(value), quality: Quality::Good }
}

fn batch(samples: Vec<Sample>) -> Batch {
    Batch { samples, ..Batch::new(TenantId(Uuid::nil())) }
}

/// A writer on a database that has points of these numbers, from 1 on, by its first batch.
async fn with_points(store: &Store, last: i32) -> Writer {
    store.ensure_tenant(TENANT, "Nandipur", "Asia/Kolkata").await.expect("tenant");
    let point = |no: i32| {
        let address = Address { source: "local".into(), path: format!("p/{no}") };
        Point::discovered(TENANT, PointNo(no), address, Quantity::Plain.display_unit())
    };
    let discovered = Batch { discovered: (1..=last).map(point).collect(), ..Batch::new(TENANT) };
    let mut writer = Writer::open(store).await.expect("writer");
    writer.apply(&discovered, 1).await.expect("applied");
    writer
}

async fn stored(store: &Store) -> Vec<(i32, i64, f64, i16)> {
    sqlx::query_as(
        "select point_no, (extract(epoch from source_time) * 1000000)::bigint, value, quality \
         from samples order by point_no, source_time",
    )
    .fetch_all(store.pool())
    .await
    .expect("samples")
}

#[tokio::test]
async fn the_same_batch_again_changes_nothing() {
    let (_database, store) = fresh().await;
    let mut writer = Writer::open(&store).await.expect("writer");
    let start = at("2026-11-21T00:00:00Z");
    let samples: Vec<Sample> =
        (0..500).map(|i| sample(i % 7, start + Duration::from_secs(i as u64), f64::from(i))).collect();
    let batch = batch(samples);
    let applied = writer.apply(&batch, 1).await.expect("applied");
    assert_eq!((applied.stored, applied.duplicates, applied.conflicts), (500, 0, 0));
    let replayed = writer.apply(&batch, 1).await.expect("applied");
    assert!(replayed.is_replay);
    let redelivered = writer.apply(&batch, 2).await.expect("applied");
    assert_eq!((redelivered.stored, redelivered.duplicates, redelivered.conflicts), (0, 500, 0));
    assert_eq!(stored(&store).await.len(), 500);
    assert_eq!(writer.watermark().await.expect("watermark"), 2);
}

#[tokio::test]
async fn the_newest_sample_of_a_point_is_kept_through_late_ones_and_clocks_that_are_ahead() {
    let (_database, store) = fresh().await;
    let mut writer = with_points(&store, 3).await;
    let noon = at("2026-11-21T12:00:00Z");
    let after = |secs| noon + Duration::from_secs(secs);
    let ahead = |point, received: u64, value| Sample {
        received_time: after(received),
        quality: Quality::Uncertain(Doubt::ClockAhead),
        ..sample(point, after(3_600 + received), value)
    };
    let (right, late) = (sample(1, noon, 1.0), sample(1, noon - Duration::from_secs(9), 2.0));
    let newer = sample(1, after(10), 4.0);
    let other = sample(2, noon, 1.0);
    let given = [
        (vec![right, other], vec![right, other]),
        // Where nothing else is known, one that claims to come from the future is better than none.
        (vec![late, ahead(3, 1, 7.0)], vec![right, other, ahead(3, 1, 7.0)]),
        (vec![ahead(1, 5, 3.0), sample(3, noon, 8.0)], vec![right, other, sample(3, noon, 8.0)]),
        (vec![newer], vec![newer, other, sample(3, noon, 8.0)]),
    ];
    for (seq, (samples, newest)) in (2..).zip(given) {
        writer.apply(&batch(samples.clone()), seq).await.expect("applied");
        assert_eq!(store.latest(TENANT, after(60)).await.expect("latest"), newest, "after batch {seq}");
        // A writer that knows nothing, and a spool that hands the same on again.
        writer = Writer::open(&store).await.expect("writer");
        sqlx::query("update spool_watermark set seq = seq - 1").execute(store.pool()).await.expect("moved");
        writer.apply(&batch(samples), seq).await.expect("applied");
        assert_eq!(store.latest(TENANT, after(60)).await.expect("latest"), newest, "after batch {seq} again");
    }
    assert_eq!(store.latest(TenantId(Uuid::from_u128(9)), after(60)).await.expect("latest"), []);
}

#[tokio::test]
async fn newest_samples_are_looked_up_for_good_when_there_is_time() {
    let (_database, store) = fresh().await;
    let mut writer = with_points(&store, 2).await;
    let noon = at("2026-11-21T12:00:00Z");
    let after = |secs| noon + Duration::from_secs(secs);
    let due = async || -> Vec<i32> {
        let due = sqlx::query_scalar("select point_no from newest_due order by 1");
        due.fetch_all(store.pool()).await.expect("due")
    };
    let (one, two) = (sample(1, noon, 1.0), sample(2, noon, 2.0));
    writer.apply(&batch(vec![one, two]), 2).await.expect("applied");
    assert_eq!(due().await, [1, 2]);

    // While a unit is changed nothing stored is as it will be.
    let mut change = store.pool().begin().await.expect("begun");
    change.execute("lock table rescalings in share row exclusive mode").await.expect("locked");
    let refused = writer.settle_some().await;
    assert!(refused.as_ref().is_err_and(Error::is_transient), "{refused:?}");
    change.rollback().await.expect("over");
    assert_eq!((due().await, store.latest(TENANT, after(60)).await.expect("latest")), (vec![1, 2], vec![one, two]));

    writer.settle_some().await.expect("settled");
    assert_eq!((due().await, store.latest(TENANT, after(60)).await.expect("latest")), (vec![], vec![one, two]));
    let newer = sample(1, after(1), 3.0);
    writer.apply(&batch(vec![newer]), 3).await.expect("applied");
    assert_eq!((due().await, store.latest(TENANT, after(60)).await.expect("latest")), (vec![1], vec![newer, two]));
    // Of a writer that ended in between, the next one takes over.
    let mut writer = Writer::open(&store).await.expect("writer");
    writer.settle_some().await.expect("settled");
    assert_eq!((due().await, store.latest(TENANT, after(60)).await.expect("latest")), (vec![], vec![newer, two]));
}

#[tokio::test]
async fn a_time_that_is_still_to_come_stands_for_the_present_only_where_there_is_no_other() {
    let (_database, store) = fresh().await;
    let mut writer = with_points(&store, 2).await;
    let noon = at("2026-11-21T12:00:00Z");
    let after = |secs| noon + Duration::from_secs(secs);
    // Samples without a time of their own, while the station's clock was an hour ahead.
    let early = [sample(1, after(3_600), 1.0), sample(2, after(3_600), 2.0)];
    writer.apply(&batch(early.to_vec()), 2).await.expect("applied");
    assert_eq!(store.latest(TENANT, noon).await.expect("latest"), early);
    let right = sample(1, after(10), 3.0);
    let broken = Sample { value: None, quality: Quality::Bad(Fault::Disconnected), ..sample(1, after(15), 0.0) };
    let of_a_device = Sample {
        received_time: after(12),
        quality: Quality::Uncertain(Doubt::ClockAhead),
        ..sample(1, after(200), 4.0)
    };
    writer.apply(&batch(vec![right, of_a_device]), 3).await.expect("applied");
    assert_eq!(store.latest(TENANT, after(20)).await.expect("latest"), [right, early[1]]);
    writer.apply(&batch(vec![broken]), 4).await.expect("applied");
    assert_eq!(store.latest(TENANT, after(300)).await.expect("latest"), [broken, early[1]]);
    // As far ahead as a device's clock may be, and no further.
    assert_eq!(store.latest(TENANT, after(3_479)).await.expect("latest"), [broken, early[1]]);
    assert_eq!(store.latest(TENANT, after(3_480)).await.expect("latest"), early);
}

#[tokio::test]
async fn another_value_for_a_taken_time_is_kept_beside_it() {
    let (_database, store) = fresh().await;
    let mut writer = Writer::open(&store).await.expect("writer");
    let noon = at("2026-11-21T12:00:00Z");
    let conflict = Quality::Uncertain(Doubt::Conflict).code();
    let base = noon.as_micros();

    // Within one batch.
    let first = batch(vec![sample(1, noon, 1.0), sample(1, noon, 2.0), sample(1, noon, 1.0)]);
    let applied = writer.apply(&first, 1).await.expect("applied");
    assert_eq!((applied.stored, applied.duplicates, applied.conflicts), (2, 1, 1));
    // Against what is stored, with the next microsecond taken, and all of it again.
    let second =
        batch(vec![sample(1, noon, 3.0), sample(1, noon, 2.0), sample(1, noon + Duration::from_micros(1), 9.0)]);
    let applied = writer.apply(&second, 2).await.expect("applied");
    assert_eq!((applied.stored, applied.duplicates, applied.conflicts), (2, 1, 2));
    let applied = writer.apply(&second, 3).await.expect("applied");
    assert_eq!((applied.stored, applied.duplicates, applied.conflicts), (0, 3, 0));

    let conflict = i16::from(conflict);
    let all = stored(&store).await;
    assert_eq!(
        all,
        [(1, base, 1.0, 0), (1, base + 1, 2.0, conflict), (1, base + 2, 3.0, conflict), (1, base + 3, 9.0, conflict)]
    );
}

#[tokio::test]
async fn what_the_database_cannot_hold_harms_nothing_else() {
    let (_database, store) = fresh().await;
    let mut writer = Writer::open(&store).await.expect("writer");
    let noon = at("2026-11-21T12:00:00Z");
    let applied = writer
        .apply(
            &batch(vec![
                sample(1, Timestamp::MIN, 1.0),
                sample(1, noon, f64::NAN),
                sample(1, at("1970-01-01T00:00:00Z"), 2.0),
                sample(1, at("2500-01-01T00:00:00Z"), 3.0),
                sample(1, noon + Duration::from_secs(1), 4.0),
            ]),
            1,
        )
        .await
        .expect("applied");
    assert_eq!(Applied { took: Duration::ZERO, ..applied }, Applied { stored: 4, refused: 1, ..Applied::default() });
    let rejects: i64 = sqlx::query_scalar("select count(*) from rejects").fetch_one(store.pool()).await.expect("count");
    assert_eq!(rejects, 1);
}

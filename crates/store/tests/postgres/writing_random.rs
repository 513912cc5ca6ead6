//! The writer against a simple account of what must be stored, over random batches, re-deliveries and restarts.

use std::collections::BTreeMap;

use penstock_model::{Doubt, PointNo, Quality, Sample, TenantId, Timestamp};
use penstock_store::{Batch, Writer};
use penstock_testkit::database::{ScratchDatabase, scratch_database};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

/// Half an hour before a month ends, in microseconds.
const NEAR_MONTH_END: i64 = 1_796_081_400_000_000;

/// What must be stored: the first value of a key, other values at the next free microsecond, each once.
#[derive(Default)]
struct Account(BTreeMap<(i32, i64), (u64, u8)>);

impl Account {
    fn take(&mut self, sample: &Sample) {
        let conflict = Quality::Uncertain(Doubt::Conflict).code();
        let (point, base) = (sample.point.0, sample.source_time.as_micros());
        let value = sample.value.unwrap_or(f64::NAN).to_bits();
        for step in 0.. {
            let quality = if step == 0 { sample.quality.code() } else { conflict };
            match self.0.get(&(point, base + step)) {
                None => {
                    self.0.insert((point, base + step), (value, quality));
                    return;
                }
                Some((kept, marked)) if *kept == value && (step == 0 || *marked == conflict) => return,
                Some(_) => {}
            }
        }
    }
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    // Few points, times and values, so that keys are taken often; neighbouring microseconds, and the end of a month.
    let sample = (0..3_i32, 0..6_i64, 0..3_u8, prop::bool::ANY).prop_map(|(point, time, value, is_far)| {
        let micros = NEAR_MONTH_END + time + if is_far { 1_800_000_000 - 3 } else { 0 };
        Sample {
            point: PointNo(point),
            source_time: Timestamp::from_micros(micros),
            received_time: Timestamp::from_micros(micros),
            value: Some(f64::from(value)),
            quality: Quality::Good,
        }
    });
    prop::collection::vec(sample, 0..40)
}

#[test]
fn random_batches_store_what_the_account_says() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let database = runtime.block_on(scratch_database()).expect("database");
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    // A batch may come again with the number it had, or with a new one.
    let batches = prop::collection::vec((samples(), prop::bool::ANY), 1..6);
    runner
        .run(&batches, |batches| {
            let (expected, stored) = runtime.block_on(run(&database, &batches)).expect("written");
            prop_assert_eq!(expected, stored);
            Ok(())
        })
        .expect("as the account says");
}

type Rows = Vec<(i32, i64, u64, u8)>;

async fn run(database: &ScratchDatabase, batches: &[(Vec<Sample>, bool)]) -> anyhow::Result<(Rows, Rows)> {
    let store = database.store().await?;
    sqlx::query("truncate samples, newest, newest_due").execute(store.pool()).await?;
    sqlx::query("update spool_watermark set seq = 0").execute(store.pool()).await?;
    let mut account = Account::default();
    let mut seq = 0;
    for (samples, is_redelivered) in batches {
        let mut writer = Writer::open(&store).await?;
        let batch = Batch { samples: samples.clone(), ..Batch::new(TenantId(Uuid::nil())) };
        seq += 1;
        let first = writer.apply(&batch, seq).await?;
        anyhow::ensure!(first.stored + first.duplicates == samples.len() as u64, "{first:?}");
        anyhow::ensure!(writer.apply(&batch, seq).await?.is_replay);
        expect(&mut account, samples);
        if *is_redelivered {
            seq += 1;
            let again = writer.apply(&batch, seq).await?;
            anyhow::ensure!(again.stored == 0 && again.duplicates == samples.len() as u64, "{again:?}");
        }
    }
    let rows: Vec<(i32, i64, f64, i16)> = sqlx::query_as(
        "select point_no, (extract(epoch from source_time) * 1000000)::bigint, value, quality from samples order by 1, 2",
    )
    .fetch_all(store.pool())
    .await?;
    let last_of_each: Vec<_> = rows.chunk_by(|one, next| one.0 == next.0).filter_map(<[_]>::last).copied().collect();
    // Looked up for whoever asks, then for good.
    for of in ["newest_now", "newest"] {
        let newest = format!(
            "select point_no, (extract(epoch from source_time) * 1000000)::bigint, value, quality from {of} order by 1"
        );
        let newest: Vec<(i32, i64, f64, i16)> =
            sqlx::query_as(sqlx::AssertSqlSafe(newest)).fetch_all(store.pool()).await?;
        anyhow::ensure!(newest == last_of_each, "{newest:?} are the newest by {of}, not {last_of_each:?}");
        Writer::open(&store).await?.settle_some().await?;
    }
    store.close().await;
    let stored =
        rows.into_iter().map(|(point, at, value, quality)| (point, at, value.to_bits(), quality as u8)).collect();
    let expected = account.0.into_iter().map(|((point, at), (value, quality))| (point, at, value, quality)).collect();
    Ok((expected, stored))
}

/// Inside a batch, all keys find their first value before a conflict looks for a free place.
fn expect(account: &mut Account, samples: &[Sample]) {
    let mut later = Vec::new();
    for sample in samples {
        let key = (sample.point.0, sample.source_time.as_micros());
        if account.0.contains_key(&key) {
            later.push(sample);
        } else {
            account.take(sample);
        }
    }
    later.sort_by_key(|sample| (sample.point, sample.source_time));
    for sample in later {
        account.take(sample);
    }
}

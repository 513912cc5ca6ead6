//! How fast the writer is: `cargo run --release -p penstock-store --example ingest [FOLDER] [ROWS A BATCH]`.
//!
//! Makes a durable cluster in FOLDER (a scratch one where none is given), writes three million samples of a thousand
//! points in batches, then delivers some of them again, and prints rows a second and the time of a commit.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use penstock_model::{PointNo, Quality, Sample, TenantId, Timestamp};
use penstock_store::{Batch, Cluster, ClusterSettings, Store, Writer};
use uuid::Uuid;

const ROWS: usize = 3_000_000;
const POINTS: usize = 1_000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let scratch = penstock_testkit::database::ScratchFolder::new()?;
    let folder = arguments.next().map_or_else(|| scratch.path().to_owned(), Into::into);
    let size = arguments.next().map_or(Ok(5_000), |size| size.parse()).context("rows a batch is a number")?;
    let mut cluster = Cluster::start(ClusterSettings::new(folder)).await?;
    let store = Store::open(&cluster.options()).await?;
    let mut writer = Writer::open(&store).await?;
    let mut seq = writer.watermark().await?;
    // Each run begins where the last one ended.
    let start = Timestamp::from_secs(1_780_000_000) + Duration::from_secs(seq * 10_000);

    let batches: Vec<Batch> = (0..ROWS / size).map(|number| batch(start, number * size, size)).collect();
    let fresh = measure(&mut writer, &batches, &mut seq).await?;
    report("new samples", batches.len() * size, &fresh);
    let again = batches.get(..batches.len() / 10).unwrap_or_default();
    let redelivered = measure(&mut writer, again, &mut seq).await?;
    report("delivered again", again.len() * size, &redelivered);
    store.close().await;
    cluster.stop(Duration::from_secs(60)).await?;
    Ok(())
}

/// Every point once, then every point again a second later, as a plant speaks.
fn batch(start: Timestamp, first: usize, size: usize) -> Batch {
    let sample = |row: usize| {
        let at = start + Duration::from_micros((row / POINTS) as u64 * 1_000_000 + (row % 997) as u64);
        Sample {
            point: PointNo((row % POINTS) as i32),
            source_time: at,
            received_time: at + Duration::from_millis(40),
            value: Some((row % 1_013) as f64 * 0.1),
            quality: Quality::Good,
        }
    };
    Batch { samples: (first..first + size).map(sample).collect(), ..Batch::new(TenantId(Uuid::nil())) }
}

async fn measure(writer: &mut Writer, batches: &[Batch], seq: &mut u64) -> anyhow::Result<(Duration, Vec<Duration>)> {
    let started = Instant::now();
    let mut took = Vec::new();
    for batch in batches {
        *seq += 1;
        let applied = writer.apply(batch, *seq).await?;
        anyhow::ensure!(applied.conflicts == 0 && applied.refused == 0, "{applied:?}");
        took.push(applied.took);
    }
    took.sort_unstable();
    Ok((started.elapsed(), took))
}

#[expect(clippy::print_stdout, reason = "its whole purpose")]
fn report(what: &str, rows: usize, (elapsed, took): &(Duration, Vec<Duration>)) {
    let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default().as_secs_f64() * 1e3;
    let rate = rows as f64 / elapsed.as_secs_f64();
    println!("{what}: {rows} rows, {rate:.0} rows/s, a batch {:.1} ms (p50), {:.1} ms (p99)", at(50), at(99));
}

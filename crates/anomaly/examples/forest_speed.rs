//! What a forest costs: `cargo run --release -p penstock-anomaly --example forest_speed`.

#![expect(clippy::print_stdout, reason = "what it measures is what it is for")]

use std::time::Instant;

use penstock_anomaly::{FEATURES, Features, Forest, ForestConfig};
use penstock_model::{Limits, PointNo, Quality, Sample, Timestamp};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn main() {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for width in [11, FEATURES] {
        let rows: Vec<f64> = (0..10_000 * width).map(|_| random.random_range(-1.0..1.0)).collect();
        let started = Instant::now();
        let forest = Forest::fit(&rows, width, ForestConfig::default());
        let fitted = started.elapsed();
        let Some(forest) = forest else { return };
        let started = Instant::now();
        let sum: f64 = rows.chunks_exact(width).filter_map(|row| Some(forest.judge(row)?.isolation)).sum();
        let each = started.elapsed() / 10_000;
        println!("10,000 x {width}: fitted in {fitted:?}, {each:?} a score (mean {:.3})", sum / 1e4);
    }
    let mut features = Features::default();
    let mut sum = 0.0;
    let started = Instant::now();
    for index in 0..1_000_000_i64 {
        let at = Timestamp::from_secs(index);
        let value = Some((index % 977) as f64);
        let sample = Sample { point: PointNo(0), source_time: at, received_time: at, value, quality: Quality::Good };
        sum += features.observe(&sample, &Limits::default()).map_or(0.0, |features| features.iter().sum());
    }
    println!("features: {:?} a sample (sum {sum:.3e})", started.elapsed() / 1_000_000);
}

//! What a reading costs: `cargo run --release -p penstock-anomaly --example detector_speed`.

#![expect(clippy::print_stdout, reason = "what it measures is what it is for")]

use std::time::Instant;

use penstock_anomaly::{Config, Fleet};
use penstock_model::{PointNo, Quality, Sample, Timestamp};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn main() {
    for (points, rows) in [(1, 2_000_000), (150, 20_000), (10_000, 300)] {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let noise: Vec<f64> = (0..4_096).map(|_| random.random_range(-1.0..1.0)).collect();
        let mut fleet = Fleet::new();
        (0..points).for_each(|point| fleet.watch(PointNo(point), Config::default()));
        let mut flagged = 0_u64;
        let started = Instant::now();
        for row in 0..rows {
            let at = Timestamp::from_secs(i64::from(row) * 60);
            let day = (f64::from(row) / 1_440.0 * std::f64::consts::TAU).sin();
            for point in 0..points {
                let noise = usize::try_from(row * 31 + point * 17).ok().and_then(|index| noise.get(index % 4_096));
                let value = 50.0 + 10.0 * day + noise.copied().unwrap_or_default();
                let sample = Sample {
                    point: PointNo(point),
                    source_time: at,
                    received_time: at,
                    value: Some(value),
                    quality: Quality::Good,
                };
                flagged += u64::from(fleet.observe(&sample).is_anomalous());
            }
        }
        let nanos = started.elapsed().as_nanos() as f64 / f64::from(rows) / f64::from(points);
        println!("{points:>6} points: {nanos:.0} ns a reading ({flagged} flagged)");
    }
}

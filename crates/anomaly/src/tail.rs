//! From which size on a deviation is rarer than a false alarm may be: a high quantile of the deviations, followed
//! beyond the data by an exponential tail (the simplest case of SPOT, Siffer et al., KDD 2017). Must not know what the
//! deviations are of.

use serde::{Deserialize, Serialize};

/// Share of deviations above the quantile that the tail starts from.
const TAIL_SHARE: f64 = 0.02;

/// Running tail of a stream of deviations in standard units, 0 and up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tail {
    quantile: f64,
    mean_excess: f64,
    seen: u32,
}

impl Tail {
    /// Starts as a normal distribution would have it.
    pub(crate) const fn new() -> Self {
        Self { quantile: 2.3, mean_excess: 0.4, seen: 0 }
    }

    /// How far beyond the quantile, in mean excesses, a deviation of this probability lies.
    pub(crate) fn beyond(probability: f64) -> f64 {
        (TAIL_SHARE / probability).ln().max(0.0)
    }

    /// The deviation that lies so far beyond the quantile, at least `floor`.
    pub(crate) fn threshold(&self, beyond: f64, floor: f64) -> f64 {
        (self.quantile + self.mean_excess * beyond).max(floor)
    }

    /// Takes a deviation; a large one moves it by a bounded amount.
    pub(crate) fn learn(&mut self, deviation: f64) {
        self.seen = self.seen.saturating_add(1);
        // A stochastic quantile: up a lot for each one above it, down a little for each below.
        let gain = (20.0 / f64::from(self.seen)).clamp(0.04, 0.5) * self.mean_excess.max(0.05);
        if deviation > self.quantile {
            // Cut, so that anomalies too small to be flagged do not raise the threshold out of reach of the next; the
            // mean of an exponential loses a twentieth by it.
            let excess = (deviation - self.quantile).min(3.0 * self.mean_excess) / 0.95;
            self.mean_excess = (self.mean_excess + 0.03 * (excess - self.mean_excess)).max(1e-3);
            self.quantile += gain * (1.0 - TAIL_SHARE);
        } else {
            self.quantile = (self.quantile - gain * TAIL_SHARE).max(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn finds_the_tail_of_an_exponential() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut tail = Tail::new();
        for _ in 0..20_000 {
            tail.learn(-random.random_range(f64::MIN_POSITIVE..1.0_f64).ln());
        }
        // Exceeded once in 10,000: ln 10,000 = 9.2.
        let threshold = tail.threshold(Tail::beyond(1e-4), 0.0);
        assert!((7.0..12.0).contains(&threshold), "{threshold}");
    }

    #[test]
    fn one_huge_deviation_moves_it_little() {
        let mut tail = Tail::new();
        for index in 0..1_000 {
            tail.learn(f64::from(index % 20) / 10.0);
        }
        let before = tail.threshold(Tail::beyond(1e-4), 0.0);
        tail.learn(1e30);
        assert!(tail.threshold(Tail::beyond(1e-4), 0.0) < before * 1.5);
    }
}

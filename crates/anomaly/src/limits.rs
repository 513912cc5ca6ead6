//! From which size on a score stands out among a stream's own: the median and a high quantile of the ordinary scores,
//! and the threshold half as far again beyond. Needs no label. Must not know what is scored.

use serde::{Deserialize, Serialize};

/// Median and high quantile of a stream of scores, 0 and up.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Limit {
    median: f64,
    high: f64,
    /// Of the scores it was made from: what it moves by grows with the scores only so far, or it would run after them.
    first_spread: f64,
}

/// The high quantile.
const HIGH: f64 = 0.99;
/// The threshold lies so many times the distance from the median to the high quantile above the median.
const BEYOND: f64 = 1.5;
/// Steps grow with the spread up to so many times the first one.
const MOST_GROWN: f64 = 2.0;
/// Scores that are all the same have no spread.
const LEAST_SPREAD: f64 = 0.05;

impl Limit {
    /// Of scores at hand, which it brings out of order.
    pub(crate) fn of(scores: &mut [f64]) -> Self {
        if scores.is_empty() {
            return Self { median: 0.7, high: 2.6, first_spread: 1.9 };
        }
        let mut at = |share: f64| {
            let index = ((scores.len() - 1) as f64 * share).round() as usize;
            let (_, score, _) = scores.select_nth_unstable_by(index, f64::total_cmp);
            *score
        };
        let (median, high) = (at(0.5), at(HIGH));
        Self { median, high, first_spread: high - median }
    }

    pub(crate) fn threshold(&self) -> f64 {
        self.median + BEYOND * (self.high - self.median).max(LEAST_SPREAD)
    }

    /// Takes a further score: both quantiles move up a little for one above and down a little for one below, so that in
    /// the long run the right shares lie above. `gain` is the share of the spread that they move by at most.
    pub(crate) fn take(&mut self, score: f64, gain: f64) {
        let most = MOST_GROWN * self.first_spread;
        let step = gain * (self.high - self.median).min(most).max(LEAST_SPREAD);
        self.median += if score > self.median { 0.5 * step } else { -0.5 * step };
        self.high += if score > self.high { HIGH * step } else { (HIGH - 1.0) * step };
        self.median = self.median.max(0.0);
        self.high = self.high.max(self.median);
    }

    pub(crate) fn is_sound(&self) -> bool {
        [self.median, self.high, self.first_spread].iter().all(|value| value.is_finite())
            && self.median >= 0.0
            && self.high >= self.median
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn of_scores_at_hand() {
        let mut scores: Vec<f64> = (0..=1_000).rev().map(|index| f64::from(index) / 1_000.0).collect();
        let limit = Limit::of(&mut scores);
        assert!((limit.threshold() - (0.5 + 1.5 * 0.49)).abs() < 1e-9, "{limit:?}");
        assert!(Limit::of(&mut []).is_sound());
        assert!(Limit::of(&mut [0.0; 9]).threshold() > 0.0);
    }

    #[test]
    fn follows_a_stream_whose_scores_grow() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut limit = Limit::of(&mut [0.2, 0.5, 0.99]);
        for _ in 0..40_000 {
            limit.take(random.random_range(0.0..3.0), 0.01);
        }
        assert!((limit.threshold() - (1.5 + 1.5 * 1.47)).abs() < 0.4, "{limit:?}");
        assert!(limit.is_sound());
    }
}

//! Chance as a pure function of seed, stream and time: nothing to carry along, nothing that depends on the order
//! of calls.

use penstock_model::Timestamp;

/// A source of chance. The same seed, stream and time give the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noise {
    seed: u64,
}

impl Noise {
    /// From a seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Evenly over 0 to 1, for the `index`-th draw of `stream`.
    pub(crate) const fn uniform(self, stream: u64, index: i64) -> f64 {
        let mixed = mix(mix(self.seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15)) ^ index.cast_unsigned());
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Normally distributed, mean 0 and deviation 1.
    pub(crate) fn normal(self, stream: u64, index: i64) -> f64 {
        // Box and Muller; the second stream of the pair is another one altogether.
        let radius = (-2.0 * (1.0 - self.uniform(stream, index)).ln()).sqrt();
        let angle = std::f64::consts::TAU * self.uniform(stream ^ 0x5bd1_e995_0000_0000, index);
        radius * angle.cos()
    }

    /// A curve that wanders smoothly between about -1 and 1 and forgets itself after `period_secs`.
    pub(crate) fn smooth(self, stream: u64, at: Timestamp, period_secs: f64) -> f64 {
        let place = at.as_secs_f64() / period_secs;
        let cell = place.floor();
        let within = place - cell;
        let ease = within * within * (3.0 - 2.0 * within);
        let knot = |offset: i64| 2.0 * self.uniform(stream, cell as i64 + offset) - 1.0;
        knot(0) * (1.0 - ease) + knot(1) * ease
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
const fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_right_mean_and_spread() {
        let noise = Noise::new(7);
        let count = 20_000;
        let draws: Vec<f64> = (0..count).map(|index| noise.normal(3, index)).collect();
        let mean = draws.iter().sum::<f64>() / count as f64;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / count as f64;
        assert!(mean.abs() < 0.03, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.05, "variance {variance}");
    }

    #[test]
    fn seeds_and_streams_differ_and_repeat() {
        assert_eq!(Noise::new(1).uniform(2, 3), Noise::new(1).uniform(2, 3));
        assert_ne!(Noise::new(1).uniform(2, 3), Noise::new(2).uniform(2, 3));
        assert_ne!(Noise::new(1).uniform(2, 3), Noise::new(1).uniform(3, 3));
    }

    #[test]
    fn a_smooth_curve_has_no_jumps() {
        let noise = Noise::new(9);
        let at = |secs: i64| noise.smooth(1, Timestamp::from_secs(secs), 600.0);
        let step = (0..7_200).map(|secs| (at(secs + 1) - at(secs)).abs()).fold(0.0, f64::max);
        assert!(step < 0.01, "{step}");
    }
}

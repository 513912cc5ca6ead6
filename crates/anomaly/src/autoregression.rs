//! The next value from the last three, by least squares with forgetting over sums of products. Must not know units or
//! time: it is given deviations at about equal distances.

use serde::{Deserialize, Serialize};

/// How many last values it looks at.
pub(crate) const LAGS: usize = 3;

/// Sums of products of a stream and its lags.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Autoregression {
    gram: [[f64; LAGS]; LAGS],
    cross: [f64; LAGS],
    weights: [f64; LAGS],
    until_solve: u8,
}

/// Sums lose half their weight in about this many samples.
const HALF_LIFE: f64 = 2_000.0;
/// The weights move slowly: solving every few samples is as good as at each.
const SOLVE_EVERY: u8 = 16;

impl Autoregression {
    /// The next value, of `lags` with the newest first.
    pub(crate) fn predict(&self, lags: &[f64; LAGS]) -> f64 {
        self.weights.iter().zip(lags).map(|(weight, lag)| weight * lag).sum()
    }

    /// Learns that `value` came after `lags`. Magnitudes up to 1e30 keep every sum finite.
    pub(crate) fn learn(&mut self, lags: &[f64; LAGS], value: f64) {
        const KEEP: f64 = 1.0 - std::f64::consts::LN_2 / HALF_LIFE;
        for ((row, cross), lag) in self.gram.iter_mut().zip(&mut self.cross).zip(lags) {
            for (sum, other) in row.iter_mut().zip(lags) {
                *sum = *sum * KEEP + lag * other;
            }
            *cross = *cross * KEEP + lag * value;
        }
        if self.until_solve == 0 {
            self.until_solve = SOLVE_EVERY;
            self.solve();
        }
        self.until_solve -= 1;
    }

    /// Ridge solution by Cramer's rule; what cannot be solved leaves the weights as they are.
    fn solve(&mut self) {
        let [[a, b, c], [_, d, e], [_, _, f]] = self.gram;
        let ridge = 1e-6 * (a + d + f);
        let (a, d, f) = (a + ridge, d + ridge, f + ridge);
        let [x, y, z] = self.cross;
        let (m11, m12, m13) = (d * f - e * e, c * e - b * f, b * e - c * d);
        let (m22, m23, m33) = (a * f - c * c, b * c - a * e, a * d - b * b);
        let determinant = a * m11 + b * m12 + c * m13;
        if determinant <= 0.0 || !determinant.is_finite() {
            return;
        }
        let weights = [
            (m11 * x + m12 * y + m13 * z) / determinant,
            (m12 * x + m22 * y + m23 * z) / determinant,
            (m13 * x + m23 * y + m33 * z) / determinant,
        ];
        // Weights this large mean lags that say all the same: better the old ones.
        if weights.iter().all(|weight| weight.is_finite() && weight.abs() < 4.0) {
            self.weights = weights;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learns_a_swing_exactly() {
        // x[t] = 2 cos(w) x[t-1] - x[t-2].
        let swing = |index: i32| (f64::from(index) * 0.3).sin();
        let mut model = Autoregression::default();
        for index in 3..600 {
            model.learn(&[swing(index - 1), swing(index - 2), swing(index - 3)], swing(index));
        }
        let predicted = model.predict(&[swing(599), swing(598), swing(597)]);
        assert!((predicted - swing(600)).abs() < 1e-3, "{predicted} {}", swing(600));
    }

    #[test]
    fn nothing_but_zeros() {
        let mut model = Autoregression::default();
        (0..100).for_each(|_| model.learn(&[0.0; LAGS], 0.0));
        assert_eq!(model.predict(&[1.0; LAGS]), 0.0);
    }
}

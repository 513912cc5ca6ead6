//! Rows from samples: the points of an asset report when they like, its detector wants all of them side by side at even
//! times. A row holds the last good value of each point, as long as that is not too old; rows are as far apart as the
//! slowest point that reports regularly. Must not know what a row is judged by.

use penstock_model::Timestamp;
use serde::{Deserialize, Serialize};

/// Makes rows of the samples of an asset's points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rows {
    points: Vec<Held>,
    /// Zero until some point is known to be regular.
    period_micros: i64,
    /// A period that would fit better, and for how many rows it would have.
    wanted: (i64, u8),
    /// When the row that is being filled is closed.
    closes: Option<Timestamp>,
    #[serde(skip)]
    row: Vec<f64>,
}

/// The last good value of a point, and how it reports.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Held {
    newest: Option<Timestamp>,
    value: Option<f64>,
    interval_micros: f64,
    /// Mean distance of intervals from the usual one.
    jitter_micros: f64,
    seen: u32,
}

/// Even times that people reckon in, in seconds.
const PERIODS_SECS: [i64; 15] = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_200, 1_800, 3_600];
/// Samples before a point is known to be regular.
const LEAST_SEEN: u32 = 8;
/// A regular point's value is good for so many of its intervals.
const GOOD_INTERVALS: f64 = 3.0;
/// One that reports only changes stands for longer.
const GOOD_MICROS: f64 = 3_600e6;
/// Rows that another period must fit better for before it is taken.
const PATIENCE: u8 = 16;

impl Rows {
    /// Of an asset with so many points.
    pub fn new(points: usize) -> Self {
        Self {
            points: vec![Held::default(); points],
            period_micros: 0,
            wanted: (0, 0),
            closes: None,
            row: Vec::with_capacity(points),
        }
    }

    /// How far rows are apart; none until a point is known to report regularly.
    pub fn period(&self) -> Option<std::time::Duration> {
        let micros = u64::try_from(self.period_micros).ok().filter(|micros| *micros > 0)?;
        Some(std::time::Duration::from_micros(micros))
    }

    /// Takes a sample of one point, its value none where it is not good, and gives the row that it closes: its time,
    /// and a value of each point, NaN where there is none. Samples come in received order; one that is not newer than
    /// the newest of its point changes nothing. After a silence the rows that were missed are left out.
    pub fn take(&mut self, point: usize, at: Timestamp, value: Option<f64>) -> Option<(Timestamp, &[f64])> {
        let held = self.points.get(point)?;
        if held.newest.is_some_and(|newest| at <= newest) {
            return None;
        }
        let closed = self.closes.filter(|closes| at > *closes);
        if let Some(closes) = closed {
            let period = self.period_micros as f64;
            self.row.clear();
            self.row.extend(self.points.iter().map(|held| held.at(closes, period)));
            self.choose_period();
        }
        if let Some(held) = self.points.get_mut(point) {
            held.take(at, value.filter(|value| value.is_finite()));
        }
        if self.period_micros <= 0 {
            self.period_micros = self.fitting_period().unwrap_or(0);
        }
        if self.period_micros > 0 && (closed.is_some() || self.closes.is_none()) {
            // Half a period beside the even times, so that what is measured on them may come a little late.
            let half = self.period_micros / 2;
            let begun = at.as_micros().saturating_add(half - 1).div_euclid(self.period_micros);
            let closes = begun.saturating_mul(self.period_micros).saturating_add(half);
            self.closes = Some(Timestamp::from_micros(closes));
        }
        closed.map(|closed| (closed, self.row.as_slice()))
    }

    /// The smallest even time in which every regular point reports.
    fn fitting_period(&self) -> Option<i64> {
        let regular = self.points.iter().filter(|held| held.is_regular());
        let slowest = regular.map(|held| held.interval_micros).reduce(f64::max)?;
        // A clock that runs a little slow is no reason for a longer period.
        let fits = |secs: &&i64| **secs as f64 * 1e6 >= 0.95 * slowest;
        let [.., longest] = PERIODS_SECS;
        Some(PERIODS_SECS.iter().find(fits).copied().unwrap_or(longest) * 1_000_000)
    }

    fn choose_period(&mut self) {
        let Some(fitting) = self.fitting_period().filter(|fitting| *fitting != self.period_micros) else {
            self.wanted = (0, 0);
            return;
        };
        let (wanted, rows) = self.wanted;
        self.wanted = if wanted == fitting { (wanted, rows + 1) } else { (fitting, 1) };
        if self.wanted.1 >= PATIENCE {
            self.period_micros = fitting;
            self.wanted = (0, 0);
        }
    }
}

impl Held {
    fn take(&mut self, at: Timestamp, value: Option<f64>) {
        if let Some(newest) = self.newest.replace(at) {
            let apart = at.micros_since(newest) as f64;
            self.seen = self.seen.saturating_add(1);
            if self.seen == 1 {
                self.interval_micros = apart;
            } else {
                // One long silence is no slow point.
                let bounded = apart.min(3.0 * self.interval_micros);
                let gain = (1.0 / f64::from(self.seen)).max(0.1);
                self.jitter_micros += gain * ((bounded - self.interval_micros).abs() - self.jitter_micros);
                self.interval_micros += gain * (bounded - self.interval_micros);
            }
        }
        self.value = value;
    }

    fn is_regular(&self) -> bool {
        self.seen >= LEAST_SEEN && self.jitter_micros < 0.5 * self.interval_micros
    }

    fn at(&self, time: Timestamp, period_micros: f64) -> f64 {
        let (Some(newest), Some(value)) = (self.newest, self.value) else { return f64::NAN };
        let own = if self.is_regular() { GOOD_INTERVALS * self.interval_micros } else { GOOD_MICROS };
        let age = time.micros_since(newest) as f64;
        if age <= own.max(2.0 * period_micros) { value } else { f64::NAN }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secs(secs: f64) -> Timestamp {
        Timestamp::from_micros((secs * 1e6) as i64)
    }

    /// Rows of a quick point, every two seconds, and a slow one, every ten, of which the value is the time.
    fn rows_until(rows: &mut Rows, from: u32, until: u32) -> Vec<(f64, Vec<f64>)> {
        let mut made = Vec::new();
        for second in from..until {
            let at = f64::from(second);
            for (point, every) in [(0, 2), (1, 10)] {
                if second % every == 0 {
                    let row = rows.take(point, secs(at + 0.1 * point as f64), Some(at));
                    made.extend(row.map(|(at, row)| (at.as_secs_f64(), row.to_vec())));
                }
            }
        }
        made
    }

    #[test]
    fn as_far_apart_as_the_slowest_regular_point() {
        let mut rows = Rows::new(3);
        rows_until(&mut rows, 0, 400);
        assert_eq!(rows.period(), Some(std::time::Duration::from_secs(10)));
        let made = rows_until(&mut rows, 400, 440);
        // Closed half a period beside the even times; the third point never said anything.
        let expected = [(415.0, 414.0, 410.0), (425.0, 424.0, 420.0), (435.0, 434.0, 430.0)];
        for ((at, row), (closed, quick, slow)) in made.iter().rev().take(3).rev().zip(expected) {
            assert_eq!((*at, row[0], row[1]), (closed, quick, slow));
            assert!(row[2].is_nan());
        }
    }

    #[test]
    fn a_value_that_is_too_old_or_not_good_is_missing() {
        let mut rows = Rows::new(2);
        rows_until(&mut rows, 0, 200);
        for second in (200..300).step_by(2) {
            rows.take(0, secs(f64::from(second)), Some(1.0));
        }
        let (_, row) = rows.take(0, secs(310.0), None).expect("a row");
        assert!(row[0] == 1.0 && row[1].is_nan(), "{row:?}");
        let (_, row) = rows.take(1, secs(320.0), Some(f64::INFINITY)).expect("a row");
        assert!(row.iter().all(|value| value.is_nan()), "{row:?}");
    }

    #[test]
    fn after_a_silence_one_row_and_no_more() {
        let mut rows = Rows::new(2);
        rows_until(&mut rows, 0, 200);
        let (at, _) = rows.take(0, secs(100_000.0), Some(1.0)).expect("the row that was open");
        assert!(at.as_secs_f64() < 210.0);
        assert_eq!(rows.take(0, secs(100_001.0), Some(1.0)), None);
        let (at, row) = rows.take(0, secs(100_006.0), Some(2.0)).expect("the next row");
        assert_eq!((at.as_secs_f64(), row[0]), (100_005.0, 1.0));
        assert!(row[1].is_nan());
    }

    #[test]
    fn a_rate_that_changes_for_good_is_followed() {
        let mut rows = Rows::new(1);
        (0..100)
            .for_each(|at| assert!(rows.take(0, secs(f64::from(at)), Some(0.0)).is_none_or(|(_, row)| row == [0.0])));
        assert_eq!(rows.period(), Some(std::time::Duration::from_secs(1)));
        let made = (0..60).filter(|at| rows.take(0, secs(100.0 + 60.0 * f64::from(*at)), Some(0.0)).is_some()).count();
        assert!(made > 50, "{made}");
        assert_eq!(rows.period(), Some(std::time::Duration::from_secs(60)));
    }

    proptest! {
        /// Whatever comes, rows are in the order of time and of full width.
        #[test]
        fn rows_go_forward(samples in prop::collection::vec((0..4_usize, any::<i64>(), any::<f64>()), 1..300), small in any::<bool>()) {
            let mut rows = Rows::new(3);
            let mut last = None;
            let mut at = 0_i64;
            for (point, step, value) in samples {
                at = if small { at.saturating_add(step % 100_000_000) } else { step };
                if let Some((closed, row)) = rows.take(point, Timestamp::from_micros(at), Some(value)) {
                    prop_assert!(last.is_none_or(|last| closed > last), "{closed:?} after {last:?}");
                    prop_assert_eq!(row.len(), 3);
                    last = Some(closed);
                }
            }
        }
    }
}

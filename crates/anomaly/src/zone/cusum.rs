//! Evidence that adds up (Page, "Continuous inspection schemes", Biometrika 1954): small deviations of one direction over
//! days, with since when, how much, and whether it has ended. Must not know what deviates.

use penstock_model::Timestamp;
use serde::{Deserialize, Serialize};

/// What a day may lie off in standard deviations without adding anything: half the shift that it is tuned to.
const SLACK: f64 = 1.0;
/// Share of a day that a rate is known from.
const KNOWN: f64 = 0.4;
/// Days' standard deviations below half of what it was, after which it has ended.
const ENDED: f64 = 2.0;

/// A running sum of deviations above the ordinary.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Cusum {
    /// In standard deviations of a day.
    sum: f64,
    run: Option<Run>,
}

/// What has been seen since the sum last was nothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) since: Timestamp,
    /// Weighted mean excess over the last day, or since it began.
    pub(super) rate: f64,
    /// Sum of all excesses by the hours that they stood for.
    pub(super) excess_hours: f64,
    /// What the ordinary was lifted by meanwhile.
    pub(super) lifted: f64,
    /// Days' worth of evidence.
    days: f64,
    peak: f64,
    /// Mean excess over the last third of a day.
    recent: f64,
    ending: f64,
}

/// One piece of evidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Piece {
    /// When what it tells of began.
    pub(super) from: Timestamp,
    /// For how long it stands.
    pub(super) hours: f64,
    /// Seen less ordinary.
    pub(super) excess: f64,
    /// The same without what one piece alone may not claim.
    pub(super) bounded: f64,
    /// Standard deviation of a day's mean excess.
    pub(super) sigma: f64,
    /// Share of a day's evidence that it makes up.
    pub(super) share: f64,
}

impl Cusum {
    /// Takes a piece of evidence; gives the run that has ended by it.
    pub(super) fn take(&mut self, piece: &Piece) -> Option<Run> {
        self.sum += piece.share * (piece.bounded / piece.sigma - SLACK);
        if self.sum <= 0.0 || !self.sum.is_finite() {
            self.clear();
            return None;
        }
        let run = self.run.get_or_insert(Run::at(piece.from));
        run.take(piece);
        if run.ending < ENDED {
            return None;
        }
        let ended = self.run;
        self.clear();
        ended
    }

    /// In standard deviations of a day.
    pub(super) const fn sum(&self) -> f64 {
        self.sum
    }

    /// What has been seen since the sum last was nothing.
    pub(super) const fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// The ordinary was lifted while this ran.
    pub(super) fn lift(&mut self, by: f64) {
        if let Some(run) = &mut self.run {
            run.lifted += by;
        }
    }

    /// Begins anew.
    pub(super) const fn clear(&mut self) {
        self.sum = 0.0;
        self.run = None;
    }

    /// Whether every number is one.
    pub(super) fn is_sound(&self) -> bool {
        self.sum.is_finite()
            && self.run.is_none_or(|run| {
                [run.rate, run.excess_hours, run.lifted, run.days, run.peak, run.recent, run.ending]
                    .into_iter()
                    .all(f64::is_finite)
            })
    }
}

impl Run {
    const fn at(since: Timestamp) -> Self {
        Self { since, rate: 0.0, excess_hours: 0.0, lifted: 0.0, days: 0.0, peak: 0.0, recent: 0.0, ending: 0.0 }
    }

    /// Whether what is seen at its end is that of before it, rather than what the ordinary was lifted to meanwhile.
    pub(super) fn is_back_at_before(&self) -> bool {
        self.recent + self.lifted < 0.5 * self.peak
    }

    fn take(&mut self, piece: &Piece) {
        self.days += piece.share;
        self.rate += (piece.excess - self.rate) * (piece.share / self.days.min(1.0));
        self.recent += (piece.excess - self.recent) * (3.0 * piece.share).min(1.0);
        self.excess_hours += (piece.excess + self.lifted) * piece.hours;
        if self.days >= KNOWN {
            self.peak = (self.peak * (1.0 - 0.05 * piece.share)).max(self.rate);
        }
        if self.peak > 0.0 {
            // A meter that fails for an hour is no end.
            let seen = piece.excess.clamp(-0.5 * self.peak, 1.5 * self.peak);
            let below = (0.5 * self.peak - seen) / piece.sigma;
            self.ending = (self.ending + piece.share * below).max(0.0);
        }
    }
}

/// The sum that chance alone reaches once in so many days, of independent normal deviations (Siegmund, Sequential
/// Analysis, 1985).
pub(super) fn threshold(days: f64) -> f64 {
    let target = 2.0 * SLACK * SLACK * days;
    let mut reach = (target + 1.0).ln() / (2.0 * SLACK);
    for _ in 0..8 {
        reach = (target + 2.0 * SLACK * reach + 1.0).ln() / (2.0 * SLACK);
    }
    (reach - 1.166).max(1.0)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn day(index: i64, excess: f64) -> Piece {
        let from = Timestamp::from_secs(index * 86_400);
        Piece { from, hours: 24.0, excess, bounded: excess, sigma: 1.0, share: 1.0 }
    }

    fn normal(random: &mut ChaCha8Rng) -> f64 {
        (0..12).map(|_| random.random_range(0.0..1.0)).sum::<f64>() - 6.0
    }

    #[test]
    fn chance_reaches_the_threshold_about_as_often_as_it_says() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut cusum = Cusum::default();
        let most = threshold(200.0);
        let mut reached = 0;
        for index in 0..40_000 {
            // Without ends: they would only clear it sooner.
            cusum.sum = (cusum.sum + normal(&mut random) - SLACK).max(0.0);
            if cusum.sum > most {
                reached += 1;
                cusum.clear();
            }
            assert!(index >= 0);
        }
        // 200 expected.
        assert!((120..320).contains(&reached), "{reached}");
    }

    #[test]
    fn tells_since_when_and_how_much_and_when_it_ended() {
        let mut cusum = Cusum::default();
        let mut ended = None;
        for index in 0..30 {
            let excess = if (10..15).contains(&index) { 4.0 } else { 0.0 };
            if let Some(run) = cusum.take(&day(index, excess)) {
                ended = Some((index, run));
            }
            if index == 14 {
                let run = cusum.run().expect("it runs");
                assert_eq!(run.since, Timestamp::from_secs(10 * 86_400));
                assert_eq!((run.rate, run.excess_hours), (4.0, 4.0 * 24.0 * 5.0));
                assert_eq!(cusum.sum(), 15.0);
            }
        }
        assert!(ended.is_some_and(|(index, _)| index == 15 || index == 16), "{ended:?}");
        assert_eq!(cusum, Cusum::default());
    }

    #[test]
    fn one_hour_without_a_meter_is_no_end() {
        let mut cusum = Cusum::default();
        let hour = |index: i64, excess: f64| Piece { hours: 1.0, share: 1.0 / 24.0, ..day(index, excess) };
        for index in 0..72 {
            let ended = cusum.take(&hour(index, if index == 60 { -50.0 } else { 5.0 }));
            assert_eq!(ended, None, "{index}");
        }
        assert!(cusum.sum() > 8.0);
    }
}

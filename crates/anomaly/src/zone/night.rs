//! Minimum night flow: what flows in the quietest five hours, in which little is drawn and what leaks stands out most.
//! The median of the hours, so that one that fills a tank or fights a fire does not count. Must not know why a night may
//! not be learned from.

use serde::{Deserialize, Serialize};

use super::cusum::{Cusum, Piece, Run};
use super::hours::start_of;
use super::ordinary::{HOURS, Look, Ordinary, Place};
use super::same_hours::{DayScatter, Use};

const LENGTH: usize = 5;
/// Hours of a night that must be known.
const LEAST: usize = 3;
/// A median of normal deviations scatters so much more than their mean.
const MEDIAN: f64 = 1.25;
/// No night claims more than so many of its standard deviations: one alone is no leak yet.
const CLAIM: f64 = 3.0;
/// Sum from which on the ordinary is held.
const HELD: f64 = 1.5;

/// The nights.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Nights {
    /// The hour of the day that they begin in.
    from: usize,
    hours: [Option<Seen>; LENGTH],
    /// The hour, counted from the epoch, that the night under way began in.
    began: Option<i64>,
    scatter: DayScatter,
    up: Cusum,
    /// The night flow expected in the last night.
    expected: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Seen {
    excess: f64,
    expected: f64,
    caution: f64,
}

impl Nights {
    /// Takes an hour, held against the ordinary; gives an excess that has ended with a night.
    pub(super) fn hear(
        &mut self,
        hour: i64,
        place: &Place,
        look: &Look,
        ordinary: &Ordinary,
        using: Use,
    ) -> Option<Run> {
        let into = (place.hour + HOURS - self.from) % HOURS;
        let began = hour.saturating_sub(i64::try_from(into).unwrap_or(0));
        let is_night = into < LENGTH;
        let mut ended = None;
        if self.began.is_some_and(|other| !is_night || other != began) {
            ended = self.end(ordinary, using);
        }
        if is_night {
            self.began = Some(began);
            if let Some(slot) = self.hours.get_mut(into) {
                *slot = Some(Seen { excess: look.excess, expected: look.expected, caution: look.caution });
            }
        } else if self.began.is_none() {
            self.from = ordinary.quietest(LENGTH);
        }
        ended
    }

    /// Whether the evidence is such that the ordinary must not be learned from it.
    pub(super) const fn is_off(&self) -> bool {
        self.up.sum() > HELD
    }

    pub(super) const fn up(&self) -> &Cusum {
        &self.up
    }

    /// Nights that its scatter is known from, in effect.
    pub(super) const fn days(&self) -> f64 {
        self.scatter.days()
    }

    /// The night flow expected in the last night.
    pub(super) const fn expected_of_late(&self) -> f64 {
        self.expected
    }

    /// The ordinary was lifted.
    pub(super) fn lift(&mut self, by: f64) {
        self.up.lift(by);
    }

    /// Forgets evidence.
    pub(super) const fn clear(&mut self) {
        self.up.clear();
    }

    /// What has been seen of late is under alarm: how far it lies off is not how far nights scatter.
    pub(super) const fn disregard(&mut self) {
        self.scatter.disregard();
    }

    /// Whether every number is one.
    pub(super) fn is_sound(&self) -> bool {
        self.scatter.is_sound()
            && self.up.is_sound()
            && self.expected.is_finite()
            && self.from < HOURS
            && self
                .hours
                .iter()
                .flatten()
                .all(|seen| seen.excess.is_finite() && seen.expected.is_finite() && seen.caution.is_finite())
    }

    fn end(&mut self, ordinary: &Ordinary, using: Use) -> Option<Run> {
        let began = self.began.take()?;
        let hours = std::mem::take(&mut self.hours);
        let count = hours.iter().flatten().count();
        if count < LEAST {
            return None;
        }
        let mean = |of: fn(&Seen) -> f64| hours.iter().flatten().map(of).sum::<f64>() / count as f64;
        let (expected, caution) = (mean(|seen| seen.expected), mean(|seen| seen.caution));
        let excess = median(&hours)?;
        let from = self.from;
        let shares = (from..from + LENGTH).map(|hour| (hour % HOURS, 1.0 / LENGTH as f64));
        let predicted = MEDIAN * ordinary.predicted(shares);
        let sigma = self.scatter.sigma(predicted) * caution;
        self.scatter.take(excess / caution, predicted, using, self.up.sum() < 2.0);
        self.expected = expected;
        if using == Use::Learn {
            return None;
        }
        let bounded = excess.clamp(-CLAIM * sigma, CLAIM * sigma);
        self.up.take(&Piece { from: start_of(began), hours: HOURS as f64, excess, bounded, sigma, share: 1.0 })
    }
}

fn median(hours: &[Option<Seen>; LENGTH]) -> Option<f64> {
    let mut sorted = [f64::INFINITY; LENGTH];
    let mut count = 0_usize;
    for (slot, seen) in sorted.iter_mut().zip(hours.iter().flatten()) {
        *slot = seen.excess;
        count += 1;
    }
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.get(count.checked_sub(1)? / 2)?, sorted.get(count / 2)?);
    Some(low + (high - low) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        let seen = |excess: f64| Some(Seen { excess, expected: 0.0, caution: 1.0 });
        assert_eq!(median(&[seen(9.0), seen(1.0), seen(2.0), seen(-4.0), seen(1.5)]), Some(1.5));
        assert_eq!(median(&[None, seen(1.0), seen(2.0), seen(3.0), seen(900.0)]), Some(2.5));
        assert_eq!(median(&[None; LENGTH]), None);
    }

    #[test]
    fn more_by_night_is_told_and_one_filling_hour_is_not() {
        for (more, filling, is_found) in [(0.0, 0.0, false), (0.0, 80.0, false), (4.0, 0.0, true)] {
            let (mut ordinary, mut nights) = (Ordinary::default(), Nights::default());
            for hour in 0..24 * 33 {
                let place = Place::of(hour, 0, &[false; 7]);
                let is_late = hour >= 24 * 28;
                let scatter = ((hour * 7_919) % 101) as f64 / 50.0 - 1.0;
                let by_day = if (1..6).contains(&place.hour) { 0.0 } else { 40.0 };
                let fill = if is_late && place.hour == 3 { filling } else { 0.0 };
                let value = 20.0 + by_day + scatter + fill + if is_late { more } else { 0.0 };
                let using = if hour < 24 * 7 { Use::Learn } else { Use::Judge };
                if let Some(look) = ordinary.look(&place, value) {
                    nights.hear(hour, &place, &look, &ordinary, using);
                }
                if !is_late {
                    let look = ordinary.look(&place, value);
                    ordinary.learn(hour, &place, value, look.as_ref());
                }
            }
            assert_eq!(nights.from, 1);
            assert_eq!(nights.up().sum() > 4.0, is_found, "{more} {filling}: {:?}", nights.up());
        }
    }
}

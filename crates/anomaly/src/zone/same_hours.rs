//! The hours of the week against the same hours of earlier days: evidence over days that a quantity is more, or less,
//! than it was. Must not know what it is evidence of.

use serde::{Deserialize, Serialize};

use super::cusum::{Cusum, Piece, Run};
use super::hours::start_of;
use super::ordinary::{HOURS, Look, Ordinary, Place};

/// No hour claims more than so many of its standard deviations.
const CLAIM: f64 = 6.0;
/// What is told of an hour is bounded too, in times of what is ordinary, so that one that is wild does not stand for the
/// whole.
const TOLD: f64 = 10.0;
/// Days' means that the prediction from the hours' scatter counts for.
const PREDICTED_DAYS: f64 = 5.0;
const REMEMBERED_DAYS: f64 = 20.0;
/// Days in a row that are taken to be unlike before anything is known.
const UNLIKE_DAYS: f64 = 15.0;
/// No two days in a row are taken to be more alike.
const MOST_ALIKE: f64 = 0.8;
/// Days that a mean waits before its scatter is learned from, so that what turns out to be none of the ordinary is not.
const WAITING: usize = 3;
/// Sum from which on the ordinary is held.
const HELD: f64 = 1.0;
/// Standard deviations of a day by which the ordinary follows while it is held: seasons pass, a leak is forgotten only
/// in weeks.
const FOLLOWED_A_DAY: f64 = 0.2;

/// A quantity by the hours of the week.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct SameHours {
    ordinary: Ordinary,
    scatter: DayScatter,
    up: Cusum,
    down: Cusum,
    day: DaySum,
    /// Mean excess over the last day, and what was expected.
    trend: f64,
    expected: f64,
}

/// How far the means of whole days lie from the ordinary, and how alike following ones are.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct DayScatter {
    square: f64,
    /// Of one day with the next: weather lasts.
    product: f64,
    last: f64,
    days: f64,
    waiting: [Option<f64>; WAITING],
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct DaySum {
    day: i64,
    share: f64,
    excess: f64,
}

/// How much of what an hour says may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Only to learn from: too little is known to judge by.
    Learn,
    /// Evidence, and learned from where it is ordinary.
    Judge,
}

/// What happened to the evidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Heard {
    pub(super) look: Look,
    /// An excess that has ended with this hour.
    pub(super) ended: Option<Run>,
}

impl SameHours {
    /// Takes an hour's evidence; none where this hour of the week was never seen.
    pub(super) fn hear(&mut self, hour: i64, place: &Place, value: f64, using: Use) -> Option<Heard> {
        let look = self.ordinary.look(place, value)?;
        let share = self.ordinary.shares().get(place.hour).copied()?;
        let sigma = self.sigma() * look.caution;
        self.end_day(place, using);
        self.day.share += share;
        self.day.excess += share * bound(look.excess, CLAIM * look.sigma) / look.caution;
        self.trend += share * (bound(look.excess, CLAIM * look.sigma) - self.trend);
        self.expected += (look.expected - self.expected) / HOURS as f64;
        if using == Use::Learn {
            return Some(Heard { look, ended: None });
        }
        let piece = Piece {
            from: start_of(hour),
            hours: 1.0,
            excess: bound(look.excess, TOLD * self.ordinary.size().max(look.sigma)),
            bounded: bound(look.excess, CLAIM * look.sigma),
            sigma,
            share,
        };
        let less = Piece { excess: -piece.excess, bounded: -piece.bounded, ..piece };
        let ended = self.up.take(&piece);
        let ended_below = self.down.take(&less);
        for (run, sign) in [(ended, 1.0), (ended_below, -1.0)] {
            // What was lifted for a leak goes back with it.
            if let Some(run) = run.filter(Run::is_back_at_before) {
                self.ordinary.lift(-sign * run.lifted);
            }
        }
        Some(Heard { look, ended })
    }

    /// Learns from an hour; while held, only follows it as slowly as seasons pass, by as much as it gives back.
    pub(super) fn learn(&mut self, hour: i64, place: &Place, value: f64, heard: Option<&Heard>, is_held: bool) -> f64 {
        if !is_held {
            self.ordinary.learn(hour, place, value, heard.map(|heard| &heard.look));
            return 0.0;
        }
        self.ordinary.pass();
        let by = FOLLOWED_A_DAY * self.sigma() / HOURS as f64;
        let by = if self.up.sum() >= self.down.sum() { by } else { -by };
        self.ordinary.lift(by);
        self.up.lift(by);
        self.down.lift(-by);
        by
    }

    /// Whether the evidence is such that the ordinary must not be learned from it.
    pub(super) const fn is_off(&self) -> bool {
        self.up.sum() > HELD || self.down.sum() > HELD
    }

    /// Standard deviation of a day's mean excess.
    pub(super) fn sigma(&self) -> f64 {
        self.scatter.sigma(self.predicted())
    }

    /// Days whose means are known, in effect.
    pub(super) const fn days(&self) -> f64 {
        self.scatter.days()
    }

    /// Mean excess over the last day in its standard deviations.
    pub(super) fn trend_sigmas(&self) -> f64 {
        // A mean that fades scatters less than one over a day alike.
        self.trend / (0.7 * self.sigma())
    }

    /// Mean excess over the last day.
    pub(super) const fn trend(&self) -> f64 {
        self.trend
    }

    /// What was expected over the last day, on average.
    pub(super) const fn expected_of_late(&self) -> f64 {
        self.expected
    }

    pub(super) const fn ordinary(&self) -> &Ordinary {
        &self.ordinary
    }

    pub(super) const fn up(&self) -> &Cusum {
        &self.up
    }

    pub(super) const fn down(&self) -> &Cusum {
        &self.down
    }

    /// What has been seen of late is under alarm: how far it lies off is not how far days scatter.
    pub(super) const fn disregard(&mut self) {
        self.scatter.disregard();
        self.day = DaySum { day: self.day.day, share: 0.0, excess: 0.0 };
    }

    /// What is seen now is the ordinary.
    pub(super) fn accept(&mut self) {
        let above = self.up.run().map_or(0.0, |run| run.rate);
        let below = self.down.run().map_or(0.0, |run| run.rate);
        self.ordinary.lift(if self.up.sum() >= self.down.sum() { above } else { -below });
        self.clear();
    }

    /// Forgets evidence, not the ordinary.
    pub(super) const fn clear(&mut self) {
        self.up.clear();
        self.down.clear();
        self.trend = 0.0;
    }

    /// After a long time without anything.
    pub(super) const fn doubt(&mut self) {
        self.clear();
        self.ordinary.doubt_level();
    }

    /// Whether every number is one.
    pub(super) fn is_sound(&self) -> bool {
        self.ordinary.is_sound()
            && self.scatter.is_sound()
            && self.up.is_sound()
            && self.down.is_sound()
            && [self.day.share, self.day.excess, self.trend, self.expected].into_iter().all(f64::is_finite)
    }

    fn predicted(&self) -> f64 {
        self.ordinary.predicted(self.ordinary.shares().into_iter().enumerate())
    }

    fn end_day(&mut self, place: &Place, using: Use) {
        if place.day == self.day.day {
            return;
        }
        if self.day.share > 0.7 {
            let predicted = self.predicted();
            let mean = self.day.excess / self.day.share;
            // Less than half of an alarm: what has gone on for three days since would be more.
            self.scatter.take(mean, predicted, using, self.up.sum().max(self.down.sum()) < 2.0);
        }
        self.day = DaySum { day: place.day, ..DaySum::default() };
    }
}

impl DayScatter {
    /// Standard deviation, with that predicted from the hours' own scatter as what is known beforehand; as much more as
    /// sums over days that are alike scatter more than over days that are not.
    pub(super) fn sigma(&self, predicted: f64) -> f64 {
        let sum = PREDICTED_DAYS * predicted * predicted + self.days * self.square;
        let doubted = self.days * self.square + UNLIKE_DAYS * predicted * predicted;
        let alike = (self.days * self.product / doubted.max(f64::MIN_POSITIVE)).clamp(0.0, MOST_ALIKE);
        let single = (sum / (PREDICTED_DAYS + self.days)).sqrt();
        (single * ((1.0 + alike) / (1.0 - alike)).sqrt()).max(f64::MIN_POSITIVE)
    }

    /// Days' means that it is known from, in effect.
    pub(super) const fn days(&self) -> f64 {
        PREDICTED_DAYS + self.days
    }

    /// Takes a day's mean excess. It waits, and is learned from if by then all is as ordinary as it should be.
    pub(super) fn take(&mut self, mean: f64, predicted: f64, using: Use, is_ordinary: bool) {
        let [first, second, third] = self.waiting;
        let due = match using {
            Use::Learn => Some(mean),
            Use::Judge => {
                self.waiting = [second, third, Some(mean)];
                first.filter(|_| is_ordinary)
            }
        };
        let Some(mean) = due else { return };
        let bounded = bound(mean, 3.0 * self.sigma(predicted));
        self.days = (self.days + 1.0).min(REMEMBERED_DAYS);
        self.square += (bounded * bounded - self.square) / self.days;
        self.product += (bounded * self.last - self.product) / self.days;
        self.last = bounded;
    }

    /// Forgets the days that wait.
    pub(super) const fn disregard(&mut self) {
        self.waiting = [None; WAITING];
    }

    /// Whether every number is one.
    pub(super) fn is_sound(&self) -> bool {
        let numbers = [self.square, self.product, self.last, self.days];
        numbers.iter().chain(self.waiting.iter().flatten()).all(|number| number.is_finite())
    }
}

fn bound(value: f64, most: f64) -> f64 {
    value.clamp(-most, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weeks of an ordinary day with a little scatter, then so much more.
    fn after_weeks(more: f64) -> SameHours {
        let mut same = SameHours::default();
        for hour in 0..24 * 31 {
            let place = Place::of(hour, 0, &[false; 7]);
            let scatter = ((hour * 7_919) % 101) as f64 / 50.0 - 1.0;
            let value = 100.0 + 5.0 * place.hour as f64 + scatter + if hour >= 24 * 28 { more } else { 0.0 };
            let using = if hour < 24 * 7 { Use::Learn } else { Use::Judge };
            let heard = same.hear(hour, &place, value, using);
            same.learn(hour, &place, value, heard.as_ref(), same.is_off());
        }
        same
    }

    #[test]
    fn the_ordinary_adds_up_to_nothing() {
        let same = after_weeks(0.0);
        assert!(same.up().sum() < 1.0 && same.down().sum() < 1.0, "{} {}", same.up().sum(), same.down().sum());
        assert!(same.sigma() < 1.0, "{}", same.sigma());
    }

    #[test]
    fn more_and_less_are_told_with_how_much() {
        let above = after_weeks(3.0);
        let run = above.up().run().expect("it runs");
        assert!((2.4..3.3).contains(&(run.rate + run.lifted)), "{run:?}");
        assert!(above.up().sum() > 5.0 && above.down().sum() <= 0.0, "{}", above.up().sum());
        let below = after_weeks(-3.0);
        assert!(below.down().sum() > 5.0 && below.up().sum() <= 0.0);
    }

    #[test]
    fn what_is_accepted_is_ordinary() {
        let mut same = after_weeks(3.0);
        same.accept();
        for hour in 24 * 31..24 * 33 {
            let place = Place::of(hour, 0, &[false; 7]);
            same.hear(hour, &place, 103.0 + 5.0 * place.hour as f64, Use::Judge);
        }
        assert!(same.up().sum() < 2.0, "{}", same.up().sum());
    }
}

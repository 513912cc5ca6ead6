//! What a condition that looks back remembers of its point's good samples, within a stated bound. Must not know quality,
//! delays or whether anybody is told.

use std::collections::VecDeque;

use penstock_model::{Condition, Timestamp};
use serde::{Deserialize, Serialize};

use crate::condition::is_off;
use crate::{after, micros};

/// How many samples a window keeps at most: those of a rate are thinned to as many over its time.
const MOST_SAMPLES: usize = 256;

/// How finely the samples of a rate are spread over its time at most; a little below [`MOST_SAMPLES`], which has room for
/// the one in force before.
const SPREAD: i64 = 250;

/// What a condition remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Window {
    /// Good samples, the oldest first, one before the window's beginning included.
    Rate(VecDeque<(Timestamp, f64)>),
    /// The band that samples have kept to, once there was one.
    Stuck(Option<Band>),
    /// How often a test began to be passed.
    Count {
        /// The first sample that was looked at.
        since: Option<Timestamp>,
        /// Whether the newest passes.
        passes: Option<bool>,
        /// The newest times that it began to, no more than are asked for.
        begun: VecDeque<Timestamp>,
    },
}

/// A band that samples have kept to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Band {
    low: f64,
    high: f64,
    /// The newest sample.
    last: Timestamp,
    /// For how long, without the time in which the point was stale.
    held_micros: i64,
    /// Whether it is known that samples left an earlier band.
    has_moved: bool,
}

impl Window {
    /// An empty one for a condition that looks back; none for one that does not.
    pub(crate) fn of(condition: &Condition) -> Option<Self> {
        match condition {
            Condition::Rate { .. } => Some(Self::Rate(VecDeque::new())),
            Condition::Stuck { .. } => Some(Self::Stuck(None)),
            Condition::Count { .. } => Some(Self::Count { since: None, passes: None, begun: VecDeque::new() }),
            _ => None,
        }
    }

    /// Whether nothing is remembered yet.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Rate(samples) => samples.is_empty(),
            Self::Stuck(band) => band.is_none(),
            Self::Count { since, .. } => since.is_none(),
        }
    }

    /// Takes everything it remembers to have been so much later.
    pub(crate) fn move_by(&mut self, by_micros: i64) {
        match self {
            Self::Rate(samples) => samples.iter_mut().for_each(|(time, _)| *time = after(*time, by_micros)),
            Self::Stuck(band) => {
                if let Some(band) = band {
                    band.last = after(band.last, by_micros);
                }
            }
            Self::Count { since, begun, .. } => {
                for time in since.iter_mut().chain(begun.iter_mut()) {
                    *time = after(*time, by_micros);
                }
            }
        }
    }

    /// Takes a good sample of a point whose value stands for `stale_micros`. Samples come with growing times.
    pub(crate) fn feed(&mut self, condition: &Condition, at: Timestamp, value: f64, stale_micros: i64) {
        match (self, condition) {
            (Self::Rate(samples), Condition::Rate { over, .. }) => {
                let spacing = micros(*over) / SPREAD + 1;
                if samples.back().is_none_or(|(newest, _)| at.micros_since(*newest) >= spacing) {
                    samples.push_back((at, value));
                }
                let beginning = at - *over;
                while samples.get(1).is_some_and(|(next, _)| *next <= beginning) || samples.len() > MOST_SAMPLES {
                    samples.pop_front();
                }
            }
            (Self::Stuck(band), Condition::Stuck { within, .. }) => {
                let kept = band.and_then(|band| {
                    let (low, high) = (band.low.min(value), band.high.max(value));
                    let held_micros = band.held_micros.saturating_add(at.micros_since(band.last).min(stale_micros));
                    (high - low <= *within).then_some(Band { low, high, last: at, held_micros, ..band })
                });
                let has_moved = band.is_some();
                *band = kept.or(Some(Band { low: value, high: value, last: at, held_micros: 0, has_moved }));
            }
            (Self::Count { since, passes, begun }, Condition::Count { of, at_least, .. }) => {
                since.get_or_insert(at);
                let passes_now = of.passes(value);
                if passes_now && *passes == Some(false) {
                    begun.push_back(at);
                }
                *passes = Some(passes_now);
                while begun.len() > most_counted(*at_least) {
                    begun.pop_front();
                }
            }
            _ => {}
        }
    }

    /// Whether the condition holds with the newest sample, which has this time and value; none where it has not been
    /// looked at for long enough to say.
    pub(crate) fn holds(
        &self,
        condition: &Condition,
        active: bool,
        at: Timestamp,
        value: f64,
        stale_micros: i64,
    ) -> Option<bool> {
        match (self, condition) {
            (Self::Rate(samples), Condition::Rate { side, per_second, over, deadband }) => {
                let beginning = at - *over;
                let (time, then) = samples.front().filter(|(time, _)| *time <= beginning)?;
                if beginning.micros_since(*time) >= stale_micros {
                    return None;
                }
                let rate = (value - then) / (at.micros_since(*time) as f64 / 1e6);
                Some(is_off(rate, *side, per_second - if active { deadband.max(0.0) } else { 0.0 }))
            }
            (Self::Stuck(band), Condition::Stuck { after, .. }) => {
                let band = band.as_ref()?;
                if band.held_micros >= micros(*after) {
                    return Some(true);
                }
                band.has_moved.then_some(false)
            }
            (Self::Count { since, begun, .. }, Condition::Count { at_least, within, .. }) => {
                let is_within = |time: &Timestamp| at.since(*time) < *within;
                if begun.len() >= most_counted(*at_least) && begun.front().is_some_and(is_within) {
                    return Some(true);
                }
                let is_known = since.is_some_and(|since| at.since(since) >= *within);
                is_known.then_some(false)
            }
            _ => None,
        }
    }
}

fn most_counted(at_least: u32) -> usize {
    usize::try_from(at_least.min(Condition::MOST_COUNTED)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use penstock_model::{Side, Test};

    use super::*;

    const STALE: i64 = 100_000_000;

    /// Feeds samples of given seconds and values, and says what holds after each.
    fn course(condition: &Condition, samples: &[(i64, f64)]) -> Vec<Option<bool>> {
        let mut window = Window::of(condition).expect("looks back");
        let mut active = false;
        let after_each = samples.iter().map(|(at, value)| {
            let at = Timestamp::from_secs(*at);
            window.feed(condition, at, *value, STALE);
            let holds = window.holds(condition, active, at, *value, STALE);
            active = holds.unwrap_or(active);
            holds
        });
        after_each.collect()
    }

    #[test]
    fn a_rate_is_between_now_and_what_was_in_force_then() {
        let over = Duration::from_secs(60);
        let rate = |side| Condition::Rate { side, per_second: 0.1, over, deadband: 0.05 };
        let falling = [(0, 20.0), (30, 20.0), (60, 15.0), (70, 13.0), (100, 13.0), (130, 12.0)];
        // From 20 to 15 in 60 s is less than 0.1/s; to 13 in 70 s is not; then 7 in 70, 1 in 60.
        let expect = [None, None, Some(false), Some(true), Some(true), Some(false)];
        assert_eq!(course(&rate(Side::Below), &falling), expect);
        assert_eq!(course(&rate(Side::Either), &falling), expect);
        assert_eq!(course(&rate(Side::Above), &falling)[3], Some(false));
        // What was in force then had gone stale: nothing is known of the way in between.
        assert_eq!(course(&rate(Side::Below), &[(0, 20.0), (161, 0.0)]), [None, None]);
    }

    #[test]
    fn a_rate_keeps_a_bounded_number_of_samples() {
        for over_micros in [1, 300, 503, 60_000_000, 604_800_000_000] {
            let over = Duration::from_micros(over_micros);
            let condition = Condition::Rate { side: Side::Above, per_second: 1.0, over, deadband: 0.0 };
            let mut window = Window::of(&condition).expect("looks back");
            let step = i64::try_from(over_micros / 10_000).expect("small").max(1);
            for index in 0..30_000 {
                window.feed(&condition, Timestamp::from_micros(index * step), 0.0, i64::MAX);
                let Window::Rate(samples) = &window else { panic!("a rate") };
                assert!(samples.len() <= MOST_SAMPLES - 2, "{} of {over:?}", samples.len());
            }
            let at = Timestamp::from_micros(30_000 * step);
            assert_eq!(window.holds(&condition, false, at, 0.0, i64::MAX), Some(false), "{over:?}");
        }
    }

    #[test]
    fn what_does_not_move_is_stuck() {
        let condition = Condition::Stuck { within: 1.0, after: Duration::from_secs(100) };
        let samples = [(0, 5.0), (60, 5.5), (99, 6.0), (100, 5.2), (150, 6.1), (200, 6.0), (250, 6.2)];
        // Not known before it has been watched for so long; then stuck; then moved, and stuck again.
        let expect = [None, None, None, Some(true), Some(false), Some(false), Some(true)];
        assert_eq!(course(&condition, &samples), expect);
        // 400 s of silence count for no more than the value stands.
        assert_eq!(course(&condition, &[(0, 5.0), (400, 5.0)]), [None, Some(true)]);
        let longer = Condition::Stuck { within: 1.0, after: Duration::from_secs(200) };
        assert_eq!(course(&longer, &[(0, 5.0), (400, 5.0)]), [None, None]);
    }

    #[test]
    fn beginnings_are_counted_within_the_window() {
        let within = Duration::from_secs(100);
        let condition = Condition::Count { of: Test::Is(1), at_least: 2, within };
        let samples = [(0, 1.0), (10, 0.0), (20, 1.0), (30, 1.0), (40, 0.0), (50, 1.0), (119, 0.0), (120, 0.0)];
        // It ran already at the first sample: that is no beginning.
        let none = None;
        let expect = [none, none, none, none, none, Some(true), Some(true), Some(false)];
        assert_eq!(course(&condition, &samples), expect);
    }
}

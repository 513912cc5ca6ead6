//! The rate of calls as they come, and when it is a flood: by the same bounds as the analysis has for the past. Must not
//! know what calls.

use std::collections::VecDeque;

use penstock_model::Timestamp;

use crate::after;
use crate::analysis::{FLOOD_ABOVE, FLOOD_OVER_BELOW, TEN_MINUTES};

/// How many calls are remembered; the oldest of more are forgotten ahead of their time.
const MOST_CALLS: usize = 10_000;

/// More calls than one person can answer: from more than 10 in 10 minutes until there are fewer than 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flooding {
    /// The first call of the window that began it.
    pub first_at: Timestamp,
    /// When there were more than ten.
    pub from: Timestamp,
    /// How many calls, from the first.
    pub calls: usize,
    /// The most in any 10 minutes.
    pub most: usize,
}

/// The calls of the last 10 minutes. A call takes constant time, but for those that it outlives.
#[derive(Debug, Clone, Default)]
pub struct CallRate {
    calls: VecDeque<Timestamp>,
    flooding: Option<Flooding>,
    /// When the flood before was over: what belonged to it does not begin the next.
    over_at: Option<Timestamp>,
}

impl CallRate {
    /// Takes a call, in the order of time.
    pub fn call(&mut self, at: Timestamp) {
        self.tick(at);
        if self.calls.len() >= MOST_CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back(at);
        let in_window = self.calls.len();
        match &mut self.flooding {
            Some(flooding) => {
                flooding.calls += 1;
                flooding.most = flooding.most.max(in_window);
            }
            None if in_window > FLOOD_ABOVE => {
                let over_at = self.over_at;
                let own = self.calls.iter().filter(|call| over_at.is_none_or(|over_at| **call > over_at));
                let (calls, first_at) = (own.clone().count(), own.copied().min().unwrap_or(at));
                self.flooding = Some(Flooding { first_at, from: at, calls, most: in_window });
            }
            None => {}
        }
    }

    /// Says that the clock was set by so many microseconds, back where they are negative: every call was that much
    /// later by it.
    pub fn clock_was_set(&mut self, by_micros: i64) {
        for call in self.calls.iter_mut().chain(&mut self.over_at) {
            *call = after(*call, by_micros);
        }
        if let Some(flooding) = &mut self.flooding {
            flooding.first_at = after(flooding.first_at, by_micros);
            flooding.from = after(flooding.from, by_micros);
        }
    }

    /// Lets time go on.
    pub fn tick(&mut self, now: Timestamp) {
        while let Some(oldest) = self.calls.front().copied().filter(|oldest| now.since(*oldest) >= TEN_MINUTES) {
            self.calls.pop_front();
            if self.calls.len() < FLOOD_OVER_BELOW && self.flooding.take().is_some() {
                self.over_at = Some(oldest + TEN_MINUTES);
            }
        }
    }

    /// The flood that goes on.
    pub const fn flooding(&self) -> Option<Flooding> {
        self.flooding
    }

    /// How many calls there were in the last 10 minutes.
    pub fn in_ten_minutes(&self) -> usize {
        self.calls.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn secs(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn called(times: impl IntoIterator<Item = i64>) -> CallRate {
        let mut rate = CallRate::default();
        times.into_iter().for_each(|at| rate.call(secs(at)));
        rate
    }

    #[test]
    fn a_flood_begins_with_the_eleventh_call_and_ends_below_five() {
        assert_eq!(called(0..10).flooding(), None);
        let mut rate = called(0..12);
        let flooding = Flooding { first_at: secs(0), from: secs(10), calls: 12, most: 12 };
        assert_eq!((rate.flooding(), rate.in_ten_minutes()), (Some(flooding), 12));
        // 7, 8, 9, 10 and 11 are five until 7 leaves.
        rate.tick(secs(606));
        assert_eq!(rate.flooding(), Some(flooding));
        rate.tick(secs(607));
        assert_eq!((rate.flooding(), rate.in_ten_minutes()), (None, 4));
    }

    #[test]
    fn a_second_flood_has_calls_of_its_own() {
        // 8, 9 and 10 are still in the window when the second begins.
        let rate = called((0..11).chain(std::iter::repeat_n(607, 8)));
        let second = Flooding { first_at: secs(607), from: secs(607), calls: 8, most: 11 };
        assert_eq!(rate.flooding(), Some(second));
    }

    #[test]
    fn a_flood_lasts_as_long_whatever_the_clock_is_set_to() {
        for by in [-86_400, 86_400] {
            let mut rate = called(0..12);
            rate.clock_was_set(by * 1_000_000);
            let flooding = Flooding { first_at: secs(by), from: secs(by + 10), calls: 12, most: 12 };
            assert_eq!(rate.flooding(), Some(flooding), "{by}");
            rate.tick(secs(by + 606));
            assert_eq!(rate.in_ten_minutes(), 5, "{by}");
            rate.tick(secs(by + 607));
            assert_eq!((rate.flooding(), rate.in_ten_minutes()), (None, 4), "{by}");
            // What belonged to that one does not begin the next: 9, 10 and 11 are still in the window.
            rate.clock_was_set(-by * 1_000_000);
            (0..8).for_each(|_| rate.call(secs(608)));
            let second = Flooding { first_at: secs(608), from: secs(608), calls: 8, most: 11 };
            assert_eq!(rate.flooding(), Some(second), "{by}");
        }
    }

    #[test]
    fn slow_calls_are_no_flood_and_what_is_remembered_is_bounded() {
        assert_eq!(called((0..100).map(|call| call * 61)).flooding(), None);
        let mut rate = CallRate::default();
        for _ in 0..MOST_CALLS + 5 {
            rate.call(secs(1));
        }
        assert_eq!(rate.in_ten_minutes(), MOST_CALLS);
        assert_eq!(rate.flooding().map(|flooding| flooding.calls), Some(MOST_CALLS + 5));
        rate.tick(secs(1) + Duration::from_secs(600));
        assert_eq!((rate.flooding(), rate.in_ten_minutes()), (None, 0));
    }
}

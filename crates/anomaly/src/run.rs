//! Values that do not move: how long the very same value has stood, against how long this point ever holds one.
//! Must not know time.

use serde::{Deserialize, Serialize};

/// Runs of equal values.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Run {
    value: Option<f64>,
    length: u32,
    longest: u32,
    /// The value of the longest run: where a stopped pump or a closed valve rests.
    resting: Option<f64>,
    has_moved: bool,
}

impl Run {
    /// Takes the next value.
    pub(crate) fn take(&mut self, value: f64, is_learning: bool) {
        if self.value == Some(value) {
            self.length = self.length.saturating_add(1);
        } else {
            if self.value.is_some() {
                self.has_moved = true;
                self.end();
            }
            self.value = Some(value);
            self.length = 1;
        }
        if (is_learning || !self.has_moved) && self.length > self.longest {
            self.longest = self.length;
            self.resting = self.value;
        }
    }

    /// The length of the run, and how many times the bearable length that is; above 1 it is stuck. Zero and the value
    /// that it rests at are where things stand when they stand still.
    pub(crate) fn share_of_bearable(&self) -> (u32, f64) {
        if !self.has_moved || self.value == Some(0.0) || (self.longest > 10 && self.value == self.resting) {
            return (self.length, 0.0);
        }
        (self.length, f64::from(self.length) / self.bearable())
    }

    /// Whether it has ever shown two different values.
    pub(crate) const fn has_moved(&self) -> bool {
        self.has_moved
    }

    /// Takes the run that stands now for ordinary.
    pub(crate) fn accept(&mut self) {
        self.longest = self.longest.max(self.length);
        self.resting = self.value;
    }

    fn bearable(&self) -> f64 {
        1.5 * f64::from(self.longest) + 5.0
    }

    /// Learns from a run that is over: fully from a bearable one, by a bounded step from one that was not, so that what
    /// happens again and again is borne after a few times and a single stuck sensor hardly changes anything.
    fn end(&mut self) {
        let learned = self.length.min(self.longest.saturating_mul(2).saturating_add(1));
        if learned > self.longest {
            self.longest = learned;
            self.resting = if self.length > 10 { self.value } else { self.resting };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuck_against_what_is_usual() {
        let mut run = Run::default();
        for index in 0..300_u32 {
            run.take(f64::from(index / 3), true);
        }
        let mut first = None;
        for index in 0..30 {
            run.take(7.5, false);
            if run.share_of_bearable().1 > 1.0 && first.is_none() {
                first = Some(index);
            }
        }
        // Longest run 3: bearable 9.5, so the tenth equal value (index 9) is one too many.
        assert_eq!(first, Some(9));
    }

    #[test]
    fn what_never_moved_and_what_rests_is_not_stuck() {
        let mut run = Run::default();
        for _ in 0..100_000 {
            run.take(3.0, false);
            assert_eq!(run.share_of_bearable().1, 0.0);
        }
        let mut pump = Run::default();
        for _ in 0..20 {
            (0..10).for_each(|index| pump.take(40.0 + f64::from(index), false));
            for _ in 0..500 {
                pump.take(0.0, false);
                assert_eq!(pump.share_of_bearable().1, 0.0);
            }
        }
    }
}

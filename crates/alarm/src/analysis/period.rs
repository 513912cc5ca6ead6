//! The time that figures are of. Must not know what happens in it.

use std::time::Duration;

use penstock_model::Timestamp;

/// A stretch of time with its beginning and without its end, longer than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    from: Timestamp,
    until: Timestamp,
}

impl Period {
    /// What is shorter shows where to look and proves nothing (ISA-18.2: 30 days).
    pub const CONCLUSIVE: Duration = Duration::from_secs(30 * 24 * 3_600);

    /// From one moment until another; none where the second is not after the first.
    pub fn new(from: Timestamp, until: Timestamp) -> Option<Self> {
        (from < until).then_some(Self { from, until })
    }

    /// Its first moment.
    pub const fn from(self) -> Timestamp {
        self.from
    }

    /// The first moment after it.
    pub const fn until(self) -> Timestamp {
        self.until
    }

    /// Whether a moment is in it.
    pub fn includes(self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }

    /// How long it is.
    pub fn length(self) -> Duration {
        self.until.since(self.from)
    }

    /// Whether it is too short to prove anything.
    pub fn is_indicative(self) -> bool {
        self.length() < Self::CONCLUSIVE
    }

    /// How many stretches of so long it has; the last may be cut short.
    pub(super) fn stretches(self, stretch: Duration) -> u64 {
        let whole = self.length().as_micros().div_ceil(stretch.as_micros().max(1));
        u64::try_from(whole).unwrap_or(u64::MAX)
    }

    /// In which stretch of so long a moment of it lies, the first being 0.
    pub(super) fn stretch_of(self, at: Timestamp, stretch: Duration) -> u64 {
        let index = at.since(self.from).as_micros() / stretch.as_micros().max(1);
        u64::try_from(index).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_its_beginning_and_not_its_end() {
        let at = Timestamp::from_secs;
        let period = Period::new(at(10), at(70)).expect("longer than nothing");
        assert!(period.includes(at(10)) && !period.includes(at(70)));
        assert_eq!(Period::new(at(10), at(10)), None);
        assert_eq!(Period::new(at(10), at(9)), None);
    }

    #[test]
    fn stretches_count_the_last_that_is_cut_short() {
        let at = Timestamp::from_secs;
        let ten = Duration::from_secs(10);
        let check = |until: i64, expect: u64| {
            assert_eq!(Period::new(at(0), at(until)).map(|period| period.stretches(ten)), Some(expect), "{until} s");
        };
        check(1, 1);
        check(10, 1);
        check(11, 2);
        let period = Period::new(at(5), at(100)).expect("longer than nothing");
        assert_eq!([5, 14, 15].map(|secs| period.stretch_of(at(secs), ten)), [0, 0, 1]);
    }

    #[test]
    fn thirty_days_prove_something() {
        let days = |days: i64| Period::new(Timestamp::default(), Timestamp::from_secs(days * 86_400));
        assert_eq!(days(30).map(Period::is_indicative), Some(false));
        assert_eq!(days(29).map(Period::is_indicative), Some(true));
    }
}

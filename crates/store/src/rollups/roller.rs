//! Samples to roll-ups, in time order and in one pass. Pure: must not know SQL.

use std::time::Duration;

use penstock_model::{Quality, Timestamp};

use super::{Level, RollUp};
use crate::history::Mark;

/// What a roll-up needs of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reading {
    pub(super) at: Timestamp,
    pub(super) value: Option<f64>,
    pub(super) quality: Quality,
}

/// A good value that stands from a time on, at most until another.
#[derive(Debug, Clone, Copy)]
struct Standing {
    value: f64,
    since: Timestamp,
    until: Timestamp,
}

/// Rolls up a range of whole hours.
#[derive(Debug)]
pub(super) struct Roller {
    from: Timestamp,
    to: Timestamp,
    hold: Duration,
    standing: Option<Standing>,
    minutes: Stretches,
    hours: Stretches,
}

impl Roller {
    /// For the hours from `from` up to `to`, with values that stand for `hold` at most.
    pub(super) fn new(from: Timestamp, to: Timestamp, hold: Duration) -> Self {
        let stretches = |level| Stretches { level, open: None, done: Vec::new() };
        Self { from, to, hold, standing: None, minutes: stretches(Level::Minute), hours: stretches(Level::Hour) }
    }

    /// The next sample in time order; the first may lie before the range and then stands into it.
    pub(super) fn push(&mut self, reading: Reading) {
        self.stand_until(reading.at);
        if reading.at >= self.from {
            self.minutes.add(reading);
            self.hours.add(reading);
        }
        let good = reading.value.filter(|_| reading.quality.is_good());
        self.standing =
            good.map(|value| Standing { value, since: reading.at.max(self.from), until: reading.at + self.hold });
    }

    /// The minutes that hold samples, and the hours that hold samples or a value that stood.
    pub(super) fn finish(mut self) -> (Vec<RollUp>, Vec<RollUp>) {
        self.stand_until(self.to);
        (self.minutes.finish(), self.hours.finish())
    }

    fn stand_until(&mut self, at: Timestamp) {
        if let Some(Standing { value, since, until }) = self.standing.take() {
            let end = until.min(at).min(self.to);
            if since < end {
                self.minutes.stand(value, since, end);
                self.hours.stand(value, since, end);
            }
        }
    }
}

/// The stretches of one level, of which the last is open.
#[derive(Debug)]
struct Stretches {
    level: Level,
    open: Option<RollUp>,
    done: Vec<RollUp>,
}

impl Stretches {
    fn add(&mut self, reading: Reading) {
        let stretch = self.at(reading.at);
        let bucket = &mut stretch.bucket;
        bucket.count += 1;
        if reading.quality.code() > bucket.worst.code() {
            bucket.worst = reading.quality;
        }
        let Some(value) = reading.value else { return };
        if !reading.quality.is_bad() {
            bucket.mark(Mark { at: reading.at, value });
        }
        if reading.quality.is_good() {
            stretch.good.add(value);
        }
    }

    fn stand(&mut self, value: f64, mut from: Timestamp, to: Timestamp) {
        while from < to {
            let end = to.min(self.level.floor(from) + self.level.length());
            self.at(from).good.stand(value, end.micros_since(from) as f64 / 1e6);
            // Of minutes only those that hold a sample count: the last of them, and the one that comes next.
            from = if self.level == Level::Minute { end.max(self.level.floor(to)) } else { end };
        }
    }

    /// The stretch that holds `at`, opened where it is not.
    fn at(&mut self, at: Timestamp) -> &mut RollUp {
        let start = self.level.floor(at);
        if self.open.is_some_and(|open| open.bucket.start != start) {
            self.close();
        }
        self.open.get_or_insert_with(|| RollUp::empty(start))
    }

    fn close(&mut self) {
        let keeps = |stretch: &RollUp| match self.level {
            Level::Minute => stretch.bucket.count > 0,
            Level::Hour | Level::Day => !stretch.is_empty(),
        };
        self.done.extend(self.open.take().filter(keeps));
    }

    fn finish(mut self) -> Vec<RollUp> {
        self.close();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::{Doubt, Fault};
    use proptest::prelude::*;

    use super::super::Good;
    use super::*;

    const HOUR: i64 = 3_600_000_000;
    const FROM: i64 = 1_796_083_200_000_000;

    fn readings() -> impl Strategy<Value = Vec<Reading>> {
        let reading = (-2 * HOUR..3 * HOUR, -3_i8..4, 0..8_u8).prop_map(|(offset, value, kind)| Reading {
            at: Timestamp::from_micros(FROM + offset),
            value: (kind != 0).then_some(f64::from(value)),
            quality: match kind {
                1 => Quality::Bad(Fault::Device),
                2 => Quality::Uncertain(Doubt::OutOfRange),
                _ => Quality::Good,
            },
        });
        prop::collection::vec(reading, 0..60).prop_map(|mut readings| {
            readings.sort_by_key(|reading| reading.at);
            readings.dedup_by_key(|reading| reading.at);
            // Of those before the range the newest alone is read.
            let before = readings.iter().filter(|reading| reading.at.as_micros() < FROM).count();
            readings.split_off(before.saturating_sub(1))
        })
    }

    /// A stretch by looking at every sample, and at the value in force a hundred milliseconds at a time.
    fn slowly(readings: &[Reading], start: i64, width: i64, hold: i64) -> RollUp {
        let mut roll_up = RollUp::empty(Timestamp::from_micros(start));
        for reading in readings.iter().filter(|reading| (start..start + width).contains(&reading.at.as_micros())) {
            roll_up.bucket.count += 1;
            if reading.quality.code() > roll_up.bucket.worst.code() {
                roll_up.bucket.worst = reading.quality;
            }
            if let Some(value) = reading.value.filter(|_| !reading.quality.is_bad()) {
                roll_up.bucket.mark(Mark { at: reading.at, value });
            }
            if let Some(value) = reading.value.filter(|_| reading.quality.is_good()) {
                roll_up.good.add(value);
            }
        }
        for (index, reading) in readings.iter().enumerate() {
            let Some(value) = reading.value.filter(|_| reading.quality.is_good()) else { continue };
            let next = readings.get(index + 1).map_or(i64::MAX, |next| next.at.as_micros());
            let at = reading.at.as_micros();
            let (from, to) = (at.max(start), next.min(at + hold).min(start + width));
            if from < to {
                roll_up.good.stand(value, (to - from) as f64 / 1e6);
            }
        }
        roll_up
    }

    fn assert_same(made: &[RollUp], expected: &[RollUp]) {
        assert_eq!(
            made.iter().map(|roll_up| roll_up.bucket).collect::<Vec<_>>(),
            expected.iter().map(|roll_up| roll_up.bucket).collect::<Vec<_>>()
        );
        for (made, expected) in made.iter().zip(expected) {
            let figures = |good: &Good| [good.min, good.max, good.sum, good.secs, good.integral];
            assert_eq!(made.good.count, expected.good.count);
            for (made, expected) in figures(&made.good).iter().zip(figures(&expected.good)) {
                assert!((made - expected).abs() < 1e-6, "{made:?} {expected:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn stretches_are_what_looking_at_each_says(readings in readings(), hold_secs in 1..10_000_i64) {
            let hold = hold_secs * 1_000_000;
            let (from, to) = (Timestamp::from_micros(FROM), Timestamp::from_micros(FROM + 3 * HOUR));
            let mut roller = Roller::new(from, to, Duration::from_micros(hold.unsigned_abs()));
            for reading in &readings {
                roller.push(*reading);
            }
            let (minutes, hours) = roller.finish();
            let all = |width: i64| {
                (0..3 * HOUR / width).map(|number| slowly(&readings, FROM + number * width, width, hold)).collect::<Vec<_>>()
            };
            let expected: Vec<RollUp> = all(60_000_000).into_iter().filter(|minute| minute.bucket.count > 0).collect();
            assert_same(&minutes, &expected);
            let expected: Vec<RollUp> = all(HOUR).into_iter().filter(|hour| !hour.is_empty()).collect();
            assert_same(&hours, &expected);
        }
    }
}

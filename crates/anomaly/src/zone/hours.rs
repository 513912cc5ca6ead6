//! The hours of one measurement: its mean over each hour and its value at the hour's edges, from samples at any distance,
//! joined by straight lines. Must not know what is measured.

use penstock_model::Timestamp;
use serde::{Deserialize, Serialize};

pub(super) const HOUR_MICROS: i64 = 3_600_000_000;
const HOUR_SECS: f64 = 3_600.0;
/// Hours under way at a time: a line of the longest bearable length touches four.
const UNDER_WAY: usize = 5;
/// Samples further apart than so many usual distances, within these bounds, are not joined.
const APART: f64 = 4.0;
const APART_SECS: (f64, f64) = (900.0, 10_800.0);
/// Share of an hour that must be known.
const COVERED: f64 = 2.0 / 3.0;
/// Share of the hours in which a measurement moves, from which on one in which it does not is not believed.
const MOVES: f64 = 0.9;
/// Values beyond this are no measurements; cutting them keeps every sum finite.
const LARGEST: f64 = 1e30;

/// The hours under way of one measurement.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Hours {
    newest: Option<(Timestamp, f64)>,
    interval_secs: f64,
    slots: [Slot; UNDER_WAY],
    /// Share of the hours of late in which it moved.
    moving: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Slot {
    hour: i64,
    covered_secs: f64,
    integral: f64,
    at_start: Option<f64>,
    at_end: Option<f64>,
    low: f64,
    high: f64,
    samples: u32,
}

/// One hour of a measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hour {
    pub(super) mean: f64,
    /// Change from the hour's beginning to its end; none where the value at one of them is not known.
    pub(super) change: Option<f64>,
}

/// The hour, counted from the epoch, that a time lies in.
pub(super) fn hour_of(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(HOUR_MICROS)
}

/// When an hour begins.
pub(super) fn start_of(hour: i64) -> Timestamp {
    Timestamp::from_micros(hour.saturating_mul(HOUR_MICROS))
}

impl Hours {
    /// Takes a sample; false where it is no number or not newer than the newest, and so changes nothing.
    pub(super) fn take(&mut self, at: Timestamp, value: f64) -> bool {
        if !value.is_finite() || self.newest.is_some_and(|(newest, _)| at <= newest) {
            return false;
        }
        let value = value.clamp(-LARGEST, LARGEST);
        if let Some((before, from)) = self.newest.replace((at, value)) {
            let apart_secs = at.micros_since(before) as f64 / 1e6;
            if self.interval_secs <= 0.0 {
                self.interval_secs = apart_secs;
            }
            let (least, most) = APART_SECS;
            if apart_secs <= (APART * self.interval_secs).clamp(least, most) {
                self.join((before, from), (at, value));
            }
            let bounded = apart_secs.clamp(self.interval_secs / 2.0, self.interval_secs * 2.0);
            self.interval_secs += 0.1 * (bounded - self.interval_secs);
        }
        if let Some(slot) = self.slot(hour_of(at)) {
            (slot.low, slot.high) =
                if slot.samples == 0 { (value, value) } else { (slot.low.min(value), slot.high.max(value)) };
            slot.samples = slot.samples.saturating_add(1);
        }
        true
    }

    /// Whether nothing more can come of an hour.
    pub(super) fn is_past(&self, hour: i64) -> bool {
        self.newest.is_some_and(|(at, _)| hour_of(at) > hour)
    }

    /// An hour that is over; none where too little of it is known, or where it stood still as it never does. Zero is
    /// where things stand when they stand still.
    pub(super) fn close(&mut self, hour: i64) -> Option<Hour> {
        let slot = *self.slots.iter().find(|slot| slot.hour == hour)?;
        if slot.covered_secs < COVERED * HOUR_SECS {
            return None;
        }
        if slot.samples >= 3 {
            let has_moved = slot.high > slot.low;
            let is_stuck = !has_moved && slot.low != 0.0 && self.moving > MOVES;
            self.moving += 0.04 * (if has_moved { 1.0 } else { 0.0 } - self.moving);
            if is_stuck {
                return None;
            }
        }
        let change = slot.at_end.zip(slot.at_start).map(|(end, start)| end - start);
        Some(Hour { mean: slot.integral / slot.covered_secs, change })
    }

    /// Whether every number is one.
    pub(super) fn is_sound(&self) -> bool {
        self.interval_secs.is_finite()
            && self.moving.is_finite()
            && self.newest.is_none_or(|(_, value)| value.is_finite())
            && self.slots.iter().all(Slot::is_sound)
    }

    /// Adds the line between two samples to the hours that it touches.
    fn join(&mut self, (from, first): (Timestamp, f64), (to, last): (Timestamp, f64)) {
        let whole = to.micros_since(from) as f64;
        let along = |at: Timestamp| first + (last - first) * (at.micros_since(from) as f64 / whole);
        let mut at = from;
        while at < to {
            let hour = hour_of(at);
            let end = start_of(hour.saturating_add(1));
            let until = end.min(to);
            let secs = until.micros_since(at) as f64 / 1e6;
            let (here, there) = (along(at), along(until));
            let Some(slot) = self.slot(hour) else { return };
            slot.covered_secs += secs;
            slot.integral += secs * (here + there) / 2.0;
            if at == start_of(hour) {
                slot.at_start = Some(here);
            }
            if until == end {
                slot.at_end = Some(there);
                if let Some(next) = self.slot(hour.saturating_add(1)) {
                    next.at_start = Some(there);
                }
            }
            at = until;
        }
    }

    fn slot(&mut self, hour: i64) -> Option<&mut Slot> {
        let index = usize::try_from(hour.rem_euclid(UNDER_WAY as i64)).ok()?;
        let slot = self.slots.get_mut(index)?;
        if slot.hour != hour {
            *slot = Slot { hour, ..Slot::default() };
        }
        Some(slot)
    }
}

impl Slot {
    fn is_sound(&self) -> bool {
        [self.covered_secs, self.integral, self.low, self.high]
            .into_iter()
            .chain(self.at_start)
            .chain(self.at_end)
            .all(f64::is_finite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(samples: impl IntoIterator<Item = (i64, f64)>) -> Hours {
        let mut hours = Hours::default();
        for (secs, value) in samples {
            hours.take(Timestamp::from_secs(secs), value);
        }
        hours
    }

    #[test]
    fn a_rising_line_has_its_mean_and_its_edges() {
        let mut hours = filled((0..40).map(|index| (index * 420, index as f64 * 420.0)));
        for hour in 1..4 {
            let found = hours.close(hour).expect("known");
            assert!((found.mean - (hour as f64 + 0.5) * 3_600.0).abs() < 1e-6, "{hour}: {found:?}");
            assert!(found.change.is_some_and(|change| (change - 3_600.0).abs() < 1e-6));
        }
        assert!(hours.is_past(3) && !hours.is_past(4));
    }

    #[test]
    fn an_hour_with_a_gap_is_not_known() {
        let whole = (0..13).map(|index| (index * 300, 1.0));
        assert!(filled(whole.clone()).close(0).is_some());
        assert_eq!(filled(whole.clone().filter(|(secs, _)| !(600..2_400).contains(secs))).close(0), None);
        assert_eq!(filled(whole.chain([(14_400, 1.0)])).close(2), None);
    }

    #[test]
    fn an_hour_that_stands_still_is_believed_of_what_often_does() {
        let stands = |moves_before: bool, at: f64| {
            let mut hours = Hours::default();
            let mut found = None;
            for secs in (0..100 * 3_600_i64).step_by(300) {
                let is_last_hour = secs >= 98 * 3_600;
                let value = if moves_before && !is_last_hour { (secs % 700) as f64 } else { at };
                hours.take(Timestamp::from_secs(secs), value);
                if secs % 3_600 == 0 && secs > 0 {
                    found = hours.close(secs / 3_600 - 1);
                }
            }
            found.is_some()
        };
        assert!(!stands(true, 5.0));
        assert!(stands(true, 0.0));
        assert!(stands(false, 5.0));
    }

    #[test]
    fn what_is_no_number_or_old_changes_nothing() {
        let mut hours = filled([(0, 1.0), (300, 2.0)]);
        let before = hours.clone();
        for (secs, value) in [(300, 5.0), (-9_000, 1.0), (600, f64::NAN), (600, f64::INFINITY)] {
            assert!(!hours.take(Timestamp::from_secs(secs), value));
            assert_eq!(hours, before);
        }
        assert!(hours.take(Timestamp::MAX, 1.0) && hours.is_sound());
    }
}

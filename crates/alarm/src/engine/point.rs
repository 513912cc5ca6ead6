//! A point as the engine watches it: its newest reading, and its own time. Must not know the rules' conditions.

use std::time::Duration;

use penstock_model::{Doubt, PointId, Quality, Sample, SiteId, Timestamp, Transition};

use super::alarm::Alarm;
use crate::{Reading, after, micros};

/// How long a value stands for itself where nobody has said.
const DEFAULT_STALE: Duration = Duration::from_secs(300);

/// A point as the engine watches it.
#[derive(Debug)]
pub(super) struct WatchedPoint {
    pub(super) id: PointId,
    /// Its site, and where the site's signs of life are noted.
    pub(super) site: Option<(SiteId, usize)>,
    /// Where its asset's signs of life are noted.
    pub(super) asset: Option<usize>,
    pub(super) stale_micros: i64,
    /// Alarms that look at this point alone.
    pub(super) alarms: Vec<usize>,
    /// Courses of time over several points, this among them.
    pub(super) joints: Vec<usize>,
    /// Alarms that its value may suppress.
    pub(super) suppresses: Vec<usize>,
    pub(super) newest: Option<Newest>,
    /// When a sample of it was last received.
    pub(super) received: Option<Timestamp>,
    /// Own time up to which delays have run.
    pub(super) own: Timestamp,
    pub(super) reading: Reading,
    /// Whether it waits for a tick.
    pub(super) is_queued: bool,
}

/// Times of the newest evaluated sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Newest {
    pub(super) source: Timestamp,
    /// None for what is only known from before the engine was made: such a sample does not tick.
    pub(super) received: Option<Timestamp>,
}

impl Newest {
    /// Own time at `now`: that of the sample, and as much more as has passed since it came.
    pub(super) fn own_at(self, now: Timestamp) -> Option<Timestamp> {
        Some(after(self.source, now.micros_since(self.received?).max(0)))
    }

    /// The same where the sample is recent enough to stand for the present.
    pub(super) fn recent_own_at(self, now: Timestamp, stale_micros: i64) -> Option<Timestamp> {
        if now.micros_since(self.source) < stale_micros { self.own_at(now) } else { None }
    }

    /// Whether it has the station's time, for want of one of its own.
    pub(super) fn has_time_of_station(self) -> bool {
        self.received == Some(self.source)
    }

    /// The same by a station's clock that was set.
    pub(super) fn by_clock_set(self, by_micros: i64) -> Self {
        let source = if self.has_time_of_station() { after(self.source, by_micros) } else { self.source };
        Self { source, received: self.received.map(|received| after(received, by_micros)) }
    }

    /// When a tick would reach an own time, where the sample is still recent then.
    pub(super) fn tick_at(self, own: Timestamp, stale_micros: i64) -> Option<Timestamp> {
        let now = after(self.received?, own.micros_since(self.source).max(0));
        (now.micros_since(self.source) < stale_micros).then_some(now)
    }
}

/// Whether a sample's time is not to be believed: taking it for the newest would shut out the samples that follow.
pub(super) const fn has_doubtful_time(sample: &Sample) -> bool {
    matches!(sample.quality, Quality::Uncertain(Doubt::ClockAhead | Doubt::ClockBroken))
}

impl WatchedPoint {
    pub(super) fn new(id: PointId) -> Self {
        Self {
            id,
            site: None,
            asset: None,
            stale_micros: micros(DEFAULT_STALE),
            alarms: Vec::new(),
            joints: Vec::new(),
            suppresses: Vec::new(),
            newest: None,
            received: None,
            own: Timestamp::MIN,
            reading: Reading::default(),
            is_queued: false,
        }
    }

    /// Whether a sample is not newer than what has been evaluated already.
    pub(super) fn has_evaluated(&self, sample: &Sample) -> bool {
        if has_doubtful_time(sample) {
            self.received.is_some_and(|received| sample.received_time <= received)
        } else {
            self.newest.is_some_and(|newest| sample.source_time <= newest.source)
        }
    }

    /// Takes a sample for the newest, after delays have run up to it. Where ticks were ahead of it, because its device sends
    /// what it measured a while ago, delays go back to it: that time comes again with the samples.
    pub(super) fn take(&mut self, alarms: &mut [Alarm], sample: &Sample, reading: Reading) {
        if !has_doubtful_time(sample) {
            let ahead = self.own.micros_since(sample.source_time);
            if ahead > 0 && self.newest.is_some() {
                for alarm in &self.alarms {
                    if let Some(alarm) = alarms.get_mut(*alarm) {
                        alarm.run_back(ahead);
                    }
                }
            }
            self.newest = Some(Newest { source: sample.source_time, received: Some(sample.received_time) });
            self.own = sample.source_time;
        }
        self.received = self.received.max(Some(sample.received_time));
        self.reading = reading;
    }

    /// Lets delays run up to `to`, or to the end of the newest sample's validity where that comes first.
    pub(super) fn advance(
        &mut self,
        alarms: &mut [Alarm],
        to: Timestamp,
        including_end: bool,
        out: &mut Vec<Transition>,
    ) {
        let Some(valid_until) = self.valid_until() else { return };
        let end = to.min(valid_until);
        let micros = end.micros_since(self.own);
        if micros <= 0 {
            return;
        }
        for alarm in &self.alarms {
            if let Some(alarm) = alarms.get_mut(*alarm) {
                alarm.run(self.own, micros, including_end || end < to, self.reading.value, out);
            }
        }
        self.own = end;
    }

    /// Moves along what the station's clock has timed.
    pub(super) fn clock_was_set(&mut self, alarms: &mut [Alarm], by_micros: i64) {
        self.received = self.received.map(|received| after(received, by_micros));
        let Some(newest) = self.newest else { return };
        self.newest = Some(newest.by_clock_set(by_micros));
        if newest.has_time_of_station() {
            self.own = after(self.own, by_micros);
            for alarm in &self.alarms {
                if let Some(alarm) = alarms.get_mut(*alarm) {
                    alarm.clock_was_set(by_micros);
                }
            }
        }
    }

    /// Until when its newest sample stands.
    pub(super) fn valid_until(&self) -> Option<Timestamp> {
        self.newest.map(|newest| after(newest.source, self.stale_micros))
    }

    /// Its newest value, where that can be trusted and is not stale at this time.
    pub(super) fn value_at(&self, at: Timestamp) -> Option<f64> {
        self.reading.value.filter(|_| self.valid_until().is_some_and(|until| at < until))
    }

    /// Its own time at `now`, where its newest sample stands for the present.
    pub(super) fn recent_own_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.newest?.recent_own_at(now, self.stale_micros)
    }

    /// Whether one of its alarms has a delay that a tick can end.
    pub(super) fn runs(&self, alarms: &[Alarm]) -> bool {
        self.alarms.iter().any(|alarm| alarms.get(*alarm).is_some_and(Alarm::runs))
    }

    /// When a tick would first end one of its delays.
    pub(super) fn deadline(&self, alarms: &[Alarm]) -> Option<Timestamp> {
        let newest = self.newest?;
        let running = self.alarms.iter().filter_map(|alarm| alarms.get(*alarm));
        let end = after(self.own, running.filter_map(|alarm| alarm.left_from(self.own)).min()?);
        if end > self.valid_until()? {
            return None;
        }
        newest.tick_at(end, self.stale_micros)
    }
}

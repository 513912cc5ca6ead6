//! The course of time of an alarm that looks at several points. Its own time is that of whichever of them is ahead; what
//! one of them said counts until it is stale, to the microsecond. Must not know how a condition combines them.

use penstock_model::{PointId, Sample, Subject, Timestamp, Transition};

use super::alarm::Alarm;
use super::point::{Newest, WatchedPoint};
use crate::condition::holds_jointly;

/// The course of time of an alarm that looks at several points.
#[derive(Debug)]
pub(super) struct Joint {
    pub(super) alarm: usize,
    /// The points, by id.
    pub(super) points: Vec<(PointId, usize)>,
    /// Times of the newest sample of them all.
    pub(super) newest: Option<Newest>,
    /// For how long that one stands.
    pub(super) stale_micros: i64,
    /// Own time up to which its delay has run.
    pub(super) own: Timestamp,
    /// Whether it waits for a tick.
    pub(super) is_queued: bool,
}

impl Joint {
    pub(super) fn new(alarm: usize) -> Self {
        Self { alarm, points: Vec::new(), newest: None, stale_micros: 0, own: Timestamp::MIN, is_queued: false }
    }

    /// Starts over with these points, from where the one ahead is.
    pub(super) fn join(&mut self, named: Vec<(PointId, usize)>, points: &[WatchedPoint]) {
        self.points = named;
        (self.newest, self.own) = (None, Timestamp::MIN);
        for point in self.points.iter().filter_map(|(_, index)| points.get(*index)) {
            let Some(newest) = point.newest else { continue };
            let source = newest.received.map_or(newest.source, |received| newest.source.min(received));
            self.own = self.own.max(source);
            if self.newest.is_none_or(|ahead| source > ahead.source) {
                (self.newest, self.stale_micros) = (Some(Newest { source, ..newest }), point.stale_micros);
            }
        }
    }

    /// The time that a sample of one of its points comes from: a device whose clock is ahead of the station's does not make
    /// the values of the others old.
    pub(super) fn time_of(sample: &Sample) -> Timestamp {
        sample.source_time.min(sample.received_time)
    }

    /// Takes the times of a new sample of one of its points.
    pub(super) fn take(&mut self, sample: &Sample, stale_micros: i64) {
        let source = Self::time_of(sample);
        self.own = self.own.max(source);
        if self.newest.is_none_or(|newest| source >= newest.source) {
            self.newest = Some(Newest { source, received: Some(sample.received_time) });
            self.stale_micros = stale_micros;
        }
    }

    /// Lets its delay run up to `to`, stopping wherever one of its points goes stale to look again.
    pub(super) fn advance(
        &mut self,
        alarms: &mut [Alarm],
        points: &[WatchedPoint],
        to: Timestamp,
        including_end: bool,
        out: &mut Vec<Transition>,
    ) {
        if self.newest.is_none() {
            return;
        }
        while self.own < to {
            let next = self.next_stale(points, self.own);
            let end = next.map_or(to, |next| next.min(to));
            let Some(alarm) = alarms.get_mut(self.alarm) else { return };
            let micros = end.micros_since(self.own);
            alarm.run(self.own, micros, including_end || end < to, self.value(alarm, points), out);
            self.own = end;
            if next == Some(end) {
                self.judge(alarms, points, out);
            }
        }
    }

    /// Moves along what the station's clock has timed.
    pub(super) fn clock_was_set(&mut self, alarms: &mut [Alarm], by_micros: i64) {
        let Some(newest) = self.newest else { return };
        self.newest = Some(newest.by_clock_set(by_micros));
        if newest.has_time_of_station() {
            self.own = crate::after(self.own, by_micros);
            if let Some(alarm) = alarms.get_mut(self.alarm) {
                alarm.clock_was_set(by_micros);
            }
        }
    }

    /// Judges its condition by what its points say at its own time.
    pub(super) fn judge(&self, alarms: &mut [Alarm], points: &[WatchedPoint], out: &mut Vec<Transition>) {
        let Some(alarm) = alarms.get_mut(self.alarm) else { return };
        let holds = self.holds(alarm, points, self.own);
        let value = self.value(alarm, points);
        alarm.judge(holds, self.own, value, out);
    }

    /// Its own time at `now`, where the newest sample stands for the present.
    pub(super) fn recent_own_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.newest?.recent_own_at(now, self.stale_micros)
    }

    /// Whether it has a delay that a tick can end.
    pub(super) fn runs(&self, alarms: &[Alarm]) -> bool {
        alarms.get(self.alarm).is_some_and(Alarm::runs)
    }

    /// When a tick would end its delay.
    pub(super) fn deadline(&self, alarms: &[Alarm], points: &[WatchedPoint]) -> Option<Timestamp> {
        let alarm = alarms.get(self.alarm)?;
        let end = crate::after(self.own, alarm.left_from(self.own)?);
        let mut at = self.own;
        while let Some(stale) = self.next_stale(points, at).filter(|stale| *stale < end) {
            // From here on nothing is known: the delay stands still.
            self.holds(alarm, points, stale)?;
            at = stale;
        }
        self.newest?.tick_at(end, self.stale_micros)
    }

    fn holds(&self, alarm: &Alarm, points: &[WatchedPoint], at: Timestamp) -> Option<bool> {
        let value_of = |point| self.point(points, point)?.value_at(at);
        holds_jointly(alarm.condition.as_ref()?, alarm.is_active(), subject_of(alarm), &value_of)
    }

    /// The value of the point that it is about, where it looks at that.
    fn value(&self, alarm: &Alarm, points: &[WatchedPoint]) -> Option<f64> {
        self.point(points, subject_of(alarm)?)?.value_at(self.own)
    }

    fn point<'a>(&self, points: &'a [WatchedPoint], id: PointId) -> Option<&'a WatchedPoint> {
        let place = self.points.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        points.get(self.points.get(place)?.1)
    }

    /// When the next of its points goes stale.
    fn next_stale(&self, points: &[WatchedPoint], after: Timestamp) -> Option<Timestamp> {
        let points = self.points.iter().filter_map(|(_, index)| points.get(*index));
        points.filter_map(WatchedPoint::valid_until).filter(|until| *until > after).min()
    }
}

fn subject_of(alarm: &Alarm) -> Option<PointId> {
    match alarm.rule.as_ref()?.subject {
        Subject::Point(point) => Some(point),
        Subject::Site(_) | Subject::Asset(_) => None,
    }
}

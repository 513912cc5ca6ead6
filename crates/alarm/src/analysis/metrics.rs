//! The live set of OPC UA Part 9 (AlarmMetricsType): how much alarms ask of people since the metrics were last set back.
//! Must not know periods or targets.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use penstock_model::{AlarmState, RuleId, Timestamp, Transition};

use super::annunciation::{Call, Course};
use super::window::TEN_MINUTES;
use crate::after;

/// The metrics as they run on. Keeps the calls of the last ten minutes and a few bytes an alarm.
#[derive(Debug)]
pub struct AlarmMetrics {
    since: Timestamp,
    alarms: BTreeMap<RuleId, Alarm>,
    calls: u64,
    /// Times of the newest calls, in ascending order.
    recent: VecDeque<Timestamp>,
    most_recent: usize,
    longest_active: Duration,
    longest_unacknowledged: Duration,
    most_realarms: u32,
}

/// The metrics at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metrics {
    /// AlarmCount: calls since they were set back.
    pub alarm_count: u64,
    /// StartTime: when they were set back.
    pub start_time: Timestamp,
    /// MaximumActiveState: the longest that an alarm has been active since then.
    pub maximum_active: Duration,
    /// MaximumUnAck: the longest that a call has waited for its acknowledgement since then.
    pub maximum_unacknowledged: Duration,
    /// CurrentAlarmRate: calls in the last 10 minutes.
    pub current_rate: f64,
    /// MaximumAlarmRate: the most calls in any 10 minutes since then.
    pub maximum_rate: f64,
    /// AverageAlarmRate: calls in 10 minutes on average since then; in the first 10 minutes, calls so far.
    pub average_rate: f64,
    /// MaximumReAlarmCount: the most that one occurrence has called again.
    pub maximum_realarm_count: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Alarm {
    course: Course,
    realarms: u32,
}

impl AlarmMetrics {
    /// Set back at a moment, with alarms that stand as they do then.
    pub fn new<'a>(since: Timestamp, states: impl IntoIterator<Item = &'a AlarmState>) -> Self {
        let mut metrics = Self {
            since,
            alarms: BTreeMap::new(),
            calls: 0,
            recent: VecDeque::new(),
            most_recent: 0,
            longest_active: Duration::ZERO,
            longest_unacknowledged: Duration::ZERO,
            most_realarms: 0,
        };
        let known = states.into_iter().map(|state| (state.rule, Alarm { course: Course::of(state), realarms: 0 }));
        metrics.alarms.extend(known);
        metrics
    }

    /// Takes the next entry of the journal.
    pub fn take(&mut self, entry: &Transition) {
        let since = self.since;
        let alarm = self.alarms.entry(entry.rule).or_default();
        let before = alarm.course;
        let Some(effect) = alarm.course.follow(entry) else { return };
        if alarm.course.occurrence != before.occurrence {
            alarm.realarms = 0;
        }
        if effect.call == Some(Call::Again) {
            alarm.realarms += 1;
        }
        let (after, realarms) = (alarm.course, alarm.realarms);
        self.most_realarms = self.most_realarms.max(realarms);
        if before.active && (!after.active || after.occurrence != before.occurrence) {
            self.longest_active = self.longest_active.max(entry.at.since(before.raised_at.max(since)));
        }
        if let Some(waits_since) = before.waits_since.filter(|_| after.waits_since.is_none()) {
            let waited = entry.at.since(waits_since.max(since));
            self.longest_unacknowledged = self.longest_unacknowledged.max(waited);
        }
        if effect.call.is_some() && entry.at >= since {
            self.call(entry.at);
        }
    }

    /// The metrics at a moment.
    pub fn at(&self, now: Timestamp) -> Metrics {
        let (mut maximum_active, mut maximum_unacknowledged) = (self.longest_active, self.longest_unacknowledged);
        for course in self.alarms.values().map(|alarm| alarm.course) {
            if course.active {
                maximum_active = maximum_active.max(now.since(course.raised_at.max(self.since)));
            }
            if let Some(waits_since) = course.waits_since {
                maximum_unacknowledged = maximum_unacknowledged.max(now.since(waits_since.max(self.since)));
            }
        }
        let stretches = now.since(self.since).max(TEN_MINUTES).as_secs_f64() / TEN_MINUTES.as_secs_f64();
        Metrics {
            alarm_count: self.calls,
            start_time: self.since,
            maximum_active,
            maximum_unacknowledged,
            current_rate: self.recent.iter().filter(|at| is_current(**at, now)).count() as f64,
            maximum_rate: self.most_recent as f64,
            average_rate: self.calls as f64 / stretches,
            maximum_realarm_count: self.most_realarms,
        }
    }

    /// Says that the station's clock was set by so many microseconds, back where they are negative, and says `now`:
    /// calls that it had as the last ten minutes' stay so, and what began by it began that much later. Others have the
    /// time of a point with a clock of its own, and keep it.
    pub fn clock_was_set(&mut self, by_micros: i64, now: Timestamp) {
        self.since = after(self.since, by_micros);
        let before = after(now, by_micros.saturating_neg());
        for call in self.recent.iter_mut().filter(|call| is_current(**call, before)) {
            *call = after(*call, by_micros);
        }
        self.recent.make_contiguous().sort_unstable();
    }

    /// Sets them back (Reset): they begin anew, alarms stay as they stand.
    pub fn reset(&mut self, now: Timestamp) {
        self.since = now;
        self.calls = 0;
        self.recent.clear();
        self.most_recent = 0;
        self.longest_active = Duration::ZERO;
        self.longest_unacknowledged = Duration::ZERO;
        self.most_realarms = 0;
    }

    fn call(&mut self, at: Timestamp) {
        self.calls += 1;
        let newest = self.recent.back().copied().unwrap_or(at).max(at);
        // Calls have the time of their point: one may come a little behind a later one.
        let place = self.recent.partition_point(|other| *other <= at);
        self.recent.insert(place, at);
        while self.recent.front().is_some_and(|oldest| newest.since(*oldest) >= TEN_MINUTES) {
            self.recent.pop_front();
        }
        self.most_recent = self.most_recent.max(self.recent.len());
    }
}

/// Whether a call is of the ten minutes before `now`.
fn is_current(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now.since(at) < TEN_MINUTES
}

#[cfg(test)]
mod tests {
    use penstock_model::{TransitionKind, UserId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn live_set() {
        use TransitionKind::{Acknowledged, Cleared, Raised, Realarmed};
        let mut metrics = AlarmMetrics::new(secs(0), []);
        for entry in [
            entry("a", Raised, 1, 0),
            entry("a", Acknowledged, 1, 90),
            entry("a", Realarmed, 1, 400),
            entry("b", Raised, 1, 600),
            entry("a", Cleared, 1, 700),
        ] {
            metrics.take(&entry);
        }
        let now = metrics.at(secs(1_200));
        assert_eq!((now.alarm_count, now.start_time, now.maximum_realarm_count), (3, secs(0), 1));
        // The call of 0 s had left the window when that of 600 s came, and that of 600 s leaves it at 1,200 s.
        assert_eq!((now.maximum_rate, now.current_rate, now.average_rate), (2.0, 0.0, 1.5));
        assert_eq!(metrics.at(secs(900)).current_rate, 2.0);
        assert_eq!(now.maximum_active, Duration::from_secs(700));
        assert_eq!(now.maximum_unacknowledged, Duration::from_secs(800), "the call of 400 s still waits");
    }

    #[test]
    fn set_back_it_begins_anew() {
        let mut metrics = AlarmMetrics::new(secs(0), []);
        metrics.take(&entry("a", TransitionKind::Raised, 1, 10));
        metrics.reset(secs(1_000));
        let now = metrics.at(secs(1_060));
        assert_eq!((now.alarm_count, now.start_time, now.maximum_rate), (0, secs(1_000), 0.0));
        assert_eq!(now.maximum_active, Duration::from_secs(60), "it has been active all the time since");
        metrics.take(&entry("a", TransitionKind::Cleared, 1, 1_100));
        assert_eq!(metrics.at(secs(9_000)).maximum_active, Duration::from_secs(100));
    }

    #[test]
    fn goes_on_from_states() {
        let state = AlarmState {
            occurrence: 3,
            active: true,
            acknowledged: false,
            ..AlarmState::normal(entry("a", TransitionKind::Raised, 3, 0).rule, secs(0))
        };
        let metrics = AlarmMetrics::new(secs(50), [&state]);
        let now = metrics.at(secs(80));
        assert_eq!((now.alarm_count, now.maximum_active), (0, Duration::from_secs(30)));
        assert_eq!(now.maximum_unacknowledged, Duration::from_secs(30));
    }

    #[test]
    fn a_call_that_comes_behind_a_later_one_counts_in_its_time() {
        let mut metrics = AlarmMetrics::new(secs(0), []);
        for (name, at) in [("a", 700), ("b", 50), ("c", 690), ("d", 200)] {
            metrics.take(&entry(name, TransitionKind::Raised, 1, at));
        }
        assert_eq!((metrics.at(secs(700)).current_rate, metrics.at(secs(700)).maximum_rate), (3.0, 3.0));
    }

    #[test]
    fn the_last_ten_minutes_stay_so_whatever_the_clock_is_set_to() {
        for by in [-86_400, 86_400] {
            let mut metrics = AlarmMetrics::new(secs(0), []);
            for (name, at) in [("a", 700), ("b", 800), ("c", 1_000)] {
                metrics.take(&entry(name, TransitionKind::Raised, 1, at));
            }
            metrics.clock_was_set(by * 1_000_000, secs(1_200 + by));
            let now = metrics.at(secs(1_200 + by));
            assert_eq!((now.current_rate, now.start_time, now.average_rate), (3.0, secs(by), 1.5), "{by}");
            assert_eq!(metrics.at(secs(1_350 + by)).current_rate, 2.0, "{by}");
            metrics.take(&entry("d", TransitionKind::Raised, 1, 1_300 + by));
            let now = metrics.at(secs(1_300 + by));
            assert_eq!((now.alarm_count, now.maximum_rate), (4, 3.0), "{by}: that of 700 s had left");
        }
    }

    #[test]
    fn a_call_with_a_time_of_its_own_keeps_it() {
        let mut metrics = AlarmMetrics::new(secs(0), []);
        metrics.take(&entry("a", TransitionKind::Raised, 1, 86_000));
        // The clock was an hour ahead, and is right now.
        metrics.clock_was_set(-3_600_000_000, secs(86_400));
        assert_eq!(metrics.at(secs(86_400)).current_rate, 1.0);
    }

    fn secs(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn entry(name: &str, kind: TransitionKind, occurrence: u64, at_secs: i64) -> Transition {
        Transition {
            rule: RuleId::derived(Uuid::nil(), name),
            occurrence,
            kind,
            at: secs(at_secs),
            value: None,
            by: (kind == TransitionKind::Acknowledged).then_some(UserId(Uuid::nil())),
            comment: None,
            rule_version: 1,
            detail: None,
        }
    }
}

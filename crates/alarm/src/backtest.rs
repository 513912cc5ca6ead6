//! A rule over history: what would have been raised had it been in force. The engine itself judges the samples, in the
//! order they were received and with ticks between them as the station gives them.
//!
//! Must not know where samples come from, nor what people did: shelving and acknowledging change nothing about when an
//! alarm is raised. What a rule's design suppresses for as long as it stands counts for nothing, as it called nobody.

use std::collections::BTreeMap;
use std::time::Duration;

use penstock_model::{AlarmRule, Condition, PointNo, Sample, Timestamp, Transition, TransitionKind};

use crate::{Engine, Evaluated, Occurrence, Period, PointFacts};

/// How far ticks are apart in received time.
const TICK: Duration = Duration::from_secs(1);
/// So long after a sample there are ticks; what is still to come after that comes at its deadline.
const TICKED: Duration = Duration::from_secs(3_600);
/// What precedes the time in question is judged too, so that it begins as it would have: so long at least.
const LEAST_LEAD: Duration = Duration::from_secs(3_600);

/// A rule that cannot be run over history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BacktestError {
    /// What it judges by was never stored.
    #[error(
        "what an anomaly rule would have done cannot be told: anomaly scores are not stored. Save it, and look at its \
         alarms in some days"
    )]
    NoScore,
    /// It could not be in force.
    #[error("{0}")]
    Faulty(String),
}

/// Rules side by side over the same history, each in an engine of its own: a rule as it is and as it shall be.
#[derive(Debug)]
pub struct Backtest {
    runs: Vec<Run>,
    points: BTreeMap<PointNo, PointFacts>,
    next_tick: Timestamp,
    /// When the newest sample was received; the beginning, before there is one.
    received: Timestamp,
}

/// One rule.
#[derive(Debug)]
struct Run {
    engine: Engine,
    journal: Vec<Transition>,
    course: Course,
}

/// What the transitions of one rule come to.
#[derive(Debug, Default)]
struct Course {
    occurrences: Vec<Occurrence>,
    is_suppressed: bool,
    /// The newest occurrence, where it has been suppressed since it was raised.
    hidden: Option<Occurrence>,
}

impl Backtest {
    /// Runs over history from `start` on, of these points: every one that the rules look at, or that stands on the site
    /// or belongs to the asset whose silence they tell of. Nothing is active at first.
    ///
    /// # Errors
    /// [`BacktestError`].
    pub fn new(
        rules: impl IntoIterator<Item = AlarmRule>,
        points: impl IntoIterator<Item = (PointNo, PointFacts)>,
        start: Timestamp,
    ) -> Result<Self, BacktestError> {
        let points: BTreeMap<PointNo, PointFacts> = points.into_iter().collect();
        let runs = rules.into_iter().map(|rule| {
            if let Some(fault) = rule.fault() {
                return Err(BacktestError::Faulty(fault));
            }
            if matches!(rule.condition, Condition::Anomaly { .. }) {
                return Err(BacktestError::NoScore);
            }
            let engine = Engine::new(vec![rule], Vec::new(), points.values().copied());
            Ok(Run { engine, journal: Vec::new(), course: Course::default() })
        });
        let runs = runs.collect::<Result<Vec<Run>, BacktestError>>()?;
        Ok(Self { runs, points, next_tick: start, received: start })
    }

    /// For how long before the time in question history is to be judged, so that what is active or about to be when it
    /// begins is known.
    pub fn lead(rule: &AlarmRule) -> Duration {
        let looks_back = match rule.condition {
            Condition::Rate { over: back, .. }
            | Condition::Stuck { after: back, .. }
            | Condition::Count { within: back, .. }
            | Condition::Silence { after: back } => back,
            _ => Duration::ZERO,
        };
        let delays = rule.on_delay.max(rule.off_delay).saturating_add(rule.cool_down);
        LEAST_LEAD.max(looks_back.saturating_add(delays))
    }

    /// Says how far the plant's local time is ahead of UTC, in seconds, by which schedules go; as [`Engine`] is told.
    pub fn set_utc_offset(&mut self, seconds: i32) {
        for run in &mut self.runs {
            run.engine.set_utc_offset(seconds);
        }
    }

    /// Judges a sample; they come in the order they were received.
    pub fn sample(&mut self, sample: &Sample) {
        self.let_pass(sample.received_time);
        self.received = self.received.max(sample.received_time);
        let Some(facts) = self.points.get(&sample.point).copied() else { return };
        let evaluated = Evaluated { point: facts.id, site: facts.site, sample, score: None };
        for run in &mut self.runs {
            run.engine.sample(&evaluated, &mut run.journal);
            run.note();
        }
    }

    /// When the newest sample was received.
    pub const fn received(&self) -> Timestamp {
        self.received
    }

    /// What each rule raised, in the order the rules were given: what stood at some moment of the period, in the order of
    /// time. What had not ended by its end is without one.
    pub fn finish(mut self, period: Period) -> Vec<Vec<Occurrence>> {
        self.let_pass(period.until());
        self.runs.into_iter().map(|run| run.course.within(period)).collect()
    }

    /// Lets time go on up to a moment, which decides for itself.
    fn let_pass(&mut self, until: Timestamp) {
        let ticked = until.min(self.received + TICKED);
        while self.next_tick < ticked {
            for run in &mut self.runs {
                run.tick(self.next_tick);
            }
            self.next_tick = self.next_tick + TICK;
        }
        if self.next_tick < until {
            for run in &mut self.runs {
                run.tick_when_due(self.next_tick, until);
            }
            let missed = until.since(self.next_tick).as_secs() + 1;
            self.next_tick = self.next_tick + Duration::from_secs(missed);
        }
    }
}

impl Run {
    fn tick(&mut self, now: Timestamp) {
        self.engine.tick(now, &mut self.journal);
        self.note();
    }

    /// Ticks at each moment from `from` at which that does something.
    fn tick_when_due(&mut self, from: Timestamp, until: Timestamp) {
        let mut last: Option<Timestamp> = None;
        while let Some(due) = self.engine.next_deadline().map(|due| due.max(from))
            && due < until
            && last.is_none_or(|last| due > last)
        {
            self.tick(due);
            last = Some(due);
        }
    }

    fn note(&mut self) {
        for entry in self.journal.drain(..) {
            self.course.note(&entry);
        }
    }
}

impl Course {
    fn note(&mut self, entry: &Transition) {
        match entry.kind {
            TransitionKind::Raised => {
                let occurrence = Occurrence {
                    rule: entry.rule,
                    number: entry.occurrence,
                    raised_at: entry.at,
                    cleared_at: None,
                    raised_value: entry.value,
                    cleared_value: None,
                    acted_on: false,
                };
                if self.is_suppressed {
                    self.hidden = Some(occurrence);
                } else {
                    self.occurrences.push(occurrence);
                }
            }
            TransitionKind::Cleared => {
                if self.hidden.take().is_none()
                    && let Some(newest) = self.occurrences.last_mut()
                {
                    (newest.cleared_at, newest.cleared_value) = (Some(entry.at), entry.value);
                }
            }
            TransitionKind::Suppressed => self.is_suppressed = true,
            TransitionKind::Unsuppressed => {
                self.is_suppressed = false;
                self.occurrences.extend(self.hidden.take());
            }
            _ => {}
        }
    }

    fn within(self, period: Period) -> Vec<Occurrence> {
        let mut occurrences = self.occurrences;
        occurrences.retain(|occurrence| {
            let is_over = occurrence.cleared_at.is_some_and(|cleared| cleared <= period.from());
            occurrence.raised_at < period.until() && !is_over
        });
        for occurrence in &mut occurrences {
            if occurrence.cleared_at.is_some_and(|cleared| cleared >= period.until()) {
                (occurrence.cleared_at, occurrence.cleared_value) = (None, None);
            }
        }
        // Late samples can take an alarm's own time back.
        occurrences.sort_by_key(|occurrence| occurrence.raised_at);
        occurrences
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::{Expression, LimitLevel, PointId, Quality, RuleId, Schedule, SiteId, Subject, Test, Window};
    use uuid::Uuid;

    use super::*;

    /// Midnight before 19 November 2026, a Thursday.
    const MIDNIGHT: i64 = 1_795_046_400;

    #[test]
    fn a_delay_runs_out_between_samples_as_it_would_have() {
        // Over the limit for 100 s, one sample each 50 s.
        let values = [(0, 5.0), (50, 12.0), (100, 12.0), (150, 5.0), (200, 5.0)];
        let with = |secs: u64| AlarmRule { on_delay: Duration::from_secs(secs), ..high() };
        let told = run(vec![high(), with(30), with(99), with(100)], &values, (0, 1_000));
        let spans: Vec<Vec<(i64, Option<i64>)>> = told.iter().map(|run| spans(run)).collect();
        assert_eq!(spans, [vec![(50, Some(150))], vec![(80, Some(150))], vec![(149, Some(150))], vec![]]);
    }

    #[test]
    fn only_what_stood_in_the_period_counts() {
        let values = [(0, 12.0), (100, 5.0), (200, 12.0), (300, 5.0), (400, 12.0), (500, 5.0), (600, 12.0)];
        let told = |from: i64, until: i64| spans(&run(vec![high()], &values, (from, until))[0]);
        assert_eq!(told(0, 1_000), [(0, Some(100)), (200, Some(300)), (400, Some(500)), (600, None)]);
        assert_eq!(told(250, 450), [(200, Some(300)), (400, None)]);
        assert_eq!(told(100, 200), []);
    }

    #[test]
    fn what_its_design_suppresses_throughout_called_nobody() {
        let while_high = Expression::Point { point: point(1), test: Test::AtLeast(1.0) };
        let rule = AlarmRule { suppressed_while: Some(while_high), ..high() };
        let mut backtest = Backtest::new([rule], points(), at(0)).expect("a right one");
        let mut give = |no: i32, secs: i64, value: f64| backtest.sample(&sample(no, secs, value));
        give(2, 0, 1.0);
        // Hidden from its raise to its end.
        give(1, 10, 12.0);
        give(1, 20, 5.0);
        // Hidden at first only: it calls when the suppression ends.
        give(1, 30, 12.0);
        give(2, 40, 0.0);
        give(1, 50, 5.0);
        let told = backtest.finish(period(0, 100));
        assert_eq!(spans(&told[0]), [(30, Some(50))]);
    }

    #[test]
    fn schedules_go_by_local_time() {
        // In force from 06:00 on Thursdays.
        let day = Window { days: [false, false, false, true, false, false, false], from_minute: 360, minutes: 600 };
        let rule = AlarmRule { schedule: Some(Schedule { windows: vec![day] }), ..high() };
        let told = |offset: i32, hour: i64| {
            let mut backtest = Backtest::new([rule.clone()], points(), at(MIDNIGHT)).expect("a right one");
            backtest.set_utc_offset(offset);
            let from = MIDNIGHT + hour * 3_600;
            for (secs, value) in [(from, 5.0), (from + 60, 12.0), (from + 120, 5.0)] {
                backtest.sample(&sample(1, secs, value));
            }
            backtest.finish(period(MIDNIGHT, MIDNIGHT + 86_400))[0].len()
        };
        assert_eq!([told(0, 5), told(0, 7), told(-7_200, 7), told(7_200, 5)], [0, 1, 0, 1]);
    }

    #[test]
    fn silence_is_found_long_after_the_last_sample() {
        let site = SiteId(Uuid::nil());
        let condition = Condition::Silence { after: Duration::from_secs(3 * 3_600) };
        let rule = AlarmRule::new(RuleId(Uuid::nil()), Subject::Site(site), condition);
        let told = run(vec![rule], &[(0, 5.0), (60, 5.0), (20_000, 5.0)], (0, 50_000));
        assert_eq!(spans(&told[0]), [(60 + 3 * 3_600, Some(20_000)), (20_000 + 3 * 3_600, None)]);
    }

    #[test]
    fn what_cannot_be_run_says_why() {
        let fault = |condition: Condition| {
            let rule = AlarmRule { condition, ..high() };
            Backtest::new([high(), rule], points(), at(0)).expect_err("it cannot be")
        };
        assert_eq!(fault(Condition::Anomaly { score: 0.9 }), BacktestError::NoScore);
        let no_number = Condition::Limit { level: LimitLevel::High, limit: f64::NAN, deadband: 0.0 };
        assert!(matches!(fault(no_number), BacktestError::Faulty(_)));
    }

    #[test]
    fn what_looks_back_begins_earlier() {
        let hours = |hours: u64| Duration::from_secs(hours * 3_600);
        assert_eq!(Backtest::lead(&high()), hours(1));
        let stuck = Condition::Stuck { within: 0.1, after: hours(5) };
        let rule = AlarmRule { condition: stuck, on_delay: hours(1), off_delay: hours(2), ..high() };
        assert_eq!(Backtest::lead(&rule), hours(7));
    }

    fn run(rules: Vec<AlarmRule>, values: &[(i64, f64)], (from, until): (i64, i64)) -> Vec<Vec<Occurrence>> {
        let mut backtest = Backtest::new(rules, points(), at(0)).expect("right ones");
        for (secs, value) in values {
            backtest.sample(&sample(1, *secs, *value));
        }
        backtest.finish(period(from, until))
    }

    fn spans(run: &[Occurrence]) -> Vec<(i64, Option<i64>)> {
        let secs = |at: Timestamp| at.as_micros() / 1_000_000;
        run.iter().map(|occurrence| (secs(occurrence.raised_at), occurrence.cleared_at.map(secs))).collect()
    }

    fn high() -> AlarmRule {
        let condition = Condition::Limit { level: LimitLevel::High, limit: 10.0, deadband: 0.0 };
        AlarmRule::new(RuleId(Uuid::nil()), Subject::Point(point(0)), condition)
    }

    fn point(index: i32) -> PointId {
        PointId::derived(Uuid::nil(), &format!("point {index}"))
    }

    /// Two points of one site, of the numbers 1 and 2.
    fn points() -> Vec<(PointNo, PointFacts)> {
        let facts = |index: i32| PointFacts {
            id: point(index),
            site: Some(SiteId(Uuid::nil())),
            asset: None,
            stale_after: Duration::from_secs(300),
            evaluated_until: None,
        };
        (0..2).map(|index| (PointNo(index + 1), facts(index))).collect()
    }

    fn sample(no: i32, secs: i64, value: f64) -> Sample {
        let point = PointNo(no);
        Sample { point, source_time: at(secs), received_time: at(secs), value: Some(value), quality: Quality::Good }
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn period(from: i64, until: i64) -> Period {
        Period::new(at(from), at(until)).expect("longer than nothing")
    }
}

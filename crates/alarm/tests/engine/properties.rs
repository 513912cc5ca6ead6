//! What holds for any course of events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::plant::{Bench, asset, facts, high, point, rule, sample, secs, silence, user};
use penstock_alarm::{Axes, Engine, Error, Snapshot, Standing};
use penstock_model::{
    AcknowledgementModel, AlarmRule, AlarmState, Condition, Doubt, Expression, Fault, LimitLevel, Quality, Realarm,
    Reference, RuleId, Sample, Schedule, Shelving, Side, Subject, Test, Timestamp, Transition, TransitionKind, Window,
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Event {
    Value { point: u8, late_secs: i64, value: f64, quality: Quality, score: Option<f32> },
    Tick,
    Act { rule: usize, act: Act },
    Disable { rule: usize },
    Enable { rule: usize },
    Remove { rule: usize },
}

#[derive(Debug, Clone)]
enum Act {
    Acknowledge,
    Comment,
    Reset,
    Shelve { secs: u8, one_shot: bool },
    Unshelve,
    TakeOutOfService,
    ReturnToService,
}

/// One or more of every condition, and of all that a rule can ask for.
fn rules() -> Vec<AlarmRule> {
    let minute = Duration::from_secs(60);
    let at = |index| Subject::Point(point(index));
    let leaf = |index, test| Expression::Point { point: point(index), test };
    let group = || Some("group".to_owned());
    let low = Condition::Limit { level: LimitLevel::LowLow, limit: 3.0, deadband: 1.0 };
    let from = Reference::Point(point(1));
    let rate = Condition::Rate { side: Side::Either, per_second: 0.05, over: minute, deadband: 0.02 };
    let count = Condition::Count { of: Test::AtLeast(7.0), at_least: 2, within: 3 * minute };
    let two_of_three = Expression::AtLeast {
        count: 2,
        of: vec![
            leaf(0, Test::AtLeast(7.0)),
            leaf(1, Test::AtMost(5.0)),
            Expression::Not(Box::new(leaf(2, Test::Is(3)))),
        ],
    };
    // The course begins 1,000 s after the epoch, on a Thursday.
    let thursday = [false, false, false, true, false, false, false];
    let window = |from_minute| Window { days: thursday, from_minute, minutes: 6 };
    vec![
        AlarmRule { latches: true, realarm: Some(Realarm { after: minute, at_most: 2 }), ..high(0, 0, 0) },
        AlarmRule { cool_down: minute, first_out: group(), ..high(1, 15, 5) },
        AlarmRule {
            first_out: group(),
            suppressed_while: Some(leaf(3, Test::AtLeast(7.0))),
            realarm: Some(Realarm { after: minute, at_most: 1 }),
            ..high(2, 5, 30)
        },
        AlarmRule {
            schedule: Some(Schedule { windows: vec![window(17), window(25), window(40)] }),
            suppressed_while: Some(leaf(0, Test::AtMost(3.0))),
            ..high(3, 0, 10)
        },
        AlarmRule {
            acknowledgement: AcknowledgementModel::AfterReturn,
            first_out: group(),
            latches: true,
            ..rule("low 1", at(1), low, 10, 0)
        },
        rule("anomaly 3", at(3), Condition::Anomaly { score: 0.8 }, 0, 20),
        AlarmRule { cool_down: minute, ..silence(0, 40, 0) },
        silence(1, 20, 40),
        rule("silence of 2", Subject::Asset(asset(2)), Condition::Silence { after: minute }, 5, 0),
        rule("off 0 and 1", at(0), Condition::Deviation { from, side: Side::Above, by: 4.0, deadband: 1.0 }, 10, 10),
        AlarmRule {
            acknowledgement: AcknowledgementModel::NotRequired,
            ..rule(
                "off 2",
                at(2),
                Condition::Deviation { from: Reference::Setpoint(7.0), side: Side::Either, by: 5.0, deadband: 2.0 },
                0,
                5,
            )
        },
        rule("rate 2", at(2), rate, 0, 0),
        AlarmRule {
            cool_down: minute,
            ..rule("stuck 3", at(3), Condition::Stuck { within: 5.0, after: minute }, 0, 0)
        },
        rule("states 3", at(3), Condition::State { states: BTreeSet::from([2, 3, 9]) }, 5, 0),
        rule("count 0", at(0), count, 0, 10),
        rule("two of three", Subject::Asset(asset(0)), Condition::Expression(two_of_three), 20, 0),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let rule = 0..rules().len();
    let quality = prop_oneof![
        20 => Just(Quality::Good),
        1 => Just(Quality::Bad(Fault::Device)),
        1 => Just(Quality::Bad(Fault::Disconnected)),
        1 => Just(Quality::Uncertain(Doubt::OutOfRange)),
        1 => Just(Quality::Uncertain(Doubt::ClockAhead)),
    ];
    let value = (0..4_u8, 0..30_i64, 0.0..14.0, quality, prop::option::of(0.0..1.0_f32))
        .prop_map(|(point, late_secs, value, quality, score)| Event::Value { point, late_secs, value, quality, score });
    let act = prop_oneof![
        4 => Just(Act::Acknowledge),
        1 => Just(Act::Comment),
        2 => Just(Act::Reset),
        2 => (1..120_u8, any::<bool>()).prop_map(|(secs, one_shot)| Act::Shelve { secs, one_shot }),
        1 => Just(Act::Unshelve),
        1 => Just(Act::TakeOutOfService),
        2 => Just(Act::ReturnToService),
    ];
    prop_oneof![
        24 => value,
        8 => Just(Event::Tick),
        10 => (rule.clone(), act).prop_map(|(rule, act)| Event::Act { rule, act }),
        1 => rule.clone().prop_map(|rule| Event::Disable { rule }),
        1 => rule.clone().prop_map(|rule| Event::Enable { rule }),
        1 => rule.prop_map(|rule| Event::Remove { rule }),
    ]
}

fn events(most: usize) -> impl Strategy<Value = Vec<(u8, Event)>> {
    prop::collection::vec((0..20_u8, event()), 1..most)
}

/// A course of events as it happens.
struct Course {
    bench: Bench,
    now: Timestamp,
    /// The rules that are in force or disabled.
    rules: BTreeMap<RuleId, AlarmRule>,
    given: Vec<(u8, Sample, Option<f32>)>,
}

impl Course {
    fn new() -> Self {
        let rules: BTreeMap<_, _> = rules().into_iter().map(|rule| (rule.id, rule)).collect();
        let bench = Bench::new(rules.values().cloned().collect());
        Self { bench, now: secs(1_000), rules, given: Vec::new() }
    }

    fn of(events: &[(u8, Event)]) -> Self {
        let mut course = Self::new();
        events.iter().for_each(|(after, event)| course.step(*after, event));
        course
    }

    /// Lets one event happen so many seconds after the one before.
    fn step(&mut self, after: u8, event: &Event) {
        self.now = self.now + Duration::from_secs(u64::from(after));
        let now = self.now;
        let rule_at = |index: &usize| rules().swap_remove(*index);
        let Bench { engine, journal } = &mut self.bench;
        match event {
            Event::Value { point, late_secs, value, quality, score } => {
                let source = now - Duration::from_secs(late_secs.unsigned_abs());
                let sample = sample(source, now, *value, *quality);
                self.bench.give(*point, &sample, *score);
                self.given.push((*point, sample, *score));
            }
            Event::Tick => engine.tick(now, journal),
            Event::Act { rule, act } => journal.extend(take_part(engine, rule_at(rule).id, act, now)),
            Event::Disable { rule } => self.set(AlarmRule { enabled: false, ..rule_at(rule) }),
            Event::Enable { rule } => self.set(rule_at(rule)),
            Event::Remove { rule } => {
                let id = rule_at(rule).id;
                engine.remove(&[id], now, journal);
                self.rules.remove(&id);
            }
        }
    }

    fn set(&mut self, rule: AlarmRule) {
        self.bench.engine.set_rules([rule.clone()], self.now, &mut self.bench.journal);
        self.rules.insert(rule.id, rule);
    }

    /// Another engine that takes up what this one's snapshot says, by way of its stored form.
    fn restored(&self) -> Engine {
        let stored = serde_json::to_string(&self.bench.engine.snapshot()).expect("plain data");
        let snapshot: Snapshot = serde_json::from_str(&stored).expect("as it was written");
        let states = self.bench.engine.states().cloned().collect();
        Engine::restore(self.rules.values().cloned().collect(), states, facts(4), snapshot)
    }
}

fn take_part(engine: &mut Engine, rule: RuleId, act: &Act, now: Timestamp) -> Result<Transition, Error> {
    match act {
        Act::Acknowledge => {
            let occurrence = engine.state(rule).map_or(1, |state| state.occurrence);
            engine.acknowledge(rule, occurrence, user(), None, now)
        }
        Act::Comment => engine.comment(rule, 1, user(), "seen", now),
        Act::Reset => engine.reset(rule, user(), None, now),
        Act::Shelve { secs, one_shot } => {
            let shelving = Shelving { until: now + Duration::from_secs(u64::from(*secs)), one_shot: *one_shot };
            engine.shelve(rule, shelving, user(), "works", now)
        }
        Act::Unshelve => engine.unshelve(rule, user(), None, now),
        Act::TakeOutOfService => engine.take_out_of_service(rule, user(), "works", now),
        Act::ReturnToService => engine.return_to_service(rule, user(), None, now),
    }
}

fn sorted(engine: &Engine) -> Vec<AlarmState> {
    let mut states: Vec<AlarmState> = engine.states().cloned().collect();
    states.sort_by_key(|state| state.rule);
    states
}

fn is_about_silence(id: RuleId) -> bool {
    rules().iter().any(|rule| rule.id == id && matches!(rule.condition, Condition::Silence { .. }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The journal is all there is to know: replayed once, twice, or onto half of it, it gives the live states.
    #[test]
    fn replayed_is_live(events in events(150), cut in 0.0..1.0) {
        let live = Course::of(&events).bench;
        let mut folded: BTreeMap<RuleId, Option<AlarmState>> = BTreeMap::new();
        let mut replayed = Engine::new(rules(), Vec::new(), facts(4));
        for entry in &live.journal {
            let belonged = penstock_alarm::apply(folded.entry(entry.rule).or_default(), entry);
            prop_assert!(belonged, "{:?}", entry);
            replayed.apply(entry);
        }
        prop_assert_eq!(sorted(&live.engine), folded.into_values().flatten().collect::<Vec<_>>());
        prop_assert_eq!(sorted(&live.engine), sorted(&replayed));
        live.journal.iter().for_each(|entry| { replayed.apply(entry); });
        prop_assert_eq!(sorted(&live.engine), sorted(&replayed));

        let half = (live.journal.len() as f64 * cut) as usize;
        let mut before = Engine::new(Vec::new(), Vec::new(), facts(4));
        live.journal.iter().take(half).for_each(|entry| { before.apply(entry); });
        let states = before.states().cloned().collect();
        let mut restarted = Engine::new(rules(), states, facts(4));
        live.journal.iter().skip(half / 2).for_each(|entry| { restarted.apply(entry); });
        prop_assert_eq!(sorted(&live.engine), sorted(&restarted));
    }

    /// Every entry follows from the one before on every axis; occurrences count up by one; nothing acts on its own.
    #[test]
    fn every_entry_is_allowed(events in events(150)) {
        use TransitionKind as Kind;
        let live = Course::of(&events).bench;
        for rule in rules() {
            let mut axes = Axes::NORMAL;
            let mut occurrence = 0;
            for entry in live.journal.iter().filter(|entry| entry.rule == rule.id) {
                if entry.kind == Kind::Commented {
                    continue;
                }
                let next = axes.after(entry.kind, entry.detail.as_ref());
                prop_assert!(next.is_some(), "{:?} from {:?}", entry, axes.standing());
                axes = next.unwrap_or(axes);
                occurrence += u64::from(entry.kind == Kind::Raised);
                prop_assert_eq!(entry.occurrence, occurrence);
                match entry.kind {
                    Kind::Acknowledged | Kind::Reset | Kind::Shelved | Kind::TakenOutOfService
                    | Kind::ReturnedToService => prop_assert!(entry.by.is_some()),
                    Kind::Unshelved => {}
                    _ => prop_assert!(entry.by.is_none()),
                }
                let needs_reason = matches!(entry.kind, Kind::Shelved | Kind::TakenOutOfService);
                prop_assert!(!needs_reason || entry.comment.is_some());
            }
            let standing = live.engine.state(rule.id).map_or(Standing::Normal, |state| Axes::of(state).standing());
            prop_assert_eq!(axes.standing(), standing);
        }
    }

    /// What a shelf, its design or service lets go while it is active calls afresh, whoever had acknowledged it.
    #[test]
    fn what_is_let_go_while_active_calls_afresh(events in events(150)) {
        use TransitionKind as Kind;
        let live = Course::of(&events).bench;
        let mut states: BTreeMap<RuleId, Option<AlarmState>> = BTreeMap::new();
        for entry in &live.journal {
            let state = states.entry(entry.rule).or_default();
            penstock_alarm::apply(state, entry);
            let lets_go = matches!(entry.kind, Kind::Unshelved | Kind::Unsuppressed | Kind::ReturnedToService);
            let calls = |state: &&AlarmState| lets_go && state.active && state.kept_by().is_none();
            let Some(state) = state.as_ref().filter(calls) else { continue };
            prop_assert_eq!(state.acknowledged_at, None, "{:?}", entry);
            prop_assert!(state.called_at >= entry.at, "{:?}", entry);
        }
    }

    /// After every event: what is kept is not listed, what is latched is, no shelf outlives its time at a tick, and the
    /// counts are of what there is.
    #[test]
    fn every_state_is_sound(events in events(120)) {
        let mut course = Course::new();
        for (after, event) in &events {
            course.step(*after, event);
            let engine = &course.bench.engine;
            for state in engine.states() {
                prop_assert_eq!(state.is_listed(), state.kept_by().is_none() && (
                    state.active || !state.acknowledged || state.latched));
                prop_assert!(state.occurrence > 0 || !(state.active || state.latched || !state.acknowledged));
                prop_assert!(state.called_at >= state.raised_at);
                if matches!(event, Event::Tick) {
                    prop_assert!(state.shelf.is_none_or(|shelf| shelf.shelving.until > course.now));
                }
            }
            let counts = engine.counts();
            prop_assert_eq!(counts.listed, engine.states().filter(|state| state.is_listed()).count());
            prop_assert_eq!(counts.shelved, engine.states().filter(|state| state.shelf.is_some()).count());
        }
    }

    /// Of the alarms of a first-out group one is the first, until none of them stands any more.
    #[test]
    fn one_is_the_first_of_its_group(events in events(150)) {
        // What is removed leaves its group: only courses that keep their rules are followed.
        let keeps = |(_, event): &(u8, Event)| !matches!(event, Event::Remove { .. });
        let course = Course::of(&events.into_iter().filter(keeps).collect::<Vec<_>>());
        let grouped = |entry: &&Transition| {
            rules().iter().any(|rule| rule.id == entry.rule && rule.first_out.is_some())
        };
        let mut states: BTreeMap<RuleId, Option<AlarmState>> = BTreeMap::new();
        for entry in course.bench.journal.iter().filter(grouped) {
            let stands = |state: &AlarmState| state.rule != entry.rule && (state.active || state.latched);
            let others_stand = states.values().flatten().any(stands);
            let state = states.entry(entry.rule).or_default();
            penstock_alarm::apply(state, entry);
            if entry.kind == TransitionKind::Raised {
                prop_assert_eq!(state.as_ref().map(|state| state.first_out), Some(!others_stand), "{:?}", entry);
            }
        }
    }

    /// The same events give the same journal.
    #[test]
    fn deterministic(events in events(80)) {
        prop_assert_eq!(Course::of(&events).bench.journal, Course::of(&events).bench.journal);
    }

    /// An engine that takes up a snapshot at any moment goes on exactly as the one that was never stopped, and what was
    /// evaluated before changes nothing when it comes again.
    #[test]
    fn restored_is_never_stopped(before in events(100), after in events(100)) {
        let mut course = Course::of(&before);
        let mut restored = course.restored();
        let mut again = Vec::new();
        for (index, sample, score) in &course.given {
            let site = Some(crate::plant::site(index / 2));
            let evaluated = penstock_alarm::Evaluated { point: point(*index), site, sample, score: *score };
            restored.sample(&evaluated, &mut again);
        }
        prop_assert_eq!(again, []);
        prop_assert_eq!(course.bench.engine.next_deadline(), restored.next_deadline());

        let stopped_at = course.bench.journal.len();
        let mut other = Course {
            bench: Bench { engine: restored, journal: Vec::new() },
            now: course.now,
            rules: course.rules.clone(),
            given: Vec::new(),
        };
        for (secs, event) in &after {
            course.step(*secs, event);
            other.step(*secs, event);
            prop_assert_eq!(&course.bench.journal[stopped_at..], &other.bench.journal[..], "{:?}", event);
            prop_assert_eq!(course.bench.engine.next_deadline(), other.bench.engine.next_deadline(), "{:?}", event);
        }
        prop_assert_eq!(sorted(&course.bench.engine), sorted(&other.bench.engine));
    }

    /// What a sample that cannot be trusted says makes no difference to anything.
    #[test]
    fn what_cannot_be_trusted_is_not_looked_at(events in events(120)) {
        let told_otherwise: Vec<_> = events.iter().cloned().map(|(after, event)| match event {
            Event::Value { point, late_secs, value, quality, .. } if !quality.is_good() => {
                (after, Event::Value { point, late_secs, value: 14.0 - value, quality, score: None })
            }
            other => (after, other),
        }).collect();
        prop_assert_eq!(Course::of(&events).bench.journal, Course::of(&told_otherwise).bench.journal);
    }

    /// Nothing but good samples raises or clears: one that is not good lets at most run out what had begun before it.
    #[test]
    fn only_good_samples_raise_or_clear(events in events(120)) {
        let mut course = Course::new();
        let joint = ["off 0 and 1", "two of three"].map(|name| rule(name, Subject::Point(point(0)), high(0, 0, 0).condition, 0, 0).id);
        for (after, event) in &events {
            let known = course.bench.journal.len();
            course.step(*after, event);
            let Event::Value { late_secs, quality, .. } = event else { continue };
            if quality.is_good() || matches!(quality, Quality::Uncertain(Doubt::ClockAhead)) {
                continue;
            }
            let at = course.now - Duration::from_secs(late_secs.unsigned_abs());
            for entry in &course.bench.journal[known..] {
                let is_turn = matches!(entry.kind, TransitionKind::Raised | TransitionKind::Cleared);
                let is_of_one_point = !joint.contains(&entry.rule) && !is_about_silence(entry.rule);
                prop_assert!(!is_turn || !is_of_one_point || entry.at < at, "{:?}", entry);
            }
        }
    }

    /// How often it is ticked changes how soon an alarm is known, never which alarms there are or when they began.
    #[test]
    fn ticks_only_tell_sooner(
        values in prop::collection::vec((1..40_i64, 0..4_u8, 0.0..14.0, prop::bool::weighted(0.9)), 1..80),
        step_millis in 700..4_000_i64,
    ) {
        let course = |ticks: bool| {
            let mut bench = Bench::new(rules());
            let mut at = secs(1_000);
            let mut now = at;
            for (after, index, value, is_good) in &values {
                at = at + Duration::from_secs(after.unsigned_abs());
                while ticks && now < at {
                    bench.engine.tick(now, &mut bench.journal);
                    now = now + Duration::from_millis(step_millis.unsigned_abs());
                }
                let quality = if *is_good { Quality::Good } else { Quality::Bad(Fault::Device) };
                bench.give(*index, &sample(at, at, *value, quality), None);
            }
            // What the last samples have begun runs out for both.
            at = at + Duration::from_secs(500);
            (0..4).for_each(|index| bench.give(index, &sample(at, at, 0.0, Quality::Bad(Fault::Device)), None));
            let mut entries: Vec<(RuleId, Timestamp, u64, bool)> = bench.journal.iter()
                .filter(|entry| matches!(entry.kind, TransitionKind::Raised | TransitionKind::Cleared))
                .filter(|entry| !is_about_silence(entry.rule))
                .map(|entry| (entry.rule, entry.at, entry.occurrence, entry.kind == TransitionKind::Cleared))
                .collect();
            entries.sort();
            entries
        };
        prop_assert_eq!(course(true), course(false));
    }

    /// A tick at the next deadline always does something: it never asks to be woken for nothing.
    #[test]
    fn deadlines_are_met(events in events(80)) {
        let mut bench = Course::of(&events).bench;
        for _ in 0..60 {
            let Some(deadline) = bench.engine.next_deadline() else { break };
            let before = bench.journal.len();
            bench.engine.tick(deadline, &mut bench.journal);
            prop_assert!(bench.journal.len() > before, "nothing at {}", deadline);
        }
    }
}

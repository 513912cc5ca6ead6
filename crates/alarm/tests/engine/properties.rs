//! What holds for any course of events.

use std::time::Duration;

use crate::plant::{Bench, facts, high, point, rule, sample, secs, silence, user};
use penstock_alarm::{Axes, Engine, Standing};
use penstock_model::{
    AlarmRule, AlarmState, Condition, Fault, LimitLevel, Quality, RuleId, Subject, Timestamp, Transition,
    TransitionKind,
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Event {
    Value { point: u8, late_secs: i64, value: f64, is_good: bool, score: Option<f32> },
    Tick,
    Acknowledge { rule: usize },
    Comment { rule: usize },
    Disable { rule: usize },
    Enable { rule: usize },
    Remove { rule: usize },
}

fn rules() -> Vec<AlarmRule> {
    let low = Condition::Limit { level: LimitLevel::LowLow, limit: 3.0, deadband: 1.0 };
    vec![
        high(0, 0, 0),
        high(1, 15, 5),
        high(2, 5, 30),
        rule("low 1", Subject::Point(point(1)), low, 10, 0),
        rule("anomaly 3", Subject::Point(point(3)), Condition::Anomaly { score: 0.8 }, 0, 20),
        silence(0, 40, 0),
        silence(1, 30, 10),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let rule = 0..rules().len();
    let value = (0..4_u8, 0..30_i64, 0.0..14.0, prop::bool::weighted(0.85), prop::option::of(0.0..1.0_f32))
        .prop_map(|(point, late_secs, value, is_good, score)| Event::Value { point, late_secs, value, is_good, score });
    prop_oneof![
        12 => value,
        6 => Just(Event::Tick),
        2 => rule.clone().prop_map(|rule| Event::Acknowledge { rule }),
        1 => rule.clone().prop_map(|rule| Event::Comment { rule }),
        1 => rule.clone().prop_map(|rule| Event::Disable { rule }),
        1 => rule.clone().prop_map(|rule| Event::Enable { rule }),
        1 => rule.prop_map(|rule| Event::Remove { rule }),
    ]
}

/// Lets a course of events happen, each so many seconds after the one before.
fn run(events: &[(u8, Event)]) -> Bench {
    let mut bench = Bench::new(rules());
    let mut now = secs(1_000);
    for (after, event) in events {
        now = now + Duration::from_secs(u64::from(*after));
        let rule_at = |index: &usize| rules().swap_remove(*index);
        match event {
            Event::Value { point, late_secs, value, is_good, score } => {
                let quality = if *is_good { Quality::Good } else { Quality::Bad(Fault::Device) };
                let source = now - Duration::from_secs(late_secs.unsigned_abs());
                bench.give(*point, &sample(source, now, *value, quality), *score);
            }
            Event::Tick => bench.engine.tick(now, &mut bench.journal),
            Event::Acknowledge { rule } => {
                let id = rule_at(rule).id;
                let occurrence = bench.engine.state(id).map_or(1, |state| state.occurrence);
                if let Ok(entry) = bench.engine.acknowledge(id, occurrence, user(), None, now) {
                    bench.journal.push(entry);
                }
            }
            Event::Comment { rule } => {
                if let Ok(entry) = bench.engine.comment(rule_at(rule).id, 1, user(), "seen", now) {
                    bench.journal.push(entry);
                }
            }
            Event::Disable { rule } => {
                let disabled = AlarmRule { enabled: false, ..rule_at(rule) };
                bench.engine.set_rules([disabled], now, &mut bench.journal);
            }
            Event::Enable { rule } => bench.engine.set_rules([rule_at(rule)], now, &mut bench.journal),
            Event::Remove { rule } => bench.engine.remove(&[rule_at(rule).id], now, &mut bench.journal),
        }
    }
    bench
}

fn sorted(engine: &Engine) -> Vec<AlarmState> {
    let mut states: Vec<AlarmState> = engine.states().cloned().collect();
    states.sort_by_key(|state| state.rule);
    states
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The journal is all there is to know: replayed once, twice, or onto half of it, it gives the live states.
    #[test]
    fn replayed_is_live(events in prop::collection::vec((0..20_u8, event()), 1..150), cut in 0.0..1.0) {
        let live = run(&events);
        let mut replayed = Engine::new(rules(), Vec::new(), facts(4));
        for entry in live.journal.iter().chain(&live.journal) {
            replayed.apply(entry);
        }
        prop_assert_eq!(sorted(&live.engine), sorted(&replayed));

        let half = (live.journal.len() as f64 * cut) as usize;
        let mut before = Engine::new(Vec::new(), Vec::new(), facts(4));
        live.journal.iter().take(half).for_each(|entry| { before.apply(entry); });
        let states = before.states().cloned().collect();
        let mut restarted = Engine::new(rules(), states, facts(4));
        live.journal.iter().skip(half).for_each(|entry| { restarted.apply(entry); });
        prop_assert_eq!(sorted(&live.engine), sorted(&restarted));
    }

    /// Every entry follows from the one before on every axis; occurrences count up by one; nothing acts on its own.
    #[test]
    fn every_entry_is_allowed(events in prop::collection::vec((0..20_u8, event()), 1..150)) {
        let live = run(&events);
        for rule in rules() {
            let mut axes = Axes::NORMAL;
            let mut occurrence = 0;
            for entry in live.journal.iter().filter(|entry| entry.rule == rule.id) {
                if entry.kind == TransitionKind::Commented {
                    continue;
                }
                let next = axes.after(entry.kind);
                prop_assert!(next.is_some(), "{:?} from {:?}", entry, axes.standing());
                axes = next.unwrap_or(axes);
                occurrence += u64::from(entry.kind == TransitionKind::Raised);
                prop_assert_eq!(entry.occurrence, occurrence);
                let by_person = entry.kind == TransitionKind::Acknowledged;
                prop_assert_eq!(entry.by.is_some(), by_person);
            }
            let standing = live.engine.state(rule.id).map_or(Standing::Normal, |state| Axes::of(state).standing());
            prop_assert_eq!(axes.standing(), standing);
        }
    }

    /// The same events give the same journal.
    #[test]
    fn deterministic(events in prop::collection::vec((0..20_u8, event()), 1..80)) {
        prop_assert_eq!(run(&events).journal, run(&events).journal);
    }

    /// How often it is ticked changes how soon an alarm is known, never which alarms there are or when they began.
    #[test]
    fn ticks_only_tell_sooner(
        values in prop::collection::vec((1..40_i64, 0.0..14.0, prop::bool::weighted(0.9)), 1..60),
        step_millis in 700..4_000_i64,
    ) {
        let course = |ticks: bool| {
            let mut bench = Bench::new(rules());
            let mut at = secs(1_000);
            let mut now = at;
            for (after, value, is_good) in &values {
                at = at + Duration::from_secs(after.unsigned_abs());
                while ticks && now < at {
                    bench.engine.tick(now, &mut bench.journal);
                    now = now + Duration::from_millis(step_millis.unsigned_abs());
                }
                let quality = if *is_good { Quality::Good } else { Quality::Bad(Fault::Device) };
                bench.give(1, &sample(at, at, *value, quality), None);
            }
            let of_point = |entry: &&Transition| {
                [high(1, 0, 0).id, rules()[3].id].contains(&entry.rule)
            };
            let mut entries: Vec<(RuleId, Timestamp, u64, bool)> = bench.journal.iter().filter(of_point)
                .map(|entry| (entry.rule, entry.at, entry.occurrence, entry.kind == TransitionKind::Cleared))
                .collect();
            entries.sort();
            entries
        };
        prop_assert_eq!(course(true), course(false));
    }

    /// A tick at the next deadline always does something: it never asks to be woken for nothing.
    #[test]
    fn deadlines_are_met(events in prop::collection::vec((0..20_u8, event()), 1..80)) {
        let mut bench = run(&events);
        for _ in 0..40 {
            let Some(deadline) = bench.engine.next_deadline() else { break };
            let before = bench.journal.len();
            bench.engine.tick(deadline, &mut bench.journal);
            prop_assert!(bench.journal.len() > before, "nothing at {}", deadline);
        }
    }
}

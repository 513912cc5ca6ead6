//! What an alarm's design does: cool-down, first-out groups, suppression by expression and by schedule.

use std::time::Duration;

use crate::plant::{Bench, facts, high, point, sample, secs, silence, user};
use penstock_alarm::Engine;
use penstock_model::TransitionKind::{Acknowledged, Cleared, Raised, Suppressed, Unshelved, Unsuppressed};
use penstock_model::{
    AlarmRule, Expression, Quality, Schedule, Shelving, Test, Timestamp, Transition, TransitionDetail, Window,
};

fn while_off(index: u8, of: u8) -> AlarmRule {
    let suppressed_while = Some(Expression::Point { point: point(of), test: Test::Is(0) });
    AlarmRule { suppressed_while, ..high(index, 0, 0) }
}

fn was_first_out(entry: &Transition) -> bool {
    matches!(entry.detail, Some(TransitionDetail::Raise(raise)) if raise.first_out)
}

#[test]
fn a_raise_waits_for_the_end_of_the_cool_down() {
    let mut bench = Bench::new(vec![AlarmRule { cool_down: Duration::from_secs(60), ..high(0, 10, 0) }]);
    bench.values(0, &[(0, 12.0), (20, 1.0), (30, 12.0), (50, 12.0)]);
    assert_eq!(bench.entries(), [(Raised, 10), (Cleared, 20)]);
    assert_eq!(bench.engine.next_deadline(), Some(secs(80) + Duration::from_millis(500)));
    bench.tick(90);
    assert_eq!(bench.entries()[2..], [(Raised, 80)]);
    // One that goes away before it is over is not made up for; after it the delay alone counts.
    bench.values(0, &[(100, 1.0), (110, 12.0), (150, 1.0), (165, 12.0), (174, 12.0)]);
    bench.tick(176);
    assert_eq!(bench.entries()[3..], [(Cleared, 100), (Raised, 175)]);
}

#[test]
fn silence_cools_down_too() {
    let mut bench = Bench::new(vec![AlarmRule { cool_down: Duration::from_secs(100), ..silence(0, 60, 0) }]);
    bench.tick(0);
    bench.tick(60);
    bench.give(0, &sample(secs(100), secs(100), 1.0, Quality::Good), None);
    assert_eq!(bench.engine.next_deadline(), Some(secs(200)));
    bench.tick(250);
    assert_eq!(bench.entries(), [(Raised, 60), (Cleared, 100), (Raised, 200)]);
}

#[test]
fn the_first_of_a_group_is_marked() {
    let of = |index, on_secs| AlarmRule { first_out: Some("pump".to_owned()), ..high(index, on_secs, 0) };
    let mut bench = Bench::new(vec![of(0, 20), of(1, 10), of(2, 0)]);
    // Both are found by one tick: the one whose delay was over first is the first.
    bench.value(0, 0, 12.0);
    bench.value(1, 0, 12.0);
    bench.tick(30);
    assert_eq!(bench.entries(), [(Raised, 10), (Raised, 20)]);
    assert_eq!(bench.journal.iter().map(was_first_out).collect::<Vec<_>>(), [true, false]);
    assert!(bench.engine.state(of(1, 0).id).is_some_and(|state| state.first_out));
    // The first returns while another stands: no other becomes the first.
    bench.value(1, 40, 1.0);
    bench.value(2, 50, 12.0);
    assert!(!was_first_out(bench.journal.last().expect("raised")));
    bench.value(0, 60, 1.0);
    bench.value(2, 70, 1.0);
    bench.value(2, 80, 12.0);
    assert!(was_first_out(bench.journal.last().expect("raised")), "all were over before");
}

#[test]
fn a_latched_alarm_holds_its_group_until_it_is_reset() {
    let of = |index| AlarmRule { first_out: Some("pump".to_owned()), latches: true, ..high(index, 0, 0) };
    let mut bench = Bench::new(vec![of(0), of(1)]);
    bench.values(0, &[(0, 12.0), (10, 1.0)]);
    bench.values(1, &[(20, 12.0), (30, 1.0)]);
    assert!(!was_first_out(&bench.journal[2]));
    for rule in [of(0).id, of(1).id] {
        bench.engine.acknowledge(rule, 1, user(), None, secs(40)).expect("acknowledged");
        bench.engine.reset(rule, user(), None, secs(41)).expect("reset");
    }
    bench.value(1, 50, 12.0);
    assert!(was_first_out(bench.journal.last().expect("raised")));
}

#[test]
fn an_expression_suppresses_and_what_is_unknown_keeps_what_was() {
    let rule = while_off(0, 1);
    let mut bench = Bench::new(vec![rule.clone()]);
    bench.value(0, 0, 12.0);
    bench.engine.acknowledge(rule.id, 1, user(), None, secs(5)).expect("acknowledged");
    bench.value(1, 10, 0.0);
    assert_eq!(bench.entries(), [(Raised, 0), (Suppressed, 10)]);
    assert!(bench.engine.state(rule.id).is_some_and(|state| !state.is_listed() && state.active));
    // Neither bad nor stale ends it; nor does history that says otherwise.
    bench.give(1, &sample(secs(20), secs(20), 1.0, Quality::Uncertain(penstock_model::Doubt::Device)), None);
    bench.tick(500);
    bench.give(1, &sample(secs(30), secs(900), 1.0, Quality::Good), None);
    assert_eq!(bench.entries().len(), 2);
    bench.value(1, 910, 1.0);
    assert_eq!(bench.entries()[2..], [(Unsuppressed, 910)]);
    let state = bench.engine.state(rule.id).expect("a state");
    assert!(!state.acknowledged && state.is_listed(), "it calls afresh");
    assert_eq!(state.called_at, secs(910) + Duration::from_millis(500));
}

#[test]
fn what_is_known_late_is_written_down_in_the_order_it_happened() {
    let rule = while_off(0, 1);
    let mut bench = Bench::new(vec![rule.clone()]);
    bench.value(1, 0, 0.0);
    bench.value(0, 10, 12.0);
    let shelving = Shelving { until: secs(100), one_shot: false };
    bench.journal.push(bench.engine.shelve(rule.id, shelving, user(), "works on site", secs(20)).expect("shelved"));
    // Nobody ticked at 100; what ended the suppression since is in the journal when the shelf's end is found.
    bench.value(1, 105, 1.0);
    bench.tick(110);
    assert_eq!(bench.entries()[3..], [(Unsuppressed, 105), (Unshelved, 105)]);
    assert!(bench.engine.state(rule.id).is_some_and(|state| state.is_listed() && state.called_at > secs(105)));
}

#[test]
fn one_sample_suppresses_before_it_raises_and_lets_go_after_it_clears() {
    let rule = while_off(0, 0);
    let hides = Expression::Point { point: point(0), test: Test::AtLeast(11.0) };
    let mut bench = Bench::new(vec![AlarmRule { suppressed_while: Some(hides), ..rule }]);
    bench.values(0, &[(0, 12.0), (10, 1.0)]);
    assert_eq!(bench.entries(), [(Suppressed, 0), (Raised, 0), (Cleared, 10), (Unsuppressed, 10)]);
}

#[test]
fn a_schedule_suppresses_outside_its_windows() {
    // Every day from 06:00 to 22:00 in India.
    let day = Window { days: [true; 7], from_minute: 360, minutes: 960 };
    let rule = AlarmRule { schedule: Some(Schedule { windows: vec![day] }), ..high(0, 0, 0) };
    let at = |text: &str| Timestamp::parse(text).expect("a time");
    let mut bench = Bench::new(vec![rule.clone()]);
    bench.engine.set_utc_offset(19_800);
    bench.engine.tick(at("2026-11-21T21:00:00+05:30"), &mut bench.journal);
    assert_eq!(bench.journal, []);
    assert_eq!(bench.engine.next_deadline(), Some(at("2026-11-21T22:00:00+05:30")));
    // Slept over the night: what happened in between is written down with its times.
    bench.engine.tick(at("2026-11-22T06:30:00+05:30"), &mut bench.journal);
    let entries: Vec<_> = bench.journal.iter().map(|entry| (entry.kind, entry.at)).collect();
    let expect = [(Suppressed, at("2026-11-21T22:00:00+05:30")), (Unsuppressed, at("2026-11-22T06:00:00+05:30"))];
    assert_eq!(entries, expect);
    // A rule without a schedule is not suppressed by one any more.
    bench.engine.tick(at("2026-11-22T23:00:00+05:30"), &mut bench.journal);
    let now = at("2026-11-22T23:10:00+05:30");
    bench.engine.set_rules([AlarmRule { schedule: None, version: 2, ..rule }], now, &mut bench.journal);
    let last = bench.journal.last().expect("an entry");
    assert_eq!((last.kind, last.at), (Unsuppressed, now));
}

#[test]
fn a_rule_that_goes_suppresses_no_more_but_what_people_keep_stays() {
    let rule = while_off(0, 1);
    let mut bench = Bench::new(vec![rule.clone()]);
    bench.value(1, 0, 0.0);
    bench.value(0, 10, 12.0);
    let shelving = Shelving { until: secs(500), one_shot: false };
    bench.engine.shelve(rule.id, shelving, user(), "works on site", secs(20)).expect("shelved");
    bench.engine.remove(&[rule.id], secs(30), &mut bench.journal);
    assert_eq!(bench.entries(), [(Suppressed, 0), (Raised, 10), (Cleared, 30), (Unsuppressed, 30)]);
    assert!(bench.engine.state(rule.id).is_some_and(|state| state.shelf.is_some()));
    assert!(bench.engine.shelve(rule.id, shelving, user(), "again", secs(40)).is_err(), "there is no such alarm");
    bench.tick(500);
    assert!(bench.engine.state(rule.id).is_some_and(|state| state.shelf.is_none()), "a shelf ends all the same");
}

#[test]
fn a_suppression_goes_on_after_a_restart_until_more_is_known() {
    let rule = while_off(0, 1);
    let mut bench = Bench::new(vec![rule.clone()]);
    bench.value(1, 0, 0.0);
    let states: Vec<_> = bench.engine.states().cloned().collect();
    let mut engine = Engine::new(vec![rule.clone()], states.clone(), facts(4));
    let mut journal = Vec::new();
    engine.tick(secs(10), &mut journal);
    assert_eq!(journal, []);
    // Unless its design has it no more.
    let plain = AlarmRule { suppressed_while: None, ..rule };
    let mut engine = Engine::new(vec![plain], states, facts(4));
    engine.tick(secs(10), &mut journal);
    assert_eq!(journal.iter().map(|entry| entry.kind).collect::<Vec<_>>(), [Unsuppressed]);
    assert!(!journal.iter().any(|entry| entry.kind == Acknowledged));
}

//! Taking a snapshot up again, also where it does not fit any more.

use std::time::Duration;

use crate::plant::{Bench, facts, high, point, rule, sample, secs, silence};
use penstock_alarm::{Engine, PointFacts, Snapshot};
use penstock_model::TransitionKind::{Cleared, Raised};
use penstock_model::{AlarmRule, AlarmState, Condition, Expression, Fault, Quality, Side, Subject, Test};

fn restored(rules: Vec<AlarmRule>, states: Vec<AlarmState>, points: Vec<PointFacts>, snapshot: &Snapshot) -> Bench {
    Bench { engine: Engine::restore(rules, states, points, snapshot.clone()), journal: Vec::new() }
}

fn states(bench: &Bench) -> Vec<AlarmState> {
    bench.engine.states().cloned().collect()
}

#[test]
fn a_running_delay_goes_on() {
    let rules = vec![high(0, 20, 0)];
    let mut bench = Bench::new(rules.clone());
    bench.value(0, 0, 12.0);
    bench.value(0, 15, 12.0);
    let mut after = restored(rules.clone(), states(&bench), facts(4), &bench.engine.snapshot());
    after.tick(21);
    assert_eq!(after.entries(), [(Raised, 20)]);
    // Without one it begins again with the next sample.
    let mut anew = Bench::new(rules);
    anew.value(0, 16, 12.0);
    anew.tick(21);
    assert_eq!(anew.entries(), []);
}

#[test]
fn what_a_window_holds_is_taken_up() {
    let over = Duration::from_secs(60);
    let condition = Condition::Rate { side: Side::Above, per_second: 0.1, over, deadband: 0.0 };
    let rules = vec![rule("rate", Subject::Point(point(0)), condition, 0, 0)];
    let mut bench = Bench::new(rules.clone());
    bench.values(0, &[(0, 5.0), (40, 5.0)]);
    let mut after = restored(rules, states(&bench), facts(4), &bench.engine.snapshot());
    after.value(0, 60, 15.0);
    assert_eq!(after.entries(), [(Raised, 60)]);
}

#[test]
fn a_site_that_speaks_again_needs_no_second_sign() {
    let rules = vec![silence(0, 60, 30)];
    let mut bench = Bench::new(rules.clone());
    bench.tick(0);
    bench.tick(60);
    bench.value(0, 100, 1.0);
    let mut after = restored(rules, states(&bench), facts(4), &bench.engine.snapshot());
    after.tick(131);
    assert_eq!(after.entries(), [(Cleared, 130)]);
}

#[test]
fn a_cool_down_goes_on() {
    let rules = vec![AlarmRule { cool_down: Duration::from_secs(60), ..high(0, 0, 0) }];
    let mut bench = Bench::new(rules.clone());
    bench.values(0, &[(0, 12.0), (10, 1.0)]);
    let mut after = restored(rules, states(&bench), facts(4), &bench.engine.snapshot());
    after.value(0, 20, 12.0);
    assert_eq!(after.entries(), []);
    after.tick(71);
    assert_eq!(after.entries(), [(Raised, 70)]);
}

#[test]
fn a_delay_is_left_out_where_the_state_is_newer() {
    let rules = vec![high(0, 20, 5)];
    let mut bench = Bench::new(rules.clone());
    bench.value(0, 0, 12.0);
    let before = bench.engine.snapshot();
    bench.tick(21);
    // The alarm was raised after the snapshot was written: what was left until then must not clear it.
    let mut after = restored(rules, states(&bench), facts(4), &before);
    after.tick(60);
    assert_eq!(after.entries(), []);
    after.values(0, &[(70, 1.0), (80, 1.0)]);
    assert_eq!(after.entries(), [(Cleared, 75)]);
}

#[test]
fn a_suppression_is_left_out_where_the_state_is_newer() {
    let suppressed_while = Some(Expression::Point { point: point(1), test: Test::Is(0) });
    let rules = vec![AlarmRule { suppressed_while, ..high(0, 0, 0) }];
    let mut bench = Bench::new(rules.clone());
    bench.value(1, 0, 1.0);
    let before = bench.engine.snapshot();
    bench.value(1, 10, 0.0);
    let mut after = restored(rules, states(&bench), facts(4), &before);
    after.tick(20);
    assert_eq!(after.entries(), [], "it stays suppressed until more is known");
}

#[test]
fn a_rule_that_was_changed_starts_over() {
    let mut bench = Bench::new(vec![high(0, 20, 0)]);
    bench.value(0, 0, 12.0);
    let changed = AlarmRule { version: 2, ..high(0, 20, 0) };
    let mut after = restored(vec![changed], states(&bench), facts(4), &bench.engine.snapshot());
    after.tick(60);
    assert_eq!(after.entries(), []);
}

#[test]
fn a_snapshot_of_another_form_is_not_taken_up() {
    let rules = vec![high(0, 20, 0)];
    let mut bench = Bench::new(rules.clone());
    bench.value(0, 0, 12.0);
    let mut stored = serde_json::to_value(bench.engine.snapshot()).expect("plain data");
    stored["version"] = 99.into();
    let newer: Snapshot = serde_json::from_value(stored).expect("readable");
    let after = restored(rules, states(&bench), facts(4), &newer);
    assert_eq!(after.engine.next_deadline(), None);
}

#[test]
fn what_was_evaluated_after_the_snapshot_is_not_evaluated_again() {
    let rules = vec![high(0, 0, 0)];
    let mut bench = Bench::new(rules.clone());
    bench.value(0, 0, 1.0);
    let known = |until| vec![PointFacts { evaluated_until: Some(secs(until)), ..facts(1)[0] }];
    let mut after = restored(rules, states(&bench), known(50), &bench.engine.snapshot());
    after.value(0, 40, 12.0);
    assert_eq!(after.entries(), []);
    after.value(0, 51, 12.0);
    assert_eq!(after.entries(), [(Raised, 51)]);
}

#[test]
fn the_same_sample_twice_is_one() {
    let condition = Condition::Count { of: Test::Is(1), at_least: 2, within: Duration::from_secs(300) };
    let mut bench = Bench::new(vec![rule("count", Subject::Point(point(0)), condition, 0, 0)]);
    for at in [0, 10, 10, 10] {
        bench.value(0, at, f64::from(u8::from(at > 0)));
    }
    // A bad one of the same time is the same sample, too.
    bench.give(0, &sample(secs(10), secs(12), 0.0, Quality::Bad(Fault::Device)), None);
    assert_eq!(bench.entries(), []);
    bench.values(0, &[(20, 0.0), (30, 1.0)]);
    assert_eq!(bench.entries(), [(Raised, 30)]);
}

#[test]
fn a_snapshot_says_nothing_of_what_is_quiet() {
    let rules: Vec<_> = (0..200).map(|index| high(index, 10, 10)).collect();
    let mut bench = Bench::new(rules);
    let empty = serde_json::to_string(&bench.engine.snapshot()).expect("plain data");
    assert!(empty.len() < 150, "{empty}");
    bench.value(0, 0, 1.0);
    let one = serde_json::to_string(&bench.engine.snapshot()).expect("plain data");
    assert!(one.len() < 600, "one point that spoke, its site and its asset: {one}");
}

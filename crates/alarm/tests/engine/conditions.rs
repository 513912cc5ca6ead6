//! Conditions beyond a limit: several points, what looks back, silence of an asset.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::plant::{Bench, asset, facts, point, rule, sample, secs};
use penstock_alarm::{Engine, Evaluated};
use penstock_model::TransitionKind::{Cleared, Raised};
use penstock_model::{
    AlarmRule, Condition, Expression, Fault, Quality, Reference, Side, Subject, Test, Transition, TransitionKind,
};

fn on(index: u8, condition: Condition, on_secs: u64) -> AlarmRule {
    rule("rule", Subject::Point(point(index)), condition, on_secs, 0)
}

fn leaf(index: u8, test: Test) -> Expression {
    Expression::Point { point: point(index), test }
}

fn bad(bench: &mut Bench, index: u8, at: i64) {
    bench.give(index, &sample(secs(at), secs(at), 0.0, Quality::Bad(Fault::Device)), Some(1.0));
}

#[test]
fn a_deviation_follows_the_point_that_carries_the_setpoint() {
    let from = Reference::Point(point(1));
    let mut bench =
        Bench::new(vec![on(0, Condition::Deviation { from, side: Side::Above, by: 5.0, deadband: 1.0 }, 20)]);
    bench.value(0, 0, 20.0);
    bench.tick(50);
    assert_eq!(bench.entries(), [], "no setpoint is known");
    bench.value(1, 60, 14.0);
    bench.value(0, 70, 20.0);
    bench.tick(81);
    assert_eq!(bench.entries(), [(Raised, 80)], "its delay began with the setpoint");
    assert_eq!(bench.journal[0].value, Some(20.0), "the value of its subject");
    // The setpoint moves: a sample of that point alone ends it, past the deadband.
    bench.value(1, 90, 16.0);
    bench.value(1, 95, 16.1);
    assert_eq!(bench.entries(), [(Raised, 80), (Cleared, 95)]);
}

#[test]
fn a_reference_that_goes_stale_stops_the_delay_to_the_second() {
    let from = Reference::Point(point(1));
    let mut bench =
        Bench::new(vec![on(0, Condition::Deviation { from, side: Side::Above, by: 5.0, deadband: 0.0 }, 60)]);
    bench.value(1, 0, 10.0);
    bench.value(0, 50, 20.0);
    bench.value(0, 90, 20.0);
    // 50 to 100 counts, then the reference is 100 s old. With a new one 10 s are left.
    bench.value(0, 150, 20.0);
    assert_eq!(bench.entries(), []);
    bench.value(1, 160, 10.0);
    bench.value(0, 169, 20.0);
    bench.tick(169);
    assert_eq!(bench.entries(), []);
    bench.tick(171);
    assert_eq!(bench.entries(), [(Raised, 170)]);
}

#[test]
fn an_expression_takes_what_is_not_known_for_neither() {
    let both = Expression::all(vec![leaf(0, Test::AtLeast(10.0)), leaf(1, Test::Is(1))]);
    let rule = rule("rule", Subject::Asset(asset(0)), Condition::Expression(both), 0, 0);
    let mut bench = Bench::new(vec![rule]);
    bench.value(0, 0, 12.0);
    bad(&mut bench, 1, 5);
    assert_eq!(bench.entries(), [], "the second is not known");
    bench.value(1, 10, 1.0);
    assert_eq!(bench.entries(), [(Raised, 10)]);
    assert_eq!(bench.journal[0].value, None, "it is about no one point");
    bad(&mut bench, 0, 20);
    bench.tick(119);
    assert_eq!(bench.entries().len(), 1, "a bad sample does not clear");
    bench.value(1, 130, 0.0);
    assert_eq!(bench.entries(), [(Raised, 10), (Cleared, 130)], "this decides alone");
}

#[test]
fn an_expression_that_is_known_in_part_goes_on_where_that_decides() {
    let any = Expression::any(vec![leaf(0, Test::AtLeast(10.0)), leaf(1, Test::AtLeast(10.0))]);
    let mut bench = Bench::new(vec![on(0, Condition::Expression(any), 150)]);
    bench.value(1, 0, 5.0);
    bench.value(0, 50, 12.0);
    // The second goes stale at 100, which does not matter; the first is known until 150, and again from 160 on.
    bench.value(0, 160, 12.0);
    bench.tick(211);
    assert_eq!(bench.entries(), [(Raised, 210)]);
}

#[test]
fn a_device_whose_clock_is_ahead_does_not_make_the_others_old() {
    let both = Expression::all(vec![leaf(0, Test::AtLeast(10.0)), leaf(1, Test::AtLeast(10.0))]);
    let mut bench = Bench::new(vec![on(0, Condition::Expression(both), 20)]);
    for at in [0, 10, 20, 30] {
        bench.give(0, &sample(secs(at + 150), secs(at), 12.0, Quality::Good), None);
        bench.give(1, &sample(secs(at + 5), secs(at + 5), 12.0, Quality::Good), None);
    }
    assert_eq!(bench.entries(), [(Raised, 25)]);
}

#[test]
fn deadlines_see_what_goes_stale_before() {
    let both = Expression::all(vec![leaf(0, Test::AtLeast(10.0)), leaf(1, Test::AtLeast(10.0))]);
    let mut bench = Bench::new(vec![on(0, Condition::Expression(both), 60)]);
    bench.value(0, 0, 12.0);
    bench.value(1, 50, 12.0);
    assert_eq!(bench.engine.next_deadline(), None, "the first is stale before the delay is over");
    bench.value(0, 60, 12.0);
    let deadline = bench.engine.next_deadline().expect("both stand long enough");
    bench.engine.tick(deadline - Duration::from_micros(1), &mut bench.journal);
    assert_eq!(bench.entries(), []);
    bench.engine.tick(deadline, &mut bench.journal);
    assert_eq!(bench.entries(), [(Raised, 110)]);
}

#[test]
fn a_rate_needs_a_value_from_before() {
    let condition =
        Condition::Rate { side: Side::Below, per_second: 0.1, over: Duration::from_secs(60), deadband: 0.05 };
    let mut bench = Bench::new(vec![on(0, condition, 0)]);
    bench.values(0, &[(0, 20.0), (30, 14.0)]);
    assert_eq!(bench.entries(), [], "fast, but not looked at for a minute yet");
    bench.values(0, &[(60, 13.0), (90, 13.0), (120, 13.0)]);
    assert_eq!(bench.entries(), [(Raised, 60), (Cleared, 90)]);
    bad(&mut bench, 0, 150);
    bench.value(0, 180, 0.0);
    assert_eq!(bench.entries().len(), 3, "bad samples are not looked at");
}

#[test]
fn a_value_that_does_not_move_is_stuck_until_it_does() {
    let mut bench = Bench::new(vec![on(0, Condition::Stuck { within: 0.1, after: Duration::from_secs(120) }, 0)]);
    bench.values(0, &[(0, 5.0), (60, 5.05), (119, 5.0)]);
    bench.tick(130);
    assert_eq!(bench.entries(), [], "a tick is no sample");
    bench.values(0, &[(140, 5.0), (150, 6.0)]);
    assert_eq!(bench.entries(), [(Raised, 140), (Cleared, 150)]);
}

#[test]
fn a_pump_that_starts_too_often_is_counted() {
    let condition = Condition::Count { of: Test::Is(1), at_least: 3, within: Duration::from_secs(300) };
    let mut bench = Bench::new(vec![on(0, condition, 0)]);
    let cycle = |at: i64| [(at, 0.0), (at + 30, 1.0)];
    for at in [0, 60, 120] {
        bench.values(0, &cycle(at));
    }
    assert_eq!(bench.entries(), [(Raised, 150)]);
    for at in (180..=400).step_by(20) {
        bench.value(0, at, 1.0);
    }
    assert_eq!(bench.entries(), [(Raised, 150), (Cleared, 340)], "the start at 30 is out of the window");
}

#[test]
fn states_alarm() {
    let mut bench = Bench::new(vec![on(0, Condition::State { states: BTreeSet::from([2, 4]) }, 10)]);
    bench.values(0, &[(0, 2.0), (5, 4.0), (11, 1.0)]);
    assert_eq!(bench.entries(), [(Raised, 10), (Cleared, 11)], "one state of several goes on as another");
}

#[test]
fn an_asset_is_silent_on_its_own() {
    let of_asset = |index: u8| {
        let condition = Condition::Silence { after: Duration::from_secs(60) };
        rule(&format!("silence {index}"), Subject::Asset(asset(index)), condition, 0, 0)
    };
    let mut bench = Bench::new(vec![of_asset(0), of_asset(1)]);
    bench.tick(0);
    (0..10).for_each(|step| bench.value(0, step * 10, 1.0));
    bench.tick(99);
    assert_eq!(bench.entries(), [(Raised, 60)]);
    assert_eq!(bench.journal[0].rule, of_asset(1).id, "the other device of the same site");
    bench.value(1, 100, 1.0);
    assert_eq!(bench.entries(), [(Raised, 60), (Cleared, 100)]);
}

#[test]
fn nothing_is_cleared_by_having_forgotten() {
    let looks_back = [
        Condition::Rate { side: Side::Above, per_second: 0.1, over: Duration::from_secs(60), deadband: 0.0 },
        Condition::Stuck { within: 0.1, after: Duration::from_secs(60) },
        Condition::Count { of: Test::Is(1), at_least: 2, within: Duration::from_secs(600) },
    ];
    for condition in looks_back {
        let kind = condition.kind();
        let rule = on(0, condition, 0);
        let raised = Transition {
            rule: rule.id,
            occurrence: 1,
            kind: TransitionKind::Raised,
            at: secs(0),
            value: None,
            by: None,
            comment: None,
            rule_version: 1,
            detail: None,
        };
        let mut before = Engine::new(vec![rule.clone()], Vec::new(), facts(4));
        assert!(before.apply(&raised));
        let mut engine = Engine::new(vec![rule], before.states().cloned().collect(), facts(4));
        let mut journal = Vec::new();
        for at in [10, 30] {
            let sample = sample(secs(at), secs(at), 1.0, Quality::Good);
            engine.sample(&Evaluated { point: point(0), site: None, sample: &sample, score: None }, &mut journal);
        }
        assert_eq!(journal, [], "{kind}: not looked at for long enough to say");
    }
}

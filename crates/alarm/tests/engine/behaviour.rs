//! The engine as a station uses it: delays, quality, silence, people, changes of rules.

use std::time::Duration;

use crate::plant::{Bench, facts, high, point, rule, sample, secs, silence, site, user};
use penstock_alarm::{Engine, Error, Evaluated, PointFacts};
use penstock_model::TransitionKind::{Acknowledged, Cleared, Commented, Raised};
use penstock_model::{Condition, Doubt, Fault, Quality, Subject, Transition};

#[test]
fn raises_after_the_on_delay_and_clears_after_the_off_delay() {
    let mut bench = Bench::new(vec![high(0, 20, 30)]);
    bench.value(0, 0, 9.0);
    bench.value(0, 10, 10.0);
    bench.tick(29);
    assert_eq!(bench.entries(), []);
    bench.tick(31);
    assert_eq!(bench.entries(), [(Raised, 30)]);
    // Inside the deadband it goes on; back by more than the deadband for 30 s ends it.
    bench.value(0, 40, 8.0);
    bench.value(0, 50, 7.9);
    bench.value(0, 70, 8.5);
    bench.value(0, 80, 7.0);
    bench.tick(109);
    assert_eq!(bench.entries().len(), 1);
    bench.tick(111);
    assert_eq!(bench.entries(), [(Raised, 30), (Cleared, 110)]);
    let state = bench.engine.state(high(0, 0, 0).id).expect("raised");
    assert!(!state.active && !state.acknowledged && state.is_listed());
}

/// A device that measures every second and tells of it once a minute, while the clock ticks.
#[test]
fn a_delay_does_not_run_twice_where_samples_come_in_batches() {
    let mut bench = Bench::new(vec![high(0, 100, 90)]);
    for minute in 0..8 {
        for second in minute * 60..(minute + 1) * 60 {
            let value = if (65..280).contains(&second) { 12.0 } else { 5.0 };
            bench.give(0, &sample(secs(second), secs((minute + 1) * 60), value, Quality::Good), None);
        }
        ((minute + 1) * 60..(minute + 2) * 60).for_each(|now| bench.tick(now));
    }
    assert_eq!(bench.entries(), [(Raised, 165), (Cleared, 370)]);
}

#[test]
fn a_value_inside_the_deadband_never_raises() {
    let mut bench = Bench::new(vec![high(0, 0, 0)]);
    (0..50).for_each(|at| bench.value(0, at, 9.9));
    assert_eq!(bench.entries(), []);
    bench.value(0, 50, 10.0);
    bench.value(0, 51, 9.9);
    bench.value(0, 52, 7.0);
    assert_eq!(bench.entries(), [(Raised, 50), (Cleared, 52)]);
}

#[test]
fn a_short_excursion_is_no_alarm() {
    let mut bench = Bench::new(vec![high(0, 20, 0)]);
    for (at, value) in [(0, 12.0), (10, 12.0), (19, 9.5), (20, 12.0), (39, 12.0), (40, 5.0)] {
        bench.value(0, at, value);
    }
    bench.tick(60);
    assert_eq!(bench.entries(), [], "a sample at the very end of the delay decides for itself");
}

#[test]
fn history_gives_the_same_alarms_with_the_same_times() {
    let series = [(0, 9.0), (10, 12.0), (40, 12.0), (70, 7.0), (100, 7.0), (160, 11.0), (190, 11.0), (220, 3.0)];
    let mut live = Bench::new(vec![high(0, 20, 20)]);
    for (at, value) in series {
        live.value(0, at, value);
        (at..at + 30).for_each(|now| live.tick(now + 1));
    }
    // The same three days later, all within one second, with ticks in between that must not count.
    let mut filled = Bench::new(vec![high(0, 20, 20)]);
    let now = secs(3 * 86_400);
    for (index, (at, value)) in (0..).zip(series) {
        let received = now + Duration::from_millis(index);
        filled.give(0, &sample(secs(at), received, value, Quality::Good), None);
        filled.engine.tick(received, &mut filled.journal);
    }
    assert_eq!(live.entries(), [(Raised, 30), (Cleared, 90), (Raised, 180), (Cleared, 240)]);
    assert_eq!(
        filled.entries(),
        [(Raised, 30), (Cleared, 90), (Raised, 180)],
        "the last one's future is not history's"
    );
    filled.engine.tick(now + Duration::from_secs(3_600), &mut filled.journal);
    assert_eq!(filled.journal.len(), 3);
}

#[test]
fn a_gap_longer_than_the_value_stands_does_not_count() {
    let mut bench = Bench::new(vec![high(0, 150, 0)]);
    bench.value(0, 0, 12.0);
    // 100 s count until the value is stale, then nothing is known.
    bench.tick(500);
    bench.value(0, 1_000, 12.0);
    bench.value(0, 1_049, 12.0);
    bench.tick(1_049);
    assert_eq!(bench.entries(), []);
    bench.tick(1_051);
    assert_eq!(bench.entries(), [(Raised, 1_050)]);
}

#[test]
fn only_good_samples_raise_or_clear() {
    let bad = [
        Quality::Bad(Fault::Device),
        Quality::Bad(Fault::Disconnected),
        Quality::Uncertain(Doubt::OutOfRange),
        Quality::Uncertain(Doubt::ClockAhead),
    ];
    for quality in bad {
        let mut bench = Bench::new(vec![high(0, 0, 0)]);
        bench.give(0, &sample(secs(0), secs(0), 99.0, quality), Some(1.0));
        bench.tick(5);
        assert_eq!(bench.entries(), [], "{quality:?} raised");
        bench.value(0, 10, 99.0);
        bench.give(0, &sample(secs(20), secs(20), 0.0, quality), Some(0.0));
        bench.tick(25);
        assert_eq!(bench.entries(), [(Raised, 10)], "{quality:?} cleared");
    }
}

#[test]
fn a_bad_sample_freezes_a_running_delay() {
    let mut bench = Bench::new(vec![high(0, 20, 0)]);
    bench.value(0, 0, 12.0);
    bench.give(0, &sample(secs(15), secs(15), 0.0, Quality::Bad(Fault::Device)), None);
    bench.tick(60);
    assert_eq!(bench.entries(), []);
    bench.value(0, 70, 12.0);
    bench.tick(76);
    assert_eq!(bench.entries(), [(Raised, 75)], "15 s before and 5 s after");
}

#[test]
fn a_clock_that_runs_ahead_does_not_shut_the_point_out() {
    let mut bench = Bench::new(vec![high(0, 0, 0)]);
    bench.value(0, 0, 5.0);
    bench.give(0, &sample(secs(9_000), secs(1), 5.0, Quality::Uncertain(Doubt::ClockAhead)), None);
    bench.value(0, 2, 12.0);
    assert_eq!(bench.entries(), [(Raised, 2)]);
}

#[test]
fn older_samples_are_not_evaluated_but_show_that_the_site_lives() {
    let mut bench = Bench::new(vec![high(0, 0, 0), silence(0, 60, 0)]);
    bench.tick(0);
    bench.value(0, 50, 5.0);
    bench.give(0, &sample(secs(20), secs(100), 99.0, Quality::Good), None);
    bench.tick(155);
    assert_eq!(bench.entries(), []);
    bench.tick(160);
    assert_eq!(bench.entries(), [(Raised, 160)]);
}

#[test]
fn silence_is_one_alarm_for_each_site() {
    let mut bench = Bench::new(vec![silence(0, 60, 0), silence(1, 60, 0), high(0, 0, 0)]);
    bench.tick(0);
    for at in (0..100).step_by(10) {
        bench.value(2, at, 1.0);
    }
    for now in 60..100 {
        bench.tick(now);
    }
    assert_eq!(bench.entries(), [(Raised, 60)]);
    assert_eq!(bench.journal[0].rule, silence(0, 60, 0).id);
    // A broker that says "disconnected" in its stead is no sign of life, any other sample is, once.
    bench.give(1, &sample(secs(100), secs(100), 0.0, Quality::Bad(Fault::Disconnected)), None);
    assert_eq!(bench.journal.len(), 1);
    bench.give(1, &sample(secs(-900), secs(101), 0.0, Quality::Bad(Fault::Device)), None);
    bench.value(0, 102, 1.0);
    assert_eq!(bench.entries(), [(Raised, 60), (Cleared, 101)]);
}

#[test]
fn a_site_must_speak_for_the_off_delay() {
    let mut bench = Bench::new(vec![silence(0, 60, 30)]);
    bench.tick(0);
    bench.tick(70);
    bench.give(0, &sample(secs(100), secs(100), 1.0, Quality::Good), None);
    bench.tick(129);
    assert_eq!(bench.entries(), [(Raised, 60)]);
    bench.tick(130);
    assert_eq!(bench.entries(), [(Raised, 60), (Cleared, 130)]);
}

#[test]
fn a_station_that_was_deaf_does_not_blame_the_sites() {
    let mut bench = Bench::new(vec![silence(0, 60, 0)]);
    bench.tick(0);
    bench.value(0, 1, 1.0);
    bench.engine.listen_from(secs(3_600));
    bench.tick(3_601);
    assert_eq!(bench.entries(), []);
    bench.tick(3_660);
    assert_eq!(bench.entries(), [(Raised, 3_660)]);
}

#[test]
fn scores_raise_and_their_absence_says_nothing() {
    let anomaly = rule("anomaly", Subject::Point(point(0)), Condition::Anomaly { score: 0.8 }, 0, 20);
    let mut bench = Bench::new(vec![anomaly]);
    let mut give = |at, score| bench.give(0, &sample(secs(at), secs(at), 1.0, Quality::Good), score);
    give(0, Some(0.79));
    give(10, Some(0.8));
    give(20, Some(0.1));
    give(30, None);
    give(80, Some(0.2));
    give(89, Some(0.2));
    give(95, Some(0.2));
    assert_eq!(bench.entries(), [(Raised, 10), (Cleared, 90)]);
}

#[test]
fn people_acknowledge_what_they_saw() {
    let rule = high(0, 0, 0).id;
    let mut bench = Bench::new(vec![high(0, 0, 0)]);
    let act = |bench: &mut Bench, occurrence, at| bench.engine.acknowledge(rule, occurrence, user(), None, secs(at));
    assert_eq!(act(&mut bench, 1, 0), Err(Error::NeverRaised(rule)));
    bench.value(0, 0, 12.0);
    bench.value(0, 10, 1.0);
    bench.value(0, 20, 12.0);
    assert_eq!(act(&mut bench, 1, 21), Err(Error::RaisedAgain { rule, given: 1, current: 2 }));
    assert_eq!(act(&mut bench, 3, 21), Err(Error::NoSuchOccurrence { rule, given: 3, current: 2 }));
    let entry = act(&mut bench, 2, 22).expect("acknowledged");
    assert_eq!((entry.kind, entry.by, entry.value), (Acknowledged, Some(user()), Some(12.0)));
    let refused = act(&mut bench, 2, 23).expect_err("twice");
    assert_eq!(refused, Error::AlreadyAcknowledged { rule, by: Some(user()) });
    assert!(refused.to_string().contains(&user().to_string()));
    // Returned and raised once more: the acknowledgement is gone.
    bench.value(0, 30, 1.0);
    bench.value(0, 40, 12.0);
    assert!(bench.engine.state(rule).is_some_and(|state| state.active && !state.acknowledged && state.occurrence == 3));
}

#[test]
fn people_comment_on_any_occurrence() {
    let rule = high(0, 0, 0).id;
    let mut bench = Bench::new(vec![high(0, 0, 0)]);
    [(0, 12.0), (10, 1.0), (20, 12.0)].into_iter().for_each(|(at, value)| bench.value(0, at, value));
    let before = bench.engine.state(rule).cloned();
    let entry = bench.engine.comment(rule, 1, user(), "  crew sent ", secs(21)).expect("commented");
    assert_eq!((entry.kind, entry.comment.as_deref(), entry.occurrence), (Commented, Some("crew sent"), 1));
    assert_eq!(bench.engine.comment(rule, 2, user(), " ", secs(22)), Err(Error::EmptyComment));
    assert!(bench.engine.comment(rule, 3, user(), "x", secs(22)).is_err());
    assert_eq!(bench.engine.state(rule).cloned(), before);
}

#[test]
fn a_rule_that_ends_clears_its_alarm() {
    let ends: [fn(&mut Bench); 3] = [
        |bench| {
            let disabled = penstock_model::AlarmRule { enabled: false, version: 2, ..high(0, 0, 0) };
            bench.engine.set_rules([disabled], secs(10), &mut bench.journal);
        },
        |bench| bench.engine.remove(&[high(0, 0, 0).id], secs(10), &mut bench.journal),
        |bench| {
            let moved = penstock_model::AlarmRule { subject: Subject::Point(point(1)), ..high(0, 0, 0) };
            bench.engine.set_rules([moved], secs(10), &mut bench.journal);
        },
    ];
    for end in ends {
        let mut bench = Bench::new(vec![high(0, 0, 0)]);
        bench.value(0, 0, 12.0);
        end(&mut bench);
        assert_eq!(bench.entries(), [(Raised, 0), (Cleared, 10)]);
        bench.value(0, 20, 12.0);
        bench.tick(30);
        assert_eq!(bench.entries().len(), 2, "evaluated no more");
        let entry = bench.engine.acknowledge(high(0, 0, 0).id, 1, user(), None, secs(31));
        assert!(entry.is_ok(), "still to be acknowledged: {entry:?}");
    }
}

#[test]
fn a_changed_rule_keeps_state_and_delay() {
    let mut bench = Bench::new(vec![high(0, 50, 0)]);
    bench.value(0, 0, 12.0);
    let texts = penstock_model::AlarmRule { version: 2, priority: penstock_model::Priority::P1, ..high(0, 50, 0) };
    bench.engine.set_rules([texts], secs(30), &mut bench.journal);
    bench.tick(51);
    assert_eq!(bench.entries(), [(Raised, 50)], "the delay went on");
    assert_eq!(bench.journal[0].rule_version, 2);
    // A higher limit ends it by the value that is known, without waiting for a sample.
    let higher = Condition::Limit { level: penstock_model::LimitLevel::High, limit: 20.0, deadband: 2.0 };
    let raised = penstock_model::AlarmRule { version: 3, condition: higher, ..high(0, 50, 0) };
    bench.engine.set_rules([raised], secs(60), &mut bench.journal);
    assert_eq!(bench.journal.len(), 2);
    assert_eq!(bench.journal[1].kind, Cleared);
}

#[test]
fn a_rule_that_vanished_while_the_engine_was_down_is_cleared_by_the_first_tick() {
    let mut bench = Bench::new(vec![high(0, 0, 0), high(1, 0, 0)]);
    bench.value(0, 0, 12.0);
    bench.value(1, 0, 12.0);
    let states = bench.engine.states().cloned().collect();
    let mut engine = Engine::new(vec![high(1, 0, 0)], states, facts(4));
    let mut journal = Vec::new();
    engine.tick(secs(50), &mut journal);
    let cleared: Vec<_> = journal.iter().map(|entry: &Transition| (entry.rule, entry.kind)).collect();
    assert_eq!(cleared, [(high(0, 0, 0).id, Cleared)]);
}

#[test]
fn what_was_evaluated_before_a_restart_is_not_again() {
    let known = PointFacts { evaluated_until: Some(secs(100)), ..facts(1)[0] };
    let mut engine = Engine::new(vec![high(0, 0, 0)], Vec::new(), [known]);
    let mut journal = Vec::new();
    for (at, expect) in [(99, 0), (101, 1)] {
        let sample = sample(secs(at), secs(200), 50.0, Quality::Good);
        engine.sample(&Evaluated { point: point(0), site: Some(site(0)), sample: &sample, score: None }, &mut journal);
        assert_eq!(journal.len(), expect, "{at}");
    }
}

#[test]
fn the_next_deadline_is_when_a_tick_does_something() {
    let mut bench = Bench::new(vec![high(0, 20, 0), silence(0, 60, 0)]);
    assert_eq!(bench.engine.next_deadline(), None);
    bench.value(0, 0, 12.0);
    let deadline = bench.engine.next_deadline().expect("delay");
    assert_eq!(deadline, secs(20) + Duration::from_millis(500), "as late as the sample was");
    bench.engine.tick(deadline - Duration::from_micros(1), &mut bench.journal);
    assert_eq!(bench.entries(), []);
    bench.engine.tick(deadline, &mut bench.journal);
    assert_eq!(bench.entries(), [(Raised, 20)]);
    assert_eq!(bench.engine.next_deadline(), Some(secs(60) + Duration::from_millis(500)), "silence");
}

#[test]
fn facts_of_a_point_may_change() {
    let mut bench = Bench::new(vec![silence(0, 60, 0), silence(1, 60, 0)]);
    let moved = |index: u8| PointFacts { site: Some(site(1)), ..facts(4)[usize::from(index)] };
    bench.engine.set_points([moved(0), moved(1)]);
    bench.tick(0);
    bench.tick(100);
    assert_eq!(bench.journal.len(), 1, "a site without points is not missed");
    assert_eq!(bench.journal[0].rule, silence(1, 60, 0).id);
}

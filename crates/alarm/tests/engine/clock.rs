//! The station's clock is set, ahead or back, and local time goes over to daylight saving and back.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::plant::{Bench, asset, facts, high, point, rule, sample, secs, silence, user};
use penstock_alarm::Engine;
use penstock_model::TransitionKind::{Cleared, Raised, Shelved, Suppressed, Unsuppressed};
use penstock_model::{
    AlarmRule, Condition, Expression, Fault, Quality, Realarm, Reference, Schedule, Shelf, Shelving, Side, Subject,
    Test, Timestamp, TransitionDetail, TransitionKind, Window,
};
use proptest::prelude::*;

const HOUR: i64 = 3_600;

/// A good sample without a time of its own.
fn untimed(bench: &mut Bench, index: u8, at_secs: i64, value: f64) {
    bench.give(index, &sample(secs(at_secs), secs(at_secs), value, Quality::Good), None);
}

/// Sets the clock by so much, where nothing is shelved: what it says then does not matter.
fn set(bench: &mut Bench, by_secs: i64) {
    set_to(bench, by_secs, 0);
}

/// Sets the clock by so much, to that second.
fn set_to(bench: &mut Bench, by_secs: i64, now_secs: i64) {
    bench.engine.clock_was_set(by_secs * 1_000_000, secs(now_secs), &mut bench.journal);
}

fn shelve(bench: &mut Bench, until_secs: i64, one_shot: bool, at_secs: i64) {
    let shelving = Shelving { until: secs(until_secs), one_shot };
    let entry = bench.engine.shelve(high(0, 0, 0).id, shelving, user(), "works", secs(at_secs)).expect("shelved");
    bench.journal.push(entry);
}

fn shelf(bench: &Bench) -> Option<Shelf> {
    bench.engine.state(high(0, 0, 0).id)?.shelf
}

#[test]
fn a_running_delay_takes_as_long_as_it_would_have() {
    for by in [HOUR, -HOUR] {
        let mut bench = Bench::new(vec![high(0, 60, 30)]);
        let start = 100_000;
        untimed(&mut bench, 0, start, 12.0);
        bench.tick(start + 10);
        set(&mut bench, by);
        let start = start + by;
        bench.tick(start + 11);
        untimed(&mut bench, 0, start + 20, 12.0);
        bench.tick(start + 59);
        assert_eq!(bench.entries(), [], "{by}");
        bench.tick(start + 61);
        assert_eq!(bench.entries(), [(Raised, start + 60)], "{by}");
        // So does the one that ends it, over a second change.
        untimed(&mut bench, 0, start + 70, 1.0);
        set(&mut bench, -by);
        let start = start - by;
        bench.tick(start + 99);
        assert_eq!(bench.entries().len(), 1, "{by}");
        bench.tick(start + 101);
        assert_eq!(bench.entries()[1..], [(Cleared, start + 100)], "{by}");
    }
}

#[test]
fn a_point_is_not_shut_out_by_what_was_said_before() {
    let mut bench = Bench::new(vec![high(0, 0, 0)]);
    untimed(&mut bench, 0, 100_000, 5.0);
    set(&mut bench, -HOUR);
    untimed(&mut bench, 0, 100_001 - HOUR, 12.0);
    assert_eq!(bench.entries(), [(Raised, 100_001 - HOUR)]);
    // Nothing is judged twice for it.
    untimed(&mut bench, 0, 100_001 - HOUR, 1.0);
    assert_eq!(bench.entries().len(), 1);
}

#[test]
fn a_device_with_a_clock_of_its_own_goes_by_that() {
    let give = |bench: &mut Bench, at: i64, received: i64| {
        bench.give(0, &sample(secs(at), secs(received), 12.0, Quality::Good), None);
    };
    for by in [50, -50] {
        let mut bench = Bench::new(vec![high(0, 60, 0)]);
        give(&mut bench, 100_000, 100_001);
        set(&mut bench, by);
        bench.tick(100_030 + by);
        give(&mut bench, 100_050, 100_051 + by);
        assert_eq!(bench.entries(), [], "{by}");
        give(&mut bench, 100_061, 100_062 + by);
        assert_eq!(bench.entries(), [(Raised, 100_060)], "{by}");
    }
}

#[test]
fn a_shelf_lasts_as_long_as_somebody_asked() {
    let id = high(0, 0, 0).id;
    let start = 1_000_000;
    for (by, one_shot) in [(-24 * HOUR, false), (-HOUR, true), (HOUR / 2, false), (24 * HOUR, true)] {
        let mut bench = Bench::new(vec![high(0, 0, 0)]);
        untimed(&mut bench, 0, start, 12.0);
        shelve(&mut bench, start + HOUR, one_shot, start + 1);
        set_to(&mut bench, by, start + 600 + by);
        let moved = bench.journal.last().expect("an entry");
        let shelving = Shelving { until: secs(start + HOUR + by), one_shot };
        assert_eq!((moved.kind, moved.by), (Shelved, None), "{by}");
        assert_eq!(moved.detail, Some(TransitionDetail::Shelving(shelving)), "{by}");
        assert!(moved.comment.as_deref().is_some_and(|why| why.contains("clock was set")), "{moved:?}");
        let kept = shelf(&bench).map(|shelf| (shelf.shelving, shelf.by));
        assert_eq!(kept, Some((shelving, Some(user()))), "{by}: it is still that person's");
        assert_eq!(bench.engine.next_deadline(), Some(shelving.until), "{by}");
        bench.tick(start + HOUR - 1 + by);
        assert!(shelf(&bench).is_some(), "{by}");
        bench.tick(start + HOUR + by);
        assert_eq!(shelf(&bench), None, "{by}");
        // The journal says the same, whatever the clock said.
        let mut replayed = None;
        for entry in &bench.journal {
            assert!(penstock_alarm::apply(&mut replayed, entry), "{entry:?}");
        }
        assert_eq!(replayed.as_ref(), bench.engine.state(id), "{by}");
    }
}

#[test]
fn a_shelf_may_end_before_what_was_said_last() {
    let mut bench = Bench::new(vec![high(0, 0, 0)]);
    untimed(&mut bench, 0, 100_000, 12.0);
    shelve(&mut bench, 100_000 + 2 * HOUR, false, 100_001);
    set_to(&mut bench, -HOUR, 100_002 - HOUR);
    shelve(&mut bench, 100_000 - HOUR / 2, false, 100_003 - HOUR);
    assert!(shelf(&bench).is_some());
    bench.tick(100_000 - HOUR / 2);
    assert_eq!(shelf(&bench), None);
}

#[test]
fn the_time_to_call_again_takes_as_long_as_it_would_have() {
    let realarm = Some(Realarm { after: Duration::from_secs(600), at_most: 1 });
    let rule = AlarmRule { realarm, ..high(0, 0, 0) };
    for by in [-24 * HOUR, -HOUR, HOUR] {
        let mut bench = Bench::new(vec![rule.clone()]);
        let start = 1_000_000;
        untimed(&mut bench, 0, start, 12.0);
        bench.engine.acknowledge(rule.id, 1, user(), None, secs(start + 10)).expect("acknowledged");
        set_to(&mut bench, by, start + 20 + by);
        let due = start + 610 + by;
        bench.tick(due - 1);
        assert_eq!(bench.engine.next_deadline(), Some(secs(due)), "{by}");
        let states = bench.engine.states().cloned().collect();
        let restored = Engine::restore(vec![rule.clone()], states, facts(4), bench.engine.snapshot());
        assert_eq!(restored.next_deadline(), Some(secs(due)), "{by}: over a restart too");
        assert_eq!(bench.entries(), [(Raised, start)], "{by}");
        bench.tick(due);
        assert_eq!(bench.journal.last().map(|entry| entry.kind), Some(TransitionKind::Realarmed), "{by}");
        // The next one has its own time.
        assert_eq!(bench.engine.next_deadline(), None, "{by}");
    }
}

#[test]
fn an_acknowledgement_that_follows_what_lies_ahead_counts_from_now() {
    let realarm = Some(Realarm { after: Duration::from_secs(600), at_most: 1 });
    let rule = AlarmRule { realarm, ..high(0, 0, 0) };
    let mut bench = Bench::new(vec![rule.clone()]);
    untimed(&mut bench, 0, 100_000 + 24 * HOUR, 12.0);
    set_to(&mut bench, -24 * HOUR, 100_001);
    // Its entry follows the raise, by the clock of then.
    bench.engine.acknowledge(rule.id, 1, user(), None, secs(100_010)).expect("acknowledged");
    let seen = bench.engine.state(rule.id).and_then(|state| state.acknowledged_at);
    assert_eq!(seen, Some(secs(100_000 + 24 * HOUR)));
    bench.tick(100_011);
    assert_eq!(bench.engine.next_deadline(), Some(secs(100_611)));
    bench.tick(100_611);
    assert_eq!(bench.journal.last().map(|entry| entry.kind), Some(TransitionKind::Realarmed));
}

#[test]
fn a_schedule_that_was_gone_through_comes_again() {
    let day = Window { days: [true; 7], from_minute: 360, minutes: 960 };
    let rule = AlarmRule { schedule: Some(Schedule { windows: vec![day] }), ..high(0, 0, 0) };
    let at = |text: &str| Timestamp::parse(text).expect("a time");
    let mut bench = Bench::new(vec![rule.clone()]);
    let is_suppressed = |bench: &mut Bench, text: &str| {
        bench.engine.tick(at(text), &mut bench.journal);
        bench.engine.state(rule.id).is_some_and(|state| state.suppressed.is_some())
    };
    assert!(!is_suppressed(&mut bench, "2026-11-21T21:50:00Z"));
    assert!(is_suppressed(&mut bench, "2026-11-21T22:10:00Z"));
    set(&mut bench, -HOUR);
    assert!(!is_suppressed(&mut bench, "2026-11-21T21:10:00Z"));
    assert!(is_suppressed(&mut bench, "2026-11-21T22:00:00Z"));
}

/// Europe/Berlin; the window is from 02:15 to 04:00 local time, every night.
#[test]
fn a_schedule_goes_by_local_time_over_daylight_saving() {
    let night = Window { days: [true; 7], from_minute: 135, minutes: 105 };
    let rule = AlarmRule { schedule: Some(Schedule { windows: vec![night] }), ..high(0, 0, 0) };
    let at = |text: &str| Timestamp::parse(text).expect("a time");
    let check = |begin: &str, change: &str, hours: [i32; 2], expect: &[(TransitionKind, &str)]| {
        let mut bench = Bench::new(vec![rule.clone()]);
        for minute in 0..300 {
            let now = at(begin) + Duration::from_secs(minute * 60);
            bench.engine.set_utc_offset(3_600 * if now < at(change) { hours[0] } else { hours[1] });
            bench.engine.tick(now, &mut bench.journal);
        }
        let found: Vec<_> = bench.journal.iter().map(|entry| (entry.kind, entry.at)).collect();
        let expect: Vec<_> = expect.iter().map(|&(kind, text)| (kind, at(text))).collect();
        assert_eq!(found, expect, "{change}");
    };
    // The hour from 02:00 to 03:00 comes twice.
    let autumn = [
        (Suppressed, "2026-10-25T00:00:00Z"),
        (Unsuppressed, "2026-10-25T00:15:00Z"),
        (Suppressed, "2026-10-25T01:00:00Z"),
        (Unsuppressed, "2026-10-25T01:15:00Z"),
        (Suppressed, "2026-10-25T03:00:00Z"),
    ];
    check("2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", [2, 1], &autumn);
    // The hour from 02:00 to 03:00 does not come.
    let spring = [
        (Suppressed, "2026-03-29T00:00:00Z"),
        (Unsuppressed, "2026-03-29T01:00:00Z"),
        (Suppressed, "2026-03-29T02:00:00Z"),
    ];
    check("2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", [1, 2], &spring);
}

/// One or more of every condition, without anything that goes by the clock on the wall.
fn rules() -> Vec<AlarmRule> {
    let minute = Duration::from_secs(60);
    let at = |index| Subject::Point(point(index));
    let leaf = |index, test| Expression::Point { point: point(index), test };
    let rate = Condition::Rate { side: Side::Either, per_second: 0.05, over: minute, deadband: 0.02 };
    let count = Condition::Count { of: Test::AtLeast(7.0), at_least: 2, within: 3 * minute };
    let off = |from, by| Condition::Deviation { from, side: Side::Either, by, deadband: 1.0 };
    let both = Expression::all(vec![leaf(0, Test::AtLeast(7.0)), leaf(1, Test::AtMost(6.0))]);
    vec![
        high(0, 0, 0),
        AlarmRule { cool_down: minute, ..high(1, 15, 5) },
        high(2, 50, 40),
        rule("off 2", at(2), off(Reference::Setpoint(7.0), 5.0), 0, 5),
        rule("off 0 and 1", at(0), off(Reference::Point(point(1)), 4.0), 10, 10),
        rule("rate 2", at(2), rate, 0, 0),
        rule("stuck 3", at(3), Condition::Stuck { within: 5.0, after: minute }, 0, 20),
        rule("states 3", at(3), Condition::State { states: BTreeSet::from([2, 3, 9]) }, 5, 0),
        rule("count 0", at(0), count, 0, 10),
        rule("both", Subject::Asset(asset(0)), Condition::Expression(both), 20, 0),
        AlarmRule { cool_down: minute, ..silence(0, 40, 0) },
        silence(1, 20, 40),
        rule("silence of 2", Subject::Asset(asset(2)), Condition::Silence { after: minute }, 5, 0),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Alarms of samples without a time of their own are raised and cleared after the same time, however often the
    /// clock is set meanwhile; only the times that they are given are the clock's.
    #[test]
    fn a_clock_that_is_set_changes_times_alone(
        events in prop::collection::vec(
            (0..40_i64, 0..4_u8, 0.0..14.0, prop::bool::weighted(0.9), prop::option::weighted(0.2, -7_200..7_200_i64)),
            1..80,
        ),
    ) {
        let course = |is_set: bool| {
            let mut bench = Bench::new(rules());
            let (mut passed, mut ahead) = (1_000_000, 0);
            let mut told = Vec::new();
            for (after, index, value, is_good, by) in &events {
                passed += after;
                if let Some(by) = by.filter(|_| is_set) {
                    set(&mut bench, by);
                    ahead += by;
                }
                let now = passed + ahead;
                bench.tick(now);
                let quality = if *is_good { Quality::Good } else { Quality::Bad(Fault::Device) };
                bench.give(*index, &sample(secs(now), secs(now), *value, quality), None);
                let since = |at: Timestamp| at.micros_since(secs(ahead));
                told.extend(bench.journal.drain(..).map(|entry| {
                    (entry.rule, entry.kind, entry.occurrence, since(entry.at))
                }));
            }
            told
        };
        prop_assert_eq!(course(true), course(false));
    }
}

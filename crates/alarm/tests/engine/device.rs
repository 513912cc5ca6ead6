//! The silence of a device whose site speaks, which is its own alarm, and of one whose site does not, which is the
//! site's.

use std::time::Duration;

use crate::plant::{Bench, asset, facts, high, point, rule, sample, secs, silence, site};
use penstock_alarm::{Engine, Evaluated, device_silence_rule};
use penstock_model::TransitionKind::{Cleared, Raised};
use penstock_model::{AlarmRule, Asset, AssetKind, Condition, Quality, RuleId, Subject, TransitionKind};

/// The rule that follows for the device of that point.
fn device(index: u8, after_secs: u64) -> AlarmRule {
    let asset = Asset {
        id: asset(index),
        name: format!("PT-{index}"),
        kind: AssetKind::Sensor,
        site: None,
        area: None,
        position: None,
        capacity_m3: None,
        level_span: None,
    };
    device_silence_rule(&asset, Duration::from_secs(after_secs))
}

/// A site with two devices, each with the rule that follows.
fn both() -> Bench {
    Bench::new(vec![silence(0, 60, 0), device(0, 100), device(1, 100)])
}

/// Lets a device speak every ten seconds of a stretch, with a tick after each.
fn speaks(bench: &mut Bench, index: u8, from: i64, until: i64) {
    for at in (from..until).step_by(10) {
        bench.value(index, at, 1.0);
        bench.tick(at + 1);
    }
}

fn entries_of(bench: &Bench, rule: RuleId) -> Vec<(TransitionKind, i64)> {
    let of_rule = bench.journal.iter().filter(|entry| entry.rule == rule);
    of_rule.map(|entry| (entry.kind, entry.at.as_micros() / 1_000_000)).collect()
}

#[test]
fn a_device_that_falls_silent_while_its_site_speaks_is_told_of() {
    let mut bench = both();
    bench.tick(0);
    bench.value(1, 5, 1.0);
    speaks(&mut bench, 0, 10, 100);
    assert_eq!(bench.entries(), []);
    speaks(&mut bench, 0, 100, 160);
    assert_eq!(bench.entries(), [(Raised, 105)]);
    assert_eq!(bench.journal[0].rule, device(1, 100).id);
    bench.value(1, 170, 1.0);
    assert_eq!(bench.entries(), [(Raised, 105), (Cleared, 170)]);
}

#[test]
fn a_site_that_falls_silent_is_one_alarm_and_its_devices_have_time_to_come_back() {
    let mut bench = both();
    bench.tick(0);
    speaks(&mut bench, 0, 0, 50);
    bench.value(1, 45, 1.0);
    (60..400).for_each(|now| bench.tick(now));
    assert_eq!(bench.entries(), [(Raised, 105)]);
    assert_eq!(bench.journal[0].rule, silence(0, 60, 0).id);
    assert_eq!(bench.engine.next_deadline(), None, "no tick raises anything more");
    // One is back at once, the other within its time.
    speaks(&mut bench, 0, 400, 490);
    bench.value(1, 495, 1.0);
    speaks(&mut bench, 0, 500, 560);
    assert_eq!(bench.entries(), [(Raised, 105), (Cleared, 400)]);
    // One that does not come back after the next time is told of when its time is over.
    (560..900).for_each(|now| bench.tick(now));
    speaks(&mut bench, 0, 900, 1_050);
    assert_eq!(entries_of(&bench, device(0, 100).id), []);
    assert_eq!(entries_of(&bench, device(1, 100).id), [(Raised, 1_000)]);
}

#[test]
fn how_often_it_is_ticked_makes_no_difference() {
    let course = |ticks: bool| {
        let mut bench = both();
        bench.tick(0);
        for at in [5, 25, 60, 90, 110, 130, 500, 520, 640, 700] {
            if ticks {
                (at - 4..at).for_each(|now| bench.tick(now));
            }
            bench.value(0, at, 1.0);
        }
        bench.value(1, 701, 1.0);
        bench.tick(702);
        entries_of(&bench, device(1, 100).id)
    };
    assert_eq!(course(true), [(Raised, 100), (Cleared, 701)]);
    assert_eq!(course(false), course(true));
}

#[test]
fn what_a_broker_says_is_evaluated_and_no_sign_of_life() {
    let mut bench = Bench::new(vec![silence(0, 60, 0), high(0, 0, 0)]);
    bench.tick(0);
    bench.tick(70);
    let kept = sample(secs(80), secs(80), 12.0, Quality::Good);
    let evaluated = Evaluated { point: point(0), site: Some(site(0)), sample: &kept, score: None };
    bench.engine.sample_by_broker(&evaluated, &mut bench.journal);
    assert_eq!(bench.entries(), [(Raised, 60), (Raised, 80)]);
    assert_eq!(bench.journal[1].rule, high(0, 0, 0).id);
    bench.value(0, 90, 12.0);
    assert_eq!(bench.entries()[2..], [(Cleared, 90)]);
}

#[test]
fn a_rule_that_a_person_made_counts_by_itself() {
    let condition = Condition::Silence { after: Duration::from_secs(30) };
    let own = rule("silence of device 1", Subject::Asset(asset(1)), condition, 0, 0);
    let mut bench = Bench::new(vec![silence(0, 60, 0), own.clone()]);
    bench.tick(0);
    bench.tick(100);
    assert_eq!(bench.entries(), [(Raised, 30), (Raised, 60)]);
    assert_eq!(bench.journal[0].rule, own.id);
    assert_eq!(bench.engine.state(own.id).map(|state| state.raised_at), Some(secs(30)));
}

/// Of a device that falls silent after second 5, on a site where another one speaks every so many seconds.
#[test]
fn a_device_calls_however_seldom_its_site_speaks() {
    let check = |device_after: u64, site_after: u64, every: i64, expect: &[(TransitionKind, i64)]| {
        let rules = vec![silence(0, site_after, 0), device(1, device_after)];
        let mut bench = Bench::new(rules.clone());
        bench.tick(0);
        bench.value(1, 5, 1.0);
        for at in 1..1_000 {
            bench.tick(at);
            if at % every == 0 {
                bench.value(0, at, 1.0);
            }
            if at == 150 {
                // Over a restart too.
                let states = bench.engine.states().cloned().collect();
                bench.engine = Engine::restore(rules.clone(), states, facts(4), bench.engine.snapshot());
            }
        }
        let found = entries_of(&bench, device(1, device_after).id);
        assert_eq!(found, expect, "{device_after} s on a site with {site_after} s that speaks every {every} s");
    };
    check(100, 600, 10, &[(Raised, 105)]);
    check(60, 600, 59, &[(Raised, 65)]);
    // It has its time once after a pause that is as long: 60 s from second 100.
    check(60, 600, 100, &[(Raised, 160)]);
    check(30, 600, 299, &[(Raised, 329)]);
    // Where the site itself is silent each time, that is its alarm alone.
    check(60, 80, 100, &[]);
}

#[test]
fn a_pause_of_the_site_is_not_told_of_device_by_device() {
    let mut bench = Bench::new(vec![silence(0, 600, 0), device(0, 60), device(1, 60)]);
    bench.tick(0);
    for began in [0, 310, 620] {
        for at in (began..began + 100).step_by(10) {
            bench.tick(at);
            bench.value(0, at, 1.0);
            bench.value(1, at + 1, 1.0);
        }
        // Both come back after 200 s, one long after the other.
        (began + 100..began + 290).for_each(|now| bench.tick(now));
        bench.value(0, began + 290, 1.0);
        (began + 291..began + 308).for_each(|now| bench.tick(now));
        bench.value(1, began + 308, 1.0);
    }
    assert_eq!(bench.entries(), []);
    // And a site that does not come back is one alarm.
    (929..2_000).for_each(|now| bench.tick(now));
    assert_eq!(bench.entries(), [(Raised, 1_528)]);
    assert_eq!(bench.journal[0].rule, silence(0, 600, 0).id);
}

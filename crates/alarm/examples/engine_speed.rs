//! How many samples a second one core evaluates, with 10,000 limit rules and with 10,000 rules of every kind:
//! `cargo run --release -p penstock-alarm --example engine_speed`.

#![expect(clippy::print_stdout, reason = "what it measures is what it is for")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use penstock_alarm::{Engine, Evaluated, PointFacts};
use penstock_model::{
    AlarmRule, Condition, Expression, LimitLevel, PointId, PointNo, Quality, Realarm, Reference, RuleId, Sample, Side,
    SiteId, Subject, Test, Timestamp,
};

const POINTS: i32 = 2_500;
const ROUNDS: i64 = 2_000;

fn main() {
    let tenant = uuid::Uuid::nil();
    let site = |index: i32| SiteId::derived(tenant, &format!("site {}", index / 50));
    let points: Vec<PointFacts> = (0..POINTS)
        .map(|index| PointFacts {
            id: PointId::derived(tenant, &format!("point {index}")),
            site: Some(site(index)),
            asset: None,
            stale_after: Duration::from_secs(120),
            evaluated_until: None,
        })
        .collect();
    measure("limits", limits(&points), &points);
    measure("a mix of conditions", mix(&points), &points);
}

/// LL, L, H and HH on every point.
fn limits(points: &[PointFacts]) -> Vec<AlarmRule> {
    let levels =
        [(LimitLevel::LowLow, 5.0), (LimitLevel::Low, 10.0), (LimitLevel::High, 90.0), (LimitLevel::HighHigh, 95.0)];
    let of = |point: &PointFacts| {
        let id = point.id;
        levels.map(|(level, limit)| rule(id, &format!("{level:?}"), Condition::Limit { level, limit, deadband: 2.0 }))
    };
    points.iter().flat_map(of).collect()
}

/// Four rules on every point: a limit that is suppressed by its neighbour, and three of the other conditions in turn.
fn mix(points: &[PointFacts]) -> Vec<AlarmRule> {
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let neighbours = points.iter().skip(1).chain(points.first());
    let mut rules = Vec::new();
    for ((index, point), neighbour) in (0_usize..).zip(points).zip(neighbours) {
        let leaf = |of: &PointFacts, test| Expression::Point { point: of.id, test };
        let others = [
            Condition::Rate { side: Side::Either, per_second: 0.5, over: minutes(5), deadband: 0.1 },
            Condition::Stuck { within: 0.5, after: minutes(10) },
            Condition::Count { of: Test::AtLeast(50.0), at_least: 3, within: minutes(60) },
            Condition::State { states: BTreeSet::from([0, 1, 99]) },
            Condition::Deviation { from: Reference::Setpoint(50.0), side: Side::Above, by: 45.0, deadband: 5.0 },
            Condition::Deviation { from: Reference::Point(neighbour.id), side: Side::Below, by: 3.6, deadband: 0.5 },
            Condition::Expression(Expression::all(vec![
                leaf(point, Test::AtLeast(90.0)),
                Expression::Not(Box::new(leaf(neighbour, Test::AtMost(10.0)))),
            ])),
        ];
        let limit = Condition::Limit { level: LimitLevel::High, limit: 90.0, deadband: 2.0 };
        rules.push(AlarmRule {
            suppressed_while: Some(leaf(neighbour, Test::AtLeast(97.0))),
            latches: true,
            realarm: Some(Realarm { after: minutes(30), at_most: 3 }),
            first_out: Some(format!("group {}", index / 20)),
            ..rule(point.id, "high", limit)
        });
        for condition in others.iter().cycle().skip(index % others.len()).take(3) {
            rules.push(rule(point.id, &format!("other {}", rules.len()), condition.clone()));
        }
    }
    rules
}

fn rule(point: PointId, name: &str, condition: Condition) -> AlarmRule {
    AlarmRule {
        on_delay: Duration::from_secs(10),
        off_delay: Duration::from_secs(10),
        ..AlarmRule::new(RuleId::derived(point.0, name), Subject::Point(point), condition)
    }
}

fn measure(what: &str, rules: Vec<AlarmRule>, points: &[PointFacts]) {
    let count = rules.len();
    let mut engine = Engine::new(rules, Vec::new(), points.iter().copied());
    let mut journal = Vec::new();
    let (mut evaluated, mut transitions, mut ticking) = (0_u32, 0, Duration::ZERO);
    let started = Instant::now();
    for round in 0..ROUNDS {
        let at = Timestamp::from_secs(round);
        for (index, point) in (0..).zip(points) {
            // A slow swing over all limits, another phase for each point.
            let phase = (round as f64 + f64::from(index) * 7.0) / 600.0 * std::f64::consts::TAU;
            let sample = Sample {
                point: PointNo(index),
                source_time: at,
                received_time: at,
                value: Some(50.0 + 49.0 * phase.sin()),
                quality: Quality::Good,
            };
            engine.sample(&Evaluated { point: point.id, site: point.site, sample: &sample, score: None }, &mut journal);
            evaluated += 1;
        }
        let before = Instant::now();
        engine.tick(at, &mut journal);
        ticking += before.elapsed();
        transitions += journal.len();
        journal.clear();
    }
    let elapsed = started.elapsed();
    println!("{what}");
    println!("  rules        {count}");
    println!("  samples      {evaluated}");
    println!("  transitions  {transitions}");
    println!("  a sample     {:.0} ns, ticks included", elapsed.as_nanos() as f64 / f64::from(evaluated));
    println!("  a tick       {:.0} µs", ticking.as_micros() as f64 / ROUNDS as f64);
    println!("  throughput   {:.2} million samples a second", f64::from(evaluated) / elapsed.as_secs_f64() / 1e6);
    let before = Instant::now();
    let snapshot = engine.snapshot();
    println!("  a snapshot   {:.1} ms", before.elapsed().as_secs_f64() * 1e3);
    drop(snapshot);
}

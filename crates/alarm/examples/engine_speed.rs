//! How many samples a second one core evaluates with 10,000 limit rules:
//! `cargo run --release -p penstock-alarm --example engine_speed`.

#![expect(clippy::print_stdout, reason = "what it measures is what it is for")]

use std::time::{Duration, Instant};

use penstock_alarm::{Engine, Evaluated, PointFacts};
use penstock_model::{
    AlarmClass, AlarmRule, Condition, Guidance, LimitLevel, PointId, PointNo, Priority, Quality, RuleId, Sample,
    SiteId, Subject, Timestamp,
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
            stale_after: Duration::from_secs(120),
            evaluated_until: None,
        })
        .collect();
    let levels =
        [(LimitLevel::LowLow, 5.0), (LimitLevel::Low, 10.0), (LimitLevel::High, 90.0), (LimitLevel::HighHigh, 95.0)];
    let rules: Vec<AlarmRule> = points
        .iter()
        .flat_map(|point| {
            levels.map(|(level, limit)| AlarmRule {
                id: RuleId::derived(point.id.0, &format!("{level:?}")),
                version: 1,
                subject: Subject::Point(point.id),
                condition: Condition::Limit { level, limit, deadband: 2.0 },
                priority: Priority::P3,
                class: AlarmClass::Supply,
                on_delay: Duration::from_secs(10),
                off_delay: Duration::from_secs(10),
                guidance: Guidance::default(),
                enabled: true,
            })
        })
        .collect();
    let count = rules.len();
    let mut engine = Engine::new(rules, Vec::new(), points.iter().copied());

    let mut journal = Vec::new();
    let (mut evaluated, mut ticking) = (0_u32, Duration::ZERO);
    let started = Instant::now();
    for round in 0..ROUNDS {
        let at = Timestamp::from_secs(round);
        for (index, point) in (0..).zip(&points) {
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
    }
    let elapsed = started.elapsed();
    println!("rules        {count}");
    println!("samples      {evaluated}");
    println!("transitions  {}", journal.len());
    println!("a sample     {:.0} ns, ticks included", elapsed.as_nanos() as f64 / f64::from(evaluated));
    println!("a tick       {:.0} µs", ticking.as_micros() as f64 / ROUNDS as f64);
    println!("throughput   {:.2} million samples a second", f64::from(evaluated) / elapsed.as_secs_f64() / 1e6);
}

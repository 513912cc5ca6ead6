//! The engine in memory, on one core: 10,000 limit rules on 2,500 points.

use std::time::{Duration, Instant};

use penstock_alarm::{Engine, Evaluated, PointFacts};
use penstock_model::{AlarmRule, Condition, LimitLevel, PointId, PointNo, Quality, RuleId, Sample, Subject, Timestamp};
use uuid::Uuid;

use crate::report::{Asked, Line};

/// What is asked of one core.
const ASKED_PER_SECOND: f64 = 1_000_000.0;
const POINTS: i32 = 2_500;
const ROUNDS: i64 = 400;
const LEVELS: [(LimitLevel, f64); 4] =
    [(LimitLevel::LowLow, 5.0), (LimitLevel::Low, 10.0), (LimitLevel::High, 90.0), (LimitLevel::HighHigh, 95.0)];

/// Samples a second, and how long a tick takes.
pub(crate) fn measure(runs: usize) -> [Line; 2] {
    let rules = POINTS * 4;
    let asked = Asked::AtLeast(ASKED_PER_SECOND);
    let mut speed = Line::new(format!("evaluating {rules} limit rules"), "samples/s", asked, "");
    let mut tick = Line::new(format!("a tick of {rules} limit rules"), "ms", Asked::Nothing, "");
    for _ in 0..runs {
        let (samples, took, ticking) = run();
        speed.runs.push(f64::from(samples) / took.as_secs_f64());
        tick.runs.push(ticking.as_secs_f64() * 1e3 / ROUNDS as f64);
    }
    [speed, tick]
}

/// How many samples, how long all of them took, and how long the ticks between them.
fn run() -> (u32, Duration, Duration) {
    let points: Vec<PointFacts> = (0..POINTS).map(facts).collect();
    let rules = points.iter().flat_map(|point| LEVELS.map(|(level, limit)| rule(point.id, level, limit))).collect();
    let mut engine = Engine::new(rules, Vec::new(), points.iter().copied());
    let mut journal = Vec::new();
    let (mut samples, mut ticking) = (0_u32, Duration::ZERO);
    let started = Instant::now();
    for round in 0..ROUNDS {
        let at = Timestamp::from_secs(round);
        for (number, point) in (0..).zip(&points) {
            // A slow swing over all limits, another phase for each point.
            let phase = (round as f64 + f64::from(number) * 7.0) / 600.0 * std::f64::consts::TAU;
            let value = Some(50.0 + 49.0 * phase.sin());
            let point_no = PointNo(number);
            let sample = Sample { point: point_no, source_time: at, received_time: at, value, quality: Quality::Good };
            engine.sample(&Evaluated { point: point.id, site: None, sample: &sample, score: None }, &mut journal);
            samples += 1;
        }
        let before = Instant::now();
        engine.tick(at, &mut journal);
        ticking += before.elapsed();
        journal.clear();
    }
    (samples, started.elapsed(), ticking)
}

fn facts(number: i32) -> PointFacts {
    PointFacts {
        id: PointId::derived(Uuid::nil(), &format!("point {number}")),
        site: None,
        asset: None,
        stale_after: Duration::from_secs(120),
        evaluated_until: None,
    }
}

fn rule(point: PointId, level: LimitLevel, limit: f64) -> AlarmRule {
    let condition = Condition::Limit { level, limit, deadband: 2.0 };
    AlarmRule {
        on_delay: Duration::from_secs(10),
        off_delay: Duration::from_secs(10),
        ..AlarmRule::new(RuleId::derived(point.0, &format!("{level:?}")), Subject::Point(point), condition)
    }
}

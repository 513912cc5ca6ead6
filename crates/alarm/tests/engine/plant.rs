//! A small plant for the engine's tests.

use std::time::Duration;

use penstock_alarm::{Engine, Evaluated, PointFacts};
use penstock_model::{
    AlarmRule, AssetId, Condition, LimitLevel, PointId, PointNo, Priority, Quality, RuleId, Sample, SiteId, Subject,
    Timestamp, Transition, TransitionKind, UserId,
};
use uuid::Uuid;

pub(crate) const STALE: Duration = Duration::from_secs(100);

pub(crate) fn point(index: u8) -> PointId {
    PointId::derived(Uuid::nil(), &format!("point {index}"))
}

pub(crate) fn site(index: u8) -> SiteId {
    SiteId::derived(Uuid::nil(), &format!("site {index}"))
}

pub(crate) fn asset(index: u8) -> AssetId {
    AssetId::derived(Uuid::nil(), &format!("asset {index}"))
}

pub(crate) fn user() -> UserId {
    UserId::derived(Uuid::nil(), "asha")
}

pub(crate) fn secs(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

/// Two points to a site, each from an asset of its own.
pub(crate) fn facts(count: u8) -> Vec<PointFacts> {
    (0..count)
        .map(|index| PointFacts {
            id: point(index),
            site: Some(site(index / 2)),
            asset: Some(asset(index)),
            stale_after: STALE,
            evaluated_until: None,
        })
        .collect()
}

pub(crate) fn rule(name: &str, subject: Subject, condition: Condition, on_secs: u64, off_secs: u64) -> AlarmRule {
    AlarmRule {
        priority: Priority::P2,
        on_delay: Duration::from_secs(on_secs),
        off_delay: Duration::from_secs(off_secs),
        ..AlarmRule::new(RuleId::derived(Uuid::nil(), name), subject, condition)
    }
}

/// H at 10 with deadband 2, on the point.
pub(crate) fn high(index: u8, on_secs: u64, off_secs: u64) -> AlarmRule {
    let condition = Condition::Limit { level: LimitLevel::High, limit: 10.0, deadband: 2.0 };
    rule(&format!("high {index}"), Subject::Point(point(index)), condition, on_secs, off_secs)
}

pub(crate) fn silence(index: u8, after_secs: u64, off_secs: u64) -> AlarmRule {
    let condition = Condition::Silence { after: Duration::from_secs(after_secs) };
    rule(&format!("silence {index}"), Subject::Site(site(index)), condition, 0, off_secs)
}

pub(crate) fn sample(at: Timestamp, received: Timestamp, value: f64, quality: Quality) -> Sample {
    Sample { point: PointNo(0), source_time: at, received_time: received, value: Some(value), quality }
}

/// An engine with the journal it writes.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) journal: Vec<Transition>,
}

impl Bench {
    pub(crate) fn new(rules: Vec<AlarmRule>) -> Self {
        Self { engine: Engine::new(rules, Vec::new(), facts(4)), journal: Vec::new() }
    }

    /// A good sample of a point, received half a second after it was measured.
    pub(crate) fn value(&mut self, index: u8, at_secs: i64, value: f64) {
        self.give(
            index,
            &sample(secs(at_secs), secs(at_secs) + Duration::from_millis(500), value, Quality::Good),
            None,
        );
    }

    pub(crate) fn give(&mut self, index: u8, sample: &Sample, score: Option<f32>) {
        let evaluated = Evaluated { point: point(index), site: Some(site(index / 2)), sample, score };
        self.engine.sample(&evaluated, &mut self.journal);
    }

    /// Good samples of a point: second and value.
    pub(crate) fn values(&mut self, index: u8, samples: &[(i64, f64)]) {
        samples.iter().for_each(|(at, value)| self.value(index, *at, *value));
    }

    pub(crate) fn tick(&mut self, at_secs: i64) {
        self.engine.tick(secs(at_secs), &mut self.journal);
    }

    /// What was journalled: kind and second.
    pub(crate) fn entries(&self) -> Vec<(TransitionKind, i64)> {
        self.journal.iter().map(|entry| (entry.kind, entry.at.as_micros() / 1_000_000)).collect()
    }
}

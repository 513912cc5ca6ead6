//! The rules that follow from what is known of a point, a site or a piece of equipment, with starting values for
//! priority, deadband and delays that people change later. Must not know which rules already exist.
//!
//! Priority by quantity (a consequence within minutes and for people first):
//!
//! | quantity | LL | L | H | HH |
//! |---|---|---|---|---|
//! | pressure | P1 | P2 | P3 | P2 |
//! | residual chlorine | P1 | P2 | P3 | P2 |
//! | level, volume | P1 | P3 | P3 | P2 |
//! | turbidity | P3 | P4 | P2 | P1 |
//! | pH | P2 | P3 | P3 | P2 |
//! | flow | P2 | P3 | P3 | P2 |
//! | vibration, temperature | P4 | P4 | P3 | P2 |
//! | power | P3 | P4 | P3 | P2 |
//! | conductivity | P3 | P4 | P4 | P3 |
//! | energy, specific energy | P4 | P4 | P4 | P3 |
//! | all others | P2 | P3 | P3 | P2 |
//!
//! Deadband and delays (deadband as a share of the instrument's span, else of the normal band, else of the limit; never
//! so much that a normal value could not end the alarm):
//!
//! | quantity | deadband | on | off |
//! |---|---|---|---|
//! | flow | 5 % | 30 s | 60 s |
//! | level, volume | 5 % | 30 s | 60 s |
//! | pressure | 2 % | 15 s | 30 s |
//! | residual chlorine | 2 % | 60 s | 60 s |
//! | turbidity | 2 % | 60 s | 60 s |
//! | pH | 1 % | 60 s | 60 s |
//! | conductivity | 2 % | 60 s | 60 s |
//! | temperature | 1 % | 30 s | 60 s |
//! | vibration, power | 5 % | 10 s | 30 s |
//! | frequency | 1 % | 10 s | 30 s |
//! | state | 0 | 5 s | 5 s |
//! | all others | 2 % | 30 s | 60 s |

use std::time::Duration;

use penstock_model::{
    AlarmClass, AlarmRule, Asset, Condition, LimitLevel, Point, Priority, Quantity, RuleId, Site, SiteKind, Subject,
};

use crate::guidance;

/// The anomaly score from which [`anomaly_rule`] alarms: the detector's own threshold for its point.
pub const ANOMALY_SCORE: f64 = 0.8;

/// How long a site may say nothing before [`silence_rule`] alarms, where its devices speak at least every minute.
pub const SILENCE_AFTER: Duration = Duration::from_secs(120);

/// The rules of a point's limits, one for each limit that is set, LL first. Their ids follow from the point's, so that
/// every station derives the same.
pub fn rules_of(point: &Point) -> Vec<AlarmRule> {
    let limits = &point.limits;
    let set = [
        (LimitLevel::LowLow, limits.ll),
        (LimitLevel::Low, limits.l),
        (LimitLevel::High, limits.h),
        (LimitLevel::HighHigh, limits.hh),
    ];
    set.into_iter()
        .filter_map(|(level, limit)| Some((level, limit.filter(|limit| limit.is_finite())?)))
        .map(|(level, limit)| limit_rule(point, level, limit))
        .collect()
}

/// The rule that alarms when the detector finds a point out of its ordinary; none for states, which are not scored.
/// P3 where the point has a role on the overview, else P4.
pub fn anomaly_rule(point: &Point) -> Option<AlarmRule> {
    if point.quantity == Quantity::State {
        return None;
    }
    let (subject, condition) = (Subject::Point(point.id), Condition::Anomaly { score: ANOMALY_SCORE });
    Some(AlarmRule {
        priority: if point.role.is_some() { Priority::P3 } else { Priority::P4 },
        class: class(point.quantity, LimitLevel::High),
        // A single outlier is seen on the trend; what calls a person lasts.
        on_delay: Duration::from_secs(120),
        // The score follows single samples: a quiet while of a few of them ends the alarm, not the first.
        off_delay: point.stale_after.clamp(Duration::from_secs(60), Duration::from_secs(1_800)),
        guidance: guidance::anomaly(),
        ..derived(subject, condition)
    })
}

/// The id of the rule that follows by itself from a subject and a kind of condition: the same at every station. Only
/// limits, anomalies and silence are ever derived; a rule on another condition is made by people, under an id of its own.
pub fn derived_id(subject: Subject, condition: &Condition) -> RuleId {
    let of = match subject {
        Subject::Point(point) => point.0,
        Subject::Site(site) => site.0,
        Subject::Asset(asset) => asset.0,
    };
    let name = match condition {
        Condition::Limit { level: LimitLevel::LowLow, .. } => "LL",
        Condition::Limit { level: LimitLevel::Low, .. } => "L",
        Condition::Limit { level: LimitLevel::High, .. } => "H",
        Condition::Limit { level: LimitLevel::HighHigh, .. } => "HH",
        other => other.kind(),
    };
    RuleId::derived(of, name)
}

/// The rule that alarms when nothing at all comes from a site for `after` (see [`SILENCE_AFTER`]). One alarm stands for
/// all its points. P2 for works and pumping stations, which are then run blind, else P3.
pub fn silence_rule(site: &Site, after: Duration) -> AlarmRule {
    let priority = match site.kind {
        SiteKind::Works | SiteKind::Pumping => Priority::P2,
        SiteKind::Storage | SiteKind::Network => Priority::P3,
    };
    AlarmRule {
        priority,
        class: AlarmClass::Supply,
        guidance: guidance::silence(site.kind),
        ..derived(Subject::Site(site.id), Condition::Silence { after })
    }
}

/// The rule that alarms when a piece of equipment says nothing for `after` while its site goes on speaking; the silence
/// of the whole site is the alarm of [`silence_rule`] alone. P4: the plant is watched, one of its devices wants a look.
pub fn device_silence_rule(asset: &Asset, after: Duration) -> AlarmRule {
    AlarmRule {
        priority: Priority::P4,
        class: AlarmClass::Equipment,
        guidance: guidance::device_silence(),
        ..derived(Subject::Asset(asset.id), Condition::Silence { after })
    }
}

/// What an alarm on a limit of this quantity starts with; the table is in the module's text.
pub const fn default_priority(quantity: Quantity, level: LimitLevel) -> Priority {
    use Priority::{P1, P2, P3, P4};
    let [ll, l, h, hh] = match quantity {
        Quantity::Pressure | Quantity::Chlorine => [P1, P2, P3, P2],
        Quantity::Level | Quantity::Volume => [P1, P3, P3, P2],
        Quantity::Turbidity => [P3, P4, P2, P1],
        Quantity::Vibration | Quantity::Temperature => [P4, P4, P3, P2],
        Quantity::Power => [P3, P4, P3, P2],
        Quantity::Conductivity => [P3, P4, P4, P3],
        Quantity::Energy | Quantity::SpecificEnergy => [P4, P4, P4, P3],
        Quantity::Ph | Quantity::Flow | Quantity::Ratio | Quantity::Frequency | Quantity::State | Quantity::Plain => {
            [P2, P3, P3, P2]
        }
    };
    match level {
        LimitLevel::LowLow => ll,
        LimitLevel::Low => l,
        LimitLevel::High => h,
        LimitLevel::HighHigh => hh,
    }
}

fn derived(subject: Subject, condition: Condition) -> AlarmRule {
    AlarmRule::new(derived_id(subject, &condition), subject, condition)
}

fn limit_rule(point: &Point, level: LimitLevel, limit: f64) -> AlarmRule {
    let subject = Subject::Point(point.id);
    let condition = Condition::Limit { level, limit, deadband: deadband(point, level, limit) };
    let (on_secs, off_secs) = delays_secs(point.quantity);
    AlarmRule {
        priority: default_priority(point.quantity, level),
        class: class(point.quantity, level),
        on_delay: Duration::from_secs(on_secs),
        off_delay: Duration::from_secs(off_secs),
        guidance: guidance::limit(point.quantity, point.role, level),
        ..derived(subject, condition)
    }
}

/// How far a value must come back, in SI.
fn deadband(point: &Point, level: LimitLevel, limit: f64) -> f64 {
    let share = deadband_share(point.quantity);
    let width = point.span.or(point.normal).map_or(limit.abs(), |band| band.high - band.low);
    let mut deadband = share * width;
    // At most half the way to the normal band, and a quarter of the way to the limit on the other side: an alarm that
    // an ordinary value cannot end would stand for ever.
    let opposite =
        if level.is_high() { point.limits.l.or(point.limits.ll) } else { point.limits.h.or(point.limits.hh) };
    let normal = point.normal.map(|band| if level.is_high() { limit - band.high } else { band.low - limit });
    let room = opposite.map(|opposite| (limit - opposite).abs() / 4.0);
    for bound in [normal.filter(|gap| *gap > 0.0).map(|gap| gap / 2.0), room].into_iter().flatten() {
        deadband = deadband.min(bound);
    }
    if deadband.is_finite() { deadband.max(0.0) } else { 0.0 }
}

const fn deadband_share(quantity: Quantity) -> f64 {
    match quantity {
        Quantity::Flow | Quantity::Level | Quantity::Volume | Quantity::Vibration | Quantity::Power => 0.05,
        Quantity::Pressure
        | Quantity::Chlorine
        | Quantity::Turbidity
        | Quantity::Conductivity
        | Quantity::Energy
        | Quantity::SpecificEnergy
        | Quantity::Ratio
        | Quantity::Plain => 0.02,
        Quantity::Ph | Quantity::Temperature | Quantity::Frequency => 0.01,
        Quantity::State => 0.0,
    }
}

/// On- and off-delay.
const fn delays_secs(quantity: Quantity) -> (u64, u64) {
    match quantity {
        Quantity::Pressure => (15, 30),
        Quantity::Chlorine | Quantity::Turbidity | Quantity::Ph | Quantity::Conductivity => (60, 60),
        Quantity::Vibration | Quantity::Power | Quantity::Frequency => (10, 30),
        Quantity::State => (5, 5),
        Quantity::Flow
        | Quantity::Level
        | Quantity::Volume
        | Quantity::Temperature
        | Quantity::Energy
        | Quantity::SpecificEnergy
        | Quantity::Ratio
        | Quantity::Plain => (30, 60),
    }
}

const fn class(quantity: Quantity, level: LimitLevel) -> AlarmClass {
    match quantity {
        Quantity::Chlorine | Quantity::Turbidity | Quantity::Ph | Quantity::Conductivity => AlarmClass::Safety,
        // Too much in a tank runs over.
        Quantity::Level | Quantity::Volume if level.is_high() => AlarmClass::Environment,
        Quantity::Vibration
        | Quantity::Temperature
        | Quantity::Power
        | Quantity::Energy
        | Quantity::SpecificEnergy
        | Quantity::Frequency
        | Quantity::State => AlarmClass::Equipment,
        Quantity::Level
        | Quantity::Volume
        | Quantity::Flow
        | Quantity::Pressure
        | Quantity::Ratio
        | Quantity::Plain => AlarmClass::Supply,
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::{Address, Band, Limits, PointId, PointNo, PointState, SiteId, TenantId};

    use super::*;

    #[test]
    fn one_stable_rule_for_each_limit() {
        let point = point(Quantity::Pressure, Limits { ll: Some(1e5), l: Some(2e5), h: None, hh: Some(6e5) });
        let rules = rules_of(&point);
        assert_eq!(rules.len(), 3);
        assert_eq!(rules, rules_of(&point));
        let check = |rule: &AlarmRule, name: &str, level, priority| {
            assert_eq!(rule.id, RuleId::derived(point.id.0, name));
            assert_eq!(rule.priority, priority, "{name}");
            assert!(matches!(rule.condition, Condition::Limit { level: l, .. } if l == level), "{name}");
            assert!(!rule.guidance.cause.is_empty() && !rule.guidance.action.is_empty(), "{name}");
        };
        check(&rules[0], "LL", LimitLevel::LowLow, Priority::P1);
        check(&rules[1], "L", LimitLevel::Low, Priority::P2);
        check(&rules[2], "HH", LimitLevel::HighHigh, Priority::P2);
    }

    #[test]
    fn deadbands_leave_a_way_back() {
        let check = |quantity, span: Option<(f64, f64)>, normal: Option<(f64, f64)>, limits: Limits, expect: f64| {
            let mut point = point(quantity, limits);
            point.span = span.map(|(low, high)| Band::new(low, high).expect("band"));
            point.normal = normal.map(|(low, high)| Band::new(low, high).expect("band"));
            let rules = rules_of(&point);
            let Condition::Limit { deadband, .. } = rules[0].condition else { panic!("limit rule") };
            assert!((deadband - expect).abs() < 1e-12, "{quantity:?}: {deadband} not {expect}");
        };
        let high = |h| Limits { h: Some(h), ..Limits::default() };
        // 5 % of the span of a level.
        check(Quantity::Level, Some((0.0, 6.0)), None, high(5.0), 0.3);
        // Not into the normal band.
        check(Quantity::Level, Some((0.0, 6.0)), Some((2.0, 4.8)), high(5.0), 0.1);
        // No span: the normal band is the measure.
        check(Quantity::Pressure, None, Some((2.0, 4.0)), high(6.0), 0.04);
        // Neither: the limit.
        check(Quantity::Temperature, None, None, high(350.0), 3.5);
        // Limits close together.
        let close = Limits { l: Some(1.0), h: Some(1.1), ..Limits::default() };
        check(Quantity::Flow, Some((0.0, 100.0)), None, close, 0.025);
        check(Quantity::State, None, None, high(1.0), 0.0);
    }

    #[test]
    fn every_quantity_and_level_has_guidance() {
        for quantity in Quantity::ALL {
            let all = Limits { ll: Some(1.0), l: Some(2.0), h: Some(3.0), hh: Some(4.0) };
            for rule in rules_of(&point(quantity, all)) {
                let guidance = rule.guidance;
                for text in [guidance.cause, guidance.consequence, guidance.action] {
                    assert!(text.ends_with('.') && text.len() > 15, "{quantity:?}: {text:?}");
                }
            }
        }
    }

    #[test]
    fn states_are_not_scored_and_sites_have_one_silence() {
        assert_eq!(anomaly_rule(&point(Quantity::State, Limits::default())), None);
        let flow = anomaly_rule(&point(Quantity::Flow, Limits::default())).expect("scored");
        assert_eq!(flow.priority, Priority::P4);
        let tenant = TenantId::derived(uuid_nil(), "t");
        let site = Site {
            id: SiteId::derived(tenant.0, "s"),
            name: "PS-1".to_owned(),
            kind: SiteKind::Pumping,
            area: None,
            position: None,
        };
        let rule = silence_rule(&site, SILENCE_AFTER);
        assert_eq!((rule.subject, rule.priority), (Subject::Site(site.id), Priority::P2));
    }

    fn point(quantity: Quantity, limits: Limits) -> Point {
        let tenant = TenantId::derived(uuid_nil(), "t");
        Point {
            id: PointId::discovered(tenant, "s", "a"),
            no: PointNo(1),
            address: Address { source: "s".to_owned(), path: "a".to_owned() },
            state: PointState::Adopted,
            name: "X-1".to_owned(),
            description: String::new(),
            quantity,
            unit: quantity.display_unit(),
            area: None,
            site: None,
            asset: None,
            position: None,
            role: None,
            normal: None,
            span: None,
            limits,
            stale_after: Duration::from_secs(120),
            recording: None,
        }
    }

    fn uuid_nil() -> uuid::Uuid {
        uuid::Uuid::nil()
    }
}

//! The plant that is measured on: pressures of one site, each with a high limit, scored and judged; the same points as
//! counters without limits, which the product neither scores nor judges; or pressures with rules that are easy to raise.

use std::time::Duration;

use anyhow::Result;
use penstock_model::{
    Address, AlarmRule, Condition, LimitLevel, Limits, Plant, PlantFile, Point, PointId, PointNo, PointState, Priority,
    Quantity, RuleId, Site, SiteId, SiteKind, Subject, TenantId, Timestamp, Unit,
};

/// How a plant's points are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Scored, each with one alarm rule.
    Watched,
    /// Neither scored nor with rules.
    Plain,
    /// As watched, each with one alarm rule that is raised at once by [`ALARMING`]: critical from this point on, and low
    /// before.
    Alarmed {
        /// The first whose alarm is critical.
        critical_from: usize,
    },
}

/// A pressure that raises an alarm of an alarmed plant, and one that ends it, in bar.
pub(crate) const ALARMING: f64 = 8.0;
pub(crate) const NORMAL: f64 = 4.0;
/// Between the two, in Pa.
const EASY_HIGH: f64 = 600_000.0;

/// The rule of an alarmed plant's point.
pub(crate) fn rule(no: usize) -> RuleId {
    RuleId::derived(point_id(no).0, "easy")
}

fn tenant() -> TenantId {
    TenantId::made(Timestamp::from_secs(1), [1; 10])
}

fn point_id(no: usize) -> PointId {
    PointId::discovered(tenant(), "local", &format!("P{no:05}"))
}

fn rule_of(no: usize, critical_from: usize) -> AlarmRule {
    let condition = Condition::Limit { level: LimitLevel::High, limit: EASY_HIGH, deadband: 0.0 };
    let priority = if no >= critical_from { Priority::P1 } else { Priority::P4 };
    AlarmRule { priority, ..AlarmRule::new(rule(no), Subject::Point(point_id(no)), condition) }
}

/// Pressure of the high limit, in Pa: no value comes near it.
const HIGH: f64 = 900_000.0;

/// The topic of a point, as the standard routes read it.
pub(crate) fn topic(no: usize) -> String {
    format!("jjm/sensors/P{no:05}/data")
}

/// One of a thousand values around 4 bar, scattered as an instrument scatters.
pub(crate) fn value(no: u64) -> String {
    // Sum of four draws of a linear congruence: near enough to a normal distribution.
    let draw = |round: u64| ((no * 4 + round + 1).wrapping_mul(6_364_136_223_846_793_005) >> 40) % 20_000;
    let scatter: u64 = (0..4).map(draw).sum();
    format!("{:.6}", 3.96 + scatter as f64 / 1e6)
}

/// The plant file for so many points.
pub(crate) fn file(points: usize, kind: Kind) -> Result<PlantFile> {
    let tenant = tenant();
    let site = SiteId::derived(tenant.0, "site");
    let (quantity, unit) = match kind {
        Kind::Watched | Kind::Alarmed { .. } => (Quantity::Pressure, Unit::parse("bar")?),
        Kind::Plain => (Quantity::Energy, Unit::parse("kWh")?),
    };
    let point = |no: usize| {
        let path = format!("P{no:05}");
        Point {
            id: point_id(no),
            no: PointNo(no as i32),
            address: Address { source: "local".into(), path: path.clone() },
            state: PointState::Adopted,
            name: path,
            description: String::new(),
            quantity,
            unit,
            area: None,
            site: (kind != Kind::Plain).then_some(site),
            asset: None,
            position: None,
            role: None,
            normal: None,
            span: None,
            limits: Limits { h: (kind == Kind::Watched).then_some(HIGH), ..Limits::default() },
            stale_after: Duration::from_secs(900),
            recording: None,
        }
    };
    let site = Site { id: site, name: "Site".into(), kind: SiteKind::Network, area: None, position: None };
    let plant = Plant {
        tenant,
        name: "Ingest".into(),
        time_zone: "UTC".into(),
        areas: Vec::new(),
        sites: vec![site],
        assets: Vec::new(),
        pipes: Vec::new(),
    };
    let rules = match kind {
        Kind::Alarmed { critical_from } => (1..=points).map(|no| rule_of(no, critical_from)).collect(),
        Kind::Watched | Kind::Plain => Vec::new(),
    };
    Ok(PlantFile { plant, points: (1..=points).map(point).collect(), rules, guidance: Vec::new() })
}

//! Plant and points as the station knows them at present: what calls read and what the pipeline looks addresses up in.
//!
//! Must not know storage: it is filled from it at the start and told of changes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use penstock_model::{AlarmRule, Plant, Point, PointId, PointNo, PointRole, PointState, RuleId};

/// Plant, points and rules, shared by calls and pipeline.
pub(crate) struct Register {
    inner: Mutex<Inner>,
}

/// What is in a register.
pub(crate) struct Inner {
    /// Counts up with every change.
    pub version: u64,
    /// Areas, sites, equipment and mains.
    pub plant: Plant,
    /// Every point, the ignored ones too.
    pub points: BTreeMap<PointNo, Point>,
    /// Every rule in force.
    pub rules: BTreeMap<RuleId, AlarmRule>,
    by_id: HashMap<PointId, PointNo>,
    /// The number that the next new point gets.
    free: i32,
}

impl Register {
    /// A register of what storage holds.
    pub(crate) fn new(plant: Plant, points: Vec<Point>, rules: Vec<AlarmRule>) -> Self {
        let mut inner = Inner {
            version: 1,
            plant,
            points: BTreeMap::new(),
            rules: rules.into_iter().map(|rule| (rule.id, rule)).collect(),
            by_id: HashMap::new(),
            free: 1,
        };
        inner.put(points);
        Self { inner: Mutex::new(inner) }
    }

    /// Looks into it; hold on to it for moments only.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Puts points in, new and changed.
    pub(crate) fn put(&mut self, points: Vec<Point>) {
        for point in points {
            self.by_id.insert(point.id, point.no);
            self.free = self.free.max(point.no.0.saturating_add(1));
            self.points.insert(point.no, point);
        }
        self.version += 1;
    }

    /// The point of that id.
    pub(crate) fn point(&self, id: PointId) -> Option<&Point> {
        self.points.get(self.by_id.get(&id)?)
    }

    /// A number for a new point; never given twice.
    pub(crate) fn take_no(&mut self) -> PointNo {
        let no = PointNo(self.free);
        self.free = self.free.saturating_add(1);
        no
    }

    /// The point that `source` gives under `path`.
    pub(crate) fn at_address(&self, source: &str, path: &str) -> Option<&Point> {
        self.points.values().find(|point| point.address.source == source && point.address.path == path)
    }
}

/// Whether a role's points alarm by their anomaly score: those that tell of a whole area. For the others the score is
/// shown, and nobody is called.
const fn is_watched(role: PointRole) -> bool {
    matches!(role, PointRole::SupplyInflow | PointRole::AreaInflow | PointRole::CriticalPressure)
}

/// The rules that follow from the points and sites of a register: each limit of an adopted point, the anomaly score of
/// points that tell of a whole area, and the silence of sites that have adopted points.
pub(crate) fn derived_rules(plant: &Plant, points: &BTreeMap<PointNo, Point>) -> Vec<AlarmRule> {
    let adopted = || points.values().filter(|point| point.state == PointState::Adopted);
    let mut rules: Vec<AlarmRule> = adopted().flat_map(penstock_alarm::rules_of).collect();
    rules.extend(adopted().filter(|point| point.role.is_some_and(is_watched)).filter_map(penstock_alarm::anomaly_rule));
    for site in &plant.sites {
        // A site is silent when even its slowest point is overdue.
        let slowest = adopted().filter(|point| point.site == Some(site.id)).map(|point| point.stale_after).max();
        rules.extend(slowest.map(|after| penstock_alarm::silence_rule(site, after)));
    }
    rules
}

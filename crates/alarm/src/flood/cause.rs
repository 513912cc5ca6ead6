//! What may have begun a group of alarms: every cause that its alarms suggest, weighed by what it explains. Must not know
//! how alarms came to be grouped.
//!
//! # Score
//! A cause is weighed, 0 to 1, by four shares:
//!
//! | share | weight | 1 where |
//! |---|---|---|
//! | explained | 0.55 | every alarm is what it leads to: by kind, by where the alarm lies on the mains, and not before it |
//! | early | 0.20 | its own alarms are the first of the group; half of that 10 minutes later |
//! | signs | 0.15 | all that it shows itself by at its own place is there, and nothing that speaks against it |
//! | upstream | 0.10 | every alarm lies at its place or downstream of it |
//!
//! `First alarm` explains next to nothing, so that it leads only where nothing else does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use penstock_model::{
    AssetId, CauseKind, CauseOrigin, CauseReason, GroupCause, PipeId, RuleId, SiteId, Symptom, Timestamp,
};

use super::symptom::is_want;
use super::topology::{Relation, Topology, Zone};

/// How many causes are named at most.
pub const MOST_CAUSES: usize = 5;
/// How many are weighed at most, those that the earliest alarms suggest.
const MOST_WEIGHED: usize = 64;

const EXPLAINED: f64 = 0.55;
const EARLY: f64 = 0.20;
const SIGNS: f64 = 0.15;
const UPSTREAM: f64 = 0.10;

/// After how long a cause's own alarm counts half as early.
const HALF_AS_EARLY: Duration = Duration::from_secs(600);
/// Delays differ from rule to rule: an effect may be told so much before its cause.
const TOLD_BEFORE: Duration = Duration::from_secs(300);
/// What a cause leads to, told long before it, is hardly its effect.
const BEFORE_ITS_CAUSE: f64 = 0.4;
/// From this fit on an alarm counts as explained.
const EXPLAINS: f64 = 0.5;

/// What the alarms of a group say at one place, alike ones counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) alarms: usize,
    pub(super) first: Timestamp,
    /// The first of them.
    pub(super) alarm: RuleId,
    /// The main nearest to it.
    pub(super) main: Option<PipeId>,
}

/// Which place and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CellKey {
    pub(super) zone: Zone,
    pub(super) symptom: Symptom,
    pub(super) part: Part,
}

/// What is told apart inside a zone: pumps that stop, gateways that fall silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Whole,
    Asset(AssetId),
    Site(SiteId),
}

pub(super) type Cells = BTreeMap<CellKey, Cell>;

/// The causes that a group's alarms suggest, the likeliest first.
pub(super) fn rank(topology: &Topology, cells: &Cells) -> Vec<GroupCause> {
    let Some(began) = cells.values().map(|cell| cell.first).min() else { return Vec::new() };
    let supposed = suppose(topology, cells);
    let mut causes: Vec<GroupCause> =
        supposed.iter().filter_map(|supposed| weigh(*supposed, topology, cells, began)).collect();
    causes.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| (a.kind, a.origin).cmp(&(b.kind, b.origin))));
    causes.truncate(MOST_CAUSES);
    causes
}

/// A cause that is weighed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Supposed {
    kind: CauseKind,
    /// None where it lies at several.
    zone: Option<Zone>,
    part: Part,
}

/// Every cause that some alarm suggests.
fn suppose(topology: &Topology, cells: &Cells) -> BTreeSet<Supposed> {
    let mut by_time: Vec<(&CellKey, &Cell)> = cells.iter().collect();
    by_time.sort_by_key(|(key, cell)| (cell.first, **key));
    let mut all = BTreeSet::new();
    if let Some((key, _)) = by_time.first() {
        all.insert(Supposed { kind: CauseKind::FirstAlarm, zone: Some(key.zone), part: key.part });
    }
    if cells.keys().filter(|key| key.symptom == Symptom::Silent).count() > 1 {
        all.insert(Supposed { kind: CauseKind::CommunicationsLoss, zone: None, part: Part::Whole });
    }
    for (key, _) in by_time {
        if all.len() >= MOST_WEIGHED {
            break;
        }
        let zone = key.zone;
        let mut add = |kind, part| all.insert(Supposed { kind, zone: Some(zone), part });
        let is_station = topology.is_station(zone);
        let here = |symptom| at(cells, zone, symptom).next().is_some();
        match key.symptom {
            Symptom::Silent => {
                add(CauseKind::CommunicationsLoss, key.part);
                let wants = |key: &CellKey| {
                    let is_below = matches!(topology.relation(zone, key.zone), Some(Relation::Downstream(_)));
                    is_want(key.symptom) && is_below
                };
                if is_station && (here(Symptom::Stopped) || here(Symptom::FlowLow) || cells.keys().any(wants)) {
                    add(CauseKind::PowerLoss, Part::Whole);
                }
            }
            Symptom::Stopped => {
                add(CauseKind::PumpTrip, key.part);
                add(CauseKind::StationTrip, Part::Whole);
            }
            Symptom::FlowLow | Symptom::PressureLow if is_station => {
                add(CauseKind::StationTrip, Part::Whole);
            }
            Symptom::FlowHigh | Symptom::PressureLow => {
                add(CauseKind::Burst, Part::Whole);
            }
            Symptom::ChlorineLow => {
                add(CauseKind::ChlorineLoss, Part::Whole);
            }
            Symptom::LevelHigh | Symptom::Overflowing if topology.is_storage(zone) => {
                add(CauseKind::Overfilling, Part::Whole);
            }
            Symptom::LevelLow if topology.is_storage(zone) => {
                add(CauseKind::RunningEmpty, Part::Whole);
            }
            _ => {}
        }
    }
    all
}

/// The cells of one zone that say one thing.
fn at(cells: &Cells, zone: Zone, symptom: Symptom) -> impl Iterator<Item = (&CellKey, &Cell)> {
    cells.iter().filter(move |(key, _)| key.zone == zone && key.symptom == symptom)
}

fn weigh(supposed: Supposed, topology: &Topology, cells: &Cells, began: Timestamp) -> Option<GroupCause> {
    let own = |key: &CellKey| is_own(supposed, key);
    let told = cells.iter().filter(|(key, _)| own(key)).min_by_key(|(key, cell)| (cell.first, **key));
    let (_, told) = told?;
    let (mut alarms, mut fits, mut explained, mut below) = (0, 0.0, 0, 0);
    for (key, cell) in cells {
        let relation = match supposed.zone {
            Some(zone) => topology.relation(zone, key.zone),
            None => (key.symptom == Symptom::Silent).then_some(Relation::Same),
        };
        let mut fit = fit(supposed, relation, key);
        if cell.first + TOLD_BEFORE < told.first {
            fit *= BEFORE_ITS_CAUSE;
        }
        alarms += cell.alarms;
        fits += fit * cell.alarms as f64;
        if fit >= EXPLAINS {
            explained += cell.alarms;
        }
        if matches!(relation, Some(Relation::Same | Relation::Downstream(_))) {
            below += cell.alarms;
        }
    }
    let of_all = |count: f64| count / alarms.max(1) as f64;
    let after = told.first.since(began);
    let early = HALF_AS_EARLY.as_secs_f64() / (HALF_AS_EARLY + after).as_secs_f64();
    let (signs, shows) = signs(supposed, cells);
    let score = EXPLAINED * of_all(fits) + EARLY * early + SIGNS * signs + UPSTREAM * of_all(below as f64);
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let mut reasons =
        vec![CauseReason::Explains { alarms: count(explained), of: count(alarms) }, CauseReason::After(after)];
    if supposed.zone.is_some() {
        reasons.push(CauseReason::Upstream { alarms: count(below), of: count(alarms) });
    }
    if !shows.is_empty() {
        reasons.push(CauseReason::Shows(shows));
    }
    let main = match supposed.kind {
        CauseKind::Burst => burst_main(supposed, cells),
        _ => None,
    };
    Some(GroupCause { kind: supposed.kind, origin: origin(supposed), main, alarm: told.alarm, score, reasons })
}

/// The main nearest to where the pressure fell first; where the flow rose, if it fell nowhere.
fn burst_main(supposed: Supposed, cells: &Cells) -> Option<PipeId> {
    let zone = supposed.zone?;
    let of = |symptom| at(cells, zone, symptom).find_map(|(_, cell)| cell.main);
    of(Symptom::PressureLow).or_else(|| of(Symptom::FlowHigh))
}

fn origin(supposed: Supposed) -> CauseOrigin {
    match (supposed.part, supposed.zone) {
        (Part::Asset(asset), _) => CauseOrigin::Asset(asset),
        (Part::Site(site), _) | (Part::Whole, Some(Zone::Site(site))) => CauseOrigin::Site(site),
        (Part::Whole, Some(Zone::Area(area))) => CauseOrigin::Area(area),
        (Part::Whole, None) => CauseOrigin::Several,
    }
}

/// What a cause shows itself by at its own place, and how much each says: together 1.
const fn shown_by(kind: CauseKind) -> &'static [(Symptom, f64)] {
    use Symptom as S;
    match kind {
        CauseKind::PowerLoss => &[(S::Silent, 0.5), (S::Stopped, 0.5)],
        CauseKind::StationTrip => &[(S::Stopped, 0.6), (S::FlowLow, 0.2), (S::PressureLow, 0.2)],
        CauseKind::PumpTrip => &[(S::Stopped, 1.0)],
        CauseKind::CommunicationsLoss => &[(S::Silent, 1.0)],
        CauseKind::Burst => &[(S::FlowHigh, 0.5), (S::PressureLow, 0.4), (S::Turbid, 0.1)],
        CauseKind::ChlorineLoss => &[(S::ChlorineLow, 1.0)],
        CauseKind::Overfilling => &[(S::LevelHigh, 0.6), (S::Overflowing, 0.4)],
        CauseKind::RunningEmpty => &[(S::LevelLow, 1.0)],
        CauseKind::FirstAlarm => &[],
    }
}

/// How much of what a cause shows itself by is there, less what speaks against it, and what that is.
fn signs(supposed: Supposed, cells: &Cells) -> (f64, Vec<Symptom>) {
    let here = |symptom| {
        let is_here = move |key: &&CellKey| key.symptom == symptom && supposed.zone.is_none_or(|zone| zone == key.zone);
        cells.keys().filter(is_here).count()
    };
    let there: Vec<(Symptom, f64)> =
        shown_by(supposed.kind).iter().copied().filter(|(symptom, _)| here(*symptom) > 0).collect();
    let against = match supposed.kind {
        // One pump stops none of the others.
        CauseKind::PumpTrip => 1.0 / here(Symptom::Stopped).max(1) as f64,
        // What stops the pumps alone leaves the gateway its power, and what stops them all stops more than one.
        CauseKind::StationTrip if here(Symptom::Silent) > 0 || here(Symptom::Stopped) == 1 => 0.5,
        _ => 1.0,
    };
    let says: f64 = there.iter().map(|(_, says)| says).sum();
    (says * against, there.into_iter().map(|(symptom, _)| symptom).collect())
}

/// Whether an alarm is one that the cause is known by: the first of these is when it began.
fn is_own(supposed: Supposed, key: &CellKey) -> bool {
    if supposed.zone.is_some_and(|zone| zone != key.zone) {
        return false;
    }
    match supposed.kind {
        CauseKind::PumpTrip | CauseKind::CommunicationsLoss if supposed.part != Part::Whole => {
            key.part == supposed.part
        }
        CauseKind::FirstAlarm => key.part == supposed.part,
        kind => shown_by(kind).iter().any(|(symptom, _)| *symptom == key.symptom),
    }
}

/// How far an alarm is what the cause leads to, 0 to 1.
fn fit(supposed: Supposed, relation: Option<Relation>, key: &CellKey) -> f64 {
    use CauseKind as C;
    let Some(relation) = relation else { return 0.0 };
    match supposed.kind {
        C::FirstAlarm => match relation {
            Relation::Same => 0.3,
            _ => 0.15,
        },
        C::CommunicationsLoss => {
            let is_it = supposed.part == Part::Whole || supposed.part == key.part;
            if key.symptom == Symptom::Silent && is_it { 1.0 } else { 0.0 }
        }
        C::PowerLoss | C::StationTrip | C::PumpTrip => fit_of_stop(supposed, relation, key),
        C::Burst => fit_of_burst(relation, key.symptom),
        C::ChlorineLoss => match (relation, key.symptom) {
            (Relation::Same | Relation::Downstream(_), Symptom::ChlorineLow) => 1.0,
            (Relation::Same | Relation::Downstream(_), Symptom::Unlike) => 0.5,
            _ => 0.0,
        },
        C::Overfilling => fit_of_overfilling(relation, key.symptom),
        C::RunningEmpty => match (relation, key.symptom) {
            (Relation::Same, Symptom::LevelLow | Symptom::FlowLow) => 1.0,
            (Relation::Downstream(_), symptom) if is_want(symptom) => 0.9,
            _ => 0.0,
        },
    }
}

/// Want behind the pumps, plenty before them, and work for those that still run.
fn fit_of_stop(supposed: Supposed, relation: Relation, key: &CellKey) -> f64 {
    use Symptom as S;
    match (relation, key.symptom) {
        (Relation::Same, S::Stopped) => match supposed.part {
            Part::Whole => 1.0,
            part if part == key.part => 1.0,
            _ => 0.0,
        },
        (Relation::Same, S::Silent) if supposed.kind == CauseKind::PowerLoss => 1.0,
        (Relation::Same, S::FlowLow | S::PressureLow | S::PowerLow) => 1.0,
        (Relation::Same, S::FlowHigh | S::Strained | S::LevelLow) => 0.6,
        (Relation::Same, S::PressureHigh | S::LevelHigh | S::Odd) => 0.5,
        (Relation::Downstream(_), S::FlowLow | S::PressureLow | S::LevelLow) => 0.9,
        (Relation::Downstream(_), S::Stopped | S::PowerLow) => 0.5,
        (Relation::Downstream(_), S::Odd) => 0.4,
        (Relation::Downstream(_), S::Turbid | S::ChlorineLow) => 0.3,
        (Relation::Upstream(_), S::FlowLow | S::LevelHigh) => 0.7,
        (Relation::Upstream(_), S::PressureHigh | S::Overflowing) => 0.6,
        (Relation::Upstream(_), S::PressureLow) => 0.3,
        (Relation::Sibling, S::FlowLow | S::PressureLow | S::FlowHigh | S::PressureHigh) => 0.3,
        _ => 0.0,
    }
}

/// Much flow into its area and little pressure in it, and what it draws from those that feed it.
const fn fit_of_burst(relation: Relation, symptom: Symptom) -> f64 {
    use Symptom as S;
    match (relation, symptom) {
        (Relation::Same, S::FlowHigh | S::PressureLow) => 1.0,
        (Relation::Same, S::Turbid) => 0.9,
        (Relation::Same, S::LevelLow) => 0.8,
        (Relation::Same, S::FlowLow | S::Odd | S::Unlike | S::Strained) => 0.5,
        (Relation::Same, S::ChlorineLow) => 0.3,
        (Relation::Upstream(_), S::FlowHigh | S::LevelLow) => 0.9,
        (Relation::Upstream(_), S::PressureLow) => 0.7,
        (Relation::Upstream(_), S::Strained) => 0.6,
        (Relation::Upstream(_), S::Odd) => 0.4,
        (Relation::Downstream(_), S::PressureLow) => 0.9,
        (Relation::Downstream(_), S::FlowLow | S::LevelLow) => 0.7,
        (Relation::Downstream(_), S::Turbid) => 0.5,
        (Relation::Sibling, S::PressureLow | S::FlowLow) => 0.6,
        _ => 0.0,
    }
}

/// A full tank, much flow towards it, and want where that comes from.
const fn fit_of_overfilling(relation: Relation, symptom: Symptom) -> f64 {
    use Symptom as S;
    match (relation, symptom) {
        (Relation::Same, S::LevelHigh | S::Overflowing | S::FlowHigh) => 1.0,
        (Relation::Upstream(_), S::FlowHigh) => 0.9,
        (Relation::Upstream(_), S::LevelLow | S::Strained) => 0.7,
        (Relation::Sibling, S::LevelHigh | S::Overflowing) => 0.7,
        (Relation::Upstream(_), S::PressureLow | S::PressureHigh) => 0.6,
        (Relation::Sibling, S::FlowHigh) => 0.6,
        (Relation::Same, S::PressureHigh) | (Relation::Downstream(_), S::LevelHigh | S::FlowHigh | S::PressureHigh) => {
            0.5
        }
        _ => 0.0,
    }
}

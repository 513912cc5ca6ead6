//! What changes on the map: values, alarms, states of equipment, put on the marks that show them. Must not know how a
//! mark is drawn.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;
use penstock_api::AlarmView;
use penstock_map::{Alarm, Flow, Ground, Key, Look, MapModel, Mark, Owners, Symbol};
use penstock_model::{AlarmState, Asset, Point, PointId, PointRole, Quantity};

use crate::format;
use crate::state::{App, PlantView, Trust, trust};

/// A valve that is open by less than this share is closed.
const CLOSED_BELOW: f64 = 0.02;
/// Water that moves less than this, in m³/s, stands: meters never show quite nothing.
const STANDING: f64 = 1e-4;
/// As many points at most go on to the trend.
const PENS: usize = 8;

/// Which points each mark shows.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// Which mark shows a point or a site.
    pub(super) owners: Owners,
    points: BTreeMap<Key, Vec<PointId>>,
}

impl Placed {
    /// The points that the mark of `key` shows.
    pub(super) fn points_of(&self, key: Key) -> &[PointId] {
        self.points.get(&key).map_or(&[], Vec::as_slice)
    }
}

/// The map of a plant and which of its marks shows what.
pub(super) fn placed(plant: &PlantView, ground: Arc<Ground>) -> (MapModel, Placed) {
    let register = &plant.register;
    let (model, owners) = MapModel::of_plant(&register.plant, &register.points, ground);
    let mut points: BTreeMap<Key, Vec<PointId>> = BTreeMap::new();
    for point in plant.adopted() {
        if let Some(key) = owners.of_point(point.id) {
            points.entry(key).or_default().push(point.id);
        }
    }
    (model, Placed { owners, points })
}

/// Puts the present on the map; tracks nothing.
pub(super) fn dress(model: &mut MapModel, placed: &Placed, plant: &PlantView, app: App) {
    let locale = app.i18n.get_locale_untracked();
    let now = app.now.get_untracked();
    let value = |point: &Point| app.points.peek(point.no).and_then(|view| view.value);
    let text = |point: &Point| value(point).map(|si| format::value_with_unit(si, point.quantity, locale));

    for mark in &mut model.marks {
        let points: Vec<&Point> = placed.points_of(mark.key).iter().filter_map(|id| plant.point(*id)).collect();
        let playing = |role: PointRole| points.iter().find(|point| point.role == Some(role)).copied();
        match &mut mark.symbol {
            Symbol::Sensor { .. } => {
                let point = points.first();
                mark.value = point.and_then(|point| text(point));
                mark.trust = point.map_or(penstock_map::Trust::Stale, |point| {
                    shown_trust(trust(&app.points.peek(point.no), point, now))
                });
            }
            Symbol::Reservoir { filling } | Symbol::Tower { filling } => {
                let asset = asset_of(mark.key, plant);
                *filling = playing(PointRole::TankLevel).and_then(value).zip(asset).and_then(|(level, asset)| {
                    let span = asset.level_span?;
                    Some(((level - span.low) / (span.high - span.low)).clamp(0.0, 1.0) as f32)
                });
                mark.value = filling.map(|share| {
                    let percent = format::number(f64::from(share) * 100.0, 0, locale);
                    format!("{percent}\u{a0}%")
                });
            }
            Symbol::Pump { running } => {
                *running = playing(PointRole::PumpRunning).and_then(value).map(|value| value > 0.5);
            }
            Symbol::Valve { closed } => {
                let position = points.iter().find(|point| point.quantity == Quantity::Ratio).copied();
                let state = points.iter().find(|point| point.quantity == Quantity::State).copied();
                let opening = position.and_then(value).or_else(|| state.and_then(value));
                *closed = opening.is_some_and(|opening| opening < CLOSED_BELOW);
            }
            Symbol::Works | Symbol::PumpingStation | Symbol::Gateway | Symbol::Borehole => {}
        }
        mark.alarm = None;
    }

    // A main without a meter keeps its usual direction.
    for pipe in &mut model.pipes {
        if let Some(point) = placed.owners.meter_of(pipe.id).and_then(|id| plant.point(id)) {
            let is_firm = trust(&app.points.peek(point.no), point, now).is_firm();
            pipe.flow = flow(value(point).filter(|_| is_firm));
        }
    }

    let mut worst: BTreeMap<Key, Alarm> = BTreeMap::new();
    app.alarms.listed.with_untracked(|listed| {
        for view in listed.iter() {
            let keys = [placed.owners.of_subject(view.subject), plant.area_of_subject(view.subject).map(Key::Area)];
            if let Some(alarm) = shown_alarm(view) {
                for key in keys.into_iter().flatten() {
                    let kept = worst.entry(key).or_insert(alarm);
                    *kept = alarm.min(*kept);
                }
            }
        }
    });
    for mark in &mut model.marks {
        mark.alarm = worst.get(&mark.key).copied();
    }
    for area in &mut model.areas {
        // An area's name wears a badge only while somebody is called for.
        let alarm = worst.get(&Key::Area(area.id)).copied();
        area.alarm = alarm.filter(|alarm| alarm.look == Look::Unacknowledged);
        let inflow = plant.playing(PointRole::AreaInflow).find(|point| point.area == Some(area.id));
        area.note = inflow.and_then(text);
    }
}

/// Which way water goes by its meter, in m³/s; not known where the meter cannot be trusted.
fn flow(metered: Option<f64>) -> Flow {
    match metered {
        Some(flow) if flow > STANDING => Flow::Forward,
        Some(flow) if flow < -STANDING => Flow::Backward,
        _ => Flow::Unknown,
    }
}

/// An alarm as the map shows it.
pub(super) fn shown_alarm(view: &AlarmView) -> Option<Alarm> {
    Some(Alarm { look: look(&view.state)?, priority: view.priority })
}

fn look(state: &AlarmState) -> Option<Look> {
    match (state.active, state.acknowledged) {
        (true, false) => Some(Look::Unacknowledged),
        (false, false) => Some(Look::Returned),
        (true, true) => Some(Look::Acknowledged),
        (false, true) if state.latched => Some(Look::Acknowledged),
        (false, true) => None,
    }
}

fn shown_trust(trust: Trust) -> penstock_map::Trust {
    match trust {
        Trust::Good | Trust::Uncertain => penstock_map::Trust::Good,
        Trust::Bad => penstock_map::Trust::Bad,
        Trust::Stale(_) | Trust::Never => penstock_map::Trust::Stale,
    }
}

/// The equipment that a mark stands for.
pub(super) fn asset_of(key: Key, plant: &PlantView) -> Option<&Asset> {
    match key {
        Key::Asset(id) => plant.asset(id),
        _ => None,
    }
}

/// All marks in the order in which keys go through them: those with alarms, the worst first, then all others by name.
pub(super) fn in_order(model: &MapModel) -> Vec<&Mark> {
    let mut calm: Vec<&Mark> = model.marks.iter().filter(|mark| mark.alarm.is_none()).collect();
    calm.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.key.cmp(&b.key)));
    let mut marks = model.alarmed();
    marks.extend(calm);
    marks
}

/// The points that tell how `key` fares.
pub(super) fn points_of(key: Key, placed: &Placed, plant: &PlantView) -> Vec<Point> {
    match key {
        Key::Area(id) => {
            let roles = [PointRole::AreaInflow, PointRole::CriticalPressure, PointRole::AreaChlorine];
            let of_area = |role| plant.playing(role).filter(move |point| point.area == Some(id));
            roles.into_iter().flat_map(of_area).cloned().collect()
        }
        Key::Pipe(id) => placed.owners.meter_of(id).and_then(|point| plant.point(point)).cloned().into_iter().collect(),
        Key::Site(_) | Key::Asset(_) | Key::Point(_) => {
            placed.points_of(key).iter().filter_map(|id| plant.point(*id)).cloned().collect()
        }
    }
}

/// Where the trend of what `key` measures is shown.
pub(super) fn trend_path(key: Key, placed: &Placed, plant: &PlantView) -> Option<String> {
    let points = points_of(key, placed, plant);
    let measured = points.iter().filter(|point| point.quantity != Quantity::State);
    let ids: Vec<String> = measured.take(PENS).map(|point| point.id.to_string()).collect();
    (!ids.is_empty()).then(|| format!("/trends?points={}", ids.join(",")))
}

/// The mark after `chosen` in the order of alarms, the worst first; the first where nothing alarmed is chosen.
pub(super) fn next_alarm(marks: &[&Mark], chosen: Option<Key>) -> Option<Key> {
    let at = chosen.and_then(|key| marks.iter().position(|mark| mark.key == key));
    let next = at.map_or(0, |at| (at + 1) % marks.len().max(1));
    marks.get(next).map(|mark| mark.key)
}

#[cfg(test)]
mod tests {
    use penstock_model::{RuleId, Timestamp};

    use super::*;

    fn state(active: bool, acknowledged: bool) -> AlarmState {
        let at = Timestamp::from_secs(1);
        AlarmState { occurrence: 1, active, acknowledged, ..AlarmState::normal(RuleId::made(at, [1; 10]), at) }
    }

    #[test]
    fn looks_follow_the_state() {
        assert_eq!(look(&state(true, false)), Some(Look::Unacknowledged));
        assert_eq!(look(&state(true, true)), Some(Look::Acknowledged));
        assert_eq!(look(&state(false, false)), Some(Look::Returned));
        assert_eq!(look(&state(false, true)), None);
    }

    #[test]
    fn arrows_follow_the_sign_of_the_flow() {
        assert_eq!(flow(Some(0.02)), Flow::Forward);
        assert_eq!(flow(Some(-0.02)), Flow::Backward);
        assert_eq!(flow(Some(0.000_01)), Flow::Unknown);
        assert_eq!(flow(None), Flow::Unknown);
    }

    #[test]
    fn next_alarm_goes_round() {
        let mark = |n: u8| Mark {
            key: Key::Point(PointId::made(Timestamp::from_secs(1), [n; 10])),
            parent: None,
            symbol: Symbol::Sensor { letter: 'P' },
            spot: None,
            name: String::new(),
            value: None,
            alarm: None,
            trust: penstock_map::Trust::Good,
        };
        let (a, b) = (mark(1), mark(2));
        let marks = [&a, &b];
        assert_eq!(next_alarm(&marks, None), Some(a.key));
        assert_eq!(next_alarm(&marks, Some(a.key)), Some(b.key));
        assert_eq!(next_alarm(&marks, Some(b.key)), Some(a.key));
        assert_eq!(next_alarm(&[], Some(b.key)), None);
    }
}

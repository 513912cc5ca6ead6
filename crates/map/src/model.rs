//! What the map shows, as plain data.

use std::sync::Arc;

use penstock_model::{AreaId, AssetId, PipeId, PointId, Priority, SiteId};

use crate::{Bounds, Ground, Spot};

/// Furthest that a mark may lie from the middle of the others, in m; further is a mistyped coordinate.
const STRAY_METRES: f64 = 200_000.0;

/// Everything that the map shows.
#[derive(Debug, Clone, Default)]
pub struct MapModel {
    /// The base map.
    pub ground: Arc<Ground>,
    /// Areas.
    pub areas: Vec<AreaMark>,
    /// Mains.
    pub pipes: Vec<PipeMark>,
    /// Sites, equipment and points.
    pub marks: Vec<Mark>,
    /// What the detectors suspect.
    pub suspicions: Vec<Suspicion>,
    /// What is selected.
    pub selection: Option<Key>,
}

/// What a mark stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// An area.
    Area(AreaId),
    /// A site.
    Site(SiteId),
    /// A piece of equipment.
    Asset(AssetId),
    /// A stretch of main.
    Pipe(PipeId),
    /// A point.
    Point(PointId),
}

/// How an alarm stands, which is how its badge is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Look {
    /// Active and not acknowledged: filled.
    Unacknowledged,
    /// Back to normal and not acknowledged: dashed.
    Returned,
    /// Acknowledged: outlined.
    Acknowledged,
}

/// An alarm as the map shows it; the lesser is the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alarm {
    /// How it stands.
    pub look: Look,
    /// How urgent it is.
    pub priority: Priority,
}

/// How far a shown value can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// Fresh and good.
    #[default]
    Good,
    /// Too old.
    Stale,
    /// Bad.
    Bad,
}

/// How a mark is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Symbol {
    /// Treatment works.
    Works,
    /// Pumping station.
    PumpingStation,
    /// Pump.
    Pump {
        /// Whether it runs; none while that is not known.
        running: Option<bool>,
    },
    /// Ground reservoir.
    Reservoir {
        /// How full it is, 0 to 1.
        filling: Option<f32>,
    },
    /// Water tower.
    Tower {
        /// How full it is, 0 to 1.
        filling: Option<f32>,
    },
    /// Valve.
    Valve {
        /// Whether it is closed.
        closed: bool,
    },
    /// An instrument with the letter of what it measures: F flow, P pressure, Q quality.
    Sensor {
        /// The letter.
        letter: char,
    },
    /// Gateway.
    Gateway,
    /// Borehole.
    Borehole,
}

/// A site, a piece of equipment or a point.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// What it stands for.
    pub key: Key,
    /// The mark that stands for it where there is no room for both: its site.
    pub parent: Option<Key>,
    /// How it is drawn.
    pub symbol: Symbol,
    /// Where it is; none where its coordinate is missing or bad.
    pub spot: Option<Spot>,
    /// Its name.
    pub name: String,
    /// Its value as people read it, unit included.
    pub value: Option<String>,
    /// Its worst alarm.
    pub alarm: Option<Alarm>,
    /// How far its value can be trusted.
    pub trust: Trust,
}

/// An area.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaMark {
    /// Its id.
    pub id: AreaId,
    /// Its name.
    pub name: String,
    /// Its boundary, without the closing point.
    pub boundary: Vec<Spot>,
    /// What is said under the name, as a rule its inflow.
    pub note: Option<String>,
    /// The worst alarm inside.
    pub alarm: Option<Alarm>,
}

/// Which way water goes in a main, seen along its course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flow {
    /// Not known, or it stands.
    #[default]
    Unknown,
    /// Along the course.
    Forward,
    /// Against it.
    Backward,
}

/// A stretch of main.
#[derive(Debug, Clone, PartialEq)]
pub struct PipeMark {
    /// Its id.
    pub id: PipeId,
    /// Its name.
    pub name: String,
    /// Inner diameter in mm.
    pub diameter_mm: f64,
    /// Its course.
    pub course: Vec<Spot>,
    /// Which way water goes.
    pub flow: Flow,
    /// Whether it is shut off.
    pub closed: bool,
}

/// A main that the detectors suspect: advice, not an alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspicion {
    /// The main.
    pub pipe: PipeId,
    /// How sure they are, 0 to 1.
    pub score: f32,
    /// What they suspect.
    pub what: String,
    /// Where to look, in words.
    pub note: Option<String>,
}

impl MapModel {
    /// Marks that have no place on the map: no coordinate, one that is not on earth, or one far from all others.
    pub fn not_placed(&self) -> Vec<&Mark> {
        let stray = self.stray_limit();
        self.marks
            .iter()
            .filter(|mark| !mark.spot.is_some_and(|spot| stray.is_none_or(|limit| limit.holds(spot))))
            .collect()
    }

    /// Around everything that is placed.
    pub fn extent(&self) -> Option<Bounds> {
        let stray = self.stray_limit();
        let marks = self.marks.iter().filter_map(|mark| mark.spot);
        let lines = self.areas.iter().map(|area| &area.boundary).chain(self.pipes.iter().map(|pipe| &pipe.course));
        Bounds::around(
            marks.chain(lines.flatten().copied()).filter(|spot| stray.is_none_or(|limit| limit.holds(*spot))),
        )
    }

    /// Marks with an alarm, the worst first; marks of equal alarm by name, so that the order is total.
    pub fn alarmed(&self) -> Vec<&Mark> {
        let mut marks: Vec<&Mark> = self.marks.iter().filter(|mark| mark.alarm.is_some()).collect();
        marks.sort_by(|a, b| a.alarm.cmp(&b.alarm).then_with(|| a.name.cmp(&b.name)).then_with(|| a.key.cmp(&b.key)));
        marks
    }

    /// What lies in it, for zooming there.
    pub fn extent_of(&self, key: Key) -> Option<Bounds> {
        match key {
            Key::Area(id) => Bounds::around(self.areas.iter().find(|area| area.id == id)?.boundary.iter().copied()),
            Key::Pipe(id) => Bounds::around(self.pipes.iter().find(|pipe| pipe.id == id)?.course.iter().copied()),
            _ => Bounds::around(self.marks.iter().find(|mark| mark.key == key)?.spot),
        }
    }

    /// Around the middle of all marks as far as a plant can reach.
    fn stray_limit(&self) -> Option<Bounds> {
        let mut xs: Vec<f64> = self.marks.iter().filter_map(|mark| Some(mark.spot?.x)).collect();
        let mut ys: Vec<f64> = self.marks.iter().filter_map(|mark| Some(mark.spot?.y)).collect();
        let median = |values: &mut Vec<f64>| {
            let middle = values.len() / 2;
            (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f64::total_cmp).1)
        };
        let centre = Spot { x: median(&mut xs)?, y: median(&mut ys)? };
        let reach = STRAY_METRES / centre.metres_per_unit();
        Some(Bounds {
            min: Spot { x: centre.x - reach, y: centre.y - reach },
            max: Spot { x: centre.x + reach, y: centre.y + reach },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_alarm_is_the_lesser() {
        let alarm = |look, priority| Alarm { look, priority };
        assert!(alarm(Look::Unacknowledged, Priority::P2) < alarm(Look::Unacknowledged, Priority::P3));
        assert!(alarm(Look::Unacknowledged, Priority::P4) < alarm(Look::Acknowledged, Priority::P1));
    }

    #[test]
    fn bad_coordinates_are_listed() {
        let mark = |n: u8, spot| Mark {
            key: Key::Site(SiteId::made(penstock_model::Timestamp::from_secs(1), [n; 10])),
            parent: None,
            symbol: Symbol::Works,
            spot,
            name: format!("site {n}"),
            value: None,
            alarm: None,
            trust: Trust::Good,
        };
        let model = MapModel {
            marks: vec![
                mark(1, Spot::from_degrees(73.85, 18.52)),
                mark(2, Spot::from_degrees(73.86, 18.53)),
                mark(3, Spot::from_degrees(18.52, 73.85)),
                mark(4, None),
            ],
            ..MapModel::default()
        };
        let names: Vec<&str> = model.not_placed().iter().map(|mark| mark.name.as_str()).collect();
        assert_eq!(names, ["site 3", "site 4"]);
        let extent = model.extent().expect("two are placed");
        assert!(extent.max.x - extent.min.x < 1e-4);
    }
}

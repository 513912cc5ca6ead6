//! From plant and points to what the map shows: which things get a symbol, which stand for others.

use std::collections::BTreeMap;
use std::sync::Arc;

use penstock_model::{
    Asset, AssetKind, PipeId, Plant, Point, PointId, PointState, Quantity, SiteId, SiteKind, Subject,
};

use crate::{AreaMark, Flow, Ground, Key, MapModel, Mark, PipeMark, Spot, Symbol, Trust};

/// A point that is nearer to its equipment than this, in m, is shown by it.
const BESIDE_METRES: f64 = 15.0;
/// A meter that stands alone within this, in m, of a main measures it.
const METER_METRES: f64 = 2.0;

/// Which mark shows a point or a site.
#[derive(Debug, Clone, Default)]
pub struct Owners {
    points: BTreeMap<PointId, Key>,
    sites: BTreeMap<SiteId, Key>,
    meters: BTreeMap<PipeId, PointId>,
}

impl Owners {
    /// The mark that shows `point`.
    pub fn of_point(&self, point: PointId) -> Option<Key> {
        self.points.get(&point).copied()
    }

    /// The mark that stands for `site`.
    pub fn of_site(&self, site: SiteId) -> Option<Key> {
        self.sites.get(&site).copied()
    }

    /// The point that measures the flow in `pipe`.
    pub fn meter_of(&self, pipe: PipeId) -> Option<PointId> {
        self.meters.get(&pipe).copied()
    }

    /// The mark that shows what an alarm is about.
    pub fn of_subject(&self, subject: Subject) -> Option<Key> {
        match subject {
            Subject::Point(point) => self.of_point(point),
            Subject::Site(site) => self.of_site(site),
            Subject::Asset(asset) => Some(Key::Asset(asset)),
        }
    }
}

impl MapModel {
    /// The map of `plant` and its adopted `points` on `ground`, without anything that changes: values, alarms and flow
    /// are for the caller to set. Works, stations and tanks stand for their sites; a point is shown by the equipment
    /// that it sits on, else by a symbol of its own.
    pub fn of_plant(plant: &Plant, points: &[Point], ground: Arc<Ground>) -> (Self, Owners) {
        let mut owners = Owners::default();
        for asset in &plant.assets {
            if let (Some(site), true) = (asset.site, is_head(asset.kind)) {
                owners.sites.entry(site).or_insert(Key::Asset(asset.id));
            }
        }
        let mut marks: Vec<Mark> = Vec::new();
        for site in &plant.sites {
            let symbol = match site.kind {
                SiteKind::Works => Symbol::Works,
                SiteKind::Pumping => Symbol::PumpingStation,
                SiteKind::Storage => Symbol::Reservoir { filling: None },
                SiteKind::Network => continue,
            };
            if let std::collections::btree_map::Entry::Vacant(free) = owners.sites.entry(site.id) {
                let key = *free.insert(Key::Site(site.id));
                marks.push(mark(key, None, symbol, site.position.and_then(Spot::at), &site.name));
            }
        }
        for asset in &plant.assets {
            let key = Key::Asset(asset.id);
            let head = asset.site.and_then(|site| owners.of_site(site)).filter(|head| *head != key);
            marks.push(mark(key, head, symbol_of(asset), asset.position.and_then(Spot::at), &asset.name));
        }
        // A site of scattered instruments has no head: its gateway speaks for it.
        for asset in plant.assets.iter().filter(|asset| asset.kind == AssetKind::Gateway) {
            if let Some(site) = asset.site {
                owners.sites.entry(site).or_insert(Key::Asset(asset.id));
            }
        }
        let assets: BTreeMap<_, &Asset> = plant.assets.iter().map(|asset| (asset.id, asset)).collect();
        for point in points.iter().filter(|point| point.state == PointState::Adopted) {
            let spot = point.position.and_then(Spot::at);
            let asset = point.asset.and_then(|asset| assets.get(&asset));
            let asset_spot = asset.and_then(|asset| asset.position.and_then(Spot::at));
            let stands_alone = match (spot, asset, asset_spot) {
                (Some(_), None, _) => true,
                (Some(own), Some(_), Some(other)) => {
                    (own.x - other.x).hypot(own.y - other.y) * own.metres_per_unit() > BESIDE_METRES
                }
                _ => false,
            };
            let site_head = point.site.and_then(|site| owners.of_site(site));
            let owner = match asset {
                _ if stands_alone => Some(Key::Point(point.id)),
                Some(asset) => Some(Key::Asset(asset.id)),
                None => site_head,
            };
            if let Some(owner) = owner {
                owners.points.insert(point.id, owner);
            }
            if stands_alone || owner.is_none() {
                let key = Key::Point(point.id);
                owners.points.insert(point.id, key);
                let symbol = Symbol::Sensor { letter: letter_of(point.quantity) };
                // Where a gateway speaks for the site, instruments far from it are not part of it.
                let parent =
                    site_head.filter(|head| marks.iter().any(|mark| mark.key == *head && is_site(mark.symbol)));
                marks.push(mark(key, parent, symbol, spot, &point.name));
            }
        }
        owners.meters = meters(plant, points, &owners);
        let spots = |places: &[penstock_model::Position]| places.iter().filter_map(|place| Spot::at(*place)).collect();
        let areas = plant.areas.iter().map(|area| AreaMark {
            id: area.id,
            name: area.name.clone(),
            boundary: spots(&area.boundary),
            note: None,
            alarm: None,
        });
        let pipes = plant.pipes.iter().map(|pipe| PipeMark {
            id: pipe.id,
            name: pipe.name.clone(),
            diameter_mm: pipe.diameter_mm,
            course: spots(&pipe.course),
            flow: Flow::Forward,
            closed: false,
        });
        let model = Self {
            ground,
            areas: areas.collect(),
            pipes: pipes.collect(),
            marks,
            suspicions: Vec::new(),
            selection: None,
        };
        (model, owners)
    }
}

/// The meter of each main: a flow point that stands alone on it, but not where the main begins, as what comes in there
/// may part.
fn meters(plant: &Plant, points: &[Point], owners: &Owners) -> BTreeMap<PipeId, PointId> {
    let alone = points
        .iter()
        .filter(|point| point.quantity == Quantity::Flow && owners.of_point(point.id) == Some(Key::Point(point.id)));
    let alone: Vec<(PointId, Spot)> =
        alone.filter_map(|point| Some((point.id, point.position.and_then(Spot::at)?))).collect();
    let metered = plant.pipes.iter().filter_map(|pipe| {
        let course: Vec<Spot> = pipe.course.iter().filter_map(|place| Spot::at(*place)).collect();
        let first = *course.first()?;
        let near = alone.iter().filter_map(|(point, spot)| {
            let metres = |units: f64| units * spot.metres_per_unit();
            let begins = metres((spot.x - first.x).hypot(spot.y - first.y)) <= METER_METRES;
            let away = metres(distance(*spot, &course));
            (away <= METER_METRES && !begins).then_some((away, *point))
        });
        let nearest = near.min_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)))?;
        Some((pipe.id, nearest.1))
    });
    metered.collect()
}

/// From a place to the nearest part of a course, in units of the world.
fn distance(spot: Spot, course: &[Spot]) -> f64 {
    let to_part = |from: &Spot, to: &Spot| {
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        let length = dx * dx + dy * dy;
        let along = if length > 0.0 { ((spot.x - from.x) * dx + (spot.y - from.y) * dy) / length } else { 0.0 };
        let along = along.clamp(0.0, 1.0);
        (spot.x - from.x - along * dx).hypot(spot.y - from.y - along * dy)
    };
    course.iter().zip(course.iter().skip(1)).map(|(from, to)| to_part(from, to)).fold(f64::INFINITY, f64::min)
}

fn mark(key: Key, parent: Option<Key>, symbol: Symbol, spot: Option<Spot>, name: &str) -> Mark {
    let name = name.to_owned();
    Mark { key, parent, symbol, spot, name, value: None, alarm: None, trust: Trust::Good }
}

const fn is_head(kind: AssetKind) -> bool {
    matches!(
        kind,
        AssetKind::TreatmentWorks
            | AssetKind::PumpingStation
            | AssetKind::Reservoir
            | AssetKind::Tower
            | AssetKind::Borehole
    )
}

const fn is_site(symbol: Symbol) -> bool {
    matches!(
        symbol,
        Symbol::Works | Symbol::PumpingStation | Symbol::Reservoir { .. } | Symbol::Tower { .. } | Symbol::Borehole
    )
}

fn symbol_of(asset: &Asset) -> Symbol {
    match asset.kind {
        AssetKind::TreatmentWorks => Symbol::Works,
        AssetKind::Reservoir => Symbol::Reservoir { filling: None },
        AssetKind::Tower => Symbol::Tower { filling: None },
        AssetKind::PumpingStation => Symbol::PumpingStation,
        AssetKind::Pump => Symbol::Pump { running: None },
        AssetKind::Valve => Symbol::Valve { closed: false },
        AssetKind::Sensor => Symbol::Sensor { letter: 'S' },
        AssetKind::Gateway => Symbol::Gateway,
        AssetKind::Borehole => Symbol::Borehole,
    }
}

const fn letter_of(quantity: Quantity) -> char {
    match quantity {
        Quantity::Flow | Quantity::Volume => 'F',
        Quantity::Pressure => 'P',
        Quantity::Chlorine | Quantity::Turbidity | Quantity::Ph | Quantity::Conductivity => 'Q',
        Quantity::Level => 'L',
        Quantity::Temperature => 'T',
        Quantity::Power | Quantity::Energy | Quantity::SpecificEnergy => 'E',
        Quantity::Vibration => 'V',
        Quantity::Ratio | Quantity::Frequency | Quantity::State | Quantity::Plain => 'S',
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::PlantFile;

    use super::*;

    fn demo() -> PlantFile {
        serde_json::from_str(include_str!("../../../assets/demo/plant.json")).expect("the demo plant")
    }

    #[test]
    fn every_point_of_the_demo_is_shown_by_a_mark_that_is_placed() {
        let file = demo();
        let (model, owners) = MapModel::of_plant(&file.plant, &file.points, Arc::default());
        for point in &file.points {
            let owner = owners.of_point(point.id).expect("an owner");
            let mark = model.marks.iter().find(|mark| mark.key == owner);
            assert!(mark.is_some_and(|mark| mark.spot.is_some()), "{} is shown by {mark:?}", point.name);
        }
        for site in &file.plant.sites {
            assert!(owners.of_site(site.id).is_some(), "{}", site.name);
        }
        assert!(model.not_placed().is_empty());
    }

    #[test]
    fn a_point_without_any_place_is_listed() {
        let mut file = demo();
        let point = &mut file.points[0];
        (point.position, point.asset, point.site) = (None, None, None);
        let name = point.name.clone();
        let (model, _) = MapModel::of_plant(&file.plant, &file.points, Arc::default());
        let names: Vec<&str> = model.not_placed().iter().map(|mark| mark.name.as_str()).collect();
        assert_eq!(names, [name.as_str()]);
    }

    #[test]
    fn a_meter_measures_the_main_that_it_stands_on_or_ends_at() {
        let file = demo();
        let (_, owners) = MapModel::of_plant(&file.plant, &file.points, Arc::default());
        let check = |main: &str, meter: Option<&str>| {
            let pipe = file.plant.pipes.iter().find(|pipe| pipe.name == main).expect("the main");
            let point = owners.meter_of(pipe.id).and_then(|id| file.points.iter().find(|point| point.id == id));
            assert_eq!(point.map(|point| point.name.as_str()), meter, "{main}");
        };
        check("M-12 Clock Tower Road", Some("FT-11"));
        check("M-13 Clock Tower Road", Some("FT-12"));
        check("M-40 Potters Lane", Some("FT-03"));
        check("M-04 Station Road", None);
    }

    #[test]
    fn keys_are_unique() {
        let file = demo();
        let (model, _) = MapModel::of_plant(&file.plant, &file.points, Arc::default());
        let keys: std::collections::BTreeSet<Key> = model.marks.iter().map(|mark| mark.key).collect();
        assert_eq!(keys.len(), model.marks.len());
    }
}

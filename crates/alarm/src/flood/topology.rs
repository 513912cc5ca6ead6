//! Which part of the plant lies downstream of which, by the courses of the mains. Must not know alarms.
//!
//! # Zones
//! The plant is looked at in [`Zone`]s: an area with all its measuring points, or a site with all its equipment. Alarms
//! inside a zone are neighbours anyway; between zones it is the mains that tell.
//!
//! # Joining mains
//! Ends of mains within [`SNAP_OF_ENDS_M`] of each other are one junction, and so is an end within that of another main's
//! course; mains that only cross are not joined. A junction within [`SNAP_TO_SITE_M`] of a works, a pumping station or a
//! storage belongs to that site, the nearest one, and so joins what comes in to what goes out. Any other junction belongs
//! to the area of the main that runs through it, to none where that is a trunk, and else to the area of the first main
//! that ends there. Water flows as a main is drawn. A main on whose course a valve stands that is shut on an ordinary day
//! (its position's normal band ends below a tenth) joins nothing.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use penstock_model::{
    AreaId, AssetId, AssetKind, Pipe, PipeId, Plant, Point, PointId, PointRole, Position, Quantity, SiteId, SiteKind,
    Subject,
};

/// How near, in m, the ends of two mains must be to be one junction.
pub const SNAP_OF_ENDS_M: f64 = 3.0;
/// How near to a site, in m, a junction must be to belong to it; a valve stands on a main within the same distance.
pub const SNAP_TO_SITE_M: f64 = 30.0;
/// A valve whose normal positions all lie below this share is shut.
const SHUT_BELOW: f64 = 0.1;

/// A part of the plant that alarms are placed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Zone {
    /// An area, with the measuring points spread over it.
    Area(AreaId),
    /// Any other site.
    Site(SiteId),
}

/// The shortest way the water takes from one zone to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// Its length along the mains, mm.
    millimetres: u64,
    /// Zones on the way.
    stops: u32,
    storages: u32,
}

impl Way {
    /// Its length along the mains in m.
    pub fn metres(self) -> f64 {
        self.millimetres as f64 / 1e3
    }

    /// How many reservoirs and towers lie on the way, the ends not counted: each holds an effect up.
    pub const fn storages(self) -> u32 {
        self.storages
    }

    /// Whether no other zone lies on the way.
    pub const fn is_direct(self) -> bool {
        self.stops == 0
    }
}

/// How one zone stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// They are one.
    Same,
    /// The other gets water from it.
    Downstream(Way),
    /// It gets water from the other.
    Upstream(Way),
    /// Both are supplied by one zone, with none between.
    Sibling,
}

/// What is known of the subject of an alarm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Located {
    pub(super) zone: Zone,
    pub(super) site: Option<SiteId>,
    pub(super) asset: Option<(AssetId, AssetKind)>,
    pub(super) quantity: Option<Quantity>,
    pub(super) role: Option<PointRole>,
    /// The main of the area that it lies nearest to.
    pub(super) main: Option<PipeId>,
}

/// Where everything is that an alarm can be about, and how the water gets there. Made once for a plant; what it answers
/// takes the logarithm of the plant's size.
#[derive(Debug, Clone, Default)]
pub struct Topology {
    /// By zone: the zones that stand in a relation to it, sorted.
    neighbours: BTreeMap<Zone, Vec<(Zone, Relation)>>,
    kinds: BTreeMap<SiteId, SiteKind>,
    sites: BTreeMap<SiteId, Zone>,
    assets: BTreeMap<AssetId, Located>,
    points: BTreeMap<PointId, Located>,
}

impl Topology {
    /// Of a plant and its points. A point that belongs to no site, equipment or area is nowhere: its alarms stay alone.
    pub fn new(plant: &Plant, points: &[Point]) -> Self {
        let mut topology = Self::default();
        for site in &plant.sites {
            let zone = match (site.kind, site.area) {
                (SiteKind::Network, Some(area)) => Zone::Area(area),
                _ => Zone::Site(site.id),
            };
            topology.sites.insert(site.id, zone);
            topology.kinds.insert(site.id, site.kind);
        }
        for asset in &plant.assets {
            if let Some(zone) = topology.zone_of(asset.site, asset.area) {
                let located = Located {
                    zone,
                    site: asset.site,
                    asset: Some((asset.id, asset.kind)),
                    quantity: None,
                    role: None,
                    main: None,
                };
                topology.assets.insert(asset.id, located);
            }
        }
        topology.take_points(plant, points);
        topology.neighbours = Mains::new(plant, points, &topology).neighbours(&topology);
        topology
    }

    /// The zone that an alarm's subject lies in.
    pub fn zone(&self, subject: Subject) -> Option<Zone> {
        self.locate(subject).map(|located| located.zone)
    }

    /// How `other` stands to `zone`; none where no water connects them.
    pub fn relation(&self, zone: Zone, other: Zone) -> Option<Relation> {
        if zone == other {
            return Some(Relation::Same);
        }
        let neighbours = self.neighbours(zone);
        let found = neighbours.binary_search_by_key(&other, |(zone, _)| *zone).ok()?;
        neighbours.get(found).map(|(_, relation)| *relation)
    }

    /// The zones that stand in a relation to `zone`, sorted.
    pub fn neighbours(&self, zone: Zone) -> &[(Zone, Relation)] {
        self.neighbours.get(&zone).map_or(&[], Vec::as_slice)
    }

    pub(super) fn locate(&self, subject: Subject) -> Option<Located> {
        match subject {
            Subject::Point(point) => self.points.get(&point).copied(),
            Subject::Asset(asset) => self.assets.get(&asset).copied(),
            Subject::Site(site) => self.sites.get(&site).map(|zone| Located {
                zone: *zone,
                site: Some(site),
                asset: None,
                quantity: None,
                role: None,
                main: None,
            }),
        }
    }

    /// Whether water is lifted or made in a zone.
    pub(super) fn is_station(&self, zone: Zone) -> bool {
        matches!(self.kind(zone), Some(SiteKind::Pumping | SiteKind::Works))
    }

    /// Whether water is held in a zone.
    pub(super) fn is_storage(&self, zone: Zone) -> bool {
        self.kind(zone) == Some(SiteKind::Storage)
    }

    fn kind(&self, zone: Zone) -> Option<SiteKind> {
        match zone {
            Zone::Site(site) => self.kinds.get(&site).copied(),
            Zone::Area(_) => None,
        }
    }

    fn zone_of(&self, site: Option<SiteId>, area: Option<AreaId>) -> Option<Zone> {
        site.and_then(|site| self.sites.get(&site).copied()).or(area.map(Zone::Area))
    }

    fn take_points(&mut self, plant: &Plant, points: &[Point]) {
        let mut mains: BTreeMap<AreaId, Vec<(&Pipe, Vec<Spot>)>> = BTreeMap::new();
        let plane = Plane::of(plant);
        for pipe in &plant.pipes {
            if let Some(area) = pipe.area {
                mains.entry(area).or_default().push((pipe, plane.course(pipe)));
            }
        }
        for point in points {
            let asset = point.asset.and_then(|asset| self.assets.get(&asset));
            let own = self.zone_of(point.site, None);
            let Some(zone) = own.or(asset.map(|asset| asset.zone)).or(point.area.map(Zone::Area)) else { continue };
            let main = match (zone, point.position) {
                (Zone::Area(area), Some(position)) => {
                    let at = plane.spot(position);
                    let near = mains.get(&area).into_iter().flatten();
                    near.map(|(pipe, course)| (millimetres(at.distance_to(course)), pipe.id)).min().map(|(_, id)| id)
                }
                _ => None,
            };
            let located = Located {
                zone,
                site: point.site.or(asset.and_then(|asset| asset.site)),
                asset: asset.and_then(|asset| asset.asset),
                quantity: Some(point.quantity),
                role: point.role,
                main,
            };
            self.points.insert(point.id, located);
        }
    }
}

/// A main as it is laid: its area, and the junctions that it runs by with how far along it each lies, in mm.
struct Course {
    zone: Option<Zone>,
    passed: Vec<(u64, usize)>,
}

/// The mains as junctions and the ways between them.
struct Mains {
    /// The zone of each junction.
    zones: Vec<Option<Zone>>,
    /// By junction: where its mains lead, and their lengths in mm.
    onward: Vec<Vec<(usize, u64)>>,
}

impl Mains {
    fn new(plant: &Plant, points: &[Point], topology: &Topology) -> Self {
        let plane = Plane::of(plant);
        let shut = shut_valves(plant, points, plane);
        let mut junctions = Junctions::default();
        let mut laid = Vec::with_capacity(plant.pipes.len());
        for pipe in &plant.pipes {
            let course = plane.course(pipe);
            let (Some(first), Some(last)) = (course.first(), course.last()) else { continue };
            if shut.iter().any(|valve| valve.distance_to(&course) <= SNAP_TO_SITE_M) {
                continue;
            }
            let ends = [junctions.at(*first), junctions.at(*last)];
            laid.push((ends, pipe.area, course));
        }
        let zones = junctions.spots.iter().map(|spot| site_at(*spot, plant, plane, topology)).collect();
        let mut mains = Self { zones, onward: vec![Vec::new(); junctions.spots.len()] };
        let courses: Vec<Course> = laid
            .into_iter()
            .map(|(ends, area, course)| Course { zone: area.map(Zone::Area), passed: junctions.along(&course, ends) })
            .collect();
        mains.divide(&courses);
        for pair in courses.iter().flat_map(|course| course.passed.windows(2)) {
            let [(from_mm, from), (to_mm, to)] = *pair else { continue };
            if let Some(onward) = mains.onward.get_mut(from) {
                onward.push((to, to_mm - from_mm));
            }
        }
        mains
    }

    /// Gives the junctions that belong to no site to areas.
    fn divide(&mut self, courses: &[Course]) {
        let mut is_settled: Vec<bool> = self.zones.iter().map(Option::is_some).collect();
        let mut settle = |junction: usize, zone: Option<Zone>| {
            if let (Some(settled @ false), Some(slot)) = (is_settled.get_mut(junction), self.zones.get_mut(junction)) {
                *settled = true;
                *slot = zone;
            }
        };
        for Course { zone, passed } in courses {
            let between = passed.get(1..passed.len().saturating_sub(1)).unwrap_or(&[]);
            between.iter().for_each(|(_, junction)| settle(*junction, *zone));
        }
        for Course { zone, passed } in courses.iter().filter(|course| course.zone.is_some()) {
            let ends = passed.first().into_iter().chain(passed.last());
            ends.for_each(|(_, junction)| settle(*junction, *zone));
        }
    }

    fn neighbours(&self, topology: &Topology) -> BTreeMap<Zone, Vec<(Zone, Relation)>> {
        let zones: BTreeSet<Zone> = self.zones.iter().copied().flatten().collect();
        let mut relations: BTreeMap<Zone, BTreeMap<Zone, Relation>> = BTreeMap::new();
        for zone in &zones {
            let ways = self.ways_from(*zone, topology);
            for (other, way) in &ways {
                // Where a loop leads both ways, the shorter one is the usual one.
                let back = relations.get(zone).and_then(|known| known.get(other));
                if matches!(back, Some(Relation::Upstream(back)) if back <= way) {
                    continue;
                }
                relations.entry(*zone).or_default().insert(*other, Relation::Downstream(*way));
                relations.entry(*other).or_default().insert(*zone, Relation::Upstream(*way));
            }
            let fed: Vec<Zone> = ways.iter().filter(|(_, way)| way.is_direct()).map(|(other, _)| *other).collect();
            for (index, one) in fed.iter().enumerate() {
                for other in fed.iter().skip(index + 1) {
                    relations.entry(*one).or_default().entry(*other).or_insert(Relation::Sibling);
                    relations.entry(*other).or_default().entry(*one).or_insert(Relation::Sibling);
                }
            }
        }
        relations.into_iter().map(|(zone, others)| (zone, others.into_iter().collect())).collect()
    }

    /// The shortest ways from a zone to every zone downstream (Dijkstra).
    fn ways_from(&self, source: Zone, topology: &Topology) -> BTreeMap<Zone, Way> {
        let mut ways = BTreeMap::new();
        let mut done = vec![false; self.zones.len()];
        let begin = Way { millimetres: 0, stops: 0, storages: 0 };
        let starts = self.zones.iter().enumerate().filter(|(_, zone)| **zone == Some(source));
        let mut next: BinaryHeap<Reverse<(Way, usize)>> =
            starts.map(|(junction, _)| Reverse((begin, junction))).collect();
        while let Some(Reverse((way, junction))) = next.pop() {
            match done.get_mut(junction) {
                Some(done) if !*done => *done = true,
                _ => continue,
            }
            let zone = self.zones.get(junction).copied().flatten().filter(|zone| *zone != source);
            if let Some(zone) = zone {
                ways.entry(zone).or_insert(way);
            }
            for (to, millimetres) in self.onward.get(junction).into_iter().flatten() {
                let leaves = zone.filter(|zone| self.zones.get(*to).copied().flatten() != Some(*zone));
                let on = Way {
                    millimetres: way.millimetres.saturating_add(*millimetres),
                    stops: way.stops + u32::from(leaves.is_some()),
                    storages: way.storages + u32::from(leaves.is_some_and(|zone| topology.is_storage(zone))),
                };
                next.push(Reverse((on, *to)));
            }
        }
        ways
    }
}

/// The site that a junction belongs to.
fn site_at(spot: Spot, plant: &Plant, plane: Plane, topology: &Topology) -> Option<Zone> {
    let near = plant.sites.iter().filter_map(|site| {
        let zone = *topology.sites.get(&site.id)?;
        let metres = plane.spot(site.position?).distance(spot);
        (matches!(zone, Zone::Site(_)) && metres <= SNAP_TO_SITE_M).then(|| (millimetres(metres), zone))
    });
    near.min().map(|(_, zone)| zone)
}

/// Where the valves stand that are shut on an ordinary day.
fn shut_valves(plant: &Plant, points: &[Point], plane: Plane) -> Vec<Spot> {
    let is_shut =
        |point: &Point| point.quantity == Quantity::Ratio && point.normal.is_some_and(|band| band.high < SHUT_BELOW);
    let shut: BTreeSet<AssetId> =
        points.iter().filter(|point| is_shut(point)).filter_map(|point| point.asset).collect();
    let valves = plant.assets.iter().filter(|asset| asset.kind == AssetKind::Valve && shut.contains(&asset.id));
    valves.filter_map(|valve| valve.position).map(|position| plane.spot(position)).collect()
}

/// Ends of mains that are one.
#[derive(Default)]
struct Junctions {
    spots: Vec<Spot>,
    /// By square of a grid.
    squares: BTreeMap<(i64, i64), Vec<usize>>,
}

impl Junctions {
    /// The junction at a spot, a new one where none is near.
    fn at(&mut self, spot: Spot) -> usize {
        let known = self.near(spot, spot).find(|(_, other)| other.distance(spot) <= SNAP_OF_ENDS_M);
        if let Some((known, _)) = known {
            return known;
        }
        let new = self.spots.len();
        self.spots.push(spot);
        self.squares.entry((square(spot.x), square(spot.y))).or_default().push(new);
        new
    }

    /// The junctions that a course runs by and how far along it, in mm, from its first end to its last.
    fn along(&self, course: &[Spot], [first, last]: [usize; 2]) -> Vec<(u64, usize)> {
        let mut passed = BTreeMap::new();
        let mut chainage = 0.0;
        for pair in course.windows(2) {
            let [a, b] = *pair else { continue };
            for (junction, spot) in self.near(a, b) {
                if spot.distance_to_stretch(a, b) <= SNAP_OF_ENDS_M {
                    passed.entry(junction).or_insert(millimetres(chainage + spot.distance(a).min(a.distance(b))));
                }
            }
            chainage += a.distance(b);
        }
        let mut passed: Vec<(u64, usize)> = passed
            .into_iter()
            .filter(|(junction, _)| *junction != first && *junction != last)
            .map(|(junction, along)| (along.min(millimetres(chainage)), junction))
            .collect();
        passed.sort_unstable();
        passed.insert(0, (0, first));
        passed.push((millimetres(chainage), last));
        passed
    }

    /// The junctions in the squares around a stretch.
    fn near(&self, a: Spot, b: Spot) -> impl Iterator<Item = (usize, Spot)> {
        let columns = square(a.x.min(b.x) - SNAP_OF_ENDS_M)..=square(a.x.max(b.x) + SNAP_OF_ENDS_M);
        let rows = square(a.y.min(b.y) - SNAP_OF_ENDS_M)..=square(a.y.max(b.y) + SNAP_OF_ENDS_M);
        let squares = columns.flat_map(move |column| rows.clone().map(move |row| (column, row)));
        let known = squares.filter_map(|square| self.squares.get(&square)).flatten();
        known.filter_map(|junction| Some((*junction, *self.spots.get(*junction)?)))
    }
}

/// The row or column of the grid that holds a coordinate.
fn square(metres: f64) -> i64 {
    /// About as wide as mains are long.
    const SQUARE_M: f64 = 50.0;
    (metres / SQUARE_M).floor() as i64
}

/// A place in metres east and north of the plant's first main.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spot {
    x: f64,
    y: f64,
}

impl Spot {
    fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// Metres to the nearest place of a course.
    fn distance_to(self, course: &[Self]) -> f64 {
        let stretches = course.windows(2).filter_map(|pair| match pair {
            [a, b] => Some(self.distance_to_stretch(*a, *b)),
            _ => None,
        });
        stretches.fold(f64::INFINITY, f64::min)
    }

    fn distance_to_stretch(self, a: Self, b: Self) -> f64 {
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let squared = dx * dx + dy * dy;
        let along = if squared > 0.0 { ((self.x - a.x) * dx + (self.y - a.y) * dy) / squared } else { 0.0 };
        let along = along.clamp(0.0, 1.0);
        self.distance(Self { x: a.x + along * dx, y: a.y + along * dy })
    }
}

/// The earth around the plant, taken for flat: over a town's width that is off by less than ends are snapped by.
#[derive(Debug, Clone, Copy)]
struct Plane {
    lat: f64,
    lon: f64,
}

impl Plane {
    fn of(plant: &Plant) -> Self {
        let first = plant.pipes.iter().find_map(|pipe| pipe.course.first());
        first.map_or(Self { lat: 0.0, lon: 0.0 }, |first| Self { lat: first.lat(), lon: first.lon() })
    }

    fn spot(self, position: Position) -> Spot {
        /// Metres of one degree of a great circle.
        const DEGREE_M: f64 = 111_195.0;
        let x = (position.lon() - self.lon) * DEGREE_M * self.lat.to_radians().cos();
        Spot { x, y: (position.lat() - self.lat) * DEGREE_M }
    }

    fn course(self, pipe: &Pipe) -> Vec<Spot> {
        pipe.course.iter().map(|position| self.spot(*position)).collect()
    }
}

/// Whole millimetres, so that lengths have an order.
fn millimetres(metres: f64) -> u64 {
    (metres * 1e3).round() as u64
}

#[cfg(test)]
mod tests {
    use penstock_model::{Address, Asset, Band, PointNo, Site, TenantId, Unit};
    use uuid::Uuid;

    use super::*;

    /// Works, a tower and two areas in a row of 100 m each, the second area behind a branch; a shut tie back to the works.
    fn plant() -> (Plant, Vec<Point>) {
        let at = |east_m: f64, north_m: f64| Position::new(north_m / 111_195.0, east_m / 111_195.0).expect("on earth");
        let site =
            |name: &str, kind, position| Site { id: site(name), name: name.to_owned(), kind, area: None, position };
        let pipe = |name: &str, of: Option<&str>, course: &[(f64, f64)]| Pipe {
            id: PipeId::derived(Uuid::nil(), name),
            name: name.to_owned(),
            area: of.map(area),
            diameter_mm: 200.0,
            course: course.iter().map(|(x, y)| at(*x, *y)).collect(),
        };
        let valve = Asset {
            id: AssetId::derived(Uuid::nil(), "valve"),
            name: "valve".to_owned(),
            kind: AssetKind::Valve,
            site: None,
            area: Some(area("one")),
            position: Some(at(150.0, 100.0)),
            capacity_m3: None,
            level_span: None,
        };
        let address = Address { source: "s".to_owned(), path: "zt".to_owned() };
        let tenant = TenantId(Uuid::nil());
        let mut position = Point::discovered(tenant, PointNo(1), address, Unit::parse("%").expect("known"));
        position.asset = Some(valve.id);
        position.normal = Some(Band::new(-0.01, 0.02).expect("a band"));
        let plant = Plant {
            tenant,
            name: "plant".to_owned(),
            time_zone: "UTC".to_owned(),
            areas: Vec::new(),
            sites: vec![
                site("works", SiteKind::Works, Some(at(0.0, 0.0))),
                site("tower", SiteKind::Storage, Some(at(100.0, 10.0))),
            ],
            assets: vec![valve],
            pipes: vec![
                pipe("trunk", None, &[(1.0, 0.0), (99.0, 0.0)]),
                pipe("to one", Some("one"), &[(100.0, 0.0), (200.0, 0.0)]),
                pipe("to two", Some("two"), &[(100.0, 1.0), (100.0, -50.0), (150.0, -50.0)]),
                pipe("tie", Some("one"), &[(200.0, 0.0), (200.0, 100.0), (0.0, 100.0), (0.0, 0.0)]),
            ],
        };
        (plant, vec![position])
    }

    fn site(name: &str) -> SiteId {
        SiteId::derived(Uuid::nil(), name)
    }

    fn area(name: &str) -> AreaId {
        AreaId::derived(Uuid::nil(), name)
    }

    #[test]
    fn water_flows_as_mains_are_drawn() {
        let (plant, points) = plant();
        let topology = Topology::new(&plant, &points);
        let (works, tower) = (Zone::Site(site("works")), Zone::Site(site("tower")));
        let (one, two) = (Zone::Area(area("one")), Zone::Area(area("two")));
        let Some(Relation::Downstream(way)) = topology.relation(works, one) else { panic!("no water") };
        assert!((way.metres() - 198.0).abs() < 1.0, "{}", way.metres());
        assert_eq!((way.storages(), way.is_direct()), (1, false));
        assert!(matches!(topology.relation(one, works), Some(Relation::Upstream(_))));
        assert!(matches!(topology.relation(tower, two), Some(Relation::Downstream(way)) if way.is_direct()));
        assert_eq!(topology.relation(one, two), Some(Relation::Sibling));
        assert_eq!(topology.relation(one, one), Some(Relation::Same));
    }

    #[test]
    fn an_end_on_another_main_joins_it_and_a_crossing_does_not() {
        let (mut plant, points) = plant();
        let at = |east_m: f64, north_m: f64| Position::new(north_m / 111_195.0, east_m / 111_195.0).expect("on earth");
        let mut branch = |name: &str, course: Vec<Position>| {
            let id = PipeId::derived(Uuid::nil(), name);
            let area = Some(area(name));
            plant.pipes.push(Pipe { id, name: name.to_owned(), area, diameter_mm: 100.0, course });
        };
        branch("three", vec![at(150.0, 1.0), at(150.0, 60.0)]);
        branch("four", vec![at(160.0, -20.0), at(160.0, 20.0)]);
        let topology = Topology::new(&plant, &points);
        let tower = Zone::Site(site("tower"));
        let way = |to: &str| match topology.relation(tower, Zone::Area(area(to))) {
            Some(Relation::Downstream(way)) => Some((way.metres().round(), way.is_direct())),
            _ => None,
        };
        // The branch begins in area one.
        assert_eq!((way("three"), way("four")), (Some((109.0, false)), None));
        assert_eq!(way("one"), Some((50.0, true)));
    }

    #[test]
    fn an_open_valve_lets_water_through_a_tie() {
        let (plant, mut points) = plant();
        let (works, one) = (Zone::Site(site("works")), Zone::Area(area("one")));
        points.clear();
        let topology = Topology::new(&plant, &points);
        // Both ways now; the shorter one is the usual one.
        assert!(matches!(topology.relation(works, one), Some(Relation::Downstream(_))));
        let tower = Zone::Site(site("tower"));
        assert!(matches!(topology.relation(one, tower), Some(Relation::Upstream(_))));
        assert!(!topology.neighbours(one).is_empty());
    }
}

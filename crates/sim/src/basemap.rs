//! The ground that the demo town stands on, as a picture for maps: river, streets, houses, parks and their names.
//! Drawn by rule from the town's own seed, the same every time. Must not know what is measured.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::geo::{Place, TOWN_SEED, bend, corner, river};
use crate::noise::Noise;
use crate::town::{STATIONS, TANKS, Town, WORKS};

/// Streets of the grid from west to east.
const EAST: std::ops::RangeInclusive<i32> = -22..=23;
/// Streets of the grid from south to north.
const NORTH: std::ops::RangeInclusive<i32> = -16..=16;

/// The base map.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BaseMap {
    /// West, south, east, north in degrees.
    pub bounds: [f64; 4],
    /// Water, as rings of longitude and latitude without the closing point.
    pub water: Vec<Vec<[f64; 2]>>,
    /// Parks and groves, likewise.
    pub green: Vec<Vec<[f64; 2]>>,
    /// Houses, likewise.
    pub buildings: Vec<Vec<[f64; 2]>>,
    /// Streets, as lines.
    pub roads: Vec<Vec<[f64; 2]>>,
    /// Main roads, as lines.
    pub major_roads: Vec<Vec<[f64; 2]>>,
    /// Names.
    pub labels: Vec<Label>,
}

/// A name on the map.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Label {
    /// What is written.
    pub text: &'static str,
    /// The middle of the writing.
    pub at: [f64; 2],
    /// What it names: `water`, `road`, `place`, `park` or `landmark`.
    pub kind: &'static str,
}

/// Main roads by their corners.
const MAJOR: [&[(f64, f64)]; 7] = [
    &[(-22.0, 3.0), (23.0, 3.0)],
    &[(-12.0, 16.0), (-12.0, -9.0), (-14.0, -9.0)],
    &[(0.0, 16.0), (0.0, -16.0)],
    &[(7.0, 16.0), (7.0, -9.0)],
    &[(7.0, -5.0), (23.0, -5.0)],
    &[(-12.0, -4.0), (7.0, -4.0)],
    &[(12.0, 3.0), (12.0, -16.0)],
];

/// Parks between corners: west, south, east, north on the grid.
const PARKS: [[f64; 4]; 9] = [
    [1.0, 6.0, 3.0, 7.0],
    [14.0, 6.0, 16.0, 8.0],
    [-3.0, -8.0, -1.0, -7.0],
    [-12.0, 10.0, -10.0, 12.0],
    [-18.0, -2.0, -16.0, 1.0],
    [14.0, -7.0, 16.0, -6.0],
    [-8.0, 5.0, -6.0, 7.0],
    [20.0, 9.0, 22.0, 12.0],
    [-7.0, -5.0, -5.0, -4.0],
];

/// A pond: its middle on the grid and its half axes in metres.
const POND: ((f64, f64), f64, f64) = ((-19.0, -4.0), 150.0, 95.0);

/// Quarters that are built up: middle on the grid, half axes in streets, how densely.
const QUARTERS: [((f64, f64), f64, f64, f64); 8] = [
    ((0.0, 8.0), 8.0, 5.5, 1.0),
    ((13.5, 8.5), 8.0, 6.0, 0.86),
    ((-1.0, -4.5), 10.0, 6.5, 0.95),
    ((-13.0, 10.5), 7.0, 5.0, 0.72),
    ((13.5, -6.0), 8.0, 6.0, 0.78),
    ((0.0, 2.0), 16.0, 3.0, 0.88),
    ((-9.0, 0.0), 6.0, 5.0, 0.62),
    ((2.0, -14.5), 7.0, 2.2, 0.55),
];

const NAMES: [(&str, (f64, f64), &str); 26] = [
    ("Sona river", (3.6, -12.65), "water"),
    ("Sona river", (-10.5, -10.6), "water"),
    ("Kamal Talav", (-19.0, -4.0), "water"),
    ("Station Road", (-4.0, 3.0), "road"),
    ("Station Road", (9.5, 3.0), "road"),
    ("Hill Road", (-12.0, 6.2), "road"),
    ("Ghat Road", (0.0, -4.8), "road"),
    ("Clock Tower Road", (-4.0, 6.5), "road"),
    ("Tilak Road", (-2.5, 2.0), "road"),
    ("Mill Road", (12.0, -1.8), "road"),
    ("Canal Road", (11.0, 12.0), "road"),
    ("Intake Road", (-12.0, -6.0), "road"),
    ("Old Town", (1.9, 9.4), "place"),
    ("Station Quarter", (11.0, 7.0), "place"),
    ("Riverside", (2.6, -4.6), "place"),
    ("Hill Colony", (-15.0, 11.2), "place"),
    ("Mill Estate", (11.2, -6.4), "place"),
    ("Sonapar", (3.0, -14.6), "place"),
    ("Azad Garden", (2.0, 6.5), "park"),
    ("College Ground", (15.0, 7.0), "park"),
    ("Mango Grove", (-6.0, -4.5), "park"),
    ("Colony Park", (-11.0, 11.0), "park"),
    ("Nandipur Junction", (5.6, 4.0), "landmark"),
    ("Civil Hospital", (-2.2, 6.1), "landmark"),
    ("Sona Mills", (15.0, -8.9), "landmark"),
    ("Ghat Temple", (1.2, -9.4), "landmark"),
];

/// The base map of Nandipur.
pub fn base_map() -> BaseMap {
    let mut ground = Ground::new();
    ground.lay_streets();
    ground.build();
    ground.finish()
}

/// A stretch of street between two neighbouring corners, given by its west or south end.
type Stretch = (i32, i32, bool);

struct Ground {
    noise: Noise,
    /// Stretches with a main beneath: always there.
    mains: BTreeSet<Stretch>,
    major: BTreeSet<Stretch>,
    streets: BTreeSet<Stretch>,
    keep_clear: Vec<Place>,
    buildings: Vec<Vec<Place>>,
    roads: Vec<Vec<Place>>,
    draws: i64,
}

impl Ground {
    fn new() -> Self {
        let town = Town::nandipur();
        let along = |lines: &mut dyn Iterator<Item = &[(f64, f64)]>| lines.flat_map(stretches).collect();
        let mains = along(&mut town.mains.iter().map(|main| main.corners.as_slice()));
        let major = along(&mut MAJOR.into_iter());
        let mut keep_clear: Vec<Place> = TANKS.iter().map(|tank| corner(tank.at.0, tank.at.1)).collect();
        keep_clear.extend(STATIONS.iter().map(|station| corner(station.at.0, station.at.1)));
        keep_clear.push(corner(WORKS.0, WORKS.1));
        Self {
            noise: Noise::new(TOWN_SEED),
            mains,
            major,
            streets: BTreeSet::new(),
            keep_clear,
            buildings: Vec::new(),
            roads: Vec::new(),
            draws: 0,
        }
    }

    /// The next number of chance, 0 to 1.
    fn draw(&mut self) -> f64 {
        self.draws += 1;
        self.noise.uniform(2_000, self.draws)
    }

    fn lay_streets(&mut self) {
        for j in NORTH {
            for i in EAST {
                for north in [false, true] {
                    let chance = self.draw();
                    let (end_i, end_j) = if north { (i, j + 1) } else { (i + 1, j) };
                    if !EAST.contains(&end_i) || !NORTH.contains(&end_j) {
                        continue;
                    }
                    let stretch = (i, j, north);
                    let middle = (f64::from(i + end_i) / 2.0, f64::from(j + end_j) / 2.0);
                    let asked = self.mains.contains(&stretch) || self.major.contains(&stretch);
                    let built = built_up(middle);
                    let there = chance < 0.16 + 0.80 * built && built > 0.04 && !in_park(middle) && is_dry(middle, 0.9);
                    if asked || there {
                        self.streets.insert(stretch);
                    }
                }
            }
        }
        self.join_streets();
    }

    /// Joins stretches that follow each other into lines.
    fn join_streets(&mut self) {
        for north in [true, false] {
            let (lines, steps) = if north { (EAST, NORTH) } else { (NORTH, EAST) };
            for line in lines {
                let mut run: Vec<Place> = Vec::new();
                for step in steps.clone() {
                    let (i, j) = if north { (line, step) } else { (step, line) };
                    let stretch = (i, j, north);
                    if self.streets.contains(&stretch) && !self.major.contains(&stretch) {
                        if run.is_empty() {
                            run.push(corner(f64::from(i), f64::from(j)));
                        }
                        let (i, j) = if north { (i, j + 1) } else { (i + 1, j) };
                        run.push(corner(f64::from(i), f64::from(j)));
                    } else if !run.is_empty() {
                        self.roads.push(std::mem::take(&mut run));
                    }
                }
                if !run.is_empty() {
                    self.roads.push(run);
                }
            }
        }
    }

    /// Sets houses along both sides of every street.
    fn build(&mut self) {
        for (i, j, north) in self.streets.clone() {
            let from = (f64::from(i), f64::from(j));
            let to = if north { (from.0, from.1 + 1.0) } else { (from.0 + 1.0, from.1) };
            let wide = if self.major.contains(&(i, j, north)) { 6.0 } else { 0.0 };
            for side in [-1.0, 1.0] {
                self.build_side(corner(from.0, from.1), corner(to.0, to.1), (from, to), side, wide, north);
            }
        }
    }

    fn build_side(
        &mut self,
        from: Place,
        to: Place,
        ends: ((f64, f64), (f64, f64)),
        side: f64,
        wide: f64,
        north: bool,
    ) {
        let length = from.distance(to);
        // Houses at a corner belong to the street that runs east.
        let margin = if north { 32.0 + wide } else { 11.0 + wide };
        let mut along = margin + 4.0 * self.draw();
        while along < length - margin - 8.0 {
            let share = along / length;
            let grid = (
                ends.0.0 + (ends.1.0 - ends.0.0) * share + if north { side * 0.2 } else { 0.0 },
                ends.0.1 + (ends.1.1 - ends.0.1) * share + if north { 0.0 } else { side * 0.2 },
            );
            let built = built_up(grid);
            let mill = in_mills(grid);
            let front = if mill { 26.0 + 30.0 * self.draw() } else { 8.0 + 12.0 * self.draw() };
            let depth = if mill { 16.0 + 10.0 * self.draw() } else { 8.0 + 11.0 * self.draw() };
            let setback = 6.5 + wide + 3.0 * self.draw();
            let front = front.min(length - margin - along);
            let chance = self.draw();
            let notched = self.draw() < 0.22 && front > 13.0;
            if front > 6.0 && chance < 0.12 + 0.74 * built && built > 0.05 && !in_park(grid) && is_dry(grid, 0.55) {
                let at = |a: f64, d: f64| from.towards(to, along + a, side * (setback + d));
                let ring = if notched {
                    vec![
                        at(0.0, 0.0),
                        at(front, 0.0),
                        at(front, depth),
                        at(front * 0.55, depth),
                        at(front * 0.55, depth * 0.55),
                        at(0.0, depth * 0.55),
                    ]
                } else {
                    vec![at(0.0, 0.0), at(front, 0.0), at(front, depth), at(0.0, depth)]
                };
                let clear = |place: &Place| self.keep_clear.iter().all(|kept| kept.distance(*place) > 34.0);
                if ring.iter().all(clear) {
                    self.buildings.push(ring);
                }
            }
            along += front + 3.0 + 7.0 * self.draw();
        }
    }

    fn finish(self) -> BaseMap {
        let line = |places: &Vec<Place>| -> Vec<[f64; 2]> { places.iter().map(|place| place.lon_lat()).collect() };
        let major: Vec<Vec<Place>> = MAJOR.iter().map(|corners| crate::geo::course(corners)).collect();
        let labels =
            NAMES.iter().map(|(text, (i, j), kind)| Label { text, at: corner(*i, *j).lon_lat(), kind }).collect();
        let west_south = corner(f64::from(*EAST.start()), f64::from(*NORTH.start())).lon_lat();
        let east_north = corner(f64::from(*EAST.end()), f64::from(*NORTH.end())).lon_lat();
        BaseMap {
            bounds: [west_south[0], west_south[1], east_north[0], east_north[1]],
            water: vec![line(&river_ring()), line(&pond_ring())],
            green: PARKS.iter().map(|park| line(&park_ring(park))).chain([line(&bank_ring())]).collect(),
            buildings: self.buildings.iter().map(line).collect(),
            roads: self.roads.iter().map(line).collect(),
            major_roads: major.iter().map(line).collect(),
            labels,
        }
    }
}

/// The stretches that a way by whole corners passes.
fn stretches(corners: &[(f64, f64)]) -> Vec<Stretch> {
    let mut passed = Vec::new();
    for pair in corners.windows(2) {
        let [(i0, j0), (i1, j1)] = *pair else { continue };
        let (west, south) = (i0.min(i1) as i32, j0.min(j1) as i32);
        for step in 0..(i0 - i1).abs() as i32 {
            passed.push((west + step, south, false));
        }
        for step in 0..(j0 - j1).abs() as i32 {
            passed.push((west, south + step, true));
        }
    }
    passed
}

/// How densely a place on the grid is built up, 0 to 1.
fn built_up((i, j): (f64, f64)) -> f64 {
    let quarter = |((mi, mj), wi, wj, dense): ((f64, f64), f64, f64, f64)| {
        let off = ((i - mi) / wi).powi(2) + ((j - mj) / wj).powi(2);
        dense * (1.0 - (off - 0.75).max(0.0) / 0.75).clamp(0.0, 1.0)
    };
    QUARTERS.into_iter().map(quarter).fold(0.0, f64::max)
}

fn in_mills((i, j): (f64, f64)) -> bool {
    (13.0..17.0).contains(&i) && (-10.0..-8.0).contains(&j)
}

fn in_park((i, j): (f64, f64)) -> bool {
    PARKS.iter().any(|[west, south, east, north]| {
        (west + 0.02..east - 0.02).contains(&i) && (south + 0.02..north - 0.02).contains(&j)
    })
}

/// Whether a place on the grid lies at least `margin` streets from the river and outside the pond.
fn is_dry((i, j): (f64, f64), margin: f64) -> bool {
    let (u, v) = (110.0 * i, 110.0 * j);
    let ((pi, pj), a, b) = POND;
    let pond = ((u - 110.0 * pi) / (a + 110.0 * margin)).powi(2) + ((v - 110.0 * pj) / (b + 110.0 * margin)).powi(2);
    let off = v - river(u);
    (off > north_half(u) + 110.0 * margin - 30.0 || off < -south_half(u) - 110.0 * margin + 30.0) && pond > 1.0
}

/// Half the river's width to the north of its middle, m.
fn north_half(u: f64) -> f64 {
    72.0 + 16.0 * (u / 310.0).sin() + 7.0 * (u / 97.0 + 1.0).sin()
}

/// Half the river's width to the south of its middle, m.
fn south_half(u: f64) -> f64 {
    80.0 + 20.0 * (u / 420.0 + 2.0).sin() + 6.0 * (u / 83.0).sin()
}

/// Places along the river on the even grid.
fn along_river() -> impl DoubleEndedIterator<Item = f64> {
    (0..=110).map(|step| -2_750.0 + 50.0 * f64::from(step))
}

fn river_ring() -> Vec<Place> {
    let north = along_river().map(|u| bend(u, river(u) + north_half(u)));
    let south = along_river().rev().map(|u| bend(u, river(u) - south_half(u)));
    north.chain(south).collect()
}

/// Gardens on the bank before the old ghat.
fn bank_ring() -> Vec<Place> {
    let garden = || along_river().filter(|u| (-950.0..=-150.0).contains(u));
    let south = garden().map(|u| bend(u, river(u) + north_half(u) + 8.0));
    let north = garden().rev().map(|u| bend(u, river(u) + north_half(u) + 50.0 + 12.0 * (u / 70.0).sin()));
    south.chain(north).collect()
}

fn pond_ring() -> Vec<Place> {
    let ((i, j), a, b) = POND;
    (0..28)
        .map(|step| {
            let angle = std::f64::consts::TAU * f64::from(step) / 28.0;
            let wobble = 1.0 + 0.10 * (3.0 * angle + 1.0).sin() + 0.05 * (5.0 * angle).sin();
            bend(110.0 * i + a * wobble * angle.cos(), 110.0 * j + b * wobble * angle.sin())
        })
        .collect()
}

/// A park a few metres inside its streets, with cut corners.
fn park_ring([west, south, east, north]: &[f64; 4]) -> Vec<Place> {
    let (inset, cut) = (0.10, 0.16);
    let (w, s, e, n) = (west + inset, south + inset, east - inset, north - inset);
    [(w + cut, s), (e - cut, s), (e, s + cut), (e, n - cut), (e - cut, n), (w + cut, n), (w, n - cut), (w, s + cut)]
        .into_iter()
        .map(|(i, j)| corner(i, j))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_map_is_what_the_generator_makes() {
        let made = serde_json::to_string(&base_map()).expect("plain data") + "\n";
        let committed = include_str!("../../../assets/demo/basemap.json");
        assert!(
            made == committed,
            "assets/demo/basemap.json is not what the generator makes: \
             run `cargo run -p penstock-sim -- basemap --out assets/demo/basemap.json`"
        );
        assert!(committed.len() < 1_500_000, "{} bytes", committed.len());
    }

    #[test]
    fn it_holds_a_town() {
        let map = base_map();
        assert!((4_000..12_000).contains(&map.buildings.len()), "{} houses", map.buildings.len());
        assert!(map.roads.len() > 150 && map.green.len() > 5 && map.water.len() == 2);
        let [west, south, east, north] = map.bounds;
        for label in &map.labels {
            let [lon, lat] = label.at;
            assert!(west < lon && lon < east && south < lat && lat < north, "{} lies outside", label.text);
        }
    }

    #[test]
    fn streets_lie_above_the_mains() {
        let ground = {
            let mut ground = Ground::new();
            ground.lay_streets();
            ground
        };
        assert!(ground.mains.is_subset(&ground.streets));
        assert!(ground.mains.len() > 200);
    }
}

//! The bundled base map: what lies around the plant, for orientation.

use std::sync::Arc;

use serde::Deserialize;

use crate::{Bounds, Error, Spot};

/// The base map, ready to draw.
#[derive(Debug, Clone, Default)]
pub struct Ground {
    /// Waters, parks and buildings, in the order that they are drawn.
    pub(crate) fields: Vec<Field>,
    /// Streets.
    pub(crate) roads: Vec<Road>,
    /// Names.
    pub(crate) places: Vec<Place>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldKind {
    Water,
    Green,
    Building,
}

#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) kind: FieldKind,
    pub(crate) ring: Vec<Spot>,
    pub(crate) triangles: Arc<[[u32; 3]]>,
    pub(crate) bounds: Bounds,
}

#[derive(Debug, Clone)]
pub(crate) struct Road {
    pub(crate) major: bool,
    pub(crate) course: Vec<Spot>,
    pub(crate) bounds: Bounds,
}

/// What a name of the base map belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    /// A river or lake.
    Water,
    /// A quarter, park or anything else.
    #[serde(other)]
    Other,
}

/// A name on the base map.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The name.
    pub text: String,
    /// Where it is written.
    pub spot: Spot,
    /// What it belongs to.
    pub kind: PlaceKind,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    water: Vec<Vec<[f64; 2]>>,
    #[serde(default)]
    green: Vec<Vec<[f64; 2]>>,
    #[serde(default)]
    buildings: Vec<Vec<[f64; 2]>>,
    #[serde(default)]
    roads: Vec<Vec<[f64; 2]>>,
    #[serde(default)]
    major_roads: Vec<Vec<[f64; 2]>>,
    #[serde(default)]
    labels: Vec<LabelEntry>,
}

#[derive(Deserialize)]
struct LabelEntry {
    text: String,
    at: [f64; 2],
    kind: PlaceKind,
}

impl Ground {
    /// Reads a base map: a JSON object with `water`, `green` and `buildings` (rings of `[lon, lat]`), `roads` and
    /// `major_roads` (lines of them) and `labels` (`text`, `at`, `kind`). What has no place on the map is left out.
    ///
    /// # Errors
    /// [`Error::BaseMap`] where the text is not such an object.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let file: File = serde_json::from_str(text)?;
        let spots = |course: &Vec<[f64; 2]>| -> Vec<Spot> {
            course.iter().filter_map(|[lon, lat]| Spot::from_degrees(*lon, *lat)).collect()
        };
        let mut fields = Vec::new();
        for (kind, rings) in
            [(FieldKind::Green, &file.green), (FieldKind::Water, &file.water), (FieldKind::Building, &file.buildings)]
        {
            for ring in rings {
                let mut ring = spots(ring);
                if ring.len() > 1 && ring.first() == ring.last() {
                    ring.pop();
                }
                let triangles = triangulate(&ring);
                if let (Some(bounds), false) = (Bounds::around(ring.iter().copied()), triangles.is_empty()) {
                    fields.push(Field { kind, ring, triangles: triangles.into(), bounds });
                }
            }
        }
        let mut roads = Vec::new();
        for (major, courses) in [(false, &file.roads), (true, &file.major_roads)] {
            for course in courses {
                let course = spots(course);
                if let (Some(bounds), true) = (Bounds::around(course.iter().copied()), course.len() > 1) {
                    roads.push(Road { major, course, bounds });
                }
            }
        }
        let places = file
            .labels
            .into_iter()
            .filter_map(|LabelEntry { text, at: [lon, lat], kind }| {
                Some(Place { text, spot: Spot::from_degrees(lon, lat)?, kind })
            })
            .collect();
        Ok(Self { fields, roads, places })
    }
}

/// The triangles that a simple ring falls into, by cutting ears; none for a ring without an inside.
pub(crate) fn triangulate(ring: &[Spot]) -> Vec<[u32; 3]> {
    let twice_area: f64 = ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| a.x * b.y - b.x * a.y).sum();
    if ring.len() < 3 || twice_area == 0.0 {
        return Vec::new();
    }
    let mut left: Vec<usize> = (0..ring.len()).collect();
    if twice_area < 0.0 {
        left.reverse();
    }
    let mut triangles = Vec::with_capacity(ring.len() - 2);
    while left.len() > 2 {
        let count = left.len();
        let ear = (0..count).find(|at| {
            let [before, tip, after] = neighbours(&left, *at);
            let (a, b, c) = (ring[before], ring[tip], ring[after]);
            turn(a, b, c) > 0.0
                && left
                    .iter()
                    .filter(|other| ![before, tip, after].contains(other))
                    .all(|other| !inside(ring[*other], a, b, c))
        });
        // A ring that crosses itself runs out of ears; what is left of it is cut anyhow rather than not shown.
        let at = ear.unwrap_or(0);
        triangles.push(neighbours(&left, at).map(|corner| u32::try_from(corner).unwrap_or(0)));
        left.remove(at);
    }
    triangles
}

fn neighbours(left: &[usize], at: usize) -> [usize; 3] {
    let count = left.len();
    [left[(at + count - 1) % count], left[at], left[(at + 1) % count]]
}

fn turn(a: Spot, b: Spot, c: Spot) -> f64 {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

fn inside(at: Spot, a: Spot, b: Spot, c: Spot) -> bool {
    turn(a, b, at) >= 0.0 && turn(b, c, at) >= 0.0 && turn(c, a, at) >= 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(corners: &[(f64, f64)]) -> Vec<Spot> {
        corners.iter().map(|(x, y)| Spot { x: *x, y: *y }).collect()
    }

    fn area(ring: &[Spot], triangles: &[[u32; 3]]) -> f64 {
        triangles
            .iter()
            .map(|corners| {
                let [a, b, c] = corners.map(|corner| ring[corner as usize]);
                turn(a, b, c).abs() / 2.0
            })
            .sum()
    }

    #[test]
    fn triangles_cover_the_ring() {
        let check = |corners: &[(f64, f64)], expect: f64| {
            for ring in [ring(corners), ring(corners).into_iter().rev().collect()] {
                let triangles = triangulate(&ring);
                assert!((area(&ring, &triangles) - expect).abs() < 1e-9, "{corners:?}: {triangles:?}");
            }
        };
        check(&[(0.0, 0.0), (4.0, 0.0), (4.0, 3.0), (0.0, 3.0)], 12.0);
        // An L and a comb: not convex.
        check(&[(0.0, 0.0), (4.0, 0.0), (4.0, 1.0), (1.0, 1.0), (1.0, 3.0), (0.0, 3.0)], 6.0);
        check(&[(0.0, 0.0), (5.0, 0.0), (5.0, 3.0), (4.0, 3.0), (4.0, 1.0), (3.0, 1.0), (3.0, 3.0), (0.0, 3.0)], 13.0);
        check(&[(0.0, 0.0), (1.0, 1.0)], 0.0);
        check(&[(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)], 0.0);
    }

    #[test]
    fn a_base_map_is_read_and_bad_parts_are_left_out() {
        let ground = Ground::from_json(
            r#"{"bounds":[73.8,18.5,73.9,18.6],
                "water":[[[73.80,18.50],[73.81,18.50],[73.81,18.51],[73.80,18.50]]],
                "roads":[[[73.80,18.50],[73.81,18.50]],[[500,18.5]]],
                "labels":[{"text":"Sona river","at":[73.8,18.5],"kind":"water"},{"text":"Fort","at":[73.8,18.5],"kind":"hill"}]}"#,
        )
        .expect("a base map");
        assert_eq!((ground.fields.len(), ground.roads.len(), ground.places.len()), (1, 1, 2));
        assert_eq!(ground.fields[0].ring.len(), 3);
        assert_eq!(ground.places[1].kind, PlaceKind::Other);
        assert!(Ground::from_json(r#"{"water":3}"#).is_err());
    }
}

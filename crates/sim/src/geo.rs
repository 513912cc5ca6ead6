//! Where things of the demo town are: a bending street grid, in metres around the town's middle and on earth.
//! Must not know what stands there.

use penstock_model::Position;

use crate::noise::Noise;

/// The seed of the town itself. A run's seed changes its days, never its streets.
pub(crate) const TOWN_SEED: u64 = 411_209;

/// Latitude of the town's middle in degrees.
const ORIGIN_LAT: f64 = 18.6012;
/// Longitude of the town's middle in degrees.
const ORIGIN_LON: f64 = 74.4021;
/// Metres of one degree of latitude there.
const METRES_OF_LAT: f64 = 110_660.0;
/// Metres of one degree of longitude there.
const METRES_OF_LON: f64 = 105_520.0;
/// Metres between two streets of the grid, about.
const STREET_METRES: f64 = 110.0;

/// A place in metres east and north of the town's middle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl Place {
    /// Longitude and latitude in degrees, rounded to 6 decimals (0.1 m).
    pub(crate) fn lon_lat(self) -> [f64; 2] {
        let round = |degrees: f64| (degrees * 1e6).round() / 1e6;
        [round(ORIGIN_LON + self.x / METRES_OF_LON), round(ORIGIN_LAT + self.y / METRES_OF_LAT)]
    }

    /// On earth.
    pub(crate) fn position(self) -> Option<Position> {
        let [lon, lat] = self.lon_lat();
        Position::new(lat, lon).ok()
    }

    /// Metres to `other`.
    pub(crate) fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// The place `along` metres on the way to `other` and `aside` metres to the left of it.
    pub(crate) fn towards(self, other: Self, along: f64, aside: f64) -> Self {
        let length = self.distance(other).max(1e-9);
        let (dx, dy) = ((other.x - self.x) / length, (other.y - self.y) / length);
        Self { x: self.x + dx * along - dy * aside, y: self.y + dy * along + dx * aside }
    }
}

/// The corner of the `i`-th street running north and the `j`-th running east; fractions lie between.
pub(crate) fn corner(i: f64, j: f64) -> Place {
    bend(STREET_METRES * i + uneven(11, i), STREET_METRES * j + uneven(12, j))
}

/// What a straight grid becomes in a town that grew.
pub(crate) fn bend(u: f64, v: f64) -> Place {
    Place {
        x: u + 0.07 * v + 55.0 * (v / 620.0 + 0.6).sin() + 18.0 * (u / 410.0).sin(),
        y: v - 0.04 * u + 50.0 * (u / 760.0 + 0.4).sin() + 15.0 * (v / 380.0 + 1.1).sin(),
    }
}

/// How far street number `at` lies off the even grid.
fn uneven(stream: u64, at: f64) -> f64 {
    let knot = |index: f64| 28.0 * (Noise::new(TOWN_SEED).uniform(stream, index as i64) - 0.5);
    let (cell, within) = (at.floor(), at - at.floor());
    knot(cell) * (1.0 - within) + knot(cell + 1.0) * within
}

/// The way along streets through `corners`, bending with them.
pub(crate) fn course(corners: &[(f64, f64)]) -> Vec<Place> {
    let mut places = Vec::new();
    for pair in corners.windows(2) {
        let [(i0, j0), (i1, j1)] = *pair else { continue };
        let steps = (i1 - i0).abs().max((j1 - j0).abs()).ceil().max(1.0);
        for step in 0..steps as usize {
            let share = step as f64 / steps;
            places.push(corner(i0 + (i1 - i0) * share, j0 + (j1 - j0) * share));
        }
    }
    places.extend(corners.last().map(|(i, j)| corner(*i, *j)));
    places
}

/// Length of a way in metres.
pub(crate) fn length(course: &[Place]) -> f64 {
    course.windows(2).map(|pair| if let [a, b] = pair { a.distance(*b) } else { 0.0 }).sum()
}

/// Height of the ground above the sea in metres: it falls to the river in the south, where the ghat
/// stands on a bluff, and rises to Hill Colony.
pub(crate) fn ground(at: Place) -> f64 {
    let hill = ((at.x + 1_430.0).powi(2) + (at.y - 1_200.0).powi(2)) / (2.0 * 650.0_f64.powi(2));
    let bluff = ((at.x + 60.0).powi(2) + (at.y + 980.0).powi(2)) / (2.0 * 240.0_f64.powi(2));
    550.0 + 0.004 * (at.y + 1_200.0) + 32.0 * (-hill).exp() + 6.5 * (-bluff).exp()
}

/// How far south the middle of the river lies on the straight grid at `u`, in metres.
pub(crate) fn river(u: f64) -> f64 {
    -1_225.0 + 170.0 * ((u + 2_200.0) / 900.0).cos()
}

//! What lies near a position, within a polygon and along a main: sites, equipment and points, each where the map has it.
//! Must not know how a map is drawn.

use penstock_model::{PipeId, Place, PlaceKind, Position, TenantId};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::register::position_from;
use crate::sql::{from_word, word};
use crate::{Error, Result, Store, geometry};

/// Places that a question for the nearest is answered with at most.
const MOST_NEAREST: u32 = 1_000;
/// Places that the other questions are answered with at most.
const MOST_FOUND: u32 = 10_000;
/// Corners of a ring at most.
const MOST_CORNERS: usize = 10_000;
/// How far from a main may be looked, in m: over more, the course and the place no longer share a flat map.
const FARTHEST_METRES: f64 = 10_000.0;

const REACH: &str = concat!(include_str!("../queries/places.sql"), include_str!("../queries/reach.sql"));
const NEAREST: &str = concat!(include_str!("../queries/places.sql"), include_str!("../queries/nearest.sql"));
const WITHIN: &str = concat!(include_str!("../queries/places.sql"), include_str!("../queries/within.sql"));
const ALONG: &str = concat!(include_str!("../queries/places.sql"), include_str!("../queries/along.sql"));

/// How a look begins: with one state of the plant for all its queries, and without PostgreSQL's parallel workers, which
/// take longer to start than any of these queries takes.
const LOOK: &str = "begin isolation level repeatable read read only; set local max_parallel_workers_per_gather = 0";

/// Places that were found, and whether these are all.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The places.
    pub places: Vec<Place>,
    /// Whether there are more than were asked for.
    pub is_cut: bool,
}

impl Store {
    /// The places of `kinds` that are nearest to `position`, the nearest first, at most `limit` (1 to 1,000), each with
    /// its distance on the ellipsoid of WGS 84 in m.
    ///
    /// The index knows degrees, not metres, and a degree of longitude is the shorter the higher the latitude. So the
    /// nearest by degrees only say how far the nearest can be at most; then everything that may lie within that distance
    /// is measured. That holds at any latitude and over the 180th meridian.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn places_near(
        &self,
        tenant: TenantId,
        kinds: &[PlaceKind],
        position: Position,
        limit: u32,
    ) -> Result<Vec<Place>> {
        let limit = i64::from(limit.clamp(1, MOST_NEAREST));
        let kinds = words(kinds)?;
        let here = geometry::point(position);
        let mut look = self.pool.begin_with(LOOK).await?;
        let reach_m: Option<f64> = sqlx::query_scalar(REACH)
            .bind(tenant.0)
            .bind(&kinds)
            .bind(&here)
            .bind(limit)
            .fetch_optional(&mut *look)
            .await?;
        let span = reach_m.map_or(Span::WORLD, |reach_m| Span::around(&[position]).widened(reach_m));
        let rows = sqlx::query(NEAREST)
            .bind(tenant.0)
            .bind(&kinds)
            .bind(&here)
            .bind(limit)
            .bind(span.west)
            .bind(span.south)
            .bind(span.east)
            .bind(span.north)
            .fetch_all(&mut *look)
            .await?;
        look.commit().await?;
        rows.iter().map(place_from).collect()
    }

    /// The places of `kinds` inside `ring` or on its edge, by name, at most `limit` (1 to 10,000). The ring may repeat
    /// its first position at the end; its edges are straight in longitude and latitude, like boundaries of areas.
    ///
    /// # Errors
    /// [`Error::Refused`] for a ring of fewer than three positions or more than 10,000, one that crosses or touches
    /// itself, and one over the 180th meridian; those of the database.
    pub async fn places_within(
        &self,
        tenant: TenantId,
        kinds: &[PlaceKind],
        ring: &[Position],
        limit: u32,
    ) -> Result<Found> {
        let limit = limit.clamp(1, MOST_FOUND);
        let polygon = geometry::polygon(&corners(ring)?);
        let mut look = self.pool.begin_with(LOOK).await?;
        let flaw: Option<(Option<f64>, Option<f64>)> = sqlx::query_as(
            "select ST_Y(location), ST_X(location) from ST_IsValidDetail(ST_GeomFromWKB($1, 4326)) where not valid",
        )
        .bind(&polygon)
        .fetch_optional(&mut *look)
        .await?;
        if let Some((lat, lon)) = flaw {
            let (lat, lon) = (lat.unwrap_or(f64::NAN), lon.unwrap_or(f64::NAN));
            return Err(refused(format!(
                "the ring crosses or touches itself at latitude {lat:.6}, longitude {lon:.6}: \
                 draw it once around what is wanted"
            )));
        }
        let rows = sqlx::query(WITHIN)
            .bind(tenant.0)
            .bind(words(kinds)?)
            .bind(&polygon)
            .bind(i64::from(limit) + 1)
            .fetch_all(&mut *look)
            .await?;
        look.commit().await?;
        found(&rows, limit)
    }

    /// The places of `kinds` at most `reach_m` (0 to 10,000 m) from `pipe`, in the order in which its course passes them,
    /// at most `limit` (1 to 10,000), each with its chainage and its distance in m. What lies beyond an end has the
    /// chainage of that end.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a pipe that the tenant has not, [`Error::Refused`] for another reach; those of the
    /// database.
    pub async fn places_along(
        &self,
        tenant: TenantId,
        kinds: &[PlaceKind],
        pipe: PipeId,
        reach_m: f64,
        limit: u32,
    ) -> Result<Found> {
        if !(0.0..=FARTHEST_METRES).contains(&reach_m) {
            return Err(refused(format!("a reach of {reach_m} m: choose one from 0 to {FARTHEST_METRES} m")));
        }
        let limit = limit.clamp(1, MOST_FOUND);
        let mut look = self.pool.begin_with(LOOK).await?;
        let course: Option<Vec<u8>> =
            sqlx::query_scalar("select ST_AsBinary(course, 'NDR') from pipes where id = $1 and tenant = $2")
                .bind(pipe.0)
                .bind(tenant.0)
                .fetch_optional(&mut *look)
                .await?;
        let course = course.ok_or_else(|| Error::NotFound { what: format!("pipe {pipe}") })?;
        let span = Span::around(&geometry::from_line(&course)?).widened(reach_m);
        let rows = sqlx::query(ALONG)
            .bind(tenant.0)
            .bind(words(kinds)?)
            .bind(pipe.0)
            .bind(i64::from(limit) + 1)
            .bind(span.west)
            .bind(span.south)
            .bind(span.east)
            .bind(span.north)
            .bind(span.is_all_around())
            .bind(reach_m)
            .fetch_all(&mut *look)
            .await?;
        look.commit().await?;
        found(&rows, limit)
    }
}

/// What lies between two meridians and two parallels, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

impl Span {
    const WORLD: Self = Self { west: -180.0, south: -90.0, east: 180.0, north: 90.0 };

    /// The least that holds all of `positions`.
    fn around(positions: &[Position]) -> Self {
        let all = |of: fn(Position) -> f64, of_two: fn(f64, f64) -> f64| {
            positions.iter().map(|position| of(*position)).reduce(of_two).unwrap_or_default()
        };
        Self {
            west: all(Position::lon, f64::min),
            south: all(Position::lat, f64::min),
            east: all(Position::lon, f64::max),
            north: all(Position::lat, f64::max),
        }
    }

    /// With everything that is at most `reach_m` from it, and some more. On an ellipsoid the way to a place changes its
    /// latitude by no more than it would where the meridian is bent most, at the equator, and its longitude by no more
    /// than it would on a sphere as wide as the equator at the highest latitude that the way can come to. All longitudes
    /// where that goes over a pole or over the 180th meridian.
    fn widened(self, reach_m: f64) -> Self {
        /// WGS 84: the radius of the equator, in m.
        const EQUATOR: f64 = 6_378_137.0;
        /// WGS 84: the meridian's radius of curvature at the equator, a · (1 − e²), in m.
        const LEAST_MERIDIAN: f64 = 6_335_439.327;
        // A measured distance may be rounded.
        let reach_m = reach_m * 1.000_001 + 0.001;
        let up = (reach_m / LEAST_MERIDIAN).to_degrees();
        let (south, north) = (self.south - up, self.north + up);
        let highest = south.abs().max(north.abs());
        let aside = (reach_m / (EQUATOR * highest.to_radians().cos())).to_degrees();
        let (west, east) = (self.west - aside, self.east + aside);
        // What is wider than half the globe goes around the other side.
        let is_plain = highest < 90.0 && west > -180.0 && east < 180.0 && self.east - self.west <= 180.0;
        let (west, east) = if is_plain { (west, east) } else { (Self::WORLD.west, Self::WORLD.east) };
        Self { west, south: south.max(Self::WORLD.south), east, north: north.min(Self::WORLD.north) }
    }

    fn is_all_around(self) -> bool {
        self.west <= Self::WORLD.west && self.east >= Self::WORLD.east
    }
}

/// The corners of a ring, each once.
fn corners(ring: &[Position]) -> Result<Vec<Position>> {
    let mut corners = ring.to_vec();
    corners.dedup();
    if corners.len() > 1 && corners.first() == corners.last() {
        corners.pop();
    }
    if corners.len() < 3 {
        return Err(refused("the ring has fewer than three positions: draw it around what is wanted".to_owned()));
    }
    if corners.len() > MOST_CORNERS {
        return Err(refused(format!("the ring has more than {MOST_CORNERS} positions: draw it with fewer")));
    }
    let mut edges = corners.iter().zip(corners.iter().cycle().skip(1));
    if edges.any(|(from, to)| (from.lon() - to.lon()).abs() > 180.0) {
        return Err(refused("the ring crosses the 180th meridian: draw two, one on each side of it".to_owned()));
    }
    Ok(corners)
}

fn refused(why: String) -> Error {
    Error::Refused { why }
}

fn words(kinds: &[PlaceKind]) -> Result<Vec<String>> {
    kinds.iter().map(|kind| word("kind of place", kind)).collect()
}

/// The first `limit` of `rows`, which are one more where there are more.
fn found(rows: &[PgRow], limit: u32) -> Result<Found> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let places = rows.iter().take(limit).map(place_from).collect::<Result<_>>()?;
    Ok(Found { places, is_cut: rows.len() > limit })
}

fn place_from(row: &PgRow) -> Result<Place> {
    Ok(Place {
        kind: from_word("kind of place", row.try_get("kind")?)?,
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        position: position_from(row)?.ok_or_else(|| Error::unreadable("position")(&"it is missing"))?,
        distance_m: row.try_get("distance_m")?,
        chainage_m: row.try_get("chainage_m")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lat: f64, lon: f64) -> Position {
        Position::new(lat, lon).expect("on earth")
    }

    #[test]
    fn a_span_is_widened_by_at_least_the_reach() {
        // A kilometre: 0.0090437° of the meridian at the equator, 0.0089832° of the equator.
        let span = Span::around(&[at(0.0, 10.0)]).widened(1_000.0);
        assert!(span.north >= 0.009_043_7 && span.north < 0.009_044_1, "{span:?}");
        assert_eq!(span.south, -span.north);
        assert!(span.east - 10.0 >= 0.008_983_15 && span.east - 10.0 < 0.008_983_3, "{span:?}");
        // Twice as many degrees of longitude at 60°, and the course is held whole.
        let span = Span::around(&[at(60.0, 10.0), at(59.0, 10.5), at(59.5, 9.75)]).widened(1_000.0);
        assert!(span.south < 58.991 && span.north > 60.009 && span.west < 9.75 - 0.017 && span.east > 10.5 + 0.017);
        assert!(!span.is_all_around() && span.east < 10.5 + 0.0181, "{span:?}");
    }

    #[test]
    fn over_a_pole_and_over_the_180th_meridian_all_longitudes_are_taken() {
        let check = |positions: &[Position], reach_m: f64, expected: bool| {
            let span = Span::around(positions).widened(reach_m);
            assert_eq!(span.is_all_around(), expected, "{positions:?}");
            assert!((-90.0..=90.0).contains(&span.south) && (-90.0..=90.0).contains(&span.north), "{span:?}");
        };
        check(&[at(0.0, 179.9)], 1_000.0, false);
        check(&[at(0.0, 179.999)], 1_000.0, true);
        check(&[at(0.0, -180.0)], 0.0, true);
        check(&[at(89.999, 0.0)], 1_000.0, true);
        check(&[at(-90.0, 0.0)], 0.0, true);
        check(&[at(0.0, 179.0), at(0.0, -179.0)], 0.0, true);
    }

    #[test]
    fn a_ring_may_be_closed_and_must_hold_an_area() {
        let (a, b, c) = (at(0.0, 0.0), at(0.0, 1.0), at(1.0, 1.0));
        assert_eq!(corners(&[a, b, b, c]).expect("open"), [a, b, c]);
        assert_eq!(corners(&[a, b, c, a]).expect("closed"), [a, b, c]);
        for ring in [&[][..], &[a], &[a, a, a, a], &[a, b, a]] {
            assert!(matches!(corners(ring), Err(Error::Refused { .. })), "{ring:?}");
        }
        let over = [at(0.0, 179.0), at(0.0, -179.0), at(1.0, 179.0)];
        assert!(corners(&over).is_err_and(|error| error.to_string().contains("180th meridian")));
        let many: Vec<Position> = (0..=MOST_CORNERS).map(|i| at(0.0, i as f64 / 1_000.0)).collect();
        assert!(corners(&many).is_err_and(|error| error.to_string().contains("more than")));
    }
}

//! Places: against distances of known geodesy, against a plain search through all of them, and against the map's rule.

use std::cell::Cell;
use std::f64::consts::TAU;
use std::time::Duration;

use penstock_model::{
    Address, Asset, AssetId, AssetKind, Limits, Pipe, PipeId, Place, PlaceKind, Plant, PlantFile, Point, PointId,
    PointNo, PointState, Position, Quantity, Site, SiteId, SiteKind, TenantId, Timestamp, Unit,
};
use penstock_store::{AuditEntry, Error, Store};
use penstock_testkit::database::{ScratchDatabase, scratch_database};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgPool};
use sqlx::query::QueryScalar;
use uuid::Uuid;

use crate::fixtures::fresh;

const ALL: [PlaceKind; 3] = [PlaceKind::Site, PlaceKind::Asset, PlaceKind::Point];

fn at(lat: f64, lon: f64) -> Position {
    Position::new(lat, lon).expect("on earth")
}

/// A plant that is built a thing at a time.
struct Town(PlantFile);

impl Town {
    fn new(name: &str) -> Self {
        let tenant = TenantId::derived(Uuid::nil(), name);
        let plant = Plant {
            tenant,
            name: name.into(),
            time_zone: "UTC".into(),
            areas: vec![],
            sites: vec![],
            assets: vec![],
            pipes: vec![],
        };
        Self(PlantFile { plant, points: vec![], rules: vec![], guidance: vec![] })
    }

    fn tenant(&self) -> TenantId {
        self.0.plant.tenant
    }

    fn site(&mut self, name: &str, kind: SiteKind, position: Option<Position>) -> SiteId {
        let id = SiteId::derived(self.tenant().0, name);
        self.0.plant.sites.push(Site { id, name: name.into(), kind, area: None, position });
        id
    }

    fn asset(&mut self, name: &str, kind: AssetKind, site: Option<SiteId>, position: Option<Position>) -> AssetId {
        let id = AssetId::derived(self.tenant().0, name);
        let (area, capacity_m3, level_span) = (None, None, None);
        self.0.plant.assets.push(Asset { id, name: name.into(), kind, site, area, position, capacity_m3, level_span });
        id
    }

    fn valve(&mut self, name: &str, lat: f64, lon: f64) -> AssetId {
        self.asset(name, AssetKind::Valve, None, Some(at(lat, lon)))
    }

    fn point(&mut self, name: &str, site: Option<SiteId>, asset: Option<AssetId>, position: Option<Position>) {
        self.0.points.push(Point {
            id: PointId::derived(self.tenant().0, name),
            no: PointNo(0),
            address: Address { source: "local".into(), path: name.into() },
            state: PointState::Adopted,
            name: name.into(),
            description: String::new(),
            quantity: Quantity::Plain,
            unit: Unit::parse("–").expect("known"),
            area: None,
            site,
            asset,
            position,
            role: None,
            normal: None,
            span: None,
            limits: Limits::default(),
            stale_after: Duration::from_secs(300),
            recording: None,
        });
    }

    fn pipe(&mut self, name: &str, course: &[(f64, f64)]) -> PipeId {
        let id = PipeId::derived(self.tenant().0, name);
        let course = course.iter().map(|(lat, lon)| at(*lat, *lon)).collect();
        self.0.plant.pipes.push(Pipe { id, name: name.into(), area: None, diameter_mm: 200.0, course });
        id
    }

    async fn put_into(&self, store: &Store) {
        let now = Timestamp::from_secs(1_795_000_000);
        let audit = [AuditEntry::new(self.tenant(), now, None, "plant.import", "test")];
        store.import_plant(&self.0, &audit).await.expect("imported");
    }

    /// In a database of its own.
    async fn stored(&self) -> (ScratchDatabase, Store) {
        let (database, store) = fresh().await;
        self.put_into(&store).await;
        (database, store)
    }
}

fn names(places: &[Place]) -> Vec<&str> {
    places.iter().map(|place| place.name.as_str()).collect()
}

/// Asserts names, chainages and distances in m, the latter two to `tolerance_m`.
fn assert_along(places: &[Place], tolerance_m: f64, expected: &[(&str, f64, f64)]) {
    assert_eq!(names(places), expected.iter().map(|(name, ..)| *name).collect::<Vec<_>>());
    for (place, (_, chainage_m, distance_m)) in places.iter().zip(expected) {
        let off = |found: Option<f64>, expected: f64| (found.expect("told") - expected).abs();
        assert!(off(place.chainage_m, *chainage_m) < tolerance_m, "{place:?}: chainage {chainage_m}");
        assert!(off(place.distance_m, *distance_m) < tolerance_m, "{place:?}: distance {distance_m}");
    }
}

#[tokio::test]
async fn distances_are_those_of_known_geodesy() {
    let mut town = Town::new("town");
    // Flinders Peak to Buninyong, 54,972.271 m: the worked example of Vincenty's inverse formula in the GDA94 Technical
    // Manual (ICSM), chapter 4. GRS 80 and WGS 84 differ by less than a millimetre here.
    town.valve("Buninyong", -(37.0 + 39.0 / 60.0 + 10.156_10 / 3_600.0), 143.0 + 55.0 / 60.0 + 35.383_90 / 3_600.0);
    // A degree of the equator is a · π / 180; the first degree of the meridian has 110,574.389 m (Helmert's series).
    town.valve("E", 0.0, 1.5);
    town.valve("N", 1.0, 0.5);
    let (_database, store) = town.stored().await;
    let near = async |position: Position, limit: u32| {
        store.places_near(town.tenant(), &ALL, position, limit).await.expect("found")
    };
    let check = |place: &Place, name: &str, distance_m: f64| {
        assert_eq!((place.kind, place.name.as_str(), place.chainage_m), (PlaceKind::Asset, name, None));
        assert!((place.distance_m.expect("told") - distance_m).abs() < 1e-3, "{place:?}: {distance_m}");
    };
    let flinders = at(-(37.0 + 57.0 / 60.0 + 3.720_30 / 3_600.0), 144.0 + 25.0 / 60.0 + 29.524_40 / 3_600.0);
    check(&near(flinders, 1).await[0], "Buninyong", 54_972.271);
    let both = near(at(0.0, 0.5), 2).await;
    check(&both[0], "N", 110_574.389);
    check(&both[1], "E", 111_319.491);
    assert_eq!(near(at(0.0, 0.5), 1_000).await.len(), 3);
    assert!(store.places_near(town.tenant(), &[], flinders, 10).await.expect("found").is_empty());
}

#[tokio::test]
async fn the_nearest_in_metres_come_first_where_degrees_say_otherwise() {
    let mut town = Town::new("town");
    // At 70° a degree of longitude is a third of one of latitude; beyond the 180th meridian it goes on at -180°.
    town.valve("1.5 east", 70.0, 21.5);
    town.valve("1 north", 71.0, 20.0);
    town.valve("2.5 west", 70.0, 17.5);
    town.valve("here", -17.0, 179.99);
    town.valve("over there", -17.0, -179.995);
    town.valve("over the pole", 89.99, -160.0);
    town.valve("this side", 89.97, 20.0);
    let (_database, store) = town.stored().await;
    let near = async |lat: f64, lon: f64, limit: u32| {
        let places = store.places_near(town.tenant(), &ALL, at(lat, lon), limit).await.expect("found");
        places.into_iter().map(|place| place.name).collect::<Vec<_>>()
    };
    assert_eq!(near(70.0, 20.0, 1).await, ["1.5 east"]);
    assert_eq!(near(70.0, 20.0, 3).await, ["1.5 east", "2.5 west", "1 north"]);
    assert_eq!(near(-17.0, 179.999, 2).await, ["over there", "here"]);
    assert_eq!(near(89.995, 20.0, 1).await, ["over the pole"]);
}

#[tokio::test]
async fn a_point_is_where_the_map_has_it() {
    let mut town = Town::new("town");
    let works = town.site("works", SiteKind::Works, Some(at(1.0, 1.0)));
    let tank = town.site("tank", SiteKind::Storage, Some(at(1.0, 2.0)));
    let network = town.site("network", SiteKind::Network, Some(at(1.0, 3.0)));
    let bare = town.site("bare network", SiteKind::Network, Some(at(1.0, 4.0)));
    town.asset("T-2", AssetKind::Tower, Some(tank), Some(at(2.0, 2.2)));
    town.asset("T-1", AssetKind::Reservoir, Some(tank), Some(at(2.0, 2.1)));
    town.asset("A gateway", AssetKind::Gateway, Some(tank), Some(at(2.0, 2.3)));
    town.asset("B gateway", AssetKind::Gateway, Some(works), Some(at(2.0, 1.1)));
    town.asset("G-2", AssetKind::Gateway, Some(network), Some(at(2.0, 3.2)));
    town.asset("G-1", AssetKind::Gateway, Some(network), Some(at(2.0, 3.1)));
    let pump = town.asset("pump", AssetKind::Pump, Some(works), Some(at(2.0, 1.2)));
    let unplaced = town.asset("unplaced", AssetKind::Pump, Some(works), None);
    let broken = Some(at(0.0, 0.0));
    town.point("own", Some(works), Some(pump), Some(at(3.0, 5.0)));
    town.point("of the pump", Some(works), Some(pump), None);
    town.point("of the pump, broken", None, Some(pump), broken);
    town.point("of the works", Some(works), None, None);
    town.point("of the first tank", Some(tank), None, broken);
    town.point("of the first gateway", Some(network), None, None);
    town.point("of nothing placed", Some(works), Some(unplaced), None);
    town.point("of a bare network", Some(bare), None, None);
    town.point("nowhere", None, None, None);
    town.point("broken", None, None, broken);
    town.point("heard of", None, None, Some(at(3.0, 5.0)));
    town.0.points.last_mut().expect("there").state = PointState::Discovered;
    let (_database, store) = town.stored().await;

    let found = store.places_near(town.tenant(), &[PlaceKind::Point], at(1.0, 1.0), 1_000).await.expect("found");
    let mut found: Vec<_> = found.iter().map(|place| (place.name.as_str(), place.position)).collect();
    found.sort_by_key(|(name, _)| *name);
    let expected = [
        ("of the first gateway", at(2.0, 3.1)),
        ("of the first tank", at(2.0, 2.1)),
        ("of the pump", at(2.0, 1.2)),
        ("of the pump, broken", at(2.0, 1.2)),
        ("of the works", at(1.0, 1.0)),
        ("own", at(3.0, 5.0)),
    ];
    assert_eq!(found, expected);
    // The other questions have the same places.
    let ring = [at(1.95, 1.15), at(1.95, 2.15), at(2.05, 2.15), at(2.05, 1.15)];
    let inside = store.places_within(town.tenant(), &ALL, &ring, 100).await.expect("found");
    let expected = ["T-1", "of the first tank", "of the pump", "of the pump, broken", "pump"];
    assert_eq!(names(&inside.places), expected);
}

#[tokio::test]
async fn within_takes_the_edge_in_and_says_when_it_is_cut() {
    let mut town = Town::new("town");
    // In numbers that are exact in binary, so that what is on a slanting edge is on it.
    for (name, lat, lon) in [
        ("f edge", 20.0, 79.25),
        ("e corner", 20.0, 79.0),
        ("d inside", 20.25, 79.25),
        ("c slanting edge", 20.25, 79.5),
        ("b just outside", 19.999_999, 79.25),
        ("a far", 21.0, 79.25),
    ] {
        town.valve(name, lat, lon);
    }
    let (_database, store) = town.stored().await;
    let ring = [at(20.0, 79.0), at(20.0, 79.75), at(20.75, 79.0)];
    let closed = [ring[0], ring[1], ring[2], ring[0]];
    let within = async |ring: &[Position], limit: u32| {
        store.places_within(town.tenant(), &ALL, ring, limit).await.expect("found")
    };
    let all = within(&ring, 4).await;
    assert_eq!(names(&all.places), ["c slanting edge", "d inside", "e corner", "f edge"]);
    assert!(!all.is_cut && all.places.iter().all(|place| place.distance_m.is_none()));
    assert_eq!(within(&closed, 4).await, all);
    let cut = within(&ring, 3).await;
    assert_eq!(names(&cut.places), ["c slanting edge", "d inside", "e corner"]);
    assert!(cut.is_cut);
}

#[tokio::test]
async fn a_ring_that_holds_no_area_is_refused() {
    let (_database, store) = Town::new("town").stored().await;
    let refused = async |ring: &[(f64, f64)]| {
        let ring: Vec<Position> = ring.iter().map(|(lat, lon)| at(*lat, *lon)).collect();
        match store.places_within(Town::new("town").tenant(), &ALL, &ring, 10).await {
            Err(Error::Refused { why }) => why,
            other => panic!("{other:?}"),
        }
    };
    let bow_tie = refused(&[(20.0, 79.0), (20.2, 79.2), (20.2, 79.0), (20.0, 79.2)]).await;
    assert!(bow_tie.contains("crosses or touches itself at latitude 20.100000, longitude 79.100000"), "{bow_tie}");
    let touching = refused(&[(0.0, 0.0), (0.0, 2.0), (2.0, 2.0), (0.0, 1.0), (2.0, 0.0)]).await;
    assert!(touching.contains("crosses or touches itself"), "{touching}");
    let flat = refused(&[(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]).await;
    assert!(flat.contains("crosses or touches itself"), "{flat}");
    let two = refused(&[(0.0, 0.0), (1.0, 1.0), (0.0, 0.0)]).await;
    assert!(two.contains("fewer than three"), "{two}");
    let over = refused(&[(0.0, 179.0), (0.0, -179.0), (1.0, -179.0)]).await;
    assert!(over.contains("180th meridian"), "{over}");
}

#[tokio::test]
async fn along_a_main_places_come_in_the_order_of_its_course() {
    let mut town = Town::new("town");
    // 0.02° along the equator, 2,226.390 m, then 0.02° north.
    let bent = town.pipe("bent", &[(0.0, 10.0), (0.0, 10.02), (0.02, 10.02)]);
    town.valve("second leg", 0.01, 10.021);
    town.valve("bend", 0.0, 10.02);
    town.valve("first leg", 0.001, 10.005);
    town.valve("before it begins", 0.0, 9.999_5);
    town.valve("beyond its end", 0.021, 10.02);
    town.valve("out of reach", 0.005, 10.005);
    // Two legs of a right angle at 60°: as long as each other in m, not in degrees.
    let slanting = town.pipe("slanting", &[(60.0, 10.0), (60.01, 10.02)]);
    town.valve("right angle", 60.01, 10.0);
    let over = town.pipe("over the 180th meridian", &[(0.0, 179.99), (0.0, -179.99)]);
    town.valve("over there", 0.001, -179.995);
    let ends = town.pipe("ends before it", &[(0.0, 179.99), (0.0, 179.995)]);
    let (_database, store) = town.stored().await;
    let along = async |pipe: PipeId, reach_m: f64, limit: u32| {
        store.places_along(town.tenant(), &ALL, pipe, reach_m, limit).await.expect("found")
    };
    // 0.001° is 111.319 m of the equator and 110.574 m of the meridian there.
    let expected = [
        ("before it begins", 0.0, 55.660),
        ("first leg", 556.597, 110.574),
        ("bend", 2_226.390, 0.0),
        ("second leg", 2_226.390 + 1_105.743, 111.319),
        ("beyond its end", 2_226.390 + 2_211.486, 110.574),
    ];
    let found = along(bent, 200.0, 5).await;
    assert_along(&found.places, 2e-3, &expected);
    assert!(!found.is_cut);
    let found = along(bent, 200.0, 2).await;
    assert_along(&found.places, 2e-3, &expected[..2]);
    assert!(found.is_cut);
    assert_along(&along(bent, 0.0, 10).await.places, 2e-3, &expected[2..3]);

    // By the radii of curvature at 60.005°: legs of 1,115.83 m and 1,114.12 m, the height over the slanting side 788.4 m
    // with its foot 787.2 m from the beginning. In degrees the foot would be at a fifth of it.
    assert_along(&along(slanting, 1_000.0, 10).await.places, 0.5, &[("right angle", 787.2, 788.4)]);
    assert_along(&along(over, 200.0, 10).await.places, 2e-3, &[("over there", 1_669.792, 110.574)]);
    // To its end 0.01° of the equator and 0.001° of the meridian.
    let to_end = 1_113.195_f64.hypot(110.574);
    assert_along(&along(ends, 2_000.0, 10).await.places, 2e-3, &[("over there", 556.597, to_end)]);

    for reach_m in [-1.0, 10_000.1, f64::NAN] {
        let refused = store.places_along(town.tenant(), &ALL, bent, reach_m, 10).await;
        assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    }
    let unknown = store.places_along(town.tenant(), &ALL, PipeId(Uuid::nil()), 10.0, 10).await;
    assert!(matches!(unknown, Err(Error::NotFound { .. })), "{unknown:?}");
}

#[tokio::test]
async fn tenants_are_kept_apart() {
    let (mut town, mut village) = (Town::new("town"), Town::new("village"));
    for plant in [&mut town, &mut village] {
        let name = plant.0.plant.name.clone();
        let site = plant.site(&format!("{name} site"), SiteKind::Storage, Some(at(20.0, 79.0)));
        plant.valve(&format!("{name} valve"), 20.0, 79.0);
        plant.point(&format!("{name} point"), Some(site), None, None);
    }
    let main = town.pipe("main", &[(20.0, 79.0), (20.0, 79.01)]);
    // What another tenant has places nothing here.
    let (theirs, their_valve) = (SiteId::derived(town.tenant().0, "town site"), town.0.plant.assets[0].id);
    village.point("astray", Some(theirs), None, None);
    village.point("led astray", None, Some(their_valve), None);
    let (_database, store) = town.stored().await;
    village.put_into(&store).await;
    for plant in [&town, &village] {
        let near = store.places_near(plant.tenant(), &ALL, at(20.0, 79.0), 100).await.expect("found");
        let ring = [at(19.9, 78.9), at(19.9, 79.1), at(20.1, 79.0)];
        let within = store.places_within(plant.tenant(), &ALL, &ring, 100).await.expect("found").places;
        let name = &plant.0.plant.name;
        let expected = [format!("{name} point"), format!("{name} site"), format!("{name} valve")];
        assert_eq!(names(&near), expected);
        assert_eq!(names(&within), expected);
    }
    let along = store.places_along(town.tenant(), &ALL, main, 10.0, 100).await.expect("found").places;
    assert_eq!(names(&along), ["town point", "town site", "town valve"]);
    let refused = store.places_along(village.tenant(), &ALL, main, 10.0, 100).await;
    assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}");
}

/// The distance on WGS 84 in m: T. Vincenty, Direct and Inverse Solutions of Geodesics on the Ellipsoid, Survey Review
/// 23 (176), 1975. Not for places on opposite sides of the earth.
fn vincenty(from: Position, to: Position) -> f64 {
    let (a, f) = (6_378_137.0, 1.0 / 298.257_223_563);
    let b = a * (1.0 - f);
    let reduced = |position: Position| ((1.0 - f) * position.lat().to_radians().tan()).atan().sin_cos();
    let ((sin_1, cos_1), (sin_2, cos_2)) = (reduced(from), reduced(to));
    let apart = (to.lon() - from.lon()).to_radians();
    let mut lambda = apart;
    for _ in 0..200 {
        let (sin_lambda, cos_lambda) = lambda.sin_cos();
        let sin_sigma = (cos_2 * sin_lambda).hypot(cos_1 * sin_2 - sin_1 * cos_2 * cos_lambda);
        if sin_sigma == 0.0 {
            return 0.0;
        }
        let cos_sigma = sin_1 * sin_2 + cos_1 * cos_2 * cos_lambda;
        let sigma = sin_sigma.atan2(cos_sigma);
        let sin_alpha = cos_1 * cos_2 * sin_lambda / sin_sigma;
        let cos_sq_alpha = 1.0 - sin_alpha * sin_alpha;
        let cos_2sm = if cos_sq_alpha > 0.0 { cos_sigma - 2.0 * sin_1 * sin_2 / cos_sq_alpha } else { 0.0 };
        let c = f / 16.0 * cos_sq_alpha * (4.0 + f * (4.0 - 3.0 * cos_sq_alpha));
        let inner = cos_2sm + c * cos_sigma * (2.0 * cos_2sm * cos_2sm - 1.0);
        let next = apart + (1.0 - c) * f * sin_alpha * (sigma + c * sin_sigma * inner);
        let is_settled = (next - lambda).abs() < 1e-13;
        lambda = next;
        if is_settled {
            let u_sq = cos_sq_alpha * (a * a - b * b) / (b * b);
            let big_a = 1.0 + u_sq / 16_384.0 * (4_096.0 + u_sq * (-768.0 + u_sq * (320.0 - 175.0 * u_sq)));
            let big_b = u_sq / 1_024.0 * (256.0 + u_sq * (-128.0 + u_sq * (74.0 - 47.0 * u_sq)));
            let last = big_b / 6.0 * cos_2sm * (4.0 * sin_sigma * sin_sigma - 3.0) * (4.0 * cos_2sm * cos_2sm - 3.0);
            let inner = cos_2sm + big_b / 4.0 * (cos_sigma * (2.0 * cos_2sm * cos_2sm - 1.0) - last);
            return b * big_a * (sigma - big_b * sin_sigma * inner);
        }
    }
    panic!("{from:?} and {to:?} are opposite each other")
}

/// Whether a place is inside a ring, by how often a line to the east of it is crossed.
fn is_inside(ring: &[Position], place: Position) -> bool {
    let edges = ring.iter().zip(ring.iter().cycle().skip(1));
    let crossed = edges.filter(|(from, to)| {
        let spans = (from.lat() > place.lat()) != (to.lat() > place.lat());
        let part = (place.lat() - from.lat()) / (to.lat() - from.lat());
        spans && place.lon() < from.lon() + part * (to.lon() - from.lon())
    });
    crossed.count() % 2 == 1
}

/// A random question to a random plant.
#[derive(Debug)]
struct Look {
    /// The middle of the plant, degrees of latitude and longitude, and how far it goes from there.
    middle: (f64, f64, f64),
    /// 300 places as parts of that.
    places: Vec<(f64, f64)>,
    /// Where the nearest are asked for, likewise.
    here: (f64, f64),
    limit: u32,
    /// Distances of the corners of a ring from the middle, likewise.
    corners: Vec<f64>,
    kinds: Vec<PlaceKind>,
}

impl Look {
    fn position(&self, (north, east): (f64, f64)) -> Position {
        let (lat, lon, wide) = self.middle;
        let lon = lon + 2.0 * wide * east;
        at((lat + wide * north).clamp(-90.0, 90.0), (lon + 540.0).rem_euclid(360.0) - 180.0)
    }

    /// A hundred each of sites, equipment and points; of these a third each is placed by itself, by its equipment and by
    /// its site. With the place of each, by kind and name.
    fn town(&self, name: &str) -> (Town, Vec<(PlaceKind, String, Position)>) {
        let mut town = Town::new(name);
        let mut placed = Vec::new();
        let (mut sites, mut assets) = (Vec::new(), Vec::new());
        for (number, place) in self.places.iter().enumerate() {
            let position = self.position(*place);
            let name = format!("P-{number:03}");
            match number % 3 {
                0 => {
                    sites.push((town.site(&name, SiteKind::Pumping, Some(position)), position));
                    placed.push((PlaceKind::Site, name, position));
                }
                1 => {
                    assets.push((town.asset(&name, AssetKind::Valve, None, Some(position)), position));
                    placed.push((PlaceKind::Asset, name, position));
                }
                _ => {
                    let (site, of_site) = sites[number % sites.len()];
                    let (asset, of_asset) = assets[number % assets.len()];
                    let position = match number / 3 % 3 {
                        0 => {
                            town.point(&name, Some(site), Some(asset), Some(position));
                            position
                        }
                        1 => {
                            town.point(&name, Some(site), Some(asset), None);
                            of_asset
                        }
                        _ => {
                            town.point(&name, Some(site), None, None);
                            of_site
                        }
                    };
                    placed.push((PlaceKind::Point, name, position));
                }
            }
        }
        placed.retain(|(kind, ..)| self.kinds.contains(kind));
        (town, placed)
    }

    fn ring(&self) -> Vec<Position> {
        let count = self.corners.len() as f64;
        let corner = |(number, far): (usize, &f64)| {
            let (sin, cos) = (TAU * number as f64 / count).sin_cos();
            self.position((far * sin, far * cos))
        };
        self.corners.iter().enumerate().map(corner).collect()
    }
}

fn looks() -> impl Strategy<Value = Look> {
    let lat = prop_oneof![3 => -60.0..60.0_f64, 1 => 60.0..89.9_f64, 1 => -89.9..-60.0_f64];
    let lon = prop_oneof![3 => -170.0..170.0_f64, 1 => 179.9..180.0_f64];
    let wide = prop_oneof![Just(0.01_f64), Just(0.1), Just(0.5)];
    let part = || (-1.0..1.0_f64, -1.0..1.0_f64);
    let kinds = prop_oneof![
        Just(ALL.to_vec()),
        Just(vec![PlaceKind::Asset]),
        Just(vec![PlaceKind::Point]),
        Just(vec![PlaceKind::Site, PlaceKind::Point]),
    ];
    let places = prop::collection::vec(part(), 300);
    let corners = prop::collection::vec(0.2..1.0_f64, 3..12);
    ((lat, lon, wide), places, part(), 1..120_u32, corners, kinds)
        .prop_map(|(middle, places, here, limit, corners, kinds)| Look { middle, places, here, limit, corners, kinds })
}

#[test]
fn random_places_are_found_as_by_looking_at_each() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let database = runtime.block_on(scratch_database()).expect("database");
    let store = runtime.block_on(database.store()).expect("store");
    let config = Config { cases: 32, max_shrink_iters: 100, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let count = Cell::new(0);
    runner
        .run(&looks(), |look| {
            // The plants of earlier looks stay: tenants of their own.
            count.set(count.get() + 1);
            let (town, placed) = look.town(&format!("town {}", count.get()));
            runtime.block_on(town.put_into(&store));
            let here = look.position(look.here);
            let near = runtime.block_on(store.places_near(town.tenant(), &look.kinds, here, look.limit));
            let near = near.expect("found");
            let mut distances: Vec<f64> = placed.iter().map(|(.., position)| vincenty(here, *position)).collect();
            distances.sort_by(f64::total_cmp);
            distances.truncate(look.limit as usize);
            prop_assert_eq!(near.len(), distances.len());
            for (place, distance_m) in near.iter().zip(&distances) {
                let told = place.distance_m.expect("told");
                prop_assert!((told - distance_m).abs() < 1e-3, "{:?}: {}", place, distance_m);
                prop_assert!((told - vincenty(here, place.position)).abs() < 1e-3, "{:?}", place);
                prop_assert!(placed.contains(&(place.kind, place.name.clone(), place.position)), "{:?}", place);
            }
            let mut ids: Vec<Uuid> = near.iter().map(|place| place.id).collect();
            ids.sort();
            ids.dedup();
            prop_assert_eq!(ids.len(), near.len());

            let (lat, lon, wide) = look.middle;
            if lon.abs() + 2.0 * wide < 180.0 && lat.abs() + wide < 90.0 {
                let ring = look.ring();
                let within = runtime.block_on(store.places_within(town.tenant(), &look.kinds, &ring, 10_000));
                let within = within.expect("found").places;
                let mut expected: Vec<&str> = placed
                    .iter()
                    .filter(|(.., position)| is_inside(&ring, *position))
                    .map(|(_, name, _)| name.as_str())
                    .collect();
                expected.sort_unstable();
                prop_assert_eq!(names(&within), expected);
            }
            Ok(())
        })
        .expect("as by looking at each");
}

const REACH: &str =
    concat!("explain ", include_str!("../../queries/places.sql"), include_str!("../../queries/reach.sql"));
const NEAREST: &str =
    concat!("explain ", include_str!("../../queries/places.sql"), include_str!("../../queries/nearest.sql"));
const WITHIN: &str =
    concat!("explain ", include_str!("../../queries/places.sql"), include_str!("../../queries/within.sql"));
const ALONG: &str =
    concat!("explain ", include_str!("../../queries/places.sql"), include_str!("../../queries/along.sql"));

/// A query for what PostgreSQL means to do.
type Explained<'q> = QueryScalar<'q, Postgres, String, PgArguments>;

fn explained<'q>(query: &'static str, tenant: TenantId, kinds: &'q [&'q str]) -> Explained<'q> {
    sqlx::query_scalar(query).bind(tenant.0).bind(kinds)
}

async fn plan(pool: &PgPool, query: Explained<'_>) -> String {
    query.fetch_all(pool).await.expect("planned").join("\n")
}

#[tokio::test]
async fn ten_thousand_assets_are_found_by_the_spatial_index() {
    let mut town = Town::new("town");
    let main = town.pipe("main", &[(20.1, 79.1), (20.1, 79.11)]);
    let (_database, store) = town.stored().await;
    sqlx::query(
        "insert into assets (id, tenant, name, kind, position) \
         select md5(i::text)::uuid, $1, 'V-' || i, 'valve', \
         ST_SetSRID(ST_MakePoint(79 + i % 100 * 0.003, 20 + i / 100 * 0.003), 4326) from generate_series(0, 9999) i",
    )
    .bind(town.tenant().0)
    .execute(store.pool())
    .await
    .expect("inserted");
    sqlx::query("analyze").execute(store.pool()).await.expect("analysed");
    let screens = store.for_screens(town.tenant()).await.expect("screens");
    // Well-known binary, little-endian: a point, and a ring of three corners with the first one again.
    let doubles = |numbers: &[f64]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let point = [vec![1, 1, 0, 0, 0], doubles(&[79.1, 20.1])].concat();
    let ring = doubles(&[79.1, 20.1, 79.12, 20.1, 79.12, 20.12, 79.1, 20.1]);
    let ring = [vec![1, 3, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0], ring].concat();
    for kinds in [vec!["asset"], vec!["site", "asset", "point"]] {
        let of = |query: &'static str| explained(query, town.tenant(), &kinds);
        let reach = plan(store.pool(), of(REACH).bind(&point).bind(20_i64)).await;
        assert!(reach.contains("Index Scan using assets_position on assets"), "{reach}");
        assert!(reach.contains("Order By: (\"position\" <->"), "{reach}");
        let near = || of(NEAREST).bind(&point).bind(20_i64).bind(79.09_f64).bind(20.09_f64).bind(79.11_f64);
        let nearest = plan(store.pool(), near().bind(20.11_f64)).await;
        let inside = || of(WITHIN).bind(&ring).bind(1_001_i64);
        let within = plan(store.pool(), inside()).await;
        let along = of(ALONG).bind(main.0).bind(1_001_i64).bind(79.099_f64).bind(20.099_f64);
        let along = plan(store.pool(), along.bind(79.111_f64).bind(20.101_f64).bind(false).bind(50.0_f64)).await;
        // Row-level security must not keep screens from the index.
        for plan in [plan(screens.pool(), near().bind(20.11_f64)).await, plan(screens.pool(), inside()).await] {
            assert!(plan.contains("Index Cond: (\"position\" &&"), "{plan}");
        }
        for plan in [&reach, &nearest, &within, &along] {
            assert!(plan.contains("assets_position") && !plan.contains("Seq Scan on assets"), "{plan}");
        }
    }
    let near = store.places_near(town.tenant(), &ALL, at(20.1, 79.1), 1_000).await.expect("found");
    assert_eq!(near.len(), 1_000);
    assert!(near.is_sorted_by_key(|place| place.distance_m));
    assert_eq!(screens.places_near(&ALL, at(20.1, 79.1), 1_000).await.expect("found"), near);
    let ring = [at(20.1, 79.1), at(20.1, 79.12), at(20.12, 79.12)];
    let within = store.places_within(town.tenant(), &ALL, &ring, 1_000).await.expect("found");
    assert!(!within.places.is_empty());
    assert_eq!(screens.places_within(&ALL, &ring, 1_000).await.expect("found"), within);
    let along = store.places_along(town.tenant(), &ALL, main, 150.0, 1_000).await.expect("found");
    assert!(!along.places.is_empty());
    assert_eq!(screens.places_along(&ALL, main, 150.0, 1_000).await.expect("found"), along);
    let others = store.for_screens(Town::new("village").tenant()).await.expect("screens");
    assert_eq!(others.places_near(&ALL, at(20.1, 79.1), 1_000).await.expect("found"), []);
    assert!(matches!(others.places_along(&ALL, main, 150.0, 1_000).await, Err(Error::NotFound { .. })));
}

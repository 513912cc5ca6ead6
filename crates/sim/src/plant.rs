//! The town as the plant file that a control room imports: areas, sites, equipment, mains, points and rules.
//! Must not know what flows.

use std::collections::BTreeMap;
use std::time::Duration;

use penstock_model::{
    Address, AlarmClass, AlarmRule, Area, AreaId, Asset, AssetId, AssetKind, Band, Condition, Guidance, Limits, Pipe,
    PipeId, Plant, PlantFile, Point, PointId, PointNo, PointState, RuleId, Site, SiteId, SiteKind, Subject, TenantId,
};

use crate::Error;
use crate::geo::{Place, corner};
use crate::sensors::{Sensor, SiteKey, pump_name, pumps, sensors};
use crate::town::{AREAS, LINE_VALVES, STATIONS, TANKS, TIES, Town};

/// The source that the demo plant's points come from.
const SOURCE: &str = "local";

/// How long a live point may be silent.
const STALE_AFTER: Duration = Duration::from_secs(60);

/// How long a whole site may be silent.
const SILENT_AFTER: Duration = Duration::from_secs(120);

/// The tenant that the demo town belongs to.
pub fn tenant() -> TenantId {
    TenantId::derived(uuid::Uuid::nil(), "nandipur")
}

/// The demo plant; the same every time.
///
/// # Errors
/// [`Error::Model`] where a value of the town's tables breaks an invariant of the plant's types.
pub fn plant_file() -> Result<PlantFile, Error> {
    let town = Town::nandipur();
    let assets = assets();
    let by_name: BTreeMap<&str, AssetId> = assets.iter().map(|asset| (asset.name.as_str(), asset.id)).collect();
    let points = sensors(&town)?
        .iter()
        .enumerate()
        .map(|(number, sensor)| point(number, sensor, &by_name))
        .collect::<Result<_, _>>()?;
    let plant = Plant {
        tenant: tenant(),
        name: "Nandipur".to_owned(),
        time_zone: "Asia/Kolkata".to_owned(),
        areas: areas(),
        sites: SiteKey::all().into_iter().map(site).collect(),
        assets,
        pipes: pipes(&town),
    };
    Ok(PlantFile { plant, points, rules: SiteKey::all().into_iter().map(silence).collect(), guidance: Vec::new() })
}

fn point(number: usize, sensor: &Sensor, assets: &BTreeMap<&str, AssetId>) -> Result<Point, Error> {
    let usual = sensor.quantity.display_unit();
    let band = |(low, high): (f64, f64)| Band::new(usual.to_si(low), usual.to_si(high));
    let [ll, l, h, hh] = sensor.limits.map(|limit| limit.map(|limit| tidy(usual.to_si(limit))));
    let limits = Limits { ll, l, h, hh };
    limits.check()?;
    let tidied = |band: Band| Band { low: tidy(band.low), high: tidy(band.high) };
    Ok(Point {
        id: PointId::discovered(tenant(), SOURCE, &sensor.id),
        no: PointNo(i32::try_from(number + 1).unwrap_or(i32::MAX)),
        address: Address { source: SOURCE.to_owned(), path: sensor.id.clone() },
        state: PointState::Adopted,
        name: sensor.id.clone(),
        description: sensor.description.clone(),
        quantity: sensor.quantity,
        unit: sensor.unit,
        area: sensor.area.and_then(area_id),
        site: Some(site_id(sensor.site)),
        asset: sensor.asset.as_deref().and_then(|name| assets.get(name)).copied(),
        position: sensor.at.position(),
        role: sensor.role,
        normal: Some(tidied(band(sensor.normal)?)),
        span: Some(tidied(band(sensor.span)?)),
        limits,
        stale_after: STALE_AFTER,
        recording: None,
    })
}

/// Without the digits that a change of unit leaves behind.
fn tidy(value: f64) -> f64 {
    format!("{value:.9e}").parse().unwrap_or(value)
}

fn areas() -> Vec<Area> {
    AREAS
        .iter()
        .map(|spec| Area {
            id: AreaId::derived(tenant().0, spec.name),
            name: spec.name.to_owned(),
            boundary: spec.boundary.iter().filter_map(|(i, j)| corner(*i, *j).position()).collect(),
        })
        .collect()
}

fn area_id(area: usize) -> Option<AreaId> {
    AREAS.get(area).map(|spec| AreaId::derived(tenant().0, spec.name))
}

fn site_id(site: SiteKey) -> SiteId {
    SiteId::derived(tenant().0, &site.gateway())
}

/// The area that a site serves, where it serves one alone.
fn area_of(site: SiteKey) -> Option<AreaId> {
    match site {
        SiteKey::Area(area) => area_id(area),
        SiteKey::Tank(tank) => TANKS.get(tank).and_then(|spec| spec.area).and_then(area_id),
        SiteKey::Station(2) => area_id(3),
        SiteKey::Works | SiteKey::Station(_) => None,
    }
}

fn site(key: SiteKey) -> Site {
    Site {
        id: site_id(key),
        name: key.name(),
        kind: match key {
            SiteKey::Works => SiteKind::Works,
            SiteKey::Tank(_) => SiteKind::Storage,
            SiteKey::Station(_) => SiteKind::Pumping,
            SiteKey::Area(_) => SiteKind::Network,
        },
        area: area_of(key),
        position: key.place().position(),
    }
}

fn assets() -> Vec<Asset> {
    let asset = |name: &str, kind: AssetKind, site: Option<SiteKey>, place: Place| Asset {
        id: AssetId::derived(tenant().0, name),
        name: name.to_owned(),
        kind,
        site: site.map(site_id),
        area: site.and_then(area_of),
        position: place.position(),
        capacity_m3: None,
        level_span: None,
    };
    let mut all =
        vec![asset("Treatment works", AssetKind::TreatmentWorks, Some(SiteKey::Works), SiteKey::Works.place())];
    for (tank, spec) in TANKS.iter().enumerate() {
        let site = SiteKey::Tank(tank);
        let kind = if spec.tower { AssetKind::Tower } else { AssetKind::Reservoir };
        all.push(Asset {
            capacity_m3: Some(spec.capacity_m3),
            level_span: Band::new(0.0, spec.height_m).ok(),
            ..asset(spec.name, kind, Some(site), site.place())
        });
        if spec.tower {
            let place = site.place();
            let beside = Place { x: place.x - 14.0, y: place.y - 10.0 };
            all.push(asset(&format!("LV-{}", 81 + tank), AssetKind::Valve, Some(site), beside));
        }
    }
    for (station, spec) in STATIONS.iter().enumerate() {
        let site = SiteKey::Station(station);
        all.push(asset(spec.name, AssetKind::PumpingStation, Some(site), site.place()));
    }
    for (station, number) in pumps() {
        let site = SiteKey::Station(station);
        let place = site.place();
        let place = Place { x: place.x + 12.0 * (number as f64 - 2.0), y: place.y };
        all.push(asset(&pump_name(station, number), AssetKind::Pump, Some(site), place));
    }
    for (area, tag) in ["CV-11", "CV-21", "CV-01", "CV-41", "CV-51"].into_iter().enumerate() {
        let site = SiteKey::Area(area);
        all.push(asset(tag, AssetKind::Valve, Some(site), site.place()));
    }
    for (tag, (i, j), area) in LINE_VALVES {
        all.push(asset(tag, AssetKind::Valve, area.map(SiteKey::Area), corner(i, j)));
    }
    for tie in &TIES {
        let (i, j) = tie.valve_at;
        all.push(asset(tie.valve, AssetKind::Valve, Some(SiteKey::Area(tie.area)), corner(i, j)));
    }
    for site in SiteKey::all() {
        let place = site.place();
        let beside = Place { x: place.x - 20.0, y: place.y + 8.0 };
        all.push(asset(&site.gateway(), AssetKind::Gateway, Some(site), beside));
    }
    all
}

fn pipes(town: &Town) -> Vec<Pipe> {
    town.mains
        .iter()
        .map(|main| Pipe {
            id: PipeId::derived(tenant().0, &main.name),
            name: format!("{} {}", main.name, main.street),
            area: main.area.and_then(area_id),
            diameter_mm: main.diameter_mm,
            course: main.course.iter().filter_map(|place| place.position()).collect(),
        })
        .collect()
}

/// The alarm that a site's silence raises.
fn silence(site: SiteKey) -> AlarmRule {
    let id = RuleId::derived(tenant().0, &format!("silence {}", site.gateway()));
    AlarmRule {
        class: AlarmClass::Equipment,
        off_delay: Duration::from_secs(10),
        guidance: Guidance {
            cause: "the site's gateway or its radio link has failed, or its supply of power".to_owned(),
            consequence: "nobody sees what happens there; its values are the last ones heard".to_owned(),
            action: "call the site; send somebody where it cannot be reached within the hour".to_owned(),
        },
        ..AlarmRule::new(id, Subject::Site(site_id(site)), Condition::Silence { after: SILENT_AFTER })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use penstock_model::PointRole;

    use super::*;

    #[test]
    fn the_committed_file_is_what_the_generator_makes() {
        let made = serde_json::to_string_pretty(&plant_file().expect("valid tables")).expect("plain data") + "\n";
        let committed = include_str!("../../../assets/demo/plant.json");
        assert!(
            made == committed,
            "assets/demo/plant.json is not what the generator makes: \
             run `cargo run -p penstock-sim -- plant --out assets/demo/plant.json`"
        );
        let read: PlantFile = serde_json::from_str(committed).expect("a plant file");
        assert_eq!(read, plant_file().expect("valid tables"));
    }

    #[test]
    fn everything_a_point_names_is_there() {
        let file = plant_file().expect("valid tables");
        assert_eq!(file.points.len(), 150);
        let sites: BTreeSet<_> = file.plant.sites.iter().map(|site| site.id).collect();
        let assets: BTreeSet<_> = file.plant.assets.iter().map(|asset| asset.id).collect();
        let areas: BTreeSet<_> = file.plant.areas.iter().map(|area| area.id).collect();
        assert_eq!(assets.len(), file.plant.assets.len(), "assets share a name");
        for point in &file.points {
            assert!(point.site.is_some_and(|site| sites.contains(&site)), "{} has no site", point.name);
            assert!(point.asset.is_none_or(|asset| assets.contains(&asset)), "{} has no asset", point.name);
            assert!(point.area.is_none_or(|area| areas.contains(&area)), "{} has no area", point.name);
            assert!(point.position.is_some(), "{} has no place", point.name);
            assert_eq!(point.quantity, point.unit.quantity(), "{}", point.name);
            let (normal, span) = (point.normal.expect("set"), point.span.expect("set"));
            assert!(span.low <= normal.low && normal.high <= span.high, "{}: band leaves its span", point.name);
        }
        let named: Vec<&Point> = file.points.iter().filter(|point| point.area.is_none()).collect();
        assert!(named.iter().all(|point| point.asset.is_some()), "a point belongs to nothing");
    }

    #[test]
    fn the_overview_finds_its_roles() {
        let file = plant_file().expect("valid tables");
        let count = |role| file.points.iter().filter(|point| point.role == Some(role)).count();
        assert_eq!(count(PointRole::SupplyInflow), 1);
        for role in [PointRole::AreaInflow, PointRole::CriticalPressure, PointRole::AreaChlorine] {
            for area in &file.plant.areas {
                let points = file.points.iter().filter(|point| point.role == Some(role) && point.area == Some(area.id));
                assert_eq!(points.count(), 1, "{role:?} of {}", area.name);
            }
        }
        assert_eq!(count(PointRole::TankLevel), 4);
        assert_eq!(count(PointRole::StationFlow), 4);
        assert_eq!(count(PointRole::StationPressure), 4);
        assert_eq!(count(PointRole::PumpRunning), 8);
        assert_eq!(count(PointRole::PumpPower), 8);
    }
}

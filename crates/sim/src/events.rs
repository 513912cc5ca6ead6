//! What goes wrong in the town, each with its truth: kind, place, size, and from when until when.
//! Must not know what an event does to water or instruments.

use std::time::Duration;

use penstock_model::{Quantity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::sensors::{Measures, Sensor, SiteKey, pump_name, pumps};
use crate::town::{AREAS, TANKS, Town};

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// A main breaks: size is what it loses at 3 bar, m³/h.
    Burst,
    /// A leak that grows evenly to its size, m³/h at 3 bar.
    Leak,
    /// A pump's bearing wears evenly to its size, 0 new to 1 gone.
    BearingWear,
    /// An instrument shows the same value on and on.
    Stuck,
    /// An instrument leaves the truth evenly, by its size in widths of its normal band.
    Drift,
    /// An instrument shows one value far off, by its size in widths of its normal band.
    Spike,
    /// An instrument says nothing.
    Dropout,
    /// A whole site says nothing.
    Offline,
    /// A tank's inlet stays open and its pumps run on.
    Overflow,
    /// The works dose less, or an area's water uses its chlorine up: size is the share lost, 0 to 1.
    ChlorineLoss,
    /// A pump's protection stops it.
    PumpTrip,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Burst,
        Self::Leak,
        Self::BearingWear,
        Self::Stuck,
        Self::Drift,
        Self::Spike,
        Self::Dropout,
        Self::Offline,
        Self::Overflow,
        Self::ChlorineLoss,
        Self::PumpTrip,
    ];

    /// The word for it on the command line and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Burst => "burst",
            Self::Leak => "leak",
            Self::BearingWear => "bearing-wear",
            Self::Stuck => "stuck",
            Self::Drift => "drift",
            Self::Spike => "spike",
            Self::Dropout => "dropout",
            Self::Offline => "offline",
            Self::Overflow => "overflow",
            Self::ChlorineLoss => "chlorine-loss",
            Self::PumpTrip => "pump-trip",
        }
    }

    /// Its size where nobody says another.
    pub const fn usual_size(self) -> f64 {
        match self {
            Self::Burst => 90.0,
            Self::Leak => 14.0,
            Self::BearingWear => 0.9,
            Self::Drift => 1.5,
            Self::Spike => 3.0,
            Self::ChlorineLoss => 0.9,
            Self::Stuck | Self::Dropout | Self::Offline | Self::Overflow | Self::PumpTrip => 1.0,
        }
    }

    /// How long it lasts where nobody says another.
    pub const fn usual_length(self) -> Duration {
        let minutes = match self {
            Self::Spike => 1,
            Self::Offline => 20,
            Self::Dropout => 30,
            Self::Burst | Self::PumpTrip => 120,
            Self::Stuck => 240,
            Self::ChlorineLoss | Self::Overflow => 360,
            Self::Drift => 720,
            Self::Leak => 4 * 1_440,
            Self::BearingWear => 9 * 1_440,
        };
        Duration::from_secs(minutes * 60)
    }

    /// Where it happens where nobody says another.
    pub const fn usual_place(self) -> &'static str {
        match self {
            Self::Burst => "DMA 3",
            Self::Leak => "DMA 5",
            Self::BearingWear => "PS-2 Pump 3",
            Self::Stuck => "PT-42",
            Self::Drift => "CL-01",
            Self::Spike => "CL-02",
            Self::Dropout => "PT-22",
            Self::Offline => "PS-3",
            Self::Overflow => "Clock Tower",
            Self::ChlorineLoss => "Treatment works",
            Self::PumpTrip => "PS-1 Pump 2",
        }
    }
}

impl std::fmt::Display for EventKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for EventKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wanted = text.trim().to_lowercase().replace('_', "-");
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == wanted)
            .ok_or_else(|| Error::Kind { given: text.to_owned(), known: Self::ALL.map(Self::name).join(", ") })
    }
}

/// An event that somebody asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// What goes wrong.
    pub kind: EventKind,
    /// Where; the kind's usual place where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// How much, in the kind's unit; its usual size where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<f64>,
    /// How long, in seconds of the plant; the kind's usual length where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_secs: Option<f64>,
}

impl Request {
    /// The usual event of a kind.
    pub const fn of(kind: EventKind) -> Self {
        Self { kind, at: None, size: None, for_secs: None }
    }

    /// The same at another place.
    #[must_use]
    pub fn at(mut self, place: &str) -> Self {
        self.at = Some(place.to_owned());
        self
    }

    /// The same of another size.
    #[must_use]
    pub const fn sized(mut self, size: f64) -> Self {
        self.size = Some(size);
        self
    }

    /// The same for another time.
    #[must_use]
    pub const fn lasting(mut self, length: Duration) -> Self {
        self.for_secs = Some(length.as_secs_f64());
        self
    }
}

/// The truth about an event, to judge detection by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Its number in this run.
    pub event: u32,
    /// What goes wrong.
    pub kind: EventKind,
    /// Where, in words.
    pub at: String,
    /// Sensors whose readings it moves or silences most.
    pub points: Vec<String>,
    /// How much, in the kind's unit.
    pub size: f64,
    /// When it begins (RFC 3339).
    pub from: String,
    /// When it ends (RFC 3339).
    pub until: String,
}

/// What an event happens to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Target {
    /// A node of an area.
    Node {
        area: usize,
        node: usize,
    },
    Pump(usize),
    Sensor(usize),
    Site(usize),
    Tank(usize),
    Works,
    Area(usize),
}

/// An event of a run, in the plant's time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) number: u32,
    pub(crate) kind: EventKind,
    pub(crate) target: Target,
    pub(crate) size: f64,
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) at: String,
    pub(crate) points: Vec<String>,
    /// What a stuck instrument shows.
    pub(crate) held: Option<f64>,
}

impl Event {
    /// Whether it happens at `at`.
    pub(crate) fn is_on(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }

    /// How far it has come, 0 at its beginning to 1 at its end.
    pub(crate) fn progress(&self, at: Timestamp) -> f64 {
        let whole = self.until.since(self.from).as_secs_f64().max(1.0);
        (at.since(self.from).as_secs_f64() / whole).clamp(0.0, 1.0)
    }

    /// Its truth.
    pub(crate) fn truth(&self) -> Truth {
        Truth {
            event: self.number,
            kind: self.kind,
            at: self.at.clone(),
            points: self.points.clone(),
            size: self.size,
            from: self.from.to_string(),
            until: self.until.to_string(),
        }
    }
}

/// Finds what a request means in the town.
pub(crate) fn plan(
    request: &Request,
    number: u32,
    from: Timestamp,
    town: &Town,
    sensors: &[Sensor],
) -> Result<Event, Error> {
    let kind = request.kind;
    let place = request.at.as_deref().unwrap_or(kind.usual_place());
    let (target, at) = match kind {
        EventKind::Burst | EventKind::Leak => broken_main(place, town)?,
        EventKind::BearingWear | EventKind::PumpTrip => pump(place)?,
        EventKind::Stuck | EventKind::Drift | EventKind::Spike | EventKind::Dropout => sensor(place, sensors)?,
        EventKind::Offline => site(place)?,
        EventKind::Overflow => tank(place)?,
        EventKind::ChlorineLoss => match area(place) {
            Some(number) => (Target::Area(number), area_name(number)),
            None if matches_words("Treatment works", place) => (Target::Works, "Treatment works".to_owned()),
            None => return Err(unknown("area or works", place, known_areas() + ", Treatment works")),
        },
    };
    let length = match request.for_secs {
        Some(secs) if secs.is_finite() && secs > 0.0 => Duration::from_secs_f64(secs),
        Some(secs) => return Err(Error::Duration(secs.to_string())),
        None => kind.usual_length(),
    };
    let size = request.size.filter(|size| size.is_finite()).unwrap_or(kind.usual_size());
    let points = moved(kind, target, sensors);
    Ok(Event { number, kind, target, size, from, until: from + length, at, points, held: None })
}

/// The main or area that `place` names; of an area, the main before its critical point.
fn broken_main(place: &str, town: &Town) -> Result<(Target, String), Error> {
    if let Some(number) = area(place) {
        let key = ["A1", "B3", "C6", "D3", "E3"].get(number).copied().unwrap_or("C6");
        let node = town.node(key).unwrap_or(0);
        let street = town
            .mains
            .iter()
            .find(|main| main.link.and_then(|link| town.links.get(link)).is_some_and(|link| link.to == node));
        let street = street.map_or_else(String::new, |main| format!(", {} {}", main.name, main.street));
        return Ok((Target::Node { area: number, node }, area_name(number) + &street));
    }
    let named = town.mains.iter().find(|main| {
        main.name.eq_ignore_ascii_case(place.trim())
            || format!("{} {}", main.name, main.street).eq_ignore_ascii_case(place.trim())
    });
    let found = named.and_then(|main| {
        let link = town.links.get(main.link?)?;
        let node = [link.to, link.from].into_iter().find(|node| {
            town.nodes.get(*node).is_some_and(|node| node.area.is_some() && node.kind == crate::town::NodeKind::Free)
        })?;
        let area = town.nodes.get(node)?.area?;
        Some((Target::Node { area, node }, format!("{}, {} {}", area_name(area), main.name, main.street)))
    });
    found.ok_or_else(|| unknown("area or main inside one", place, known_areas() + ", or a main such as M-43"))
}

fn pump(place: &str) -> Result<(Target, String), Error> {
    let all: Vec<String> = pumps().into_iter().map(|(station, number)| pump_name(station, number)).collect();
    match all.iter().position(|name| matches_words(name, place)) {
        Some(pump) => Ok((Target::Pump(pump), all.get(pump).cloned().unwrap_or_default())),
        None => Err(unknown("pump", place, all.join(", "))),
    }
}

fn sensor(place: &str, sensors: &[Sensor]) -> Result<(Target, String), Error> {
    match sensors.iter().position(|sensor| sensor.id.eq_ignore_ascii_case(place.trim())) {
        Some(found) => {
            let description = sensors.get(found).map_or("", |sensor| sensor.description.as_str());
            Ok((Target::Sensor(found), format!("{}, {description}", place.trim().to_uppercase())))
        }
        None => Err(unknown("sensor", place, "the ids of the plant file, for example FT-01".to_owned())),
    }
}

fn site(place: &str) -> Result<(Target, String), Error> {
    let all = SiteKey::all();
    // `DMA 3` alone means the loggers of that area.
    let by_area = || area(place).and_then(|area| all.iter().position(|site| *site == SiteKey::Area(area)));
    let found = all
        .iter()
        .position(|site| matches_words(&site.name(), place) || site.gateway().eq_ignore_ascii_case(place.trim()))
        .or_else(by_area);
    match found.and_then(|found| Some((found, all.get(found)?))) {
        Some((found, site)) => Ok((Target::Site(found), site.name())),
        None => Err(unknown("site", place, all.iter().map(|site| site.name()).collect::<Vec<_>>().join(", "))),
    }
}

fn tank(place: &str) -> Result<(Target, String), Error> {
    match TANKS.iter().position(|tank| matches_words(tank.name, place)) {
        Some(tank) => Ok((Target::Tank(tank), TANKS.get(tank).map_or("", |spec| spec.name).to_owned())),
        None => Err(unknown("tank", place, TANKS.map(|tank| tank.name).join(", "))),
    }
}

fn area(place: &str) -> Option<usize> {
    let exact = |spec: &crate::town::AreaSpec| {
        let number: String = spec.name.chars().take(5).collect();
        spec.name.eq_ignore_ascii_case(place.trim()) || number.eq_ignore_ascii_case(place.trim())
    };
    let part =
        || AREAS.iter().position(|spec| spec.name.get(6..).is_some_and(|name| name.eq_ignore_ascii_case(place.trim())));
    AREAS.iter().position(exact).or_else(part)
}

fn area_name(area: usize) -> String {
    AREAS.get(area).map_or("", |spec| spec.name).to_owned()
}

fn known_areas() -> String {
    AREAS.each_ref().map(|spec| spec.name).join(", ")
}

/// Whether `place` is the name or its first words, letter case aside.
fn matches_words(name: &str, place: &str) -> bool {
    let (name, place) = (name.to_lowercase(), place.trim().to_lowercase());
    !place.is_empty() && (name == place || name.starts_with(&format!("{place} ")))
}

fn unknown(wanted: &'static str, given: &str, known: String) -> Error {
    Error::Place { wanted, given: given.to_owned(), known }
}

/// The sensors that an event moves or silences most.
fn moved(kind: EventKind, target: Target, sensors: &[Sensor]) -> Vec<String> {
    let of_area = |area: usize, quantities: &[Quantity]| -> Vec<String> {
        let wanted = |sensor: &&Sensor| sensor.site == SiteKey::Area(area) && quantities.contains(&sensor.quantity);
        sensors.iter().filter(wanted).map(|sensor| sensor.id.clone()).collect()
    };
    let by = |wanted: &dyn Fn(Measures) -> bool| -> Vec<String> {
        sensors.iter().filter(|sensor| wanted(sensor.measures)).map(|sensor| sensor.id.clone()).collect()
    };
    match target {
        Target::Node { area, .. } => of_area(area, &[Quantity::Flow, Quantity::Pressure]),
        Target::Area(area) => of_area(area, &[Quantity::Chlorine]),
        Target::Works => by(&|measures| matches!(measures, Measures::Chlorine(_))),
        Target::Pump(pump) if kind == EventKind::BearingWear => by(&|measures| {
            [Measures::Vibration(pump), Measures::Bearing(pump), Measures::Power(pump)].contains(&measures)
        }),
        Target::Pump(pump) => by(&|measures| {
            [Measures::Running(pump), Measures::Tripped(pump), Measures::Power(pump)].contains(&measures)
        }),
        Target::Sensor(sensor) => sensors.get(sensor).map(|sensor| sensor.id.clone()).into_iter().collect(),
        Target::Site(site) => {
            let site = SiteKey::all().get(site).copied();
            sensors.iter().filter(|sensor| Some(sensor.site) == site).map(|sensor| sensor.id.clone()).collect()
        }
        Target::Tank(tank) => by(&|measures| {
            [Measures::Level(tank), Measures::Overflow(tank), Measures::TankInflow(tank)].contains(&measures)
        }),
    }
}

/// Reads a duration such as `90s`, `10m`, `6h` or `7d`.
///
/// # Errors
/// [`Error::Duration`] where it is none.
pub fn parse_duration(text: &str) -> Result<Duration, Error> {
    let bad = || Error::Duration(text.to_owned());
    let trimmed = text.trim();
    let split = trimmed.find(|letter: char| letter.is_ascii_alphabetic()).ok_or_else(bad)?;
    let (number, unit) = trimmed.split_at(split);
    let Ok(number) = number.trim().parse::<f64>() else { return Err(bad()) };
    let secs = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(bad()),
    };
    Duration::try_from_secs_f64(number * secs).ok().filter(|length| !length.is_zero()).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensors::sensors;

    fn planned(kind: EventKind, at: &str) -> Result<Event, Error> {
        let town = Town::nandipur();
        let sensors = sensors(&town).expect("units of the tables");
        plan(&Request::of(kind).at(at), 1, Timestamp::from_secs(0), &town, &sensors)
    }

    #[test]
    fn usual_places_are_found() {
        for kind in EventKind::ALL {
            let event = planned(kind, kind.usual_place()).unwrap_or_else(|error| panic!("{kind}: {error}"));
            assert!(!event.points.is_empty(), "{kind} moves nothing");
            assert_eq!(kind.name().parse::<EventKind>().ok(), Some(kind));
        }
    }

    #[test]
    fn places_are_found_by_the_names_people_use() {
        assert_eq!(
            planned(EventKind::Burst, "dma 3").expect("found").target,
            planned(EventKind::Burst, "Riverside").expect("found").target
        );
        assert_eq!(planned(EventKind::Offline, "GW-PS3").expect("found").at, "PS-3 Hill Road");
        assert_eq!(planned(EventKind::Offline, "DMA 3").expect("found").at, "DMA 3 Riverside network");
        assert_eq!(planned(EventKind::PumpTrip, "PS-2 Pump 3").expect("found").points, ["XS-23", "XA-23", "JT-23"]);
        assert!(planned(EventKind::Burst, "M-40").expect("found").at.starts_with("DMA 3 Riverside, M-40"));
    }

    #[test]
    fn unknown_places_name_the_known_ones() {
        let error = planned(EventKind::Overflow, "Moon").expect_err("no such tank").to_string();
        assert!(error.contains("Fort Hill, Clock Tower"), "{error}");
        let error = "explosion".parse::<EventKind>().expect_err("no such kind").to_string();
        assert!(error.contains("burst, leak"), "{error}");
    }

    #[test]
    fn durations() {
        let check =
            |text: &str, secs: f64| assert_eq!(parse_duration(text).expect(text), Duration::from_secs_f64(secs));
        check("90s", 90.0);
        check("1.5h", 5_400.0);
        check("7d", 604_800.0);
        for bad in ["", "10", "m", "-3s", "5 years", "0s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}

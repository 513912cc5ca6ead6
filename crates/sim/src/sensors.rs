//! The instruments of the town: what each measures, where, in which unit, how exactly, and within which bounds a
//! healthy plant keeps it. Must not know how the values come about or are published.

use penstock_model::{Error, PointRole, Quantity, Timestamp, Unit};

use crate::geo::{Place, corner};
use crate::noise::Noise;
use crate::town::{AREAS, LinkKind, STATIONS, TANKS, Town, WORKS};

/// What an instrument measures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Measures {
    /// Pressure at a node, bar.
    Pressure(usize),
    /// Flow of a link, m³/h.
    Flow(usize),
    /// Sum of flows leaving Fort Hill, m³/h.
    SupplyFlow,
    /// Flow of one pump, m³/h.
    PumpFlow(usize),
    /// Level above the floor of a tank, m.
    Level(usize),
    /// Flow into a tank, m³/h.
    TankInflow(usize),
    /// Flow out of a tank into the network, m³/h.
    TankOutflow(usize),
    /// Whether a tank's overflow runs.
    Overflow(usize),
    /// Level of the river, m.
    RiverLevel,
    /// Residual chlorine at a node, mg/L.
    Chlorine(usize),
    /// Turbidity of the river, NTU.
    RawTurbidity,
    /// Turbidity of treated water leaving the works, NTU.
    TreatedTurbidity,
    /// Turbidity in an area, NTU.
    AreaTurbidity(usize),
    /// pH of the river.
    RawPh,
    /// pH of treated water; the number tells places apart.
    TreatedPh(u64),
    /// Conductivity, µS/cm; the number tells places apart, 0 is the river.
    Conductivity(u64),
    /// Temperature of the water, °C.
    WaterTemperature,
    /// Loss over the filters, bar.
    FilterLoss,
    /// How far an area's inlet valve is open, %.
    Throttle(usize),
    /// How far a tank's inlet valve is open, %.
    Float(usize),
    /// A valve that is shut for good, %.
    Shut,
    /// Whether a pump runs.
    Running(usize),
    /// Whether a pump has tripped.
    Tripped(usize),
    /// Power drawn by a pump, kW.
    Power(usize),
    /// Vibration of a pump, mm/s.
    Vibration(usize),
    /// Temperature of a pump's bearing, °C.
    Bearing(usize),
}

/// A place with a gateway, by its place in the list of sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SiteKey {
    Works,
    Tank(usize),
    Station(usize),
    Area(usize),
}

impl SiteKey {
    /// Every site, the works first.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::Works];
        all.extend((0..TANKS.len()).map(Self::Tank));
        all.extend((0..STATIONS.len()).map(Self::Station));
        all.extend((0..AREAS.len()).map(Self::Area));
        all
    }

    /// Its name, for example `PS-2 Station Road`.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Works => "Treatment works".to_owned(),
            Self::Tank(tank) => TANKS.get(tank).map_or("", |spec| spec.name).to_owned(),
            Self::Station(station) => STATIONS.get(station).map_or("", |spec| spec.name).to_owned(),
            Self::Area(area) => format!("{} network", AREAS.get(area).map_or("", |spec| spec.name)),
        }
    }

    /// The tag of its gateway, for example `GW-PS2`.
    pub(crate) fn gateway(self) -> String {
        match self {
            Self::Works => "GW-WTW".to_owned(),
            Self::Tank(tank) => format!("GW-{}", TANKS.get(tank).map_or("", |spec| spec.tag)),
            Self::Station(station) => format!("GW-{}", STATIONS.get(station).map_or("", |spec| spec.tag)),
            Self::Area(area) => format!("GW-DMA{}", area + 1),
        }
    }

    /// Where it is.
    pub(crate) fn place(self) -> Place {
        let (i, j) = match self {
            Self::Works => WORKS,
            Self::Tank(tank) => TANKS.get(tank).map_or(WORKS, |spec| spec.at),
            Self::Station(station) => STATIONS.get(station).map_or(WORKS, |spec| spec.at),
            Self::Area(0) => (-4.0, 5.0),
            Self::Area(1) => (17.0, 5.0),
            Self::Area(2) => (0.0, 0.0),
            Self::Area(3) => (-13.0, 9.0),
            Self::Area(_) => (17.0, -3.0),
        };
        corner(i, j)
    }
}

/// A pump's place in the list over all stations, and its number there from 1.
pub(crate) fn pumps() -> Vec<(usize, usize)> {
    STATIONS
        .iter()
        .enumerate()
        .flat_map(|(station, spec)| (1..=spec.pumps).map(move |number| (station, number)))
        .collect()
}

/// An instrument. Bounds and values are in the unit that its quantity is usually shown in; what the device speaks is
/// told by `unit`.
#[derive(Debug, Clone)]
pub(crate) struct Sensor {
    pub(crate) id: String,
    pub(crate) description: String,
    pub(crate) quantity: Quantity,
    pub(crate) unit: Unit,
    pub(crate) measures: Measures,
    pub(crate) site: SiteKey,
    pub(crate) area: Option<usize>,
    /// Name of the equipment it belongs to.
    pub(crate) asset: Option<String>,
    pub(crate) role: Option<PointRole>,
    pub(crate) at: Place,
    pub(crate) normal: (f64, f64),
    pub(crate) span: (f64, f64),
    /// LL, L, H, HH.
    pub(crate) limits: [Option<f64>; 4],
    /// Deviation of one reading.
    pub(crate) sigma: f64,
    /// Smallest step that it shows.
    pub(crate) resolution: f64,
}

impl Sensor {
    /// What the instrument shows for a true value: its noise, its steps, the ends of its span.
    pub(crate) fn read(&self, truth: f64, noise: Noise, number: u64, at: Timestamp) -> f64 {
        // Still water and standing machines leave nothing to measure.
        let sigma = if truth == 0.0 { 0.0 } else { self.sigma };
        self.show(truth + sigma * noise.normal(10_000 + number, at.as_micros()))
    }

    /// A value in the steps and within the span of the instrument.
    pub(crate) fn show(&self, value: f64) -> f64 {
        let (low, high) = self.span;
        let stepped = (value.clamp(low, high) / self.resolution).round() * self.resolution;
        // Steps such as 0.1 leave digits far behind the point, and there is no reading of minus zero.
        (stepped * 1e4).round() / 1e4 + 0.0
    }

    /// A value as the device says it, in its own unit.
    pub(crate) fn spoken(&self, shown: f64) -> f64 {
        let usual = self.quantity.display_unit();
        if self.unit == usual { shown } else { (self.unit.from_si(usual.to_si(shown)) * 1e4).round() / 1e4 }
    }
}

/// Bounds of an area's figures: normal inflow, H, HH; normal critical pressure, L, LL; normal chlorine, L, LL.
struct AreaBounds {
    inflow: (f64, f64),
    inflow_high: (f64, f64),
    critical: (f64, f64),
    critical_low: (f64, f64),
    chlorine: (f64, f64),
}

const AREA_BOUNDS: [AreaBounds; 5] = [
    AreaBounds {
        inflow: (50.0, 146.0),
        inflow_high: (172.0, 188.0),
        critical: (2.0, 2.8),
        critical_low: (1.75, 1.3),
        chlorine: (0.28, 0.46),
    },
    AreaBounds {
        inflow: (40.0, 110.0),
        inflow_high: (128.0, 140.0),
        critical: (2.7, 3.3),
        critical_low: (2.2, 1.7),
        chlorine: (0.28, 0.46),
    },
    AreaBounds {
        inflow: (40.0, 105.0),
        inflow_high: (118.0, 126.0),
        critical: (2.7, 3.6),
        critical_low: (2.0, 1.6),
        chlorine: (0.28, 0.46),
    },
    AreaBounds {
        inflow: (25.0, 82.0),
        inflow_high: (98.0, 108.0),
        critical: (2.7, 3.3),
        critical_low: (2.2, 1.7),
        chlorine: (0.28, 0.46),
    },
    AreaBounds {
        inflow: (50.0, 118.0),
        inflow_high: (134.0, 146.0),
        critical: (3.1, 4.1),
        critical_low: (2.5, 2.0),
        chlorine: (0.28, 0.46),
    },
];

/// The digit that an area's tags begin with: DMA 3 came first and has none.
const TENS: [usize; 5] = [10, 20, 0, 40, 50];

/// Every instrument of the town.
///
/// # Errors
/// Where a unit of the tables is not known.
pub(crate) fn sensors(town: &Town) -> Result<Vec<Sensor>, Error> {
    let mut list = List { town, sensors: Vec::new() };
    list.areas()?;
    list.works()?;
    list.tanks()?;
    list.stations()?;
    list.pumps()?;
    Ok(list.sensors)
}

/// Id, description, unit, what it measures, normal band, span, limits.
type Instrument = (&'static str, &'static str, &'static str, Measures, (f64, f64), (f64, f64), [Option<f64>; 4]);

struct List<'a> {
    town: &'a Town,
    sensors: Vec<Sensor>,
}

impl List<'_> {
    fn areas(&mut self) -> Result<(), Error> {
        let town = self.town;
        let place = |key: &str| place_of(town, key);
        for (area, spec) in AREAS.iter().enumerate() {
            let Some(bounds) = AREA_BOUNDS.get(area) else { continue };
            let tens = TENS.get(area).copied().unwrap_or(0);
            let site = SiteKey::Area(area);
            let flow_unit = if area == 3 { "L/s" } else { "m³/h" };
            let (h, hh) = bounds.inflow_high;
            if let Some(link) = self.town.link(LinkKind::Throttle(area)) {
                self.add(format!("FT-{:02}", tens + 1), "Inflow, inlet meter", flow_unit, Measures::Flow(link), site)?
                    .role(PointRole::AreaInflow)
                    .at(place(spec.inlet))
                    .bounds(bounds.inflow, (0.0, 3.0 * bounds.inflow.1), [None, None, Some(h), Some(hh)]);
            }
            if let Some(node) = self.town.node(spec.inlet) {
                self.add(
                    format!("PT-{:02}", tens + 1),
                    "Pressure behind the inlet valve",
                    "bar",
                    Measures::Pressure(node),
                    site,
                )?
                .at(place(spec.inlet).towards(place(spec.critical), 14.0, 0.0))
                .bounds(
                    inlet_pressure(area),
                    (0.0, 10.0),
                    [None, Some(inlet_pressure(area).0 - 0.5), Some(6.5), None],
                );
            }
            self.add(format!("ZT-{:02}", tens + 1), "Inlet valve position", "%", Measures::Throttle(area), site)?
                .asset(format!("CV-{:02}", tens + 1))
                .at(place(spec.inlet).towards(place(spec.critical), 7.0, 0.0))
                .bounds(
                    (spec.throttle_percent - 2.0, spec.throttle_percent + 2.0),
                    (0.0, 100.0),
                    [None, Some(spec.throttle_percent - 12.0), Some(spec.throttle_percent + 12.0), None],
                );
            self.add(format!("TU-{:02}", tens + 1), "Turbidity", "NTU", Measures::AreaTurbidity(area), site)?
                .at(place(quality_nodes(area).0).towards(place(spec.inlet), 18.0, 0.0))
                .bounds((0.2, 0.7), (0.0, 10.0), [None, None, Some(1.0), Some(2.0)]);
            for (offset, (key, street)) in pressure_nodes(area).iter().enumerate() {
                let Some(node) = self.town.node(key) else { continue };
                let critical = *key == spec.critical;
                let number = tens + offset + 2;
                let (l, ll) = bounds.critical_low;
                let added = self
                    .add(
                        format!("PT-{number:02}"),
                        format!("Pressure, {street}"),
                        "bar",
                        Measures::Pressure(node),
                        site,
                    )?
                    .at(place(key));
                if critical {
                    added.role(PointRole::CriticalPressure).describe(format!("Critical pressure, {street}")).bounds(
                        bounds.critical,
                        (0.0, 10.0),
                        [Some(ll), Some(l), None, None],
                    );
                } else {
                    let normal = (bounds.critical.0, bounds.critical.1 + 0.6);
                    added.bounds(normal, (0.0, 10.0), [Some(ll - 0.1), Some(l - 0.1), None, None]);
                }
            }
            let (near, far) = quality_nodes(area);
            for (offset, key) in [near, far].into_iter().enumerate() {
                let Some(node) = self.town.node(key) else { continue };
                let id = chlorine_tag(area, offset);
                let street = street_of(area, key);
                let added = self
                    .add(id, format!("Residual chlorine, {street}"), "mg/L", Measures::Chlorine(node), site)?
                    .at(place(key).towards(place(spec.inlet), 34.0, 0.0))
                    .bounds(bounds.chlorine, (0.0, 5.0), [Some(0.12), Some(0.20), Some(0.80), Some(1.0)]);
                if offset == 0 {
                    added.role(PointRole::AreaChlorine);
                }
            }
            for (offset, (from, to)) in flow_mains(area).iter().enumerate() {
                let Some(link) = self.town.main_between(from, to) else { continue };
                let main = self.town.mains.iter().find(|main| main.link == Some(link));
                let street = main.map_or("", |main| main.street);
                let middle = main.and_then(|main| main.course.get(main.course.len() / 2)).copied();
                let high = bounds.inflow.1 * 0.62;
                self.add(
                    format!("FT-{:02}", tens + 2 + offset),
                    format!("Flow, {street}"),
                    "m³/h",
                    Measures::Flow(link),
                    site,
                )?
                .at(middle.unwrap_or_else(|| place(from)))
                .bounds((0.0, high), (-2.0 * bounds.inflow.1, 2.0 * bounds.inflow.1), [None; 4]);
            }
        }
        self.add("EC-01", "Conductivity, Temple Lane", "µS/cm", Measures::Conductivity(3), SiteKey::Area(2))?
            .at(place("C1").towards(place("C0"), 50.0, 0.0))
            .bounds((380.0, 460.0), (0.0, 2_000.0), [None, Some(320.0), Some(550.0), Some(650.0)]);
        self.add("PH-11", "pH, Tambat Lane", "pH", Measures::TreatedPh(4), SiteKey::Area(0))?
            .at(place("A4").towards(place("A3"), 50.0, 0.0))
            .bounds((7.1, 7.7), (0.0, 14.0), [Some(6.5), Some(6.8), Some(8.0), Some(8.5)]);
        self.add("ZT-34", "Tie valve XV-34 to PS-2, position", "%", Measures::Shut, SiteKey::Area(2))?
            .asset("XV-34".to_owned())
            .at(corner(5.0, 0.5))
            .bounds((-1.0, 2.0), (-5.0, 105.0), [None, None, Some(5.0), None]);
        self.add("ZT-35", "Tie valve XV-35 to DMA 5, position", "%", Measures::Shut, SiteKey::Area(2))?
            .asset("XV-35".to_owned())
            .at(corner(7.2, -6.0))
            .bounds((-1.0, 2.0), (-5.0, 105.0), [None, None, Some(5.0), None]);
        Ok(())
    }

    fn works(&mut self) -> Result<(), Error> {
        let site = SiteKey::Works;
        let asset = || "Treatment works".to_owned();
        let at = |dx: f64, dy: f64| {
            let middle = SiteKey::Works.place();
            Place { x: middle.x + dx, y: middle.y + dy }
        };
        if let Some(link) = self.town.link(LinkKind::Filters) {
            self.add("FT-61", "Flow leaving the works", "m³/h", Measures::Flow(link), site)?
                .asset(asset())
                .role(PointRole::StationFlow)
                .at(at(12.0, 22.0))
                .bounds((310.0, 560.0), (0.0, 1_000.0), [Some(60.0), Some(180.0), Some(740.0), None]);
        }
        if let Some(node) = self.town.node("WOUT") {
            self.add("PT-61", "Pressure leaving the works", "bar", Measures::Pressure(node), site)?
                .asset(asset())
                .role(PointRole::StationPressure)
                .at(at(18.0, 22.0))
                .bounds((2.95, 3.3), (0.0, 10.0), [Some(2.2), Some(2.5), Some(4.0), Some(4.6)]);
            self.add("CL-61", "Residual chlorine leaving the works", "mg/L", Measures::Chlorine(node), site)?
                .asset(asset())
                .at(at(6.0, 22.0))
                .bounds((0.62, 0.82), (0.0, 5.0), [Some(0.35), Some(0.50), Some(1.0), Some(1.4)]);
        }
        let quality: [Instrument; 8] = [
            (
                "TU-60",
                "Raw turbidity",
                "NTU",
                Measures::RawTurbidity,
                (6.0, 26.0),
                (0.0, 400.0),
                [None, None, Some(60.0), Some(120.0)],
            ),
            (
                "TU-61",
                "Treated turbidity",
                "NTU",
                Measures::TreatedTurbidity,
                (0.15, 0.45),
                (0.0, 10.0),
                [None, None, Some(0.8), Some(1.0)],
            ),
            (
                "PH-60",
                "Raw pH",
                "pH",
                Measures::RawPh,
                (7.5, 8.3),
                (0.0, 14.0),
                [Some(6.3), Some(6.8), Some(8.8), Some(9.2)],
            ),
            (
                "PH-61",
                "Treated pH",
                "pH",
                Measures::TreatedPh(1),
                (7.1, 7.7),
                (0.0, 14.0),
                [Some(6.5), Some(6.8), Some(8.0), Some(8.5)],
            ),
            (
                "EC-60",
                "Raw conductivity",
                "µS/cm",
                Measures::Conductivity(0),
                (360.0, 440.0),
                (0.0, 2_000.0),
                [None, Some(300.0), Some(550.0), Some(650.0)],
            ),
            (
                "EC-61",
                "Treated conductivity",
                "µS/cm",
                Measures::Conductivity(1),
                (380.0, 460.0),
                (0.0, 2_000.0),
                [None, Some(320.0), Some(550.0), Some(650.0)],
            ),
            (
                "TT-61",
                "Water temperature",
                "°C",
                Measures::WaterTemperature,
                (21.0, 28.0),
                (0.0, 50.0),
                [None, Some(12.0), Some(34.0), None],
            ),
            (
                "PD-61",
                "Loss over the filters",
                "bar",
                Measures::FilterLoss,
                (0.1, 0.9),
                (0.0, 3.0),
                [None, None, Some(1.3), Some(1.6)],
            ),
        ];
        for (number, (id, description, unit, measures, normal, span, limits)) in quality.into_iter().enumerate() {
            let east = 6.0 * number as f64 - 24.0;
            self.add(id, description, unit, measures, site)?
                .asset(asset())
                .at(at(east, 12.0))
                .bounds(normal, span, limits);
        }
        Ok(())
    }

    fn tanks(&mut self) -> Result<(), Error> {
        for (tank, spec) in TANKS.iter().enumerate() {
            let site = SiteKey::Tank(tank);
            let number = 80 + tank + 1;
            let at = |dx: f64| {
                let middle = site.place();
                Place { x: middle.x + dx, y: middle.y - 10.0 }
            };
            let asset = || spec.name.to_owned();
            let (normal, limits) = level_bounds(tank);
            self.add(format!("LT-{number}"), "Level", "m", Measures::Level(tank), site)?
                .asset(asset())
                .role(PointRole::TankLevel)
                .at(site.place())
                .bounds(normal, (0.0, spec.height_m + 0.5), limits);
            let (inflow, outflow) = tank_flows(tank);
            self.add(format!("FT-{number}"), "Inflow", "m³/h", Measures::TankInflow(tank), site)?
                .asset(asset())
                .at(at(-8.0))
                .bounds(inflow, (0.0, 1_000.0), [None; 4]);
            let outlet = if tank == 0 { Measures::SupplyFlow } else { Measures::TankOutflow(tank) };
            let (name, high) =
                if tank == 0 { ("Flow into supply", Some(760.0)) } else { ("Outflow", Some(outflow.1 * 1.45)) };
            let added = self
                .add(format!("FT-{}", number + 5), name, "m³/h", outlet, site)?
                .asset(asset())
                .at(at(8.0))
                .bounds(outflow, (0.0, 1_500.0), [None, None, high, None]);
            if tank == 0 {
                added.role(PointRole::SupplyInflow);
            }
            if let Some(node) = self.town.node(&format!("{}.out", spec.tag)) {
                self.add(
                    format!("CL-{number}"),
                    "Residual chlorine at the outlet",
                    "mg/L",
                    Measures::Chlorine(node),
                    site,
                )?
                .asset(asset())
                .at(at(14.0))
                .bounds((0.38, 0.63), (0.0, 5.0), [Some(0.18), Some(0.28), Some(0.9), Some(1.2)]);
            }
            self.add(format!("LS-{number}"), "Overflow", "", Measures::Overflow(tank), site)?
                .asset(asset())
                .at(at(0.0))
                .bounds((-0.5, 0.5), (-0.5, 1.5), [None, None, Some(1.0), None]);
            if spec.tower {
                self.add(format!("ZT-{number}"), "Inlet valve position", "%", Measures::Float(tank), site)?
                    .asset(format!("LV-{number}"))
                    .at(at(-14.0))
                    .bounds((-1.0, 101.0), (-5.0, 105.0), [None; 4]);
            }
        }
        let middle = SiteKey::Tank(0).place();
        let more: [Instrument; 3] = [
            (
                "EC-81",
                "Conductivity",
                "µS/cm",
                Measures::Conductivity(2),
                (380.0, 460.0),
                (0.0, 2_000.0),
                [None, Some(320.0), Some(550.0), Some(650.0)],
            ),
            (
                "PH-81",
                "pH",
                "pH",
                Measures::TreatedPh(2),
                (7.1, 7.7),
                (0.0, 14.0),
                [Some(6.5), Some(6.8), Some(8.0), Some(8.5)],
            ),
            (
                "TT-81",
                "Water temperature",
                "°C",
                Measures::WaterTemperature,
                (21.0, 28.0),
                (0.0, 50.0),
                [None, Some(12.0), Some(34.0), None],
            ),
        ];
        for (number, (id, description, unit, measures, normal, span, limits)) in more.into_iter().enumerate() {
            self.add(id, description, unit, measures, SiteKey::Tank(0))?
                .asset("Fort Hill".to_owned())
                .at(Place { x: middle.x + 6.0 * number as f64, y: middle.y + 10.0 })
                .bounds(normal, span, limits);
        }
        Ok(())
    }

    fn stations(&mut self) -> Result<(), Error> {
        for (station, spec) in STATIONS.iter().enumerate() {
            let site = SiteKey::Station(station);
            let number = 71 + station;
            let at = |dx: f64| {
                let middle = site.place();
                Place { x: middle.x + dx, y: middle.y + 16.0 }
            };
            let (flow, pressure, suction) = station_bounds(station);
            if let Some(link) = self.town.link(LinkKind::Pumps(station)) {
                self.add(format!("FT-{number}"), "Flow delivered", "m³/h", Measures::Flow(link), site)?
                    .asset(spec.name.to_owned())
                    .role(PointRole::StationFlow)
                    .at(at(10.0))
                    .bounds(flow.0, (0.0, 1_000.0), flow.1);
            }
            if let Some(node) = self.town.node(spec.delivery) {
                let unit = if station == 2 { "kPa" } else { "bar" };
                self.add(format!("PT-{number}"), "Pressure delivered", unit, Measures::Pressure(node), site)?
                    .asset(spec.name.to_owned())
                    .role(PointRole::StationPressure)
                    .at(at(16.0))
                    .bounds(pressure.0, (0.0, 16.0), pressure.1);
            }
            if station == 0 {
                self.add("LT-71", "River level at the intake", "m", Measures::RiverLevel, site)?
                    .asset(spec.name.to_owned())
                    .at(at(-16.0))
                    .bounds((1.6, 2.9), (0.0, 8.0), [Some(0.7), Some(1.0), Some(4.5), Some(5.5)]);
            } else if let Some(node) = self.town.node(spec.suction) {
                self.add(format!("PT-{}", number + 5), "Suction pressure", "bar", Measures::Pressure(node), site)?
                    .asset(spec.name.to_owned())
                    .at(at(-16.0))
                    .bounds(suction.0, (-1.0, 6.0), suction.1);
            }
        }
        Ok(())
    }

    fn pumps(&mut self) -> Result<(), Error> {
        for (pump, (station, number)) in pumps().into_iter().enumerate() {
            let site = SiteKey::Station(station);
            let tag = 10 * (station + 1) + number;
            let name = pump_name(station, number);
            let place = site.place();
            let at = Place { x: place.x + 12.0 * (number as f64 - 2.0), y: place.y };
            let (power, high) = pump_power(station);
            self.add(format!("XS-{tag}"), format!("Pump {number} running"), "", Measures::Running(pump), site)?
                .asset(name.clone())
                .role(PointRole::PumpRunning)
                .at(at)
                .bounds((-0.5, 1.5), (-0.5, 1.5), [None; 4]);
            self.add(format!("XA-{tag}"), format!("Pump {number} trip"), "", Measures::Tripped(pump), site)?
                .asset(name.clone())
                .at(at)
                .bounds((-0.5, 0.5), (-0.5, 1.5), [None, None, Some(1.0), None]);
            self.add(format!("JT-{tag}"), format!("Pump {number} power"), "kW", Measures::Power(pump), site)?
                .asset(name.clone())
                .role(PointRole::PumpPower)
                .at(at)
                .bounds((0.0, power), (0.0, 2.0 * high), [None, None, Some(high), Some(high * 1.12)]);
            self.add(format!("VT-{tag}"), format!("Pump {number} vibration"), "mm/s", Measures::Vibration(pump), site)?
                .asset(name.clone())
                .at(at)
                .bounds((0.0, 3.2), (0.0, 25.0), [None, None, Some(4.5), Some(7.1)]);
            self.add(
                format!("TT-{tag}"),
                format!("Pump {number} bearing temperature"),
                "°C",
                Measures::Bearing(pump),
                site,
            )?
            .asset(name.clone())
            .at(at)
            .bounds((18.0, 62.0), (0.0, 150.0), [None, None, Some(75.0), Some(85.0)]);
            if station == 1 {
                self.add(
                    format!("FT-9{number}"),
                    format!("Pump {number} flow"),
                    "m³/h",
                    Measures::PumpFlow(pump),
                    site,
                )?
                .asset(name)
                .at(at)
                .bounds((0.0, 280.0), (0.0, 500.0), [None, None, Some(330.0), None]);
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        id: impl Into<String>,
        description: impl Into<String>,
        unit: &str,
        measures: Measures,
        site: SiteKey,
    ) -> Result<&mut Sensor, Error> {
        let unit = Unit::parse(unit)?;
        let quantity = unit.quantity();
        let (sigma, resolution) = exactness(quantity);
        let area = match site {
            SiteKey::Area(area) => Some(area),
            SiteKey::Tank(tank) => TANKS.get(tank).and_then(|spec| spec.area),
            SiteKey::Works | SiteKey::Station(_) => None,
        };
        self.sensors.push(Sensor {
            id: id.into(),
            description: description.into(),
            quantity,
            unit,
            measures,
            site,
            area,
            asset: None,
            role: None,
            at: site.place(),
            normal: (0.0, 1.0),
            span: (0.0, 1.0),
            limits: [None; 4],
            sigma,
            resolution,
        });
        let last = self.sensors.len() - 1;
        self.sensors.get_mut(last).ok_or_else(|| Error::Unit(unit.symbol().to_owned()))
    }
}

fn place_of(town: &Town, key: &str) -> Place {
    town.node(key).and_then(|node| town.nodes.get(node)).map_or_else(|| corner(0.0, 0.0), |node| node.at)
}

impl Sensor {
    fn role(&mut self, role: PointRole) -> &mut Self {
        self.role = Some(role);
        self
    }

    fn at(&mut self, at: Place) -> &mut Self {
        self.at = at;
        self
    }

    fn asset(&mut self, name: String) -> &mut Self {
        self.asset = Some(name);
        self
    }

    fn describe(&mut self, description: String) -> &mut Self {
        self.description = description;
        self
    }

    fn bounds(&mut self, normal: (f64, f64), span: (f64, f64), limits: [Option<f64>; 4]) -> &mut Self {
        self.normal = normal;
        self.span = span;
        self.limits = limits;
        self
    }
}

/// Deviation and smallest step of an instrument, in the usual unit of its quantity.
fn exactness(quantity: Quantity) -> (f64, f64) {
    match quantity {
        Quantity::Flow => (0.35, 0.1),
        Quantity::Pressure | Quantity::Turbidity | Quantity::Ph => (0.008, 0.01),
        Quantity::Level => (0.0015, 0.001),
        Quantity::Chlorine => (0.004, 0.01),
        Quantity::Conductivity => (1.2, 1.0),
        Quantity::Power => (0.12, 0.1),
        Quantity::Vibration => (0.03, 0.01),
        Quantity::Temperature => (0.1, 0.1),
        Quantity::Ratio => (0.12, 0.1),
        _ => (0.0, 1.0),
    }
}

/// Nodes of an area with a pressure logger, and their streets.
fn pressure_nodes(area: usize) -> &'static [(&'static str, &'static str)] {
    match area {
        0 => &[("A1", "Clock Tower Road"), ("A7", "Tambat Lane"), ("A2", "Wada Street"), ("A8", "Court Road")],
        1 => &[("B1", "Platform Road"), ("B4", "Market Yard Road"), ("B8", "Canal Road"), ("B6", "Depot Road")],
        2 => &[
            ("C5", "Weavers Lane"),
            ("C9", "Dhobi Road"),
            ("C7", "Ghat Road"),
            ("C4", "Mango Grove Road"),
            ("C8", "Potters Lane"),
        ],
        3 => &[("D1", "Colony First Cross"), ("D3", "Ridge Road"), ("D4", "Orchard Road")],
        _ => &[("E4", "Gin Lane"), ("E5", "Mill Road"), ("E7", "Warehouse Road")],
    }
}

/// Nodes of an area with a chlorine analyser: the one it is judged by, then another.
fn quality_nodes(area: usize) -> (&'static str, &'static str) {
    match area {
        0 => ("A4", "A5"),
        1 => ("B4", "B7"),
        2 => ("C1", "C7"),
        3 => ("D3", "D5"),
        _ => ("E5", "E4"),
    }
}

/// Mains inside an area with a flow meter.
fn flow_mains(area: usize) -> &'static [(&'static str, &'static str)] {
    match area {
        0 => &[("A0", "A1"), ("A0", "A3")],
        1 => &[("B0", "B1"), ("B0", "B5")],
        2 => &[("C1", "C6"), ("C1", "C2")],
        3 => &[("D0", "D3")],
        _ => &[("E1", "E2")],
    }
}

fn street_of(area: usize, node: &str) -> &'static str {
    match (area, node) {
        (0, "A4") => "Tambat Lane",
        (0, _) => "Wada Street",
        (1, "B4") => "Market Yard Road",
        (1, _) => "College Road",
        (2, "C1") => "Temple Lane",
        (2, _) => "Ghat Road",
        (3, "D3") => "Ridge Road",
        (3, _) => "Orchard Road",
        (_, "E5") => "Mill Road",
        _ => "Gin Lane",
    }
}

/// Tag of an area's chlorine analyser.
fn chlorine_tag(area: usize, offset: usize) -> String {
    // Mill Road's came second in the town, and kept its number.
    let number = match (area, offset) {
        (4, 0) => 2,
        (2, 1) => 3,
        (4, _) => 51,
        _ => TENS.get(area).copied().unwrap_or(0) + offset + 1,
    };
    format!("CL-{number:02}")
}

/// Name of a pump as an asset, for example `PS-2 Pump 3`.
pub(crate) fn pump_name(station: usize, number: usize) -> String {
    let station = STATIONS.get(station).map_or("", |spec| spec.name);
    let short = station.split(' ').next().unwrap_or(station);
    format!("{short} Pump {number}")
}

/// Normal pressure behind an area's inlet valve, bar.
fn inlet_pressure(area: usize) -> (f64, f64) {
    match area {
        0 => (2.6, 3.2),
        1 => (3.1, 3.7),
        2 => (2.9, 3.8),
        3 => (2.9, 3.5),
        _ => (3.0, 3.9),
    }
}

type Bounds = ((f64, f64), [Option<f64>; 4]);

/// Normal level of a tank in m, and its limits.
fn level_bounds(tank: usize) -> Bounds {
    match tank {
        0 => ((2.9, 4.2), [Some(1.2), Some(1.8), Some(4.6), Some(4.85)]),
        _ => ((2.7, 4.5), [Some(1.0), Some(1.5), Some(4.75), Some(4.92)]),
    }
}

/// Normal flow into and out of a tank, m³/h.
fn tank_flows(tank: usize) -> ((f64, f64), (f64, f64)) {
    match tank {
        0 => ((310.0, 560.0), (190.0, 590.0)),
        1 => ((90.0, 290.0), (90.0, 255.0)),
        2 => ((0.0, 125.0), (24.0, 84.0)),
        _ => ((80.0, 250.0), (90.0, 232.0)),
    }
}

/// Flow, delivered pressure and suction pressure of a station.
fn station_bounds(station: usize) -> (Bounds, Bounds, Bounds) {
    match station {
        0 => (
            ((310.0, 560.0), [Some(60.0), Some(180.0), Some(740.0), None]),
            ((3.5, 4.4), [Some(2.8), Some(3.1), Some(5.2), Some(5.8)]),
            ((0.0, 1.0), [None; 4]),
        ),
        1 => (
            ((180.0, 480.0), [Some(60.0), Some(120.0), Some(680.0), None]),
            ((4.0, 4.9), [Some(2.8), Some(3.2), Some(5.4), Some(5.8)]),
            ((2.0, 2.5), [Some(0.5), Some(0.8), None, None]),
        ),
        _ => (
            ((0.0, 130.0), [None, None, Some(150.0), None]),
            ((4.9, 5.3), [Some(3.2), Some(3.8), Some(6.2), Some(6.8)]),
            ((0.5, 0.8), [Some(0.0), Some(0.1), None, None]),
        ),
    }
}

/// Highest normal power of a pump of a station and its H limit, kW.
fn pump_power(station: usize) -> (f64, f64) {
    match station {
        0 => (54.0, 60.0),
        1 => (24.0, 28.0),
        _ => (25.0, 30.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_150_with_ids_of_their_own() {
        let sensors = sensors(&Town::nandipur()).expect("units of the tables");
        assert_eq!(sensors.len(), 150);
        let mut ids: Vec<&str> = sensors.iter().map(|sensor| sensor.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 150);
    }

    #[test]
    fn readings_come_in_steps_and_stay_in_the_span() {
        let all = sensors(&Town::nandipur()).expect("units of the tables");
        let flow = all.iter().find(|sensor| sensor.id == "FT-01").expect("listed");
        assert_eq!(flow.show(84.2499), 84.2);
        assert_eq!(flow.show(-3.0), 0.0);
        assert!(flow.show(1e9) < 1_000.0);
        let slow = all.iter().find(|sensor| sensor.id == "FT-41").expect("listed");
        assert_eq!(slow.unit.symbol(), "L/s");
        assert!((slow.spoken(36.0) - 10.0).abs() < 1e-9);
    }
}

//! The town in motion: one step after the other, from demand over pumps, pressures and tanks to what the instruments
//! show. Must not know who listens. The same seed, start, steps and events give the same readings.

use std::time::Duration;

use penstock_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::demand;
use crate::events::{Event, EventKind, Request, Target, Truth, plan};
use crate::network::{Boundary, Curve, Hydraulics, get, set};
use crate::noise::Noise;
use crate::pumps::{self, Pump};
use crate::quality::{Chlorine, Mixing, Passage};
use crate::sensors::{Measures, Sensor, SiteKey, sensors};
use crate::tanks::{self, Tank};
use crate::town::{AREAS, LinkKind, NodeKind, STATIONS, TANKS, Town};

/// The longest step that the town is solved for at once.
const LONGEST_STEP: Duration = Duration::from_secs(60);
/// Seconds in which a main breaks open.
const BURST_SECS: f64 = 90.0;
/// Metres of pressure that leaks and breaks are rated at.
const RATED_METRES: f64 = 30.0;

/// What of the town lasts from one run to the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    seed: u64,
    now: Timestamp,
    tanks: Vec<Tank>,
    pumps: Vec<Pump>,
    wanted: Vec<usize>,
    chlorine: Chlorine,
    stirred: Vec<f64>,
    events: Vec<Event>,
    next_event: u32,
}

/// What went where since a moment, m³: to check that no water appears or vanishes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ledger {
    /// Into each area.
    pub area_in: [f64; 5],
    /// Used in each area.
    pub area_used: [f64; 5],
    /// Lost in each area by leaks and breaks.
    pub area_lost: [f64; 5],
    /// Into each tank.
    pub tank_in: [f64; 4],
    /// Out of each tank into mains.
    pub tank_out: [f64; 4],
    /// Over each tank's overflow.
    pub tank_over: [f64; 4],
}

/// One reading of an instrument.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The instrument, by its place in [`Simulator::sensor_ids`].
    pub sensor: usize,
    /// When, in the plant's time.
    pub at: Timestamp,
    /// The value in the unit that the device speaks.
    pub value: f64,
}

/// The town in motion.
#[derive(Debug, Clone)]
pub struct Simulator {
    town: Town,
    sensors: Vec<Sensor>,
    noise: Noise,
    mixing: Mixing,
    hydraulics: Hydraulics,
    state: State,
    ledger: Ledger,
    /// Share of its wanted use that each node got in the last step.
    served: Vec<f64>,
    /// What each node draws at this moment, m³/s.
    drawn: Vec<f64>,
}

impl Simulator {
    /// The town as it stands at `start`, run in for a while so that nothing has to settle.
    ///
    /// # Errors
    /// [`Error::Model`] where the town's tables are wrong.
    pub fn new(seed: u64, start: Timestamp) -> Result<Self, Error> {
        let lead = Duration::from_secs(2 * 86_400);
        let town = Town::nandipur();
        let state = State {
            seed,
            now: start - lead,
            tanks: tanks::all(),
            pumps: pumps::all(),
            wanted: vec![1; STATIONS.len()],
            chlorine: Chlorine::first(&town),
            stirred: vec![0.0; AREAS.len()],
            events: Vec::new(),
            next_event: 1,
        };
        let mut simulator = Self::from_state(state)?;
        simulator.advance(start);
        simulator.ledger = Ledger::default();
        Ok(simulator)
    }

    /// Goes on from a state that was kept.
    ///
    /// # Errors
    /// [`Error::Model`] where the town's tables are wrong.
    pub fn from_state(state: State) -> Result<Self, Error> {
        let town = Town::nandipur();
        let sensors = sensors(&town)?;
        let mut simulator = Self {
            noise: Noise::new(state.seed),
            mixing: Mixing::new(&town),
            hydraulics: Hydraulics::new(&town),
            served: vec![1.0; town.nodes.len()],
            drawn: vec![0.0; town.nodes.len()],
            ledger: Ledger::default(),
            town,
            sensors,
            state,
        };
        simulator.settle();
        Ok(simulator)
    }

    /// What lasts.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The present, in the plant's time.
    pub const fn now(&self) -> Timestamp {
        self.state.now
    }

    /// What went where since the simulator began.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What each tank holds, m³.
    pub fn tank_volumes(&self) -> Vec<f64> {
        self.state.tanks.iter().map(|tank| tank.volume_m3).collect()
    }

    /// The instruments' ids, in the order that readings name them by.
    pub fn sensor_ids(&self) -> impl Iterator<Item = &str> {
        self.sensors.iter().map(|sensor| sensor.id.as_str())
    }

    /// The instruments.
    pub(crate) fn sensors(&self) -> &[Sensor] {
        &self.sensors
    }

    /// The gateways' tags, each with whether it is online now.
    pub fn gateways(&self) -> Vec<(String, bool)> {
        let sites = SiteKey::all().into_iter().enumerate();
        sites.map(|(site, key)| (key.gateway(), !self.is_offline(site))).collect()
    }

    /// The truth about every event so far, past and to come.
    pub fn truths(&self) -> Vec<Truth> {
        self.state.events.iter().map(Event::truth).collect()
    }

    /// Lets something go wrong at `from`, in the plant's time.
    ///
    /// # Errors
    /// [`Error::Place`] where the place does not suit, [`Error::Duration`] where the length is none.
    pub fn schedule(&mut self, request: &Request, from: Timestamp) -> Result<Truth, Error> {
        let event = plan(request, self.state.next_event, from, &self.town, &self.sensors)?;
        self.state.next_event += 1;
        let truth = event.truth();
        self.state.events.push(event);
        Ok(truth)
    }

    /// Ends an event now; whether there was one to end.
    pub fn end(&mut self, number: u32) -> bool {
        let now = self.state.now;
        let found = self.state.events.iter_mut().find(|event| event.number == number && event.until > now);
        match found {
            Some(event) => {
                event.until = now;
                event.from = event.from.min(now);
                true
            }
            None => false,
        }
    }

    /// Moves the town on to `to`, in steps of a minute at most.
    pub fn advance(&mut self, to: Timestamp) {
        while self.state.now < to {
            self.step(to.since(self.state.now).min(LONGEST_STEP));
        }
    }

    /// Moves the town on by `by`, as one step.
    pub fn step(&mut self, by: Duration) {
        let secs = by.as_secs_f64();
        self.control();
        self.solve();
        self.account(secs);
        self.fill_tanks(secs);
        self.carry_chlorine(secs);
        self.warm_bearings(secs);
        self.stir(secs);
        self.state.now = self.state.now + by;
    }

    /// What an instrument shows now; nothing where it or its gateway is silent.
    pub fn read(&mut self, sensor: usize) -> Option<Reading> {
        let at = self.state.now;
        let spec = self.sensors.get(sensor)?;
        let site = SiteKey::all().iter().position(|site| *site == spec.site)?;
        if self.is_offline(site) {
            return None;
        }
        let width = spec.normal.1 - spec.normal.0;
        let mut shown = spec.read(self.truth(spec.measures), self.noise, sensor as u64, at);
        for event in &mut self.state.events {
            if event.target != Target::Sensor(sensor) || !event.is_on(at) {
                continue;
            }
            match event.kind {
                EventKind::Dropout => return None,
                EventKind::Stuck => shown = *event.held.get_or_insert(shown),
                EventKind::Drift => shown = spec.show(shown + event.size * width * event.progress(at)),
                EventKind::Spike => shown = spec.show(shown + event.size * width),
                _ => {}
            }
        }
        Some(Reading { sensor, at, value: spec.spoken(shown) })
    }

    /// What every instrument shows now, the silent ones left out.
    pub fn read_all(&mut self) -> Vec<Reading> {
        (0..self.sensors.len()).filter_map(|sensor| self.read(sensor)).collect()
    }

    /// Brings flows in line with the state without letting time pass.
    fn settle(&mut self) {
        self.control();
        self.solve();
    }

    fn is_offline(&self, site: usize) -> bool {
        self.active().any(|event| event.kind == EventKind::Offline && event.target == Target::Site(site))
    }

    fn active(&self) -> impl Iterator<Item = &Event> {
        let now = self.state.now;
        self.state.events.iter().filter(move |event| event.is_on(now))
    }

    fn filling(&self, tank: usize) -> f64 {
        match (self.state.tanks.get(tank), TANKS.get(tank)) {
            (Some(tank), Some(spec)) => tank.filling(spec),
            _ => 0.0,
        }
    }

    fn fillings(&self) -> [f64; 4] {
        [self.filling(0), self.filling(1), self.filling(2), self.filling(3)]
    }

    fn level(&self, tank: usize) -> f64 {
        match (self.state.tanks.get(tank), TANKS.get(tank)) {
            (Some(tank), Some(spec)) => tank.level_m(spec),
            _ => 0.0,
        }
    }

    fn overflows(&self, tank: usize) -> bool {
        self.active().any(|event| event.kind == EventKind::Overflow && event.target == Target::Tank(tank))
    }

    /// Which pumps run, by the levels of the tanks and what has gone wrong.
    fn control(&mut self) {
        let now = self.state.now;
        let fillings = self.fillings();
        let suction_ok = self.level(0) > 0.4;
        let day = demand::duty_day(now);
        let tripped: Vec<Target> =
            self.active().filter(|event| event.kind == EventKind::PumpTrip).map(|event| event.target).collect();
        let wear: Vec<(Target, f64)> = self
            .state
            .events
            .iter()
            .filter(|event| event.kind == EventKind::BearingWear && event.is_on(now))
            .map(|event| (event.target, event.size * event.progress(now)))
            .collect();
        for (number, pump) in self.state.pumps.iter_mut().enumerate() {
            pump.tripped = tripped.contains(&Target::Pump(number));
            pump.wear = wear.iter().filter(|(target, _)| *target == Target::Pump(number)).map(|(_, wear)| *wear).sum();
        }
        let forced = [self.overflows(0), self.overflows(1) || self.overflows(3), self.overflows(2)];
        for (station, spec) in STATIONS.iter().enumerate() {
            let before = self.state.wanted.get(station).copied().unwrap_or(0);
            let mut wanted = pumps::wanted(station, before, &fillings, station == 0 || suction_ok);
            if forced.get(station).copied().unwrap_or(false) {
                wanted = spec.pumps;
            }
            if let Some(slot) = self.state.wanted.get_mut(station) {
                *slot = wanted;
            }
            pumps::assign(&mut self.state.pumps, station, wanted, day);
        }
    }

    /// Flows and heads of this moment.
    fn solve(&mut self) {
        let boundary = self.boundary();
        self.hydraulics.solve(&boundary);
        self.drawn = boundary.demand;
        for (node, spec) in self.town.nodes.iter().enumerate() {
            // A tap gives less below 8 m. Half of the way in each step: the pressure answers to what is drawn.
            let goal = (self.hydraulics.pressure(node) / 8.0).clamp(0.0, 1.0).sqrt();
            if spec.share > 0.0 {
                let served = get(&self.served, node);
                set(&mut self.served, node, served + 0.5 * (goal - served));
            }
        }
    }

    fn boundary(&self) -> Boundary {
        let now = self.state.now;
        let nodes = self.town.nodes.len();
        let mut boundary = Boundary {
            heads: vec![f64::NAN; nodes],
            demand: vec![0.0; nodes],
            leak: vec![0.0; nodes],
            breaks: vec![0.0; nodes],
            curves: self.town.links.iter().map(|link| self.curve(link.kind)).collect(),
        };
        let usage: Vec<f64> = (0..AREAS.len()).map(|area| demand::of_area(area, now, self.noise)).collect();
        for (node, spec) in self.town.nodes.iter().enumerate() {
            let head = match spec.kind {
                NodeKind::Free => f64::NAN,
                NodeKind::River => spec.ground_m + self.river_level() - 2.2,
                NodeKind::TankInlet(tank) => spec.ground_m + TANKS.get(tank).map_or(5.0, |spec| spec.height_m) + 0.3,
                NodeKind::TankOutlet(tank) => spec.ground_m + self.level(tank),
            };
            set(&mut boundary.heads, node, head);
            let Some(area) = spec.area else { continue };
            set(&mut boundary.demand, node, get(&usage, area) * spec.share * get(&self.served, node));
            let leak = AREAS.get(area).map_or(0.0, |area| area.leak_m3h) * spec.share;
            set(&mut boundary.leak, node, leak / 3_600.0 / RATED_METRES);
        }
        for event in self.active() {
            let Target::Node { node, .. } = event.target else { continue };
            let open = match event.kind {
                EventKind::Burst => (now.since(event.from).as_secs_f64() / BURST_SECS).clamp(0.05, 1.0),
                EventKind::Leak => event.progress(now),
                _ => continue,
            };
            let size = event.size.max(0.0) * open / 3_600.0 / RATED_METRES.sqrt();
            let before = get(&boundary.breaks, node);
            set(&mut boundary.breaks, node, before + size);
        }
        boundary
    }

    fn curve(&self, link: LinkKind) -> Curve {
        match link {
            LinkKind::Main { resistance, .. } => Curve::Main(resistance),
            LinkKind::Pumps(station) => {
                let running = self.state.pumps.iter().filter(|pump| pump.station == station && pump.running).count();
                let wanted = self.state.wanted.get(station).copied().unwrap_or(0);
                let speed = pumps::speed(station, wanted, &self.fillings());
                match STATIONS.get(station) {
                    Some(spec) if running > 0 => Curve::Pump {
                        shutoff: spec.shutoff_m * speed * speed,
                        slope: spec.slope / (running * running) as f64,
                    },
                    _ => Curve::Shut,
                }
            }
            LinkKind::Filters => Curve::Local(300.0 * (1.0 + 0.16 * self.noise.smooth(31, self.state.now, 90_000.0))),
            LinkKind::Throttle(area) => match AREAS.get(area) {
                Some(spec) => valve(spec.throttle, tanks::outlet_opening(self.level(spec.tank))),
                None => Curve::Shut,
            },
            LinkKind::Float(tank) => valve(280.0, self.float_opening(tank)),
        }
    }

    fn float_opening(&self, tank: usize) -> f64 {
        if self.overflows(tank) { 1.0 } else { tanks::inlet_opening(self.filling(tank)) }
    }

    fn account(&mut self, secs: f64) {
        for area in 0..AREAS.len() {
            let Some(inlet) = self.town.link(LinkKind::Throttle(area)) else { continue };
            let entered = get(&self.hydraulics.flows, inlet) * secs;
            let (mut used, mut lost) = (0.0, 0.0);
            for (node, spec) in self.town.nodes.iter().enumerate() {
                if spec.area == Some(area) {
                    used += get(&self.drawn, node) * secs;
                    lost += (get(&self.hydraulics.leaked, node) + get(&self.hydraulics.broken, node)) * secs;
                }
            }
            if let (Some(a), Some(b), Some(c)) = (
                self.ledger.area_in.get_mut(area),
                self.ledger.area_used.get_mut(area),
                self.ledger.area_lost.get_mut(area),
            ) {
                *a += entered;
                *b += used;
                *c += lost;
            }
        }
    }

    fn fill_tanks(&mut self, secs: f64) {
        for (tank, spec) in TANKS.iter().enumerate() {
            let (inflow, outflow) = (self.tank_inflow(tank), self.tank_outflow(tank));
            let Some(held) = self.state.tanks.get_mut(tank) else { continue };
            held.pass(spec, inflow, outflow, secs);
            if let (Some(a), Some(b), Some(c)) = (
                self.ledger.tank_in.get_mut(tank),
                self.ledger.tank_out.get_mut(tank),
                self.ledger.tank_over.get_mut(tank),
            ) {
                *a += inflow * secs;
                *b += outflow * secs;
                *c += held.overflow_m3s * secs;
            }
        }
    }

    /// Flow into a tank, m³/s.
    fn tank_inflow(&self, tank: usize) -> f64 {
        self.flow_at(NodeKind::TankInlet(tank), |link| link.to)
    }

    /// Flow out of a tank into mains, m³/s.
    fn tank_outflow(&self, tank: usize) -> f64 {
        self.flow_at(NodeKind::TankOutlet(tank), |link| link.from)
    }

    fn flow_at(&self, kind: NodeKind, end: impl Fn(&crate::town::Link) -> usize) -> f64 {
        let at = |node: usize| self.town.nodes.get(node).is_some_and(|node| node.kind == kind);
        let links = self.town.links.iter().enumerate().filter(|(_, link)| at(end(link)));
        links.map(|(link, _)| get(&self.hydraulics.flows, link)).sum()
    }

    fn carry_chlorine(&mut self, secs: f64) {
        let mut dose = 0.72 + 0.025 * self.noise.smooth(41, self.state.now, 14_000.0);
        let mut extra = [0.0; 5];
        for event in self.active().filter(|event| event.kind == EventKind::ChlorineLoss) {
            let lost = event.size.clamp(0.0, 1.0);
            match event.target {
                Target::Works => dose *= 1.0 - lost,
                // What uses up most of it within the quarter of an hour that a main holds its water.
                Target::Area(area) => {
                    if let Some(extra) = extra.get_mut(area) {
                        *extra += lost / 240.0;
                    }
                }
                _ => {}
            }
        }
        self.state.chlorine.pass(&Passage {
            town: &self.town,
            mixing: &self.mixing,
            hydraulics: &self.hydraulics,
            tanks: &self.state.tanks,
            dose,
            extra,
            secs,
        });
    }

    fn warm_bearings(&mut self, secs: f64) {
        let ambient = self.ambient();
        let powers: Vec<f64> = (0..self.state.pumps.len()).map(|pump| self.power(pump)).collect();
        for (pump, power) in self.state.pumps.iter_mut().zip(powers) {
            let goal = pumps::bearing_goal(pump, ambient, power);
            pump.bearing_celsius += (goal - pump.bearing_celsius) * (1.0 - (-secs / 1_500.0).exp());
        }
    }

    /// What a break stirs up in the mains of its area settles within an hour or so.
    fn stir(&mut self, secs: f64) {
        let torn: Vec<f64> = (0..AREAS.len())
            .map(|area| {
                let nodes = self.town.nodes.iter().enumerate().filter(|(_, node)| node.area == Some(area));
                nodes.map(|(node, _)| get(&self.hydraulics.broken, node)).sum::<f64>() * 3_600.0
            })
            .collect();
        for (stirred, torn) in self.state.stirred.iter_mut().zip(torn) {
            let goal = (torn / 60.0).min(3.0);
            *stirred += (goal - *stirred) * (1.0 - (-secs / 2_400.0).exp());
        }
    }

    /// Temperature of the air in the pump houses, °C.
    fn ambient(&self) -> f64 {
        let (secs, _) = demand::local(self.state.now);
        let day = ((secs / 86_400.0 - 0.625) * std::f64::consts::TAU).cos();
        26.0 + 4.5 * day + 1.5 * self.noise.smooth(51, self.state.now, 150_000.0)
    }

    fn river_level(&self) -> f64 {
        2.2 + 0.35 * self.noise.smooth(52, self.state.now, 260_000.0)
            + 0.02 * self.noise.smooth(53, self.state.now, 900.0)
    }

    fn water_temperature(&self) -> f64 {
        24.2 + 1.1 * self.noise.smooth(54, self.state.now, 200_000.0)
    }

    /// Running pumps of a station.
    fn running(&self, station: usize) -> usize {
        self.state.pumps.iter().filter(|pump| pump.station == station && pump.running).count()
    }

    /// Flow of one pump, m³/h.
    fn pump_flow(&self, pump: usize) -> f64 {
        let Some(pump) = self.state.pumps.get(pump).filter(|pump| pump.running) else { return 0.0 };
        let link = self.town.link(LinkKind::Pumps(pump.station));
        let flow = link.map_or(0.0, |link| get(&self.hydraulics.flows, link)).max(0.0);
        flow * 3_600.0 / self.running(pump.station).max(1) as f64
    }

    /// Power that a pump draws, kW.
    fn power(&self, pump: usize) -> f64 {
        let Some(state) = self.state.pumps.get(pump).filter(|pump| pump.running) else { return 0.0 };
        let ends = self.town.link(LinkKind::Pumps(state.station)).and_then(|link| self.town.links.get(link));
        let lift =
            ends.map_or(0.0, |ends| get(&self.hydraulics.heads, ends.to) - get(&self.hydraulics.heads, ends.from));
        pumps::power_kw(state.station, self.pump_flow(pump), lift, state.wear)
    }

    /// What is true of a measured thing, in the usual unit of its quantity.
    fn truth(&self, measures: Measures) -> f64 {
        let now = self.state.now;
        let smooth = |stream: u64, period: f64| self.noise.smooth(stream, now, period);
        let cubic = |flow: f64| flow * 3_600.0;
        let bar = |metres: f64| metres / 10.197;
        let pump = |pump: usize| self.state.pumps.get(pump);
        match measures {
            Measures::Pressure(node) => bar(self.hydraulics.pressure(node)),
            Measures::Flow(link) => cubic(get(&self.hydraulics.flows, link)),
            Measures::SupplyFlow => cubic(self.tank_outflow(0)),
            Measures::PumpFlow(pump) => self.pump_flow(pump),
            Measures::Level(tank) => self.level(tank),
            Measures::TankInflow(tank) => cubic(self.tank_inflow(tank)),
            Measures::TankOutflow(tank) => cubic(self.tank_outflow(tank)),
            Measures::Overflow(tank) => {
                f64::from(u8::from(self.state.tanks.get(tank).is_some_and(|tank| tank.overflow_m3s > 0.0)))
            }
            Measures::RiverLevel => self.river_level(),
            Measures::Chlorine(node) => get(&self.state.chlorine.nodes, node),
            Measures::RawTurbidity => 14.0 + 5.0 * smooth(61, 130_000.0) + 1.2 * smooth(62, 5_000.0),
            Measures::TreatedTurbidity => 0.28 + 0.06 * smooth(63, 40_000.0) + 0.025 * smooth(64, 2_500.0),
            Measures::AreaTurbidity(area) => {
                let stream = 65 + area as u64;
                0.38 + 0.07 * smooth(stream, 50_000.0)
                    + 0.03 * smooth(stream + 10, 1_800.0)
                    + get(&self.state.stirred, area)
            }
            Measures::RawPh => 7.92 + 0.13 * smooth(81, 60_000.0),
            Measures::TreatedPh(place) => 7.42 + 0.09 * smooth(82, 60_000.0) + 0.03 * smooth(83 + place, 20_000.0),
            Measures::Conductivity(0) => 402.0 + 16.0 * smooth(91, 170_000.0),
            Measures::Conductivity(place) => 420.0 + 16.0 * smooth(91, 170_000.0) + 4.0 * smooth(92 + place, 30_000.0),
            Measures::WaterTemperature => self.water_temperature(),
            Measures::FilterLoss => {
                let loss = |key: &str| self.town.node(key).map_or(0.0, |node| get(&self.hydraulics.heads, node));
                bar(loss("WIN") - loss("WOUT"))
            }
            Measures::Throttle(area) => AREAS.get(area).map_or(0.0, |spec| spec.throttle_percent),
            Measures::Float(tank) => 100.0 * self.float_opening(tank),
            Measures::Shut => 0.0,
            Measures::Running(number) => f64::from(u8::from(pump(number).is_some_and(|pump| pump.running))),
            Measures::Tripped(number) => f64::from(u8::from(pump(number).is_some_and(|pump| pump.tripped))),
            Measures::Power(pump) => self.power(pump),
            Measures::Vibration(number) => {
                pump(number).map_or(0.0, |pump| pumps::vibration(pump, self.pump_flow(number)))
            }
            Measures::Bearing(number) => pump(number).map_or(0.0, |pump| pump.bearing_celsius),
        }
    }
}

/// A valve that loses `r` × Q² when open, and more as it shuts.
fn valve(r: f64, opening: f64) -> Curve {
    if opening < 0.02 { Curve::Shut } else { Curve::Local(r / (opening * opening)) }
}

//! The demo town as a judge: its simulator lets every kind of event happen, one at a time, and what the detectors of
//! each site say meanwhile is held against the truth. No broker, no clock: seed in, figures out.
//!
//! A town is watched for 14 days in peace, every instrument once a minute: that is the stretch to fit on. After a
//! further day each kind of event happens once, in an order, at a place and of a size that chance draws; the sizes
//! below were fixed before any detector was tuned on the town, and seeds 1 to 99 are those to tune on. An event is
//! found where, while it lasts, one of the instruments that it moves or silences raises an alarm, or the alarm of a
//! site names one of them first. For 12 hours behind each event the town settles; the 12 hours after those are counted
//! for false alarms.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use penstock_model::{PlantFile, Point, PointRole, Quantity, SiteKind, Timestamp};
use penstock_sim::{EventKind, Request, Simulator, Truth, plant_file};
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::contender::{Contender, Finding, Judged};
use crate::report::{Figure, Reach};
use crate::table::{Column, Outcome, median};

pub(crate) const SET: &str = "demo";

/// Seeds that nothing was tuned on.
pub(crate) const SEEDS: RangeInclusive<u64> = 201..=220;

const ROW: Duration = Duration::from_secs(60);
const FIT_ROWS: u32 = 14 * 1_440;
const LEAD: Duration = Duration::from_secs(86_400);
const SETTLING: Duration = Duration::from_secs(12 * 3_600);
const QUIET: Duration = Duration::from_secs(12 * 3_600);
/// Alarmed rows this close together are one episode.
const MERGED_ROWS: u64 = 10;
/// An instrument that held one value for so many rows shows nothing that could be held longer.
const MOVING_ROWS: u64 = 60;

/// How large and how long: size from and to in the kind's own unit.
const fn magnitude(kind: EventKind) -> (f64, f64, Duration) {
    let (from, to, minutes) = match kind {
        // m³/h at 3 bar, of areas that take 40 to 150.
        EventKind::Burst => (60.0, 150.0, 120),
        EventKind::Leak => (10.0, 18.0, 4 * 1_440),
        // 1 is a bearing that is gone.
        EventKind::BearingWear => (0.7, 1.0, 9 * 1_440),
        // Widths of the instrument's normal band.
        EventKind::Drift => (1.0, 2.0, 720),
        EventKind::Spike => (2.0, 4.0, 1),
        // Share lost.
        EventKind::ChlorineLoss => (0.7, 1.0, 360),
        EventKind::Stuck => (1.0, 1.0, 240),
        EventKind::Dropout => (1.0, 1.0, 30),
        EventKind::Offline => (1.0, 1.0, 20),
        EventKind::Overflow => (1.0, 1.0, 360),
        EventKind::PumpTrip => (1.0, 1.0, 120),
    };
    (from, to, Duration::from_secs(60 * minutes))
}

/// What one contender made of every town.
#[derive(Default)]
struct Account {
    kinds: BTreeMap<EventKind, Vec<Suffered>>,
    /// False alarms of each instrument, and of the sites as assets.
    instrument_episodes: Vec<usize>,
    site_episodes: usize,
    /// Days counted for them.
    days: f64,
}

/// One event, as one contender saw it.
#[derive(Debug, Clone, PartialEq)]
struct Suffered {
    /// Instruments that it moved or silenced.
    own: Vec<usize>,
    /// From its beginning until it was told of; none where it never was.
    delay_secs: Option<f64>,
}

/// Judges contenders on the towns of some seeds: their figures, in the same order.
pub(crate) fn judge(contenders: &[Contender], seeds: RangeInclusive<u64>) -> Outcome<Vec<Vec<Figure>>> {
    let file = plant_file()?;
    let mut accounts: Vec<Account> = contenders.iter().map(|_| Account::default()).collect();
    for seed in seeds {
        Town::new(&file, seed, contenders)?.live(&mut accounts)?;
    }
    Ok(accounts.iter().map(figures).collect())
}

fn figures(account: &Account) -> Vec<Figure> {
    let a_day = |episodes: usize| (account.days > 0.0).then(|| episodes as f64 / account.days);
    let episodes = |instrument: usize| account.instrument_episodes.get(instrument).copied().unwrap_or(0);
    let mut figures = Vec::new();
    for (kind, events) in &account.kinds {
        let (from, to, lasting) = magnitude(*kind);
        let size = if from < to { format!(" of {from} to {to},") } else { String::new() };
        let what = match lasting.as_secs() / 60 {
            minutes @ ..60 => format!("{kind}{size} {minutes} min"),
            minutes => format!("{kind}{size} {} h", minutes / 60),
        };
        let delays: Vec<f64> = events.iter().filter_map(|event| Some(event.delay_secs? / 60.0)).collect();
        // What the false alarms of the same instruments would have hit, were they spread evenly over time.
        let days = lasting.as_secs_f64() / 86_400.0;
        let missed_by_chance = events.iter().filter_map(|event| {
            let hits = a_day(event.own.iter().map(|instrument| episodes(*instrument)).sum())? * days;
            Some((-hits).exp())
        });
        let by_chance = 1.0 - missed_by_chance.sum::<f64>() / events.len() as f64;
        figures.extend([
            Figure::found(SET, what, delays.len(), events.len()).reach(Reach::AtLeast(0.9)),
            Figure::number(SET, "  median delay", median(delays)).unit(" min"),
            Figure::number(SET, "  share that false alarms alone would find", Some(by_chance)),
        ]);
    }
    let instruments = account.instrument_episodes.len();
    let of_points = a_day(account.instrument_episodes.iter().sum());
    figures.extend([
        Figure::number(SET, "false alarms a point's day", of_points.map(|alarms| alarms / instruments as f64)),
        Figure::number(SET, "false alarms of all sites, a day of the town", a_day(account.site_episodes)),
    ]);
    figures
}

/// A town with those who watch it.
struct Town<'a> {
    file: &'a PlantFile,
    simulator: Simulator,
    chance: ChaCha8Rng,
    /// By instrument of the simulator.
    points: Vec<Option<&'a Point>>,
    /// What each shows, in SI; NaN where it is silent.
    shown: Vec<f64>,
    /// The row in which each last showed something else than before.
    moved: Vec<u64>,
    row: u64,
    watches: Vec<Watch>,
}

/// One contender in a town.
struct Watch {
    sites: Vec<Site>,
    /// By instrument: whether it is in alarm, and how often it was when nothing was wrong.
    instruments: Vec<Episodes>,
}

/// The instruments of one site as one asset.
struct Site {
    instruments: Vec<usize>,
    judged: Box<dyn Judged>,
    values: Vec<f64>,
    findings: Vec<Finding>,
    episodes: Episodes,
}

/// Counts episodes of alarm.
#[derive(Clone, Copy, Default)]
struct Episodes {
    last: Option<u64>,
    count: usize,
}

/// What rows are for.
enum Purpose<'a> {
    Fit,
    Nothing,
    FalseAlarms,
    /// Which instruments an event moves or silences, since when, and when each contender first told of it.
    Event {
        own: &'a [usize],
        from: Timestamp,
        told: &'a mut [Option<Timestamp>],
    },
}

impl Episodes {
    fn take(&mut self, row: u64) {
        if self.last.is_none_or(|last| row - last > MERGED_ROWS) {
            self.count += 1;
        }
        self.last = Some(row);
    }
}

impl<'a> Town<'a> {
    fn new(file: &'a PlantFile, seed: u64, contenders: &[Contender]) -> Outcome<Self> {
        let simulator = Simulator::new(seed, Timestamp::of_date(2026, 3, 2))?;
        let by_name: BTreeMap<&str, &Point> = file.points.iter().map(|point| (point.name.as_str(), point)).collect();
        let points: Vec<Option<&Point>> = simulator.sensor_ids().map(|id| by_name.get(id).copied()).collect();
        let watches = contenders.iter().map(|contender| Watch::new(file, &points, contender)).collect();
        let count = points.len();
        Ok(Self {
            file,
            simulator,
            chance: ChaCha8Rng::seed_from_u64(seed),
            points,
            shown: vec![f64::NAN; count],
            moved: vec![0; count],
            row: 0,
            watches,
        })
    }

    /// Lets everything happen, and adds it to the contenders' accounts.
    fn live(mut self, accounts: &mut [Account]) -> Outcome<()> {
        self.pass(ROW * FIT_ROWS, &mut Purpose::Fit);
        for site in self.watches.iter_mut().flat_map(|watch| &mut watch.sites) {
            site.judged.fit();
        }
        self.pass(LEAD, &mut Purpose::FalseAlarms);
        let mut kinds = EventKind::ALL;
        kinds.shuffle(&mut self.chance);
        let mut counted = LEAD;
        for kind in kinds {
            for (account, suffered) in accounts.iter_mut().zip(self.suffer(kind)?) {
                account.kinds.entry(kind).or_default().push(suffered);
            }
            self.pass(SETTLING, &mut Purpose::Nothing);
            self.pass(QUIET, &mut Purpose::FalseAlarms);
            counted += QUIET;
        }
        let days = counted.as_secs_f64() / 86_400.0;
        for (account, watch) in accounts.iter_mut().zip(&self.watches) {
            account.days += days;
            account.instrument_episodes.resize(watch.instruments.len(), 0);
            for (sum, instrument) in account.instrument_episodes.iter_mut().zip(&watch.instruments) {
                *sum += instrument.count;
            }
            account.site_episodes += watch.sites.iter().map(|site| site.episodes.count).sum::<usize>();
        }
        Ok(())
    }

    /// One event from its beginning to its end, as each contender saw it.
    fn suffer(&mut self, kind: EventKind) -> Outcome<Vec<Suffered>> {
        let place = self.place(kind)?;
        let (least, most, lasting) = magnitude(kind);
        let size = least + (most - least) * self.chance.random::<f64>();
        let request = Request::of(kind).at(&place).sized(size).lasting(lasting);
        // Between two rows, so that what lasts for one row is read once.
        let from = self.simulator.now() + ROW / 2;
        let truth = self.simulator.schedule(&request, from)?;
        let own = self.own(&truth);
        let mut told = vec![None; self.watches.len()];
        self.pass(lasting, &mut Purpose::Event { own: &own, from, told: &mut told });
        let suffered = |told: Option<Timestamp>| Suffered {
            own: own.clone(),
            delay_secs: told.map(|at| at.micros_since(from) as f64 / 1e6),
        };
        Ok(told.into_iter().map(suffered).collect())
    }

    fn own(&self, truth: &Truth) -> Vec<usize> {
        let is_own = |id: &str| truth.points.iter().any(|point| point == id);
        self.simulator.sensor_ids().enumerate().filter(|(_, id)| is_own(id)).map(|(sensor, _)| sensor).collect()
    }

    /// Where it happens: some place where it can be seen at all.
    fn place(&mut self, kind: EventKind) -> Outcome<String> {
        let plant = &self.file.plant;
        let areas = plant.areas.iter().map(|area| area.name.clone());
        let sites = |kind: SiteKind| plant.sites.iter().filter(move |site| site.kind == kind);
        let is_measured = |point: &Point| !matches!(point.quantity, Quantity::State | Quantity::Energy);
        let instruments = self.points.iter().enumerate().filter_map(|(sensor, point)| Some((sensor, (*point)?)));
        let measured = instruments.clone().filter(|(_, point)| is_measured(point));
        let is_moving = |sensor: usize| self.moved.get(sensor).is_some_and(|row| self.row - row < MOVING_ROWS);
        let places: Vec<String> = match kind {
            EventKind::Burst | EventKind::Leak => areas.collect(),
            EventKind::Stuck | EventKind::Drift | EventKind::Spike => {
                measured.filter(|(sensor, _)| is_moving(*sensor)).map(|(_, point)| point.name.clone()).collect()
            }
            EventKind::Dropout => measured.map(|(_, point)| point.name.clone()).collect(),
            EventKind::Offline => plant.sites.iter().map(|site| site.name.clone()).collect(),
            EventKind::Overflow => sites(SiteKind::Storage).map(|site| site.name.clone()).collect(),
            EventKind::ChlorineLoss => areas.chain(sites(SiteKind::Works).map(|site| site.name.clone())).collect(),
            // A pump that stands has nothing to lose yet.
            EventKind::PumpTrip | EventKind::BearingWear => {
                let is_running = |sensor: usize| self.shown.get(sensor).is_some_and(|shown| *shown > 0.5);
                let running = instruments
                    .filter(|(sensor, point)| point.role == Some(PointRole::PumpRunning) && is_running(*sensor));
                let name = |id| plant.assets.iter().find(|asset| asset.id == id).map(|asset| asset.name.clone());
                running.filter_map(|(_, point)| name(point.asset?)).collect()
            }
        };
        let place = places.choose(&mut self.chance);
        place.cloned().ok_or_else(|| format!("the town has no place for {kind} now").into())
    }

    /// Lets time pass, a row after the other.
    fn pass(&mut self, lasting: Duration, purpose: &mut Purpose<'_>) {
        let until = self.simulator.now() + lasting;
        while self.simulator.now() < until {
            self.simulator.step(ROW);
            self.row += 1;
            let at = self.simulator.now();
            self.read();
            for (contender, watch) in self.watches.iter_mut().enumerate() {
                watch.take(contender, self.row, at, &self.shown, purpose);
            }
        }
    }

    fn read(&mut self) {
        let before = std::mem::replace(&mut self.shown, vec![f64::NAN; self.points.len()]);
        for reading in self.simulator.read_all() {
            let Some(Some(point)) = self.points.get(reading.sensor) else { continue };
            let value = point.unit.to_si(reading.value);
            if let Some(shown) = self.shown.get_mut(reading.sensor) {
                *shown = value;
            }
            if before.get(reading.sensor) != Some(&value)
                && let Some(moved) = self.moved.get_mut(reading.sensor)
            {
                *moved = self.row;
            }
        }
    }
}

impl Watch {
    fn new(file: &PlantFile, points: &[Option<&Point>], contender: &Contender) -> Self {
        let site = |id| -> Option<Site> {
            let here = points.iter().enumerate().filter_map(|(sensor, point)| Some((sensor, (*point)?)));
            let here = here.filter(|(_, point)| point.site == Some(id));
            let column = |point: &Point| Column { role: point.role, ..Column::new(&point.name, point.quantity) };
            let (instruments, columns): (Vec<usize>, Vec<Column>) =
                here.map(|(sensor, point)| (sensor, column(point))).unzip();
            let width = columns.len();
            (width > 0).then(|| Site {
                instruments,
                judged: (contender.make)(&columns, FIT_ROWS as usize),
                values: vec![f64::NAN; width],
                findings: vec![Finding::default(); width],
                episodes: Episodes::default(),
            })
        };
        Self {
            sites: file.plant.sites.iter().filter_map(|spec| site(spec.id)).collect(),
            instruments: vec![Episodes::default(); points.len()],
        }
    }

    fn take(&mut self, contender: usize, row: u64, at: Timestamp, shown: &[f64], purpose: &mut Purpose<'_>) {
        for site in &mut self.sites {
            for (value, instrument) in site.values.iter_mut().zip(&site.instruments) {
                *value = shown.get(*instrument).copied().unwrap_or(f64::NAN);
            }
            if matches!(purpose, Purpose::Fit) {
                site.judged.learn(at, &site.values);
                continue;
            }
            let asset = site.judged.judge(at, &site.values, &mut site.findings);
            let alarmed = site.instruments.iter().zip(&site.findings).filter(|(_, finding)| finding.is_alarm);
            match purpose {
                Purpose::Fit | Purpose::Nothing => {}
                Purpose::FalseAlarms => {
                    for (instrument, _) in alarmed {
                        if let Some(episodes) = self.instruments.get_mut(*instrument) {
                            episodes.take(row);
                        }
                    }
                    if asset.is_alarm {
                        site.episodes.take(row);
                    }
                }
                Purpose::Event { own, from, told } => {
                    let named = asset.contributor.filter(|_| asset.is_alarm);
                    let named = named.and_then(|contributor| site.instruments.get(contributor));
                    let mut accused = alarmed.map(|(instrument, _)| instrument).chain(named);
                    if at >= *from
                        && accused.any(|instrument| own.contains(instrument))
                        && let Some(told) = told.get_mut(contender)
                    {
                        told.get_or_insert(at);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Reading;

    #[test]
    fn episodes_are_counted_anew_after_ten_rows_of_peace() {
        let mut episodes = Episodes::default();
        [5, 6, 16, 27].into_iter().for_each(|row| episodes.take(row));
        assert_eq!(episodes.count, 2);
    }

    #[test]
    fn chance_is_that_of_the_instruments_that_an_event_moves() {
        let event = |own: &[usize], delay_secs| Suffered { own: own.to_vec(), delay_secs };
        let account = Account {
            // Half a day: by 10 false alarms in 5 days, the second instrument has one in it by 1 - 1/e.
            kinds: BTreeMap::from([(EventKind::Drift, vec![event(&[1], Some(90.0)), event(&[0], None)])]),
            instrument_episodes: vec![0, 10],
            site_episodes: 20,
            days: 5.0,
        };
        let numbers = figures(&account).into_iter().map(|figure| figure.reading);
        let [found, delay, by_chance, of_points, of_sites] = numbers.collect::<Vec<_>>()[..] else { panic!("five") };
        assert_eq!((found, delay), (Reading::Of(1, 2), Reading::Number(Some(1.5))));
        let Reading::Number(Some(by_chance)) = by_chance else { panic!("a share") };
        assert!((by_chance - (1.0 - (-1.0_f64).exp()) / 2.0).abs() < 1e-12, "{by_chance}");
        assert_eq!((of_points, of_sites), (Reading::Number(Some(1.0)), Reading::Number(Some(4.0))));
    }

    /// Says alarm of whatever is missing, and of nothing else.
    struct Silence;

    impl Judged for Silence {
        fn learn(&mut self, _at: Timestamp, _values: &[f64]) {}

        fn judge(&mut self, _at: Timestamp, values: &[f64], sensors: &mut [Finding]) -> Finding {
            for (index, (finding, value)) in sensors.iter_mut().zip(values).enumerate() {
                let score = if value.is_nan() { 1.0 } else { 0.0 };
                *finding = Finding { score, is_alarm: value.is_nan(), contributor: Some(index) };
            }
            Finding::default()
        }
    }

    #[test]
    fn what_only_hears_silence_finds_what_is_silent_at_once_and_nothing_else() {
        let file = plant_file().expect("the town's tables");
        let contender = Contender { name: "silence", make: |_, _| Box::new(Silence) };
        let mut town = Town::new(&file, 3, &[contender]).expect("a town");
        town.pass(ROW * 120, &mut Purpose::FalseAlarms);
        assert_eq!(town.watches[0].instruments.iter().map(|instrument| instrument.count).sum::<usize>(), 0);
        let told = |town: &mut Town<'_>, kind| town.suffer(kind).expect("a place")[0].delay_secs;
        assert_eq!(told(&mut town, EventKind::Dropout), Some(30.0));
        assert_eq!(told(&mut town, EventKind::Spike), None);
        assert_eq!(told(&mut town, EventKind::Offline), Some(30.0));
    }

    #[test]
    fn every_kind_has_a_place_in_the_town_and_moves_something() {
        let file = plant_file().expect("the town's tables");
        let mut town = Town::new(&file, 4, &[]).expect("a town");
        town.pass(ROW * 60, &mut Purpose::Nothing);
        for kind in EventKind::ALL {
            let place = town.place(kind).expect("a place");
            let (least, _, lasting) = magnitude(kind);
            let request = Request::of(kind).at(&place).sized(least).lasting(lasting);
            let now = town.simulator.now();
            let truth = town.simulator.schedule(&request, now).expect("it suits");
            assert!(!town.own(&truth).is_empty(), "{kind} at {place}");
        }
    }
}

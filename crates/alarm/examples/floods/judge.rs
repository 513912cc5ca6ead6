//! Lets one thing go wrong in the demo town, has the alarm engine watch it with the plant's own rules, and looks how the
//! cause that really was is placed among those that the alarms' group names. No broker, no clock: seed in, verdict out.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use penstock_alarm::{
    Activation, Engine, Evaluated, Group, GroupNo, Grouping, LEAST_RELATED, Member, PointFacts, Topology, rules_of,
};
use penstock_model::{
    AlarmRule, AssetKind, CauseKind, CauseOrigin, GroupCause, PlantFile, Point, Quality, RuleId, Sample, SiteKind,
    Timestamp, Transition, TransitionKind,
};
use penstock_sim::{EventKind, Request, Simulator, plant_file};

/// How often every instrument is read: more often than its value is stale.
const STEP: Duration = Duration::from_secs(30);
/// How long the town is watched before anything happens.
const BEFORE: Duration = Duration::from_secs(30 * 60);
/// What happens together happens within this.
const TOGETHER_SECS: u64 = 20;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    /// A main in an area breaks.
    Burst,
    /// One pump trips; whether it was running is left to chance.
    PumpTrip,
    /// All pumps of a station trip.
    StationTrip,
    /// All pumps of a station trip, and its gateway falls silent within two minutes.
    PowerLoss,
    /// At least three sites cannot be heard.
    CommunicationsLoss,
    /// The works dose no chlorine.
    ChlorineAtWorks,
    /// An area's water uses its chlorine up.
    ChlorineInArea,
    /// A tank's inlet stays open and its pumps run on.
    Overfilling,
}

/// What makes it harder.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Conditions {
    /// So many of a hundred rules are left out, by chance: few plants are measured as well as the demo town.
    pub(crate) without_percent: u64,
    /// Something else goes wrong elsewhere within 20 minutes. The trouble's place is then its best one in any group.
    pub(crate) another: bool,
}

/// How a trouble was judged.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    /// Alarms raised since it began.
    pub(crate) alarms: usize,
    /// Those of them in the largest group.
    pub(crate) grouped: usize,
    /// Where that group has its true cause when it has just enough alarms to be folded, 0 for the first place; none
    /// where it does not name it.
    pub(crate) place_at_fold: Option<usize>,
    /// The same at the end.
    pub(crate) place: Option<usize>,
    /// What was true and what was named, in words.
    pub(crate) account: String,
}

/// What a trouble comes to, for the simulator and for the judgement.
struct Plan {
    events: Vec<(Request, Duration)>,
    kind: CauseKind,
    origin: CauseOrigin,
    watched: Duration,
    words: String,
}

impl Trouble {
    /// Every trouble.
    pub(crate) const ALL: [Self; 8] = [
        Self::Burst,
        Self::PumpTrip,
        Self::StationTrip,
        Self::PowerLoss,
        Self::CommunicationsLoss,
        Self::ChlorineAtWorks,
        Self::ChlorineInArea,
        Self::Overfilling,
    ];

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Burst => "burst",
            Self::PumpTrip => "pump trip",
            Self::StationTrip => "station trip",
            Self::PowerLoss => "power loss",
            Self::CommunicationsLoss => "communications loss",
            Self::ChlorineAtWorks => "chlorine loss at the works",
            Self::ChlorineInArea => "chlorine loss in an area",
            Self::Overfilling => "overfilling",
        }
    }
}

/// Judges one trouble of one seed; none where it did not raise enough alarms to be folded.
pub(crate) fn judge(trouble: Trouble, seed: u64, conditions: Conditions) -> Result<Option<Verdict>, Box<dyn Error>> {
    if conditions.another && judge(trouble, seed, Conditions { another: false, ..conditions })?.is_none() {
        return Ok(None);
    }
    let file = plant_file()?;
    let mut chance = Chance(seed.wrapping_mul(0x0100_0193) ^ ((trouble as u64) << 40));
    let mut plan = plan(trouble, &file, &mut chance)?;
    let began = Timestamp::of_date(2026, 3, 2) + Duration::from_secs(60 * chance.below(7 * 1_440)) + BEFORE;
    if conditions.another {
        let others = [Trouble::Burst, Trouble::PumpTrip, Trouble::CommunicationsLoss, Trouble::ChlorineInArea];
        let others: Vec<Trouble> = others.into_iter().filter(|other| *other != trouble).collect();
        let other = self::plan(chance.one_of(&others)?, &file, &mut chance)?;
        let after = chance.soon(20 * 60);
        plan.events.extend(other.events.into_iter().map(|(request, at)| (request, after + at)));
        plan.words += &format!(" and {}", other.words);
    }
    let mut simulator = Simulator::new(seed, began - BEFORE)?;
    for (request, after) in &plan.events {
        simulator.schedule(request, began + *after)?;
    }
    let mut room = Room::new(&file, &simulator, &mut |_| chance.below(100) >= conditions.without_percent);
    while simulator.now() < began + plan.watched {
        simulator.step(STEP);
        room.hear(&mut simulator);
    }
    Ok(room.verdict(&plan, began, conditions.another))
}

fn plan(trouble: Trouble, file: &PlantFile, chance: &mut Chance) -> Result<Plan, Box<dyn Error>> {
    let plant = &file.plant;
    let hours = |hours: u64| Duration::from_secs(3_600 * hours);
    let request = |kind, at: &str, lasting| Request::of(kind).at(at).lasting(lasting);
    let stations: Vec<_> = plant.sites.iter().filter(|site| site.kind == SiteKind::Pumping).collect();
    let pumps: Vec<_> = plant.assets.iter().filter(|asset| asset.kind == AssetKind::Pump).collect();
    let mut origin_name = String::new();
    let (events, kind, origin, watched) = match trouble {
        Trouble::Burst => {
            let mains: Vec<_> =
                plant.pipes.iter().filter(|pipe| pipe.area.is_some() && !pipe.name.ends_with("closed tie")).collect();
            let main = chance.one_of(&mains)?;
            origin_name.clone_from(&main.name);
            let size = 60.0 + chance.below(91) as f64;
            let event = request(EventKind::Burst, &main.name, hours(3)).sized(size);
            let area = main.area.ok_or("a main of an area has none")?;
            (vec![(event, Duration::ZERO)], CauseKind::Burst, CauseOrigin::Area(area), hours(2))
        }
        Trouble::PumpTrip => {
            let pump = chance.one_of(&pumps)?;
            origin_name.clone_from(&pump.name);
            let event = request(EventKind::PumpTrip, &pump.name, hours(5));
            (vec![(event, Duration::ZERO)], CauseKind::PumpTrip, CauseOrigin::Asset(pump.id), hours(4))
        }
        Trouble::StationTrip | Trouble::PowerLoss => {
            let station = chance.one_of(&stations)?;
            origin_name.clone_from(&station.name);
            let own = pumps.iter().filter(|pump| pump.site == Some(station.id));
            let mut events: Vec<_> = own
                .map(|pump| (request(EventKind::PumpTrip, &pump.name, hours(6)), chance.soon(TOGETHER_SECS)))
                .collect();
            let mut kind = CauseKind::StationTrip;
            if trouble == Trouble::PowerLoss {
                events.push((request(EventKind::Offline, &station.name, hours(6)), chance.soon(120)));
                kind = CauseKind::PowerLoss;
            }
            (events, kind, CauseOrigin::Site(station.id), hours(5))
        }
        Trouble::CommunicationsLoss => {
            let mut sites: Vec<_> = plant.sites.iter().collect();
            let lost = LEAST_RELATED as u64 + chance.below((sites.len() - LEAST_RELATED) as u64 + 1);
            origin_name = format!("{lost} sites");
            let mut events = Vec::new();
            for _ in 0..lost {
                let site = sites.remove(usize::try_from(chance.below(sites.len() as u64))?);
                events.push((request(EventKind::Offline, &site.name, hours(1)), chance.soon(TOGETHER_SECS)));
            }
            (events, CauseKind::CommunicationsLoss, CauseOrigin::Several, Duration::from_secs(1_200))
        }
        Trouble::ChlorineAtWorks => {
            let works = plant.sites.iter().find(|site| site.kind == SiteKind::Works).ok_or("the town has no works")?;
            origin_name.clone_from(&works.name);
            let size = 0.85 + 0.01 * chance.below(16) as f64;
            let event = request(EventKind::ChlorineLoss, &works.name, hours(24)).sized(size);
            (vec![(event, Duration::ZERO)], CauseKind::ChlorineLoss, CauseOrigin::Site(works.id), hours(20))
        }
        Trouble::ChlorineInArea => {
            let area = chance.one_of(&plant.areas.iter().collect::<Vec<_>>())?;
            origin_name.clone_from(&area.name);
            let size = 0.7 + 0.01 * chance.below(31) as f64;
            let event = request(EventKind::ChlorineLoss, &area.name, hours(6)).sized(size);
            (vec![(event, Duration::ZERO)], CauseKind::ChlorineLoss, CauseOrigin::Area(area.id), hours(5))
        }
        Trouble::Overfilling => {
            let tanks: Vec<_> = plant.sites.iter().filter(|site| site.kind == SiteKind::Storage).collect();
            let tank = chance.one_of(&tanks)?;
            origin_name.clone_from(&tank.name);
            let event = request(EventKind::Overflow, &tank.name, hours(7));
            (vec![(event, Duration::ZERO)], CauseKind::Overfilling, CauseOrigin::Site(tank.id), hours(6))
        }
    };
    Ok(Plan { events, kind, origin, watched, words: format!("{} {origin_name}", trouble.name()) })
}

/// The control room: engine and grouping over the plant's own rules.
struct Room {
    /// By the simulator's instrument.
    points: Vec<Option<Point>>,
    rules: BTreeMap<RuleId, AlarmRule>,
    engine: Engine,
    grouping: Grouping,
    closed: Vec<Group>,
    /// What each group named when it had just enough alarms to be folded.
    at_fold: BTreeMap<GroupNo, Vec<GroupCause>>,
}

impl Room {
    fn new(file: &PlantFile, simulator: &Simulator, is_kept: &mut dyn FnMut(&AlarmRule) -> bool) -> Self {
        let by_name: BTreeMap<&str, &Point> = file.points.iter().map(|point| (point.name.as_str(), point)).collect();
        let rules = file.points.iter().flat_map(rules_of).chain(file.rules.iter().cloned());
        let rules: Vec<AlarmRule> = rules.filter(|rule| is_kept(rule)).collect();
        Self {
            points: simulator.sensor_ids().map(|id| by_name.get(id).copied().cloned()).collect(),
            rules: rules.iter().map(|rule| (rule.id, rule.clone())).collect(),
            engine: Engine::new(rules, Vec::new(), file.points.iter().map(PointFacts::from)),
            grouping: Grouping::new(Topology::new(&file.plant, &file.points)),
            closed: Vec::new(),
            at_fold: BTreeMap::new(),
        }
    }

    fn hear(&mut self, simulator: &mut Simulator) {
        let mut journal = Vec::new();
        for reading in simulator.read_all() {
            let Some(Some(point)) = self.points.get(reading.sensor) else { continue };
            let sample = Sample {
                point: point.no,
                source_time: reading.at,
                received_time: reading.at,
                value: Some(point.unit.to_si(reading.value)),
                quality: Quality::Good,
            };
            let evaluated = Evaluated { point: point.id, site: point.site, sample: &sample, score: None };
            self.engine.sample(&evaluated, &mut journal);
        }
        self.engine.tick(simulator.now(), &mut journal);
        for transition in &journal {
            self.take(transition);
        }
        for group in self.grouping.groups().filter(|group| group.members().len() >= LEAST_RELATED) {
            self.at_fold.entry(group.no()).or_insert_with(|| group.causes(self.grouping.topology()));
        }
        self.grouping.tick(simulator.now(), &mut self.closed);
    }

    fn take(&mut self, transition: &Transition) {
        let Some(rule) = self.rules.get(&transition.rule) else { return };
        match transition.kind {
            TransitionKind::Raised => {
                self.grouping.activate(&Activation::of(rule, transition.at), &mut self.closed);
            }
            TransitionKind::Cleared => self.grouping.clear(transition.rule),
            _ => {}
        }
    }

    fn verdict(&self, plan: &Plan, began: Timestamp, in_any_group: bool) -> Option<Verdict> {
        let topology = self.grouping.topology();
        let since = |group: &Group| group.members().iter().filter(|member| member.raised_at >= began).count();
        let groups = || self.closed.iter().chain(self.grouping.groups());
        let largest = groups().max_by_key(|group| (since(group), std::cmp::Reverse(group.no())))?;
        if largest.members().len() < LEAST_RELATED || since(largest) == 0 {
            return None;
        }
        let is_judged = |group: &&Group| match in_any_group {
            true => group.members().len() >= LEAST_RELATED,
            false => group.no() == largest.no(),
        };
        let place = |causes: &[GroupCause]| {
            causes.iter().position(|cause| cause.kind == plan.kind && cause.origin == plan.origin)
        };
        let at_fold = |group: &Group| self.at_fold.get(&group.no()).map_or(&[][..], Vec::as_slice);
        let mut account = plan.words.clone();
        for group in groups().filter(is_judged) {
            let when_folded = at_fold(group).first().map(|cause| (cause.kind, cause.origin));
            account += &format!("\n    group {}, when it was first folded under {when_folded:?}", group.no().0);
            for cause in group.causes(topology) {
                account += &format!("\n    {:.3} {:?} {:?} {:?}", cause.score, cause.kind, cause.origin, cause.reasons);
            }
            for member in group.members() {
                let minutes = member.raised_at.micros_since(began) as f64 / 6e7;
                let Member { symptom, priority, zone, .. } = member;
                account += &format!("\n    {minutes:>7.1} min {symptom:?} {priority:?} {zone:?}");
            }
        }
        Some(Verdict {
            alarms: groups().map(since).sum(),
            grouped: since(largest),
            place_at_fold: groups().filter(is_judged).filter_map(|group| place(at_fold(group))).min(),
            place: groups().filter(is_judged).filter_map(|group| place(&group.causes(topology))).min(),
            account,
        })
    }
}

/// Chance from a seed (SplitMix64: Steele, Lea and Flood, 2014).
struct Chance(u64);

impl Chance {
    /// Evenly from 0 to just below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }

    fn soon(&mut self, secs: u64) -> Duration {
        Duration::from_secs(self.below(secs + 1))
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> Result<T, Box<dyn Error>> {
        let index = usize::try_from(self.below(all.len() as u64))?;
        all.get(index).copied().ok_or_else(|| "the town has none of what was to fail".into())
    }
}

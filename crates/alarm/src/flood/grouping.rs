//! Which alarms belong together: those of one place, those along the mains that one trouble can reach in time, and sites
//! that fall silent at once. Must not know causes, but that they can be asked for.
//!
//! An alarm joins the group to which it has the closest bond: of several along the mains the shortest, of equally close
//! ones the latest. With none it begins a group of its own. A group is open for as long as what its newest alarms tell can still have effects. Bonds:
//!
//! | between | bond | within |
//! |---|---|---|
//! | silent sites | same carrier | 5 min |
//! | a silent site and all else of its zone | same place | 10 min |
//! | a silent station and a low level downstream of it | same mains | 6 h |
//! | a silent station and low flows and pressures downstream of it, no tank between | same mains | 10 min |
//! | alarms of one zone on water and machines | same place | 30 min, 6 h where one is on a stop or a level |
//! | low or unlike water quality of one zone, or down- or upstream of each other | same water | 24 h |
//! | cloudy water and flows or pressures of one zone | same place | 2 h |
//! | flows, pressures, levels and stops down- or upstream of each other | same mains | 30 min, 6 h as above |
//! | flows and pressures of zones with one supply | shared supply | 15 min |
//!
//! An alarm that comes again stays in its group and is counted, and does not hold the group open.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use penstock_model::{GroupCause, Priority, RuleId, Subject, Symptom, Timestamp};

use super::cause::{Cell, CellKey, Cells, Part, rank};
use super::symptom::{Activation, Family, Sign, family_of, is_slow, symptom_of};
use super::topology::{Located, Relation, Topology, Way, Zone};

/// From how many alarms on a group is one to be folded.
pub const LEAST_RELATED: usize = 3;
/// How many groups are open at most; beyond it the one that would close next closes.
pub const MOST_GROUPS: usize = 256;
/// How many alarms a group takes; the next ones begin another.
pub const MOST_MEMBERS: usize = 2_000;

const AT_ONCE: Duration = Duration::from_secs(5 * 60);
const SOON: Duration = Duration::from_secs(15 * 60);
const QUICK: Duration = Duration::from_secs(30 * 60);
const STIRRED: Duration = Duration::from_secs(2 * 3_600);
const SLOW: Duration = Duration::from_secs(6 * 3_600);
const CARRIED: Duration = Duration::from_secs(24 * 3_600);
const POWER: Duration = Duration::from_secs(10 * 60);

/// The number of a group, counting up from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupNo(pub u64);

/// An alarm of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The alarm, by its rule.
    pub rule: RuleId,
    /// What it is about.
    pub subject: Subject,
    /// Where that lies.
    pub zone: Zone,
    /// To which side its condition finds it off.
    pub sign: Sign,
    /// What it says.
    pub symptom: Symptom,
    /// How urgent it is.
    pub priority: Priority,
    /// When it was first raised in this group.
    pub raised_at: Timestamp,
    /// How often it was.
    pub occurrences: u32,
    /// Whether it stands now.
    pub is_active: bool,
}

/// Alarms that belong together.
#[derive(Debug, Clone)]
pub struct Group {
    no: GroupNo,
    members: Vec<Member>,
    cells: Cells,
    newest: Timestamp,
    open_until: Timestamp,
}

impl Group {
    /// Its number.
    pub const fn no(&self) -> GroupNo {
        self.no
    }

    /// Its alarms in the order in which they came.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// When its first alarm was raised.
    pub fn began_at(&self) -> Timestamp {
        self.members.iter().map(|member| member.raised_at).min().unwrap_or(self.newest)
    }

    /// When the newest of its alarms was first raised.
    pub const fn newest_at(&self) -> Timestamp {
        self.newest
    }

    /// Until when what its alarms tell can still have effects: what is raised later belongs to another group.
    pub const fn open_until(&self) -> Timestamp {
        self.open_until
    }

    /// Its likely causes, the likeliest first, at most [`MOST_CAUSES`](super::MOST_CAUSES).
    pub fn causes(&self, topology: &Topology) -> Vec<GroupCause> {
        rank(topology, &self.cells)
    }
}

/// Puts alarms into groups as they come. The same activations, returns and ticks give the same groups.
///
/// An activation takes the logarithm of what is open, for each zone that the mains connect with its own.
#[derive(Debug, Clone)]
pub struct Grouping {
    topology: Topology,
    groups: BTreeMap<GroupNo, Group>,
    /// By alarm: its group and its place among the members.
    placed: BTreeMap<RuleId, (GroupNo, usize)>,
    /// By zone and group: what was told there, and when last.
    traces: BTreeMap<(Zone, GroupNo), BTreeMap<Symptom, Timestamp>>,
    /// Groups with a silent site, and when the newest fell silent.
    silences: BTreeMap<GroupNo, Timestamp>,
    last: u64,
}

/// How close an alarm is to another, the closest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bond {
    SharedSupply,
    SameCarrier,
    SameMains,
    SamePlace,
}

impl Grouping {
    /// Without alarms.
    pub const fn new(topology: Topology) -> Self {
        Self {
            topology,
            groups: BTreeMap::new(),
            placed: BTreeMap::new(),
            traces: BTreeMap::new(),
            silences: BTreeMap::new(),
            last: 0,
        }
    }

    /// What it knows of the plant.
    pub const fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The open groups, the oldest first, those of a single alarm too.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// An open group.
    pub fn group(&self, no: GroupNo) -> Option<&Group> {
        self.groups.get(&no)
    }

    /// The open group that an alarm belongs to.
    pub fn group_of(&self, rule: RuleId) -> Option<&Group> {
        self.placed.get(&rule).and_then(|(group, _)| self.groups.get(group))
    }

    /// An alarm of an open group.
    pub fn member(&self, rule: RuleId) -> Option<&Member> {
        let (group, index) = self.placed.get(&rule)?;
        self.groups.get(group)?.members.get(*index)
    }

    /// Takes an alarm that begins to call, and says which group it is in; none where its subject is nowhere in the plant.
    /// A group that must close to make room is appended to `closed`.
    pub fn activate(&mut self, activation: &Activation, closed: &mut Vec<Group>) -> Option<GroupNo> {
        if let Some(no) = self.repeat(activation) {
            return Some(no);
        }
        let located = self.topology.locate(activation.subject)?;
        let symptom = symptom_of(activation.sign, &located);
        let no = match self.closest(located.zone, symptom, activation.at) {
            Some(no) => no,
            None => self.begin(activation.at, closed),
        };
        self.join(no, activation, &located, symptom);
        Some(no)
    }

    /// Takes an alarm that has returned to normal. It stays in its group.
    pub fn clear(&mut self, rule: RuleId) {
        let Some((group, index)) = self.placed.get(&rule) else { return };
        let member = self.groups.get_mut(group).and_then(|group| group.members.get_mut(*index));
        if let Some(member) = member {
            member.is_active = false;
        }
    }

    /// Takes an alarm that a former grouping had: as often as it came there, and whether it stood.
    pub fn restore(&mut self, activation: &Activation, occurrences: u32, is_active: bool, closed: &mut Vec<Group>) {
        self.activate(activation, closed);
        let Some((group, index)) = self.placed.get(&activation.rule) else { return };
        let member = self.groups.get_mut(group).and_then(|group| group.members.get_mut(*index));
        if let Some(member) = member {
            member.occurrences = occurrences;
            member.is_active = is_active;
        }
    }

    /// Takes the plant as it is now: the alarms of the open groups are put into groups anew, in the order in which they
    /// were raised. That takes as long as they took to come.
    pub fn lay(&mut self, topology: Topology, closed: &mut Vec<Group>) {
        let mut fresh = Self::new(topology);
        // A number is never given twice.
        fresh.last = self.last;
        let former = std::mem::replace(self, fresh);
        let mut members: Vec<Member> = former.groups.into_values().flat_map(|group| group.members).collect();
        members.sort_by_key(|member| (member.raised_at, member.rule));
        for member in members {
            let Member { rule, subject, sign, priority, raised_at: at, occurrences, is_active, .. } = member;
            self.restore(&Activation { rule, subject, sign, priority, at }, occurrences, is_active, closed);
        }
    }

    /// Closes the groups whose time is over; they are appended to `closed`, the oldest first.
    pub fn tick(&mut self, now: Timestamp, closed: &mut Vec<Group>) {
        let over: Vec<GroupNo> =
            self.groups.values().filter(|group| group.open_until < now).map(|group| group.no).collect();
        for no in over {
            self.close(no, closed);
        }
    }

    /// Counts an alarm that is in an open group already.
    fn repeat(&mut self, activation: &Activation) -> Option<GroupNo> {
        let (no, index) = *self.placed.get(&activation.rule)?;
        let member = self.groups.get_mut(&no)?.members.get_mut(index)?;
        member.occurrences = member.occurrences.saturating_add(1);
        member.is_active = true;
        Some(no)
    }

    /// The group that something told at a place and time is closest to.
    fn closest(&self, zone: Zone, symptom: Symptom, at: Timestamp) -> Option<GroupNo> {
        let mut best: Option<(Bond, Reverse<Option<Way>>, Timestamp, GroupNo)> = None;
        let mut consider = |bond: Bond, way: Option<Way>, told: Timestamp, no: GroupNo| {
            let has_room = self.groups.get(&no).is_some_and(|group| group.members.len() < MOST_MEMBERS);
            let candidate = (bond, Reverse(way), told, no);
            if has_room && best.is_none_or(|best| candidate > best) {
                best = Some(candidate);
            }
        };
        let own = (zone, Relation::Same);
        for (other, relation) in std::iter::once(&own).chain(self.topology.neighbours(zone)) {
            let way = match relation {
                Relation::Downstream(way) | Relation::Upstream(way) => Some(*way),
                Relation::Same | Relation::Sibling => None,
            };
            let traces = self.traces.range((*other, GroupNo(0))..=(*other, GroupNo(u64::MAX)));
            for ((_, no), told) in traces {
                for (theirs, told) in told {
                    let apart = at.since(*told).max(told.since(at));
                    let bond = self.bond((*other, *theirs), *relation, (zone, symptom));
                    if let Some((bond, within)) = bond
                        && apart <= within
                    {
                        consider(bond, way, *told, *no);
                    }
                }
            }
        }
        if symptom == Symptom::Silent {
            for (no, told) in &self.silences {
                if at.since(*told).max(told.since(at)) <= AT_ONCE {
                    consider(Bond::SameCarrier, None, *told, *no);
                }
            }
        }
        best.map(|(_, _, _, no)| no)
    }

    /// How `mine` is bound to `theirs`, and within what time; `relation` is how their zone stands to mine.
    fn bond(
        &self,
        (their_zone, theirs): (Zone, Symptom),
        relation: Relation,
        (my_zone, mine): (Zone, Symptom),
    ) -> Option<(Bond, Duration)> {
        use Family::{Communications, Hydraulic, Quality};
        let quick_or_slow = if is_slow(theirs) || is_slow(mine) { SLOW } else { QUICK };
        let is_cloudy = theirs == Symptom::Turbid || mine == Symptom::Turbid;
        match (family_of(theirs), relation, family_of(mine)) {
            (Hydraulic, Relation::Same, Hydraulic) => Some((Bond::SamePlace, quick_or_slow)),
            (Quality, Relation::Same, Quality) => Some((Bond::SamePlace, CARRIED)),
            (Hydraulic, Relation::Same, Quality) | (Quality, Relation::Same, Hydraulic) if is_cloudy => {
                Some((Bond::SamePlace, STIRRED))
            }
            (Communications, Relation::Same, _) | (_, Relation::Same, Communications) => Some((Bond::SamePlace, POWER)),
            (Hydraulic, Relation::Downstream(_) | Relation::Upstream(_), Hydraulic) => {
                Some((Bond::SameMains, quick_or_slow))
            }
            // Where a break stirs up deposits stays where it is; what is dosed, or not, goes with the water.
            (Quality, Relation::Downstream(_) | Relation::Upstream(_), Quality) if !is_cloudy => {
                Some((Bond::SameMains, CARRIED))
            }
            (Communications, Relation::Upstream(way), Hydraulic) if self.topology.is_station(their_zone) => {
                of_silent_station(mine, way)
            }
            (Hydraulic, Relation::Downstream(way), Communications) if self.topology.is_station(my_zone) => {
                of_silent_station(theirs, way)
            }
            (Hydraulic, Relation::Sibling, Hydraulic) if quick_or_slow == QUICK => Some((Bond::SharedSupply, SOON)),
            _ => None,
        }
    }

    fn begin(&mut self, at: Timestamp, closed: &mut Vec<Group>) -> GroupNo {
        if self.groups.len() >= MOST_GROUPS {
            let next = self.groups.values().min_by_key(|group| (group.open_until, group.no)).map(|group| group.no);
            if let Some(next) = next {
                self.close(next, closed);
            }
        }
        self.last += 1;
        let no = GroupNo(self.last);
        let group = Group { no, members: Vec::new(), cells: Cells::new(), newest: at, open_until: at };
        self.groups.insert(no, group);
        no
    }

    fn join(&mut self, no: GroupNo, activation: &Activation, located: &Located, symptom: Symptom) {
        let Some(group) = self.groups.get_mut(&no) else { return };
        let at = activation.at;
        group.newest = group.newest.max(at);
        let lasts = match symptom {
            // Its tanks run empty unseen.
            Symptom::Silent if self.topology.is_station(located.zone) => SLOW,
            symptom => lasts(symptom),
        };
        group.open_until = group.open_until.max(at + lasts);
        let part = match (symptom, located.asset, located.site) {
            (Symptom::Stopped | Symptom::Silent, Some((asset, _)), _) => Part::Asset(asset),
            (Symptom::Silent, None, Some(site)) => Part::Site(site),
            _ => Part::Whole,
        };
        let key = CellKey { zone: located.zone, symptom, part };
        let new = Cell { alarms: 0, first: at, alarm: activation.rule, main: located.main };
        let cell = group.cells.entry(key).or_insert(new);
        cell.alarms += 1;
        if at < cell.first {
            *cell = Cell { alarms: cell.alarms, ..new };
        }
        self.placed.insert(activation.rule, (no, group.members.len()));
        group.members.push(Member {
            rule: activation.rule,
            subject: activation.subject,
            zone: located.zone,
            sign: activation.sign,
            symptom,
            priority: activation.priority,
            raised_at: at,
            occurrences: 1,
            is_active: true,
        });
        let told = self.traces.entry((located.zone, no)).or_default().entry(symptom).or_insert(at);
        *told = at.max(*told);
        if symptom == Symptom::Silent {
            let told = self.silences.entry(no).or_insert(at);
            *told = at.max(*told);
        }
    }

    fn close(&mut self, no: GroupNo, closed: &mut Vec<Group>) {
        let Some(group) = self.groups.remove(&no) else { return };
        for member in &group.members {
            self.placed.remove(&member.rule);
            self.traces.remove(&(member.zone, no));
        }
        self.silences.remove(&no);
        closed.push(group);
    }
}

/// How a want of water is bound to the silence of a station upstream of it.
fn of_silent_station(want: Symptom, way: Way) -> Option<(Bond, Duration)> {
    match want {
        Symptom::LevelLow => Some((Bond::SameMains, SLOW)),
        Symptom::FlowLow | Symptom::PressureLow if way.storages() == 0 => Some((Bond::SameMains, POWER)),
        _ => None,
    }
}

/// For how long something told can have effects.
const fn lasts(symptom: Symptom) -> Duration {
    match family_of(symptom) {
        Family::Communications => POWER,
        Family::Hydraulic if is_slow(symptom) => SLOW,
        Family::Hydraulic => QUICK,
        Family::Quality if matches!(symptom, Symptom::Turbid) => STIRRED,
        Family::Quality => CARRIED,
    }
}

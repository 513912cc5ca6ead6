//! Floods on the live alarms: which listed alarms belong together along the plant as it is, under which cause, and
//! whether there are more calls than one person can answer. Needs neither database nor samples: the pipeline tells it of
//! alarms that have changed, and takes what screens are to be told.
//!
//! What it costs: an alarm that is raised, the logarithm of what is open for each zone that the mains connect with its
//! own; any other change of one, a logarithm. Telling comes four times a second at most, and is linear in the alarms of
//! the groups that have changed; causes are weighed anew only of a group that has grown, at most 64 of them against what
//! the group says at each place. So 3,000 active alarms cost what is new among them, never their square.
//!
//! Must not know transport or storage.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use penstock_alarm::{
    Activation, CallRate, Engine, Flooding, Group, GroupNo, Grouping, LEAST_RELATED, Relation, Topology, Zone,
};
use penstock_api::{AlarmGroup, FloodNews, FloodNow, GroupMember, MemberRole};
use penstock_model::{AlarmRule, AlarmState, FloodId, GroupCause, RuleId, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::configuration::count;
use crate::register::{Register, is_placed};

/// Between two tellings.
const TOLD_EVERY: Duration = Duration::from_millis(250);
/// What gateways kept comes late: so long after the time of a group is over, alarms from then still find it.
const LATE: Duration = Duration::from_secs(3_600);
/// Groups that are over and have listed alarms; of more the oldest is told no more, and its alarms are listed singly.
const MOST_ENDED: usize = 256;
/// Grouped alarms that are kept over a restart, the newest.
const MOST_KEPT: usize = 20_000;
/// How often the plant is looked at for changes.
const LOOKED_EVERY: Duration = Duration::from_secs(1);

/// An alarm of a group as it is kept over a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grouped {
    rule: RuleId,
    raised_at: Timestamp,
    occurrences: u32,
}

/// A listed alarm: which occurrence of it, and since when that calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Heard {
    occurrence: u64,
    called_at: Timestamp,
}

impl Heard {
    const fn of(state: &AlarmState) -> Self {
        Self { occurrence: state.occurrence, called_at: state.called_at }
    }
}

/// The floods of the live alarms.
pub(crate) struct Floods {
    grouping: Grouping,
    /// Groups that take no more alarms and have some that are listed.
    ended: BTreeMap<GroupNo, Group>,
    /// By alarm: the group of these that it is told with.
    ended_of: BTreeMap<RuleId, GroupNo>,
    listed: BTreeMap<RuleId, Heard>,
    rate: CallRate,
    /// Groups that are to be told anew.
    changed: BTreeSet<GroupNo>,
    /// Groups that screens know of.
    told: BTreeMap<GroupNo, FloodId>,
    /// By group that screens know of: its causes, and of how many alarms they were weighed.
    causes: BTreeMap<GroupNo, (usize, Vec<GroupCause>)>,
    flooding_told: Option<Flooding>,
    told_at: Option<Timestamp>,
    ticked_at: Timestamp,
}

impl Floods {
    /// The floods of an engine's alarms as a former run had `grouped` them; what it did not know of is grouped too.
    pub(crate) fn new(topology: Topology, engine: &Engine, grouped: &[Grouped], now: Timestamp) -> Self {
        let mut floods = Self {
            grouping: Grouping::new(topology),
            ended: BTreeMap::new(),
            ended_of: BTreeMap::new(),
            listed: BTreeMap::new(),
            rate: CallRate::default(),
            changed: BTreeSet::new(),
            told: BTreeMap::new(),
            causes: BTreeMap::new(),
            flooding_told: None,
            told_at: None,
            ticked_at: now,
        };
        let listed = || engine.states().filter(|state| is_listed(state));
        floods.listed.extend(listed().map(|state| (state.rule, Heard::of(state))));
        let known: BTreeSet<RuleId> = grouped.iter().map(|grouped| grouped.rule).collect();
        let unknown = listed().filter(|state| !known.contains(&state.rule));
        let unknown = unknown.map(|state| Grouped { rule: state.rule, raised_at: state.raised_at, occurrences: 1 });
        let mut all: Vec<Grouped> = grouped.iter().copied().chain(unknown).collect();
        all.sort_by_key(|grouped| (grouped.raised_at, grouped.rule));
        let mut closed = Vec::new();
        for Grouped { rule, raised_at, occurrences } in all {
            let Some(rule) = engine.rule(rule) else { continue };
            let is_active = engine.state(rule.id).is_some_and(|state| state.active && is_listed(state));
            floods.grouping.restore(&Activation::of(rule, raised_at), occurrences, is_active, &mut closed);
        }
        floods.end(closed);
        let mut calls: Vec<Timestamp> = listed().map(|state| state.called_at).filter(|at| *at <= now).collect();
        calls.sort_unstable();
        calls.into_iter().for_each(|at| floods.rate.call(at));
        floods.changed.extend(floods.grouping.groups().map(Group::no));
        floods.tick(now);
        floods
    }

    /// Takes how alarms stand after what happened to them.
    pub(crate) fn hear(&mut self, engine: &Engine, changed: &[RuleId], now: Timestamp) {
        for rule in changed {
            match (engine.rule(*rule), engine.state(*rule).filter(|state| is_listed(state))) {
                (Some(rule), Some(state)) => self.stands(rule, state, now),
                _ => self.leaves(*rule),
            }
        }
    }

    /// Lets time go on: groups and the flood come to their end.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.rate.tick(now);
        let before = std::mem::replace(&mut self.ticked_at, now);
        let is_over = |group: &&Group| (before..now).contains(&group.open_until());
        self.changed.extend(self.grouping.groups().filter(is_over).map(Group::no));
        let mut closed = Vec::new();
        self.grouping.tick(now - LATE, &mut closed);
        self.end(closed);
    }

    /// Says that the station's clock was set by so many microseconds, back where they are negative.
    pub(crate) fn clock_was_set(&mut self, by_micros: i64) {
        self.rate.clock_was_set(by_micros);
    }

    /// Takes the plant as it is now.
    pub(crate) fn lay(&mut self, topology: Topology, engine: &Engine) {
        self.changed.extend(self.grouping.groups().map(Group::no));
        let mut closed = Vec::new();
        self.grouping.lay(topology, &mut closed);
        // Where they lie may not have been known before.
        let is_single = |rule: &&RuleId| self.grouping.member(**rule).is_none() && !self.ended_of.contains_key(*rule);
        let states = self.listed.keys().filter(is_single).filter_map(|rule| engine.state(*rule));
        let mut single: Vec<(Timestamp, RuleId, bool)> =
            states.map(|state| (state.raised_at, state.rule, state.active)).collect();
        single.sort_unstable();
        for (raised_at, rule, is_active) in single {
            let Some(rule) = engine.rule(rule) else { continue };
            self.grouping.restore(&Activation::of(rule, raised_at), 1, is_active, &mut closed);
        }
        self.end(closed);
        self.causes.clear();
        self.changed.extend(self.grouping.groups().map(Group::no));
    }

    /// What screens are to be told; none where nothing has changed, or too soon after they were told last.
    pub(crate) fn news(&mut self, now: Timestamp) -> Option<FloodNews> {
        let is_due = self.told_at.is_none_or(|told_at| now < told_at || now.since(told_at) >= TOLD_EVERY);
        let flooding = self.rate.flooding();
        if !is_due || (self.changed.is_empty() && flooding == self.flooding_told) {
            return None;
        }
        let (mut changed, mut has_gone) = (Vec::new(), false);
        for no in std::mem::take(&mut self.changed) {
            match self.group(no, now) {
                Some(group) => {
                    self.told.insert(no, group.id);
                    changed.push(group);
                }
                None => {
                    has_gone |= self.told.remove(&no).is_some();
                    self.causes.remove(&no);
                    // It takes no more alarms, so that it stays too small.
                    self.forget(no);
                }
            }
        }
        // An alarm that is alone is no news of a group.
        if changed.is_empty() && !has_gone && flooding == self.flooding_told {
            return None;
        }
        self.told_at = Some(now);
        self.flooding_told = flooding;
        let standing = self.told.values().copied().collect();
        Some(FloodNews { changed, standing, flooding: flooding.map(flood_now) })
    }

    /// What is to be kept over a restart.
    pub(crate) fn grouped(&self) -> Vec<Grouped> {
        let members = self.ended.values().chain(self.grouping.groups()).flat_map(Group::members);
        let grouped = members.map(|member| Grouped {
            rule: member.rule,
            raised_at: member.raised_at,
            occurrences: member.occurrences,
        });
        let mut grouped: Vec<Grouped> = grouped.collect();
        if grouped.len() > MOST_KEPT {
            grouped.sort_by_key(|grouped| (grouped.raised_at, grouped.rule));
            grouped = grouped.split_off(grouped.len() - MOST_KEPT);
        }
        grouped
    }

    fn stands(&mut self, rule: &AlarmRule, state: &AlarmState, now: Timestamp) {
        let heard = Heard::of(state);
        let former = self.listed.insert(rule.id, heard);
        if former.is_none_or(|former| former.called_at != heard.called_at) {
            self.rate.call(now);
        }
        if former.is_none_or(|former| former.occurrence != heard.occurrence) {
            self.leave_ended(rule.id);
            let mut closed = Vec::new();
            self.grouping.activate(&Activation::of(rule, state.raised_at), &mut closed);
            self.end(closed);
            self.touch(rule.id);
        }
        if !state.active {
            self.grouping.clear(rule.id);
        }
    }

    fn leaves(&mut self, rule: RuleId) {
        if self.listed.remove(&rule).is_some() {
            self.grouping.clear(rule);
            self.touch(rule);
            self.leave_ended(rule);
        }
    }

    /// The group of an alarm is to be told anew.
    fn touch(&mut self, rule: RuleId) {
        self.changed.extend(self.grouping.group_of(rule).map(Group::no));
    }

    fn leave_ended(&mut self, rule: RuleId) {
        self.changed.extend(self.ended_of.remove(&rule));
    }

    /// Forgets a group that is over.
    fn forget(&mut self, no: GroupNo) {
        let Some(group) = self.ended.remove(&no) else { return };
        for member in group.members() {
            if self.ended_of.get(&member.rule) == Some(&no) {
                self.ended_of.remove(&member.rule);
            }
        }
    }

    /// Keeps those of the closed groups that have listed alarms.
    fn end(&mut self, closed: Vec<Group>) {
        for group in closed {
            let no = group.no();
            self.changed.insert(no);
            let listed: Vec<RuleId> = group
                .members()
                .iter()
                .map(|member| member.rule)
                .filter(|rule| self.listed.contains_key(rule))
                .collect();
            if listed.len() >= LEAST_RELATED {
                self.ended_of.extend(listed.into_iter().map(|rule| (rule, no)));
                self.ended.insert(no, group);
            }
        }
        while self.ended.len() > MOST_ENDED {
            let Some(oldest) = self.ended.keys().next().copied() else { return };
            self.changed.insert(oldest);
            self.forget(oldest);
        }
    }

    /// A group as screens are told of it; none where it has too few listed alarms.
    fn group(&mut self, no: GroupNo, now: Timestamp) -> Option<AlarmGroup> {
        let (group, is_ended) = match self.grouping.group(no) {
            Some(group) => (group, false),
            None => (self.ended.get(&no)?, true),
        };
        let is_told = |rule: RuleId| match is_ended {
            true => self.ended_of.get(&rule) == Some(&no),
            false => self.listed.contains_key(&rule),
        };
        let listed: Vec<_> = group.members().iter().filter(|member| is_told(member.rule)).collect();
        if listed.len() < LEAST_RELATED {
            return None;
        }
        let topology = self.grouping.topology();
        let of = group.members().len();
        if self.causes.get(&no).is_none_or(|(weighed_of, _)| *weighed_of != of) {
            self.causes.insert(no, (of, group.causes(topology)));
        }
        let (_, causes) = self.causes.get(&no)?;
        let first = causes.first()?;
        let zone = group.members().iter().find(|member| member.rule == first.alarm)?.zone;
        let members = listed.iter().map(|member| GroupMember {
            rule: member.rule,
            raised_at: member.raised_at,
            occurrences: member.occurrences,
            role: if member.rule == first.alarm { MemberRole::Cause } else { role(topology, zone, member.zone) },
        });
        Some(AlarmGroup {
            id: id_of(group)?,
            began_at: group.began_at(),
            newest_at: group.newest_at(),
            ended_at: Some(group.open_until()).filter(|until| is_ended || *until < now),
            alarms: count(of),
            members: members.collect(),
            causes: causes.clone(),
        })
    }
}

/// Whether an alarm was raised and belongs on the list.
const fn is_listed(state: &AlarmState) -> bool {
    state.occurrence > 0 && state.is_listed()
}

/// A group is known by the alarm that came first, whichever run of the station met it.
fn id_of(group: &Group) -> Option<FloodId> {
    let first = group.members().first()?;
    Some(FloodId::derived(first.rule.0, &first.raised_at.as_micros().to_string()))
}

fn flood_now(flooding: Flooding) -> FloodNow {
    FloodNow {
        first_at: flooding.first_at,
        from: flooding.from,
        calls: count(flooding.calls),
        most: count(flooding.most),
    }
}

/// How a place stands to where the cause lies.
fn role(topology: &Topology, cause: Zone, zone: Zone) -> MemberRole {
    // Longer ways than u32 holds are on no plant.
    let metres = |way: penstock_alarm::Way| way.metres().round() as u32;
    match topology.relation(cause, zone) {
        Some(Relation::Same) => MemberRole::There,
        Some(Relation::Downstream(way)) => MemberRole::Downstream { metres: metres(way) },
        Some(Relation::Upstream(way)) => MemberRole::Upstream { metres: metres(way) },
        Some(Relation::Sibling) => MemberRole::SharedSupply,
        None => MemberRole::Apart,
    }
}

/// Where every alarm lies and how the water gets there, by the register as it stands, and the version of what it was
/// made of. Takes long on a large plant: not for a task that others wait for.
pub(crate) fn topology_of(register: &Register) -> (u64, Topology) {
    let (version, plant, points) = {
        let inner = register.lock();
        let placed: Vec<_> = inner.points.values().filter(|point| is_placed(point)).cloned().collect();
        (inner.laid, inner.plant.clone(), placed)
    };
    (version, Topology::new(&plant, &points))
}

/// Hands a topology on whenever plant, points or mains are others than they were at version `laid`, until nobody takes
/// one any more.
pub(crate) async fn follow_plant(register: Arc<Register>, mut laid: u64, topologies: mpsc::Sender<Topology>) {
    loop {
        tokio::select! {
            () = topologies.closed() => return,
            () = tokio::time::sleep(LOOKED_EVERY) => {}
        }
        let version = register.lock().laid;
        if version == laid {
            continue;
        }
        let as_it_is = Arc::clone(&register);
        match tokio::task::spawn_blocking(move || topology_of(&as_it_is)).await {
            Ok((version, topology)) => {
                laid = version;
                if topologies.send(topology).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                laid = version;
                tracing::error!(%error, "alarms are grouped by the plant as it was before its last change");
            }
        }
    }
}

#[cfg(test)]
mod tests;

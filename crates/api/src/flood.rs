//! Floods as screens see them: alarms that belong together, each group under its likely causes with the reasons that a
//! person can check, and the rate of calls. Data about alarms: every alarm is listed on its own besides.

use penstock_model::{FloodId, GroupCause, RuleId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::NamedAlarm;

/// What has changed about floods.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FloodNews {
    /// Groups that are new or have changed.
    pub changed: Vec<AlarmGroup>,
    /// Every group there is; any other one is there no more.
    pub standing: Vec<FloodId>,
    /// The flood that goes on.
    pub flooding: Option<FloodNow>,
}

/// More calls than one person can answer, going on: from more than 10 in 10 minutes until there are fewer than 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloodNow {
    /// The first call of the window that began it.
    pub first_at: Timestamp,
    /// When there were more than ten.
    pub from: Timestamp,
    /// How many calls, from the first.
    pub calls: u32,
    /// The most in any 10 minutes.
    pub most: u32,
}

/// Alarms that belong together along the mains, by shared gateways and by how long an effect takes. There is one from
/// three listed alarms on; an alarm is in one at most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmGroup {
    /// Its id; the same after a restart of the station.
    pub id: FloodId,
    /// When its first alarm was raised.
    pub began_at: Timestamp,
    /// When the newest of its alarms was first raised.
    pub newest_at: Timestamp,
    /// From when on nothing that is raised belongs to it; none while something still can.
    pub ended_at: Option<Timestamp>,
    /// How many alarms it has, those that are listed no more too.
    pub alarms: u32,
    /// What may have begun it, the likeliest first, at least one.
    pub causes: Vec<GroupCause>,
    /// Its listed alarms, in the order in which they came.
    pub members: Vec<GroupMember>,
}

/// A listed alarm of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMember {
    /// The alarm, by its rule.
    pub rule: RuleId,
    /// When it was first raised in the group.
    pub raised_at: Timestamp,
    /// How often it was.
    pub occurrences: u32,
    /// How it stands to the first cause.
    pub role: MemberRole,
}

/// How an alarm of a group stands to the group's first cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// It says the cause best.
    Cause,
    /// It lies where the cause does.
    There,
    /// It gets water from there.
    Downstream {
        /// The shortest way along the mains, m.
        metres: u32,
    },
    /// Water comes from it.
    Upstream {
        /// The shortest way along the mains, m.
        metres: u32,
    },
    /// Both are supplied by one place, with none between.
    SharedSupply,
    /// No mains connect them: it fell silent at the same time, or is bound to another alarm of the group.
    Apart,
}

/// A past stretch of time whose groups are asked for, for example a flood's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FloodSpan {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
}

/// The groups of a past stretch of time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PastGroups {
    /// Groups of three alarms or more with one raised in that time, those with most of these first, at most
    /// [`Self::MOST_GROUPS`].
    pub groups: Vec<PastGroup>,
    /// How many alarms raised in that time are in none of them.
    pub others: u32,
    /// Whether there were more entries than are looked at: then the last of them are left out.
    pub is_cut: bool,
}

impl PastGroups {
    /// Groups that are told of one stretch of time.
    pub const MOST_GROUPS: usize = 20;
    /// Stretches of time that are told at once.
    pub const MOST_SPANS: usize = 50;
}

/// A group of past alarms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PastGroup {
    /// When its first alarm was raised.
    pub began_at: Timestamp,
    /// When the newest of its alarms was first raised.
    pub newest_at: Timestamp,
    /// How many of its alarms were raised in the time that was asked for.
    pub alarms: u32,
    /// The alarm that says its first cause best; none where nobody knows its rule any more.
    pub first: Option<NamedAlarm>,
    /// What may have begun it, the likeliest first, at least one.
    pub causes: Vec<GroupCause>,
}

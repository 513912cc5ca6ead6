//! What the analysis of alarms brings back: the figures of an operator's position, each beside what it is held against.

use std::time::Duration;

use penstock_model::{Condition, Priority, RuleId, Subject, Timestamp};
use serde::{Deserialize, Serialize};

/// How much alarms asked of a position (ISA-18.2, IEC 62682, EEMUA 191). A call is an alarm that was seen and heard:
/// raised, called again, or let go while active.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmFigures {
    /// From when: later than was asked for where the journal begins later.
    pub from: Timestamp,
    /// Until when, not included: not later than now.
    pub to: Timestamp,
    /// Whether that is shorter than 30 days, so that the figures show where to look and prove nothing.
    pub indicative: bool,
    /// How many calls.
    pub calls: u32,
    /// What their average means.
    pub load: LoadClass,
    /// The figures, averages beside their peaks.
    pub figures: Vec<(FigureKind, Figure)>,
    /// The calls by priority, P1 to P4.
    pub priorities: Vec<PriorityLoad>,
    /// How long people took to acknowledge; none where nobody acknowledged anything.
    pub time_to_acknowledge: Option<TimeToAcknowledge>,
    /// The hours that had calls, counted from the range's beginning, in the order of time.
    pub hours: Vec<HourLoad>,
    /// The newest floods, in the order of time, at most [`Self::MOST_FLOODS`].
    pub floods: Vec<Flood>,
    /// How many floods there were.
    pub flood_count: u32,
    /// The alarms that loaded most, the most frequent first, at most [`Self::MOST_OFFENDERS`].
    pub offenders: Vec<Offender>,
    /// How many alarms called or were stale.
    pub offender_count: u32,
}

impl AlarmFigures {
    /// Floods that are told.
    pub const MOST_FLOODS: usize = 200;
    /// Alarms that are told.
    pub const MOST_OFFENDERS: usize = 100;
}

/// What the average rate of calls means for the person who answers (EEMUA 191).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadClass {
    /// Below 1 in 10 minutes.
    Acceptable,
    /// Up to 2.
    Manageable,
    /// Up to 10.
    OverDemanding,
    /// More.
    Unacceptable,
}

/// What a figure is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FigureKind {
    /// Calls a day on average.
    PerDay,
    /// The most calls in any 24 hours.
    MostInDay,
    /// Calls an hour on average.
    PerHour,
    /// The most calls in any hour.
    MostInHour,
    /// Calls in 10 minutes on average.
    PerTenMinutes,
    /// The most calls in any 10 minutes.
    MostInTenMinutes,
    /// The most calls in any minute.
    MostInMinute,
    /// Share of 10-minute stretches with more than 10 calls.
    BusyTenMinutes,
    /// Share of hours with more than 30 calls.
    BusyHours,
    /// Share of the time in flood.
    InFlood,
    /// Share of the ten most frequent alarms in all calls.
    TopTen,
    /// Raises that chattered.
    Chattering,
    /// Raises that were fleeting.
    Fleeting,
    /// Most alarms that were stale on one day.
    Stale,
    /// Most alarms that were active and on the list at once.
    Standing,
    /// Most alarms that were shelved at once.
    Shelved,
    /// Most alarms that were suppressed by design at once.
    Suppressed,
    /// Most alarms that were out of service at once.
    OutOfService,
    /// Alarms that people shelved or took out of service without a reason, or without being allowed to by the roles
    /// they have now.
    Unauthorised,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FigureUnit {
    /// Calls or alarms.
    Count,
    /// A part of a whole, 0 to 1.
    Share,
}

/// A figure with its target and what comes of the two.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// What it counts.
    pub unit: FigureUnit,
    /// What it is held against; none where the field names no target.
    pub target: Option<Target>,
    /// What comes of it; none where there is no target.
    pub verdict: Option<Verdict>,
}

/// What a figure is held against.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Within this it is as it should be.
    pub met: Bound,
    /// Within this it can be managed, where the field names such a bound.
    pub manageable: Option<Bound>,
}

/// A bound on a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Less than this.
    Below(f64),
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
}

/// What comes of holding a figure against its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Met,
    /// Not as it should be, and still to be managed.
    Manageable,
    /// Neither.
    NotMet,
}

/// The calls of a priority.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PriorityLoad {
    /// The priority.
    pub priority: Priority,
    /// How many calls.
    pub calls: u32,
    /// Their share in all.
    pub share: Figure,
}

/// How long calls waited to be acknowledged, from the first that nobody had answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeToAcknowledge {
    /// How many acknowledgements.
    pub count: u32,
    /// Half of them took no longer.
    pub median: Duration,
    /// Nine of ten took no longer.
    pub ninetieth: Duration,
}

/// The calls of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourLoad {
    /// When the hour begins.
    pub from: Timestamp,
    /// How many calls.
    pub calls: u32,
}

/// An alarm with what a list needs to name it, also where its rule is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedAlarm {
    /// Its rule.
    pub rule: RuleId,
    /// What it is about.
    pub subject: Subject,
    /// What it judges.
    pub condition: Condition,
    /// Its own name; empty where it has none.
    pub name: String,
    /// How urgent it is.
    pub priority: Priority,
}

/// More calls than one person can answer: from more than 10 in 10 minutes until there are fewer than 5.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flood {
    /// The alarm that called first.
    pub first: NamedAlarm,
    /// When it did.
    pub first_at: Timestamp,
    /// When there were more than ten.
    pub from: Timestamp,
    /// When there were fewer than five; none where it went on when the range ended.
    pub until: Option<Timestamp>,
    /// How many calls, from the first.
    pub calls: u32,
    /// The most in any 10 minutes.
    pub most: u32,
    /// How many in the 10 minutes from the first call.
    pub first_ten_minutes: Figure,
}

/// An alarm by the load it made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offender {
    /// The alarm.
    pub alarm: NamedAlarm,
    /// How often it called.
    pub calls: u32,
    /// When it last called; none where it only stood.
    pub last_at: Option<Timestamp>,
    /// Its share of all calls, 0 to 1.
    pub share: f64,
    /// How many of its raises chattered: three or more within 60 s.
    pub chattering: u32,
    /// How many of its raises were fleeting: under 10 s, without an act, not repeated within 60 s.
    pub fleeting: u32,
    /// How many of its occurrences stood on the list for more than 24 hours.
    pub stale: u32,
    /// How many of the occurrences that called were acted on, which acknowledging alone is not.
    pub acted_on: u32,
    /// Whether there is something to cure: it chatters, is fleeting or stale, or nobody ever acted on it.
    pub ails: bool,
    /// Which changes of its rule are worth trying, the least intrusive first.
    pub worth_trying: Vec<CureKind>,
}

/// A kind of change of a rule against nuisance, the least intrusive first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CureKind {
    /// A wider deadband.
    Deadband,
    /// A longer off-delay.
    OffDelay,
    /// A longer on-delay.
    OnDelay,
    /// A limit further off.
    Limit,
}

//! Alarms as data: rules, states and the transitions between them (ISA-18.2, OPC UA Part 9).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{PointId, RuleId, SiteId, Timestamp, UserId};

/// How urgent an alarm is, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Critical.
    P1,
    /// High.
    P2,
    /// Medium.
    P3,
    /// Low.
    P4,
}

impl Priority {
    /// Every priority, the most urgent first.
    pub const ALL: [Self; 4] = [Self::P1, Self::P2, Self::P3, Self::P4];

    /// The digit that marks it, 1 to 4.
    pub const fn digit(self) -> u8 {
        match self {
            Self::P1 => 1,
            Self::P2 => 2,
            Self::P3 => 3,
            Self::P4 => 4,
        }
    }
}

/// What is at stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmClass {
    /// People's health or life.
    Safety,
    /// The environment.
    Environment,
    /// Supply of water.
    Supply,
    /// Equipment and money.
    Equipment,
}

/// Which of a point's limits is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitLevel {
    /// LL.
    LowLow,
    /// L.
    Low,
    /// H.
    High,
    /// HH.
    HighHigh,
}

impl LimitLevel {
    /// Whether the alarm is on values above the limit.
    pub const fn is_high(self) -> bool {
        matches!(self, Self::High | Self::HighHigh)
    }
}

/// What an alarm is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// One point.
    Point(PointId),
    /// A whole site.
    Site(SiteId),
}

/// When an alarm's condition holds. Values are in SI.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The value is at or beyond a limit; it ends when the value is back by more than the deadband.
    Limit {
        /// Which limit.
        level: LimitLevel,
        /// The limit.
        limit: f64,
        /// How far back the value must come, 0 or more.
        deadband: f64,
    },
    /// The point's anomaly score is at or above a threshold.
    Anomaly {
        /// The threshold, 0 to 1.
        score: f64,
    },
    /// No point of the site has spoken for so long.
    Silence {
        /// How long.
        after: Duration,
    },
}

/// What the operator is told beside the alarm.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Guidance {
    /// The likely cause.
    pub cause: String,
    /// What happens if nothing is done.
    pub consequence: String,
    /// What to do now.
    pub action: String,
}

/// A rule that raises one alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmRule {
    /// Its id; the alarm is known by it too.
    pub id: RuleId,
    /// Counts up with every change.
    pub version: u32,
    /// What it is about.
    pub subject: Subject,
    /// When it holds.
    pub condition: Condition,
    /// How urgent.
    pub priority: Priority,
    /// What is at stake.
    pub class: AlarmClass,
    /// How long the condition must hold before the alarm is raised.
    pub on_delay: Duration,
    /// How long the condition must be gone before the alarm ends.
    pub off_delay: Duration,
    /// What the operator is told.
    pub guidance: Guidance,
    /// Whether it is evaluated.
    pub enabled: bool,
}

/// Where an alarm stands, on orthogonal axes (OPC UA Part 9 AlarmConditionType).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmState {
    /// The rule it belongs to.
    pub rule: RuleId,
    /// Counts the times it was raised; an acknowledgement names the one it means.
    pub occurrence: u64,
    /// Whether the condition holds, delays applied.
    pub active: bool,
    /// Whether somebody has acknowledged this occurrence.
    pub acknowledged: bool,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// The value that raised it.
    pub value: Option<f64>,
    /// Who acknowledged it.
    pub acknowledged_by: Option<UserId>,
}

impl AlarmState {
    /// Whether it belongs on the list: active, or not yet acknowledged.
    pub const fn is_listed(&self) -> bool {
        self.active || !self.acknowledged
    }
}

/// What happened to an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransitionKind {
    /// The condition has held for the on-delay.
    Raised,
    /// The condition has been gone for the off-delay.
    Cleared,
    /// A person has seen it.
    Acknowledged,
    /// A person says something about it.
    Commented,
}

/// One entry of the alarm journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// Whose alarm.
    pub rule: RuleId,
    /// Which occurrence of it.
    pub occurrence: u64,
    /// What happened.
    pub kind: TransitionKind,
    /// When, in the engine's time.
    pub at: Timestamp,
    /// The value at that moment, in SI.
    pub value: Option<f64>,
    /// Who, where a person did it.
    pub by: Option<UserId>,
    /// What the person said.
    pub comment: Option<String>,
    /// Version of the rule it was judged by.
    pub rule_version: u32,
}

//! The live metrics of alarms, and what keeps alarms from calling without anybody having allowed it.

use std::time::Duration;

use penstock_model::{KeptBy, SuppressionObjection, Timestamp};
use serde::{Deserialize, Serialize};

use crate::NamedAlarm;

/// How much alarms ask of people at present (AlarmMetricsType of OPC UA Part 9, and how many stand).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AlarmMetrics {
    /// When it was so.
    pub at: Timestamp,
    /// Since when calls are counted: the station's start, or when they were set back since.
    pub since: Timestamp,
    /// Calls since then.
    pub calls: u64,
    /// Calls in the last 10 minutes.
    pub in_ten_minutes: u32,
    /// The most calls in any 10 minutes since then.
    pub most_in_ten_minutes: u32,
    /// Calls in 10 minutes on average since then.
    pub average_in_ten_minutes: f64,
    /// The longest that an alarm has been active since then.
    pub longest_active: Duration,
    /// The longest that a call has waited for its acknowledgement since then.
    pub longest_unacknowledged: Duration,
    /// The most that one occurrence has called again.
    pub most_realarms: u32,
    /// Alarms that are active and on the list.
    pub standing: u32,
    /// Those of them that have been for more than 24 hours.
    pub stale: u32,
}

/// What keeps alarms from calling, and that nobody allowed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct UnauthorisedSuppressions {
    /// How many there are.
    pub count: u32,
    /// Those that have kept an alarm the longest, at most [`Self::MOST_ROWS`], the longest first.
    pub rows: Vec<UnauthorisedSuppression>,
}

impl UnauthorisedSuppressions {
    /// Suppressions that are told.
    pub const MOST_ROWS: usize = 500;
}

/// Something that keeps an alarm from calling, and that nobody allowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnauthorisedSuppression {
    /// The alarm.
    pub alarm: NamedAlarm,
    /// What keeps it.
    pub kept: KeptBy,
    /// Since when.
    pub since: Timestamp,
    /// Who did it, by the name people know them by; none where nobody is known, or its design does.
    pub by: Option<String>,
    /// What is wrong with it.
    pub objection: SuppressionObjection,
}

//! Earlier episodes that resemble an alarm's present one.

use penstock_model::{Condition, Kinship, Priority, RuleId, Subject, Timestamp};
use serde::{Deserialize, Serialize};

/// An earlier episode that resembles the one in question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimilarEpisode {
    /// Its rule.
    pub rule: RuleId,
    /// What it was about.
    pub subject: Subject,
    /// What it judged.
    pub condition: Condition,
    /// How urgent it is.
    pub priority: Priority,
    /// The rule's own name; empty where it has none.
    pub name: String,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// The value that raised it, in SI.
    pub value: Option<f64>,
    /// When it returned to normal; none where it had not yet.
    pub cleared_at: Option<Timestamp>,
    /// When it was acknowledged; none where it never was.
    pub acknowledged_at: Option<Timestamp>,
    /// Who acknowledged it, by the name people know them by; none where the station did.
    pub acknowledged_by: Option<String>,
    /// What people said of it, in that order.
    pub said: Vec<String>,
    /// How its alarm is related.
    pub kinship: Kinship,
    /// How many other alarms came with it within ten minutes; none where that lies too far back to be known.
    pub company: Option<u32>,
    /// How many of these came with the one in question too; 0 where that is not known.
    pub shared: u32,
}

//! How alarms are related whose earlier episodes say something of one. Must not know how they are found.

use serde::{Deserialize, Serialize};

/// How an episode's alarm is related to the one in question, the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kinship {
    /// It is the same alarm.
    Same,
    /// It is about the same thing.
    SameThing,
    /// It judges the same at the same place.
    SameKind,
}

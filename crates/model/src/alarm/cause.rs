//! What may have begun a group of alarms, and the reasons that a person can check. Must not know how it is found.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{AreaId, AssetId, PipeId, RuleId, SiteId};

/// What may have begun a group of alarms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupCause {
    /// What it is.
    pub kind: CauseKind,
    /// Where it lies.
    pub origin: CauseOrigin,
    /// Of a burst: the main nearest to the point that told of it first.
    pub main: Option<PipeId>,
    /// The alarm that says it best, by its rule; the others can be folded under it.
    pub alarm: RuleId,
    /// How well it explains the group, 0 to 1.
    pub score: f64,
    /// Why it is thought.
    pub reasons: Vec<CauseReason>,
}

/// What a cause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// A site has no power: its pumps stop and its gateway falls silent.
    PowerLoss,
    /// A whole station has stopped delivering.
    StationTrip,
    /// One pump has tripped.
    PumpTrip,
    /// Gateways cannot be heard.
    CommunicationsLoss,
    /// A main has broken, or leaks.
    Burst,
    /// Chlorine is not dosed, or used up on the way.
    ChlorineLoss,
    /// A tank is filled beyond its top.
    Overfilling,
    /// A tank runs empty, for a reason that no alarm tells.
    RunningEmpty,
    /// Nothing explains the group better than that this alarm came first.
    FirstAlarm,
}

/// Where a cause lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseOrigin {
    /// Somewhere in an area.
    Area(AreaId),
    /// At a site, or on the mains right behind it.
    Site(SiteId),
    /// A piece of equipment.
    Asset(AssetId),
    /// What several sites have in common: their radio network, their carrier, the broker.
    Several,
}

/// Why a cause is thought to be one; each can be checked on the list and on the map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseReason {
    /// So many of the group's alarms are what it leads to.
    Explains {
        /// How many.
        alarms: u32,
        /// Of how many.
        of: u32,
    },
    /// Its own first alarm came so long after the group's first; zero where it was the first.
    After(Duration),
    /// So many of the group's alarms lie at its place or downstream of it.
    Upstream {
        /// How many.
        alarms: u32,
        /// Of how many.
        of: u32,
    },
    /// What it shows itself by at its own place.
    Shows(Vec<Symptom>),
}

/// What an alarm says about the water, the machines or the gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Symptom {
    /// Nothing is heard of a site or a device.
    Silent,
    /// A pump has stopped, by its trip or by its running signal.
    Stopped,
    /// A tank runs over.
    Overflowing,
    /// More flows than usual.
    FlowHigh,
    /// Less flows than usual.
    FlowLow,
    /// The pressure is high.
    PressureHigh,
    /// The pressure is low.
    PressureLow,
    /// A tank is too full.
    LevelHigh,
    /// A tank is too empty.
    LevelLow,
    /// Too little residual chlorine.
    ChlorineLow,
    /// Too much of it.
    ChlorineHigh,
    /// The water is cloudy.
    Turbid,
    /// A machine draws little power.
    PowerLow,
    /// A machine shakes, warms or draws too much.
    Strained,
    /// The water itself is off in another way: pH, conductivity.
    Unlike,
    /// Something else is off.
    Odd,
}

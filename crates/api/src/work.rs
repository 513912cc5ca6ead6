//! The work on alarms that load: the cure that history proves, or why there is none, and what people decided.

use penstock_model::{RuleId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::CureProposal;

/// What the search for a cure of a rule found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CureFinding {
    /// The rule.
    pub rule: RuleId,
    /// The version of it that was tried.
    pub version: u32,
    /// From when history was judged.
    pub from: Timestamp,
    /// Until when, not included.
    pub to: Timestamp,
    /// Whether that is less than was asked for: the newest part of it that there was room and time for.
    pub is_cut: bool,
    /// So many samples were judged.
    pub samples: u64,
    /// What was found.
    pub outcome: CureOutcome,
}

/// Whether a cure is offered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CureOutcome {
    /// The least intrusive change that does, with its proof.
    Offered(Box<CureProposal>),
    /// No change does.
    NotOffered(NoCure),
}

/// Why no cure is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoCure {
    /// How often the rule as it is stored is raised and nobody acts on it.
    pub nuisance: u32,
    /// How many that somebody acted on a change has to keep.
    pub to_keep: u32,
    /// How many changes were tried.
    pub tried: u32,
    /// What is in the way.
    pub why: CureObstacle,
}

/// What is in the way of a cure, of the change that came nearest to being offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CureObstacle {
    /// Fewer than three that nobody acted on say nothing of a habit.
    TooFew,
    /// Condition, class and time to respond leave nothing to change.
    NothingToTry,
    /// The best change takes only so many away, and that is less than 80 %.
    RemovesTooLittle(u32),
    /// What takes enough away leaves an alarm standing for longer.
    StandsLonger,
    /// What takes enough away loses so many that somebody acted on.
    LosesActedOn(u32),
}

/// An alarm that somebody worked on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkRow {
    /// Its rule.
    pub rule: RuleId,
    /// How far the work has come.
    pub status: WorkStatus,
    /// When somebody last did something about it.
    pub at: Timestamp,
    /// Who, by the name people know them by; none where the station looked for a cure by itself.
    pub by: Option<String>,
    /// Why, in the person's words.
    pub reason: Option<String>,
    /// What the newest search for a cure found; none where the rule has changed since, unless by that cure.
    pub finding: Option<CureFinding>,
}

/// How far the work on an alarm has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkStatus {
    /// It waits for somebody.
    Open,
    /// A cure is offered.
    Proposed,
    /// The cure was applied.
    Applied,
    /// It stays as it is, for a reason.
    Dismissed,
}

//! The baseline of alarm rules: what was approved, whether its chain is whole, and what differs from it now.

use penstock_model::{AlarmRule, RuleId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::NamedAlarm;

/// The approvals of alarm rules, checked as they were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approvals {
    /// Every approval, the newest first.
    pub entries: Vec<ApprovalEntry>,
    /// Whether the chain is whole.
    pub verdict: ChainVerdict,
}

/// One approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalEntry {
    /// Which, 1 being the first.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// By whom, by the name people know them by; none where it is not known any more.
    pub by: Option<String>,
    /// Why, in the person's words.
    pub reason: String,
    /// How many rules were approved as they were.
    pub approved: u32,
    /// How many rules were approved to be no more.
    pub withdrawn: u32,
    /// SHA-256 over the approval and the digest before it, in hexadecimal digits: to be written down elsewhere.
    pub digest: String,
}

/// What a check of the chain found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainVerdict {
    /// How many approvals there are.
    pub approvals: u32,
    /// The first that is not as it was given; none where all are.
    pub broken: Option<BrokenApproval>,
}

/// The first approval that is not as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenApproval {
    /// Which.
    pub number: u64,
    /// What a screen says of it in the person's language.
    pub fault: ChainFault,
    /// The same as an English sentence with the cure, for logs and for programs.
    pub message: String,
}

/// What is wrong with a chain of approvals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainFault {
    /// Approvals are missing before one.
    Gap {
        /// The one that is there.
        given: u64,
    },
    /// It is not as it was given, or not of this chain.
    Altered,
    /// The end of the chain is missing.
    Cut {
        /// The newest that was given.
        head: u64,
    },
    /// It holds what are no settings of a rule.
    Unreadable,
}

/// What of the alarm rules is not as it was approved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RulesDrift {
    /// The newest approval, which the rules are held against; 0 where nothing was approved yet: then nothing drifts.
    pub newest: u64,
    /// How many rules are not as they were approved; where nothing was approved yet, how many there are.
    pub count: u32,
    /// Every one of them with the version that it has, none where it is gone: what an approval of them names.
    pub versions: Vec<(RuleId, Option<u32>)>,
    /// The first of them, at most [`Self::MOST_RULES`]: what was changed, then what is gone, then what is new. None
    /// where nothing was approved yet.
    pub rules: Vec<RuleDrift>,
}

impl RulesDrift {
    /// Rules that are told.
    pub const MOST_RULES: usize = 500;
}

/// A rule that is not as it was approved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleDrift {
    /// The rule.
    pub alarm: NamedAlarm,
    /// How it drifted.
    pub kind: DriftKind,
    /// As it was approved; none where it never was.
    pub approved: Option<Box<AlarmRule>>,
    /// As it is; none where it is gone.
    pub now: Option<Box<AlarmRule>>,
    /// What differs; empty where it was never approved or is gone.
    pub fields: Vec<FieldDrift>,
    /// Who changed, removed or added it last; none where that is not known.
    pub change: Option<RuleChange>,
}

/// How a rule drifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// It says something else.
    Changed,
    /// It was removed.
    Gone,
    /// It was never approved, or was approved to be no more.
    Unapproved,
}

/// A setting of a rule that is not as it was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDrift {
    /// Its name, nested ones with dots, for example `condition.limit.deadband`.
    pub field: String,
    /// What was approved, as JSON in SI; none where it had none.
    pub approved: Option<String>,
    /// What it is, as JSON in SI; none where it has none.
    pub now: Option<String>,
    /// Who made it so.
    pub change: Option<RuleChange>,
}

/// A change of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleChange {
    /// The version that it made; none of a removal.
    pub version: Option<u32>,
    /// When.
    pub at: Timestamp,
    /// By whom, by the name people know them by; none where the station did it.
    pub by: Option<String>,
    /// Why, in the person's words.
    pub reason: Option<String>,
}

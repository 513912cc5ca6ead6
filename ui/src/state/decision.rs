//! What a person is about to decide on alarms, for which a reason is asked. Must not know how it is asked.

use penstock_model::{AlarmRule, RuleId};

/// What a person decides.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Decision {
    /// The cure that was found for a rule is applied.
    ApplyCure(RuleId),
    /// An alarm that loads stays as it is.
    Dismiss(RuleId),
    /// It is worked on again.
    Reopen(RuleId),
    /// Rules are approved as they were seen, each with its version then, none where it was gone; the number is the
    /// newest approval that was seen.
    Approve(Vec<(RuleId, Option<u32>)>, u64),
    /// A rule goes back to what was approved.
    Return(Box<AlarmRule>),
    /// The live figures of alarms begin anew.
    ResetMetrics,
}

/// A decision with what is to be read before it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Question {
    /// What is decided.
    pub(crate) decision: Decision,
    /// What it is about.
    pub(crate) about: String,
    /// What it comes to, one line each.
    pub(crate) lines: Vec<String>,
}

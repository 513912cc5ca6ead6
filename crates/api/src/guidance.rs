//! What is told beside alarms, as it is set for parts of the plant: what a form for it needs.

use penstock_model::{ResolvedAdvice, ScopeAdvice, Timestamp};
use serde::{Deserialize, Serialize};

/// What is set for a part of the plant, with what stands where it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeGuidance {
    /// What is set for the part itself.
    pub own: ScopeAdvice,
    /// What it inherits from the parts that it lies in.
    pub inherited: ResolvedAdvice,
}

/// A version of what is set for a part of the plant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuidanceVersion {
    /// What was set then.
    pub set: ScopeAdvice,
    /// When it was stored.
    pub at: Timestamp,
    /// Who changed it, by the name people know them by; none where the station did.
    pub by: Option<String>,
    /// Why, in the person's words.
    pub reason: Option<String>,
}

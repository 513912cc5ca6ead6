//! Alarms as data: rules, states and the transitions between them (ISA-18.2, OPC UA Part 9).
//!
//! - `cause`: what may have begun a group of alarms;
//! - `condition`: when an alarm's condition holds;
//! - `rule`: the record of one alarm in the master alarm database;
//! - `guidance`: what is told beside the alarms of a part of the plant;
//! - `text`: expressions and schedules as people read and write them;
//! - `journal`: what happened to alarms, and where each stands after it;
//! - `kinship`: how alarms are related whose episodes resemble each other;
//! - `rank`: the order in which they are listed.
//!
//! Must not know how a condition is evaluated.

mod cause;
mod condition;
mod guidance;
mod journal;
mod kinship;
mod rank;
mod rule;
mod text;

pub use cause::{CauseKind, CauseOrigin, CauseReason, GroupCause, Symptom};
pub use condition::{Condition, Expression, LimitLevel, Reference, Side, Test};
pub use guidance::{Advice, Provenance, ResolvedAdvice, Scope, ScopeAdvice, Sourced, screen_fault};
pub use journal::{
    AlarmState, Annunciation, KeptBy, Raise, Shelf, Shelving, SuppressionObjection, Transition, TransitionDetail,
    TransitionKind,
};
pub use kinship::Kinship;
pub use rank::Rank;
pub use rule::{
    AcknowledgementModel, AlarmClass, AlarmRule, Guidance, Priority, Realarm, Schedule, Severity, Subject, Window,
};
pub use text::figure;

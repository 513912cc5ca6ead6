//! The alarm journal, the states that follow from it, and the rules. Must not know when an alarm is raised.
//!
//! - `journal`: writes entries, streams them in the order they were written;
//! - `search`: finds entries by what their alarm was about;
//! - `before`: where alarms stood at a moment;
//! - `states`: where each alarm stands;
//! - `rules`: the rules and every version of them;
//! - `guidance`: what is told beside the alarms of a part of the plant.
//! - `baseline`: the chain of their approvals;
//! - `work`: what was done about those that load most.

mod baseline;
mod before;
mod guidance;
mod journal;
mod rules;
mod search;
mod states;
mod work;

pub use baseline::{Approvals, Removal};
pub use guidance::GuidanceVersion;
pub use journal::{Entries, JournalEntry};
pub use rules::RuleVersion;
pub use search::{JournalFilter, JournalPage, JournalRecord, Records};
pub use work::{Work, WorkKind};

pub(crate) use guidance::write_guidance;
pub(crate) use journal::append;
pub(crate) use rules::write_rules;

/// A count of ours as a `bigint`; none comes near its end.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The version of a rule or of guidance as an `int`; none comes near its end.
fn version(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

//! Why an act of a person on an alarm is refused.

use penstock_model::{RuleId, UserId};

/// An act on an alarm that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No alarm of that rule has ever been raised.
    #[error("alarm {0} has not been raised: nothing to act on, refresh the list")]
    NeverRaised(RuleId),
    /// The alarm was raised again after the person last saw it.
    #[error(
        "alarm {rule} has been raised again (occurrence {current}, not {given}): look at it, then acknowledge that one"
    )]
    RaisedAgain {
        /// Whose alarm.
        rule: RuleId,
        /// The occurrence the person meant.
        given: u64,
        /// The occurrence it has now.
        current: u64,
    },
    /// An occurrence that has not been yet.
    #[error("alarm {rule} has no occurrence {given}: the newest is {current}, refresh the list")]
    NoSuchOccurrence {
        /// Whose alarm.
        rule: RuleId,
        /// The occurrence as given.
        given: u64,
        /// The occurrence it has now.
        current: u64,
    },
    /// Somebody was faster.
    #[error("alarm {rule} is already acknowledged{}", .by.map_or_else(String::new, |by| format!(" by {by}")))]
    AlreadyAcknowledged {
        /// Whose alarm.
        rule: RuleId,
        /// Who acknowledged it, where known.
        by: Option<UserId>,
    },
    /// A comment without text.
    #[error("a comment needs text: write what you saw or did")]
    EmptyComment,
}

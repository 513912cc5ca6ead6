//! Why an act of a person on an alarm is refused.

use penstock_model::{RuleId, Timestamp, UserId};

/// An act on an alarm that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No rule of that id is known, or it was removed.
    #[error("there is no alarm {0} any more: refresh the list")]
    NoSuchAlarm(RuleId),
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
    /// Its rule asks for no acknowledgement.
    #[error("alarm {0} needs no acknowledgement: it leaves the list when it returns to normal")]
    NeedsNoAcknowledgement(RuleId),
    /// Its rule has it acknowledged after its return alone.
    #[error(
        "alarm {0} can be acknowledged only once it has returned to normal: end its cause first, or shelve it with a \
         reason"
    )]
    NotYetReturned(RuleId),
    /// There is nothing to reset.
    #[error("alarm {0} is not latched: there is nothing to reset, refresh the list")]
    NotLatched(RuleId),
    /// A reset while the condition holds.
    #[error("alarm {0} is still active: end its cause, then reset it")]
    StillActive(RuleId),
    /// A reset before anybody has seen it.
    #[error("alarm {0} is not yet acknowledged: acknowledge it, then reset it")]
    NotYetAcknowledged(RuleId),
    /// A shelf that would be over at once.
    #[error("a shelf for alarm {rule} until {until} is already over: choose a later end")]
    ShelfIsOver {
        /// Whose alarm.
        rule: RuleId,
        /// Until when, as given.
        until: Timestamp,
    },
    /// Somebody was faster.
    #[error(
        "alarm {rule} is already shelved until {until}{}: take it off the shelf first, to shelve it otherwise",
        .by.map_or_else(String::new, |by| format!(" by {by}"))
    )]
    AlreadyShelved {
        /// Whose alarm.
        rule: RuleId,
        /// Who shelved it, where known.
        by: Option<UserId>,
        /// Until when.
        until: Timestamp,
    },
    /// Somebody has taken it off the shelf, or its time was over.
    #[error("alarm {0} is not shelved any more: refresh the list")]
    NotShelved(RuleId),
    /// Somebody was faster.
    #[error("alarm {rule} is out of service since {since}: there is nothing left to do")]
    AlreadyOutOfService {
        /// Whose alarm.
        rule: RuleId,
        /// Since when.
        since: Timestamp,
    },
    /// It is in service.
    #[error("alarm {0} is in service: there is nothing to return, refresh the list")]
    InService(RuleId),
    /// Shelving or taking out of service without saying why.
    #[error("to keep alarm {0} from calling needs a reason: write why")]
    NoReason(RuleId),
    /// A comment without text.
    #[error("a comment needs text: write what you saw or did")]
    EmptyComment,
}

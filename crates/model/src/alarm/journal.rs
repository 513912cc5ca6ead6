//! What happened to alarms, entry by entry, and where an alarm stands after it. Entries say all that a state needs: a
//! state follows from the journal alone, also when its rule has changed or gone.

use serde::{Deserialize, Serialize};

use crate::{RuleId, Timestamp, UserId};

/// What happened to an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransitionKind {
    /// The condition has held for the on-delay.
    Raised,
    /// The condition has been gone for the off-delay.
    Cleared,
    /// A person has seen it.
    Acknowledged,
    /// A person says something about it.
    Commented,
    /// It calls again: it still stands, so long after it was acknowledged, or it has become more urgent.
    Realarmed,
    /// A person has ended what it latched.
    Reset,
    /// A person keeps it from calling for a while; by nobody where the end of a shelf has moved along with the
    /// station's clock, which was set.
    Shelved,
    /// The shelf has ended: its time is over, the alarm has returned to normal on a one-shot shelf, or a person ended it.
    Unshelved,
    /// Its design keeps it from calling: what it is suppressed by holds, or its schedule is over.
    Suppressed,
    /// Its design does so no more.
    Unsuppressed,
    /// A person has taken it out of service.
    TakenOutOfService,
    /// A person has returned it to service.
    ReturnedToService,
}

/// What more an entry says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransitionDetail {
    /// Of a raise.
    Raise(Raise),
    /// Of shelving.
    Shelving(Shelving),
    /// Of an acknowledgement that would have been refused without its comment: of a critical alarm, or of several
    /// alarms at once with a critical one among them.
    CommentDemanded,
}

/// What a raise begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Raise {
    /// It will latch.
    #[serde(default)]
    pub latches: bool,
    /// Nobody needs to acknowledge it.
    #[serde(default)]
    pub needs_no_acknowledgement: bool,
    /// It is the first of its first-out group.
    #[serde(default)]
    pub first_out: bool,
}

/// How an alarm is shelved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelving {
    /// Until when at most.
    pub until: Timestamp,
    /// Only until it next returns to normal.
    pub one_shot: bool,
}

/// One entry of the alarm journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// Whose alarm.
    pub rule: RuleId,
    /// Which occurrence of it; 0 for what happened before the first.
    pub occurrence: u64,
    /// What happened.
    pub kind: TransitionKind,
    /// When, in the engine's time.
    pub at: Timestamp,
    /// The value at that moment, in SI.
    pub value: Option<f64>,
    /// Who, where a person did it.
    pub by: Option<UserId>,
    /// What the person said, or why they did it.
    pub comment: Option<String>,
    /// Version of the rule it was judged by.
    pub rule_version: u32,
    /// What more there is to say.
    #[serde(default)]
    pub detail: Option<TransitionDetail>,
}

/// A shelf that an alarm lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    /// How it was shelved.
    pub shelving: Shelving,
    /// Since when, or when its end last moved along with the station's clock.
    pub since: Timestamp,
    /// By whom, where known.
    pub by: Option<UserId>,
    /// Since when it has lain on a shelf without a gap, where it was shelved anew; moves along with the station's
    /// clock.
    #[serde(default)]
    pub first_since: Option<Timestamp>,
}

impl Shelf {
    /// Since when it has lain on a shelf without a gap.
    pub fn first(&self) -> Timestamp {
        self.first_since.unwrap_or(self.since)
    }
}

/// Why an alarm does not call although it may be active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptBy {
    /// It is out of service.
    OutOfService,
    /// Its design suppresses it.
    Suppressed,
    /// A person has shelved it.
    Shelved,
}

/// Whether and how an alarm calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Annunciation {
    /// Not at all.
    None,
    /// It stands on the list.
    Steady,
    /// It has returned, or is latched, and waits for a person.
    Waiting,
    /// It calls.
    Calling,
}

/// Where an alarm stands, on orthogonal axes (OPC UA Part 9 AlarmConditionType).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmState {
    /// The rule it belongs to.
    pub rule: RuleId,
    /// Counts the times it was raised, 0 before the first; an acknowledgement names the one it means.
    pub occurrence: u64,
    /// Whether the condition holds, delays applied.
    pub active: bool,
    /// Whether somebody has acknowledged this occurrence, or nobody needs to.
    pub acknowledged: bool,
    /// Whether it stays until a person resets it.
    #[serde(default)]
    pub latched: bool,
    /// The shelf it lies on.
    #[serde(default)]
    pub shelf: Option<Shelf>,
    /// Since when its design suppresses it.
    #[serde(default)]
    pub suppressed: Option<Timestamp>,
    /// Since when it is out of service.
    #[serde(default)]
    pub out_of_service: Option<Timestamp>,
    /// Whether it was the first of its first-out group.
    #[serde(default)]
    pub first_out: bool,
    /// How often this occurrence called again.
    #[serde(default)]
    pub realarms: u32,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// From when it calls: raised, called again, or let go by a shelf, its design or service while it was active. An
    /// acknowledgement from before that is of no account.
    #[serde(default)]
    pub called_at: Timestamp,
    /// When it last changed; it never goes back, though samples that come late can.
    pub changed_at: Timestamp,
    /// The value that raised it.
    pub value: Option<f64>,
    /// Who acknowledged it.
    pub acknowledged_by: Option<UserId>,
    /// When it was acknowledged; none where nobody needed to.
    #[serde(default)]
    pub acknowledged_at: Option<Timestamp>,
}

impl AlarmState {
    /// An alarm that has not been raised.
    pub const fn normal(rule: RuleId, at: Timestamp) -> Self {
        Self {
            rule,
            occurrence: 0,
            active: false,
            acknowledged: true,
            latched: false,
            shelf: None,
            suppressed: None,
            out_of_service: None,
            first_out: false,
            realarms: 0,
            raised_at: at,
            called_at: at,
            changed_at: at,
            value: None,
            acknowledged_by: None,
            acknowledged_at: None,
        }
    }

    /// Why it does not call although it may be active, the strongest reason; none where nothing keeps it
    /// (`SuppressedOrShelved` of OPC UA Part 9).
    pub const fn kept_by(&self) -> Option<KeptBy> {
        if self.out_of_service.is_some() {
            Some(KeptBy::OutOfService)
        } else if self.suppressed.is_some() {
            Some(KeptBy::Suppressed)
        } else if self.shelf.is_some() {
            Some(KeptBy::Shelved)
        } else {
            None
        }
    }

    /// Whether it belongs on the list: active, not yet acknowledged or latched, and nothing keeps it from calling.
    pub const fn is_listed(&self) -> bool {
        (self.active || !self.acknowledged || self.latched) && self.kept_by().is_none()
    }

    /// Whether and how it calls.
    pub const fn annunciation(&self) -> Annunciation {
        if !self.is_listed() {
            Annunciation::None
        } else if self.active && !self.acknowledged {
            Annunciation::Calling
        } else if self.active {
            Annunciation::Steady
        } else {
            Annunciation::Waiting
        }
    }
}

/// What is wrong with something that keeps an alarm from calling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionObjection {
    /// Its time is over.
    Expired,
    /// It is longer than whoever did it may.
    TooLong,
    /// Nobody is known who did it.
    ByNobody,
    /// Who did it may not, or may not any more.
    NotAllowed,
    /// Nobody said why.
    NoReason,
    /// What suppresses it by design is not as it was approved.
    NotApproved,
}

//! The axes an alarm stands on (OPC UA Part 9) and what moves each of them. Every axis answers to every kind of
//! transition on its own, so that a further axis is one more enum here and no new combination elsewhere.
//! Must not know why a condition holds or what time it is.

use penstock_model::{AlarmState, Transition, TransitionKind};

/// Whether the condition holds, delays applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Activity {
    /// It does not.
    Normal,
    /// It does.
    Active,
}

/// Whether somebody has seen the newest occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Acknowledgement {
    /// Seen, or nothing to see.
    Acknowledged,
    /// Not yet seen.
    Unacknowledged,
}

/// Where an alarm stands on all axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Axes {
    /// Condition.
    pub activity: Activity,
    /// Person.
    pub acknowledgement: Acknowledgement,
}

/// The named state that follows from the axes (letters after ISA-18.2 as the field draws it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// A: nothing to see.
    Normal,
    /// B: active, not yet acknowledged.
    Unacknowledged,
    /// C: active, acknowledged.
    Acknowledged,
    /// D: returned to normal before anybody acknowledged it; stays listed.
    ReturnedUnacknowledged,
}

/// Brings a state up to a journal entry. Entries that are already in it (an earlier occurrence, an axis that stands
/// there already) change nothing, so that replaying a journal twice gives the same state. Returns whether the entry
/// belonged: a comment belongs and changes no axis.
pub fn apply(state: &mut Option<AlarmState>, entry: &Transition) -> bool {
    let Some(known) = state else {
        *state = first(entry);
        return state.is_some();
    };
    if known.rule != entry.rule {
        return false;
    }
    if entry.kind == TransitionKind::Raised {
        // A later occurrence is taken even where the journal lacks the return before it.
        if entry.occurrence <= known.occurrence {
            return false;
        }
        *state = first(entry);
        return true;
    }
    if entry.kind == TransitionKind::Commented {
        return entry.occurrence <= known.occurrence;
    }
    if entry.occurrence != known.occurrence {
        return false;
    }
    let Some(axes) = Axes::of(known).after(entry.kind) else { return false };
    known.active = axes.activity == Activity::Active;
    known.acknowledged = axes.acknowledgement == Acknowledgement::Acknowledged;
    known.changed_at = entry.at;
    if entry.kind == TransitionKind::Acknowledged {
        known.acknowledged_by = entry.by;
    }
    true
}

/// The state that an alarm's first known entry gives; only a raise makes one.
fn first(entry: &Transition) -> Option<AlarmState> {
    (entry.kind == TransitionKind::Raised).then_some(AlarmState {
        rule: entry.rule,
        occurrence: entry.occurrence,
        active: true,
        acknowledged: false,
        raised_at: entry.at,
        changed_at: entry.at,
        value: entry.value,
        acknowledged_by: None,
    })
}

impl Axes {
    /// Where an alarm that was never raised stands.
    pub const NORMAL: Self = Self { activity: Activity::Normal, acknowledgement: Acknowledgement::Acknowledged };

    /// Where an alarm stands.
    pub const fn of(state: &AlarmState) -> Self {
        Self {
            activity: if state.active { Activity::Active } else { Activity::Normal },
            acknowledgement: if state.acknowledged {
                Acknowledgement::Acknowledged
            } else {
                Acknowledgement::Unacknowledged
            },
        }
    }

    /// Where it stands after a transition; none where one of the axes forbids it.
    pub const fn after(self, kind: TransitionKind) -> Option<Self> {
        match (self.activity.after(kind), self.acknowledgement.after(kind)) {
            (Some(activity), Some(acknowledgement)) => Some(Self { activity, acknowledgement }),
            _ => None,
        }
    }

    /// The name of the place.
    pub const fn standing(self) -> Standing {
        match (self.activity, self.acknowledgement) {
            (Activity::Normal, Acknowledgement::Acknowledged) => Standing::Normal,
            (Activity::Active, Acknowledgement::Unacknowledged) => Standing::Unacknowledged,
            (Activity::Active, Acknowledgement::Acknowledged) => Standing::Acknowledged,
            (Activity::Normal, Acknowledgement::Unacknowledged) => Standing::ReturnedUnacknowledged,
        }
    }
}

impl Activity {
    /// Moved by raising and clearing alone.
    pub const fn after(self, kind: TransitionKind) -> Option<Self> {
        match (self, kind) {
            (Self::Normal, TransitionKind::Raised) => Some(Self::Active),
            (Self::Active, TransitionKind::Cleared) => Some(Self::Normal),
            (_, TransitionKind::Raised | TransitionKind::Cleared) => None,
            (_, TransitionKind::Acknowledged | TransitionKind::Commented) => Some(self),
        }
    }
}

impl Acknowledgement {
    /// Set by a person, taken away by each new occurrence; a return to normal leaves it.
    pub const fn after(self, kind: TransitionKind) -> Option<Self> {
        match (self, kind) {
            (_, TransitionKind::Raised) => Some(Self::Unacknowledged),
            (Self::Unacknowledged, TransitionKind::Acknowledged) => Some(Self::Acknowledged),
            (Self::Acknowledged, TransitionKind::Acknowledged) => None,
            (_, TransitionKind::Cleared | TransitionKind::Commented) => Some(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::{RuleId, Timestamp, UserId};

    use super::*;

    /// The state table of the design, A to D: each place, each transition, where it leads; none where it is refused.
    #[test]
    fn table() {
        use Standing::{Acknowledged as C, Normal as A, ReturnedUnacknowledged as D, Unacknowledged as B};
        use TransitionKind::{Acknowledged, Cleared, Commented, Raised};
        let check = |from: Standing, kind: TransitionKind, expect: Option<Standing>| {
            let axes = place(from);
            assert_eq!(axes.after(kind).map(Axes::standing), expect, "{from:?} {kind:?}");
        };
        check(A, Raised, Some(B));
        check(A, Cleared, None);
        check(A, Acknowledged, None);
        check(A, Commented, Some(A));
        check(B, Raised, None);
        check(B, Cleared, Some(D));
        check(B, Acknowledged, Some(C));
        check(B, Commented, Some(B));
        check(C, Raised, None);
        check(C, Cleared, Some(A));
        check(C, Acknowledged, None);
        check(C, Commented, Some(C));
        check(D, Raised, Some(B));
        check(D, Cleared, None);
        check(D, Acknowledged, Some(A));
        check(D, Commented, Some(D));
    }

    #[test]
    fn journal_entries_that_are_known_change_nothing() {
        let mut state = None;
        let raised = entry(TransitionKind::Raised, 1, 10);
        assert!(!apply(&mut state, &entry(TransitionKind::Cleared, 1, 5)), "nothing to clear yet");
        assert!(apply(&mut state, &raised));
        assert!(!apply(&mut state, &raised));
        assert!(apply(&mut state, &entry(TransitionKind::Acknowledged, 1, 11)));
        let acknowledged = state.clone();
        assert!(!apply(&mut state, &entry(TransitionKind::Acknowledged, 1, 12)));
        assert!(!apply(&mut state, &entry(TransitionKind::Cleared, 2, 12)), "an occurrence that is not this one");
        assert_eq!(state, acknowledged);
    }

    #[test]
    fn a_new_occurrence_takes_the_acknowledgement_away() {
        let mut state = None;
        for entry in [
            entry(TransitionKind::Raised, 1, 10),
            entry(TransitionKind::Acknowledged, 1, 11),
            entry(TransitionKind::Cleared, 1, 12),
            entry(TransitionKind::Raised, 2, 13),
        ] {
            assert!(apply(&mut state, &entry), "{entry:?}");
        }
        let state = state.expect("raised");
        assert_eq!(Axes::of(&state).standing(), Standing::Unacknowledged);
        assert_eq!((state.occurrence, state.acknowledged_by), (2, None));
        assert_eq!(state.raised_at, Timestamp::from_secs(13));
    }

    fn place(standing: Standing) -> Axes {
        let (activity, acknowledgement) = match standing {
            Standing::Normal => (Activity::Normal, Acknowledgement::Acknowledged),
            Standing::Unacknowledged => (Activity::Active, Acknowledgement::Unacknowledged),
            Standing::Acknowledged => (Activity::Active, Acknowledgement::Acknowledged),
            Standing::ReturnedUnacknowledged => (Activity::Normal, Acknowledgement::Unacknowledged),
        };
        Axes { activity, acknowledgement }
    }

    fn entry(kind: TransitionKind, occurrence: u64, at_secs: i64) -> Transition {
        let nil = RuleId::made(Timestamp::from_secs(0), [0; 10]);
        Transition {
            rule: nil,
            occurrence,
            kind,
            at: Timestamp::from_secs(at_secs),
            value: None,
            by: (kind == TransitionKind::Acknowledged).then_some(UserId(nil.0)),
            comment: None,
            rule_version: 1,
        }
    }
}

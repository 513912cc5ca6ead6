//! The axes an alarm stands on (OPC UA Part 9) and what moves each of them. Every axis answers to every kind of
//! transition on its own, so that a further axis is one more enum here and no new combination elsewhere; one rule alone
//! goes over several: what is let go while it is active calls afresh. Must not know why a condition holds or what time
//! it is.

use penstock_model::{AlarmState, Raise, Shelf, Shelving, Timestamp, Transition, TransitionDetail, TransitionKind};

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
    /// Nobody needs to: there is nothing to see, or its rule asks for none.
    NotNeeded,
    /// Seen.
    Acknowledged,
    /// Not yet seen.
    Unacknowledged,
}

/// Whether it stays until a person resets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Latch {
    /// It goes by itself.
    Free,
    /// It stays.
    Latched,
}

/// Whether and how it is shelved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShelvingState {
    /// It is not.
    Unshelved,
    /// For a time.
    TimedShelved,
    /// Until it next returns to normal, for a time at most.
    OneShotShelved,
}

/// Whether its design keeps it from calling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suppression {
    /// It does not.
    Unsuppressed,
    /// It does.
    Suppressed,
}

/// Whether it is in service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// It is.
    InService,
    /// A person has taken it out.
    OutOfService,
}

/// Where an alarm stands on all axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Axes {
    /// Condition.
    pub activity: Activity,
    /// Person.
    pub acknowledgement: Acknowledgement,
    /// Reset.
    pub latch: Latch,
    /// Shelf.
    pub shelving: ShelvingState,
    /// Design.
    pub suppression: Suppression,
    /// Service.
    pub service: Service,
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
    /// E: returned to normal, latched and not yet acknowledged.
    LatchedUnacknowledged,
    /// F: returned to normal, acknowledged, latched until a person resets it.
    LatchedAcknowledged,
    /// G: shelved, whatever its condition.
    Shelved,
    /// H: suppressed by design, whatever its condition.
    Suppressed,
    /// I: out of service, whatever its condition.
    OutOfService,
}

/// Brings a state up to a journal entry. Entries that are already in it (an earlier occurrence, an acknowledgement from
/// before it called again, a shelf that has been taken away since) change nothing, so that replaying a journal twice
/// gives the same state. Returns whether the entry belonged: a comment belongs and changes no axis.
///
/// A raise begins a state, and so do a shelf, a suppression or taking out of service before the first occurrence.
pub fn apply(state: &mut Option<AlarmState>, entry: &Transition) -> bool {
    if let Some(known) = state {
        return known.rule == entry.rule && take(known, entry);
    }
    if !begins(entry.kind) {
        return false;
    }
    let mut first = AlarmState::normal(entry.rule, entry.at);
    let belonged = take(&mut first, entry);
    *state = belonged.then_some(first);
    belonged
}

/// Whether an entry of this kind can be the first that is known of an alarm.
pub(crate) const fn begins(kind: TransitionKind) -> bool {
    use TransitionKind::{Raised, Shelved, Suppressed, TakenOutOfService};
    matches!(kind, Raised | Shelved | Suppressed | TakenOutOfService)
}

/// The moment at which an entry of people or design is written: `now`, or where that is not after what they did last, as
/// soon after it as can be told apart, and never before what it follows. So a replay knows which came first.
pub(crate) fn follows(state: Option<&AlarmState>, now: Timestamp) -> Timestamp {
    let Some(state) = state else { return now };
    let marks = [
        state.acknowledged_at,
        state.shelf.map(|shelf| shelf.since),
        state.suppressed,
        state.out_of_service,
        called_again(state),
    ];
    let after_mark = |mark: Timestamp| Timestamp::from_micros(mark.as_micros().saturating_add(1));
    marks.into_iter().flatten().map(after_mark).fold(now.max(state.changed_at), Timestamp::max)
}

/// When this occurrence last called after its raise, if it did.
fn called_again(state: &AlarmState) -> Option<Timestamp> {
    (state.realarms > 0 || state.called_at != state.raised_at).then_some(state.called_at)
}

/// Whether the state has this entry already, or knows of a later one on the same axis. Raise and return are told apart
/// by their occurrence, as the times of samples need not grow; what people and design do, by its time.
fn is_known(known: &AlarmState, entry: &Transition) -> bool {
    use TransitionKind as Kind;
    let is_of_another = entry.occurrence != known.occurrence;
    let is_not_after = |mark: Option<Timestamp>| mark.is_some_and(|mark| entry.at <= mark);
    match entry.kind {
        Kind::Raised => entry.occurrence <= known.occurrence,
        Kind::Cleared | Kind::Reset => is_of_another,
        Kind::Commented => entry.occurrence > known.occurrence,
        Kind::Acknowledged => is_of_another || called_again(known).is_some_and(|called| entry.at < called),
        Kind::Realarmed => is_of_another || is_not_after(called_again(known)) || is_not_after(known.acknowledged_at),
        Kind::Shelved | Kind::Unshelved => is_not_after(known.shelf.map(|shelf| shelf.since)),
        Kind::Suppressed | Kind::Unsuppressed => is_not_after(known.suppressed),
        Kind::TakenOutOfService | Kind::ReturnedToService => is_not_after(known.out_of_service),
    }
}

fn take(known: &mut AlarmState, entry: &Transition) -> bool {
    if is_known(known, entry) {
        return false;
    }
    if entry.kind == TransitionKind::Commented {
        return true;
    }
    let mut before = Axes::of(known);
    if entry.kind == TransitionKind::Raised {
        // A later occurrence is taken even where the journal lacks the return before it.
        before.activity = Activity::Normal;
    }
    let Some(mut after) = before.after(entry.kind, entry.detail.as_ref()) else { return false };
    if before.lets_go_active(after) {
        // What ended before the newest acknowledgement or occurrence does not call them back.
        let is_newer = known.acknowledged_at.is_none_or(|seen| entry.at > seen);
        if is_newer && entry.occurrence == known.occurrence {
            known.called_at = known.called_at.max(entry.at);
        } else {
            after.acknowledgement = before.acknowledgement;
        }
    }
    match entry.kind {
        TransitionKind::Raised => {
            known.occurrence = entry.occurrence;
            known.raised_at = entry.at;
            known.called_at = entry.at;
            known.value = entry.value;
            known.first_out = raise_of(entry.detail.as_ref()).first_out;
            known.realarms = 0;
            (known.acknowledged_by, known.acknowledged_at) = (None, None);
        }
        TransitionKind::Acknowledged => {
            (known.acknowledged_by, known.acknowledged_at) = (entry.by, Some(entry.at));
        }
        TransitionKind::Realarmed => {
            known.realarms = known.realarms.saturating_add(1);
            known.called_at = entry.at;
        }
        TransitionKind::Shelved => {
            // Its end that moves along with the station's clock is nobody's act: it stays that person's shelf.
            let former = known.shelf;
            let by = entry.by.or(former.and_then(|shelf| shelf.by));
            known.shelf = shelving_of(entry.detail.as_ref()).map(|shelving| {
                let first_since = former.map(|former| first_since(&former, &shelving, entry.by.is_none()));
                Shelf { shelving, since: entry.at, by, first_since }
            });
        }
        TransitionKind::Unshelved => known.shelf = None,
        TransitionKind::Suppressed => known.suppressed = Some(entry.at),
        TransitionKind::Unsuppressed => known.suppressed = None,
        TransitionKind::TakenOutOfService => known.out_of_service = Some(entry.at),
        TransitionKind::ReturnedToService => known.out_of_service = None,
        TransitionKind::Cleared | TransitionKind::Reset | TransitionKind::Commented => {}
    }
    known.active = after.activity == Activity::Active;
    known.acknowledged = after.acknowledgement != Acknowledgement::Unacknowledged;
    known.latched = after.latch == Latch::Latched;
    if !known.acknowledged {
        (known.acknowledged_by, known.acknowledged_at) = (None, None);
    }
    known.changed_at = known.changed_at.max(entry.at);
    true
}

/// Since when an alarm has lain on a shelf without a gap that is shelved anew: for limits that is one shelf. Where its
/// end has moved along with the clock, so has its beginning.
fn first_since(former: &Shelf, anew: &Shelving, has_moved: bool) -> Timestamp {
    let moved_micros = if has_moved { anew.until.micros_since(former.shelving.until) } else { 0 };
    Timestamp::from_micros(former.first().as_micros().saturating_add(moved_micros))
}

/// What a raise begins; an entry without it, as older ones are, begins nothing special.
pub(crate) fn raise_of(detail: Option<&TransitionDetail>) -> Raise {
    match detail {
        Some(TransitionDetail::Raise(raise)) => *raise,
        _ => Raise::default(),
    }
}

fn shelving_of(detail: Option<&TransitionDetail>) -> Option<Shelving> {
    match detail {
        Some(TransitionDetail::Shelving(shelving)) => Some(*shelving),
        _ => None,
    }
}

impl Axes {
    /// Where an alarm that was never raised stands.
    pub const NORMAL: Self = Self {
        activity: Activity::Normal,
        acknowledgement: Acknowledgement::NotNeeded,
        latch: Latch::Free,
        shelving: ShelvingState::Unshelved,
        suppression: Suppression::Unsuppressed,
        service: Service::InService,
    };

    /// Where an alarm stands.
    pub const fn of(state: &AlarmState) -> Self {
        let has_been_seen = state.acknowledged_at.is_some() || state.acknowledged_by.is_some();
        Self {
            activity: if state.active { Activity::Active } else { Activity::Normal },
            acknowledgement: match (state.acknowledged, has_been_seen) {
                (false, _) => Acknowledgement::Unacknowledged,
                (true, true) => Acknowledgement::Acknowledged,
                (true, false) => Acknowledgement::NotNeeded,
            },
            latch: if state.latched { Latch::Latched } else { Latch::Free },
            shelving: match state.shelf {
                None => ShelvingState::Unshelved,
                Some(shelf) if shelf.shelving.one_shot => ShelvingState::OneShotShelved,
                Some(_) => ShelvingState::TimedShelved,
            },
            suppression: if state.suppressed.is_some() { Suppression::Suppressed } else { Suppression::Unsuppressed },
            service: if state.out_of_service.is_some() { Service::OutOfService } else { Service::InService },
        }
    }

    /// Where it stands after a transition; none where one of the axes forbids it.
    pub fn after(self, kind: TransitionKind, detail: Option<&TransitionDetail>) -> Option<Self> {
        let raise = raise_of(detail);
        let mut after = Self {
            activity: self.activity.after(kind)?,
            acknowledgement: self.acknowledgement.after(kind, raise)?,
            latch: self.latch.after(kind, raise)?,
            shelving: self.shelving.after(kind, shelving_of(detail))?,
            suppression: self.suppression.after(kind)?,
            service: self.service.after(kind)?,
        };
        if self.lets_go_active(after) && after.acknowledgement == Acknowledgement::Acknowledged {
            after.acknowledgement = Acknowledgement::Unacknowledged;
        }
        Some(after)
    }

    /// The name of the place; of several reasons that keep it from calling, the strongest.
    pub const fn standing(self) -> Standing {
        if matches!(self.service, Service::OutOfService) {
            return Standing::OutOfService;
        }
        if matches!(self.suppression, Suppression::Suppressed) {
            return Standing::Suppressed;
        }
        if !matches!(self.shelving, ShelvingState::Unshelved) {
            return Standing::Shelved;
        }
        let is_seen = !matches!(self.acknowledgement, Acknowledgement::Unacknowledged);
        match (self.activity, self.latch, is_seen) {
            (Activity::Active, _, false) => Standing::Unacknowledged,
            (Activity::Active, _, true) => Standing::Acknowledged,
            (Activity::Normal, Latch::Free, false) => Standing::ReturnedUnacknowledged,
            (Activity::Normal, Latch::Free, true) => Standing::Normal,
            (Activity::Normal, Latch::Latched, false) => Standing::LatchedUnacknowledged,
            (Activity::Normal, Latch::Latched, true) => Standing::LatchedAcknowledged,
        }
    }

    const fn is_kept(self) -> bool {
        matches!(self.service, Service::OutOfService)
            || matches!(self.suppression, Suppression::Suppressed)
            || !matches!(self.shelving, ShelvingState::Unshelved)
    }

    /// Whether the last of what kept it from calling is gone on the way there, and it is active.
    const fn lets_go_active(self, after: Self) -> bool {
        self.is_kept() && !after.is_kept() && matches!(after.activity, Activity::Active)
    }
}

impl Activity {
    /// Moved by raising and clearing alone; only what is active calls again, only what is not is reset.
    pub const fn after(self, kind: TransitionKind) -> Option<Self> {
        match (self, kind) {
            (Self::Normal, TransitionKind::Raised) => Some(Self::Active),
            (Self::Active, TransitionKind::Cleared) => Some(Self::Normal),
            (_, TransitionKind::Raised | TransitionKind::Cleared)
            | (Self::Normal, TransitionKind::Realarmed)
            | (Self::Active, TransitionKind::Reset) => None,
            _ => Some(self),
        }
    }
}

impl Acknowledgement {
    /// Set by a person, taken away by each new occurrence and each new call; a return to normal leaves it. What is not
    /// yet seen is not reset.
    pub const fn after(self, kind: TransitionKind, raise: Raise) -> Option<Self> {
        match (self, kind) {
            (_, TransitionKind::Raised) if raise.needs_no_acknowledgement => Some(Self::NotNeeded),
            (_, TransitionKind::Raised) => Some(Self::Unacknowledged),
            (Self::Unacknowledged, TransitionKind::Acknowledged) => Some(Self::Acknowledged),
            (Self::Acknowledged, TransitionKind::Realarmed) => Some(Self::Unacknowledged),
            (_, TransitionKind::Acknowledged) | (Self::Unacknowledged, TransitionKind::Reset) => None,
            _ => Some(self),
        }
    }
}

impl Latch {
    /// Set by a raise, opened by a reset.
    pub const fn after(self, kind: TransitionKind, raise: Raise) -> Option<Self> {
        match (self, kind) {
            (_, TransitionKind::Raised) if raise.latches => Some(Self::Latched),
            (_, TransitionKind::Raised) | (Self::Latched, TransitionKind::Reset) => Some(Self::Free),
            (Self::Free, TransitionKind::Reset) => None,
            _ => Some(self),
        }
    }
}

impl ShelvingState {
    /// Moved by shelving and unshelving; what is shelved can be shelved otherwise.
    pub const fn after(self, kind: TransitionKind, shelving: Option<Shelving>) -> Option<Self> {
        match (self, kind, shelving) {
            (_, TransitionKind::Shelved, Some(Shelving { one_shot: true, .. })) => Some(Self::OneShotShelved),
            (_, TransitionKind::Shelved, Some(_)) => Some(Self::TimedShelved),
            (_, TransitionKind::Shelved, None) | (Self::Unshelved, TransitionKind::Unshelved, _) => None,
            (_, TransitionKind::Unshelved, _) => Some(Self::Unshelved),
            _ => Some(self),
        }
    }
}

impl Suppression {
    /// Moved by its own two kinds.
    pub const fn after(self, kind: TransitionKind) -> Option<Self> {
        match (self, kind) {
            (Self::Unsuppressed, TransitionKind::Suppressed) => Some(Self::Suppressed),
            (Self::Suppressed, TransitionKind::Unsuppressed) => Some(Self::Unsuppressed),
            (_, TransitionKind::Suppressed | TransitionKind::Unsuppressed) => None,
            _ => Some(self),
        }
    }
}

impl Service {
    /// Moved by its own two kinds.
    pub const fn after(self, kind: TransitionKind) -> Option<Self> {
        match (self, kind) {
            (Self::InService, TransitionKind::TakenOutOfService) => Some(Self::OutOfService),
            (Self::OutOfService, TransitionKind::ReturnedToService) => Some(Self::InService),
            (_, TransitionKind::TakenOutOfService | TransitionKind::ReturnedToService) => None,
            _ => Some(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::{RuleId, UserId};

    use super::*;
    use TransitionKind::{
        Acknowledged, Cleared, Commented, Raised, Realarmed, Reset, ReturnedToService, Shelved, Suppressed,
        TakenOutOfService, Unshelved, Unsuppressed,
    };

    /// The state table of the design, A to I: each place, each transition, where it leads; `-` where it is refused.
    /// G, H and I stand for an alarm that is normal beneath.
    #[test]
    fn table() {
        let kinds = [
            Raised,
            Cleared,
            Acknowledged,
            Commented,
            Realarmed,
            Reset,
            Shelved,
            Unshelved,
            Suppressed,
            Unsuppressed,
            TakenOutOfService,
            ReturnedToService,
        ];
        let rows = [
            // R  C  A  co re rs S  u  H  u  I  r
            "A B  -  -  A  -  -  G  -  H  -  I  -",
            "B -  D  C  B  B  -  G  -  H  -  I  -",
            "C -  A  -  C  B  -  G  -  H  -  I  -",
            "D B  -  A  D  -  -  G  -  H  -  I  -",
            "E B  -  F  E  -  -  G  -  H  -  I  -",
            "F B  -  -  F  -  A  G  -  H  -  I  -",
            "G G  -  -  G  -  -  G  A  H  -  I  -",
            "H H  -  -  H  -  -  H  -  -  A  I  -",
            "I I  -  -  I  -  -  I  -  I  -  -  A",
        ];
        for row in rows {
            let mut letters = row.split_whitespace();
            let from = letters.next().expect("a place");
            assert_eq!(letters.clone().count(), kinds.len(), "{row}");
            for (kind, expect) in kinds.into_iter().zip(letters) {
                let after = place(from).after(kind, detail(kind, false).as_ref());
                assert_eq!(after.map_or("-", |axes| letter(axes.standing())), expect, "{kind:?} from {from}");
            }
        }
    }

    /// What happens beneath a shelf, a suppression or out of service shows once they end, and calls afresh.
    #[test]
    fn what_is_let_go_while_active_calls_afresh() {
        let ways = [(Shelved, Unshelved), (Suppressed, Unsuppressed), (TakenOutOfService, ReturnedToService)];
        let after = |axes: Axes, kind| axes.after(kind, detail(kind, false).as_ref()).expect("allowed");
        let check = |from: &str, expect: &str| {
            for (begin, end) in ways {
                let kept = after(place(from), begin);
                assert_eq!(letter(after(kept, end).standing()), expect, "{begin:?} from {from}");
                // A second reason still keeps it, and what was seen stays seen until that one ends as well.
                for (other_begin, other_end) in ways.into_iter().filter(|(other, _)| *other != begin) {
                    let kept_twice = after(kept, other_begin);
                    let kept_once = after(kept_twice, end);
                    assert_eq!(kept_once.acknowledgement, place(from).acknowledgement, "{begin:?} {other_begin:?}");
                    assert_eq!(letter(after(kept_once, other_end).standing()), expect, "{begin:?} {other_begin:?}");
                }
            }
        };
        check("A", "A");
        check("B", "B");
        check("C", "B");
        check("D", "D");
        check("E", "E");
        check("F", "F");
    }

    #[test]
    fn what_needs_no_acknowledgement_is_never_asked_for_one() {
        let raise = TransitionDetail::Raise(Raise { needs_no_acknowledgement: true, ..Raise::default() });
        let raised = Axes::NORMAL.after(Raised, Some(&raise)).expect("raised");
        assert_eq!(raised.standing(), Standing::Acknowledged);
        assert_eq!(raised.after(Acknowledged, None), None);
        let kept = raised.after(TakenOutOfService, None).expect("taken out");
        let back = kept.after(ReturnedToService, None).expect("back");
        assert_eq!(back.standing(), Standing::Acknowledged);
        assert_eq!(back.after(Cleared, None).map(Axes::standing), Some(Standing::Normal));
    }

    #[test]
    fn journal_entries_that_are_known_change_nothing() {
        let mut state = None;
        let raised = entry(Raised, 1, 10);
        assert!(!apply(&mut state, &entry(Cleared, 1, 5)), "nothing to clear yet");
        assert!(apply(&mut state, &raised));
        assert!(!apply(&mut state, &raised));
        assert!(apply(&mut state, &entry(Acknowledged, 1, 11)));
        let acknowledged = state.clone();
        assert!(!apply(&mut state, &entry(Acknowledged, 1, 12)));
        assert!(!apply(&mut state, &entry(Cleared, 2, 12)), "an occurrence that is not this one");
        assert_eq!(state, acknowledged);
    }

    /// Kinds that can come several times in one occurrence are told apart by their times.
    #[test]
    fn a_journal_that_is_replayed_twice_gives_the_same_state() {
        let journals: &[&[Transition]] = &[
            &[entry(Raised, 1, 10), entry(Acknowledged, 1, 11), entry(Realarmed, 1, 20)],
            &[entry(Raised, 1, 10), entry(Acknowledged, 1, 11), entry(Realarmed, 1, 20), entry(Acknowledged, 1, 21)],
            &[
                entry(Raised, 1, 10),
                entry(Acknowledged, 1, 11),
                entry(Shelved, 1, 12),
                entry(Unshelved, 1, 13),
                entry(Cleared, 1, 14),
            ],
            &[
                entry(Suppressed, 0, 1),
                entry(Raised, 1, 10),
                entry(Shelved, 1, 11),
                entry(Unshelved, 1, 12),
                entry(Acknowledged, 1, 13),
                entry(Unsuppressed, 1, 14),
                entry(Acknowledged, 1, 15),
            ],
            // Late data: the raise is older than the shelf that was over before it came.
            &[entry(Shelved, 0, 20), entry(Unshelved, 0, 30), entry(Raised, 1, 15), entry(Acknowledged, 1, 31)],
        ];
        for journal in journals {
            let mut once = None;
            for entry in *journal {
                assert!(apply(&mut once, entry), "{entry:?}");
            }
            let mut twice = once.clone();
            for entry in *journal {
                apply(&mut twice, entry);
            }
            assert_eq!(once, twice, "{journal:?}");
        }
    }

    /// Two stations that did not see each other for a while: one takes it off the shelf, the other has acknowledged since.
    #[test]
    fn what_was_let_go_before_an_acknowledgement_does_not_call_back() {
        let mut state = None;
        for entry in [entry(Raised, 1, 10), entry(Shelved, 1, 11), entry(Acknowledged, 1, 15), entry(Unshelved, 1, 13)]
        {
            assert!(apply(&mut state, &entry), "{entry:?}");
        }
        let state = state.expect("raised");
        assert_eq!((state.shelf, state.acknowledged, state.called_at), (None, true, secs(10)));
        assert_eq!((state.acknowledged_at, state.changed_at), (Some(secs(15)), secs(15)));
    }

    #[test]
    fn a_shelf_may_come_before_the_first_occurrence() {
        let mut state = None;
        assert!(apply(&mut state, &entry(Shelved, 0, 5)));
        assert!(apply(&mut state, &entry(Raised, 1, 10)));
        let shelved = state.clone().expect("raised");
        assert_eq!((shelved.occurrence, shelved.active, shelved.is_listed()), (1, true, false));
        assert!(apply(&mut state, &entry(Unshelved, 1, 20)));
        let state = state.expect("raised");
        assert_eq!((state.is_listed(), state.raised_at, state.called_at), (true, secs(10), secs(20)));
    }

    #[test]
    fn shelves_without_a_gap_are_one() {
        let person = Some(UserId(RuleId::made(secs(0), [0; 10]).0));
        let shelved = |at: i64, until: i64, by: Option<UserId>| {
            let detail = TransitionDetail::Shelving(Shelving { until: secs(until), one_shot: false });
            Transition { by, detail: Some(detail), ..entry(Shelved, 0, at) }
        };
        let mut state = None;
        let mut check = |entry: &Transition, expect: Option<(i64, i64)>| {
            assert!(apply(&mut state, entry), "{entry:?}");
            let shelf = state.as_ref().and_then(|state| state.shelf);
            let found = shelf.map(|shelf| (shelf.since, shelf.first()));
            assert_eq!(found, expect.map(|(since, first)| (secs(since), secs(first))), "{entry:?}");
            assert!(!apply(&mut state, entry), "it is known");
        };
        check(&shelved(5, 100, person), Some((5, 5)));
        check(&shelved(90, 200, person), Some((90, 5)));
        // The clock was set 100 s ahead, and then back again.
        check(&shelved(195, 300, None), Some((195, 105)));
        check(&shelved(196, 200, None), Some((196, 5)));
        check(&entry(Unshelved, 0, 197), None);
    }

    #[test]
    fn a_new_occurrence_takes_the_acknowledgement_away() {
        let mut state = None;
        for entry in [entry(Raised, 1, 10), entry(Acknowledged, 1, 11), entry(Cleared, 1, 12), entry(Raised, 2, 13)] {
            assert!(apply(&mut state, &entry), "{entry:?}");
        }
        let state = state.expect("raised");
        assert_eq!(Axes::of(&state).standing(), Standing::Unacknowledged);
        assert_eq!((state.occurrence, state.acknowledged_by, state.acknowledged_at), (2, None, None));
        assert_eq!(state.raised_at, secs(13));
    }

    #[test]
    fn what_is_latched_leaves_by_a_reset_alone() {
        let mut state = None;
        let latching = Transition { detail: detail(Raised, true), ..entry(Raised, 1, 10) };
        for entry in [latching, entry(Cleared, 1, 12)] {
            assert!(apply(&mut state, &entry), "{entry:?}");
        }
        assert!(!apply(&mut state, &entry(Reset, 1, 13)), "not yet seen");
        assert!(apply(&mut state, &entry(Acknowledged, 1, 14)));
        assert!(state.as_ref().is_some_and(|state| state.latched && state.is_listed()));
        assert!(apply(&mut state, &entry(Reset, 1, 15)));
        assert!(state.is_some_and(|state| !state.latched && !state.is_listed()));
    }

    fn place(letter: &str) -> Axes {
        use Acknowledgement as Ack;
        let (active, normal) = (Activity::Active, Activity::Normal);
        let at = |activity, acknowledgement, latch| Axes { activity, acknowledgement, latch, ..Axes::NORMAL };
        match letter {
            "A" => Axes::NORMAL,
            "B" => at(active, Ack::Unacknowledged, Latch::Free),
            "C" => at(active, Ack::Acknowledged, Latch::Free),
            "D" => at(normal, Ack::Unacknowledged, Latch::Free),
            "E" => at(normal, Ack::Unacknowledged, Latch::Latched),
            "F" => at(normal, Ack::Acknowledged, Latch::Latched),
            "G" => Axes { shelving: ShelvingState::TimedShelved, ..Axes::NORMAL },
            "H" => Axes { suppression: Suppression::Suppressed, ..Axes::NORMAL },
            _ => Axes { service: Service::OutOfService, ..Axes::NORMAL },
        }
    }

    fn letter(standing: Standing) -> &'static str {
        match standing {
            Standing::Normal => "A",
            Standing::Unacknowledged => "B",
            Standing::Acknowledged => "C",
            Standing::ReturnedUnacknowledged => "D",
            Standing::LatchedUnacknowledged => "E",
            Standing::LatchedAcknowledged => "F",
            Standing::Shelved => "G",
            Standing::Suppressed => "H",
            Standing::OutOfService => "I",
        }
    }

    fn detail(kind: TransitionKind, latches: bool) -> Option<TransitionDetail> {
        match kind {
            Raised => Some(TransitionDetail::Raise(Raise { latches, ..Raise::default() })),
            Shelved => Some(TransitionDetail::Shelving(Shelving { until: secs(1_000), one_shot: false })),
            _ => None,
        }
    }

    fn entry(kind: TransitionKind, occurrence: u64, at_secs: i64) -> Transition {
        let nil = RuleId::made(secs(0), [0; 10]);
        Transition {
            rule: nil,
            occurrence,
            kind,
            at: secs(at_secs),
            value: None,
            by: (kind == Acknowledged).then_some(UserId(nil.0)),
            comment: None,
            rule_version: 1,
            detail: detail(kind, false),
        }
    }

    fn secs(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }
}

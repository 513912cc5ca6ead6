//! Which entries of the journal call a person: raised or called again while nothing keeps the alarm from it, or let go
//! while active. A return to normal, an acknowledgement and whatever happens on a shelf call nobody. Must not know
//! periods or figures.

use std::collections::HashMap;
use std::time::Duration;

use penstock_model::{
    AlarmState, AreaId, Priority, RuleId, SiteId, Timestamp, Transition, TransitionDetail, TransitionKind,
};

/// Why an alarm called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// It was raised.
    Raised,
    /// It called again: it still stood, or had become more urgent.
    Again,
    /// It was active when a shelf, its design or its being out of service let it go.
    LetGo,
}

/// What a lookup says of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// How urgent.
    pub priority: Priority,
    /// The area it is in, where it is in one.
    pub area: Option<AreaId>,
    /// The site it is at, where it is at one.
    pub site: Option<SiteId>,
}

/// A call that an operator saw and heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Annunciated {
    /// Whose alarm.
    pub rule: RuleId,
    /// Which occurrence of it.
    pub occurrence: u64,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub call: Call,
    /// Its priority and place.
    pub placed: Placed,
}

/// The calls of a journal, entry by entry in the order of the journal. Keeps a few bytes an alarm, however long the
/// journal is.
#[derive(Debug)]
pub struct Annunciations<F> {
    placed: F,
    // Looked up by id, never iterated.
    courses: HashMap<RuleId, Course>,
}

impl<F: FnMut(RuleId) -> Option<Placed>> Annunciations<F> {
    /// Nothing has happened yet. `placed` says an alarm's priority and place, and nothing of an alarm that is not to be
    /// counted, for example one of another operator's position.
    pub fn new(placed: F) -> Self {
        Self { placed, courses: HashMap::new() }
    }

    /// Goes on from where alarms stand, where the journal is not given from its beginning.
    pub fn with_states<'a>(mut self, states: impl IntoIterator<Item = &'a AlarmState>) -> Self {
        self.courses.extend(states.into_iter().map(|state| (state.rule, Course::of(state))));
        self
    }

    /// Takes the next entry; says the call where it is one.
    pub fn take(&mut self, entry: &Transition) -> Option<Annunciated> {
        let course = self.courses.entry(entry.rule).or_default();
        let call = course.follow(entry)?.call?;
        let placed = (self.placed)(entry.rule)?;
        Some(Annunciated { rule: entry.rule, occurrence: course.occurrence, at: entry.at, call, placed })
    }
}

/// Where an alarm stands, as far as calls go.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Course {
    pub(super) occurrence: u64,
    pub(super) active: bool,
    pub(super) shelved: bool,
    pub(super) suppressed: bool,
    pub(super) out_of_service: bool,
    /// When this occurrence was raised.
    pub(super) raised_at: Timestamp,
    /// Since when it waits to be acknowledged: the first call that nobody has answered.
    pub(super) waits_since: Option<Timestamp>,
    needs_no_acknowledgement: bool,
}

/// What an entry did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Effect {
    /// The call that it was.
    pub(super) call: Option<Call>,
    /// How long the first unanswered call had waited for this acknowledgement.
    pub(super) waited: Option<Duration>,
}

impl Course {
    /// Where an alarm stands.
    pub(super) fn of(state: &AlarmState) -> Self {
        let mut course = Self {
            occurrence: state.occurrence,
            active: state.active,
            shelved: state.shelf.is_some(),
            suppressed: state.suppressed.is_some(),
            out_of_service: state.out_of_service.is_some(),
            raised_at: state.raised_at,
            waits_since: None,
            needs_no_acknowledgement: false,
        };
        if !state.acknowledged && !course.is_kept() {
            course.waits_since = Some(state.called_at);
        }
        course
    }

    /// Whether something keeps it from calling.
    pub(super) const fn is_kept(&self) -> bool {
        self.shelved || self.suppressed || self.out_of_service
    }

    /// Whether it is active and nothing keeps it from the list.
    pub(super) const fn stands(&self) -> bool {
        self.active && !self.is_kept()
    }

    /// Goes on by an entry; none where the entry does not belong: one of an occurrence that is over, or an end of what
    /// had not begun.
    pub(super) fn follow(&mut self, entry: &Transition) -> Option<Effect> {
        let is_of_this = entry.occurrence == self.occurrence;
        match entry.kind {
            TransitionKind::Raised => {
                // A later occurrence is taken even where the journal lacks the return before it.
                if entry.occurrence <= self.occurrence {
                    return None;
                }
                self.occurrence = entry.occurrence;
                self.active = true;
                self.raised_at = entry.at;
                self.needs_no_acknowledgement = matches!(
                    entry.detail,
                    Some(TransitionDetail::Raise(raise)) if raise.needs_no_acknowledgement
                );
                Some(self.call(Call::Raised, entry.at))
            }
            TransitionKind::Cleared => {
                if !is_of_this || !self.active {
                    return None;
                }
                self.active = false;
                Some(Effect::default())
            }
            TransitionKind::Realarmed => {
                // Where the journal begins after the raise, this is the first that is heard of the occurrence.
                if entry.occurrence > self.occurrence {
                    self.occurrence = entry.occurrence;
                    self.active = true;
                    self.raised_at = entry.at;
                } else if !is_of_this || !self.active {
                    return None;
                }
                Some(self.call(Call::Again, entry.at))
            }
            TransitionKind::Acknowledged => {
                let waited = self.waits_since.filter(|_| is_of_this).map(|since| entry.at.since(since));
                if is_of_this {
                    self.waits_since = None;
                }
                is_of_this.then_some(Effect { call: None, waited })
            }
            TransitionKind::Commented | TransitionKind::Reset => is_of_this.then(Effect::default),
            TransitionKind::Shelved => self.keep(|course| &mut course.shelved),
            TransitionKind::Suppressed => self.keep(|course| &mut course.suppressed),
            TransitionKind::TakenOutOfService => self.keep(|course| &mut course.out_of_service),
            TransitionKind::Unshelved => self.let_go(|course| &mut course.shelved, entry.at),
            TransitionKind::Unsuppressed => self.let_go(|course| &mut course.suppressed, entry.at),
            TransitionKind::ReturnedToService => self.let_go(|course| &mut course.out_of_service, entry.at),
        }
    }

    fn keep(&mut self, axis: fn(&mut Self) -> &mut bool) -> Option<Effect> {
        *axis(self) = true;
        // Whoever puts an alarm away has answered its call.
        self.waits_since = None;
        Some(Effect::default())
    }

    fn let_go(&mut self, axis: fn(&mut Self) -> &mut bool, at: Timestamp) -> Option<Effect> {
        if !std::mem::take(axis(self)) {
            return None;
        }
        Some(if self.active { self.call(Call::LetGo, at) } else { Effect::default() })
    }

    fn call(&mut self, call: Call, at: Timestamp) -> Effect {
        if self.is_kept() {
            return Effect::default();
        }
        if !self.needs_no_acknowledgement {
            self.waits_since.get_or_insert(at);
        }
        Effect { call: Some(call), waited: None }
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::Raise;
    use uuid::Uuid;

    use super::*;

    const ALARM: Placed = Placed { priority: Priority::P2, area: None, site: None };

    #[test]
    fn what_calls_and_what_does_not() {
        use TransitionKind::{
            Acknowledged, Cleared, Commented, Raised, Realarmed, Reset, ReturnedToService, Shelved, Suppressed,
            TakenOutOfService, Unshelved, Unsuppressed,
        };
        let check = |course: &[(TransitionKind, u64)], expect: &[Option<Call>]| {
            let mut annunciations = Annunciations::new(|_| Some(ALARM));
            let calls: Vec<_> = (0..)
                .zip(course)
                .map(|(at, (kind, occurrence))| {
                    annunciations.take(&entry(*kind, *occurrence, at)).map(|call| call.call)
                })
                .collect();
            assert_eq!(calls, expect, "{course:?}");
        };
        let (raised, again, let_go) = (Some(Call::Raised), Some(Call::Again), Some(Call::LetGo));
        check(&[(Raised, 1), (Acknowledged, 1), (Realarmed, 1), (Cleared, 1)], &[raised, None, again, None]);
        check(&[(Raised, 1), (Commented, 1), (Cleared, 1), (Reset, 1)], &[raised, None, None, None]);
        // The same entry twice, and a later raise without a return before it.
        check(&[(Raised, 1), (Raised, 1), (Raised, 2)], &[raised, None, raised]);
        // Raised on a shelf, let go while active; let go when over; never on a shelf.
        check(&[(Shelved, 0), (Raised, 1), (Realarmed, 1), (Unshelved, 1)], &[None, None, None, let_go]);
        check(&[(Shelved, 0), (Raised, 1), (Cleared, 1), (Unshelved, 1)], &[None; 4]);
        check(&[(Raised, 1), (Unshelved, 1)], &[raised, None]);
        // Only the last that keeps it lets it call.
        check(
            &[(TakenOutOfService, 0), (Suppressed, 0), (Raised, 1), (ReturnedToService, 1), (Unsuppressed, 1)],
            &[None, None, None, None, let_go],
        );
        // A journal that begins in the middle.
        check(&[(Cleared, 7), (Realarmed, 8), (Cleared, 8)], &[None, again, None]);
    }

    #[test]
    fn alarms_of_another_position_are_not_counted() {
        let mut annunciations = Annunciations::new(|_| None);
        assert_eq!(annunciations.take(&entry(TransitionKind::Raised, 1, 0)), None);
    }

    #[test]
    fn goes_on_from_states() {
        let raised = AlarmState {
            occurrence: 4,
            active: true,
            out_of_service: Some(Timestamp::from_secs(5)),
            ..AlarmState::normal(entry(TransitionKind::Raised, 1, 0).rule, Timestamp::from_secs(1))
        };
        let mut annunciations = Annunciations::new(|_| Some(ALARM)).with_states([&raised]);
        let call = annunciations.take(&entry(TransitionKind::ReturnedToService, 4, 9)).expect("a call");
        assert_eq!((call.call, call.occurrence, call.at), (Call::LetGo, 4, Timestamp::from_secs(9)));
    }

    #[test]
    fn waits_from_the_first_call_that_nobody_answered() {
        let check = |course: &[(TransitionKind, u64, i64)], expect: Option<u64>| {
            let mut known = Course::default();
            let effects: Vec<_> = course.iter().map(|(kind, of, at)| known.follow(&entry(*kind, *of, *at))).collect();
            let waited = effects.last().copied().flatten().and_then(|effect| effect.waited);
            assert_eq!(waited, expect.map(Duration::from_secs), "{course:?}");
        };
        use TransitionKind::{Acknowledged, Cleared, Raised, Shelved, Unshelved};
        check(&[(Raised, 1, 10), (Acknowledged, 1, 40)], Some(30));
        check(&[(Raised, 1, 10), (Cleared, 1, 12), (Raised, 2, 20), (Acknowledged, 2, 40)], Some(30));
        check(&[(Raised, 1, 10), (Acknowledged, 1, 40), (Acknowledged, 1, 50)], None);
        check(&[(Raised, 1, 10), (Shelved, 1, 15), (Unshelved, 1, 30), (Acknowledged, 1, 40)], Some(10));
    }

    #[test]
    fn what_needs_no_acknowledgement_does_not_wait() {
        let mut course = Course::default();
        let raise = Raise { needs_no_acknowledgement: true, ..Raise::default() };
        let entry = Transition { detail: Some(TransitionDetail::Raise(raise)), ..entry(TransitionKind::Raised, 1, 10) };
        assert_eq!(course.follow(&entry).and_then(|effect| effect.call), Some(Call::Raised));
        assert_eq!(course.waits_since, None);
    }

    fn entry(kind: TransitionKind, occurrence: u64, at_secs: i64) -> Transition {
        Transition {
            rule: RuleId(Uuid::nil()),
            occurrence,
            kind,
            at: Timestamp::from_secs(at_secs),
            value: None,
            by: None,
            comment: None,
            rule_version: 1,
            detail: None,
        }
    }
}

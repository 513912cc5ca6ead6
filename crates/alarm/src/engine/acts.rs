//! What people do to alarms, and entries of other engines. Must not know who may: whoever calls has asked.

use penstock_model::{
    AcknowledgementModel, AlarmState, RuleId, Shelving, Timestamp, Transition, TransitionDetail, TransitionKind, UserId,
};

use super::Engine;
use super::alarm::Alarm;
use crate::{Error, state};

impl Engine {
    /// Acknowledges one occurrence of an alarm, active or returned.
    ///
    /// # Errors
    /// [`Error::NeverRaised`], [`Error::RaisedAgain`] where the occurrence is not the newest one any more,
    /// [`Error::NoSuchOccurrence`], [`Error::AlreadyAcknowledged`], [`Error::NeedsNoAcknowledgement`], and
    /// [`Error::NotYetReturned`] where its rule has it acknowledged after its return alone.
    pub fn acknowledge(
        &mut self,
        rule: RuleId,
        occurrence: u64,
        by: UserId,
        comment: Option<String>,
        at: Timestamp,
    ) -> Result<Transition, Error> {
        let (index, alarm, state) = self.raised(rule)?;
        let current = state.occurrence;
        if occurrence < current {
            return Err(Error::RaisedAgain { rule, given: occurrence, current });
        }
        if occurrence > current {
            return Err(Error::NoSuchOccurrence { rule, given: occurrence, current });
        }
        match state::Axes::of(&state).acknowledgement {
            state::Acknowledgement::Unacknowledged => {}
            state::Acknowledgement::Acknowledged => {
                return Err(Error::AlreadyAcknowledged { rule, by: state.acknowledged_by });
            }
            state::Acknowledgement::NotNeeded => return Err(Error::NeedsNoAcknowledgement(rule)),
        }
        let model = alarm.rule.as_ref().map(|rule| rule.acknowledgement);
        if state.active && model == Some(AcknowledgementModel::AfterReturn) {
            return Err(Error::NotYetReturned(rule));
        }
        let entry = alarm.act(TransitionKind::Acknowledged, by, comment.as_deref(), None, at);
        self.follow_up(index);
        Ok(entry)
    }

    /// Comments on the newest or an earlier occurrence of an alarm.
    ///
    /// # Errors
    /// [`Error::NeverRaised`], [`Error::NoSuchOccurrence`], [`Error::EmptyComment`].
    pub fn comment(
        &mut self,
        rule: RuleId,
        occurrence: u64,
        by: UserId,
        comment: &str,
        at: Timestamp,
    ) -> Result<Transition, Error> {
        let (_, alarm, state) = self.raised(rule)?;
        if occurrence == 0 || occurrence > state.occurrence {
            return Err(Error::NoSuchOccurrence { rule, given: occurrence, current: state.occurrence });
        }
        let text = comment.trim();
        if text.is_empty() {
            return Err(Error::EmptyComment);
        }
        let value = state.value.filter(|_| occurrence == state.occurrence);
        let entry = alarm.entry(TransitionKind::Commented, at, value);
        Ok(Transition { occurrence, by: Some(by), comment: Some(text.to_owned()), ..entry })
    }

    /// Ends what an alarm latched, once it has returned to normal and is acknowledged.
    ///
    /// # Errors
    /// [`Error::NeverRaised`], [`Error::NotLatched`], [`Error::StillActive`], [`Error::NotYetAcknowledged`].
    pub fn reset(
        &mut self,
        rule: RuleId,
        by: UserId,
        comment: Option<String>,
        at: Timestamp,
    ) -> Result<Transition, Error> {
        let (index, alarm, state) = self.raised(rule)?;
        if !state.latched {
            return Err(Error::NotLatched(rule));
        }
        if state.active {
            return Err(Error::StillActive(rule));
        }
        if !state.acknowledged {
            return Err(Error::NotYetAcknowledged(rule));
        }
        let entry = alarm.act(TransitionKind::Reset, by, comment.as_deref(), None, at);
        self.follow_up(index);
        Ok(entry)
    }

    /// Keeps an alarm from calling for a while, raised or not; what the same person has shelved already is shelved
    /// anew. Whether it may be for so long is the caller's to say.
    ///
    /// # Errors
    /// [`Error::NoSuchAlarm`], [`Error::AlreadyShelved`] by another person, [`Error::ShelfIsOver`] where its end is not
    /// after `at`, [`Error::NoReason`].
    pub fn shelve(
        &mut self,
        rule: RuleId,
        shelving: Shelving,
        by: UserId,
        reason: &str,
        at: Timestamp,
    ) -> Result<Transition, Error> {
        let (index, alarm) = self.in_force(rule)?;
        // One whose time is over ends with the next tick.
        if let Some(shelf) = alarm.state.as_ref().and_then(|state| state.shelf)
            && shelf.by.is_some_and(|other| other != by)
            && shelf.shelving.until > at
        {
            return Err(Error::AlreadyShelved { rule, by: shelf.by, until: shelf.shelving.until });
        }
        // By the wall clock: what happened before the clock was set back is later than this, and holds up no shelf.
        if shelving.until <= at {
            return Err(Error::ShelfIsOver { rule, until: shelving.until });
        }
        if reason.trim().is_empty() {
            return Err(Error::NoReason(rule));
        }
        let entry =
            alarm.act(TransitionKind::Shelved, by, Some(reason), Some(TransitionDetail::Shelving(shelving)), at);
        self.follow_up(index);
        Ok(entry)
    }

    /// Takes an alarm off its shelf. Where it is active it calls afresh.
    ///
    /// # Errors
    /// [`Error::NotShelved`].
    pub fn unshelve(
        &mut self,
        rule: RuleId,
        by: UserId,
        comment: Option<String>,
        at: Timestamp,
    ) -> Result<Transition, Error> {
        let is_shelved = |alarm: &Alarm| alarm.state.as_ref().is_some_and(|state| state.shelf.is_some());
        let found = self.found(rule).filter(|(_, alarm)| is_shelved(alarm));
        let (index, alarm) = found.ok_or(Error::NotShelved(rule))?;
        let entry = alarm.act(TransitionKind::Unshelved, by, comment.as_deref(), None, at);
        self.follow_up(index);
        Ok(entry)
    }

    /// Takes an alarm out of service, raised or not.
    ///
    /// # Errors
    /// [`Error::NoSuchAlarm`], [`Error::AlreadyOutOfService`], [`Error::NoReason`].
    pub fn take_out_of_service(
        &mut self,
        rule: RuleId,
        by: UserId,
        reason: &str,
        at: Timestamp,
    ) -> Result<Transition, Error> {
        let (index, alarm) = self.in_force(rule)?;
        if let Some(since) = alarm.state.as_ref().and_then(|state| state.out_of_service) {
            return Err(Error::AlreadyOutOfService { rule, since });
        }
        if reason.trim().is_empty() {
            return Err(Error::NoReason(rule));
        }
        let entry = alarm.act(TransitionKind::TakenOutOfService, by, Some(reason), None, at);
        self.follow_up(index);
        Ok(entry)
    }

    /// Returns an alarm to service. Where it is active it calls afresh.
    ///
    /// # Errors
    /// [`Error::InService`].
    pub fn return_to_service(
        &mut self,
        rule: RuleId,
        by: UserId,
        comment: Option<String>,
        at: Timestamp,
    ) -> Result<Transition, Error> {
        let is_out = |alarm: &Alarm| alarm.state.as_ref().is_some_and(|state| state.out_of_service.is_some());
        let found = self.found(rule).filter(|(_, alarm)| is_out(alarm));
        let (index, alarm) = found.ok_or(Error::InService(rule))?;
        let entry = alarm.act(TransitionKind::ReturnedToService, by, comment.as_deref(), None, at);
        self.follow_up(index);
        Ok(entry)
    }

    /// Takes a journal entry that another engine, or this one before a restart, has written. Entries that are already
    /// in the state change nothing. Returns whether it belonged.
    pub fn apply(&mut self, entry: &Transition) -> bool {
        if !state::begins(entry.kind) && !self.alarm_of.contains_key(&entry.rule) {
            return false;
        }
        let index = self.alarm_index(entry.rule);
        let Some(alarm) = self.alarms.get_mut(index) else { return false };
        if alarm.rule.is_none() {
            alarm.version = entry.rule_version;
        }
        let belonged = alarm.take(entry);
        if belonged && let (Some(suppressor), Some(rule)) = (&mut alarm.suppressor, &alarm.rule) {
            // Why the other engine suppressed it is not said: what is known here decides once it is.
            match entry.kind {
                TransitionKind::Suppressed => suppressor.by_expression = rule.suppressed_while.is_some(),
                TransitionKind::Unsuppressed => (suppressor.by_expression, suppressor.off_schedule) = (false, false),
                _ => {}
            }
        }
        self.follow_up(index);
        belonged
    }

    /// An alarm that was raised, with its state.
    fn raised(&mut self, rule: RuleId) -> Result<(usize, &mut Alarm, AlarmState), Error> {
        let found = self.found(rule).and_then(|(index, alarm)| {
            let state = alarm.state.clone().filter(|state| state.occurrence > 0)?;
            Some((index, alarm, state))
        });
        found.ok_or(Error::NeverRaised(rule))
    }

    /// An alarm whose rule is known and was not removed.
    fn in_force(&mut self, rule: RuleId) -> Result<(usize, &mut Alarm), Error> {
        let found = self.found(rule).filter(|(_, alarm)| alarm.rule.is_some() && !alarm.is_removed);
        found.ok_or(Error::NoSuchAlarm(rule))
    }

    fn found(&mut self, rule: RuleId) -> Option<(usize, &mut Alarm)> {
        let index = self.alarm_of.get(&rule).copied()?;
        Some((index, self.alarms.get_mut(index)?))
    }

    /// Looks after what an act, or another engine's entry, has changed beside the state.
    fn follow_up(&mut self, index: usize) {
        self.regroup(index);
        self.watch_time(index);
    }
}

impl Alarm {
    /// Puts what a person does into the state and gives the entry of it.
    fn act(
        &mut self,
        kind: TransitionKind,
        by: UserId,
        comment: Option<&str>,
        detail: Option<TransitionDetail>,
        at: Timestamp,
    ) -> Transition {
        let value = self.state.as_ref().and_then(|state| state.value);
        let comment = comment.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let entry = Transition { by: Some(by), comment, detail, ..self.entry(kind, self.follows(at), value) };
        self.take(&entry);
        entry
    }
}

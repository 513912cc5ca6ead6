//! One rule with its state: its delays, and the entries that move it. Must not know where its condition is looked at.

use std::time::Duration;

use penstock_model::{
    AlarmRule, AlarmState, Condition, Raise, RuleId, Shelving, Timestamp, Transition, TransitionDetail, TransitionKind,
};

use super::suppression::Suppressor;
use crate::window::Window;
use crate::{Reading, after, condition, micros, state};

/// How far ahead of the station's the clock of a device is believed (`penstock_codec`): so far ahead an alarm may be
/// raised, and what people do about it follows.
const CLOCK_AHEAD: Duration = Duration::from_secs(120);

/// One rule with its state.
#[derive(Debug)]
pub(super) struct Alarm {
    pub(super) id: RuleId,
    /// Where its condition is looked at; none while it is disabled, removed or does not fit its subject.
    pub(super) place: Option<Place>,
    pub(super) condition: Option<Condition>,
    pub(super) on_micros: i64,
    pub(super) off_micros: i64,
    pub(super) cool_micros: i64,
    /// Own time still to run until the alarm changes, while its condition says that it should.
    pub(super) left_micros: Option<i64>,
    /// Whether the newest sample said anything about the condition; a delay runs only then.
    pub(super) known: bool,
    /// What a condition that looks back remembers.
    pub(super) window: Option<Box<Window>>,
    /// For silence: since when its subject speaks again.
    pub(super) resumed: Option<Timestamp>,
    /// When it last ended.
    pub(super) ended: Option<Timestamp>,
    /// By how much the clock was set since it was acknowledged: the journal has that moment by the clock of then.
    pub(super) seen_moved_micros: i64,
    /// Whether it counts only while its site speaks: the silence of equipment that follows from the register, which has
    /// an alarm for the whole site too.
    pub(super) is_behind_site: bool,
    /// What may suppress it by design.
    pub(super) suppressor: Option<Box<Suppressor>>,
    /// What its next raise begins, but for being the first of its group.
    pub(super) raise: Raise,
    /// Its first-out group.
    pub(super) group: Option<String>,
    /// Its course of time over several points, once it had one.
    pub(super) joint: Option<usize>,
    /// Whether the engine waits for a shelf of it to end or for it to call again.
    pub(super) is_timed: bool,
    /// Whether each tick looks at its suppression.
    pub(super) is_suppressible: bool,
    pub(super) state: Option<AlarmState>,
    /// The newest rule known under the id, also after its removal.
    pub(super) rule: Option<Box<AlarmRule>>,
    pub(super) is_removed: bool,
    pub(super) version: u32,
}

/// Where a condition is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// With the samples of one point.
    Point(usize),
    /// With those of several.
    Joint(usize),
    /// By the signs of life of a site or asset.
    Life(usize),
}

impl Alarm {
    pub(super) fn new(id: RuleId) -> Self {
        Self {
            id,
            place: None,
            condition: None,
            on_micros: 0,
            off_micros: 0,
            cool_micros: 0,
            left_micros: None,
            known: false,
            window: None,
            resumed: None,
            ended: None,
            seen_moved_micros: 0,
            is_behind_site: false,
            suppressor: None,
            raise: Raise::default(),
            group: None,
            joint: None,
            is_timed: false,
            is_suppressible: false,
            state: None,
            rule: None,
            is_removed: false,
            version: 0,
        }
    }

    pub(super) fn is_active(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.active)
    }

    /// Whether it is active, or latched: until then its first-out group has its first.
    pub(super) fn stands(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.active || state.latched)
    }

    /// Whether a delay is running.
    pub(super) fn runs(&self) -> bool {
        self.known && self.left_micros.is_some()
    }

    /// Shows a new sample of its point to a condition that looks back.
    pub(super) fn feed(&mut self, reading: Reading, at: Timestamp, stale_micros: i64) {
        if let (Some(window), Some(condition), Some(value)) = (&mut self.window, &self.condition, reading.value) {
            window.feed(condition, at, value, stale_micros);
        }
    }

    /// Whether its condition holds by the newest sample of its point.
    pub(super) fn holds(&self, reading: Reading, at: Timestamp, stale_micros: i64) -> Option<bool> {
        let condition = self.condition.as_ref()?;
        match &self.window {
            Some(window) => window.holds(condition, self.is_active(), at, reading.value?, stale_micros),
            None => condition::holds(condition, self.is_active(), reading),
        }
    }

    /// Takes what its condition says at its own time: starts, drops or ends a delay.
    pub(super) fn judge(&mut self, holds: Option<bool>, at: Timestamp, value: Option<f64>, out: &mut Vec<Transition>) {
        let active = self.is_active();
        self.known = holds.is_some();
        let Some(should_be_active) = holds else { return };
        if should_be_active == active {
            self.left_micros = None;
            return;
        }
        self.left_micros.get_or_insert(if active { self.off_micros } else { self.on_micros });
        if self.left_from(at).is_some_and(|left| left <= 0) {
            self.turn(at, value, out);
        }
    }

    /// Lets a delay run for `micros` of own time from `from`; at the very end of it only where `including_end`.
    pub(super) fn run(
        &mut self,
        from: Timestamp,
        micros: i64,
        including_end: bool,
        value: Option<f64>,
        out: &mut Vec<Transition>,
    ) {
        let Some(left) = self.left_from(from) else { return };
        if left < micros || (including_end && left == micros) {
            self.turn(after(from, left), value, out);
        } else {
            self.left_micros = self.left_micros.map(|left| left.saturating_sub(micros).max(0));
        }
    }

    /// Takes back what a delay has run of own time.
    pub(super) fn run_back(&mut self, micros: i64) {
        let delay = if self.is_active() { self.off_micros } else { self.on_micros };
        if self.known {
            self.left_micros = self.left_micros.map(|left| left.saturating_add(micros).min(delay));
        }
    }

    /// Moves along what it remembers, where the station's clock has timed that.
    pub(super) fn clock_was_set(&mut self, by_micros: i64) {
        self.ended = self.ended.map(|ended| after(ended, by_micros));
        self.resumed = self.resumed.map(|resumed| after(resumed, by_micros));
        if let Some(window) = &mut self.window {
            window.move_by(by_micros);
        }
    }

    /// Moves along its time to call again, where the station's clock was set.
    pub(super) fn move_seen(&mut self, by_micros: i64) {
        if self.acknowledged_at().is_some() {
            self.seen_moved_micros = self.seen_moved_micros.saturating_add(by_micros);
        }
    }

    /// Moves along the end of its shelf, where the station's clock was set and says `now`.
    pub(super) fn move_shelf(&mut self, by_micros: i64, now: Timestamp, out: &mut Vec<Transition>) {
        let Some(state) = &self.state else { return };
        let Some(Shelving { until, one_shot }) = state.shelf.map(|shelf| shelf.shelving) else { return };
        let shelving = Shelving { until: after(until, by_micros), one_shot };
        let entry = self.entry(TransitionKind::Shelved, self.follows(now), state.value);
        let detail = Some(TransitionDetail::Shelving(shelving));
        let (secs, way) = (by_micros.unsigned_abs() / 1_000_000, if by_micros < 0 { "back" } else { "ahead" });
        let comment = Some(format!("the station's clock was set {secs} s {way}: the shelf lasts as long as before"));
        self.emit(Transition { detail, comment, ..entry }, out);
    }

    /// An acknowledgement that lies ahead is of a clock that was, or follows what was said by one: it counts from now
    /// on.
    pub(super) fn bring_back_seen(&mut self, now: Timestamp) {
        let ahead = self.seen_at().map_or(0, |seen| seen.micros_since(now));
        if ahead > micros(CLOCK_AHEAD) {
            self.seen_moved_micros = self.seen_moved_micros.saturating_sub(ahead);
        }
    }

    /// When it was acknowledged, by the station's clock as it is set now.
    fn seen_at(&self) -> Option<Timestamp> {
        Some(after(self.acknowledged_at()?, self.seen_moved_micros))
    }

    pub(super) fn acknowledged_at(&self) -> Option<Timestamp> {
        self.state.as_ref()?.acknowledged_at
    }

    /// Own time from `from` until it changes, where nothing else comes: its delay, and before a raise its cool-down.
    pub(super) fn left_from(&self, from: Timestamp) -> Option<i64> {
        let left = self.left_micros.filter(|_| self.known)?;
        let cool = self.cool_until().filter(|_| !self.is_active());
        Some(left.max(cool.map_or(0, |until| until.micros_since(from))))
    }

    /// Until when it is not raised again.
    pub(super) fn cool_until(&self) -> Option<Timestamp> {
        self.ended.filter(|_| self.cool_micros > 0).map(|ended| after(ended, self.cool_micros))
    }

    /// Raises or clears, whichever is next. What its own times have asked for before comes first, however late anybody
    /// looks: a shelf that had ended, a call that was due.
    pub(super) fn turn(&mut self, at: Timestamp, value: Option<f64>, out: &mut Vec<Transition>) {
        self.do_timed(after(at, -1), out);
        if !self.is_active() {
            let raise = (self.raise != Raise::default()).then_some(TransitionDetail::Raise(self.raise));
            let raised = self.entry(TransitionKind::Raised, at, value);
            let occurrence = raised.occurrence.saturating_add(1);
            self.emit(Transition { occurrence, detail: raise, ..raised }, out);
            return;
        }
        self.emit(self.entry(TransitionKind::Cleared, at, value), out);
        if self.state.as_ref().and_then(|state| state.shelf).is_some_and(|shelf| shelf.shelving.one_shot) {
            self.emit(self.entry(TransitionKind::Unshelved, self.follows(at), value), out);
        }
    }

    pub(super) fn clear(&mut self, at: Timestamp, out: &mut Vec<Transition>) {
        if self.is_active() {
            self.turn(at, None, out);
        }
    }

    /// Does what its own times ask for up to `now`: a shelf ends, it calls again.
    pub(super) fn do_timed(&mut self, now: Timestamp, out: &mut Vec<Transition>) {
        while let Some((due, kind)) = self.next_timed().filter(|(due, _)| *due <= now) {
            let value = self.state.as_ref().and_then(|state| state.value);
            if !self.emit(self.entry(kind, self.follows(due), value), out) {
                break;
            }
        }
    }

    /// What its own times ask for next.
    pub(super) fn next_timed(&self) -> Option<(Timestamp, TransitionKind)> {
        let state = self.state.as_ref()?;
        if let Some(shelf) = state.shelf {
            return Some((shelf.shelving.until, TransitionKind::Unshelved));
        }
        let realarm = self.rule.as_ref().filter(|_| self.place.is_some())?.realarm?;
        let is_due = state.active && state.kept_by().is_none() && state.realarms < realarm.at_most;
        Some((self.seen_at().filter(|_| is_due)? + realarm.after, TransitionKind::Realarmed))
    }

    /// The moment for an entry at `now` that follows what people and design did last.
    pub(super) fn follows(&self, now: Timestamp) -> Timestamp {
        state::follows(self.state.as_ref(), now)
    }

    fn emit(&mut self, entry: Transition, out: &mut Vec<Transition>) -> bool {
        let belonged = self.take(&entry);
        if belonged {
            out.push(entry);
        }
        belonged
    }

    /// Puts an entry of this kind into the journal.
    pub(super) fn put(&mut self, kind: TransitionKind, at: Timestamp, out: &mut Vec<Transition>) {
        let value = self.state.as_ref().and_then(|state| state.value);
        self.emit(self.entry(kind, at, value), out);
    }

    /// The one way its state changes, live as in replay.
    pub(super) fn take(&mut self, entry: &Transition) -> bool {
        let (active, acknowledged_at) = (self.is_active(), self.acknowledged_at());
        let belonged = state::apply(&mut self.state, entry);
        if self.acknowledged_at() != acknowledged_at {
            self.seen_moved_micros = 0;
        }
        if belonged && entry.kind == TransitionKind::Cleared {
            self.ended = Some(entry.at);
        }
        if self.is_active() != active {
            self.left_micros = None;
            self.resumed = None;
        }
        belonged
    }

    /// An entry about its newest occurrence, by nobody.
    pub(super) fn entry(&self, kind: TransitionKind, at: Timestamp, value: Option<f64>) -> Transition {
        Transition {
            rule: self.id,
            occurrence: self.state.as_ref().map_or(0, |state| state.occurrence),
            kind,
            at,
            value,
            by: None,
            comment: None,
            rule_version: self.version,
            detail: None,
        }
    }
}

//! Ties rules, points and sites to the state machine: which conditions a sample or a tick concerns, how long they have
//! held, and the journal transitions that follow. Must not know the system clock, storage, or whom to tell.
//!
//! # Time
//! Delays run in the point's **own time**, the source times of its samples, so that history that is filled in days
//! later gives the same alarms with the same times as it would have given live. Between two samples the newer one is
//! taken to hold until the next, at most for the point's `stale_after`; a delay that runs out in between ends the
//! moment it runs out, and that moment is the transition's time. A sample at that very moment decides for itself.
//!
//! [`Engine::tick`] lets own time go on without samples: from the newest sample's source time by as much as has passed
//! since it was received, and only while the sample is recent (its source time less than `stale_after` ago). Transport
//! delay and a device clock that is off therefore do not shorten a delay, and history does not tick.
//!
//! # Quality
//! A bad or uncertain sample neither raises nor clears, and **freezes** running delays: what has run counts, the time
//! until the next good sample counts neither way, and that sample then lets the delay go on or drops it. Time in which
//! the point was stale is treated alike, and so is a missing score for an anomaly rule.
//!
//! # Silence
//! Silence goes by received time and concerns whole sites: any sample of any point of the site is a sign of life, also
//! one too old to be evaluated, except [`Fault::Disconnected`], which is what a broker says in a dead device's stead.
//! Silence is counted from the first tick for a site that has points and has not spoken yet.

use std::collections::HashMap;
use std::time::Duration;

use penstock_model::{
    AlarmRule, AlarmState, Condition, Doubt, Fault, Point, PointId, Priority, Quality, RuleId, Sample, SiteId, Subject,
    Timestamp, Transition, TransitionKind, UserId,
};

use crate::condition::holds;
use crate::list::{self, Counts};
use crate::{Error, Reading, state};

/// A sample on its way through the engine.
#[derive(Debug, Clone, Copy)]
pub struct Evaluated<'a> {
    /// Whose it is.
    pub point: PointId,
    /// The site it comes from, where the point belongs to one.
    pub site: Option<SiteId>,
    /// The sample.
    pub sample: &'a Sample,
    /// Its anomaly score, 0 to 1, where the detector had one.
    pub score: Option<f32>,
}

/// What the engine must know of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointFacts {
    /// Its id.
    pub id: PointId,
    /// The site whose silence it would break.
    pub site: Option<SiteId>,
    /// How long its value stands for itself.
    pub stale_after: Duration,
    /// Source time of the newest sample that was evaluated before this engine was made, where known: what is older is
    /// not evaluated again after a restart.
    pub evaluated_until: Option<Timestamp>,
}

/// The alarm engine. Samples go in in received order; transitions come out in the order they are to be journalled.
///
/// What it did is in its transitions alone: [`Engine::apply`] on all of them gives the same states.
#[derive(Debug, Default)]
pub struct Engine {
    alarms: Vec<Alarm>,
    points: Vec<WatchedPoint>,
    sites: Vec<WatchedSite>,
    // Looked up by id, never iterated: what comes out follows the dense tables above.
    alarm_of: HashMap<RuleId, usize>,
    point_of: HashMap<PointId, usize>,
    site_of: HashMap<SiteId, usize>,
    /// Points with a delay that a tick can end.
    running: Vec<usize>,
    /// Alarms that were active when the engine was made, without a rule in force: the first tick clears them.
    orphans: Vec<usize>,
}

impl From<&Point> for PointFacts {
    fn from(point: &Point) -> Self {
        Self { id: point.id, site: point.site, stale_after: point.stale_after, evaluated_until: None }
    }
}

/// One rule with its state.
#[derive(Debug)]
struct Alarm {
    id: RuleId,
    /// Where its condition is looked at; none while it is disabled, removed or does not fit its subject.
    place: Option<Place>,
    condition: Option<Condition>,
    on_micros: i64,
    off_micros: i64,
    /// Own time still to run until the alarm changes, while its condition says that it should.
    left_micros: Option<i64>,
    /// Whether the newest sample said anything about the condition; a delay runs only then.
    known: bool,
    /// For silence: since when the site speaks again.
    resumed: Option<Timestamp>,
    state: Option<AlarmState>,
    /// The newest rule known under the id, also after its removal.
    rule: Option<AlarmRule>,
    version: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Point(usize),
    Site(usize),
}

#[derive(Debug)]
struct WatchedPoint {
    site: Option<(SiteId, usize)>,
    stale_micros: i64,
    alarms: Vec<usize>,
    newest: Option<Newest>,
    /// Own time up to which delays have run.
    own: Timestamp,
    reading: Reading,
    queued: bool,
}

/// Times of the newest evaluated sample.
#[derive(Debug, Clone, Copy)]
struct Newest {
    source: Timestamp,
    /// None for what is only known from before the engine was made: such a sample does not tick.
    received: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct WatchedSite {
    alarms: Vec<usize>,
    points: usize,
    /// When it last spoke, or since when it is listened to.
    heard: Option<Timestamp>,
}

const DEFAULT_STALE: Duration = Duration::from_secs(300);

impl Engine {
    /// An engine over these rules, with the states that a former one left. A state whose rule is gone or disabled is
    /// kept, and cleared by the first tick where it is active. Points that rules name and `points` does not are taken
    /// to have no site and to be stale after five minutes.
    pub fn new(rules: Vec<AlarmRule>, states: Vec<AlarmState>, points: impl IntoIterator<Item = PointFacts>) -> Self {
        let mut engine = Self::default();
        engine.set_points(points);
        for state in states {
            let index = engine.alarm_index(state.rule);
            if let Some(alarm) = engine.alarms.get_mut(index) {
                alarm.state = Some(state);
            }
        }
        for rule in rules {
            engine.put_rule(rule);
        }
        engine.orphans = (0..engine.alarms.len())
            .filter(|index| engine.alarms.get(*index).is_some_and(|alarm| alarm.is_active() && alarm.place.is_none()))
            .collect();
        engine
    }

    /// Evaluates a sample; transitions are appended to `out`.
    ///
    /// Samples come in received order. One that is older than the newest one evaluated of its point is not evaluated;
    /// it is a sign of life of its site all the same.
    pub fn sample(&mut self, evaluated: &Evaluated<'_>, out: &mut Vec<Transition>) {
        let point = self.point_of.get(&evaluated.point).copied();
        self.hear(evaluated, point, out);
        let Some(point) = point.and_then(|index| Some((index, self.points.get_mut(index)?))) else { return };
        let (index, point) = point;
        let sample = evaluated.sample;
        if point.newest.is_some_and(|newest| sample.source_time < newest.source) {
            return;
        }
        let reading = Reading::of(sample, evaluated.score);
        if matches!(sample.quality, Quality::Uncertain(Doubt::ClockAhead | Doubt::ClockBroken)) {
            // Its time is not to be believed: taking it for the newest would shut out the samples that follow.
            let own = point.own_at(sample.received_time).unwrap_or(point.own);
            point.advance(&mut self.alarms, own, true, out);
        } else {
            point.advance(&mut self.alarms, sample.source_time, false, out);
            point.newest = Some(Newest { source: sample.source_time, received: Some(sample.received_time) });
            point.own = sample.source_time;
        }
        point.reading = reading;
        let mut runs = false;
        for alarm in &point.alarms {
            if let Some(alarm) = self.alarms.get_mut(*alarm) {
                alarm.judge(reading, point.own, out);
                runs |= alarm.runs();
            }
        }
        if runs && !point.queued {
            point.queued = true;
            self.running.push(index);
        }
    }

    /// Lets delays run out and finds silence; transitions are appended to `out`, the earliest first. To be called often
    /// (every second or so); its result does not depend on how often, only how soon it is known.
    pub fn tick(&mut self, now: Timestamp, out: &mut Vec<Transition>) {
        let start = out.len();
        for index in std::mem::take(&mut self.orphans) {
            if let Some(alarm) = self.alarms.get_mut(index).filter(|alarm| alarm.place.is_none()) {
                alarm.clear(now, out);
            }
        }
        let Self { alarms, points, sites, running, .. } = self;
        running.retain(|index| {
            let Some(point) = points.get_mut(*index) else { return false };
            if let Some(own) = point.recent_own_at(now) {
                point.advance(alarms, own, true, out);
            }
            point.queued = point.alarms.iter().any(|alarm| alarms.get(*alarm).is_some_and(Alarm::runs));
            point.queued
        });
        for site in sites {
            if site.points > 0 || site.heard.is_some() {
                site.heard.get_or_insert(now);
                site.judge(alarms, now, out);
            }
        }
        if let Some(new) = out.get_mut(start..) {
            new.sort_by_key(|transition| (transition.at, transition.rule));
        }
    }

    /// The moment from which a tick would do something, where nothing else comes; none where there is nothing to wait
    /// for.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let delays = self.running.iter().filter_map(|index| self.points.get(*index)?.deadline(&self.alarms));
        let silence = self.sites.iter().filter_map(|site| site.deadline(&self.alarms));
        delays.chain(silence).min()
    }

    /// Takes new and changed rules. A rule that is disabled, or is now about something else, clears its alarm where it
    /// is active. Otherwise the alarm keeps its state; a running delay goes on where the condition is the same (cut to
    /// the new delay), and the newest value is judged anew at once where the condition changed and the value is recent.
    pub fn set_rules(
        &mut self,
        changed: impl IntoIterator<Item = AlarmRule>,
        now: Timestamp,
        out: &mut Vec<Transition>,
    ) {
        for rule in changed {
            let index = self.alarm_index(rule.id);
            let Some(alarm) = self.alarms.get_mut(index) else { continue };
            let (condition, place) = (alarm.condition, alarm.place);
            if alarm.rule.as_ref().is_some_and(|old| !still_applies(old, &rule)) {
                alarm.clear(now, out);
            }
            self.put_rule(rule);
            let Some(alarm) = self.alarms.get_mut(index) else { continue };
            if let Some(Place::Point(point)) = alarm.place
                && (alarm.condition != condition || alarm.place != place)
                && let Some(watched) = self.points.get_mut(point)
                && let Some(own) = watched.recent_own_at(now)
            {
                watched.advance(&mut self.alarms, own, true, out);
                if let Some(alarm) = self.alarms.get_mut(index) {
                    alarm.judge(watched.reading, watched.own, out);
                    if alarm.runs() && !watched.queued {
                        watched.queued = true;
                        self.running.push(point);
                    }
                }
            }
        }
    }

    /// Takes rules away. An active alarm is cleared; one that nobody acknowledged stays, to be acknowledged.
    pub fn remove(&mut self, rules: &[RuleId], now: Timestamp, out: &mut Vec<Transition>) {
        for rule in rules {
            let Some(index) = self.alarm_of.get(rule).copied() else { continue };
            if let Some(alarm) = self.alarms.get_mut(index) {
                alarm.clear(now, out);
            }
            self.unplace(index);
        }
    }

    /// Takes new and changed points.
    pub fn set_points(&mut self, changed: impl IntoIterator<Item = PointFacts>) {
        for facts in changed {
            let site = facts.site.map(|site| (site, self.site_index(site)));
            let index = self.point_index(facts.id);
            let Some(point) = self.points.get_mut(index) else { continue };
            let before = std::mem::replace(&mut point.site, site);
            point.stale_micros = micros(facts.stale_after);
            if let Some(until) = facts.evaluated_until
                && point.newest.is_none_or(|newest| newest.source < until)
            {
                point.newest = Some(Newest { source: until, received: None });
                point.own = point.own.max(until);
            }
            if let Some(left) = before.and_then(|(_, site)| self.sites.get_mut(site)) {
                left.points = left.points.saturating_sub(1);
            }
            if let Some(joined) = site.and_then(|(_, site)| self.sites.get_mut(site)) {
                joined.points += 1;
            }
        }
    }

    /// Says that the station itself heard nothing before `at`, for example because its machine slept or its broker
    /// was away: silence is counted from then.
    pub fn listen_from(&mut self, at: Timestamp) {
        for site in &mut self.sites {
            if let Some(heard) = &mut site.heard {
                *heard = at.max(*heard);
            }
        }
    }

    /// Acknowledges one occurrence of an alarm, active or returned.
    ///
    /// # Errors
    /// [`Error::NeverRaised`], [`Error::RaisedAgain`] where the occurrence is not the newest one any more,
    /// [`Error::NoSuchOccurrence`], [`Error::AlreadyAcknowledged`].
    pub fn acknowledge(
        &mut self,
        rule: RuleId,
        occurrence: u64,
        by: UserId,
        comment: Option<String>,
        at: Timestamp,
    ) -> Result<Transition, Error> {
        let alarm = self.raised(rule)?;
        let Some(state) = &alarm.state else { return Err(Error::NeverRaised(rule)) };
        let current = state.occurrence;
        if occurrence < current {
            return Err(Error::RaisedAgain { rule, given: occurrence, current });
        }
        if occurrence > current {
            return Err(Error::NoSuchOccurrence { rule, given: occurrence, current });
        }
        if state.acknowledged {
            return Err(Error::AlreadyAcknowledged { rule, by: state.acknowledged_by });
        }
        let comment = comment.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let entry = Transition {
            by: Some(by),
            comment,
            ..alarm.entry(TransitionKind::Acknowledged, occurrence, at, state.value)
        };
        alarm.take(&entry);
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
        let alarm = self.raised(rule)?;
        let Some(state) = &alarm.state else { return Err(Error::NeverRaised(rule)) };
        if occurrence == 0 || occurrence > state.occurrence {
            return Err(Error::NoSuchOccurrence { rule, given: occurrence, current: state.occurrence });
        }
        let text = comment.trim();
        if text.is_empty() {
            return Err(Error::EmptyComment);
        }
        let value = state.value.filter(|_| occurrence == state.occurrence);
        let entry = Transition {
            by: Some(by),
            comment: Some(text.to_owned()),
            ..alarm.entry(TransitionKind::Commented, occurrence, at, value)
        };
        alarm.take(&entry);
        Ok(entry)
    }

    /// Takes a journal entry that another engine, or this one before a restart, has written. Entries that are already
    /// in the state change nothing. Returns whether it belonged.
    pub fn apply(&mut self, entry: &Transition) -> bool {
        if entry.kind != TransitionKind::Raised && !self.alarm_of.contains_key(&entry.rule) {
            return false;
        }
        let index = self.alarm_index(entry.rule);
        self.alarms.get_mut(index).is_some_and(|alarm| {
            if alarm.rule.is_none() {
                alarm.version = entry.rule_version;
            }
            alarm.take(entry)
        })
    }

    /// Every alarm that was ever raised, in the order the engine came to know them.
    pub fn states(&self) -> impl Iterator<Item = &AlarmState> {
        self.alarms.iter().filter_map(|alarm| alarm.state.as_ref())
    }

    /// Where an alarm stands; none where it was never raised.
    pub fn state(&self, rule: RuleId) -> Option<&AlarmState> {
        self.alarms.get(*self.alarm_of.get(&rule)?)?.state.as_ref()
    }

    /// The newest rule known under an id, also after its removal.
    pub fn rule(&self, rule: RuleId) -> Option<&AlarmRule> {
        self.alarms.get(*self.alarm_of.get(&rule)?)?.rule.as_ref()
    }

    /// Counts of all alarms; one whose rule is not known counts as P4.
    pub fn counts(&self) -> Counts {
        list::counts(self.alarms.iter().filter_map(|alarm| {
            let priority = alarm.rule.as_ref().map_or(Priority::P4, |rule| rule.priority);
            Some((alarm.state.as_ref()?, priority))
        }))
    }

    /// Notes a site's sign of life.
    fn hear(&mut self, evaluated: &Evaluated<'_>, point: Option<usize>, out: &mut Vec<Transition>) {
        if evaluated.sample.quality == Quality::Bad(Fault::Disconnected) {
            return;
        }
        let Some(site) = evaluated.site else { return };
        let known = point.and_then(|index| self.points.get(index)?.site).filter(|(id, _)| *id == site);
        let Some(index) = known.map(|(_, index)| index).or_else(|| self.site_of.get(&site).copied()) else { return };
        if let Some(watched) = self.sites.get_mut(index) {
            watched.hear(&mut self.alarms, evaluated.sample.received_time, out);
        }
    }

    fn raised(&mut self, rule: RuleId) -> Result<&mut Alarm, Error> {
        let index = self.alarm_of.get(&rule).copied().ok_or(Error::NeverRaised(rule))?;
        self.alarms.get_mut(index).ok_or(Error::NeverRaised(rule))
    }

    /// Wires a rule to its point or site, without judging anything.
    fn put_rule(&mut self, rule: AlarmRule) {
        let index = self.alarm_index(rule.id);
        let place = match (rule.enabled, rule.subject, &rule.condition) {
            (true, Subject::Point(point), Condition::Limit { .. } | Condition::Anomaly { .. }) => {
                Some(Place::Point(self.point_index(point)))
            }
            (true, Subject::Site(site), Condition::Silence { .. }) => Some(Place::Site(self.site_index(site))),
            // Disabled, or a condition that its subject cannot have.
            _ => None,
        };
        if self.alarms.get(index).is_some_and(|alarm| alarm.place != place) {
            self.unplace(index);
        }
        let Some(alarm) = self.alarms.get_mut(index) else { return };
        alarm.on_micros = micros(rule.on_delay);
        alarm.off_micros = micros(rule.off_delay);
        if alarm.condition == Some(rule.condition) {
            let delay = if alarm.is_active() { alarm.off_micros } else { alarm.on_micros };
            alarm.left_micros = alarm.left_micros.map(|left| left.min(delay));
        } else {
            alarm.left_micros = None;
        }
        alarm.condition = Some(rule.condition);
        alarm.version = rule.version;
        alarm.rule = Some(rule);
        if alarm.place == place {
            return;
        }
        alarm.place = place;
        let alarms_there = match place {
            Some(Place::Point(point)) => self.points.get_mut(point).map(|point| &mut point.alarms),
            Some(Place::Site(site)) => self.sites.get_mut(site).map(|site| &mut site.alarms),
            None => None,
        };
        if let Some(alarms) = alarms_there {
            alarms.push(index);
        }
    }

    /// Takes an alarm out of evaluation.
    fn unplace(&mut self, index: usize) {
        let Some(alarm) = self.alarms.get_mut(index) else { return };
        alarm.left_micros = None;
        alarm.resumed = None;
        alarm.known = false;
        let alarms_there = match alarm.place.take() {
            Some(Place::Point(point)) => self.points.get_mut(point).map(|point| &mut point.alarms),
            Some(Place::Site(site)) => self.sites.get_mut(site).map(|site| &mut site.alarms),
            None => None,
        };
        if let Some(alarms) = alarms_there {
            alarms.retain(|other| *other != index);
        }
    }

    fn alarm_index(&mut self, id: RuleId) -> usize {
        *self.alarm_of.entry(id).or_insert_with(|| {
            self.alarms.push(Alarm::new(id));
            self.alarms.len() - 1
        })
    }

    fn point_index(&mut self, id: PointId) -> usize {
        *self.point_of.entry(id).or_insert_with(|| {
            self.points.push(WatchedPoint::default());
            self.points.len() - 1
        })
    }

    fn site_index(&mut self, id: SiteId) -> usize {
        *self.site_of.entry(id).or_insert_with(|| {
            self.sites.push(WatchedSite::default());
            self.sites.len() - 1
        })
    }
}

impl Alarm {
    fn new(id: RuleId) -> Self {
        Self {
            id,
            place: None,
            condition: None,
            on_micros: 0,
            off_micros: 0,
            left_micros: None,
            known: false,
            resumed: None,
            state: None,
            rule: None,
            version: 0,
        }
    }

    fn is_active(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.active)
    }

    /// Whether a delay is running.
    fn runs(&self) -> bool {
        self.known && self.left_micros.is_some()
    }

    /// Judges a reading at its own time: starts, drops or ends a delay.
    fn judge(&mut self, reading: Reading, at: Timestamp, out: &mut Vec<Transition>) {
        let Some(condition) = &self.condition else { return };
        let active = self.is_active();
        let Some(should_be_active) = holds(condition, active, reading) else {
            self.known = false;
            return;
        };
        self.known = true;
        if should_be_active == active {
            self.left_micros = None;
            return;
        }
        let delay = if active { self.off_micros } else { self.on_micros };
        if *self.left_micros.get_or_insert(delay) <= 0 {
            self.turn(at, reading.value, out);
        }
    }

    /// Lets a delay run for `micros` of own time from `from`; at the very end of it only where `including_end`.
    fn run(
        &mut self,
        from: Timestamp,
        micros: i64,
        including_end: bool,
        value: Option<f64>,
        out: &mut Vec<Transition>,
    ) {
        let Some(left) = self.left_micros.filter(|_| self.known) else { return };
        if left < micros || (including_end && left == micros) {
            self.turn(after(from, left), value, out);
        } else {
            self.left_micros = Some(left - micros);
        }
    }

    /// Raises or clears, whichever is next.
    fn turn(&mut self, at: Timestamp, value: Option<f64>, out: &mut Vec<Transition>) {
        let occurrence = self.state.as_ref().map_or(0, |state| state.occurrence);
        let entry = if self.is_active() {
            self.entry(TransitionKind::Cleared, occurrence, at, value)
        } else {
            self.entry(TransitionKind::Raised, occurrence + 1, at, value)
        };
        self.take(&entry);
        out.push(entry);
    }

    fn clear(&mut self, at: Timestamp, out: &mut Vec<Transition>) {
        if self.is_active() {
            self.turn(at, None, out);
        }
    }

    /// The one way its state changes, live as in replay.
    fn take(&mut self, entry: &Transition) -> bool {
        let active = self.is_active();
        let belonged = state::apply(&mut self.state, entry);
        if self.is_active() != active {
            self.left_micros = None;
            self.resumed = None;
        }
        belonged
    }

    fn entry(&self, kind: TransitionKind, occurrence: u64, at: Timestamp, value: Option<f64>) -> Transition {
        let rule_version = self.version;
        Transition { rule: self.id, occurrence, kind, at, value, by: None, comment: None, rule_version }
    }

    /// Judges the silence of a site that last spoke at `heard`.
    fn judge_silence(&mut self, heard: Timestamp, now: Timestamp, out: &mut Vec<Transition>) {
        let Some(Condition::Silence { after: limit }) = self.condition else { return };
        let silent_from = heard + limit;
        if !self.is_active() {
            let due = after(silent_from, self.on_micros);
            if now >= due {
                self.turn(due, None, out);
            }
        } else if now >= silent_from {
            self.resumed = None;
        } else if let Some(due) = self.resumed.map(|resumed| after(resumed, self.off_micros))
            && now >= due
        {
            self.turn(due, None, out);
        }
    }
}

impl Default for WatchedPoint {
    fn default() -> Self {
        Self {
            site: None,
            stale_micros: micros(DEFAULT_STALE),
            alarms: Vec::new(),
            newest: None,
            own: Timestamp::MIN,
            reading: Reading::default(),
            queued: false,
        }
    }
}

impl WatchedPoint {
    /// Lets delays run up to `to`, or to the end of the newest sample's validity where that comes first.
    fn advance(&mut self, alarms: &mut [Alarm], to: Timestamp, including_end: bool, out: &mut Vec<Transition>) {
        let Some(newest) = self.newest else { return };
        let valid_until = after(newest.source, self.stale_micros);
        let end = to.min(valid_until);
        let micros = end.micros_since(self.own);
        if micros <= 0 {
            return;
        }
        let start = out.len();
        for alarm in &self.alarms {
            if let Some(alarm) = alarms.get_mut(*alarm) {
                alarm.run(self.own, micros, including_end || end < to, self.reading.value, out);
            }
        }
        self.own = end;
        if let Some(new) = out.get_mut(start..).filter(|new| new.len() > 1) {
            new.sort_by_key(|transition| transition.at);
        }
    }

    /// The point's own time at `now`: that of its newest sample, and as much more as has passed since it came.
    fn own_at(&self, now: Timestamp) -> Option<Timestamp> {
        let newest = self.newest?;
        Some(after(newest.source, now.micros_since(newest.received?).max(0)))
    }

    /// The same where the newest sample is recent enough to stand for the present.
    fn recent_own_at(&self, now: Timestamp) -> Option<Timestamp> {
        let newest = self.newest?;
        if now.micros_since(newest.source) < self.stale_micros { self.own_at(now) } else { None }
    }

    /// When a tick would first end one of its delays.
    fn deadline(&self, alarms: &[Alarm]) -> Option<Timestamp> {
        let newest = self.newest?;
        let received = newest.received?;
        let running = self.alarms.iter().filter_map(|alarm| alarms.get(*alarm)).filter(|alarm| alarm.runs());
        let left = running.filter_map(|alarm| alarm.left_micros).min()?;
        let end = after(self.own, left);
        let now = after(received, end.micros_since(newest.source));
        let is_reached = end <= after(newest.source, self.stale_micros);
        (is_reached && now.micros_since(newest.source) < self.stale_micros).then_some(now)
    }
}

impl WatchedSite {
    /// Takes a sign of life.
    fn hear(&mut self, alarms: &mut [Alarm], at: Timestamp, out: &mut Vec<Transition>) {
        if self.heard.is_some_and(|heard| at <= heard) {
            return;
        }
        // What its silence up to now has raised comes before the return.
        self.judge(alarms, at, out);
        self.heard = Some(at);
        for alarm in &self.alarms {
            if let Some(alarm) = alarms.get_mut(*alarm)
                && alarm.is_active()
            {
                alarm.resumed.get_or_insert(at);
                alarm.judge_silence(at, at, out);
            }
        }
    }

    fn judge(&self, alarms: &mut [Alarm], now: Timestamp, out: &mut Vec<Transition>) {
        let Some(heard) = self.heard else { return };
        for alarm in &self.alarms {
            if let Some(alarm) = alarms.get_mut(*alarm) {
                alarm.judge_silence(heard, now, out);
            }
        }
    }

    /// When a tick would first raise or clear one of its alarms.
    fn deadline(&self, alarms: &[Alarm]) -> Option<Timestamp> {
        let heard = self.heard?;
        let alarms = self.alarms.iter().filter_map(|alarm| alarms.get(*alarm));
        let due = alarms.filter_map(|alarm| {
            let Some(Condition::Silence { after: limit }) = alarm.condition else { return None };
            let silent_from = heard + limit;
            if alarm.is_active() {
                let due = after(alarm.resumed?, alarm.off_micros);
                (due < silent_from).then_some(due)
            } else {
                Some(after(silent_from, alarm.on_micros))
            }
        });
        due.min()
    }
}

/// Whether an alarm raised under the old rule is one under the new rule too.
fn still_applies(old: &AlarmRule, new: &AlarmRule) -> bool {
    let same_kind = match (&old.condition, &new.condition) {
        (Condition::Limit { level: old, .. }, Condition::Limit { level: new, .. }) => old == new,
        (old, new) => std::mem::discriminant(old) == std::mem::discriminant(new),
    };
    new.enabled && old.subject == new.subject && same_kind
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn after(at: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(at.as_micros().saturating_add(micros))
}

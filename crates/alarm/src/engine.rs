//! Ties rules, points, sites and assets to the state machine: which conditions a sample or a tick concerns, how long they
//! have held, and the journal transitions that follow. Must not know the system clock, storage, or whom to tell.
//!
//! # Time
//! Delays run in the point's **own time**, the source times of its samples, so that history that is filled in days
//! later gives the same alarms with the same times as it would have given live. Between two samples the newer one is
//! taken to hold until the next, at most for the point's `stale_after`; a delay that runs out in between ends the
//! moment it runs out, and that moment is the transition's time. A sample at that very moment decides for itself.
//! The own time of an alarm that looks at several points is that of whichever of them is ahead, by a clock that is not
//! ahead of the station's.
//!
//! [`Engine::tick`] lets own time go on without samples: from the newest sample's source time by as much as has passed
//! since it was received, and only while the sample is recent (its source time less than `stale_after` ago). Transport
//! delay and a device clock that is off therefore do not shorten a delay, and history does not tick.
//!
//! What people and design do (acknowledging, shelves, calling again, suppression) goes by the engine's time: that of the
//! act, of the tick, or in which a sample was received.
//!
//! Where the station's clock is set, by a time server or by hand, [`Engine::clock_was_set`] moves along what that clock
//! had timed: a delay runs for as long as it would have, a shelf lasts for as long as somebody asked, and a point whose
//! samples have no time of their own is not shut out by one from before. The new end of a shelf is an entry of the
//! journal; when an alarm is to call again by the clock as it is now is in [`Engine::snapshot`].
//!
//! # Quality
//! A bad or uncertain sample neither raises nor clears, and **freezes** running delays: what has run counts, the time
//! until the next good sample counts neither way, and that sample then lets the delay go on or drops it. Time in which
//! the point was stale is treated alike, and so is a missing score for an anomaly rule. Of several points each counts
//! as unknown while its newest sample is bad, uncertain or stale.
//!
//! # Looking back
//! Rate, stuck and count look at good samples alone, and are judged when one comes: a count that runs out of its window
//! is noticed by the next sample. None of them says anything before it has looked back far enough.
//!
//! # Silence
//! Silence goes by received time and concerns whole sites and assets: any sample of any of their points is a sign of
//! life, also one too old to be evaluated, except `Fault::Disconnected`, which is what a broker says in a dead
//! device's stead; so are a last will and what a broker has kept ([`Engine::sample_by_broker`]). Silence is counted from
//! the first tick for what has points and has not spoken yet.
//!
//! The rule on an asset's silence that follows from the register ([`crate::device_silence_rule`]) counts only while its
//! site speaks: a site that is not heard at all is one alarm. One that a person made counts by itself.
//!
//! Where a site pauses for as long as its equipment may be silent, that was one lost connection or is how seldom the
//! rest of it speaks. A pause as long as the site may be silent was its own, however often it comes: its equipment then
//! has all of its time to come back. After a shorter one it has that once; what has not spoken when the site does so
//! again is silent by itself.

mod acts;
mod alarm;
mod joint;
mod life;
mod order;
mod point;
mod rules;
mod sampling;
mod snapshot;
mod suppression;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use penstock_model::{
    AlarmRule, AlarmState, AssetId, Point, PointId, Priority, RuleId, Sample, SiteId, Subject, Timestamp, Transition,
};

use self::alarm::Alarm;
use self::joint::Joint;
use self::life::Life;
use self::point::WatchedPoint;
pub use self::snapshot::Snapshot;
use crate::list::{self, Counts};

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
    /// The asset whose silence it would break.
    pub asset: Option<AssetId>,
    /// How long its value stands for itself.
    pub stale_after: Duration,
    /// Source time of the newest sample that was evaluated before this engine was made, where known: what is not newer
    /// is not evaluated again after a restart.
    pub evaluated_until: Option<Timestamp>,
}

/// The alarm engine. Samples go in in received order; transitions come out in the order they are to be journalled.
///
/// What it did is in its transitions alone: [`Engine::apply`] on all of them gives the same states. What it is about to
/// do (running delays, what conditions look back on) is in [`Engine::snapshot`].
#[derive(Debug, Default)]
pub struct Engine {
    alarms: Vec<Alarm>,
    points: Vec<WatchedPoint>,
    joints: Vec<Joint>,
    lives: Vec<Life>,
    // Looked up by id, never iterated: what comes out follows the dense tables above.
    alarm_of: HashMap<RuleId, usize>,
    point_of: HashMap<PointId, usize>,
    life_of: HashMap<Subject, usize>,
    /// The alarms that stand in each first-out group.
    groups: HashMap<String, BTreeSet<usize>>,
    /// Points with a delay that a tick can end.
    running: Vec<usize>,
    /// Alarms over several points with such a delay.
    running_joints: Vec<usize>,
    /// Alarms on a timed shelf, or that will call again.
    timed: Vec<usize>,
    /// Alarms that their design may suppress.
    suppressible: Vec<usize>,
    /// Alarms that were active when the engine was made, without a rule in force: the first tick clears them.
    orphans: Vec<usize>,
    utc_offset_secs: i32,
}

impl From<&Point> for PointFacts {
    fn from(point: &Point) -> Self {
        Self {
            id: point.id,
            site: point.site,
            asset: point.asset,
            stale_after: point.stale_after,
            evaluated_until: None,
        }
    }
}

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
        for index in 0..engine.alarms.len() {
            engine.watch_time(index);
            engine.watch_suppression(index);
        }
        engine.orphans = (0..engine.alarms.len())
            .filter(|index| engine.alarms.get(*index).is_some_and(|alarm| alarm.is_active() && alarm.place.is_none()))
            .collect();
        engine
    }

    /// Lets delays run out, shelves end and alarms call again, keeps schedules and finds silence; transitions are
    /// appended to `out`, the earliest first. To be called often (every second or so); its result does not depend on
    /// how often, only how soon it is known.
    pub fn tick(&mut self, now: Timestamp, out: &mut Vec<Transition>) {
        let start = out.len();
        for index in std::mem::take(&mut self.orphans) {
            if let Some(alarm) = self.alarms.get_mut(index).filter(|alarm| alarm.place.is_none()) {
                alarm.clear(now, out);
            }
        }
        let utc_offset_secs = self.utc_offset_secs;
        let Self { alarms, points, joints, lives, running, running_joints, timed, suppressible, .. } = self;
        running.retain(|index| {
            let Some(point) = points.get_mut(*index) else { return false };
            if let Some(own) = point.recent_own_at(now).filter(|_| point.runs(alarms)) {
                point.advance(alarms, own, true, out);
            }
            point.is_queued = point.runs(alarms);
            point.is_queued
        });
        running_joints.retain(|index| {
            let Some(joint) = joints.get_mut(*index) else { return false };
            // Own time that nothing waits for stands still: what a later sample says would otherwise seem younger.
            if let Some(own) = joint.recent_own_at(now).filter(|_| joint.runs(alarms)) {
                joint.advance(alarms, points, own, true, out);
            }
            joint.is_queued = joint.runs(alarms);
            joint.is_queued
        });
        for index in 0..lives.len() {
            let site = lives.get(index).and_then(|life| life.site_heard(lives.as_slice()));
            if let Some(life) = lives.get_mut(index) {
                life.listen(alarms, now, site, out);
            }
        }
        timed.retain(|index| {
            let Some(alarm) = alarms.get_mut(*index) else { return false };
            alarm.bring_back_seen(now);
            alarm.do_timed(now, out);
            alarm.is_timed = alarm.next_timed().is_some();
            alarm.is_timed
        });
        suppressible.retain(|index| {
            let Some(alarm) = alarms.get_mut(*index) else { return false };
            alarm.keep_schedule(now, utc_offset_secs, out);
            alarm.suppress_as_designed(now, out);
            alarm.is_suppressible = alarm.suppressor.is_some();
            alarm.is_suppressible
        });
        self.settle(start, out);
    }

    /// The moment from which a tick would do something, where nothing else comes; none where there is nothing to wait
    /// for.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let delays = self.running.iter().filter_map(|index| self.points.get(*index)?.deadline(&self.alarms));
        let joints = self
            .running_joints
            .iter()
            .filter_map(|index| self.joints.get(*index)?.deadline(&self.alarms, &self.points));
        let silence = self.lives.iter().filter_map(|life| life.deadline(&self.alarms, life.site_heard(&self.lives)));
        let timed = self.timed.iter().filter_map(|index| Some(self.alarms.get(*index)?.next_timed()?.0));
        let schedules = self.suppressible.iter().filter_map(|index| self.alarms.get(*index)?.schedule_deadline());
        delays.chain(joints).chain(silence).chain(timed).chain(schedules).min()
    }

    /// Says how far the plant's local time is ahead of UTC, in seconds, by which schedules go; 0 at first. To be said
    /// again when daylight saving begins or ends.
    pub fn set_utc_offset(&mut self, seconds: i32) {
        if seconds == self.utc_offset_secs {
            return;
        }
        self.utc_offset_secs = seconds;
        for suppressor in self.alarms.iter_mut().filter_map(|alarm| alarm.suppressor.as_mut()) {
            suppressor.changes_at = Timestamp::MIN;
        }
    }

    /// Says that what was heard before `at` tells nothing of silence, for example because the machine slept, its broker was
    /// away or its clock jumped, back too: silence is counted from then.
    pub fn listen_from(&mut self, at: Timestamp) {
        for life in self.lives.iter_mut().filter(|life| life.heard.is_some()) {
            (life.heard, life.was_let_off) = (Some(at), false);
        }
    }

    /// Says that the station's clock was set by so many microseconds, back where they are negative, and says `now`:
    /// what it said before it would have said that much later. Samples with a time of their own keep it, and so does
    /// what is in the journal; the new ends of shelves are appended to `out`.
    pub fn clock_was_set(&mut self, by_micros: i64, now: Timestamp, out: &mut Vec<Transition>) {
        let start = out.len();
        self.clock_had_been_set(by_micros);
        for alarm in &mut self.alarms {
            alarm.move_shelf(by_micros, now, out);
        }
        self.settle(start, out);
    }

    /// The same where the journal has the new ends of shelves already.
    pub fn clock_had_been_set(&mut self, by_micros: i64) {
        let Self { alarms, points, joints, lives, .. } = self;
        for point in points {
            point.clock_was_set(alarms, by_micros);
        }
        for joint in joints {
            joint.clock_was_set(alarms, by_micros);
        }
        for life in lives {
            life.clock_was_set(alarms, by_micros);
        }
        if by_micros < 0 {
            // What a schedule has gone through already comes again.
            for suppressor in alarms.iter_mut().filter_map(|alarm| alarm.suppressor.as_mut()) {
                suppressor.changes_at = Timestamp::MIN;
            }
        }
        for alarm in alarms {
            alarm.move_seen(by_micros);
        }
    }

    /// Every alarm that was ever raised, shelved, suppressed or taken out of service, in the order the engine came to
    /// know them.
    pub fn states(&self) -> impl Iterator<Item = &AlarmState> {
        self.alarms.iter().filter_map(|alarm| alarm.state.as_ref())
    }

    /// Where an alarm stands; none where nothing ever happened to it.
    pub fn state(&self, rule: RuleId) -> Option<&AlarmState> {
        self.alarms.get(*self.alarm_of.get(&rule)?)?.state.as_ref()
    }

    /// The newest rule known under an id, also after its removal.
    pub fn rule(&self, rule: RuleId) -> Option<&AlarmRule> {
        self.alarms.get(*self.alarm_of.get(&rule)?)?.rule.as_deref()
    }

    /// Counts of all alarms; one whose rule is not known counts as P4.
    pub fn counts(&self) -> Counts {
        list::counts(self.alarms.iter().filter_map(|alarm| {
            let priority = alarm.rule.as_ref().map_or(Priority::P4, |rule| rule.priority);
            Some((alarm.state.as_ref()?, priority))
        }))
    }

    /// Waits for what an alarm's own times ask for, where they do.
    fn watch_time(&mut self, index: usize) {
        let Some(alarm) = self.alarms.get_mut(index) else { return };
        if !alarm.is_timed && alarm.next_timed().is_some() {
            alarm.is_timed = true;
            self.timed.push(index);
        }
    }

    /// Looks after an alarm's suppression, where there is any.
    fn watch_suppression(&mut self, index: usize) {
        let Some(alarm) = self.alarms.get_mut(index) else { return };
        let is_suppressed = alarm.state.as_ref().is_some_and(|state| state.suppressed.is_some());
        if !alarm.is_suppressible && (alarm.suppressor.is_some() || is_suppressed) {
            alarm.is_suppressible = true;
            self.suppressible.push(index);
        }
    }
}

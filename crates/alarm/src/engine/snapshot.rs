//! What an engine is about to do, to keep and take up again: running delays, newest readings, what conditions look back
//! on. What it has done is in its journal. Must not know where a snapshot is stored.

use penstock_model::{AlarmRule, AlarmState, PointId, RuleId, Subject, Timestamp};
use serde::{Deserialize, Serialize};

use super::alarm::Alarm;
use super::joint::Joint;
use super::life::Life;
use super::point::{Newest, WatchedPoint};
use super::{Engine, PointFacts};
use crate::Reading;
use crate::window::Window;

/// The form of a snapshot; one of another form is not taken up.
const VERSION: u32 = 2;

/// What an engine is about to do. Says nothing of points that have not spoken and alarms with nothing under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    version: u32,
    utc_offset_secs: i32,
    points: Vec<PointMemory>,
    lives: Vec<LifeMemory>,
    alarms: Vec<AlarmMemory>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PointMemory {
    id: PointId,
    newest: Option<(Timestamp, Option<Timestamp>)>,
    received: Option<Timestamp>,
    own: Timestamp,
    value: Option<f64>,
    score: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct LifeMemory {
    of: Subject,
    heard: Timestamp,
    was_let_off: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct AlarmMemory {
    rule: RuleId,
    rule_version: u32,
    /// The occurrence that it is in, and whether that is active: a delay is of no use to any other.
    occurrence: u64,
    active: bool,
    left_micros: Option<i64>,
    known: bool,
    window: Option<Window>,
    resumed: Option<Timestamp>,
    ended: Option<Timestamp>,
    /// Of that acknowledgement by how much the clock was set since; of use to no other.
    seen_moved: Option<(Timestamp, i64)>,
    suppression: Option<SuppressionMemory>,
    joint: Option<JointMemory>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SuppressionMemory {
    by_expression: bool,
    off_schedule: bool,
    changes_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct JointMemory {
    newest: (Timestamp, Option<Timestamp>),
    stale_micros: i64,
    own: Timestamp,
}

impl Engine {
    /// What the engine is about to do. With the states of the same moment, [`Engine::restore`] makes an engine that goes
    /// on exactly as this one does.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            version: VERSION,
            utc_offset_secs: self.utc_offset_secs,
            points: self.points.iter().filter_map(PointMemory::of).collect(),
            lives: self.lives.iter().filter_map(LifeMemory::of).collect(),
            alarms: self.alarms.iter().filter_map(|alarm| AlarmMemory::of(alarm, &self.joints)).collect(),
        }
    }

    /// An engine that goes on where another one was: the rules in force, the states and the snapshot are of the same
    /// moment. Samples that were evaluated before it change nothing when they come again.
    ///
    /// Where a state is newer than the snapshot, what the snapshot says of delays is left out for that alarm; where more
    /// of a point was evaluated ([`PointFacts::evaluated_until`]), what it says of the point. A rule that has another
    /// version than in the snapshot starts over, and of a snapshot of another form nothing is taken: the engine is then
    /// as [`Engine::new`] makes it.
    pub fn restore(
        rules: Vec<AlarmRule>,
        states: Vec<AlarmState>,
        points: impl IntoIterator<Item = PointFacts>,
        snapshot: Snapshot,
    ) -> Self {
        let mut engine = Self::new(rules, states, points);
        if snapshot.version != VERSION {
            return engine;
        }
        engine.utc_offset_secs = snapshot.utc_offset_secs;
        for memory in snapshot.points {
            let index = engine.point_index(memory.id);
            if let Some(point) = engine.points.get_mut(index) {
                memory.give(point);
            }
        }
        for memory in snapshot.lives {
            let index = engine.life_index(memory.of);
            if let Some(life) = engine.lives.get_mut(index) {
                (life.heard, life.was_let_off) = (Some(memory.heard), memory.was_let_off);
            }
        }
        for memory in snapshot.alarms {
            let index = engine.alarm_index(memory.rule);
            if let Some(alarm) = engine.alarms.get_mut(index) {
                memory.give(alarm, &mut engine.joints);
            }
        }
        engine.queue_all();
        engine
    }

    /// Queues everything that a tick can end.
    fn queue_all(&mut self) {
        let Self { alarms, points, joints, running, running_joints, .. } = self;
        for (index, point) in points.iter_mut().enumerate() {
            point.is_queued = point.runs(alarms);
            if point.is_queued {
                running.push(index);
            }
        }
        for (index, joint) in joints.iter_mut().enumerate() {
            joint.is_queued = joint.runs(alarms);
            if joint.is_queued {
                running_joints.push(index);
            }
        }
    }
}

impl PointMemory {
    fn of(point: &WatchedPoint) -> Option<Self> {
        if point.newest.is_none() && point.received.is_none() {
            return None;
        }
        Some(Self {
            id: point.id,
            newest: point.newest.map(|newest| (newest.source, newest.received)),
            received: point.received,
            own: point.own,
            value: point.reading.value,
            score: point.reading.score,
        })
    }

    fn give(self, point: &mut WatchedPoint) {
        let known_until = point.newest.map(|newest| newest.source);
        if known_until > self.newest.map(|(source, _)| source) {
            // More was evaluated after the snapshot, by whoever says so: what came in between is not to come again.
            return;
        }
        point.newest = self.newest.map(|(source, received)| Newest { source, received });
        point.received = self.received;
        point.own = self.own;
        point.reading = Reading { value: self.value, score: self.score };
    }
}

impl LifeMemory {
    fn of(life: &Life) -> Option<Self> {
        Some(Self { of: life.of, heard: life.heard?, was_let_off: life.was_let_off })
    }
}

impl AlarmMemory {
    fn of(alarm: &Alarm, joints: &[Joint]) -> Option<Self> {
        let joint = alarm.joint.and_then(|joint| joints.get(joint)).filter(|_| alarm.place.is_some());
        let moved_micros = alarm.seen_moved_micros;
        let memory = Self {
            rule: alarm.id,
            rule_version: alarm.version,
            occurrence: occurrence_of(alarm),
            active: alarm.is_active(),
            left_micros: alarm.left_micros,
            known: alarm.runs(),
            window: alarm.window.as_deref().filter(|window| !window.is_empty()).cloned(),
            resumed: alarm.resumed,
            ended: alarm.ended.filter(|_| alarm.cool_micros > 0),
            seen_moved: alarm.acknowledged_at().filter(|_| moved_micros != 0).map(|seen| (seen, moved_micros)),
            suppression: alarm.suppressor.as_ref().map(|suppressor| SuppressionMemory {
                by_expression: suppressor.by_expression,
                off_schedule: suppressor.off_schedule,
                changes_at: suppressor.changes_at,
            }),
            joint: joint.and_then(JointMemory::of),
        };
        let has_course = memory.left_micros.is_some() || memory.window.is_some() || memory.joint.is_some();
        let has_times = memory.resumed.is_some() || memory.ended.is_some() || memory.suppression.is_some();
        // What was removed leaves its version behind with its state.
        let is_gone = alarm.is_removed && alarm.state.is_some();
        (has_course || has_times || is_gone || memory.seen_moved.is_some()).then_some(memory)
    }

    fn give(self, alarm: &mut Alarm, joints: &mut [Joint]) {
        if alarm.rule.is_none() {
            alarm.version = self.rule_version;
            alarm.is_removed = true;
        }
        if let Some((_, moved_micros)) = self.seen_moved.filter(|(seen, _)| alarm.acknowledged_at() == Some(*seen)) {
            alarm.seen_moved_micros = moved_micros;
        }
        if alarm.version != self.rule_version {
            return;
        }
        if (self.occurrence, self.active) == (occurrence_of(alarm), alarm.is_active()) {
            alarm.left_micros = self.left_micros;
            alarm.known = self.known;
            alarm.resumed = self.resumed;
        }
        if let Some(window) = self.window {
            alarm.window = Some(Box::new(window));
        }
        alarm.ended = self.ended;
        let is_suppressed = alarm.state.as_ref().is_some_and(|state| state.suppressed.is_some());
        let suppression = self.suppression.filter(|it| (it.by_expression || it.off_schedule) == is_suppressed);
        if let (Some(suppressor), Some(memory)) = (&mut alarm.suppressor, suppression) {
            suppressor.by_expression = memory.by_expression;
            suppressor.off_schedule = memory.off_schedule;
            suppressor.changes_at = memory.changes_at;
        }
        if let (Some(joint), Some(memory)) = (alarm.joint.and_then(|joint| joints.get_mut(joint)), self.joint) {
            memory.give(joint);
        }
    }
}

fn occurrence_of(alarm: &Alarm) -> u64 {
    alarm.state.as_ref().map_or(0, |state| state.occurrence)
}

impl JointMemory {
    fn of(joint: &Joint) -> Option<Self> {
        let newest = joint.newest?;
        Some(Self { newest: (newest.source, newest.received), stale_micros: joint.stale_micros, own: joint.own })
    }

    fn give(self, joint: &mut Joint) {
        let (source, received) = self.newest;
        joint.newest = Some(Newest { source, received });
        joint.stale_micros = self.stale_micros;
        joint.own = self.own;
    }
}

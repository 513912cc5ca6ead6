//! Rules and points as they come, change and go, and how they are wired to each other. Must not know who changed them.

use penstock_model::{
    AcknowledgementModel, AlarmRule, Condition, Expression, PointId, Raise, Reference, RuleId, Subject, Timestamp,
    Transition,
};

use super::alarm::{Alarm, Place};
use super::joint::Joint;
use super::life::Life;
use super::point::{Newest, WatchedPoint};
use super::suppression::Suppressor;
use super::{Engine, PointFacts};
use crate::window::Window;
use crate::{derived_id, micros};

impl Engine {
    /// Takes new and changed rules. A rule that is disabled, or is now about something else, clears its alarm where it
    /// is active. Otherwise the alarm keeps its state; a running delay goes on where the condition is the same (cut to
    /// the new delay), and the newest value is judged anew at once where the condition changed and the value is recent.
    /// What a condition looks back on is forgotten where the condition changed.
    pub fn set_rules(
        &mut self,
        changed: impl IntoIterator<Item = AlarmRule>,
        now: Timestamp,
        out: &mut Vec<Transition>,
    ) {
        let start = out.len();
        for rule in changed {
            let index = self.alarm_index(rule.id);
            let Some(alarm) = self.alarms.get_mut(index) else { continue };
            let (condition, place) = (alarm.condition.clone(), alarm.place);
            if alarm.rule.as_ref().is_some_and(|old| !still_applies(old, &rule)) {
                alarm.clear(now, out);
            }
            self.put_rule(rule);
            self.watch_time(index);
            self.watch_suppression(index);
            let Some(alarm) = self.alarms.get_mut(index) else { continue };
            let holds = alarm.suppressing_expression(&self.points, now);
            alarm.note_expression(holds);
            alarm.keep_schedule(now, self.utc_offset_secs, out);
            let is_to_be_judged = alarm.condition != condition || alarm.place != place;
            // A suppression begins before what it suppresses, and ends after what it has hidden is over.
            if holds == Some(true) {
                alarm.suppress_as_designed(now, out);
            }
            if is_to_be_judged {
                self.judge_anew(index, now, out);
            }
            if let Some(alarm) = self.alarms.get_mut(index) {
                alarm.suppress_as_designed(now, out);
            }
        }
        self.settle(start, out);
    }

    /// Takes rules away. An active alarm is cleared; one that nobody acknowledged stays, to be acknowledged.
    pub fn remove(&mut self, rules: &[RuleId], now: Timestamp, out: &mut Vec<Transition>) {
        let start = out.len();
        for rule in rules {
            let Some(index) = self.alarm_of.get(rule).copied() else { continue };
            if let Some(alarm) = self.alarms.get_mut(index) {
                alarm.clear(now, out);
                alarm.is_removed = true;
            }
            self.unplace(index);
            self.put_in_group(index, None);
            if let Some(alarm) = self.alarms.get_mut(index) {
                alarm.suppress_as_designed(now, out);
            }
        }
        self.settle(start, out);
    }

    /// Takes new and changed points.
    pub fn set_points(&mut self, changed: impl IntoIterator<Item = PointFacts>) {
        for facts in changed {
            let site = facts.site.map(|site| (site, self.life_index(Subject::Site(site))));
            let asset = facts.asset.map(|asset| self.life_index(Subject::Asset(asset)));
            let index = self.point_index(facts.id);
            let Some(point) = self.points.get_mut(index) else { continue };
            let left = [std::mem::replace(&mut point.site, site).map(|(_, site)| site), point.asset];
            point.asset = asset;
            point.stale_micros = micros(facts.stale_after);
            if let Some(until) = facts.evaluated_until
                && point.newest.is_none_or(|newest| newest.source < until)
            {
                point.newest = Some(Newest { source: until, received: None });
                point.own = point.own.max(until);
            }
            if let (Some((_, site)), Some(asset)) = (site, asset) {
                if let Some(life) = self.lives.get_mut(asset) {
                    life.site = Some(site);
                }
                if let Some(life) = self.lives.get_mut(site) {
                    life.assets.insert(asset);
                }
            }
            for life in left.into_iter().flatten() {
                if let Some(life) = self.lives.get_mut(life) {
                    life.points = life.points.saturating_sub(1);
                }
            }
            for life in [site.map(|(_, site)| site), asset].into_iter().flatten() {
                if let Some(life) = self.lives.get_mut(life) {
                    life.points += 1;
                }
            }
        }
    }

    /// Wires a rule to what it looks at, without judging anything.
    pub(super) fn put_rule(&mut self, rule: AlarmRule) {
        let index = self.alarm_index(rule.id);
        let place = self.place_of(index, &rule);
        let is_rewired = self.alarms.get(index).is_some_and(|alarm| {
            let is_joined_otherwise = matches!(place, Some(Place::Joint(_))) && is_changed(alarm, &rule);
            alarm.place != place || is_joined_otherwise
        });
        if is_rewired {
            self.unplace(index);
        }
        let Some(alarm) = self.alarms.get_mut(index) else { return };
        alarm.on_micros = micros(rule.on_delay);
        alarm.off_micros = micros(rule.off_delay);
        alarm.cool_micros = micros(rule.cool_down);
        alarm.raise = Raise {
            latches: rule.latches,
            needs_no_acknowledgement: rule.acknowledgement == AcknowledgementModel::NotRequired,
            first_out: false,
        };
        if alarm.condition.as_ref() == Some(&rule.condition) {
            let delay = if alarm.is_active() { alarm.off_micros } else { alarm.on_micros };
            alarm.left_micros = alarm.left_micros.map(|left| left.min(delay));
        } else {
            alarm.left_micros = None;
            alarm.window = None;
        }
        if alarm.window.is_none() {
            alarm.window = Window::of(&rule.condition).map(Box::new);
        }
        let is_of_asset = matches!((rule.subject, &rule.condition), (Subject::Asset(_), Condition::Silence { .. }));
        alarm.is_behind_site = is_of_asset && rule.id == derived_id(rule.subject, &rule.condition);
        alarm.condition = Some(rule.condition.clone());
        alarm.version = rule.version;
        alarm.is_removed = false;
        let group = rule.first_out.clone();
        let subject = rule.subject;
        alarm.rule = Some(Box::new(rule));
        self.put_in_group(index, group);
        if is_rewired {
            self.wire(index, place, subject);
        }
        self.wire_suppression(index);
    }

    /// Where a rule's condition is looked at; none where it is disabled, or its subject cannot have such a condition.
    fn place_of(&mut self, index: usize, rule: &AlarmRule) -> Option<Place> {
        if !rule.enabled {
            return None;
        }
        match (rule.subject, &rule.condition) {
            (_, Condition::Expression(_))
            | (Subject::Point(_), Condition::Deviation { from: Reference::Point(_), .. }) => {
                Some(Place::Joint(self.joint_index(index)))
            }
            (Subject::Site(_) | Subject::Asset(_), Condition::Silence { .. }) => {
                Some(Place::Life(self.life_index(rule.subject)))
            }
            (Subject::Point(_), Condition::Silence { .. }) | (Subject::Site(_) | Subject::Asset(_), _) => None,
            (Subject::Point(point), _) => Some(Place::Point(self.point_index(point))),
        }
    }

    fn wire(&mut self, index: usize, place: Option<Place>, subject: Subject) {
        let Some(alarm) = self.alarms.get_mut(index) else { return };
        alarm.place = place;
        match place {
            Some(Place::Point(point)) => {
                if let Some(point) = self.points.get_mut(point) {
                    point.alarms.push(index);
                }
            }
            Some(Place::Life(life)) => {
                if let Some(life) = self.lives.get_mut(life) {
                    life.alarms.push(index);
                }
            }
            Some(Place::Joint(joint)) => {
                let condition = alarm.condition.as_ref();
                let mut named = condition.map(Condition::other_points).unwrap_or_default();
                if let (Some(Condition::Deviation { .. }), Subject::Point(point)) = (condition, subject) {
                    named.push(point);
                }
                let named = self.indexed(named);
                for point in &named {
                    if let Some(point) = self.points.get_mut(point.1) {
                        point.joints.push(joint);
                    }
                }
                if let Some(joint) = self.joints.get_mut(joint) {
                    joint.join(named, &self.points);
                }
            }
            None => {}
        }
    }

    fn wire_suppression(&mut self, index: usize) {
        let Some(alarm) = self.alarms.get_mut(index) else { return };
        let before = alarm.suppressor.take();
        for (_, point) in before.iter().flat_map(|before| &before.points) {
            if let Some(point) = self.points.get_mut(*point) {
                point.suppresses.retain(|other| *other != index);
            }
        }
        let Some(rule) = alarm.rule.as_ref().filter(|_| alarm.place.is_some()) else { return };
        let (has_expression, has_schedule) = (rule.suppressed_while.is_some(), rule.schedule.is_some());
        if !has_expression && !has_schedule {
            return;
        }
        let named = rule.suppressed_while.as_ref().map(Expression::points).unwrap_or_default();
        let mut suppressor = Suppressor::new(alarm.state.as_ref(), has_expression, has_schedule);
        if let Some(before) = before {
            suppressor.by_expression = before.by_expression && has_expression;
            suppressor.off_schedule = before.off_schedule && has_schedule;
        }
        suppressor.points = self.indexed(named);
        for point in &suppressor.points {
            if let Some(point) = self.points.get_mut(point.1) {
                point.suppresses.push(index);
            }
        }
        if let Some(alarm) = self.alarms.get_mut(index) {
            alarm.suppressor = Some(Box::new(suppressor));
        }
    }

    /// Takes an alarm out of evaluation.
    fn unplace(&mut self, index: usize) {
        let Some(alarm) = self.alarms.get_mut(index) else { return };
        alarm.left_micros = None;
        alarm.resumed = None;
        alarm.known = false;
        alarm.window = None;
        match alarm.place.take() {
            Some(Place::Point(point)) => {
                if let Some(point) = self.points.get_mut(point) {
                    point.alarms.retain(|other| *other != index);
                }
            }
            Some(Place::Life(life)) => {
                if let Some(life) = self.lives.get_mut(life) {
                    life.alarms.retain(|other| *other != index);
                }
            }
            Some(Place::Joint(place)) => {
                let Some(joint) = self.joints.get_mut(place) else { return };
                for (_, point) in std::mem::take(&mut joint.points) {
                    if let Some(point) = self.points.get_mut(point) {
                        point.joints.retain(|other| *other != place);
                    }
                }
            }
            None => {}
        }
        self.wire_suppression(index);
    }

    /// Judges an alarm by the newest values, where they are recent.
    fn judge_anew(&mut self, index: usize, now: Timestamp, out: &mut Vec<Transition>) {
        let Self { alarms, points, joints, running, running_joints, .. } = self;
        match alarms.get(index).and_then(|alarm| alarm.place) {
            Some(Place::Point(place)) => {
                let Some(point) = points.get_mut(place) else { return };
                let Some(own) = point.recent_own_at(now) else { return };
                point.advance(alarms, own, true, out);
                let Some(alarm) = alarms.get_mut(index) else { return };
                let holds = alarm.holds(point.reading, point.own, point.stale_micros);
                alarm.judge(holds, point.own, point.reading.value, out);
                if alarm.runs() && !point.is_queued {
                    point.is_queued = true;
                    running.push(place);
                }
            }
            Some(Place::Joint(place)) => {
                let Some(joint) = joints.get_mut(place) else { return };
                let Some(own) = joint.recent_own_at(now) else { return };
                joint.advance(alarms, points, own, true, out);
                joint.judge(alarms, points, out);
                if !joint.is_queued && joint.runs(alarms) {
                    joint.is_queued = true;
                    running_joints.push(place);
                }
            }
            Some(Place::Life(_)) | None => {}
        }
    }

    /// Points by id, each once, with their places.
    fn indexed(&mut self, mut points: Vec<PointId>) -> Vec<(PointId, usize)> {
        points.sort_unstable();
        points.dedup();
        points.into_iter().map(|point| (point, self.point_index(point))).collect()
    }

    pub(super) fn alarm_index(&mut self, id: RuleId) -> usize {
        *self.alarm_of.entry(id).or_insert_with(|| {
            self.alarms.push(Alarm::new(id));
            self.alarms.len() - 1
        })
    }

    pub(super) fn point_index(&mut self, id: PointId) -> usize {
        *self.point_of.entry(id).or_insert_with(|| {
            self.points.push(WatchedPoint::new(id));
            self.points.len() - 1
        })
    }

    pub(super) fn life_index(&mut self, of: Subject) -> usize {
        *self.life_of.entry(of).or_insert_with(|| {
            self.lives.push(Life::new(of));
            self.lives.len() - 1
        })
    }

    fn joint_index(&mut self, alarm: usize) -> usize {
        if let Some(known) = self.alarms.get(alarm).and_then(|alarm| alarm.joint) {
            return known;
        }
        self.joints.push(Joint::new(alarm));
        let index = self.joints.len() - 1;
        if let Some(alarm) = self.alarms.get_mut(alarm) {
            alarm.joint = Some(index);
        }
        index
    }
}

/// Whether a rule looks at something else than the one that the alarm has.
fn is_changed(alarm: &Alarm, rule: &AlarmRule) -> bool {
    alarm.rule.as_ref().is_none_or(|old| old.condition != rule.condition || old.subject != rule.subject)
}

/// Whether an alarm raised under the old rule is one under the new rule too.
fn still_applies(old: &AlarmRule, new: &AlarmRule) -> bool {
    let same_kind = match (&old.condition, &new.condition) {
        (Condition::Limit { level: old, .. }, Condition::Limit { level: new, .. }) => old == new,
        (old, new) => std::mem::discriminant(old) == std::mem::discriminant(new),
    };
    new.enabled && old.subject == new.subject && same_kind
}

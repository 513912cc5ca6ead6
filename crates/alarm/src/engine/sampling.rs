//! A sample on its way: the signs of life it gives, the delays that run up to it, and the conditions that it decides.
//! Must not know rules beyond where they are looked at.

use std::time::Duration;

use penstock_model::{Fault, Quality, Subject, Timestamp, Transition};

use super::alarm::Alarm;
use super::joint::Joint;
use super::point::{WatchedPoint, has_doubtful_time};
use super::{Engine, Evaluated};
use crate::Reading;

/// Nothing is silent sooner: no point is stale before.
const LEAST_SILENCE: Duration = Duration::from_secs(1);

impl Engine {
    /// Evaluates a sample; transitions are appended to `out`, the earliest first.
    ///
    /// Samples come in received order. One that is not newer than the newest one evaluated of its point is not
    /// evaluated; it is a sign of life of its site and asset all the same.
    pub fn sample(&mut self, evaluated: &Evaluated<'_>, out: &mut Vec<Transition>) {
        let start = out.len();
        let point = self.point_of.get(&evaluated.point).copied();
        self.hear(evaluated, point, out);
        if let Some(index) = point {
            self.evaluate(index, evaluated, out);
        }
        self.settle(start, out);
    }

    /// Evaluates a sample that its device does not send now: its broker has kept it, or says it in a dead device's stead.
    /// It is no sign of life; everything else is as with [`Engine::sample`].
    pub fn sample_by_broker(&mut self, evaluated: &Evaluated<'_>, out: &mut Vec<Transition>) {
        let start = out.len();
        if let Some(index) = self.point_of.get(&evaluated.point).copied() {
            self.evaluate(index, evaluated, out);
        }
        self.settle(start, out);
    }

    fn evaluate(&mut self, index: usize, evaluated: &Evaluated<'_>, out: &mut Vec<Transition>) {
        let Self { alarms, points, joints, running, running_joints, .. } = self;
        let Some(point) = points.get_mut(index) else { return };
        let sample = evaluated.sample;
        if point.has_evaluated(sample) {
            return;
        }
        let is_doubtful = has_doubtful_time(sample);
        let to = if is_doubtful {
            point.newest.and_then(|newest| newest.own_at(sample.received_time)).unwrap_or(point.own)
        } else {
            sample.source_time
        };
        point.advance(alarms, to, is_doubtful, out);
        let named_by = std::mem::take(&mut point.joints);
        let suppresses = std::mem::take(&mut point.suppresses);
        // What the points said before counts up to this sample.
        for joint in &named_by {
            let Some(joint) = joints.get_mut(*joint) else { continue };
            let its_own = joint.newest.and_then(|newest| newest.own_at(sample.received_time));
            let to = if is_doubtful { its_own.unwrap_or(joint.own) } else { Joint::time_of(sample) };
            joint.advance(alarms, points, to, is_doubtful, out);
        }
        let reading = Reading::of(sample, evaluated.score);
        if let Some(point) = points.get_mut(index) {
            point.take(alarms, sample, reading);
        }
        // A suppression begins before what it suppresses, and ends after what it has hidden is over.
        suppress_where(alarms, points, &suppresses, sample.received_time, |holds| holds, out);
        if let Some(point) = points.get_mut(index) {
            let mut runs = false;
            for alarm in &point.alarms {
                let Some(alarm) = alarms.get_mut(*alarm) else { continue };
                alarm.feed(reading, point.own, point.stale_micros);
                let holds = alarm.holds(reading, point.own, point.stale_micros);
                alarm.judge(holds, point.own, reading.value, out);
                runs |= alarm.runs();
            }
            if runs && !point.is_queued {
                point.is_queued = true;
                running.push(index);
            }
        }
        let stale_micros = points.get(index).map_or(0, |point| point.stale_micros);
        for place in &named_by {
            let Some(joint) = joints.get_mut(*place) else { continue };
            if !is_doubtful {
                joint.take(sample, stale_micros);
            }
            joint.judge(alarms, points, out);
            if !joint.is_queued && joint.runs(alarms) {
                joint.is_queued = true;
                running_joints.push(*place);
            }
        }
        suppress_where(alarms, points, &suppresses, sample.received_time, |holds| !holds, out);
        if let Some(point) = points.get_mut(index) {
            (point.joints, point.suppresses) = (named_by, suppresses);
        }
    }

    /// Notes a site's and an asset's sign of life.
    fn hear(&mut self, evaluated: &Evaluated<'_>, point: Option<usize>, out: &mut Vec<Transition>) {
        if evaluated.sample.quality == Quality::Bad(Fault::Disconnected) {
            return;
        }
        let point = point.and_then(|index| self.points.get(index));
        let asset = point.and_then(|point| point.asset);
        let site = evaluated.site.and_then(|site| {
            let known = point.and_then(|point| point.site).filter(|(id, _)| *id == site);
            known.map(|(_, index)| index).or_else(|| self.life_of.get(&Subject::Site(site)).copied())
        });
        // By what its site had said before: the asset goes first.
        let at = evaluated.sample.received_time;
        for index in [asset, site].into_iter().flatten() {
            self.let_site_speak(index, at, out);
            let beside = self.lives.get(index).and_then(|life| life.site_heard(&self.lives));
            if let Some(life) = self.lives.get_mut(index) {
                life.hear(&mut self.alarms, at, beside, out);
            }
        }
    }

    /// Tells the assets of a site that it is about to speak at `at`, where it was silent for long enough to matter.
    fn let_site_speak(&mut self, site: usize, at: Timestamp, out: &mut Vec<Transition>) {
        let Some(life) = self.lives.get(site) else { return };
        let Some(heard) = life.heard.filter(|heard| at.since(*heard) >= LEAST_SILENCE) else { return };
        let was_its_silence = life.shortest_silence(&self.alarms).is_some_and(|limit| heard + limit <= at);
        let assets: Vec<usize> = life.assets.iter().copied().collect();
        for asset in assets {
            if let Some(asset) = self.lives.get_mut(asset).filter(|asset| asset.site == Some(site)) {
                asset.site_speaks_again(&mut self.alarms, (heard, at), was_its_silence, out);
            }
        }
    }
}

/// Looks at what a new sample may suppress, and begins or ends it where it says so.
fn suppress_where(
    alarms: &mut [Alarm],
    points: &[WatchedPoint],
    suppressed: &[usize],
    now: Timestamp,
    says: impl Fn(bool) -> bool,
    out: &mut Vec<Transition>,
) {
    for index in suppressed {
        let Some(alarm) = alarms.get_mut(*index) else { continue };
        if let Some(holds) = alarm.suppressing_expression(points, now).filter(|holds| says(*holds)) {
            alarm.note_expression(Some(holds));
            alarm.suppress_as_designed(now, out);
        }
    }
}

//! The signs of life of a site or an asset, and its silence. Goes by received time. Must not know points or values.

use penstock_model::{Condition, Subject, Timestamp, Transition};

use super::alarm::Alarm;
use crate::after;

/// A site or asset that is listened to.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) of: Subject,
    pub(super) alarms: Vec<usize>,
    /// How many points it has.
    pub(super) points: usize,
    /// When it last spoke, or since when it is listened to.
    pub(super) heard: Option<Timestamp>,
}

impl Life {
    pub(super) const fn new(of: Subject) -> Self {
        Self { of, alarms: Vec::new(), points: 0, heard: None }
    }

    /// Takes a sign of life.
    pub(super) fn hear(&mut self, alarms: &mut [Alarm], at: Timestamp, out: &mut Vec<Transition>) {
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
                judge(alarm, at, at, out);
            }
        }
    }

    /// Listens at `now`; from now on, where it has points and has not spoken yet.
    pub(super) fn listen(&mut self, alarms: &mut [Alarm], now: Timestamp, out: &mut Vec<Transition>) {
        if self.points > 0 || self.heard.is_some() {
            self.heard.get_or_insert(now);
            self.judge(alarms, now, out);
        }
    }

    fn judge(&self, alarms: &mut [Alarm], now: Timestamp, out: &mut Vec<Transition>) {
        let Some(heard) = self.heard else { return };
        for alarm in &self.alarms {
            if let Some(alarm) = alarms.get_mut(*alarm) {
                judge(alarm, heard, now, out);
            }
        }
    }

    /// When a tick would first raise or clear one of its alarms.
    pub(super) fn deadline(&self, alarms: &[Alarm]) -> Option<Timestamp> {
        let heard = self.heard?;
        let alarms = self.alarms.iter().filter_map(|alarm| alarms.get(*alarm));
        let due = alarms.filter_map(|alarm| {
            let Some(Condition::Silence { after: limit }) = alarm.condition else { return None };
            let silent_from = heard + limit;
            if alarm.is_active() {
                let due = after(alarm.resumed?, alarm.off_micros);
                (due < silent_from).then_some(due)
            } else {
                Some(raise_due(alarm, silent_from))
            }
        });
        due.min()
    }
}

/// Judges the silence of what last spoke at `heard`.
fn judge(alarm: &mut Alarm, heard: Timestamp, now: Timestamp, out: &mut Vec<Transition>) {
    let Some(Condition::Silence { after: limit }) = alarm.condition else { return };
    let silent_from = heard + limit;
    if !alarm.is_active() {
        let due = raise_due(alarm, silent_from);
        if now >= due {
            alarm.turn(due, None, out);
        }
    } else if now >= silent_from {
        alarm.resumed = None;
    } else if let Some(due) = alarm.resumed.map(|resumed| after(resumed, alarm.off_micros))
        && now >= due
    {
        alarm.turn(due, None, out);
    }
}

fn raise_due(alarm: &Alarm, silent_from: Timestamp) -> Timestamp {
    let due = after(silent_from, alarm.on_micros);
    alarm.cool_until().map_or(due, |until| until.max(due))
}

//! The signs of life of a site or an asset, and its silence. Goes by received time. Must not know points or values.

use std::collections::BTreeSet;
use std::time::Duration;

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
    /// Whether it was given its time anew when its site spoke again after a pause, and has not spoken since.
    pub(super) was_let_off: bool,
    /// Of an asset: its site.
    pub(super) site: Option<usize>,
    /// Of a site: the assets that have points on it, or had.
    pub(super) assets: BTreeSet<usize>,
}

impl Life {
    pub(super) const fn new(of: Subject) -> Self {
        Self { of, alarms: Vec::new(), points: 0, heard: None, was_let_off: false, site: None, assets: BTreeSet::new() }
    }

    /// When its site last spoke.
    pub(super) fn site_heard(&self, lives: &[Self]) -> Option<Timestamp> {
        lives.get(self.site?)?.heard
    }

    /// Takes a sign of life; `site` is when its site last spoke before it.
    pub(super) fn hear(
        &mut self,
        alarms: &mut [Alarm],
        at: Timestamp,
        site: Option<Timestamp>,
        out: &mut Vec<Transition>,
    ) {
        // What one message holds of several comes at one moment.
        self.was_let_off &= self.heard.is_some_and(|heard| at < heard);
        if self.heard.is_some_and(|heard| at <= heard) {
            return;
        }
        // What its silence up to now has raised comes before the return.
        self.judge(alarms, at, site, out);
        self.heard = Some(at);
        for alarm in &self.alarms {
            if let Some(alarm) = alarms.get_mut(*alarm)
                && alarm.is_active()
            {
                alarm.resumed.get_or_insert(at);
                judge(alarm, at, at, site, out);
            }
        }
    }

    /// Listens at `now`; from now on, where it has points and has not spoken yet.
    pub(super) fn listen(
        &mut self,
        alarms: &mut [Alarm],
        now: Timestamp,
        site: Option<Timestamp>,
        out: &mut Vec<Transition>,
    ) {
        if self.points > 0 || self.heard.is_some() {
            self.heard.get_or_insert(now);
            self.judge(alarms, now, site, out);
        }
    }

    /// For how long it may be silent by the strictest of its rules.
    pub(super) fn shortest_silence(&self, alarms: &[Alarm]) -> Option<Duration> {
        self.alarms.iter().filter_map(|alarm| silence_of(alarms.get(*alarm)?)).min()
    }

    /// Takes that its site speaks again at `at`, for the first time since `heard`. Where that was as long as it may be
    /// silent itself, it is listened to anew: each time where it was the site's own silence, else once until it speaks.
    pub(super) fn site_speaks_again(
        &mut self,
        alarms: &mut [Alarm],
        (heard, at): (Timestamp, Timestamp),
        was_silence_of_site: bool,
        out: &mut Vec<Transition>,
    ) {
        if self.heard.is_none_or(|own| own >= at) {
            return;
        }
        let mut was_as_long = false;
        for alarm in self.alarms.iter().filter_map(|alarm| alarms.get(*alarm)) {
            if !alarm.is_behind_site {
                return;
            }
            was_as_long |= silence_of(alarm).is_some_and(|limit| heard + limit <= at);
        }
        if was_as_long && (was_silence_of_site || !self.was_let_off) {
            self.judge(alarms, at, Some(heard), out);
            (self.heard, self.was_let_off) = (Some(at), true);
        }
    }

    fn judge(&self, alarms: &mut [Alarm], now: Timestamp, site: Option<Timestamp>, out: &mut Vec<Transition>) {
        let Some(heard) = self.heard else { return };
        for alarm in &self.alarms {
            if let Some(alarm) = alarms.get_mut(*alarm) {
                judge(alarm, heard, now, site, out);
            }
        }
    }

    /// Moves along what the station's clock has timed: here that is everything.
    pub(super) fn clock_was_set(&mut self, alarms: &mut [Alarm], by_micros: i64) {
        self.heard = self.heard.map(|heard| after(heard, by_micros));
        for alarm in &self.alarms {
            if let Some(alarm) = alarms.get_mut(*alarm) {
                alarm.clock_was_set(by_micros);
            }
        }
    }

    /// When a tick would first raise or clear one of its alarms.
    pub(super) fn deadline(&self, alarms: &[Alarm], site: Option<Timestamp>) -> Option<Timestamp> {
        let heard = self.heard?;
        let alarms = self.alarms.iter().filter_map(|alarm| alarms.get(*alarm));
        let due = alarms.filter_map(|alarm| {
            let silent_from = heard + silence_of(alarm)?;
            if alarm.is_active() {
                let due = after(alarm.resumed?, alarm.off_micros);
                (due < silent_from).then_some(due)
            } else {
                let due = raise_due(alarm, silent_from);
                (known_until(alarm, due, site) >= due).then_some(due)
            }
        });
        due.min()
    }
}

/// How long its subject may be silent.
const fn silence_of(alarm: &Alarm) -> Option<Duration> {
    match alarm.condition {
        Some(Condition::Silence { after }) => Some(after),
        _ => None,
    }
}

/// Until when silence is known to be its subject's own: that of a site is the site's alarm alone.
fn known_until(alarm: &Alarm, now: Timestamp, site: Option<Timestamp>) -> Timestamp {
    site.filter(|_| alarm.is_behind_site).map_or(now, |site| site.min(now))
}

/// Judges the silence of what last spoke at `heard`, and its site at `site`.
fn judge(alarm: &mut Alarm, heard: Timestamp, now: Timestamp, site: Option<Timestamp>, out: &mut Vec<Transition>) {
    let Some(limit) = silence_of(alarm) else { return };
    let silent_from = heard + limit;
    if !alarm.is_active() {
        let due = raise_due(alarm, silent_from);
        if known_until(alarm, now, site) >= due {
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

//! The order in which a round's entries are journalled, and the mark on the first of a first-out group, which follows
//! from it. Must not know why anything was raised.

use std::collections::HashMap;

use penstock_model::{Raise, RuleId, Timestamp, Transition, TransitionDetail, TransitionKind};

use super::Engine;
use crate::state::raise_of;

impl Engine {
    /// Brings the entries from `start` on into the journal's order, and marks those that are the first of their group.
    pub(super) fn settle(&mut self, start: usize, out: &mut Vec<Transition>) {
        put_in_order(start, out);
        if self.groups.is_empty() {
            return;
        }
        for entry in out.iter_mut().skip(start) {
            let Some(index) = self.alarm_of.get(&entry.rule).copied() else { continue };
            let Some(alarm) = self.alarms.get_mut(index) else { continue };
            let Some(standing) = alarm.group.as_ref().and_then(|group| self.groups.get_mut(group)) else { continue };
            match entry.kind {
                TransitionKind::Raised => {
                    let is_first = standing.iter().all(|other| *other == index);
                    standing.insert(index);
                    if is_first {
                        let raise = Raise { first_out: true, ..raise_of(entry.detail.as_ref()) };
                        entry.detail = Some(TransitionDetail::Raise(raise));
                        if let Some(state) = alarm.state.as_mut().filter(|state| state.occurrence == entry.occurrence) {
                            state.first_out = true;
                        }
                    }
                }
                TransitionKind::Cleared if alarm.state.as_ref().is_some_and(|state| !state.latched) => {
                    standing.remove(&index);
                }
                _ => {}
            }
        }
    }

    /// Notes whether an alarm stands in its first-out group.
    pub(super) fn regroup(&mut self, index: usize) {
        let Some(alarm) = self.alarms.get(index) else { return };
        let Some(standing) = alarm.group.as_ref().and_then(|group| self.groups.get_mut(group)) else { return };
        if alarm.stands() {
            standing.insert(index);
        } else {
            standing.remove(&index);
        }
    }

    /// Moves an alarm into another first-out group, or out of all.
    pub(super) fn put_in_group(&mut self, index: usize, group: Option<String>) {
        let Some(alarm) = self.alarms.get_mut(index) else { return };
        if alarm.group != group {
            if let Some(left) = alarm.group.as_ref().and_then(|group| self.groups.get_mut(group)) {
                left.remove(&index);
            }
            if let Some(group) = &group {
                self.groups.entry(group.clone()).or_default();
            }
            alarm.group = group;
        }
        self.regroup(index);
    }
}

/// The earliest first, then by id; entries of one alarm stay in the order in which they happened, also where the own
/// time of its samples is behind that of people.
fn put_in_order(start: usize, out: &mut Vec<Transition>) {
    if out.len().saturating_sub(start) < 2 {
        return;
    }
    let mut latest: HashMap<RuleId, Timestamp> = HashMap::new();
    let mut keyed: Vec<((Timestamp, RuleId), Transition)> = out
        .drain(start..)
        .map(|entry| {
            let at = latest.entry(entry.rule).or_insert(entry.at);
            *at = entry.at.max(*at);
            ((*at, entry.rule), entry)
        })
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    out.extend(keyed.into_iter().map(|(_, entry)| entry));
}

//! The order alarms are listed in, and counts of them. Must not know how they came about.

use std::cmp::Reverse;

use penstock_model::{AlarmState, Priority, RuleId, Timestamp};

/// A place in the list; the smallest comes first. The order is total: unacknowledged before acknowledged, then the
/// more urgent, then the newer, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank {
    acknowledged: bool,
    priority: Priority,
    newest: Reverse<Timestamp>,
    rule: RuleId,
}

/// How many alarms stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Active, acknowledged or not.
    pub active: usize,
    /// Not acknowledged, active or returned.
    pub unacknowledged: usize,
    /// On the list: active or not acknowledged.
    pub listed: usize,
    /// On the list, by priority P1 to P4.
    pub listed_by_priority: [usize; 4],
    /// Not acknowledged, by priority P1 to P4.
    pub unacknowledged_by_priority: [usize; 4],
}

/// Where an alarm of this priority belongs in the list.
pub const fn rank(state: &AlarmState, priority: Priority) -> Rank {
    Rank { acknowledged: state.acknowledged, priority, newest: Reverse(state.raised_at), rule: state.rule }
}

/// Counts alarms with their priorities.
pub fn counts<'a>(alarms: impl IntoIterator<Item = (&'a AlarmState, Priority)>) -> Counts {
    let mut counts = Counts::default();
    for (state, priority) in alarms {
        counts.active += usize::from(state.active);
        counts.unacknowledged += usize::from(!state.acknowledged);
        counts.listed += usize::from(state.is_listed());
        let column = usize::from(priority.digit() - 1);
        if let Some(count) = counts.listed_by_priority.get_mut(column) {
            *count += usize::from(state.is_listed());
        }
        if let Some(count) = counts.unacknowledged_by_priority.get_mut(column) {
            *count += usize::from(!state.acknowledged);
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_order() {
        let unseen_old_p3 = (state(1, true, false, 10), Priority::P3);
        let unseen_new_p3 = (state(2, false, false, 20), Priority::P3);
        let unseen_p1 = (state(3, true, false, 5), Priority::P1);
        let seen_p1 = (state(4, true, true, 30), Priority::P1);
        let seen_p1_twin = (state(5, true, true, 30), Priority::P1);
        let mut list = [&seen_p1_twin, &unseen_old_p3, &seen_p1, &unseen_new_p3, &unseen_p1];
        list.sort_by_key(|(state, priority)| rank(state, *priority));
        let order: Vec<u8> = list.iter().map(|(state, _)| state.rule.0.as_bytes()[15]).collect();
        assert_eq!(order, [3, 2, 1, 4, 5]);
    }

    #[test]
    fn counting() {
        let alarms = [
            (state(1, true, false, 0), Priority::P1),
            (state(2, true, true, 0), Priority::P1),
            (state(3, false, false, 0), Priority::P4),
            (state(4, false, true, 0), Priority::P4),
        ];
        let counts = counts(alarms.iter().map(|(state, priority)| (state, *priority)));
        assert_eq!((counts.active, counts.unacknowledged, counts.listed), (2, 2, 3));
        assert_eq!(counts.listed_by_priority, [2, 0, 0, 1]);
        assert_eq!(counts.unacknowledged_by_priority, [1, 0, 0, 1]);
    }

    fn state(id: u8, active: bool, acknowledged: bool, raised_secs: i64) -> AlarmState {
        let mut random = [0; 10];
        random[9] = id;
        AlarmState {
            rule: RuleId::made(Timestamp::from_secs(0), random),
            occurrence: 1,
            active,
            acknowledged,
            raised_at: Timestamp::from_secs(raised_secs),
            changed_at: Timestamp::from_secs(raised_secs),
            value: None,
            acknowledged_by: None,
        }
    }
}
